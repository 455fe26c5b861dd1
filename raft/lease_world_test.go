package raft

import (
	"fmt"
	"slices"
)

// leasePlant is a mistake. Each is made by the world around the cores.
type leasePlant int

const (
	plantNone           leasePlant = iota
	plantFromReceipt               // the lease counts from when the answer arrived
	plantNoMargin                  // clocks are believed to be equal
	plantFastPromises              // a voter with fast detection promises, too
	plantForgetful                 // a restarted voter keeps no promise
	plantOneClock                  // the leader believes by a clock that stands still in its sleep
	plantTransferLeases            // a leader that handed over has a lease
	plantNoLook                    // the host does not look at its clock after the Step
	plantEarly                     // there is a lease before this term's first commit
	plantOneHalf                   // the old half of a joint configuration is not asked
	plantsBound
)

func (p leasePlant) String() string {
	return [...]string{"none", "from receipt", "no margin", "fast voters promise", "forgotten at restart",
		"one clock", "lease outlives transfer", "no look at the clock", "before the first commit", "one half"}[p]
}

const leaseTick = Millisecond / 4

// leaseWorld is a cluster in real time, of which each server sees two bent
// clocks of its own.
type leaseWorld struct {
	plant leasePlant
	rng   random
	now   Time // real
	nodes []*leaseNode
	wire  []flying
	cut   map[[2]NodeID]bool

	healFrom Time           // no cut is healed before
	delay    [6][6]Duration // between two servers, one way
	drift    int64          // bound of the clocks, in parts per million

	drops, doubles uint64 // one message in so many
	committed      Index  // anywhere
	why            string // the first stale read
	tags           uint64

	reads, byLease, leaders int
}

type leaseNode struct {
	id             NodeID
	cfg            Config
	core           *Core
	disk           Restored
	out            Output
	boot           Boot
	patient, eager Time
	rate           [2]int64 // of the two clocks, in millionths of real time
	wake           Time
	frozenTill     Time // its process stands still
	asleep         bool // its machine does: the patient clock stands still as well
	held           bool // it had looked at its clocks, at heldAt
	heldAt         [2]Time
}

func newLeaseWorld(seed uint64, plant leasePlant) *leaseWorld {
	w := &leaseWorld{plant: plant, rng: random{state: seed * 0x9e3779b97f4a7c15}, now: Time(Second), cut: map[[2]NodeID]bool{}}
	n := []int{3, 3, 5}[w.pick(3)]
	w.drift = []int64{1000, 100_000, 150_000}[w.pick(3)]
	w.drops, w.doubles = []uint64{8, 100, 1 << 40}[w.pick(3)], []uint64{6, 1 << 40}[w.pick(2)]
	slow := []Duration{leaseTick, 10 * Millisecond, 25 * Millisecond}
	for a := range w.delay {
		for b := range w.delay {
			w.delay[a][b] = leaseTick
			if w.pick(3) == 0 {
				w.delay[a][b] = slow[w.pick(3)]
			}
		}
	}
	conf := Configuration{}
	for id := NodeID(1); id <= NodeID(n); id++ {
		conf.Members = append(conf.Members, Member{ID: id, Incarnation: Incarnation(id), Level: LevelNow})
		if n == 5 && id > 3 && seed%2 == 0 {
			conf.Learners = append(conf.Learners, id)
		} else {
			conf.Voters = append(conf.Voters, id)
		}
	}
	least := w.pick(2) == 0 // every timeout is the smallest
	fast := w.pick(4) == 0
	for id := NodeID(1); id <= NodeID(n); id++ {
		x := &leaseNode{id: id, disk: Restored{Hard: HardState{Standing: Admitted}}}
		x.cfg = Config{Group: 1, Self: id, Incarnation: Incarnation(id), Initial: conf, Seed: w.rng.next(), Level: LevelNow,
			ElectionMin: 100 * Millisecond, ElectionMax: 140 * Millisecond, Heartbeat: 20 * Millisecond,
			NoFastDetection: true, LeaseReads: true, MaxDrift: int(w.drift)}
		if least {
			x.cfg.Draw = func(least, most Duration) Duration { return least }
		}
		if fast && w.pick(2) == 0 {
			x.cfg.NoFastDetection, x.cfg.LeaseReads = false, false
		}
		if w.pick(8) == 0 { // unequal timeouts: each promises what it keeps
			x.cfg.ElectionMin, x.cfg.ElectionMax = 60*Millisecond, 70*Millisecond
		}
		x.patient, x.eager = Time(w.pick(uint64(1000*Second))), Time(w.pick(uint64(1000*Second)))+1
		w.bend(x)
		w.nodes = append(w.nodes, x)
		w.start(x)
	}
	return w
}

