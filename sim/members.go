package sim

import (
	"slices"

	"veche/host"
	"veche/raft"
)

// part is what the one who runs the cluster means a node to be.
type part uint8

const (
	partIn     part = iota // its process is to run
	partUnused             // nothing was ever there
	partLost               // its name is recorded with a disk that is gone: it stays off
	partGone               // it learned that it was removed, and stopped
)

// in says whether a node's process is meant to run.
func (w *World) in(i int) bool { return w.nodes[i].part == partIn }

// pick draws one of the nodes whose processes are meant to run.
func (w *World) pick(r *Rand) int {
	k := 0
	for i := range w.nodes {
		if w.in(i) {
			k++
		}
	}
	k = r.Intn(k)
	for i := range w.nodes {
		if w.in(i) {
			if k == 0 {
				return i
			}
			k--
		}
	}
	return 0
}

// settled is the latest configuration that somebody has committed.
func (w *World) settled() *raft.Configuration {
	return w.witness.configs[len(w.witness.configs)-1].config
}

// member says whether a node is one, by the latest committed configuration.
func (w *World) member(i int) bool {
	_, ok := w.settled().Member(raft.NodeID(i + 1))
	return ok
}

// reform asks the leader for a change of the membership. It says whether it
// could be asked.
func (w *World) reform(c Class, r *Rand) bool {
	l := w.leader()
	if l < 0 || w.nodes[l].paused {
		return false
	}
	var changes []raft.Change
	many := 1
	if c == FaultJoint {
		many = 2 + r.Intn(3)
	}
	for range many {
		changes = append(changes, w.drawChanges(c, l, r)...)
	}
	if len(changes) == 0 || !w.bearable(changes) {
		return false
	}
	w.change(l, changes)
	return true
}

// drawChanges draws the changes of one class.
func (w *World) drawChanges(c Class, leader int, r *Rand) []raft.Change {
	now := w.settled()
	one := func(kind raft.ChangeKind, ids []raft.NodeID) []raft.Change {
		if len(ids) == 0 {
			return nil
		}
		return []raft.Change{{Kind: kind, Member: raft.Member{ID: ids[r.Intn(len(ids))]}, Force: r.Chance(1, 3)}}
	}
	switch c {
	case FaultAddLearner:
		return w.newcomer(raft.ChangeAddLearner, r)
	case FaultAddVoter:
		return w.newcomer(raft.ChangeAddVoter, r)
	case FaultPromote:
		return one(raft.ChangePromote, now.Learners)
	case FaultDemote:
		return one(raft.ChangeDemote, now.Voters)
	case FaultRemove:
		return one(raft.ChangeRemove, slices.Concat(now.Voters, now.Learners))
	case FaultRemoveLeader:
		return one(raft.ChangeRemove, []raft.NodeID{raft.NodeID(leader + 1)})
	case FaultReplace:
		in := one(raft.ChangePromote, now.Learners)
		if in == nil {
			in = w.newcomer(raft.ChangeAddVoter, r)
		}
		return append(in, one(raft.ChangeRemove, now.Voters)...)
	}
	return w.drawChanges([...]Class{FaultAddLearner, FaultAddVoter, FaultPromote, FaultDemote, FaultRemove}[r.Intn(5)], leader, r)
}

// newcomer starts a server that was never there before, and gives the change that
// adds it; none if there is no room for one.
func (w *World) newcomer(kind raft.ChangeKind, r *Rand) []raft.Change {
	if len(w.settled().Members) >= membersMax {
		return nil
	}
	for i := range w.nodes {
		n := &w.nodes[i]
		if n.part != partUnused {
			continue
		}
		n.part, n.initial = partIn, w.settled().Clone()
		w.at(w.now+raft.Time(r.Between(0, int64(300*raft.Millisecond))), event{kind: evRestart, node: i, run: n.run})
		return []raft.Change{{Kind: kind, Force: r.Chance(1, 3),
			Member: raft.Member{ID: raft.NodeID(i + 1), Name: name(i), PeerAddr: name(i) + ":2380"}}}
	}
	return nil
}

// change asks a node's core to change the configuration.
func (w *World) change(i int, changes []raft.Change) {
	text := name(i) + " is asked to"
	for k := range changes {
		if k > 0 {
			text += " and"
		}
		text += " " + changeNames[changes[k].Kind] + " " + Server(changes[k].Member.ID)
	}
	w.fault(text)
	w.askedAt = w.now
	r := &host.Request{Waiter: &changeWaiter{w, i, changes}}
	w.nodes[i].loop.Change(group, r, changes)
	w.soon(i)
}

