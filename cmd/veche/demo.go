package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
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

// act carries out a key of the terminal.
func (l *liveStage) act(a action, nodes []int) (string, error) {
	said, err := l.do(a, nodes)
	return said.text, err
}

// do carries out what was asked for, and says what came of it.
func (l *liveStage) do(a action, nodes []int) (saying, error) {
	c := l.cluster
	switch a {
	case actKill:
		return l.kill(nodes[0]), nil
	case actRestart:
		if c.up(nodes[0]) {
			return saying{}, refuse("restart.runs", map[string]any{"name": c.nodes[nodes[0]].name})
		}
		if err := c.start(nodes[0]); err != nil {
			return saying{}, err
		}
		return say("restart", map[string]any{"name": c.nodes[nodes[0]].name}), nil
	case actCut:
		return l.cut(nodes)
	case actHeal:
		c.heal()
		return say("heal", nil), nil
	case actWrite:
		return l.write()
	case actStopAll:
		if err := c.stopAll(); err != nil {
			return saying{}, err
		}
		return saying{text: "You stopped the whole cluster with SIGTERM; what it acknowledged is on the disks."}, nil
	case actStartAll:
		if err := c.startAll(); err != nil {
			return saying{}, err
		}
		return saying{text: "You started the whole cluster: all come up as followers, and the first to time out asks for votes."}, nil
	case actHandOver:
		return l.handOver(nodes[0])
	}
	return saying{}, fmt.Errorf("there is no action %d", a)
}

// newTerm waits for a write acknowledged in a term above term, and says in which
// and how long after at that was; false: none came in time.
func (l *liveStage) newTerm(at time.Time, term uint64) (map[string]any, bool) {
	ctx, cancel := context.WithTimeout(l.ctx, liveElectionMax)
	defer cancel()
	a, err := l.writer.firstAck(ctx, at, term)
	if err != nil {
		return map[string]any{}, false
	}
	return map[string]any{"term": a.term, "took": tookMS(a.at.Sub(at))}, true
}

func (l *liveStage) kill(i int) saying {
	name := l.cluster.nodes[i].name
	views := l.cluster.views(l.ctx)
	v := views[i]
	at := l.cluster.kill(i)
	switch {
	case v.Role == roleLeader:
		with, ok := l.newTerm(at, v.Term)
		with["name"] = name
		switch {
		case !ok:
			return say("kill.leader.none", with)
		case l.cluster.opts.NoFast:
			return say("kill.leader.slow", with)
		}
		return say("kill.leader", with)
	case agreedLeader(views, l.cluster.majority()) >= 0:
		return say("kill.follower", map[string]any{"name": name})
	}
	return say("kill.other", map[string]any{"name": name})
}

func (l *liveStage) cut(nodes []int) (saying, error) {
	if len(nodes) == 0 {
		return saying{}, fmt.Errorf("a cluster of one server has no network to cut")
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
	if !holdsLeader || leader < 0 {
		return say("cut.follower", map[string]any{"names": names}), nil
	}
	with, ok := l.newTerm(at, views[leader].Term)
	with["names"] = names
	if !ok {
		return say("cut.leader.none", with), nil
	}
	return say("cut.leader", with), nil
}

func (l *liveStage) write() (saying, error) {
	l.mu.Lock()
	l.manual++
	n := l.manual
	l.mu.Unlock()
	return l.putOne(n)
}

func (l *liveStage) handOver(i int) (saying, error) {
	name := l.cluster.nodes[i].name
	v := fetchView(l.ctx, l.cluster.nodes[i].client)
	at := time.Now()
	if err := l.cluster.stop(i); err != nil {
		return saying{}, err
	}
	then := "no write has been acknowledged since; is there a majority?"
	if with, ok := l.newTerm(at, v.Term); ok {
		then = fmt.Sprintf("a new leader acknowledged the first write in term %s after %s ms.", word(with["term"]), word(with["took"]))
	}
	return saying{text: fmt.Sprintf("You sent SIGTERM to %s: it told the best follower to stand at once, and left; %s", name, then)}, nil
}