func (w *leaseWorld) pick(n uint64) uint64 { return w.rng.next() % n }

// bend draws how fast the clocks go: as fast as allowed, as slow, or anything.
func (w *leaseWorld) bend(x *leaseNode) {
	const million = 1_000_000
	switch w.pick(4) {
	case 0:
		x.rate = [2]int64{million + w.drift, million + w.drift}
	case 1, 2, 29:
		x.rate = [2]int64{million - w.drift, million - w.drift}
	default:
		eager := million - w.drift + int64(w.pick(uint64(2*w.drift)+1))
		x.rate = [2]int64{eager - int64(w.pick(300_000)), eager}
	}
}

func (w *leaseWorld) start(x *leaseNode) {
	x.boot++
	x.cfg.Boot = x.boot
	x.cfg.Seed += 17
	core, err := New(x.cfg, x.disk, x.patient)
	if err != nil {
		panic(err)
	}
	if w.plant == plantForgetful {
		core.heardEver = false
	}
	x.core, x.wake, x.frozenTill, x.held = core, x.patient, 0, false
}

// run gives the first stale read in a sentence, or "".
func (w *leaseWorld) run() string {
	for range 3 * Second / leaseTick {
		w.tick()
		if w.why != "" {
			break
		}
	}
	return w.why
}

func (w *leaseWorld) tick() {
	w.now += Time(leaseTick)
	for _, x := range w.nodes {
		x.eager += Time(int64(leaseTick) * x.rate[1] / 1_000_000)
		if !x.asleep {
			x.patient += Time(int64(leaseTick) * x.rate[0] / 1_000_000)
		}
		if x.frozenTill > w.now {
			continue
		}
		x.asleep = false
		if x.held {
			x.held = false
			w.read(x, x.heldAt)
		}
	}
	w.trouble()
	w.deliver()
	for _, x := range w.nodes {
		if x.frozenTill > w.now {
			continue
		}
		if x.wake <= x.patient {
			w.step(x, Input{Kind: InputWake})
		}
		if x.core.Role() == Leader && w.pick(4) == 0 {
			w.read(x, [2]Time{x.patient, x.eager})
		}
	}
}

func (w *leaseWorld) any() *leaseNode { return w.nodes[w.pick(uint64(len(w.nodes)))] }

func (w *leaseWorld) leader() *leaseNode {
	var best *leaseNode
	for _, x := range w.nodes {
		if x.core.Role() == Leader && (best == nil || x.core.Term() > best.core.Term()) {
			best = x
		}
	}
	return best
}

// trouble aims at leaders, for only they believe anything.
func (w *leaseWorld) trouble() {
	l := w.leader()
	if l == nil {
		return
	}
	switch w.pick(2000) {
	case 0: // nobody hears it, or it hears nobody
		w.isolate(l, w.pick(2) == 0, false)
	case 1, 2, 29:
		w.isolate(l, true, true)
		if w.pick(2) == 0 { // the worst that clocks may do now
			w.healFrom = w.now + Time(250*Millisecond)
			for _, o := range w.nodes {
				o.rate = [2]int64{1_000_000 + w.drift, 1_000_000 + w.drift}
			}
			l.rate = [2]int64{1_000_000 - w.drift, 1_000_000 - w.drift}
		}
	case 3, 4, 5, 6, 7:
		if w.now >= w.healFrom {
			clear(w.cut)
		}
	case 8, 30: // one server is alone with its timer
		w.isolatePair(l.id, w.any().id)
	case 9, 10:
		w.freeze(l)
	case 11:
		w.freeze(w.any())
	case 21: // connections close, and the leader lives on
		w.isolate(l, true, true)
		for _, o := range w.nodes {
			w.step(o, Input{Kind: InputPeerDown, Peer: l.id, Boot: l.boot})
		}
	case 22, 23, 24, 25, 26, 27: // a server restarts and is cut off from the leader it answered
		if x := w.any(); x != l {
			w.start(x)
			w.isolatePair(l.id, x.id)
		}
	case 28:
		w.bend(w.any())
	case 12, 13, 14:
		w.start(w.any())
	case 15, 16:
		w.step(l, Input{Kind: InputTransfer})
	case 17, 18:
		w.step(l, Input{Kind: InputChange, Tag: 1, Changes: w.otherVoters(l)})
	case 31, 32, 33, 34:
		w.swap(l)
	case 19, 20:
		x := w.any()
		w.step(x, Input{Kind: InputPeerDown, Peer: l.id, Boot: l.boot})
	}
	if w.pick(20) == 0 && l.frozenTill <= w.now {
		w.tags++
		w.step(l, Input{Kind: InputPropose, Proposals: []Proposal{{Tag: w.tags, Kind: EntryCommand, Data: []byte{1}}}})
	}
}

