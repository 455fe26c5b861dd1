package raft

import (
	"flag"
	"fmt"
	"slices"
	"testing"
)

var stormSeed = flag.Uint64("storm-seed", 0, "run this seed of the storm only")

// Goal: whatever network and disks do, the promises of Figure 3 hold, every
// acknowledged write stays, reads cover them, and every request ends once.
// Method: hundreds of seeds of hostile milliseconds; after every Step a checker
// that sees all servers looks. In the end all faults stop, and the cluster must
// work again within three seconds.
func TestRandom_SafeUnderFaultsAndLiveAfterThem(t *testing.T) {
	seeds, ms := 800, 2000
	if testing.Short() {
		seeds = 60
	}
	if *stormSeed != 0 {
		newStorm(t, *stormSeed).run(ms)
		return
	}
	acked, leaders := 0, 0
	for seed := uint64(1); seed <= uint64(seeds); seed++ {
		s := newStorm(t, seed)
		s.run(ms)
		acked += s.acked
		leaders += len(s.led)
	}
	t.Logf("%d seeds: %d acknowledged writes under %d leaders", seeds, acked, leaders)
	if acked < 30*seeds || leaders < 2*seeds {
		t.Fatal("the storm is so strong, or so weak, that it tests nothing")
	}
}

// Goal: the same while members come and go, snapshots replace logs that were
// cut, and now and then a disk has lost what it confirmed. Method: as above,
// with changes of every kind asked of leaders, also forced ones and several at
// once; newcomers start empty; who learns that it was removed stops.
func TestRandom_MembersComeAndGo(t *testing.T) {
	seeds, ms := 500, 2500
	if testing.Short() {
		seeds = 40
	}
	first := uint64(1)
	if *stormSeed != 0 {
		first, seeds = *stormSeed, 1
	}
	total := map[EventKind]int{}
	changes := 0
	for seed := first; seed < first+uint64(seeds); seed++ {
		s := newStorm(t, seed)
		s.churn = true
		for _, n := range s.nodes {
			s.small(n)
		}
		s.run(ms)
		for kind, k := range s.told {
			total[kind] += k
		}
		changes += s.changed
	}
	t.Logf("%d seeds: %d changes, %d snapshots installed, %d removals told, %d disks repaired", seeds, changes,
		total[EventSnapshotInstalled], total[EventRemoved], total[EventRepaired])
	for _, kind := range []EventKind{EventSnapshotInstalled, EventRemoved, EventRepaired} {
		if *stormSeed == 0 && total[kind] < seeds/20 {
			t.Fatalf("event %d happened %d times: nothing is tested", kind, total[kind])
		}
	}
	if *stormSeed == 0 && changes < seeds {
		t.Fatalf("only %d changes", changes)
	}
}

// Goal: the same seed gives the same run (case 84). Method: every message,
// event, write and state of two runs goes into one digest.
func TestRandom_SameSeedSameTrace(t *testing.T) {
	seen := map[uint64]uint64{}
	for seed := range uint64(8) {
		for range 2 {
			s := newStorm(t, seed)
			s.run(1000)
			if h, ok := seen[seed]; ok && h != uint64(s.digest) {
				t.Fatalf("seed %d: traces %x and %x", seed, h, uint64(s.digest))
			}
			seen[seed] = uint64(s.digest)
		}
	}
	if seen[0] == seen[1] {
		t.Fatal("different seeds gave the same trace")
	}
}

// storm is a cluster under faults, with a checker that sees all of it.
type storm struct {
	*cluster
	seed   uint64
	rng    random
	calm   bool
	flying []flying
	doomed []doomed // about to crash: with a vote not yet durable, or as new leaders
	digest digest

	dropIn, doubleIn, slow uint64 // one message in so many; longest delay in ms
	crashIn                uint64 // one vote or new leader in so many is followed by a crash
	fast                   bool   // fast detection is on

	seen   map[slot]placed // every entry that any log ever held
	truth  []Entry         // what was applied somewhere, by index-1
	led    map[Term]NodeID
	tags   uint64
	asked  map[uint64]request
	ended  map[uint64]Outcome
	acked  int
	ackedI Index // the largest index told as committed

	churn   bool              // members come and go, and disks are damaged
	asks    map[uint64]NodeID // changes without an outcome
	changed int
	told    map[EventKind]int
	gone    map[NodeID]bool     // told that it was removed, and stopped
	hurt    map[NodeID]Restored // what a damaged disk held before
}

