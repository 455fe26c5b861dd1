package sim

import (
	"testing"

	"veche/raft"
)

// scene feeds a witness of three nodes by hand.
type scene struct{ *witness }

func (s scene) write(node int, seq raft.Seq, term raft.Term, vote raft.NodeID, entries ...raft.Entry) {
	s.wrote(node, &raft.Write{Seq: seq, HardChanged: true,
		Hard: raft.HardState{Term: term, Vote: vote, Standing: raft.Admitted}, Entries: entries}, 0)
}

// keep writes and syncs.
func (s scene) keep(node int, seq raft.Seq, term raft.Term, vote raft.NodeID, entries ...raft.Entry) {
	s.write(node, seq, term, vote, entries...)
	s.synced(node, seq)
}

// leadsTerm has all others, who did not vote yet, vote for a node, which leads then.
func (s scene) leadsTerm(node int, term raft.Term) {
	for voter := range raft.NodeID(3) {
		if _, voted := s.votes[vote{voter + 1, term}]; !voted {
			s.votes[vote{voter + 1, term}] = raft.NodeID(node + 1)
		}
	}
	s.told(node, &raft.Event{Kind: raft.EventBecameLeader, Term: term})
}

func (s scene) commits(node int, term raft.Term, i raft.Index) {
	s.told(node, &raft.Event{Kind: raft.EventCommitted, Term: term, Index: i})
}

func at(i raft.Index, t raft.Term, data string) raft.Entry {
	return raft.Entry{Index: i, Term: t, Kind: raft.EntryCommand, Data: []byte(data)}
}

