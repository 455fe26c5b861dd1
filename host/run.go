//go:build !wasip1 && !js

package host

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"veche/raft"
	"veche/wal"
)

// Config is what a Host is started with. Raft.Self, Raft.Initial, Log, Network
// and StateMachine are required.
type Config struct {
	// Raft is handed to the core. Group 0 means 1; Boot and Incarnation are
	// taken from Log; Seed 0 is drawn from them.
	Raft raft.Config
	// SnapshotBytes is how many bytes are applied between two snapshots; 0
	// means 64 MiB.
	SnapshotBytes int
	// Log is open, and the Host's alone until Stop has returned; whoever opened
	// it closes it then.
	Log *wal.Log
	// Network makes the Host's connection to its peers. What arrives goes to
	// the Receiver, from any goroutine. The Host closes it.
	Network func(Receiver) (Network, error)
	// StateMachine is empty; the Host fills it from the snapshot and the log.
	StateMachine StateMachine
	// Logger is told of changes of state; nil: nobody is.
	Logger *slog.Logger
	// Events is called by the loop with what the core noticed and decided; nil:
	// nobody is. It must be quick, and must not keep the slice.
	Events func([]raft.Event)
}

// Network carries messages to peers.
type Network interface {
	// Send must not block, nor keep the slice. Messages may be lost.
	Send([]raft.Message)
	// SetPeer says where a member accepts connections; also for this one.
	SetPeer(id raft.NodeID, addr string)
	// RemovePeer says that it is no member any more.
	RemovePeer(id raft.NodeID)
	// Close returns when no call to the Receiver is under way or to come.
	Close() error
}

// Receiver is what a Network tells.
type Receiver interface {
	// Receive takes messages that arrived. It keeps their entries, not the slice.
	Receive([]raft.Message)
	// PeerDown is told that all connections with that boot of a peer have closed.
	PeerDown(peer raft.NodeID, boot raft.Boot)
}

// Host runs one group: a Loop, surrounded by five goroutines.
//
//	loop       empties the inbox, takes turns, sends; the only one with a clock
//	writer     appends and syncs whatever came during the last sync
//	applier    applies batches, and ends the requests in them
//	saver      saves snapshots, and prepares the log's next segment
//	keeper     reads snapshots for peers, and writes down what they send
//
// None waits for one that comes before it: what goes to the writer is bounded
// by the core's limits, what goes to the applier by applyAhead. So heartbeats
// and votes leave whatever the disk and the state machine do.
type Host struct {
	cfg     Config
	log     *slog.Logger
	group   raft.GroupID
	clocks  *clocks
	loop    *Loop  // the loop goroutine's
	core    *Group // the loop goroutine's
	applier *Applier
	network Network

	mu         sync.Mutex // guards: in, wantApply, closed, asked, works
	in         inbox
	wantApply  bool // the loop waits for the applier
	closed     bool // no turn will come any more
	signal     chan struct{}
	asked      []transferWait
	calls      sync.Pool
	machine    sync.RWMutex // guards: cfg.StateMachine, between the applier and readers
	applied    atomic.Uint64
	repeats    atomic.Uint64
	published  atomic.Pointer[published]
	writes     chan []wal.Record // room for one; only the loop sends, see handRecords
	spare      chan []wal.Record
	batches    chan *ApplyBatch
	captures   chan *Capture
	works      []*SnapshotWork // for the keeper
	wantKeeper chan struct{}
	room       chan struct{} // the log was written: its next segment may be wanted
	stop       chan struct{}
	stopOnce   sync.Once
	done       chan struct{} // closed when all goroutines have ended
	failMu     sync.Mutex    // guards: failure
	failure    error
	goroutines sync.WaitGroup
	counters   counters
}

// counters are for people.
type counters struct {
	turns, syncs, records atomic.Uint64
}

// published is a picture of the loop, and the channel that is closed when the
// next picture shows another role, leader or term.
type published struct {
	status  Status
	changed chan struct{}
}

// Status is a picture of a Host, at most about a millisecond old while it works.
type Status struct {
	raft.Status
	At          raft.Time // when the picture was made, on the clock of the other Times
	Boot        raft.Boot
	Incarnation raft.Incarnation
	Applied     raft.Index
	Unsettled   int    // commands of this member's clients without an end
	Reads       int    // the same for reads
	Backlog     int    // entries committed and not handed to the applier
	Resent      uint64 // commands sent more than once
	Repeats     uint64 // entries that were dropped because they had been applied
	Ignored     uint64 // forwarded batches that were repeated, late or malformed
	Dropped     uint64 // messages that found the inbox full
	Turns       uint64
	Syncs       uint64             // of the log
	Records     uint64             // written to the log
	Receiving   *SnapshotProgress  // the snapshot that this member is getting; nil: none
	Serving     []SnapshotProgress // those that others get from here
	Heard       []Heard            // of the others, and when
	Tail        []raft.Entry       // the newest of the log, shared with it: not to be changed
	Err         error              // why the Host stopped; nil while it runs, and after Stop
}

