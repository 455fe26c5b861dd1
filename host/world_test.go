package host

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"veche/raft"
	"veche/wal"
)

// tally is a state machine that lists what was applied, in order.
type tally struct{ list []string }

func (t *tally) Apply(_ raft.Index, command []byte) any {
	t.list = append(t.list, string(command))
	return len(t.list)
}

func (t *tally) Snapshot() func(io.Writer) error {
	list := slices.Clone(t.list)
	return func(w io.Writer) error {
		for _, s := range list {
			if _, err := w.Write(append(binary.AppendUvarint(nil, uint64(len(s))), s...)); err != nil {
				return err
			}
		}
		return nil
	}
}

func (t *tally) Restore(r io.Reader) error {
	t.list = nil
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for len(b) > 0 {
		n, k := binary.Uvarint(b)
		if k <= 0 || n > uint64(len(b)-k) {
			return errors.New("the tally is damaged")
		}
		t.list = append(t.list, string(b[k:k+int(n)]))
		b = b[k+int(n):]
	}
	return nil
}

// written is what a capture writes.
func written(t testing.TB, c *Capture) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (t *tally) times(command string) int {
	n := 0
	for _, s := range t.list {
		if s == command {
			n++
		}
	}
	return n
}

// world is a few Loops in virtual time, wired by hand.
type world struct {
	t       *testing.T
	now     raft.Time
	hurry   raft.Time // by how much the eager clocks are ahead
	nodes   []*node   // nodes[k] is member k+1
	mail    []letter
	rng     *rand.Rand
	initial raft.Configuration
	tweak   func(*GroupConfig)
	// drop says whether a message is lost; nil: none is.
	drop func(*raft.Message) bool
	// copies says how often a message arrives; nil: once.
	copies func(*raft.Message) int
	delay  func(*raft.Message) raft.Duration
	// kept sees what a Keeper has done; nil: nobody does.
	kept   func(*node, *SnapshotWork)
	events []raft.Event
}

type letter struct {
	at raft.Time
	m  raft.Message
}

// node is one member's process and disk.
type node struct {
	id        raft.NodeID
	loop      *Loop
	group     *Group
	sm        *tally
	out       Effects
	wake      raft.Time
	up        bool
	boot      raft.Boot
	disk      raft.Restored
	fs        *wal.MemFS // for snapshot files only
	log       *wal.Log
	keeper    *Keeper
	lazy      bool // the applier does not work
	unapplied []*ApplyBatch
	works     []*SnapshotWork
	stuck     bool // the disk does not confirm
	unsynced  []wal.Record
}

// answer is the Waiter of tests.
type answer struct {
	Request
	ends []Result
}

func (a *answer) Done(r Result) { a.ends = append(a.ends, r) }

func newWorld(t *testing.T, n int, tweak func(*GroupConfig)) *world {
	w := &world{t: t, now: 1, rng: rand.New(rand.NewPCG(1, 2)), tweak: tweak}
	for k := range n {
		id := raft.NodeID(k + 1)
		w.initial.Members = append(w.initial.Members, raft.Member{ID: id, Name: string(rune('a' + k)), PeerAddr: string(rune('a' + k))})
		w.initial.Voters = append(w.initial.Voters, id)
		w.nodes = append(w.nodes, &node{id: id, fs: wal.NewMemFS()})
	}
	for k := range w.nodes {
		w.boot(w.nodes[k])
	}
	return w
}

