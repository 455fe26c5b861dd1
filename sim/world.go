package sim

import (
	"veche/raft"
)

// Options say what world to make. The zero value of a field means its default.
type Options struct {
	Seed  uint64
	Nodes int           // 5
	Run   raft.Duration // 60 s of faults and load, before the liveness phase

	// Plan, unless nil, is the weather instead of what the seed draws: a plan of
	// the past that means the same however plans are drawn today.
	Plan *Plan

	// Without names classes of faults that do not strike.
	Without []Class

	// Only, unless nil, lets no fault of the seed's plan strike but those with
	// these numbers. Clients, unless 0, is how many clients there are instead of
	// as many as the seed draws. Both make a failing seed smaller.
	Only    []int
	Clients int

	// Story makes a world without chance: no clients, no faults, the same
	// latency for every message and every disk. A story drives it.
	Story bool

	// Spares is how many servers a story may add. A seed has sparesMax.
	Spares int

	// Lab leaves rules of Raft out, in a build with the tag lab.
	Lab raft.Lab

	// Trial makes a story's world for an experiment; nil: none.
	Trial *Trial

	// Only for stories, which do not draw them from the seed:
	Slow           bool // fast detection is off
	Leases         bool // reads rest upon leases; needs Slow
	TrailBytes     int
	MaxAppendBytes int
	SnapshotBytes  int
	ChunkBytes     int // of a snapshot on its way; 0: as in a server
	SegmentBytes   int64

	// Watch sees each record of the trace as it is made, and does not keep it; may
	// be nil.
	Watch func(*Record)
}

// World is a cluster, its network, its disks and its clients, in one thread and
// in virtual time. The same Options give the same world, event for event.
type World struct {
	opt     Options
	now     raft.Time
	seq     uint64
	step    uint64
	queue   heap
	rand    Rand // of the world as a whole
	net     network
	nodes   []node
	witness *witness
	load    workload
	storm   storm
	snares  snares
	trace   trace
	free    [][]byte      // buffers of messages that have arrived
	script  script        // what a story holds, drops and doubles
	shown   *raft.Message // by Flights
	flight  Flight

	// The same for all nodes of a seed:
	initial          raft.Configuration
	syncMin, syncMax raft.Duration
	applyMax         raft.Duration
	turnDelay        raft.Duration // messages that come within it share a turn
	drift            int64         // of clocks, up to so many millionths
	bent             bool          // a story has changed how fast a clock goes
	leases           bool          // reads by lease
	maxDrift         int           // what leases allow for; 0: the core's default
	torn             bool          // power cuts tear sectors
	upgrades         bool          // programs of two levels run
	slow             bool          // fast detection is off
	snapshotBytes    int
	trailBytes       int // of the log that is kept behind a snapshot
	segmentBytes     int64
	appendBytes      int
	inflight         int

	askedAt raft.Time // when somebody asked for a change of the membership last
	changed uint64    // changes of the membership that are done

	turns    int // at this very moment, against turns without end
	turnsAt  raft.Time
	messages uint64
}

const group = raft.GroupID(1)

// New makes a world and starts its nodes with empty disks, unless it is a
// story's: that says itself what starts, and when.
func New(opt Options) *World {
	if opt.Nodes == 0 {
		opt.Nodes = 5
	}
	opt.Nodes = min(opt.Nodes, nodesMax)
	if opt.Trial != nil {
		opt.Story, opt.Lab = true, opt.Trial.Lab
	}
	if opt.Run == 0 {
		opt.Run = 60 * raft.Second
	}
	w := &World{opt: opt, rand: NewRand(opt.Seed, streamWorld)}
	w.trace.watch = opt.Watch
	w.net.begin(opt.Seed, opt.Nodes)
	w.nodes = make([]node, w.size())
	for i := range opt.Nodes {
		id := raft.NodeID(i + 1)
		w.initial.Members = append(w.initial.Members, raft.Member{ID: id, Name: name(i), PeerAddr: name(i) + ":2380"})
		w.initial.Voters = append(w.initial.Voters, id)
	}
	w.witness = newWitness(len(w.nodes), &w.initial)
	w.witness.lawless = opt.Lab.Lawless()
	if opt.Story {
		w.plain()
	} else {
		w.draw()
	}
	for i := range w.nodes {
		w.newNode(i)
	}
	if !opt.Story {
		for i := range opt.Nodes {
			w.at(raft.Time(w.nodes[i].rand.Between(0, int64(50*raft.Millisecond))), event{kind: evRestart, node: i})
		}
		w.prepare()
		for c := range w.load.clients {
			w.at(raft.Time(w.load.clients[c].rand.Between(0, int64(raft.Second))), event{kind: evClient, n: uint64(c)})
		}
	}
	return w
}