// transferWait is a Transfer that waits for the turn that takes it.
type transferWait struct{ taken chan struct{} }

// call is one Propose or Read that waits.
type call struct {
	Request
	done chan Result
}

// Done tells the caller, who has room for it.
func (c *call) Done(r Result) { c.done <- r }

// Start starts a Host. The error says in one sentence what does not fit; then
// nothing runs, and the Log is still the caller's.
func Start(cfg Config) (*Host, error) {
	switch {
	case cfg.Log == nil:
		return nil, errors.New("start the host: it needs an open log")
	case cfg.Network == nil:
		return nil, errors.New("start the host: it needs a network")
	case cfg.StateMachine == nil:
		return nil, errors.New("start the host: it needs a state machine")
	}
	if cfg.Raft.Group == 0 {
		cfg.Raft.Group = 1
	}
	cfg.Raft.Boot, cfg.Raft.Incarnation = cfg.Log.Boot(), cfg.Log.Incarnation()
	if cfg.Raft.Seed == 0 {
		cfg.Raft.Seed = seed(cfg.Raft.Incarnation, cfg.Raft.Boot)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Host{
		cfg: cfg, log: cfg.Logger, group: cfg.Raft.Group, clocks: newClocks(cfg.Raft.NoFastDetection), loop: NewLoop(),
		signal: make(chan struct{}, 1), writes: make(chan []wal.Record, 1), spare: make(chan []wal.Record, 2),
		batches: make(chan *ApplyBatch, applyAhead), captures: make(chan *Capture, 1),
		wantKeeper: make(chan struct{}, 1), room: make(chan struct{}, 1),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	h.calls.New = func() any { return &call{done: make(chan Result, 1)} }
	if err := h.addGroup(); err != nil {
		return nil, fmt.Errorf("start the host: %w", err)
	}
	network, err := cfg.Network(h)
	if err != nil {
		return nil, fmt.Errorf("start the host: %w", err)
	}
	h.network = network
	for _, m := range h.published.Load().status.Config.Members {
		network.SetPeer(m.ID, m.PeerAddr)
	}
	h.run()
	return h, nil
}

func (h *Host) addGroup() error {
	disk := h.cfg.Log.Restored(h.group)
	var snapshot io.Reader
	if disk.Snapshot.Index > 0 {
		file, err := h.cfg.Log.OpenSnapshot(h.group, disk.Snapshot.Index)
		if err != nil {
			return err
		}
		defer file.Close()
		snapshot = file
	}
	g, err := h.loop.Add(GroupConfig{Raft: h.cfg.Raft, SnapshotBytes: h.cfg.SnapshotBytes}, disk, snapshot, h.cfg.StateMachine, h.now())
	if err != nil {
		return err
	}
	h.core, h.applier = g, g.Applier()
	h.applied.Store(uint64(h.applier.Index()))
	h.publish(h.now(), true)
	return nil
}

// seed mixes what is different in every run of every server (splitmix64).
func seed(i raft.Incarnation, b raft.Boot) uint64 {
	z := uint64(i) + uint64(b)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31 | 1
}

// now is the time on the patient clock.
func (h *Host) now() raft.Time {
	t, _ := h.clocks.now()
	return t
}

// run starts the goroutines, and sees to it that Done comes when they ended.
func (h *Host) run() {
	var workers sync.WaitGroup // those that the loop feeds
	workers.Go(h.runWriter)
	workers.Go(func() {
		h.runApplier()
		close(h.captures)
	})
	workers.Go(h.runSaver)
	workers.Go(h.runKeeper)
	h.goroutines.Go(func() {
		h.runLoop()
		if err := h.network.Close(); err != nil {
			h.log.Warn("the network did not close cleanly", "err", err)
		}
		close(h.writes)
		close(h.batches)
		close(h.wantKeeper)
		workers.Wait()
		h.publish(h.now(), true)
		close(h.done)
	})
}

// Receive takes messages from peers. It implements Receiver.
func (h *Host) Receive(ms []raft.Message) {
	h.mu.Lock()
	if !h.closed {
		h.in.receive(ms)
	}
	h.mu.Unlock()
	h.wake()
}

// PeerDown takes the word that a peer's process has closed all its
// connections. It implements Receiver.
func (h *Host) PeerDown(peer raft.NodeID, boot raft.Boot) {
	h.mu.Lock()
	if !h.closed && len(h.in.downs) < inboxMessagesMax {
		h.in.downs = append(h.in.downs, peerDown{peer, boot})
	}
	h.mu.Unlock()
	h.wake()
}

func (h *Host) wake() {
	select {
	case h.signal <- struct{}{}:
	default: // the loop has been called already
	}
}

// runLoop takes turns until the Host is to stop.
func (h *Host) runLoop() {
	var out Effects
	var stale bool      // something happened that the published picture does not show
	var shown raft.Time // when it was made
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		asked := h.takeInbox()
		now, eager := h.clocks.now()
		h.loop.Turn(now, eager, &out)
		h.counters.turns.Add(1)
		h.carryOut(&out)
		stale = true
		if out.Changed || len(asked) > 0 || now-shown >= raft.Time(statusEvery) {
			h.publish(now, out.Changed)
			shown, stale = now, false
		}
		for _, a := range asked {
			close(a.taken)
		}
		wake := out.Wake
		if stale {
			wake = min(wake, shown+raft.Time(statusEvery))
		}
		if h.moreToDo() {
			continue
		}
		timer.Reset(max(0, time.Duration(wake-h.now())))
		select {
		case <-h.signal:
		case <-timer.C:
		case <-h.stop:
			h.endLoop(&out)
			return
		}
		if h.stopping() {
			h.endLoop(&out)
			return
		}
	}
}

func (h *Host) stopping() bool {
	select {
	case <-h.stop:
		return true
	default:
		return false
	}
}

// takeInbox gives the Loop what has arrived.
func (h *Host) takeInbox() []transferWait {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.loop.in, h.in = h.in, h.loop.in
	h.in.dropped = h.loop.in.dropped
	h.wantApply = false
	asked := h.asked
	h.asked = nil
	return asked
}

// moreToDo says whether the loop must not sleep: batches wait inside, and the
// applier has finished some since the turn began.
func (h *Host) moreToDo() bool {
	if !h.loop.Held() {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wantApply = true
	return len(h.in.applied) > 0
}

// carryOut does what a turn wants done: first whatever others wait for.
func (h *Host) carryOut(out *Effects) {
	if len(out.Send) > 0 {
		h.network.Send(out.Send)
	}
	if len(out.Records) > 0 {
		h.handRecords(out.Records)
	}
	for _, b := range out.Apply {
		h.batches <- b // there is room: applyAhead
	}
	if len(out.Snapshots) > 0 {
		h.handWorks(out.Snapshots)
	}
	for _, c := range out.Done {
		c.Request.Waiter.Done(c.Result)
	}
	if len(out.Events) > 0 {
		h.note(out.Events)
	}
}

// handRecords gives records to the writer and never waits: if the writer has
// not come for the last ones, it takes them back and adds to them. The channel
// has room for one, and nobody else sends.
func (h *Host) handRecords(rs []wal.Record) {
	var all []wal.Record
	select {
	case all = <-h.writes:
	default:
		select {
		case all = <-h.spare:
		default:
		}
	}
	h.writes <- append(all, rs...)
}

// handWorks gives the keeper what it is to do. How much that can be, the groups
// bound: serveMax, fetchWindow.
func (h *Host) handWorks(ws []*SnapshotWork) {
	h.mu.Lock()
	h.works = append(h.works, ws...)
	h.mu.Unlock()
	select {
	case h.wantKeeper <- struct{}{}:
	default: // it has been called already
	}
}

// endLoop ends what waits, and lets nothing new in.
func (h *Host) endLoop(out *Effects) {
	h.mu.Lock()
	h.closed = true
	h.loop.in, h.in = h.in, h.loop.in
	asked := h.asked
	h.asked = nil
	h.mu.Unlock()
	h.loop.Stop(out)
	for _, c := range out.Done {
		c.Request.Waiter.Done(c.Result)
	}
	for _, a := range asked {
		close(a.taken)
	}
}

// fail stops the Host for a reason; the first one counts.
func (h *Host) fail(err error) {
	h.failMu.Lock()
	first := h.failure == nil
	if first {
		h.failure = err
	}
	h.failMu.Unlock()
	if first {
		h.log.Error("the host stops", "group", h.group, "node", h.cfg.Raft.Self, "err", err)
	}
	h.stopOnce.Do(func() { close(h.stop) })
}

var _ Receiver = (*Host)(nil)
