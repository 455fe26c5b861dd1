package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"
)

const demoLong = `Start a cluster of real server processes on this machine, and play with it.

At a terminal it is interactive: kill and restart servers, cut the network, write,
and watch who leads and why. The address of the same in a browser is on the screen;
--browser shows it there alone. Without a terminal, or with --script, it plays six
situations while a client writes all the time, reads everything back, and prints
what was expected and what was seen; it exits with 1 when they differ.`

func demoCommand() *cobra.Command {
	var opts clusterOptions
	var scripted, inBrowser bool
	var output string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Start a cluster on this machine and play with it",
		Long:  demoLong,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return usagef("-o is %q; it must be text or json", output)
			}
			if opts.Nodes < 1 || opts.Nodes > maxDemoNodes {
				return usagef("--nodes is %d; it must be from 1 to %d", opts.Nodes, maxDemoNodes)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, os.Interrupt, syscall.SIGHUP)
			defer stop()
			out := cmd.OutOrStdout()
			switch {
			case inBrowser && (scripted || output == "json"):
				return usagef("--browser is for people, and --script and -o json are not; leave one out")
			case inBrowser:
				return playInBrowser(ctx, opts, out)
			}
			if scripted || output == "json" || !isTerminal(out) || !isTerminal(os.Stdin) {
				if opts.Nodes < 5 || opts.Nodes%2 == 0 {
					return usagef("--nodes is %d; the script needs an odd number from 5 on, so that a leader can be cut off with a companion", opts.Nodes)
				}
				return playScript(ctx, opts, out, cmd.ErrOrStderr(), output == "json")
			}
			return playLive(ctx, opts, out)
		},
	}
	cmd.Flags().IntVar(&opts.Nodes, "nodes", 5, "how many servers")
	cmd.Flags().BoolVar(&scripted, "script", false, "play the six situations even at a terminal")
	cmd.Flags().BoolVar(&inBrowser, "browser", false, "show it in a browser alone, until Ctrl-C")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "of the script: text or json (one line a situation)")
	cmd.Flags().BoolVar(&opts.Keep, "keep", false, "leave the data directories and logs behind")
	cmd.Flags().BoolVar(&opts.NoFast, "no-fast-detection", false, "let followers wait for their timeout when the leader's process dies")
	return cmd
}

// onStage starts a cluster with a client that writes and a dashboard, and has them
// played with. Then all of it ends, and out is told what became of the writes.
func onStage(ctx context.Context, opts clusterOptions, out io.Writer, play func(*liveStage, *demoPage) error) error {
	c, err := newCluster(opts)
	if err != nil {
		return err
	}
	defer c.close()
	cl, err := dialClients(c.endpoints())
	if err != nil {
		return err
	}
	defer cl.close()
	if err := c.startAll(); err != nil {
		return err
	}
	l := &liveStage{ctx: ctx, cluster: c, clients: cl, referee: newReferee(c)}
	l.writer = newWriter(cl, "demo/", allOf(opts.Nodes))
	l.writer.every = liveWriteEvery
	l.writer.run()
	defer l.writer.stop()
	dashboard, err := servePage(c, l.harm)
	if err != nil {
		return err
	}
	defer dashboard.close()
	err = play(l, dashboard)
	if ctx.Err() != nil {
		err = nil // a signal is a way to quit
	}
	st := l.writer.stats()
	fmt.Fprintf(out, "%d writes were acknowledged, %d lost.\n", st.Acked, l.lostSoFar())
	if opts.Keep {
		fmt.Fprintf(out, "The data and the logs are in %s\n", c.dir)
	}
	return err
}

// playInBrowser runs the demo until a signal, for who plays with it in a browser.
func playInBrowser(ctx context.Context, opts clusterOptions, out io.Writer) error {
	return onStage(ctx, opts, out, func(l *liveStage, dashboard *demoPage) error {
		fmt.Fprintf(out, "%d servers run. Look at them, and harm them, in a browser; Ctrl-C ends them:\n%s\n", opts.Nodes, dashboard.url)
		l.keepVerifying(ctx)
		return nil
	})
}

// playLive runs the interactive demo until the person quits.
func playLive(ctx context.Context, opts clusterOptions, out io.Writer) error {
	return onStage(ctx, opts, out, func(l *liveStage, dashboard *demoPage) error { return l.onScreen(dashboard) })
}

// onScreen shows the stage at the terminal until the person quits.
func (l *liveStage) onScreen(dashboard *demoPage) error {
	ctx, c := l.ctx, l.cluster
	screen := newScreen(l, time.Now)
	screen.page = dashboard.url
	p := tea.NewProgram(screen, tea.WithContext(ctx), tea.WithoutSignalHandler())
	feedCtx, stopFeed := context.WithCancel(ctx)
	var feeds sync.WaitGroup
	for i := range c.nodes {
		feeds.Go(func() { followEvents(feedCtx, c, i, func(e eventMsg) { p.Send(e) }) })
	}
	feeds.Go(func() { l.keepVerifying(feedCtx) })
	_, err := p.Run()
	stopFeed()
	feeds.Wait()
	if err != nil && ctx.Err() == nil {
		return &exitError{exitFailed, fmt.Sprintf("the screen failed: %v", err)}
	}
	return nil
}

// liveStage is the real cluster under the screen or the page.
type liveStage struct {
	ctx     context.Context
	cluster *cluster
	clients *clients
	writer  *writer
	referee *referee

	mu     sync.Mutex // guards: all below
	lost   int
	manual uint64 // values written by hand
}