// isolate cuts every link to and from l, or some directions.
func (w *leaseWorld) isolate(l *leaseNode, to, from bool) {
	for _, o := range w.nodes {
		if o != l {
			w.cut[[2]NodeID{o.id, l.id}] = to
			w.cut[[2]NodeID{l.id, o.id}] = from
		}
	}
}

func (w *leaseWorld) isolatePair(a, b NodeID) {
	w.cut[[2]NodeID{a, b}], w.cut[[2]NodeID{b, a}] = true, true
}

// freeze stops a process, perhaps with its machine, perhaps between its look at
// the clocks and its Step.
func (w *leaseWorld) freeze(x *leaseNode) {
	x.frozenTill, x.asleep = w.now+Time(w.pick(uint64(400*Millisecond))), w.pick(2) == 0
	x.held = w.pick(2) == 0
	x.heldAt = [2]Time{x.patient, x.eager}
}

// otherVoters draws another set of two voters or more.
func (w *leaseWorld) otherVoters(l *leaseNode) (all []Change) {
	now := l.core.config()
	left := len(now.Voters)
	for _, m := range now.Members {
		switch {
		case w.pick(2) == 0:
		case contains(now.Learners, m.ID):
			all = append(all, Change{Kind: ChangePromote, Member: Member{ID: m.ID}, Force: true})
			left++
		case left > 2:
			all = append(all, Change{Kind: ChangeDemote, Member: Member{ID: m.ID}, Force: true})
			left--
		}
	}
	return all
}

// swap replaces all voters but the leader by the learners, while those who leave
// lose sight of the others.
func (w *leaseWorld) swap(l *leaseNode) {
	now := l.core.config()
	if len(now.Learners) == 0 || len(now.Outgoing) > 0 {
		return
	}
	var all []Change
	for _, id := range now.Learners {
		all = append(all, Change{Kind: ChangePromote, Member: Member{ID: id}, Force: true})
	}
	for _, id := range now.Voters {
		if id == l.id {
			continue
		}
		all = append(all, Change{Kind: ChangeDemote, Member: Member{ID: id}, Force: true})
		w.isolatePair(l.id, id)
		for _, other := range now.Learners {
			w.isolatePair(other, id)
		}
	}
	w.healFrom = w.now + Time(400*Millisecond)
	w.step(l, Input{Kind: InputChange, Tag: 1, Changes: all})
}

// plantedLease answers a read by a lease that there is not.
func (w *leaseWorld) plantedLease(x *leaseNode) []Outcome {
	c := x.core
	if c.role != Leader || c.transfer.to != 0 || c.handedOver {
		return nil
	}
	first := c.firstOfTerm
	if w.plant == plantEarly {
		c.firstOfTerm = 0
	}
	config := c.config().Clone()
	if w.plant == plantOneHalf {
		c.config().Outgoing = nil
	}
	end := c.leaseEnd()
	c.firstOfTerm, *c.config() = first, config
	if x.eager >= end {
		return nil
	}
	return []Outcome{{Kind: ReadReady, Tag: w.tags, Index: c.commit, Expiry: end}}
}