type doomed struct {
	due Time
	n   *node
}

type flying struct {
	due Time
	m   Message
}

// slot is where an entry stands; Log Matching says that it fixes all before it.
type slot struct {
	index Index
	term  Term
}

type placed struct {
	before Term // of the entry before it
	entry  Entry
}

// request is a proposal or a read that was asked of a server.
type request struct {
	node   NodeID
	boot   Boot
	read   bool
	change bool
	floor  Index // a read must not be answered below
}

func newStorm(t *testing.T, seed uint64) *storm {
	s := &storm{seed: seed, rng: random{state: seed*0x9e3779b97f4a7c15 + 1}, seen: map[slot]placed{},
		led: map[Term]NodeID{}, asked: map[uint64]request{}, ended: map[uint64]Outcome{},
		asks: map[uint64]NodeID{}, told: map[EventKind]int{}, gone: map[NodeID]bool{}, hurt: map[NodeID]Restored{}}
	s.cluster = newCluster(t, []int{1, 2, 3, 3, 4, 5, 5, 5}[s.pick(8)])
	s.dropIn = []uint64{4, 20, 1000}[s.pick(3)]
	s.doubleIn = []uint64{5, 1000}[s.pick(2)]
	s.slow = []uint64{1, 5, 30}[s.pick(3)]
	s.fast = s.pick(2) == 0
	s.crashIn = []uint64{8, 8, 2}[s.pick(3)]
	small, durable, auto, preferred := s.pick(3) == 0, s.pick(2) == 0, s.pick(2) == 0, s.pick(2) == 0
	for _, n := range s.nodes {
		n.cfg.Seed = s.rng.next()
		n.cfg.NoFastDetection = !s.fast
		n.cfg.LeaseReads, n.cfg.AutoTiming = !s.fast, s.fast && auto
		n.cfg.DurableApply = durable
		if preferred {
			n.cfg.Initial = n.cfg.Initial.Clone()
			n.cfg.Initial.Members[0].Priority = 3
		}
		if s.crashIn == 2 { // candidates come at the same time, to compete for votes
			n.cfg.ElectionMin, n.cfg.ElectionMax, n.cfg.Heartbeat = 60*Millisecond, 66*Millisecond, 20*Millisecond
		}
		if small { // windows of a few entries
			n.cfg.MaxAppendBytes, n.cfg.MaxInflight, n.cfg.MaxInflightBytes = 120, 3, 400
		}
	}
	for _, n := range s.nodes {
		s.up(n)
	}
	return s
}

func (s *storm) pick(n uint64) uint64 { return s.rng.next() % n }

func (s *storm) one(in uint64) bool { return s.pick(in) == 0 }

func (s *storm) any() *node { return s.nodes[s.pick(uint64(len(s.nodes)))] }

func (s *storm) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("seed %d at %d ms: %s\nrepeat: go test ./raft -run %s -storm-seed %d", s.seed, s.now/Time(Millisecond), fmt.Sprintf(format, args...), s.name(), s.seed)
}

func (s *storm) run(ms int) {
	for range ms {
		s.trouble()
		s.ask()
		s.ms()
	}
	s.settleDown()
}

// ms passes one millisecond.
func (s *storm) ms() {
	s.now += Time(Millisecond)
	for _, n := range s.nodes {
		if n.core != nil && len(n.writes) > 0 && (s.calm || !n.diskSlow || s.one(40)) {
			s.sync(n, 1+s.pick(uint64(len(n.writes))), true)
		}
	}
	s.deliver()
	for _, n := range s.nodes {
		s.fetchFor(n)
		if n.core != nil && n.wake <= s.now {
			s.do(n, Input{Kind: InputWake})
			if n.wake <= s.now {
				s.fail("server %d wants to be woken again at once, which is a busy loop: %+v", n.id, n.core.Status())
			}
		}
	}
	s.checkConfirmed()
}