var changeNames = [...]string{raft.ChangeAddLearner: "add learner", raft.ChangeAddVoter: "add voter", raft.ChangePromote: "promote",
	raft.ChangeDemote: "demote", raft.ChangeRemove: "remove", raft.ChangeUpdate: "update"}

// changeWaiter is told the end of a change.
type changeWaiter struct {
	world   *World
	node    int
	changes []raft.Change
}

// Done checks that a change that is told to be done is.
func (a *changeWaiter) Done(res host.Result) {
	w := a.world
	if res.Err != nil {
		w.record(&Record{Kind: RecordNote, Node: raft.NodeID(a.node + 1), Note: name(a.node) + " does not change the members: " + res.Err.Error()})
		return
	}
	w.changed++
	w.record(&Record{Kind: RecordNote, Node: raft.NodeID(a.node + 1), Index: res.Index, A: 1,
		Note: name(a.node) + " has changed the members, as entry " + num(uint64(res.Index))})
	w.witness.must(w.witness.tells(res.Index, a.changes), ChangeIsTrue, func() string {
		return name(a.node) + " tells that a change is done at entry " + num(uint64(res.Index)) + ", but " + describeConfig(w.settled()) + " is in force"
	})
}

// tells says whether the configuration committed at i is as the changes want it.
func (w *witness) tells(i raft.Index, changes []raft.Change) bool {
	if i > w.commit() {
		return false
	}
	k := len(w.configs) - 1
	for w.configs[k].at > i {
		k--
	}
	c := w.configs[k].config
	for _, x := range changes {
		votes, learns := slices.Contains(c.Voters, x.Member.ID), slices.Contains(c.Learners, x.Member.ID)
		switch x.Kind {
		case raft.ChangeAddVoter, raft.ChangePromote:
			votes = votes && !learns
		case raft.ChangeAddLearner, raft.ChangeDemote:
			votes = learns && !votes
		case raft.ChangeRemove:
			votes = !votes && !learns && slices.Contains(c.Removed, x.Member.ID)
		}
		if !votes && lastWord(changes, x.Member.ID) == x.Kind {
			return false
		}
	}
	return len(c.Outgoing) == 0
}

// lastWord is the last change of a member among several.
func lastWord(changes []raft.Change, id raft.NodeID) (kind raft.ChangeKind) {
	for _, x := range changes {
		if x.Member.ID == id {
			kind = x.Kind
		}
	}
	return kind
}

// bearable says whether the cluster can live with the changes: in what they lead
// to, and on the way there, majorities have disks that remember.
func (w *World) bearable(changes []raft.Change) bool {
	next, err := w.settled().With(changes)
	if err != nil {
		return true // it will be refused
	}
	return w.lives(&next, 0) && w.livesWithout(0)
}

// livesWithout says whether the cluster could go on if some nodes were lost as
// well: every configuration that a next leader may go by has its majorities.
func (w *World) livesWithout(lost nodeSet) bool {
	from := w.witness.configs[len(w.witness.configs)-1].at
	for i := range w.nodes {
		for _, m := range [2]*image{&w.witness.mem[i], &w.witness.disk[i]} {
			for _, c := range m.configs {
				if c.at >= from && !w.lives(c.config, lost) {
					return false
				}
			}
		}
	}
	return true
}

// lives says whether majorities of a configuration may vote: a newcomer may not
// before it is admitted, and nobody is admitted without a majority.
func (w *World) lives(c *raft.Configuration, lost nodeSet) bool {
	return agreed(c, func(id raft.NodeID) bool {
		i := int(id - 1)
		return i < len(w.nodes) && w.in(i) && !w.nodes[i].wiped && !w.nodes[i].ills.rotten && !w.witness.damaged[i] && !lost.has(i) &&
			w.witness.disk[i].hard.Standing == raft.Admitted
	})
}

// loseDisk replaces a node's disk by an empty one, if the others can do without
// it. It comes back under its old name, is refused, and stays off.
func (w *World) loseDisk(i int, down raft.Duration) bool {
	if !w.in(i) || !w.livesWithout(1<<i) || !w.member(i) || w.now-w.askedAt < raft.Time(raft.Second) {
		return false
	}
	w.Wipe(i)
	w.nodes[i].wiped = true
	w.comeBack(i, down)
	return true
}

// leave ends the process of a server that was told to stop: it was removed, or
// its name is recorded with another disk.
func (w *World) leave(i int, p part) {
	w.fault(name(i) + " stops for good")
	w.Crash(i)
	w.nodes[i].part = p
}
