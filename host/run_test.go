package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"veche/raft"
	"veche/wal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wires are an in-memory network between Hosts: everything arrives at once.
type wires struct {
	mu  sync.Mutex // guards: all below
	at  map[raft.NodeID]Receiver
	cut map[raft.NodeID]bool

	lost chan struct{} // told when the cut has swallowed something
}

// plug is one Host's end of wires.
type plug struct {
	w    *wires
	self raft.NodeID
	boot raft.Boot
	set  atomic.Int32
}

func newWires() *wires {
	return &wires{at: map[raft.NodeID]Receiver{}, cut: map[raft.NodeID]bool{}, lost: make(chan struct{}, 1)}
}

func (p *plug) Send(ms []raft.Message) {
	for k := range ms {
		p.w.mu.Lock()
		to := p.w.at[ms[k].To]
		lost := p.w.cut[p.self] || p.w.cut[ms[k].To]
		p.w.mu.Unlock()
		switch {
		case lost:
			select {
			case p.w.lost <- struct{}{}:
			default:
			}
		case to != nil:
			to.Receive(ms[k : k+1])
		}
	}
}

func (p *plug) SetPeer(raft.NodeID, string) { p.set.Add(1) }
func (p *plug) RemovePeer(raft.NodeID)      {}

func (p *plug) Close() error {
	p.w.mu.Lock()
	delete(p.w.at, p.self)
	var others []Receiver
	for _, r := range p.w.at {
		others = append(others, r)
	}
	p.w.mu.Unlock()
	for _, r := range others {
		r.PeerDown(p.self, p.boot)
	}
	return nil
}

func (w *wires) setCut(id raft.NodeID, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut[id] = cut
}

// times looks how often a Host has applied a command.
func times(h *Host, command string) int {
	n := 0
	h.View(func(sm StateMachine) { n = sm.(*tally).times(command) })
	return n
}

// seat is the place of a Host: its disk, which outlives it.
type seat struct {
	id  raft.NodeID
	fs  wal.FS
	dir string
	log *wal.Log
	h   *Host
}

// town is a few Hosts in one process.
type town struct {
	t     testing.TB
	w     *wires
	seats []*seat
	conf  raft.Configuration
	tweak func(*Config)
}

func newTown(t testing.TB, n int, tweak func(*Config)) *town {
	v := &town{t: t, w: newWires(), tweak: tweak}
	for k := range n {
		id := raft.NodeID(k + 1)
		v.conf.Members = append(v.conf.Members, raft.Member{ID: id, Name: fmt.Sprint("n", id), PeerAddr: fmt.Sprint("p", id)})
		v.conf.Voters = append(v.conf.Voters, id)
		v.seats = append(v.seats, &seat{id: id, fs: wal.NewMemFS(), dir: "data"})
	}
	return v
}

func (v *town) start(s *seat) {
	v.t.Helper()
	log, err := wal.Open(s.fs, s.dir, wal.Identity{Member: s.id, Name: fmt.Sprint("n", s.id)},
		wal.Options{SegmentBytes: 1 << 20, Random: func() uint64 { return uint64(s.id) * 7919 }})
	if err != nil {
		v.t.Fatal(err)
	}
	s.log = log
	cfg := Config{
		Raft: raft.Config{Self: s.id, Initial: v.conf}, Log: log, StateMachine: &tally{},
		Network: func(r Receiver) (Network, error) {
			v.w.mu.Lock()
			defer v.w.mu.Unlock()
			v.w.at[s.id] = r
			return &plug{w: v.w, self: s.id, boot: log.Boot()}, nil
		},
	}
	if v.tweak != nil {
		v.tweak(&cfg)
	}
	if s.h, err = Start(cfg); err != nil {
		v.t.Fatal(err)
	}
}

// stop ends a Host without a handover, as a crash would, and closes its log.
func (v *town) stop(s *seat) {
	s.h.stopOnce.Do(func() { close(s.h.stop) })
	<-s.h.Done()
	_ = s.log.Close()
	s.h = nil
}

func (v *town) startAll() {
	for _, s := range v.seats {
		v.start(s)
	}
	v.t.Cleanup(func() {
		for _, s := range v.seats {
			if s.h != nil {
				v.stop(s)
			}
		}
	})
}