// deliver hands over what is due, in the order of its due times.
func (s *storm) deliver() {
	var due []flying
	keep := s.flying[:0]
	for _, f := range s.flying {
		if f.due <= s.now {
			due = append(due, f)
		} else {
			keep = append(keep, f)
		}
	}
	s.flying = keep
	slices.SortStableFunc(due, func(a, b flying) int { return int(a.due - b.due) })
	for k := range due {
		m := &due[k].m
		n := s.node(m.To)
		if n.core == nil || s.cut[[2]NodeID{m.From, m.To}] {
			continue
		}
		if s.one(16) { // through the codec now and then; otherwise servers share memory, which must not hurt
			var back Message
			if err := DecodeMessage(AppendMessage(nil, m), &back); err != nil {
				s.fail("codec: %v", err)
			}
			m = &back
		}
		s.do(n, Input{Kind: InputReceive, Message: m})
	}
}

// send puts a message on its way, perhaps twice, perhaps nowhere.
func (s *storm) send(m Message) {
	if !s.calm && s.one(s.dropIn) {
		return
	}
	copies := 1
	if !s.calm && s.one(s.doubleIn) {
		copies = 2
	}
	for range copies {
		delay := Duration(1)
		if !s.calm {
			delay = Millisecond/4 + Duration(s.pick(s.slow*uint64(Millisecond)))
			if s.one(200) {
				delay += Duration(s.pick(uint64(Second))) // a straggler
			}
		}
		s.flying = append(s.flying, flying{due: s.now + Time(delay), m: m})
	}
}

// sync makes the first k writes durable, and perhaps tells the core.
func (s *storm) sync(n *node, k uint64, tell bool) {
	for _, w := range n.writes[:k] {
		n.disk.write(w)
	}
	seq := n.writes[k-1].Seq
	n.writes = slices.Clone(n.writes[k:])
	if tell {
		s.do(n, Input{Kind: InputPersisted, Seq: seq})
	}
}

// trouble does now and then what may go wrong.
func (s *storm) trouble() {
	keep := s.doomed[:0]
	for _, d := range s.doomed {
		if d.due > s.now {
			keep = append(keep, d)
			continue
		}
		s.down(d.n)
		if s.one(2) && d.n.core == nil {
			s.up(d.n)
		}
	}
	s.doomed = keep
	switch s.pick(800) {
	case 0, 1:
		s.down(s.any())
	case 2, 3, 4, 5, 19, 20, 21, 22:
		if n := s.any(); n.core == nil {
			s.up(n)
		}
	case 6:
		a, b := s.any(), s.any()
		s.cut[[2]NodeID{a.id, b.id}] = true // one way only
	case 7:
		s.isolate(s.any().id)
	case 8, 9, 10:
		s.heal()
	case 11:
		n := s.any()
		n.diskSlow = !n.diskSlow
	case 12, 13:
		a, b := s.any(), s.any() // closed connections, mostly of a server that lives
		if a.core != nil && a != b {
			s.do(a, Input{Kind: InputPeerDown, Peer: b.id, Boot: b.boot})
		}
	case 14:
		if l := s.leader(); l != nil {
			s.do(l, Input{Kind: InputTransfer, Peer: NodeID(s.pick(uint64(len(s.nodes)) + 1))})
		}
	case 15, 16, 23, 24:
		if n := s.any(); n.core != nil {
			i := n.core.handed
			s.save(n, i-Index(s.pick(uint64(min(i, 3))+1)))
		}
	case 25, 26, 27, 28, 29, 30:
		if l := s.leader(); l != nil && s.churn && !s.damaged() {
			s.askChange(l)
		}
	case 17:
		if l := s.leader(); l != nil {
			s.down(l)
		}
	case 18:
		s.now += Time(s.pick(uint64(400 * Millisecond))) // the whole machine slept
	}
}

// ask proposes and reads.
func (s *storm) ask() {
	n := s.any()
	if l := s.leader(); l != nil && s.one(2) {
		n = l
	}
	if n.core == nil || !s.one(3) {
		return
	}
	s.tags++
	tag := s.tags
	s.asked[tag] = request{node: n.id, boot: n.boot, read: s.one(3), floor: s.ackedI}
	if s.asked[tag].read {
		s.do(n, Input{Kind: InputRead, Tag: tag, Lease: s.one(2)})
		return
	}
	s.do(n, Input{Kind: InputPropose, Proposals: []Proposal{{Tag: tag, Kind: EntryCommand, Data: fmt.Append(nil, tag)}}})
}

