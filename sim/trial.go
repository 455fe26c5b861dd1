package sim

import "veche/raft"

// Trial is a world for an experiment: this hardware, these settings, no clients
// and no faults but those that the experiment makes. Latencies are drawn evenly.
type Trial struct {
	ElectionMin, ElectionMax, Heartbeat raft.Duration // zero: the defaults
	WireMin, WireMax                    raft.Duration // of a message, one way
	SyncMin, SyncMax                    raft.Duration // of a write to disk
	Slow                                bool          // without fast detection
	Lab                                 raft.Lab      // rules that are left out
}

// try sets the hardware of a trial.
func (w *World) try(t *Trial) {
	w.net.latencyMin, w.net.latencyMax = t.WireMin, t.WireMax
	w.syncMin, w.syncMax = t.SyncMin, t.SyncMax
	w.slow = t.Slow
}

// set puts the settings of a trial into the configuration of a core.
func (t *Trial) set(c *raft.Config) {
	c.ElectionMin, c.ElectionMax, c.Heartbeat = t.ElectionMin, t.ElectionMax, t.Heartbeat
}

// Cut lets nothing through from one node to another; the way back stays. Nodes
// are counted from 0.
func (w *World) Cut(from, to int) { w.net.cut[from] |= 1 << to }

// Mend makes every link whole.
func (w *World) Mend() { w.net.heal() }

// Drop loses all messages of a kind from one node to another until Pass.
func (w *World) Drop(kind raft.MessageKind, from, to int) {
	w.script.rules = append(w.script.rules, rule{verdict: verdictDrop, kind: kind, from: 1 << from, to: 1 << to})
}

// Pass ends what Drop began.
func (w *World) Pass() { w.script.rules = nil }

// Leader gives the node that leads the highest term, counted from 0, and that
// term; false if none does.
func (w *World) Leader() (int, raft.Term, bool) {
	i := w.leader()
	if i < 0 {
		return 0, 0, false
	}
	return i, w.witness.leads[i], true
}

// Status is a picture of a node's core; false if its process does not run.
func (w *World) Status(i int) (raft.Status, bool) {
	n := &w.nodes[i]
	if !n.up || n.group == nil {
		return raft.Status{}, false
	}
	return n.group.Core().Status(), true
}

// NextBeat is when the node, if it leads, sends its next heartbeats.
func (w *World) NextBeat(i int) raft.Time {
	s, up := w.Status(i)
	if !up {
		return raft.Never
	}
	return w.nodes[i].when(s.Deadline)
}

// Put asks a node to write something; Counts tells how many were done.
func (w *World) Put(i int) {
	w.submit(Op{ID: uint64(len(w.load.ops)), Node: i, Kind: OpPut, Key: keyAt(w.now, 0), Call: w.now,
		floor: w.load.acked, run: w.nodes[i].run})
}

// Leveled says whether every node holds and has applied the same log.
func (w *World) Leveled() bool { return w.leveled() }
