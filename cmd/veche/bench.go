package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure how a cluster of real processes behaves",
	}
	cmd.AddCommand(benchFailoverCommand(), benchElectionCommand(), benchStableCommand(),
		benchSnapshotCommand(), benchSnapshotNodeCommand())
	return cmd
}

// failoverOptions say how veche bench failover kills.
type failoverOptions struct {
	clusterOptions
	kills int
	both  bool
	load  bool
	json  bool
}

func benchFailoverCommand() *cobra.Command {
	var o failoverOptions
	var output string
	cmd := &cobra.Command{
		Use:   "failover",
		Short: "Kill the leader again and again, and time the first write that the next one acknowledges",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case output != "text" && output != "json":
				return usagef("-o is %q; it must be text or json", output)
			case o.kills < 1 || o.kills > maxKills:
				return usagef("--kills is %d; it must be from 1 to %d", o.kills, maxKills)
			case o.Nodes < 3:
				return usagef("--nodes is %d; a cluster that survives the loss of its leader has at least 3", o.Nodes)
			}
			o.json = output == "json"
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, os.Interrupt)
			defer stop()
			return benchFailover(ctx, o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().IntVar(&o.kills, "kills", 20, "how often to kill the leader")
	cmd.Flags().IntVar(&o.Nodes, "nodes", 5, "how many servers")
	cmd.Flags().BoolVar(&o.NoFast, "no-fast-detection", false, "without fast detection")
	cmd.Flags().BoolVar(&o.both, "both", false, "with and without fast detection, side by side")
	cmd.Flags().BoolVar(&o.load, "load", false, "with a burner on every core")
	cmd.Flags().BoolVar(&o.Keep, "keep", false, "leave the data directories and logs behind")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json (one line a setting)")
	return cmd
}

// failovers are the times of one setting.
type failovers struct {
	Setting string    `json:"setting"`
	Kills   int       `json:"kills"`
	MinMs   float64   `json:"min_ms"`
	P50Ms   float64   `json:"median_ms"`
	P90Ms   float64   `json:"p90_ms"`
	MaxMs   float64   `json:"max_ms"`
	Acked   int       `json:"acked"`
	Lost    int       `json:"lost"`
	TimesMs []float64 `json:"times_ms"`
}

func benchFailover(ctx context.Context, o failoverOptions, out, progress io.Writer) error {
	settings := []bool{o.NoFast}
	if o.both {
		settings = []bool{false, true}
	}
	var all []failovers
	for _, noFast := range settings {
		one := o
		one.NoFast = noFast
		f, err := measureFailovers(ctx, one, progress)
		if err != nil {
			return &exitError{exitFailed, err.Error()}
		}
		all = append(all, f)
	}
	lost := 0
	for _, f := range all {
		lost += f.Lost
		if o.json {
			if err := json.NewEncoder(out).Encode(f); err != nil {
				return err
			}
		}
	}
	if !o.json {
		io.WriteString(out, failoverTable(all, wantsColour(out)))
	}
	if lost > 0 {
		return &exitError{exitFailed, fmt.Sprintf("%d acknowledged writes were lost", lost)}
	}
	return nil
}

func failoverTable(all []failovers, colour bool) string {
	t := table{header: []string{"SETTING", "KILLS", "MIN", "MEDIAN", "P90", "MAX", "ACKED", "LOST"}, colour: colour}
	for _, f := range all {
		row := []cell{{text: f.Setting}}
		for _, s := range []string{strconv.Itoa(f.Kills), leaderlessText(f.MinMs), leaderlessText(f.P50Ms),
			leaderlessText(f.P90Ms), leaderlessText(f.MaxMs), strconv.Itoa(f.Acked), strconv.Itoa(f.Lost)} {
			row = append(row, cell{text: s, right: true})
		}
		t.rows = append(t.rows, row)
	}
	return t.String()
}

func measureFailovers(ctx context.Context, o failoverOptions, progress io.Writer) (failovers, error) {
	f := failovers{Setting: "fast detection"}
	if o.NoFast {
		f.Setting = "timeouts only"
	}
	s, end, err := newBenchCluster(ctx, o.clusterOptions, o.load)
	if err != nil {
		return f, err
	}
	defer end()
	var times []time.Duration
	for i := range o.kills {
		d, err := s.oneFailover(ctx)
		if err != nil {
			return f, fmt.Errorf("kill %d: %w", i+1, err)
		}
		times = append(times, d)
		fmt.Fprintf(progress, "%s: kill %d of %d: %s\n", f.Setting, i+1, o.kills, msText(d))
	}
	check, cancel := context.WithTimeout(ctx, situationMax)
	defer cancel()
	acked, lost, what, err := s.verify(check)
	if err != nil {
		return f, err
	}
	if lost > 0 {
		fmt.Fprintf(progress, "LOST: %s\n", what)
	}
	f.summarize(times)
	f.Acked, f.Lost = acked, lost
	return f, nil
}