// up starts a server from its disk.
func (s *storm) up(n *node) {
	if s.gone[n.id] {
		return
	}
	if s.churn && s.one(4) && !s.calm {
		s.damage(n)
	}
	s.cluster.start(n.id)
	n.wake = s.now + 1
	n.applied = nil
}

// down kills a server. Some of what it wrote may have reached its disk without
// it knowing; the rest is gone.
func (s *storm) down(n *node) {
	if n.core == nil {
		return
	}
	if len(n.writes) > 0 && s.one(2) {
		s.sync(n, 1+s.pick(uint64(len(n.writes))), false)
	}
	n.core, n.writes = nil, nil
	for _, o := range s.nodes {
		if o.core != nil && s.one(2) {
			s.do(o, Input{Kind: InputPeerDown, Peer: n.id, Boot: n.boot})
		}
	}
}

// do is one Step with all its checks.
func (s *storm) do(n *node, in Input) {
	was := n.core.Role()
	n.core.Step(s.now, in, &n.out)
	o := &n.out
	if f := n.core.Fault(); f != "" {
		s.fail("server %d halted: %s", n.id, f)
	}
	if len(n.core.disk.held) > 64*len(s.nodes) {
		s.fail("server %d holds %d messages", n.id, len(n.core.disk.held))
	}
	if o.Write.Seq != 0 {
		n.writes = append(n.writes, o.Write)
		s.checkLogMatching(n, o.Write.Entries)
	}
	switch {
	case s.calm:
	case o.Write.HardChanged && s.one(s.crashIn):
		s.doomed = append(s.doomed, doomed{s.now, n})
	case was != Leader && n.core.Role() == Leader && s.one(s.crashIn):
		s.doomed = append(s.doomed, doomed{s.now + Time(s.pick(12*uint64(Millisecond))), n})
	}
	if was != Leader && n.core.Role() == Leader {
		s.checkNewLeader(n)
	}
	if o.Restore != nil {
		s.checkRestored(n, o.Restore)
	}
	if o.Fetch != nil && (n.fetch == nil || *n.fetch != *o.Fetch) {
		n.fetch, n.fetchMS = o.Fetch, 1+int(s.pick(120))
	}
	for k := range o.Apply {
		s.checkApplied(n, &o.Apply[k])
	}
	n.wake = o.Wake
	for _, x := range o.Outcomes {
		s.checkOutcome(n, x)
	}
	for k := range o.Send {
		s.digest.text(string(AppendMessage(nil, &o.Send[k])))
		s.send(o.Send[k])
	}
	for _, e := range o.Events {
		s.told[e.Kind]++
		s.digest.word(uint64(e.Kind)<<32 | uint64(e.Reason)<<16 | uint64(e.Node)<<8 | uint64(e.Peer))
	}
	s.digest.word(uint64(o.Write.Seq))
	if n.core.removed {
		s.gone[n.id] = true
		s.down(n)
		return
	}
	if s.one(512) {
		s.digest.word(n.core.Hash())
		s.checkClone(n)
	}
}

// checkLogMatching: two logs with the same entry at an index agree before it. By
// induction it is enough that the entry fixes its content and the term before.
func (s *storm) checkLogMatching(n *node, entries []Entry) {
	for k := range entries {
		e := &entries[k]
		before, _ := n.core.log.term(e.Index - 1)
		at := slot{e.Index, e.Term}
		old, ok := s.seen[at]
		if !ok {
			s.seen[at] = placed{before, *e}
			continue
		}
		if old.before != before || old.entry.Kind != e.Kind || string(old.entry.Data) != string(e.Data) {
			s.fail("Log Matching: server %d holds %+v behind term %d, elsewhere it is %+v behind term %d", n.id, *e, before, old.entry, old.before)
		}
	}
}

// checkNewLeader: one leader per term, and it holds all that was committed.
func (s *storm) checkNewLeader(n *node) {
	term := n.core.Term()
	if other, ok := s.led[term]; ok {
		s.fail("Election Safety: %d and %d lead term %d", other, n.id, term)
	}
	s.led[term] = n.id
	for k := range s.truth {
		e := &s.truth[k]
		if e.Index >= n.core.log.base && !n.core.log.matches(e.Index, e.Term) {
			s.fail("Leader Completeness: server %d leads term %d without entry %d of term %d", n.id, term, e.Index, e.Term)
		}
	}
}

