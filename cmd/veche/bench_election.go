package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

const electionLong = `Kill the leader of real processes again and again, and measure each time without a
leader: from just before kill -9 until another server tells that it leads. The
moment of the crash is drawn from one interval of heartbeats, which is half of
the smallest election timeout, as in the Raft paper's Figure 16. Without --fast
the others notice by their timeouts alone, as in the paper.`

// electionOptions say how veche bench election kills.
type electionOptions struct {
	clusterOptions
	crashes int
	ranges  []timeRange
	json    bool
}

func benchElectionCommand() *cobra.Command {
	var o electionOptions
	var ranges string
	var fast bool
	cmd := &cobra.Command{
		Use:   "election",
		Short: "Kill the leader again and again, and show the distribution of the time without one",
		Long:  electionLong,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.crashes < 1 || o.crashes > maxKills:
				return usagef("--crashes is %d; it must be from 1 to %d", o.crashes, maxKills)
			case o.Nodes < 3:
				return usagef("--nodes is %d; a cluster that survives the loss of its leader has at least 3", o.Nodes)
			}
			for part := range strings.SplitSeq(ranges, ",") {
				var r timeRange
				if err := r.Set(part); err != nil {
					return usagef("--timeout %q: %v", part, err)
				}
				if r.Min/2 < minHeartbeat {
					return usagef("--timeout %q: half of it is the heartbeat, which must be at least %v", part, minHeartbeat)
				}
				o.ranges = append(o.ranges, r)
			}
			o.NoFast = !fast
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, os.Interrupt)
			defer stop()
			return benchElection(ctx, o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().IntVar(&o.crashes, "crashes", 100, "how often to kill the leader, for each range")
	cmd.Flags().StringVar(&ranges, "timeout", "150-300ms", "ranges of the election timeout, with commas between")
	cmd.Flags().BoolVar(&fast, "fast", false, "with fast detection")
	cmd.Flags().IntVar(&o.Nodes, "nodes", 5, "how many servers")
	cmd.Flags().BoolVar(&o.Keep, "keep", false, "leave the data directories and logs behind")
	cmd.Flags().BoolVar(&o.json, "json", false, "one line of JSON for each range")
	return cmd
}

// electionTimes are the times without a leader of one range.
type electionTimes struct {
	Range string    `json:"range"` // in milliseconds: 150-300
	Fast  bool      `json:"fast"`
	Ms    []float64 `json:"ms"` // in the order of the crashes
}

func benchElection(ctx context.Context, o electionOptions, out, progress io.Writer) error {
	t := table{header: []string{"TIMEOUT", "FAST", "CRASHES", "MIN", "MEDIAN", "MEAN", "P90", "P99", "MAX"}, colour: wantsColour(out)}
	for _, r := range o.ranges {
		times, err := measureElections(ctx, o, r, progress)
		if err != nil {
			return &exitError{exitFailed, err.Error()}
		}
		if o.json {
			if err := json.NewEncoder(out).Encode(times); err != nil {
				return err
			}
			continue
		}
		t.rows = append(t.rows, times.row())
	}
	if !o.json {
		io.WriteString(out, t.String())
	}
	return nil
}

func (e *electionTimes) row() []cell {
	sorted := slices.Sorted(slices.Values(e.Ms))
	sum := 0.0
	for _, ms := range sorted {
		sum += ms
	}
	row := []cell{{text: e.Range + " ms"}, {text: strconv.FormatBool(e.Fast)}, {text: strconv.Itoa(len(sorted)), right: true}}
	for _, ms := range []float64{sorted[0], quantile(sorted, 50), sum / float64(len(sorted)),
		quantile(sorted, 90), quantile(sorted, 99), sorted[len(sorted)-1]} {
		row = append(row, cell{text: leaderlessText(ms), right: true})
	}
	return row
}

// measureElections kills the leader of a cluster with that range of election
// timeouts, o.crashes times.
func measureElections(ctx context.Context, o electionOptions, r timeRange, progress io.Writer) (electionTimes, error) {
	e := electionTimes{Range: fmt.Sprintf("%g-%g", float64(r.Min)/1e6, float64(r.Max)/1e6), Fast: !o.NoFast}
	heartbeat := r.Min / 2
	opts := o.clusterOptions
	opts.Serve = append(slices.Clone(opts.Serve), "--election-timeout", r.String(), "--heartbeat", heartbeat.String())
	c, err := newCluster(opts)
	if err != nil {
		return e, err
	}
	defer c.close()
	if err := c.startAll(); err != nil {
		return e, err
	}
	if err := c.awaitAllFollow(ctx); err != nil {
		return e, err
	}
	reigns := newReigns()
	watch, unwatch := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer unwatch()
	for i := range c.nodes {
		watching.Go(func() { followEvents(watch, c, i, reigns.note) })
	}
	for k := range o.crashes {
		d, err := c.oneElection(ctx, reigns, rand.N(heartbeat))
		if err != nil {
			return e, fmt.Errorf("%s ms, crash %d: %w", e.Range, k+1, err)
		}
		e.Ms = append(e.Ms, float64(d.Microseconds())/1000)
		fmt.Fprintf(progress, "%s ms: crash %d of %d: %s without a leader\n", e.Range, k+1, o.crashes, msText(d))
	}
	return e, nil
}

// awaitAllFollow waits until every server follows one leader.
func (c *cluster) awaitAllFollow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, situationMax)
	defer cancel()
	_, err := c.await(ctx, "all servers follow one leader", func(v []memberView) bool {
		return agreedLeader(v, len(v)) >= 0
	})
	return err
}

// oneElection kills the leader after a pause, waits for the next one, and
// brings the dead one back.
func (c *cluster) oneElection(ctx context.Context, reigns *reigns, pause time.Duration) (time.Duration, error) {
	bounded, cancel := context.WithTimeout(ctx, situationMax)
	defer cancel()
	leader, _, err := c.awaitLeader(bounded)
	if err != nil {
		return 0, err
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-bounded.Done():
		return 0, bounded.Err()
	}
	at := c.kill(leader)
	began, err := reigns.after(bounded, at)
	if err != nil {
		return 0, err
	}
	if err := c.start(leader); err != nil {
		return 0, err
	}
	return began.Sub(at), c.awaitAllFollow(ctx)
}

// reigns remembers when servers last told that they lead.
type reigns struct {
	mu   sync.Mutex // guards: all below
	told time.Time  // by the server, to the millisecond
	came time.Time  // when we read it
	next chan struct{}
}

func newReigns() *reigns { return &reigns{next: make(chan struct{})} }

// note takes an event of any server.
func (r *reigns) note(e eventMsg) {
	if e.kind != "became_leader" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !e.at.After(r.told) {
		return // told again after a connection broke
	}
	r.told, r.came = e.at, time.Now()
	close(r.next)
	r.next = make(chan struct{})
}

// after waits for a server that came to lead after a moment, and gives when we
// heard of it.
func (r *reigns) after(ctx context.Context, at time.Time) (time.Time, error) {
	for {
		r.mu.Lock()
		told, came, next := r.told, r.came, r.next
		r.mu.Unlock()
		if !told.Before(at.Truncate(time.Millisecond)) {
			return came, nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("nobody came to lead within %v", situationMax)
		}
	}
}