// sample looks at everything.
func (l *liveStage) sample() sampleMsg {
	views := l.cluster.views(l.ctx)
	pids := make([]int, len(views))
	for i := range pids {
		pids[i] = l.cluster.pid(i)
	}
	l.referee.judge(views)
	return sampleMsg{views: views, pids: pids, sides: l.cluster.sides(), writer: l.writer.stats(),
		lost: l.lostSoFar(), twice: l.referee.verdict()}
}

func (l *liveStage) lostSoFar() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// keepVerifying reads the writes back every few seconds.
func (l *liveStage) keepVerifying(ctx context.Context) {
	t := time.NewTicker(liveVerifyEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		l.verify(ctx)
	}
}

// verify reads the writes back once, from the first member that answers.
func (l *liveStage) verify(ctx context.Context) {
	for i := range l.cluster.nodes {
		if !l.cluster.up(i) {
			continue
		}
		once, cancel := context.WithTimeout(ctx, writeMax)
		_, lost, _, err := l.writer.verify(once, i, false)
		cancel()
		if err == nil {
			l.mu.Lock()
			l.lost = max(l.lost, lost) // what was missing once was lost, also if it came back
			l.mu.Unlock()
			return
		}
	}
}

// act carries out a key.
func (l *liveStage) act(a action, nodes []int) (string, error) {
	c := l.cluster
	switch a {
	case actKill:
		return l.kill(nodes[0])
	case actRestart:
		if err := c.start(nodes[0]); err != nil {
			return "", err
		}
		return fmt.Sprintf("You started %s: it reads its log, hears the leader and is sent what it missed.", c.nodes[nodes[0]].name), nil
	case actCut:
		return l.cut(nodes)
	case actHeal:
		c.heal()
		return "You healed the network: whoever led on the smaller side hears of the newer term and follows.", nil
	case actWrite:
		return l.write()
	case actStopAll:
		if err := c.stopAll(); err != nil {
			return "", err
		}
		return "You stopped the whole cluster with SIGTERM; what it acknowledged is on the disks.", nil
	case actStartAll:
		if err := c.startAll(); err != nil {
			return "", err
		}
		return "You started the whole cluster: all come up as followers, and the first to time out asks for votes.", nil
	case actHandOver:
		return l.handOver(nodes[0])
	}
	return "", fmt.Errorf("there is no action %d", a)
}

// newTerm waits for a write acknowledged in a term above term, and says how
// long after at that was.
func (l *liveStage) newTerm(at time.Time, term uint64) (string, bool) {
	ctx, cancel := context.WithTimeout(l.ctx, liveElectionMax)
	defer cancel()
	a, err := l.writer.firstAck(ctx, at, term)
	if err != nil {
		return "no write has been acknowledged since; is there a majority?", false
	}
	return fmt.Sprintf("a new leader acknowledged the first write in term %d after %s", a.term, msText(a.at.Sub(at))), true
}

func (l *liveStage) kill(i int) (string, error) {
	name := l.cluster.nodes[i].name
	views := l.cluster.views(l.ctx)
	v := views[i]
	at := l.cluster.kill(i)
	switch {
	case v.Role == roleLeader:
		text, ok := l.newTerm(at, v.Term)
		why := ""
		if ok {
			why = ": its sockets closed, so nobody had to wait for a timeout"
			if l.cluster.opts.NoFast {
				why = ": the others waited for their timeouts"
			}
		}
		return fmt.Sprintf("You killed the leader %s; %s%s.", name, text, why), nil
	case agreedLeader(views, l.cluster.majority()) >= 0:
		return fmt.Sprintf("You killed the follower %s; the leader still has a majority, so nothing changes.", name), nil
	}
	return fmt.Sprintf("You killed %s.", name), nil
}

func (l *liveStage) cut(nodes []int) (string, error) {
	if len(nodes) == 0 {
		return "", fmt.Errorf("a cluster of one server has no network to cut")
	}
	c := l.cluster
	views := c.views(l.ctx)
	leader := agreedLeader(views, c.majority())
	c.split(nodes)
	at := time.Now()
	var names []string
	holdsLeader := false
	for _, i := range nodes {
		names = append(names, c.nodes[i].name)
		holdsLeader = holdsLeader || i == leader
	}
	who := strings.Join(names, " and ")
	if !holdsLeader || leader < 0 {
		return fmt.Sprintf("You cut %s off: the leader keeps its majority; the small side would not win and does not raise its term.", who), nil
	}
	text, _ := l.newTerm(at, views[leader].Term)
	return fmt.Sprintf("You cut %s off: without a majority it can commit nothing and steps down; %s.", who, text), nil
}

func (l *liveStage) write() (string, error) {
	l.mu.Lock()
	l.manual++
	n := l.manual
	l.mu.Unlock()
	return l.putOne(n)
}

func (l *liveStage) handOver(i int) (string, error) {
	name := l.cluster.nodes[i].name
	v := fetchView(l.ctx, l.cluster.nodes[i].client)
	at := time.Now()
	if err := l.cluster.stop(i); err != nil {
		return "", err
	}
	text, _ := l.newTerm(at, v.Term)
	return fmt.Sprintf("You sent SIGTERM to %s: it told the best follower to stand at once, and left; %s.", name, text), nil
}