// newBenchCluster starts a cluster with a writer and waits until all follow.
func newBenchCluster(ctx context.Context, opts clusterOptions, load bool) (s *script, end func(), err error) {
	c, err := newCluster(opts)
	if err != nil {
		return nil, nil, err
	}
	cl, err := dialClients(c.endpoints())
	if err != nil {
		c.close()
		return nil, nil, err
	}
	s = &script{cluster: c, clients: cl, referee: newReferee(c), log: io.Discard}
	s.writer = newWriter(cl, "bench/", allOf(opts.Nodes))
	end = func() {
		s.writer.stop()
		cl.close()
		c.close()
	}
	s.writer.run()
	if load {
		for range runtime.NumCPU() {
			if err := c.startBurner(burnMax); err != nil {
				end()
				return nil, nil, err
			}
		}
	}
	if err := c.startAll(); err != nil {
		end()
		return nil, nil, err
	}
	first, cancel := context.WithTimeout(ctx, situationMax)
	defer cancel()
	if _, _, err := s.awaitAll(first, "all servers follow one leader"); err != nil {
		end()
		return nil, nil, err
	}
	return s, end, nil
}

// oneFailover kills the leader, waits for the first write that the next one
// acknowledges, and brings the dead one back.
func (s *script) oneFailover(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, situationMax)
	defer cancel()
	leader, before, err := s.cluster.awaitLeader(ctx)
	if err != nil {
		return 0, err
	}
	at := s.cluster.kill(leader)
	a, err := s.writer.firstAck(ctx, at, before.Term)
	if err != nil {
		return 0, err
	}
	if err := s.cluster.start(leader); err != nil {
		return 0, err
	}
	if _, _, err := s.awaitAll(ctx, s.name(leader)+" is back and has caught up"); err != nil {
		return 0, err
	}
	s.let(ctx, restBetween)
	return a.at.Sub(at), nil
}

func (f *failovers) summarize(times []time.Duration) {
	f.Kills = len(times)
	for _, d := range times {
		f.TimesMs = append(f.TimesMs, float64(d.Microseconds())/1000)
	}
	sorted := slices.Sorted(slices.Values(f.TimesMs))
	f.MinMs, f.MaxMs = sorted[0], sorted[len(sorted)-1]
	f.P50Ms, f.P90Ms = quantile(sorted, 50), quantile(sorted, 90)
}

// quantile gives the smallest of sorted that at least percent of them do not
// exceed.
func quantile(sorted []float64, percent int) float64 {
	rank := (len(sorted)*percent + 99) / 100
	return sorted[max(1, rank)-1]
}