// checkApplied: all servers apply the same, and what is applied first is durable
// on a majority of disks.
func (s *storm) checkApplied(n *node, e *Entry) {
	want := n.core.snap.Index
	if len(n.applied) > 0 {
		want = n.applied[len(n.applied)-1].Index
	}
	if e.Index != want+1 && len(n.applied) > 0 {
		s.fail("server %d applies %d after %d", n.id, e.Index, want)
	}
	n.applied = append(n.applied, *e)
	if int(e.Index) <= len(s.truth) {
		t := &s.truth[e.Index-1]
		if t.Term != e.Term || t.Kind != e.Kind || string(t.Data) != string(e.Data) {
			s.fail("State Machine Safety: server %d applies %+v, another applied %+v", n.id, *e, *t)
		}
		return
	}
	if int(e.Index) != len(s.truth)+1 {
		s.fail("server %d applies %d, nobody applied %d", n.id, e.Index, len(s.truth)+1)
	}
	s.truth = append(s.truth, *e)
	for _, l := range s.nodes { // whoever led had one of these in force
		for k := 0; l.core != nil && k < len(l.core.configs); k++ {
			if enough, _ := l.core.configs[k].Config.decided(func(id NodeID) (yes, no bool) {
				was, damaged := s.hurt[id]
				return holdsDurably(&s.node(id).disk, e) || damaged && holdsDurably(&was, e), false
			}); enough {
				return
			}
		}
	}
	for k := range n.core.configs {
		c := &n.core.configs[k]
		s.t.Logf("from %d on: voters %v, outgoing %v", c.Index, c.Config.Voters, c.Config.Outgoing)
	}
	for _, o := range s.nodes {
		was, damaged := s.hurt[o.id]
		s.t.Logf("server %d: disk from %d, %d entries, standing %d; holds it %v; damaged %v, held it then %v", o.id, o.disk.Cut.Index, len(o.disk.Entries), o.disk.Hard.Standing, holdsDurably(&o.disk, e), damaged, damaged && holdsDurably(&was, e))
	}
	s.fail("entry %d is applied by server %d, but not durable on a majority", e.Index, n.id)
}

func holdsDurably(d *Restored, e *Entry) bool {
	return e.Index <= d.Cut.Index || e.Index <= d.Cut.Index+Index(len(d.Entries)) && d.Entries[e.Index-d.Cut.Index-1].Term == e.Term
}

// checkRestored: a snapshot is what all have applied, with the configuration that
// was committed there (case 58).
func (s *storm) checkRestored(n *node, b *Base) {
	if int(b.Index) > len(s.truth) || s.truth[b.Index-1].Term != b.Term {
		s.fail("server %d stands on a snapshot at %d of term %d that nobody has applied", n.id, b.Index, b.Term)
	}
	for i := b.Index; i > 0; i-- {
		if e := &s.truth[i-1]; e.Kind == EntryConfig {
			if string(e.Data) != string(AppendConfiguration(nil, &b.Config)) {
				s.fail("server %d: the snapshot at %d has another configuration than entry %d", n.id, b.Index, i)
			}
			break
		}
	}
	n.applied = slices.Clone(s.truth[:b.Index])
}

// small gives a server a short memory, so that others need its snapshots.
func (s *storm) small(n *node) { n.core.cfg.TrailBytes, n.cfg.TrailBytes = 400, 400 }

// save lets a server finish a snapshot at i.
func (s *storm) save(n *node, i Index) {
	s.do(n, Input{Kind: InputSnapshotted, Index: i})
	if n.core != nil && n.core.snap.Index == i && i > 0 {
		n.keep(stateFile{base: n.core.snap})
	}
}

// fetchFor is what the host of a server does for Output.Fetch.
func (s *storm) fetchFor(n *node) {
	if n.core == nil || n.fetch == nil {
		return
	}
	from := s.node(n.fetch.From)
	if n.fetchMS--; n.fetchMS > 0 || from.core == nil || s.cut[[2]NodeID{from.id, n.id}] || s.cut[[2]NodeID{n.id, from.id}] {
		return
	}
	in := Input{Kind: InputInstalled, Index: n.fetch.Index}
	if f, held := from.files[n.fetch.Index]; held && f.base.Term == n.fetch.Term && !s.one(8) {
		n.keep(f)
		in.Base = &f.base
	}
	n.fetch = nil
	s.do(n, in)
}

