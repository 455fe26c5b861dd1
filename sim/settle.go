package sim

import (
	"slices"

	"veche/raft"
)

const (
	// settleMax is how long a whole cluster may take to elect a leader and to
	// commit a write and serve a read, once nothing disturbs it any more: some
	// election timeouts, and the longest pause before a request is sent again.
	settleMax = 8 * raft.Second

	// levelMax is how long the logs of all nodes may take to become equal then,
	// and levelWhole at most as long as they grow: a newcomer that is sent one
	// entry in a round trip, as some seeds want it, is slow and not stuck.
	levelMax   = 8 * raft.Second
	levelWhole = 60 * raft.Second

	// quietMax is how long removed servers may take to learn that they were.
	quietMax = 3 * raft.Second
)

// settle is the liveness phase: the faults stop, every server that is meant to run
// is up, and within a bounded time there must be a leader, a write, a read, an
// end to every change of the membership, and equal logs; these once more after
// removed servers were started, since a leader may have written meanwhile.
func (w *World) settle() {
	w.storm.over, w.load.stopped = true, true
	w.calm()
	w.note("the faults are over; all servers start")
	for i := range w.nodes {
		switch n := &w.nodes[i]; {
		case !n.up:
			w.Start(i)
		case n.paused:
			w.resume(i)
		}
	}
	for c := range w.load.clients {
		if id := w.load.clients[c].pending; id != 0 {
			w.expire(id)
		}
	}
	if w.witness.broken != nil {
		return
	}
	deadline := w.now + raft.Time(settleMax)
	if !w.probe(OpPut, deadline) || !w.probe(OpGet, deadline) || !w.tidy() || !w.level() || !w.quiet() || !w.level() {
		return
	}
	w.audit()
	w.sameState()
}

// tidy is what the one who runs the cluster does in the end: members whose disks
// are lost are removed; newcomers that were never added stop, and so do removed
// servers whom nobody can tell.
func (w *World) tidy() bool {
	deadline := w.now + raft.Time(settleMax)
	for w.now <= deadline {
		left := 0
		for i := range w.nodes {
			n := &w.nodes[i]
			switch member := w.member(i); {
			case n.part == partLost && member:
				left++
				if l := w.leader(); l >= 0 {
					w.change(l, []raft.Change{{Kind: raft.ChangeRemove, Member: raft.Member{ID: raft.NodeID(i + 1)}, Force: true}})
				}
			case n.up && !member && !(slices.Contains(w.settled().Removed, raft.NodeID(i+1)) && w.knowsMember(i)):
				w.leave(i, partGone)
			}
		}
		if left == 0 && len(w.settled().Outgoing) == 0 {
			return true
		}
		if !w.RunUntil(w.now + raft.Time(200*raft.Millisecond)) {
			return false
		}
	}
	w.witness.must(false, Liveness, func() string {
		return "the membership does not come to rest within " + Millis(raft.Time(settleMax)) + " after the last fault: " + describeConfig(w.settled()) + "; " + w.picture()
	})
	return false
}

// knowsMember says whether a voter whom a server knows from its log, or was told
// of when it came, is a member still: it asks nobody else.
func (w *World) knowsMember(i int) bool {
	known := w.witness.mem[i].config().config
	if init := &w.nodes[i].initial; w.witness.mem[i].last() == 0 && len(init.Members) > 0 {
		known = init
	}
	for _, id := range slices.Concat(known.Voters, known.Outgoing) {
		if int(id-1) != i && w.member(int(id-1)) {
			return true
		}
	}
	return false
}

// quiet starts servers again that were removed, as somebody may by mistake. They
// must learn once more that they were, and stop, and the term must not change.
func (w *World) quiet() bool {
	leader := w.leader()
	if leader < 0 {
		return true
	}
	term := w.witness.leads[leader]
	for i := range w.nodes {
		if n := &w.nodes[i]; n.part == partGone && slices.Contains(w.settled().Removed, raft.NodeID(i+1)) && w.knowsMember(i) {
			n.part = partIn
			w.Start(i)
			if n.up && !w.knowsMember(i) {
				w.leave(i, partGone) // its disk had lost more since
			}
		}
	}
	for end := w.now + raft.Time(quietMax); w.now < end; {
		if !w.RunUntil(w.now + raft.Time(50*raft.Millisecond)) {
			return false
		}
		running := false
		for i := range w.nodes {
			running = running || w.nodes[i].up && !w.member(i) && w.knowsMember(i)
		}
		w.witness.must(w.leader() == leader && w.witness.leads[leader] == term, RemovedIsQuiet, func() string {
			return name(leader) + " led term " + num(uint64(term)) + " until removed servers started again; now " + w.picture()
		})
		if !running {
			return w.witness.broken == nil
		}
	}
	w.witness.must(false, RemovedIsQuiet, func() string {
		return "a removed server does not learn within " + Millis(raft.Time(quietMax)) + " that it was removed: " + w.picture()
	})
	return false
}