// size is how many servers there may ever be: those of the beginning, and those
// that are added later.
func (w *World) size() int {
	spares := w.opt.Spares
	if !w.opt.Story {
		spares = sparesMax
	}
	return min(w.opt.Nodes+spares, nodesMax)
}

// plain sets a world without chance: a millisecond on the wire, half a one on
// the disk.
func (w *World) plain() {
	w.net.begin(w.opt.Seed, w.size())
	w.net.latencyMin, w.net.latencyMax = wireDefault, wireDefault
	w.syncMin, w.syncMax = syncDefault, syncDefault
	w.slow, w.leases, w.trailBytes = w.opt.Slow, w.opt.Leases, w.opt.TrailBytes
	w.appendBytes, w.snapshotBytes, w.segmentBytes = w.opt.MaxAppendBytes, w.opt.SnapshotBytes, w.opt.SegmentBytes
	if w.segmentBytes == 0 {
		w.segmentBytes = 64 << 10
	}
	w.load.clients = make([]client, clientsMax)
	w.load.ops = make([]Op, 1)
	w.load.stopped = true
	if w.opt.Trial != nil {
		w.try(w.opt.Trial)
	}
}

// draw lets the seed decide on the hardware, the settings and the load.
func (w *World) draw() {
	r := &w.rand
	w.net.latencyMin = raft.Duration(r.LogBetween(int64(50*raft.Microsecond), int64(4*raft.Millisecond)))
	w.net.latencyMax = w.net.latencyMin + raft.Duration(r.LogBetween(int64(50*raft.Microsecond), int64(8*raft.Millisecond)))
	w.syncMin = raft.Duration(r.LogBetween(int64(20*raft.Microsecond), int64(4*raft.Millisecond)))
	w.syncMax = w.syncMin + raft.Duration(r.LogBetween(int64(20*raft.Microsecond), int64(10*raft.Millisecond)))
	if r.Chance(1, 2) {
		w.applyMax = raft.Duration(r.LogBetween(int64(100*raft.Microsecond), int64(30*raft.Millisecond)))
	}
	if r.Chance(1, 2) {
		w.turnDelay = raft.Duration(r.LogBetween(int64(10*raft.Microsecond), int64(3*raft.Millisecond)))
	}
	w.slow = r.Chance(1, 2)
	w.leases = w.slow && r.Chance(2, 3)
	w.maxDrift = int(r.LogBetween(1_000, 100_000))
	if r.Chance(2, 3) {
		w.snapshotBytes = int(r.LogBetween(1<<9, 16<<10))
		w.trailBytes = w.snapshotBytes / 2 // who lacks more than that gets the snapshot
	}
	w.segmentBytes = r.LogBetween(4<<10, 64<<10)
	if r.Chance(1, 2) {
		w.appendBytes = int(r.LogBetween(1, 4<<10))
	}
	if r.Chance(1, 2) {
		w.inflight = int(r.LogBetween(1, 64))
	}
	clients := int(r.Between(5, 10))
	if w.opt.Clients > 0 {
		clients = w.opt.Clients
	}
	w.load.clients = make([]client, min(clients, clientsMax))
	for c := range w.load.clients {
		w.load.clients[c].rand = NewRand(w.opt.Seed, streamClients+uint64(c))
	}
	w.load.ops = make([]Op, 1, 2048)
	w.load.pause = raft.Duration(r.LogBetween(int64(80*raft.Millisecond), int64(600*raft.Millisecond)))
	w.load.patient = raft.Duration(r.LogBetween(int64(300*raft.Millisecond), int64(4*raft.Second)))
	w.load.reads = int(r.Between(10, 60))
}

// Options are those that the world was made with, defaults filled in.
func (w *World) Options() Options { return w.opt }

// Now is the simulated time since the world began.
func (w *World) Now() raft.Time { return w.now }

// Broken is the first promise that was broken, or nil. Where rules are left out it
// is the first of those that a reader is shown: see AllBroken for the others.
func (w *World) Broken() *Broken {
	for k := range w.witness.found {
		if b := &w.witness.found[k]; !w.witness.lawless || b.Invariant.Shown() {
			return b
		}
	}
	return nil
}

// AllBroken gives each promise that was broken once, in the order in which they
// were. There is more than one only where rules are left out.
func (w *World) AllBroken() []Broken { return w.witness.found }