// askChange asks a leader for one to three changes.
func (s *storm) askChange(l *node) {
	var all []Change
	members := l.core.config().Members
	for range 1 + s.pick(3) {
		x := Change{Kind: ChangeKind(1 + s.pick(6)), Member: Member{ID: members[s.pick(uint64(len(members)))].ID}, Force: s.one(3)}
		if x.Kind <= ChangeAddVoter {
			if len(s.nodes) >= 9 {
				continue
			}
			x.Member.ID = NodeID(len(s.nodes) + 1)
			defer s.newcomer(l, x.Member.ID)
			s.nodes = append(s.nodes, &node{id: x.Member.ID})
		}
		if x.Kind == ChangeRemove && len(l.core.config().Voters) < 3 {
			continue
		}
		all = append(all, x)
	}
	s.tags++
	s.asks[s.tags] = l.id
	s.asked[s.tags] = request{node: l.id, boot: l.boot, change: true}
	s.do(l, Input{Kind: InputChange, Tag: s.tags, Changes: all})
}

// newcomer starts a machine with an empty disk, which was told the configuration.
func (s *storm) newcomer(l *node, id NodeID) {
	n := s.node(id)
	from := l.cfg
	if l.core != nil {
		from.Initial = l.core.config().Clone()
	}
	n.cfg = from
	n.cfg.Self, n.cfg.Incarnation, n.cfg.Joining, n.cfg.Seed = id, Incarnation(100+id), true, s.rng.next()
	s.up(n)
}

// canRepair: every configuration that somebody uses has three voters or more, all
// of them admitted, so that two can make the third whole again.
func (s *storm) canRepair() bool {
	for _, n := range s.nodes {
		core := n.core
		if core == nil {
			var err error
			if core, err = New(n.cfg, n.disk, s.now); err != nil {
				s.fail("the disk of server %d: %v", n.id, err)
			}
		}
		for k := range core.configs {
			c := &core.configs[k].Config
			for _, voters := range [][]NodeID{c.Voters, c.Outgoing} {
				if len(voters) > 0 && len(voters) < 3 || slices.ContainsFunc(voters, func(id NodeID) bool {
					return s.node(id).disk.Hard.Standing != Admitted || s.gone[id]
				}) {
					return false
				}
			}
		}
	}
	return true
}

// damaged says whether a disk is not whole.
func (s *storm) damaged() bool {
	return slices.ContainsFunc(s.nodes, func(n *node) bool { return n.disk.Damaged || n.disk.Hard.Standing == Damaged })
}

// damage lets the disk of a server that is down lose what it had confirmed; one
// at a time, so that the others can repair it.
func (s *storm) damage(n *node) {
	for id := range s.hurt {
		if s.node(id).disk.Hard.Standing == Damaged || s.node(id).disk.Damaged {
			return
		}
		delete(s.hurt, id)
	}
	if len(n.disk.Entries) == 0 || n.disk.Hard.Standing != Admitted || !s.canRepair() {
		return
	}
	s.hurt[n.id] = n.disk
	keep := int(n.disk.Snapshot.Index - n.disk.Cut.Index)
	n.disk.Entries = slices.Clone(n.disk.Entries[:keep+int(s.pick(uint64(len(n.disk.Entries)-keep)+1))])
	n.disk.Damaged = true
}

// checkOutcome: one outcome per request, a true one.
func (s *storm) checkOutcome(n *node, o Outcome) {
	r, ok := s.asked[o.Tag]
	if old, twice := s.ended[o.Tag]; twice || !ok || r.node != n.id || r.boot != n.boot {
		s.fail("server %d tells %+v of request %+v, earlier %+v", n.id, o, r, old)
	}
	s.ended[o.Tag] = o
	switch {
	case r.change:
		delete(s.asks, o.Tag)
		if o.Kind == Committed {
			s.changed++
		} else if o.Kind != Rejected && o.Kind != Unknown {
			s.fail("a change ended with %+v", o)
		}
	case r.read != (o.Kind == ReadReady || o.Kind == ReadFailed) && o.Kind != Rejected:
		s.fail("outcome %+v of request %+v", o, r)
	case o.Kind == ReadReady && o.Index < r.floor:
		s.fail("a read is answered at %d; before it began, %d was acknowledged", o.Index, r.floor)
	case o.Kind == Committed:
		s.acked++
		s.ackedI = max(s.ackedI, o.Index)
		if e, ok := s.seen[slot{o.Index, mustTerm(n.core, o.Index)}]; !ok || string(e.entry.Data) != fmt.Sprint(o.Tag) {
			s.fail("outcome %+v, but at its index stands %+v", o, e.entry)
		}
	}
}

