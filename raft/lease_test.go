package raft

import (
	"flag"
	"fmt"
	"slices"
	"testing"
)

var leaseSeed = flag.Uint64("lease-seed", 0, "run this seed of the lease worlds only")

// Goal: a read by lease is never stale, whatever clocks within the stated drift,
// sleeps, held-up processes, networks, restarts, transfers and changes of the
// voters do; and leases are not so careful that there are none. Method:
// thousands of seconds in worlds of bent clocks, with a checker that knows what
// is committed anywhere.
func TestLease_NoReadIsStaleUnderBentClocks(t *testing.T) {
	if *leaseSeed != 0 {
		if why := newLeaseWorld(*leaseSeed, plantNone).run(); why != "" {
			t.Fatal(why)
		}
		return
	}
	worlds := uint64(800)
	if testing.Short() {
		worlds = 150
	}
	reads, byLease, leaders := 0, 0, 0
	for seed := uint64(1); seed <= worlds; seed++ {
		w := newLeaseWorld(seed, plantNone)
		if why := w.run(); why != "" {
			t.Fatalf("seed %d: %s\nrepeat: go test ./raft -run TestLease_NoRead -lease-seed %d", seed, why, seed)
		}
		reads, byLease, leaders = reads+w.reads, byLease+w.byLease, leaders+w.leaders
	}
	t.Logf("%d worlds, %d leaders, %d reads asked of leaders, %d answered by lease", worlds, leaders, reads, byLease)
	if byLease*5 < reads || uint64(leaders) < 2*worlds {
		t.Fatal("there is hardly a lease, or hardly another leader: this tests nothing")
	}
}

// Goal: the test above would notice each mistake that leases are known for.
// Method: plant it, by what the servers are told, and look for the first world
// with a stale read.
func TestLease_PlantedMistakesAreFound(t *testing.T) {
	for plant := plantNone + 1; plant < plantsBound; plant++ {
		t.Run(plant.String(), func(t *testing.T) {
			for seed := uint64(1); seed <= 2500; seed++ {
				if why := newLeaseWorld(seed, plant).run(); why != "" {
					t.Logf("found in world %d: %s", seed, why)
					return
				}
			}
			t.Fatal("2,500 worlds found nothing")
		})
	}
}