// TestWitness_SeesEachBrokenPromise plants one violation at a time into what the
// witness is told, and wants it to name the promise.
func TestWitness_SeesEachBrokenPromise(t *testing.T) {
	a, b := at(1, 1, "a"), at(1, 1, "b")
	for _, c := range []struct {
		name string
		want Invariant
		do   func(s scene)
	}{
		{"two leaders of a term", ElectionSafety, func(s scene) {
			s.keep(0, 1, 1, 1)
			s.keep(1, 1, 1, 2)
			s.leadsTerm(0, 1)
			s.leadsTerm(1, 1)
		}},
		{"a leader overwrites its log", LeaderAppendOnly, func(s scene) {
			s.keep(0, 1, 1, 1, a)
			s.wrote(0, &raft.Write{Seq: 2, Entries: []raft.Entry{at(1, 2, "c")}}, 2)
		}},
		{"one index and term, two entries", LogMatching, func(s scene) {
			s.keep(0, 1, 1, 1, a)
			s.keep(1, 1, 1, 1, b)
		}},
		{"one entry behind two logs", LogMatching, func(s scene) {
			s.keep(0, 1, 2, 1, a, at(2, 2, "x"))
			s.keep(1, 1, 2, 1, at(1, 2, "b"), at(2, 2, "x"))
		}},
		{"a gap", LogMatching, func(s scene) { s.keep(0, 1, 1, 1, at(2, 1, "a")) }},
		{"a leader without a committed entry", LeaderCompleteness, func(s scene) {
			s.keep(0, 1, 1, 1, a)
			s.keep(1, 1, 1, 1, a)
			s.leadsTerm(0, 1)
			s.commits(0, 1, 1)
			s.keep(2, 1, 2, 3)
			s.leadsTerm(2, 2)
		}},
		{"a commit that a later leader lacks", LeaderCompleteness, func(s scene) {
			s.keep(0, 1, 1, 1, a)
			s.keep(1, 1, 1, 1, a)
			s.leadsTerm(0, 1)
			s.keep(2, 1, 2, 3)
			s.leadsTerm(2, 2)
			s.commits(0, 1, 1)
		}},
		{"a commit on one disk", CommitOnMajority, func(s scene) {
			s.keep(0, 1, 1, 1, a)
			s.write(1, 1, 1, 1, a) // not synced
			s.leadsTerm(0, 1)
			s.commits(0, 1, 1)
		}},
		{"commit goes back", CommitNeverBack, func(s scene) {
			s.keep(0, 1, 1, 1, a)
			s.keep(1, 1, 1, 1, a)
			s.leadsTerm(0, 1)
			s.commits(0, 1, 1)
			s.commits(0, 1, 1)
		}},
		{"another entry is applied", StateMachineSafety, func(s scene) {
			s.keep(0, 1, 1, 1, a)
			s.keep(1, 1, 1, 1, a)
			s.leadsTerm(0, 1)
			s.commits(0, 1, 1)
			s.applies(2, &b)
		}},
		{"applied before it is committed", StateMachineSafety, func(s scene) { s.applies(0, &a) }},
		{"another result", StateMachineSafety, func(s scene) {
			s.gave(0, 1, 7)
			s.gave(1, 1, 8)
		}},
		{"two votes in a term", VoteOncePerTerm, func(s scene) {
			s.keep(0, 1, 3, 2)
			s.sent(0, vote3(2), false)
			s.keep(0, 2, 3, 3)
			s.sent(0, vote3(3), false)
		}},
		{"two votes, with another disk between", VoteOncePerTerm, func(s scene) {
			s.keep(0, 1, 3, 2)
			s.sent(0, vote3(2), false)
			s.wiped(0)
			s.keep(0, 1, 3, 3)
			s.sent(0, vote3(3), false)
		}},
		{"a vote before the disk", VoteIsDurable, func(s scene) {
			s.write(0, 1, 3, 2)
			s.sent(0, vote3(2), false)
		}},
		{"an own vote before the disk", VoteIsDurable, func(s scene) {
			s.write(0, 1, 1, 1)
			s.leadsTerm(0, 1)
		}},
		{"an acknowledgement before the disk", AckIsDurable, func(s scene) {
			s.write(0, 1, 1, 2, a)
			s.sent(0, ack(1), false)
		}},
		{"an acknowledgement of an overwritten entry", AckIsDurable, func(s scene) {
			s.keep(0, 1, 1, 2, a)
			s.write(0, 2, 2, 2, at(1, 2, "c"))
			s.sent(0, ack(1), false)
		}},
		{"an empty disk acknowledges", FreshIsSilent, func(s scene) {
			s.wrote(0, &raft.Write{Seq: 1, Entries: []raft.Entry{a}}, 0)
			s.synced(0, 1)
			s.sent(0, ack(1), false)
		}},
		{"a disk forgets", DiskRemembers, func(s scene) {
			s.keep(0, 1, 1, 2, a)
			s.restarted(0, &raft.Restored{Hard: raft.HardState{Term: 1, Vote: 2, Standing: raft.Admitted}}, true)
		}},
		{"a leader without votes", ElectedByMajority, func(s scene) {
			s.keep(0, 1, 1, 1)
			s.told(0, &raft.Event{Kind: raft.EventBecameLeader, Term: 1})
		}},
		{"the votes of those who do not count", ElectedByMajority, func(s scene) {
			s.keep(0, 1, 1, 1, configEntry(1, 1, raft.Configuration{Voters: []raft.NodeID{1}, Outgoing: []raft.NodeID{2, 3}}))
			s.votes[vote{1, 1}] = 1
			s.told(0, &raft.Event{Kind: raft.EventBecameLeader, Term: 1})
		}},
		{"two voters exchanged at once", ConfigsOverlap, func(s scene) {
			s.leads[0] = 1
			s.own[1] = true
			e := configEntry(1, 1, raft.Configuration{Voters: []raft.NodeID{1, 4, 5}})
			s.wrote(0, &raft.Write{Seq: 1, Entries: []raft.Entry{e}}, 1)
		}},
		{"a change before the first commit of the term", ChangeInTurn, func(s scene) {
			e := configEntry(1, 1, raft.Configuration{Voters: []raft.NodeID{1, 2}})
			s.wrote(0, &raft.Write{Seq: 1, Entries: []raft.Entry{e}}, 1)
		}},
		{"a joint configuration, and a member of old program", LevelIsKept, func(s scene) {
			s.own[1] = true
			e := configEntry(1, 1, raft.Configuration{Voters: []raft.NodeID{1, 4, 5}, Outgoing: []raft.NodeID{1, 2, 3}})
			s.wrote(0, &raft.Write{Seq: 1, Entries: []raft.Entry{e}}, 1)
		}},
		{"a snapshot with another configuration", SnapshotIsTrue, func(s scene) {
			s.keep(0, 1, 1, 1, a)
			s.keep(1, 1, 1, 1, a)
			s.leadsTerm(0, 1)
			s.commits(0, 1, 1)
			s.wrote(0, &raft.Write{Seq: 2, Snapshot: &raft.Base{Index: 1, Term: 1, Config: raft.Configuration{Voters: []raft.NodeID{1}}}}, 1)
		}},
		{"a commit on a damaged disk", CommitOnMajority, func(s scene) {
			s.keep(0, 1, 1, 1, a)
			s.restarted(1, &raft.Restored{Damaged: true}, true)
			s.keep(1, 1, 1, 1, a)
			s.leadsTerm(0, 1)
			s.commits(0, 1, 1)
		}},
		{"a disk that did not rot is damaged", DiskRemembers, func(s scene) {
			s.keep(0, 1, 1, 1, a)
			s.restarted(0, &raft.Restored{Damaged: true, Hard: raft.HardState{Term: 1, Vote: 1, Standing: raft.Damaged}}, false)
		}},
		{"a damaged disk votes", DamagedIsSilent, func(s scene) {
			s.keep(0, 1, 3, 2)
			s.restarted(0, &raft.Restored{Damaged: true, Hard: raft.HardState{Term: 3, Vote: 2, Standing: raft.Admitted}}, true)
			s.sent(0, vote3(2), false)
		}},
		{"a damaged disk acknowledges", DamagedIsSilent, func(s scene) {
			s.keep(0, 1, 1, 2, a)
			s.restarted(0, &raft.Restored{Damaged: true, Hard: raft.HardState{Term: 1, Vote: 2, Standing: raft.Admitted}}, true)
			s.keep(0, 2, 1, 2, a)
			s.sent(0, ack(1), false)
		}},
		{"a core halts", NoFault, func(s scene) { s.told(0, &raft.Event{Kind: raft.EventFault}) }},
	} {
		s := scene{newWitness(3, &threeServers)}
		c.do(s)
		if s.broken == nil || s.broken.Invariant != c.want {
			t.Errorf("%s: %v, want %s", c.name, s.broken, c.want)
		}
	}
}