// startBurner keeps one core busy, for d at most.
func (c *cluster) startBurner(d time.Duration) error {
	cmd := exec.Command(c.opts.Program, "burn", "--for", d.String())
	cmd.SysProcAttr = childAttributes()
	s := spawn{cmd, make(chan error, 1)}
	select {
	case c.spawns <- s:
	case <-c.ended:
		return fmt.Errorf("start a burner: the cluster has ended")
	}
	if err := <-s.reply; err != nil {
		return fmt.Errorf("start a burner: %w", err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	c.mu.Lock()
	c.burners = append(c.burners, p)
	c.mu.Unlock()
	return nil
}

// stability is what veche bench stable saw.
type stability struct {
	Minutes   float64 `json:"minutes"`
	Busy      bool    `json:"busy"`
	Leader    string  `json:"leader"`
	Term      uint64  `json:"term"`
	Changes   int     `json:"changes"`   // of leader or term
	Elections uint64  `json:"elections"` // started by anyone, also such as nobody granted
	Samples   int     `json:"samples"`
	Acked     int     `json:"acked"`
	Failed    uint64  `json:"failed"`
	LongestMs float64 `json:"longest_pause_ms"` // between two acknowledgements
	Lost      int     `json:"lost"`
	// StallMs is the longest time that this program itself, which only sleeps
	// and looks, was kept from running: what the machine did to everybody.
	StallMs float64 `json:"longest_stall_ms"`
}

func benchStableCommand() *cobra.Command {
	var opts clusterOptions
	var minutes float64
	var busy bool
	var output string
	cmd := &cobra.Command{
		Use:   "stable",
		Short: "Leave a cluster alone, and count changes of leader that nothing called for",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case output != "text" && output != "json":
				return usagef("-o is %q; it must be text or json", output)
			case minutes <= 0 || minutes > burnMax.Minutes()-1:
				return usagef("--minutes is %v; it must be above 0 and below %v", minutes, burnMax.Minutes()-1)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, os.Interrupt)
			defer stop()
			r, err := measureStability(ctx, opts, minutes, busy, cmd.ErrOrStderr())
			if err != nil {
				return &exitError{exitFailed, err.Error()}
			}
			if err := r.write(cmd.OutOrStdout(), output == "json"); err != nil {
				return err
			}
			if r.Changes > 0 || r.Lost > 0 {
				return &exitError{code: exitFailed}
			}
			return nil
		},
	}
	cmd.Flags().Float64Var(&minutes, "minutes", 10, "how long")
	cmd.Flags().IntVar(&opts.Nodes, "nodes", 5, "how many servers")
	cmd.Flags().BoolVar(&busy, "busy", false, "with a burner on every core")
	cmd.Flags().BoolVar(&opts.NoFast, "no-fast-detection", false, "without fast detection")
	cmd.Flags().BoolVar(&opts.Keep, "keep", false, "leave the data directories and logs behind")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func measureStability(ctx context.Context, opts clusterOptions, minutes float64, busy bool, progress io.Writer) (stability, error) {
	r := stability{Minutes: minutes, Busy: busy}
	s, end, err := newBenchCluster(ctx, opts, busy)
	if err != nil {
		return r, err
	}
	defer end()
	began := time.Now()
	until := began.Add(time.Duration(minutes * float64(time.Minute)))
	first := s.cluster.views(ctx)
	s.referee.look(ctx) // the leader that we found is no change
	_, known := s.referee.seen()
	s.referee.run(stableSampleEvery)
	defer s.referee.stop()
	watch, unwatch := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer unwatch()
	for i := range s.cluster.nodes {
		watching.Go(func() {
			followEvents(watch, s.cluster, i, func(e eventMsg) {
				if e.at.After(began) && electionEvents[e.kind] {
					fmt.Fprintf(progress, "%s %s\n", e.at.Format("15:04:05.000"), e.text)
				}
			})
		})
	}
	var stall stallMeter
	watching.Go(func() { stall.run(watch, progress) })
	for ctx.Err() == nil && time.Now().Before(until) {
		s.let(ctx, min(stableProgressEvery, time.Until(until)))
		_, changes := s.referee.seen()
		st := s.writer.stats()
		fmt.Fprintf(progress, "%4.0f s: %d changes of leader, %d writes acknowledged, %d failed\n",
			time.Since(began).Seconds(), changes-known, st.Acked, st.Failed)
	}
	if ctx.Err() != nil {
		return r, fmt.Errorf("interrupted after %v", time.Since(began).Round(time.Second))
	}
	last := s.cluster.views(ctx)
	for i := range last {
		r.Elections += last[i].Elections - min(last[i].Elections, first[i].Elections)
	}
	if i := agreedLeader(last, s.cluster.majority()); i >= 0 {
		r.Leader, r.Term = last[i].Name, last[i].Term
	}
	r.LongestMs = float64(s.writer.longestGap(began, time.Now()).Microseconds()) / 1000
	r.Failed = s.writer.stats().Failed
	r.StallMs = float64(stall.longest().Microseconds()) / 1000
	samples, changes := s.referee.seen()
	r.Samples, r.Changes = samples, changes-known
	check, cancel := context.WithTimeout(ctx, situationMax)
	defer cancel()
	acked, lost, what, err := s.verify(check)
	if err == nil && lost > 0 {
		err = fmt.Errorf("%d acknowledged writes were lost, first %s", lost, what)
	}
	if foul := s.referee.verdict(); err == nil && foul != "" {
		err = fmt.Errorf("broken: %s", foul)
	}
	r.Acked, r.Lost = acked, lost
	return r, err
}

func (r stability) write(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	_, err := fmt.Fprintf(w, "%g minutes, busy machine: %v\n%d changes of leader, %d elections started, %s leads in term %d\n"+
		"%d writes acknowledged, %d refused, %d lost, longest pause %s\n"+
		"the machine kept this program itself from running for up to %s\n",
		r.Minutes, r.Busy, r.Changes, r.Elections, r.Leader, r.Term, r.Acked, r.Failed, r.Lost, leaderlessText(r.LongestMs), leaderlessText(r.StallMs))
	return err
}

// electionEvents are those that explain a change of leader.
var electionEvents = map[string]bool{
	"became_pre_candidate": true, "became_candidate": true, "became_leader": true, "leader_gone": true,
	"transfer_started": true, "peer_lost": true, "fault": true,
}

// stallMeter measures how late a sleeper wakes.
type stallMeter struct{ worst atomic.Int64 }

// run sleeps and looks until ctx ends, and reports what could cost an election.
func (m *stallMeter) run(ctx context.Context, progress io.Writer) {
	t := time.NewTimer(stallEvery)
	defer t.Stop()
	for {
		due := time.Now().Add(stallEvery)
		t.Reset(stallEvery)
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		if late := int64(time.Since(due)); late > m.worst.Load() {
			m.worst.Store(late)
		}
		if late := time.Since(due); late > stallShown {
			fmt.Fprintf(progress, "%s the machine kept this program itself from running for %s\n", time.Now().Format("15:04:05.000"), msText(late))
		}
	}
}

func (m *stallMeter) longest() time.Duration { return time.Duration(m.worst.Load()) }