// Goal: a voter keeps the promise that it gave to a leader, also in the next
// term, of which it has heard from somebody else. Method: tell it of that term by
// a late refusal of a pre-vote, and let that term's candidate ask.
func TestLease_PromiseOutlivesItsTerm(t *testing.T) {
	c := newCluster(t, 3)
	cfg := c.node(1).cfg
	cfg.NoFastDetection = true
	v, err := New(cfg, Restored{Hard: HardState{Term: 3, Standing: Admitted}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := &Output{}
	receive := func(now Time, m Message) {
		m.Group, m.To = 1, 1
		v.Step(now, Input{Kind: InputReceive, Message: &m}, out)
		for out.Write.Seq != 0 {
			v.Step(now, Input{Kind: InputPersisted, Seq: out.Write.Seq}, out)
		}
	}
	heard := Time(Second)
	receive(heard, Message{Kind: KindHeartbeat, From: 2, Term: 3, Heartbeat: Heartbeat{Session: 1, Sent: 5}})
	if len(out.Send) != 1 || out.Send[0].HeartbeatRep.Promise != cfg.withDefaults().ElectionMin {
		t.Fatalf("answered %+v", out.Send)
	}
	receive(heard+1, Message{Kind: KindVoteReply, From: 3, Term: 4, VoteReply: VoteReply{Campaign: 7, Pre: true, Reason: ReasonVoted}})
	if v.Term() != 4 {
		t.Fatalf("term %d", v.Term())
	}
	for _, tc := range []struct {
		after Duration
		grant bool
	}{{2, false}, {DefaultElectionMin - 1, false}, {DefaultElectionMin, true}} {
		receive(heard+Time(tc.after), Message{Kind: KindRequestVote, From: 3, Term: 4, RequestVote: RequestVote{Campaign: 8}})
		if len(out.Send) != 1 || out.Send[0].VoteReply.Granted != tc.grant {
			t.Fatalf("%d ns after it promised, it answers %+v", tc.after, out.Send)
		}
	}
}

// Goal: who keeps no promise makes none: fast detection, automatic timing, a
// damaged disk, and answers to anybody but the leader.
func TestLease_PromisesAreMadeByWhoKeepsThem(t *testing.T) {
	for _, tc := range []struct {
		name    string
		cfg     func(*Config)
		damaged bool
		want    Duration
	}{
		{"slow detection", func(c *Config) {}, false, 150 * Millisecond},
		{"another timeout", func(c *Config) { c.ElectionMin, c.ElectionMax = 400*Millisecond, 500*Millisecond }, false, 400 * Millisecond},
		{"fast detection", func(c *Config) { c.NoFastDetection = false }, false, 0},
		{"automatic timing", func(c *Config) { c.AutoTiming = true }, false, 0},
		{"damaged disk", func(c *Config) {}, true, 0},
	} {
		cfg := newCluster(t, 3).node(1).cfg
		cfg.NoFastDetection = true
		tc.cfg(&cfg)
		d := Restored{Hard: HardState{Term: 1, Standing: Admitted}}
		if d.Damaged = tc.damaged; d.Damaged {
			d.Hard.Standing = Damaged
		}
		v, err := New(cfg, d, 0)
		if err != nil {
			t.Fatal(err)
		}
		out, next := &Output{}, &Output{}
		v.Step(1, Input{Kind: InputReceive, Message: &Message{Group: 1, To: 1, From: 2, Term: 1, Kind: KindHeartbeat}}, out)
		v.Step(1, Input{Kind: InputPersisted, Seq: v.disk.issued}, next)
		replies := append(out.Send, next.Send...)
		replies = slices.DeleteFunc(replies, func(m Message) bool { return m.Kind != KindHeartbeatRep })
		if len(replies) != 1 || replies[0].HeartbeatRep.Promise != tc.want {
			t.Errorf("%s: answered %+v, want a promise of %d", tc.name, replies, tc.want)
		}
	}
}

// Goal: a lease ends where the promises do, needs this term's first commit and
// majorities of both halves, and is void from the start of a transfer on.
// Method: give a leader of three answers, and look.
func TestLease_EndsWithThePromisesOfAMajority(t *testing.T) {
	c := newCluster(t, 4)
	for _, n := range c.nodes {
		n.cfg.NoFastDetection, n.cfg.LeaseReads = true, true
	}
	c.startAll()
	l := c.elect()
	c.pass(200)
	var others []*peer
	for k := range l.core.peers {
		others = append(others, &l.core.peers[k])
	}
	for k, at := range []Time{5000, 7000, 3000} {
		others[k].promised = at
	}
	if end := l.core.leaseEnd(); end != 5000 { // itself and two of three others
		t.Fatalf("a lease of four ends at %d", end)
	}
	now := &l.core.configs[len(l.core.configs)-1].Config
	before := now.Clone()
	now.Voters, now.Outgoing = []NodeID{l.id, others[1].id}, []NodeID{others[0].id, others[1].id, others[2].id}
	slices.Sort(now.Voters)
	if end := l.core.leaseEnd(); end != 5000 {
		t.Fatalf("a joint lease ends at %d", end)
	}
	now.Outgoing = []NodeID{others[2].id}
	if end := l.core.leaseEnd(); end != 3000 {
		t.Fatalf("a joint lease whose old half is server %d ends at %d", others[2].id, end)
	}
	*now = before
	first := l.core.firstOfTerm
	l.core.firstOfTerm = l.core.commit + 1
	if end := l.core.leaseEnd(); end != 0 {
		t.Fatalf("a lease before the first commit ends at %d", end)
	}
	l.core.firstOfTerm = first
	c.isolate(l.id)
	c.step(l, Input{Kind: InputTransfer, Peer: others[0].id})
	if end := l.core.leaseEnd(); end != 0 || l.core.Confirmed() {
		t.Fatalf("a lease during a transfer ends at %d", end)
	}
}

// Goal: a lease of a transfer that was never sent comes back, and a read without
// a lease goes its round. Method: transfer to a server that is cut off.
func TestLease_ReadsWithAndWithout(t *testing.T) {
	c := newCluster(t, 3)
	for _, n := range c.nodes {
		n.cfg.NoFastDetection, n.cfg.LeaseReads = true, true
	}
	c.startAll()
	l := c.elect()
	c.pass(200)
	ask := func(tag uint64) Outcome {
		c.step(l, Input{Kind: InputRead, Tag: tag, Lease: true})
		c.until("the read ends", 500, func() bool { _, ok := l.outcome(tag); return ok })
		o, _ := l.outcome(tag)
		return o
	}
	longest := c.now + Time(DefaultElectionMin)*995/1005
	if o := ask(1); o.Kind != ReadReady || o.Expiry <= l.core.eager || o.Expiry > longest || o.Index != l.core.commit {
		t.Fatalf("answered %+v, at %d with a longest lease until %d", o, l.core.eager, longest)
	}
	f := c.node(l.id%3 + 1)
	c.isolate(f.id)
	c.propose(l, 9, "which it lacks")
	c.step(l, Input{Kind: InputTransfer, Peer: f.id})
	if o := ask(2); o.Kind != ReadReady || o.Expiry != 0 {
		t.Fatalf("during a transfer it answered %+v", o)
	}
	c.pass(400)
	if o := ask(3); o.Kind != ReadReady || o.Expiry == 0 {
		t.Fatalf("after a transfer that was never sent it answered %+v", o)
	}
	c.heal()
	c.pass(400)
	c.step(f, Input{Kind: InputRead, Tag: 4, Lease: true})
	c.until("the read ends", 500, func() bool { _, ok := f.outcome(4); return ok })
	if o, _ := f.outcome(4); o.Kind != ReadReady || o.Expiry != 0 {
		t.Fatalf("a follower has no lease, but answered %+v", o)
	}
}

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