func configEntry(i raft.Index, t raft.Term, c raft.Configuration) raft.Entry {
	for id := raft.NodeID(1); id <= 5; id++ {
		c.Members = append(c.Members, raft.Member{ID: id})
	}
	return raft.Entry{Index: i, Term: t, Kind: raft.EntryConfig, Data: raft.AppendConfiguration(nil, &c)}
}

func vote3(to raft.NodeID) *raft.Message {
	return &raft.Message{Kind: raft.KindVoteReply, From: 1, To: to, Term: 3, VoteReply: raft.VoteReply{Granted: true}}
}

func ack(i raft.Index) *raft.Message {
	return &raft.Message{Kind: raft.KindAppendReply, From: 1, To: 2, Term: 1, AppendReply: raft.AppendReply{Match: i}}
}

// TestWitness_TakesWhatIsRight tells a small true story, restarts with more and
// less of the unsynced writes included, and wants no complaint.
func TestWitness_TakesWhatIsRight(t *testing.T) {
	a := at(1, 1, "a")
	for kept := range 3 {
		s := scene{newWitness(3, &threeServers)}
		s.keep(0, 1, 1, 1, a)
		s.keep(1, 1, 1, 1, a)
		s.leadsTerm(0, 1)
		s.sent(1, ack(1), false)
		s.commits(0, 1, 1)
		s.applies(0, &a)
		s.applies(1, &a)
		s.write(0, 2, 2, 0)
		s.write(0, 3, 2, 2, at(2, 2, "b"))
		got := raft.Restored{Hard: raft.HardState{Term: 1, Vote: 1, Standing: raft.Admitted}, Entries: []raft.Entry{a}}
		if kept > 0 {
			got.Hard.Term, got.Hard.Vote = 2, 0
		}
		if kept > 1 {
			got.Hard.Vote, got.Entries = 2, append(got.Entries, at(2, 2, "b"))
		}
		s.restarted(0, &got, false)
		if s.broken != nil {
			t.Errorf("with %d of the unsynced writes kept: %v", kept, s.broken)
		}
	}
}

// TestWorld_SeesWhatClientsMustNotSee tampers with the history of a world and
// wants the audit to notice.
func TestWorld_SeesWhatClientsMustNotSee(t *testing.T) {
	for _, c := range []struct {
		name    string
		outcome OutcomeKind
		applied int
		want    Invariant
	}{
		{"acknowledged and lost", OpDone, 0, AppliedOnce},
		{"acknowledged and applied twice", OpDone, 2, AppliedOnce},
		{"unknown and applied twice", OpUnknown, 2, AppliedOnce},
		{"refused and applied", OpRefused, 1, RefusedIsRefused},
	} {
		w := New(Options{Story: true})
		w.load.ops = append(w.load.ops, Op{ID: 1, Kind: OpPut, Outcome: c.outcome, Applied: c.applied})
		w.audit()
		if w.Broken() == nil || w.Broken().Invariant != c.want {
			t.Errorf("%s: %v", c.name, w.Broken())
		}
	}
}

// TestWorld_NoticesThatNothingGoesOn starts one server of three, asks it for a
// write as the liveness phase does, and wants that to be called dead.
func TestWorld_NoticesThatNothingGoesOn(t *testing.T) {
	w := New(Options{Story: true, Nodes: 3})
	w.Start(0) // one of three: no majority ever
	if w.probe(OpPut, w.now+raft.Time(2*raft.Second)) || w.Broken() == nil || w.Broken().Invariant != Liveness {
		t.Errorf("it was not noticed: %v", w.Broken())
	}
}

// threeServers have not told the level of their programs.
var threeServers = raft.Configuration{Members: []raft.Member{{ID: 1}, {ID: 2}, {ID: 3}}, Voters: []raft.NodeID{1, 2, 3}}
