package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"veche/raft"
)

// snapshotOptions say what veche bench snapshot does.
type snapshotOptions struct {
	size    byteSize
	json    bool
	program string // empty: this one
}

func benchSnapshotCommand() *cobra.Command {
	o := snapshotOptions{size: 1 << 30}
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Bring a snapshot to an empty server, and watch the leader's memory and the elections",
		Long: `Fill two servers of a cluster of three, then start the third on an empty disk: it gets the leader's snapshot.
Measured are the leader's live heap (after a collection) beside what it was when the fill had ended, elections, and
the rate. A small write every 20 ms goes on all the while.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.size < 1<<20 {
				return usagef("--size is %s; it must be at least 1MiB", o.size.String())
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, os.Interrupt)
			defer stop()
			return benchSnapshot(ctx, o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().Var(&o.size, "size", "of the snapshot, at least")
	cmd.Flags().BoolVar(&o.json, "json", false, "one line of JSON")
	return cmd
}

// snapshotFigures are what was measured.
type snapshotFigures struct {
	Bytes      uint64  `json:"snapshot_bytes"`
	TransferS  float64 `json:"transfer_s"` // from the first chunk to the file that is whole and durable
	RestoreS   float64 `json:"restore_s"`  // from then until the state is there and the log caught up
	LiveBefore uint64  `json:"leader_live_before"`
	LivePeak   uint64  `json:"leader_live_peak"`
	Samples    int     `json:"samples"`
	Elections  uint64  `json:"elections"`
	WriteMaxMs float64 `json:"slowest_write_ms"`
	Writes     int     `json:"writes"`
}

func benchSnapshot(ctx context.Context, o snapshotOptions, out, progress io.Writer) error {
	f, err := measureSnapshot(ctx, o, progress)
	if err != nil {
		return &exitError{exitFailed, err.Error()}
	}
	if o.json {
		return json.NewEncoder(out).Encode(f)
	}
	const mib = 1 << 20
	growth := (float64(f.LivePeak) - float64(f.LiveBefore)) / mib
	t := table{header: []string{"WHAT", "HOW MUCH"}, colour: wantsColour(out)}
	for _, row := range [][2]string{
		{"snapshot", fmt.Sprintf("%.0f MiB", float64(f.Bytes)/mib)},
		{"transfer", fmt.Sprintf("%.1f s, %.0f MB/s", f.TransferS, float64(f.Bytes)/1e6/f.TransferS)},
		{"restore and catch up", fmt.Sprintf("%.1f s", f.RestoreS)},
		{"leader's live heap before", fmt.Sprintf("%.1f MiB", float64(f.LiveBefore)/mib)},
		{"its growth at most", fmt.Sprintf("%.1f MiB, in %d samples", growth, f.Samples)},
		{"elections", fmt.Sprint(f.Elections)},
		{"writes meanwhile", fmt.Sprintf("%d, the slowest took %.0f ms", f.Writes, f.WriteMaxMs)},
	} {
		t.rows = append(t.rows, []cell{{text: row[0]}, {text: row[1], right: true}})
	}
	_, err = io.WriteString(out, t.String())
	return err
}

// measureSnapshot runs the three servers.
func measureSnapshot(ctx context.Context, o snapshotOptions, progress io.Writer) (*snapshotFigures, error) {
	if o.program == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		o.program = self
	}
	dir, err := os.MkdirTemp("", "veche-bench-snapshot-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	settings := snapshotNode{Dir: dir, SnapshotBytes: int(o.size)}
	for k := range 16 {
		settings.Cluster[k] = byte(random64())
	}
	if settings.Members, err = freePlaces(3); err != nil {
		return nil, err
	}
	b := &snapshotBench{program: o.program, settings: settings, progress: progress}
	defer b.stop()
	return b.run(ctx, int64(o.size))
}

// freePlaces finds free ports, all at once so that they differ.
func freePlaces(n int) ([]raft.Member, error) {
	var all []raft.Member
	for k := range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		all = append(all, raft.Member{ID: raft.NodeID(k + 1), Name: fmt.Sprint("n", k+1), PeerAddr: l.Addr().String()})
	}
	return all, nil
}

// snapshotBench is the servers, by number of the member − 1.
type snapshotBench struct {
	program  string
	settings snapshotNode
	progress io.Writer
	servers  [3]*snapshotServer
}

func (b *snapshotBench) stop() {
	for _, s := range b.servers {
		if s != nil {
			s.stop()
		}
	}
}

func (b *snapshotBench) run(ctx context.Context, size int64) (*snapshotFigures, error) {
	for k := range 2 {
		if err := b.launch(ctx, k); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(b.progress, "filling two servers with %d MiB\n", size>>20)
	leader, err := b.fill(ctx, size)
	if err != nil {
		return nil, err
	}
	before, err := leader.ask(ctx, snapshotQuestion{Op: "live"})
	if err != nil {
		return nil, err
	}
	f := &snapshotFigures{LiveBefore: before.Live, LivePeak: before.Live}
	fmt.Fprintln(b.progress, "starting the third on an empty disk")
	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	var watchers sync.WaitGroup
	watchers.Go(func() { f.sample(watch, leader) })
	watchers.Go(func() { f.write(watch, leader) })
	if err := b.launch(ctx, 2); err != nil {
		return nil, err
	}
	err = f.await(ctx, b.servers[2], leader)
	cancel()
	watchers.Wait()
	if err != nil {
		return nil, err
	}
	after, err := leader.ask(ctx, snapshotQuestion{Op: "picture"})
	f.Elections = uint64(after.Term - before.Term)
	return f, err
}

// fill puts the values through the leader, and waits until its log is cut.
func (b *snapshotBench) fill(ctx context.Context, size int64) (*snapshotServer, error) {
	const valueBytes = 128 << 10
	first, err := b.servers[0].ask(ctx, snapshotQuestion{Op: "put"}) // waits for a leader
	if err != nil {
		return nil, err
	}
	leader := b.servers[first.Leader-1]
	count := int(size/valueBytes) + snapshotFillers // one snapshot is made, just before the end
	var fillers sync.WaitGroup
	errs := make([]error, snapshotFillers)
	for k := range snapshotFillers {
		fillers.Go(func() {
			from, to := count*k/snapshotFillers, count*(k+1)/snapshotFillers
			_, errs[k] = leader.ask(ctx, snapshotQuestion{Op: "fill", From: from, Count: to - from, Bytes: valueBytes})
		})
	}
	fillers.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	last := snapshotAnswer{}
	for quiet := 0; quiet < 20; quiet++ { // the snapshot that is being written is to end
		now, err := leader.ask(ctx, snapshotQuestion{Op: "picture"})
		if err != nil {
			return nil, err
		}
		if now.Snapshot != last.Snapshot || now.Snapshot == 0 || now.Cut == 0 || now.Applied != now.Commit {
			quiet = 0
		}
		last = now
		pause(ctx, snapshotLookEvery)
	}
	return leader, nil
}

// sample measures the leader's live heap, again and again.
func (f *snapshotFigures) sample(ctx context.Context, leader *snapshotServer) {
	for ctx.Err() == nil {
		a, err := leader.ask(ctx, snapshotQuestion{Op: "live"})
		if err != nil {
			return // its end is told by others
		}
		f.LivePeak = max(f.LivePeak, a.Live)
		f.Samples++
		pause(ctx, snapshotSampleEvery)
	}
}

// write goes on with small writes, and notes the slowest.
func (f *snapshotFigures) write(ctx context.Context, leader *snapshotServer) {
	for k := 0; ctx.Err() == nil; k++ {
		start := time.Now()
		if _, err := leader.ask(ctx, snapshotQuestion{Op: "put", From: k}); err != nil {
			return
		}
		f.Writes++
		f.WriteMaxMs = max(f.WriteMaxMs, float64(time.Since(start).Microseconds())/1000)
		pause(ctx, snapshotWriteEvery)
	}
}

// await watches the empty server until it has what the leader has.
func (f *snapshotFigures) await(ctx context.Context, late, leader *snapshotServer) error {
	launched := time.Now()
	var began, whole time.Time
	for {
		a, err := late.ask(ctx, snapshotQuestion{Op: "picture"})
		if err != nil {
			return err
		}
		if a.Total > 0 {
			f.Bytes = a.Total
			if began.IsZero() {
				began = time.Now()
			}
		}
		if a.Snapshot > 0 && whole.IsZero() {
			if began.IsZero() { // it came faster than it could be watched
				began = launched
			}
			whole = time.Now()
			f.TransferS = whole.Sub(began).Seconds()
		}
		if !whole.IsZero() && a.Applied >= a.Snapshot && a.Applied+10 >= a.Commit {
			f.RestoreS = time.Since(whole).Seconds()
			return nil
		}
		pause(ctx, snapshotLookEvery)
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// snapshotServer is one process, with questions and answers on its pipes.
type snapshotServer struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	ended chan struct{} // closed when no answer will come any more

	mu      sync.Mutex // guards: all below, and writing to in
	last    int
	waiting map[int]chan snapshotAnswer
}

// launch starts this program as one of the servers.
func (b *snapshotBench) launch(ctx context.Context, k int) error {
	s := &snapshotServer{cmd: exec.CommandContext(ctx, b.program, "bench", "snapshot-node"), ended: make(chan struct{}), waiting: map[int]chan snapshotAnswer{}}
	s.cmd.Stderr = b.progress
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	b.servers[k] = s
	go s.listen(out)
	mine := b.settings
	mine.Self = raft.NodeID(k + 1)
	return json.NewEncoder(s.in).Encode(mine)
}

// listen hands answers to those who asked, until the process ends.
func (s *snapshotServer) listen(out io.Reader) {
	defer close(s.ended)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var a snapshotAnswer
		if json.Unmarshal(lines.Bytes(), &a) != nil {
			continue
		}
		s.mu.Lock()
		if c := s.waiting[a.ID]; c != nil {
			c <- a // it has room
			delete(s.waiting, a.ID)
		}
		s.mu.Unlock()
	}
}

// ask sends one question and waits for its answer.
func (s *snapshotServer) ask(ctx context.Context, q snapshotQuestion) (snapshotAnswer, error) {
	c := make(chan snapshotAnswer, 1)
	s.mu.Lock()
	s.last++
	q.ID = s.last
	s.waiting[q.ID] = c
	err := json.NewEncoder(s.in).Encode(q)
	s.mu.Unlock()
	if err != nil {
		return snapshotAnswer{}, fmt.Errorf("a server has ended: %w", err)
	}
	select {
	case a := <-c:
		if a.Err != "" {
			return a, errors.New("a server answers: " + a.Err)
		}
		return a, nil
	case <-s.ended:
		return snapshotAnswer{}, errors.New("a server has ended")
	case <-ctx.Done():
		return snapshotAnswer{}, ctx.Err()
	}
}

// stop ends the process.
func (s *snapshotServer) stop() {
	_ = s.cmd.Process.Kill() // its directory goes as well
	<-s.ended
	_ = s.cmd.Wait()
}