// Steps is how many events have happened.
func (w *World) Steps() uint64 { return w.step }

// Hash digests everything that has happened: two runs of one seed give the same.
func (w *World) Hash() uint64 { return w.trace.hash }

// Tail gives the last n records of the trace, the oldest first.
func (w *World) Tail(n int) []Record { return w.trace.tail(n) }

// History is all operations of all clients, in the order of their calls.
func (w *World) History() []Op { return w.load.ops[1:] }

// Faults counts the faults of each class: for those that messages meet by chance,
// the messages.
func (w *World) Faults() [Classes]uint64 {
	c := w.storm.counts
	copy(c[:], w.net.hits[:])
	return c
}

// at plans an event.
func (w *World) at(t raft.Time, e event) {
	w.seq++
	e.at, e.seq = max(t, w.now), w.seq
	w.queue.push(e)
}

// record adds a line to the trace.
func (w *World) record(r *Record) {
	r.At, r.Step = w.now, w.step
	w.trace.add(r)
}

func (w *World) note(text string)  { w.record(&Record{Kind: RecordNote, Note: text}) }
func (w *World) fault(text string) { w.record(&Record{Kind: RecordFault, Note: text}) }

// Step lets the next event happen. It reports whether there was one and no
// promise is broken; where rules are left out, a broken promise stops nothing.
func (w *World) Step() bool {
	if w.witness.broken != nil || w.queue.len() == 0 {
		return false
	}
	e := w.queue.pop()
	if e.at > w.now {
		w.now = e.at
	}
	w.step++
	w.happen(&e)
	return w.witness.broken == nil
}

// RunUntil lets everything happen up to and with t. It reports whether all
// promises are kept. In a world that stands still only time passes.
func (w *World) RunUntil(t raft.Time) bool {
	for w.witness.broken == nil && w.queue.next() <= t {
		if !w.Step() {
			return false
		}
	}
	w.now = max(w.now, t)
	return w.witness.broken == nil
}

// happen dispatches an event.
func (w *World) happen(e *event) {
	n := &w.nodes[e.node]
	alive := n.up && n.run == e.run
	switch e.kind {
	case evDeliver:
		w.deliver(e)
	case evWake:
		if alive {
			w.woken(e)
		}
	case evTurn:
		if alive {
			n.turnPlanned = false
			w.turn(e.node)
		}
	case evSynced:
		if alive {
			w.syncEnded(e)
		}
	case evApplied:
		if alive {
			w.applyNext(e.node)
		}
	case evKept:
		if alive {
			w.kept(e)
		}
	case evSnapshot:
		if alive {
			w.snapshotSaved(e)
		}
	case evPeerDown:
		if alive && !w.net.cut[e.peer].has(e.node) {
			n.loop.PeerDown(raft.NodeID(e.peer+1), raft.Boot(e.n))
			w.soon(e.node)
		}
	case evRestart:
		if !n.up && n.run == e.run {
			w.Start(e.node)
		}
	case evResume:
		if alive && n.paused {
			w.resume(e.node)
		}
	case evClient:
		w.act(int(e.n))
	case evExpire:
		w.expire(e.n)
	case evFault:
		w.strike(&w.storm.plan.Faults[e.n])
	case evMend:
		w.mend(e.n)
	case evRoom:
		w.room(e.node)
	case evStorm:
		w.turnWeather(e.n == 1)
	}
}

// leader is the index of the node that leads the highest term, -1 if none does.
func (w *World) leader() int {
	best := -1
	for i := range w.nodes {
		if w.nodes[i].up && w.witness.leads[i] > 0 && (best < 0 || w.witness.leads[i] > w.witness.leads[best]) {
			best = i
		}
	}
	return best
}

// Run lets the whole seed happen: the time of faults, then the liveness phase.
// It gives the first broken promise, or nil.
func (w *World) Run() *Broken {
	if w.RunUntil(raft.Time(w.opt.Run)) {
		w.settle()
	}
	return w.Broken()
}

// Counts is what a world has done.
type Counts struct {
	Messages, Terms, Committed, Done, Refused, Unknown uint64
	Leased, Expired                                    uint64 // reads by lease, and those whose lease ended too soon
	Changed                                            uint64 // changes of the membership
	Clients                                            int
}

// Counts adds up what the world has done so far.
func (w *World) Counts() Counts {
	return Counts{w.messages, uint64(len(w.witness.leaders)), uint64(w.witness.commit()), w.load.done, w.load.refused, w.load.unknown, w.load.leased, w.load.expired, w.changed, len(w.load.clients)}
}