// leader waits until all running Hosts are admitted and know of one leader.
func (v *town) leader(ctx context.Context) *seat {
	v.t.Helper()
	for {
		var changed []reflect.SelectCase
		var lead raft.NodeID
		agreed := true
		for _, s := range v.seats {
			if s.h == nil {
				continue
			}
			changed = append(changed, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(s.h.Changed())})
			status := s.h.Status()
			l := status.Leader
			agreed = agreed && status.Standing == raft.Admitted && l != 0 && (lead == 0 || l == lead) && v.seats[l-1].h != nil
			lead = l
		}
		if agreed {
			return v.seats[lead-1]
		}
		changed = append(changed, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ctx.Done())})
		if k, _, _ := reflect.Select(changed); k == len(changed)-1 {
			v.t.Fatal("no leader in time")
		}
	}
}

func (v *town) follower(ctx context.Context) *seat {
	l := v.leader(ctx)
	for _, s := range v.seats {
		if s != l && s.h != nil {
			return s
		}
	}
	v.t.Fatal("there is no follower")
	return nil
}

func timeLimit(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// Goal: Hosts elect, replicate and read through any member. Method: three of
// them over wires, with logs in memory.
func TestHost_ProposesAndReadsThroughAnyMember(t *testing.T) {
	ctx := timeLimit(t)
	v := newTown(t, 3, nil)
	v.startAll()
	for k, s := range v.seats {
		command := fmt.Sprint("x", k)
		r, err := s.h.Propose(ctx, []byte(command))
		if err != nil || r.Value != k+1 || r.Index == 0 || r.Term == 0 {
			t.Fatalf("member %d: %+v, %v", s.id, r, err)
		}
		for _, o := range v.seats {
			n := 0
			if err := o.h.Read(ctx, func(sm StateMachine) { n = sm.(*tally).times(command) }); err != nil || n != 1 {
				t.Fatalf("member %d reads %d of %q, %v", o.id, n, command, err)
			}
		}
	}
	s := v.seats[0].h.Status()
	if s.Applied == 0 || s.Boot != 1 || s.Incarnation == 0 || s.Syncs == 0 || s.Err != nil {
		t.Fatalf("%+v", s)
	}
}

// Goal: commands in flight when the leader dies are applied exactly once.
// Method: many callers at all members, the leader stopped in their middle.
func TestHost_LeaderDiesUnderLoad(t *testing.T) {
	ctx := timeLimit(t)
	v := newTown(t, 3, nil)
	v.startAll()
	l := v.leader(ctx)
	const callers, each = 8, 40
	var wg sync.WaitGroup
	var acked atomic.Int64
	for c := range callers {
		for _, s := range v.seats {
			if s == l || c == 0 {
				continue
			}
			h := s.h
			wg.Go(func() {
				for k := range each {
					if _, err := h.Propose(ctx, fmt.Appendf(nil, "%d.%d.%d", s.id, c, k)); err != nil {
						t.Errorf("member %d: %v", s.id, err)
					}
					acked.Add(1)
				}
			})
		}
	}
	for acked.Load() < callers*each/2 {
		if _, err := l.h.Propose(ctx, []byte("from the leader")); err != nil {
			t.Error(err)
		}
	}
	v.stop(l)
	wg.Wait()
	n := v.leader(ctx)
	if err := n.h.Read(ctx, func(StateMachine) {}); err != nil {
		t.Fatal(err)
	}
	for c := 1; c < callers; c++ {
		for _, s := range v.seats {
			for k := range each {
				if command := fmt.Sprintf("%d.%d.%d", s.id, c, k); s != l && times(n.h, command) != 1 {
					t.Errorf("%s was applied %d times", command, times(n.h, command))
				}
			}
		}
	}
}

// Goal: a Host that stops hands over first, and the next leader takes commands
// at once. Method: stop the leader, and look who leads which term.
func TestHost_StopHandsOver(t *testing.T) {
	ctx := timeLimit(t)
	v := newTown(t, 3, func(c *Config) { c.Raft.NoFastDetection = true }) // only a handover can be fast
	v.startAll()
	l := v.leader(ctx)
	if _, err := l.h.Propose(ctx, []byte("x")); err != nil {
		t.Fatal(err)
	}
	term := l.h.Status().Term
	if err := l.h.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if s := l.h.Status(); s.Role == raft.Leader || s.Leader == l.id || s.Leader == 0 || s.Term != term+1 {
		t.Fatalf("role %d, leader %d, term %d after %d", s.Role, s.Leader, s.Term, term)
	}
	_ = l.log.Close()
	l.h = nil
	if _, err := v.leader(ctx).h.Propose(ctx, []byte("y")); err != nil {
		t.Fatal(err)
	}
}

// Goal: Transfer makes the named member lead, and fails at one that does not lead.
func TestHost_TransferNamesTheNextLeader(t *testing.T) {
	ctx := timeLimit(t)
	v := newTown(t, 3, nil)
	v.startAll()
	f := v.follower(ctx)
	if err := f.h.Transfer(ctx, 0); err == nil {
		t.Fatal("a follower handed over")
	}
	if err := v.leader(ctx).h.Transfer(ctx, f.id); err != nil {
		t.Fatal(err)
	}
	if l := v.leader(ctx); l != f {
		t.Fatalf("member %d leads, want %d", l.id, f.id)
	}
	if err := f.h.Transfer(ctx, 99); err == nil {
		t.Fatal("a stranger took over")
	}
	other := v.seats[f.id%3]
	v.w.setCut(other.id, true)
	if err := f.h.Transfer(ctx, other.id); err == nil || ctx.Err() != nil {
		t.Fatalf("a member that hears nothing took over, or was waited for without end: %v", err)
	}
}

// Goal: without a majority a request ends within its deadline, and says why.
func TestHost_WithoutAMajorityRequestsEndInTime(t *testing.T) {
	v := newTown(t, 3, nil)
	v.startAll()
	f := v.follower(timeLimit(t))
	for _, s := range v.seats {
		if s != f {
			v.stop(s)
		}
	}
	for f.h.Status().Leader != 0 {
		changed := f.h.Changed()
		if f.h.Status().Leader == 0 {
			break
		}
		<-changed
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := f.h.Propose(ctx, []byte("x")); !errors.Is(err, ErrNoLeader) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("propose: %v", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Fatalf("it took %v", took)
	}
	ctx2, cancel2 := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel2()
	if err := f.h.Read(ctx2, func(StateMachine) {}); !errors.Is(err, ErrNoLeader) {
		t.Fatalf("read: %v", err)
	}
	f.h.View(func(StateMachine) {})
}

// Goal: a failed sync ends the Host for good, with the error, and no request is
// acknowledged by it. Method: a disk that fails on demand under a single voter.
func TestHost_FailedSyncIsFinal(t *testing.T) {
	ctx := timeLimit(t)
	var broken atomic.Bool
	v := newTown(t, 1, nil)
	fs := wal.NewMemFS()
	fs.Fail = func(op wal.Op, _ string, _ int64) error {
		if broken.Load() && op == wal.OpSync {
			return wal.ErrIO
		}
		return nil
	}
	v.seats[0].fs = fs
	v.startAll()
	h := v.seats[0].h
	if _, err := h.Propose(ctx, []byte("x")); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	if _, err := h.Propose(ctx, []byte("y")); !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrStopped) {
		t.Fatalf("propose: %v", err) // stopped: a write of the core's own came first
	}
	<-h.Done()
	if err := h.Err(); !errors.Is(err, wal.ErrIO) || !errors.Is(h.Status().Err, wal.ErrIO) {
		t.Fatalf("err: %v", err)
	}
	if _, err := h.Propose(ctx, []byte("z")); !errors.Is(err, ErrStopped) {
		t.Fatalf("propose afterwards: %v", err)
	}
	if n := times(h, "y"); n != 0 {
		t.Fatal("a command was applied that is not durable")
	}
}

// Goal: a full disk is not filled to the brim again after every write: what the
// segment in use still takes is acknowledged, and the next one is tried for now
// and then. Method: a disk that has no room for a second segment, many commands,
// and the attempts counted.
func TestHost_FullDiskIsLeftInPeace(t *testing.T) {
	ctx := timeLimit(t)
	var attempts atomic.Int64
	v := newTown(t, 1, nil)
	fs := wal.NewMemFS()
	fs.Fail = func(op wal.Op, name string, _ int64) error {
		if op == wal.OpWrite && strings.HasSuffix(name, "2.wal.tmp") {
			attempts.Add(1)
			return wal.ErrNoSpace
		}
		return nil
	}
	v.seats[0].fs = fs
	began := time.Now()
	v.startAll()
	for k := range 200 {
		if _, err := v.seats[0].h.Propose(ctx, fmt.Append(nil, "x", k)); err != nil {
			t.Fatal(err)
		}
	}
	v.stop(v.seats[0])
	if n, allowed := attempts.Load(), 1+int64(time.Since(began)/time.Duration(prepareRest)); n == 0 || n > allowed {
		t.Fatalf("the next segment was tried for %d times, allowed are 1 to %d", n, allowed)
	}
}

// Goal: a restart keeps what was acknowledged, below the snapshot and above.
// Method: a small threshold, many commands, all Hosts stopped and started.
func TestHost_RestartKeepsWhatWasAcknowledged(t *testing.T) {
	ctx := timeLimit(t)
	v := newTown(t, 3, func(c *Config) { c.SnapshotBytes = 4000 })
	v.startAll()
	const n = 300
	for k := range n {
		if _, err := v.seats[k%3].h.Propose(ctx, fmt.Append(nil, "x", k)); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range v.seats {
		v.stop(s)
	}
	for _, s := range v.seats {
		v.start(s)
		if st := s.h.Status(); st.Snapshot == 0 || st.Applied < st.Snapshot || st.Boot != 2 {
			t.Fatalf("member %d: snapshot %d, applied %d, boot %d", s.id, st.Snapshot, st.Applied, st.Boot)
		}
	}
	for _, s := range v.seats {
		if err := s.h.Read(ctx, func(sm StateMachine) {
			for k := range n {
				if c := sm.(*tally).times(fmt.Sprint("x", k)); c != 1 {
					t.Errorf("member %d has x%d %d times", s.id, k, c)
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// Goal: a member that was cut off learns what it missed, and its own clients'
// commands end well after the cut is healed.
func TestHost_CutMemberCatchesUp(t *testing.T) {
	ctx := timeLimit(t)
	v := newTown(t, 3, nil)
	v.startAll()
	f := v.follower(ctx)
	v.w.setCut(f.id, true)
	if _, err := v.leader(ctx).h.Propose(ctx, []byte("x")); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := f.h.Propose(ctx, []byte("y"))
		done <- err
	}()
	<-v.w.lost
	v.w.setCut(f.id, false)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if times(f.h, "x") != 1 || times(f.h, "y") != 1 {
		t.Fatal("the cut member lacks a command, or has it twice")
	}
}

// Goal: what cannot work is refused at the start, and leaves nothing running.
func TestHost_StartRefusesWhatCannotWork(t *testing.T) {
	log, err := wal.Open(wal.NewMemFS(), "data", wal.Identity{Member: 1}, wal.Options{Random: func() uint64 { return 7 }})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	network := func(Receiver) (Network, error) { return nil, errors.New("the port is taken") }
	one := raft.Configuration{Members: []raft.Member{{ID: 1, Name: "n1"}}, Voters: []raft.NodeID{1}}
	for _, c := range []struct {
		name string
		cfg  Config
	}{
		{"no log", Config{Network: network, StateMachine: &tally{}}},
		{"no network", Config{Log: log, StateMachine: &tally{}}},
		{"no state machine", Config{Log: log, Network: network}},
		{"nobody", Config{Log: log, Network: network, StateMachine: &tally{}}},
		{"network fails", Config{Log: log, Network: network, StateMachine: &tally{}, Raft: raft.Config{Self: 1, Initial: one}}},
	} {
		if h, err := Start(c.cfg); err == nil || h != nil {
			t.Errorf("%s: it started", c.name)
		}
	}
}

// BenchmarkPropose measures the whole path of a command of 64 bytes, with the
// log in memory, so that what is seen is this package and the core.
func BenchmarkPropose(b *testing.B) {
	for _, n := range []int{1, 3} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("voters=%d/callers=%d", n, callers), func(b *testing.B) { benchPropose(b, n, callers) })
		}
	}
}

// nothing is a state machine without a state.
type nothing struct{}

func (nothing) Apply(raft.Index, []byte) any    { return nil }
func (nothing) Snapshot() func(io.Writer) error { return func(io.Writer) error { return nil } }
func (nothing) Restore(io.Reader) error         { return nil }

func benchPropose(b *testing.B, n, callers int) {
	ctx := context.Background()
	v := newTown(b, n, func(c *Config) { c.StateMachine = nothing{} })
	v.startAll()
	h := v.leader(ctx).h
	command := make([]byte, 64)
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(b.N))
	for range callers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := h.Propose(ctx, command); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