func (w *leaseWorld) deliver() {
	var due []flying
	keep := w.wire[:0]
	for _, f := range w.wire {
		if f.due > w.now || w.nodes[f.m.To-1].frozenTill > w.now {
			keep = append(keep, f)
		} else {
			due = append(due, f)
		}
	}
	w.wire = keep
	slices.SortStableFunc(due, func(a, b flying) int { return int(a.due - b.due) })
	for k := range due {
		m := due[k].m
		x := w.nodes[m.To-1]
		w.mistake(x, &m)
		w.step(x, Input{Kind: InputReceive, Message: &m})
	}
}

// mistake makes the planted mistake in what a leader is told.
func (w *leaseWorld) mistake(x *leaseNode, m *Message) {
	sent, promise := &m.HeartbeatRep.Sent, &m.HeartbeatRep.Promise
	if m.Kind == KindAppendReply {
		sent, promise = &m.AppendReply.Sent, &m.AppendReply.Promise
	}
	if m.Kind != KindAppendReply && m.Kind != KindHeartbeatRep {
		return
	}
	switch w.plant {
	case plantFromReceipt:
		*sent = x.eager
	case plantNoMargin:
		*promise = *promise * Duration(1_000_000+w.drift) / Duration(1_000_000-w.drift)
	case plantFastPromises:
		*promise = w.nodes[m.From-1].cfg.ElectionMin
	}
}

// step is one Step at what the server's clocks show now; its writes are durable
// at once. One that stands still takes none.
func (w *leaseWorld) step(x *leaseNode, in Input) {
	if x.frozenTill > w.now {
		return
	}
	in.Eager = x.eager
	w.stepAt(x, x.patient, in)
}

func (w *leaseWorld) stepAt(x *leaseNode, patient Time, in Input) {
	if w.plant == plantOneClock {
		in.Eager = 0
	}
	was := x.core.Role()
	x.core.Step(patient, in, &x.out)
	if f := x.core.Fault(); f != "" {
		w.why = fmt.Sprintf("server %d halted: %s", x.id, f)
		return
	}
	if was != Leader && x.core.Role() == Leader {
		w.leaders++
	}
	w.committed = max(w.committed, x.core.commit)
	x.wake = x.out.Wake
	for k := range x.out.Send {
		w.send(x.out.Send[k])
	}
	if w.plant == plantTransferLeases && x.core.transfer.sent {
		x.core.transfer, x.core.handedOver = transfer{}, false
	}
	if x.out.Write.Seq != 0 {
		seq := x.out.Write.Seq
		x.disk.write(x.out.Write)
		w.step(x, Input{Kind: InputPersisted, Seq: seq})
	}
}

func (w *leaseWorld) send(m Message) {
	if w.cut[[2]NodeID{m.From, m.To}] || w.pick(w.drops) == 0 {
		return
	}
	delay := w.delay[m.From][m.To]
	if w.pick(64) == 0 {
		delay += Duration(w.pick(uint64(200 * Millisecond)))
	}
	w.wire = append(w.wire, flying{due: w.now + Time(delay), m: m})
	if w.pick(w.doubles) == 0 {
		w.wire = append(w.wire, flying{due: w.now + Time(delay) + Time(w.pick(uint64(300*Millisecond))), m: m})
	}
}

// read asks for a read by lease, with what the server believes its clocks to
// show, and looks at them again afterwards.
func (w *leaseWorld) read(x *leaseNode, clocks [2]Time) {
	if x.core.Role() == Leader {
		w.reads++
	}
	w.tags++
	in := Input{Kind: InputRead, Tag: w.tags, Lease: true, Eager: clocks[1]}
	w.stepAt(x, clocks[0], in)
	answers := x.out.Outcomes
	if w.plant == plantEarly || w.plant == plantOneHalf {
		answers = w.plantedLease(x)
	}
	for _, o := range answers {
		if o.Tag != in.Tag || o.Kind != ReadReady || o.Expiry == 0 {
			continue
		}
		shown := x.eager
		if w.plant == plantOneClock {
			shown = x.core.eager
		}
		if shown >= o.Expiry && w.plant != plantNoLook {
			continue // the host asks again
		}
		w.byLease++
		if o.Index < w.committed {
			w.why = fmt.Sprintf("at %.2f ms server %d, leader of term %d, reads %d by its lease; %d is committed",
				float64(w.now)/1e6, x.id, x.core.Term(), o.Index, w.committed)
		}
	}
}