func (w *world) boot(n *node) {
	w.t.Helper()
	n.boot++
	n.sm, n.loop, n.up = &tally{}, NewLoop(), true
	n.unapplied, n.unsynced, n.wake = nil, nil, w.now
	cfg := GroupConfig{Raft: raft.Config{Group: 1, Self: n.id, Boot: n.boot, Incarnation: raft.Incarnation(100 + n.id),
		Initial: w.initial, Seed: uint64(n.id)*1000 + uint64(n.boot)}}
	if w.tweak != nil {
		w.tweak(&cfg)
	}
	disk := n.disk
	disk.Entries = slices.Clone(disk.Entries)
	n.fs.Kill()
	log, err := wal.Open(n.fs, "data", wal.Identity{Member: n.id, Name: "x"}, wal.Options{SegmentBytes: 4096, Random: func() uint64 { return 7 }})
	if err != nil {
		w.t.Fatal(err)
	}
	n.log, n.keeper, n.works = log, NewKeeper(log), nil
	var snapshot io.Reader
	if disk.Snapshot.Index > 0 {
		if snapshot, err = log.OpenSnapshot(1, disk.Snapshot.Index); err != nil {
			w.t.Fatal(err)
		}
	}
	g, err := n.loop.Add(cfg, disk, snapshot, n.sm, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	n.group = g
}

// crash stops a process, and tells the others that its connections closed.
func (w *world) crash(n *node) {
	n.up = false
	for _, o := range w.nodes {
		if o.up {
			o.loop.PeerDown(n.id, n.boot)
			o.wake = w.now
		}
	}
}

// save puts a write onto the disk.
func (n *node) save(r wal.Record) {
	d, wr := &n.disk, r.Write
	if wr.HardChanged {
		d.Hard = wr.Hard
	}
	if len(wr.Entries) > 0 {
		keep := wr.Entries[0].Index - 1 - d.Cut.Index
		d.Entries = append(slices.Clone(d.Entries[:keep]), wr.Entries...)
	}
	if wr.Snapshot != nil {
		d.Snapshot = *wr.Snapshot
	}
	if wr.Cut != nil {
		at := int(wr.Cut.Index - d.Cut.Index)
		if at > len(d.Entries) || d.Entries[at-1].Term != wr.Cut.Term {
			at = len(d.Entries) // another log: all of it goes
		}
		d.Entries = slices.Clone(d.Entries[at:])
		d.Cut = *wr.Cut
	}
}

// turn lets one node act upon what has arrived.
func (w *world) turn(n *node) {
	n.loop.Turn(w.now, w.now+w.hurry, &n.out)
	n.wake = n.out.Wake
	w.events = append(w.events, n.out.Events...)
	for _, m := range n.out.Send {
		w.post(m)
	}
	n.unsynced = append(n.unsynced, n.out.Records...)
	n.unapplied = append(n.unapplied, n.out.Apply...)
	for _, c := range n.out.Done {
		c.Request.Waiter.Done(c.Result)
	}
	n.works = append(n.works, n.out.Snapshots...)
	w.sync(n)
	w.apply(n)
	w.keep(n)
}

// keep does what is wanted with snapshot files.
func (w *world) keep(n *node) {
	for _, k := range n.works {
		n.keeper.Do(k)
		if w.kept != nil {
			w.kept(n, k)
		}
		n.loop.Kept(k)
		n.wake = w.now
	}
	n.works = n.works[:0]
}

func (w *world) sync(n *node) {
	if n.stuck || len(n.unsynced) == 0 {
		return
	}
	for _, r := range n.unsynced {
		n.save(r)
	}
	n.loop.Persisted(1, n.unsynced[len(n.unsynced)-1].Write.Seq)
	n.unsynced, n.wake = nil, w.now
}

func (w *world) apply(n *node) {
	var done Applied
	for len(n.unapplied) > 0 && !n.lazy {
		b := n.unapplied[0]
		n.unapplied = n.unapplied[1:]
		if err := n.carryOut(b, &done); err != nil {
			w.t.Fatalf("member %d: %v", n.id, err)
		}
		for _, c := range done.Done {
			c.Request.Waiter.Done(c.Result)
		}
		n.loop.Applied(b)
		if b.Restore != nil {
			n.wake = w.now
		}
		if c := done.Capture; c != nil {
			if err := c.Save(n.log); err != nil {
				w.t.Fatal(err)
			}
			n.loop.Snapshotted(1, c.Base.Index)
			n.wake = w.now
		}
		if n.loop.Held() {
			n.wake = w.now
		}
	}
}

// carryOut applies a batch, or restores from the file that it names.
func (n *node) carryOut(b *ApplyBatch, done *Applied) error {
	if b.Restore == nil {
		return n.group.Applier().Apply(b, done)
	}
	file, err := n.log.OpenSnapshot(1, b.Restore.Index)
	if err != nil {
		return err
	}
	defer file.Close()
	return n.group.Applier().Restore(b, file, done)
}

func (w *world) post(m raft.Message) {
	if w.drop != nil && w.drop(&m) {
		return
	}
	copies := 1
	if w.copies != nil {
		copies = w.copies(&m)
	}
	for range copies {
		d := raft.Millisecond
		if w.delay != nil {
			d = w.delay(&m)
		}
		w.mail = append(w.mail, letter{w.now + raft.Time(d), m})
	}
}

// run goes on until cond holds, and says whether it did within d.
func (w *world) run(d raft.Duration, cond func() bool) bool {
	end := w.now + raft.Time(d)
	for {
		if cond != nil && cond() {
			return true
		}
		next := raft.Never
		for _, n := range w.nodes {
			if n.up {
				next = min(next, n.wake)
			}
		}
		for k := range w.mail {
			next = min(next, w.mail[k].at)
		}
		if next > end {
			w.now = end
			return cond == nil
		}
		w.now = max(w.now, next)
		w.deliver()
		for _, n := range w.nodes {
			if n.up && n.wake <= w.now {
				w.turn(n)
			}
		}
	}
}

func (w *world) deliver() {
	keep := w.mail[:0]
	for _, l := range w.mail {
		if l.at > w.now {
			keep = append(keep, l)
			continue
		}
		if n := w.nodes[l.m.To-1]; n.up {
			n.loop.Receive([]raft.Message{l.m})
			n.wake = w.now
		}
	}
	w.mail = keep
}

// leader gives the node that leads the latest term, or nil.
func (w *world) leader() *node {
	var best *node
	for _, n := range w.nodes {
		if n.up && n.group.role == raft.Leader && (best == nil || n.group.term > best.group.term) {
			best = n
		}
	}
	return best
}

// elect waits until one leads and all others know it.
func (w *world) elect() *node {
	w.t.Helper()
	if !w.run(10*raft.Second, func() bool {
		l := w.leader()
		for _, n := range w.nodes {
			if n.up && (l == nil || n.group.leader != l.id) {
				return false
			}
		}
		return true
	}) {
		w.t.Fatal("nobody was elected in 10 s")
	}
	return w.leader()
}

func (w *world) follower() *node {
	w.t.Helper()
	l := w.elect()
	for _, n := range w.nodes {
		if n.up && n != l {
			return n
		}
	}
	w.t.Fatal("there is no follower")
	return nil
}

func (w *world) propose(n *node, command string) *answer {
	a := &answer{Request: Request{Command: []byte(command)}}
	a.Waiter = a
	n.loop.Propose(1, &a.Request)
	n.wake = w.now
	return a
}

func (w *world) read(n *node) *answer {
	a := &answer{}
	a.Waiter = a
	n.loop.Read(1, &a.Request)
	n.wake = w.now
	return a
}

// end waits for the one end of a request.
func (w *world) end(a *answer) Result {
	w.t.Helper()
	if !w.run(20*raft.Second, func() bool { return len(a.ends) > 0 }) {
		w.t.Fatal("the request did not end in 20 s")
	}
	return a.ends[0]
}

// agree waits until all nodes have applied equally much, and compares them.
func (w *world) agree() {
	w.t.Helper()
	if !w.run(30*raft.Second, func() bool {
		l := w.leader()
		for _, n := range w.nodes {
			if n.up && (l == nil || n.group.applier.Index() != l.group.core.Status().LastIndex) {
				return false
			}
		}
		return true
	}) {
		for _, n := range w.nodes {
			s := n.group.core.Status()
			w.t.Logf("member %d: up %v role %d term %d leader %d last %d commit %d persisted %d applied %d cut %d snapshot %d fault %q peers %+v",
				n.id, n.up, s.Role, s.Term, s.Leader, s.LastIndex, s.Commit, s.Persisted, n.group.applier.Index(), s.Cut, s.Snapshot, s.Fault, s.Peers)
		}
		w.t.Fatal("the members did not catch up in 30 s")
	}
	l := w.leader()
	for _, n := range w.nodes {
		if n.up && n.group.applier.Hash() != l.group.applier.Hash() {
			w.t.Fatalf("members %d and %d differ at index %d:\n%q\n%q", n.id, l.id, l.group.applier.Index(), n.sm.list, l.sm.list)
		}
	}
}

// once fails unless every member has applied the command exactly once.
func (w *world) once(command string) {
	w.t.Helper()
	w.agree()
	for _, n := range w.nodes {
		if n.up && n.sm.times(command) != 1 {
			w.t.Fatalf("member %d applied %q %d times", n.id, command, n.sm.times(command))
		}
	}
}

func sumOf(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