func mustTerm(c *Core, i Index) Term {
	t, _ := c.log.term(i)
	return t
}

// checkConfirmed: without fast detection two servers are never both confirmed.
func (s *storm) checkConfirmed() {
	if s.fast {
		return
	}
	was := NodeID(0)
	for _, n := range s.nodes {
		if n.core != nil && n.core.ConfirmedAt(s.now) {
			if was != 0 {
				s.fail("servers %d and %d are both confirmed as leaders", was, n.id)
			}
			was = n.id
		}
	}
}

// checkClone: a clone does what the original does, and shares nothing with it.
func (s *storm) checkClone(n *node) {
	twin, own := n.core.Clone(), n.core.Hash()
	var out Output
	for range 3 {
		twin.Step(max(s.now, twin.nextWake()), Input{Kind: InputWake}, &out)
		twin.Step(s.now, Input{Kind: InputPropose, Proposals: []Proposal{{Tag: 1, Data: []byte("twin")}}}, &out)
		twin.Step(s.now, Input{Kind: InputPersisted, Seq: twin.disk.issued}, &out)
	}
	if n.core.Hash() != own {
		s.fail("what a clone of server %d does changes the original", n.id)
	}
}

// settleDown ends all faults, and expects the cluster to work.
func (s *storm) settleDown() {
	s.calm = true
	s.heal()
	for _, n := range s.nodes {
		n.diskSlow = false
		if n.core == nil {
			s.up(n)
		}
	}
	tag := uint64(0)
	s.within(3000, "a leader that commits", func() bool {
		if o, ok := s.ended[tag]; ok && o.Kind == Committed {
			return true
		} else if l := s.leader(); l != nil && (tag == 0 || ok || s.node(s.asked[tag].node).core == nil) {
			s.tags++
			tag = s.tags
			s.asked[tag] = request{node: l.id, boot: l.boot}
			s.do(l, Input{Kind: InputPropose, Proposals: []Proposal{{Tag: tag, Data: fmt.Append(nil, tag)}}})
		}
		return false
	})
	s.within(3000, "all servers with the same log, and every request ended", func() bool {
		l := s.leader()
		for _, n := range s.nodes {
			if l != nil && !l.core.config().has(n.id) && l.core.committedConfig().Index == l.core.configs[len(l.core.configs)-1].Index {
				continue // it has left
			}
			if l == nil || n.core == nil || len(l.core.config().Outgoing) > 0 || n.core.hard.Standing != Admitted || n.core.commit != l.core.log.last() || n.core.log.last() != l.core.log.last() || len(n.core.pending)+len(n.core.forwarded)+len(n.core.reads)+len(n.writes) > 0 {
				return false
			}
		}
		return true
	})
	for tag, r := range s.asked {
		o, ok := s.ended[tag]
		if !ok && s.node(r.node).boot == r.boot && s.leader().core.config().has(r.node) {
			s.fail("request %d %+v has no outcome: %+v %+v", tag, r, s.node(r.node).core.Status(), s.node(r.node).core.change)
		}
		if !r.change && (o.Kind == Lost || o.Kind == Rejected) {
			s.checkNotCommitted(tag)
		}
	}
}

func (s *storm) checkNotCommitted(tag uint64) {
	for k := range s.truth {
		if e := &s.truth[k]; e.Kind == EntryCommand && string(e.Data) == fmt.Sprint(tag) {
			s.fail("request %d was told as %+v, but entry %d is it", tag, s.ended[tag], e.Index)
		}
	}
}

func (s *storm) within(ms int, what string, done func() bool) {
	for range ms {
		if done() {
			return
		}
		s.ms()
	}
	for _, n := range s.nodes {
		if n.core != nil {
			s.t.Logf("server %d: %+v", n.id, n.core.Status())
		}
	}
	s.fail("%s: not within %d ms of calm", what, ms)
}

// name is the test to repeat.
func (s *storm) name() string {
	if s.churn {
		return "TestRandom_Members"
	}
	return "TestRandom_Safe"
}
