package sim

import "veche/raft"

const (
	// settleMax is how long a whole cluster may take to elect a leader and to
	// commit a write and serve a read, once nothing disturbs it any more: some
	// election timeouts, and the longest pause before a request is sent again.
	settleMax = 8 * raft.Second

	// levelMax is how long the logs of all nodes may take to become equal then.
	levelMax = 8 * raft.Second
)

// settle is the liveness phase: the faults stop, every node is up, and within a
// bounded time there must be a leader, a write, a read, and equal logs.
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
	if !w.probe(OpPut, deadline) || !w.probe(OpGet, deadline) || !w.level() {
		return
	}
	w.audit()
	w.sameState()
}

// probe asks a node for something and waits for the end; a refusal is asked
// again, of the next node.
func (w *World) probe(kind OpKind, deadline raft.Time) bool {
	for node := w.rand.Intn(len(w.nodes)); w.now < deadline; node = (node + 1) % len(w.nodes) {
		if !w.nodes[node].up { // somebody is: settle has started all
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
	deadline := w.now + raft.Time(levelMax)
	for w.now <= deadline {
		if w.leveled() {
			return true
		}
		if !w.RunUntil(w.now + raft.Time(20*raft.Millisecond)) {
			return false
		}
	}
	w.witness.must(false, Liveness, func() string {
		return "the logs are not equal " + Millis(raft.Time(levelMax)) + " after the last fault; " + w.picture()
	})
	return false
}

func (w *World) leveled() bool {
	last := w.witness.commit()
	for i := range w.nodes {
		if w.witness.mem[i].last() != last || w.witness.disk[i].last() != last || w.witness.applied[i] != last {
			return false
		}
	}
	return true
}

// sameState compares the whole replicated state of all nodes.
func (w *World) sameState() {
	want := w.nodes[0].group.Applier().Hash()
	for i := range w.nodes {
		got := w.nodes[i].group.Applier().Hash()
		w.witness.must(got == want, StateMachineSafety, func() string {
			return name(i) + " has applied the same entries as " + name(0) + " and has another state"
		})
	}
	w.trace.hash = mix(w.trace.hash, want)
}

// picture says in a line how the nodes stand.
func (w *World) picture() string {
	out := ""
	for i := range w.nodes {
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
	}
	return out
}

var roleNames = [...]string{raft.Follower: "follower", raft.PreCandidate: "pre-candidate", raft.Candidate: "candidate", raft.Leader: "leader"}