// probe asks a node for something and waits for the end; a refusal is asked
// again, of the next node.
func (w *World) probe(kind OpKind, deadline raft.Time) bool {
	for node := w.rand.Intn(len(w.nodes)); w.now < deadline; node = (node + 1) % len(w.nodes) {
		if !w.nodes[node].up || !w.member(node) {
			if !w.RunUntil(w.now + raft.Time(raft.Millisecond)) {
				return false
			}
			continue
		}
		o := Op{ID: uint64(len(w.load.ops)), Node: node, Kind: kind, Key: keyAt(w.now, 0), Call: w.now, floor: w.load.acked, run: w.nodes[node].run}
		w.submit(o)
		for w.load.ops[o.ID].Outcome == OpPending && w.queue.next() <= deadline {
			if !w.Step() {
				return false
			}
		}
		if w.witness.broken != nil {
			return false
		}
		switch w.load.ops[o.ID].Outcome {
		case OpDone:
			return true
		case OpPending:
			w.now = deadline
		default:
			if !w.RunUntil(w.now + raft.Time(50*raft.Millisecond)) {
				return false
			}
		}
	}
	w.witness.must(false, Liveness, func() string {
		return "no " + opNames[kind] + " was carried out within " + Millis(raft.Time(settleMax)) + " after the last fault; " + w.picture()
	})
	return false
}

// level waits until every node has applied everything.
func (w *World) level() bool {
	deadline, whole := w.now+raft.Time(levelMax), w.now+raft.Time(levelWhole)
	for reached := w.logsReach(); w.now <= min(deadline, whole); {
		if w.leveled() {
			return true
		}
		if r := w.logsReach(); r > reached {
			reached, deadline = r, w.now+raft.Time(levelMax)
		}
		if !w.RunUntil(w.now + raft.Time(20*raft.Millisecond)) {
			return false
		}
	}
	w.witness.must(false, Liveness, func() string {
		return "the logs are not equal " + Millis(raft.Time(levelMax)) + " after they last grew, or " +
			Millis(raft.Time(levelWhole)) + " after the last fault; " + w.picture()
	})
	return false
}

// logsReach adds up how far the members' logs go.
func (w *World) logsReach() raft.Index {
	sum := raft.Index(0)
	for i := range w.nodes {
		if w.member(i) {
			sum += w.witness.mem[i].last()
		}
	}
	return sum
}

func (w *World) leveled() bool {
	last := w.witness.commit()
	for i := range w.nodes {
		if !w.member(i) {
			if w.nodes[i].up && !w.opt.Story {
				return false // it was removed, and does not know
			}
			continue
		}
		if w.witness.damaged[i] || w.witness.mem[i].last() != last || w.witness.disk[i].last() != last || w.witness.applied[i] != last {
			return false
		}
	}
	return true
}

// sameState compares the whole replicated state of all nodes.
func (w *World) sameState() {
	first := 0
	for !w.member(first) {
		first++
	}
	want := w.nodes[first].group.Applier().Hash()
	for i := range w.nodes {
		if !w.member(i) {
			continue
		}
		got := w.nodes[i].group.Applier().Hash()
		w.witness.must(got == want, StateMachineSafety, func() string {
			return name(i) + " has applied the same entries as " + name(first) + " and has another state"
		})
	}
	w.trace.hash = mix(w.trace.hash, want)
}

// picture says in a line how the nodes stand.
func (w *World) picture() string {
	out := ""
	for i := range w.nodes {
		if w.nodes[i].part == partUnused {
			continue
		}
		if i > 0 {
			out += "; "
		}
		out += name(i)
		if !w.nodes[i].up {
			out += " is down"
			continue
		}
		s := w.nodes[i].group.Core().Status()
		out += " " + roleNames[s.Role] + " of term " + num(uint64(s.Term)) + ", log " + num(uint64(s.LastIndex)) + ", commit " +
			num(uint64(s.Commit)) + ", applied " + num(uint64(w.witness.applied[i]))
		if s.Standing == raft.Fresh {
			out += ", not admitted"
		}
		if w.witness.damaged[i] {
			out += ", damaged"
		}
		if !w.member(i) {
			out += ", no member"
		}
	}
	return out
}

var roleNames = [...]string{raft.Follower: "follower", raft.PreCandidate: "pre-candidate", raft.Candidate: "candidate", raft.Leader: "leader"}
