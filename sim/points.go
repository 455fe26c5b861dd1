package sim

import (
	"veche/host"
	"veche/raft"
	"veche/wal"
)

// A point is a named place in what a server does, at which a seed lets its
// process or its power end. It is found from outside: by what a turn wants done,
// what waits for the disk, which message has come, and which file is touched.

// moment says how far a server is when it ends.
type moment uint8

const (
	atTurn    moment = iota // a turn was taken, and nothing of it carried out
	atWritten               // its records are appended, not synced; nothing is sent
	atSent                  // its messages are sent; nothing is appended
	atHalf                  // half of its messages are sent; nothing is appended
	atSync                  // its records are appended, and the sync is not done
	atSynced                // they are durable, and the core does not know
	atReceive               // a message has come, and the core has not seen it
	atApply                 // a batch is handed over, and not applied
	atApplied               // it is applied, and nobody was told
	atCapture               // a snapshot is captured, and not saved
	atSaved                 // its file is durable, and the core does not know
	atOpened                // the log is recovered, and the first turn not taken
	atRestore               // a snapshot is about to replace the state
	atKept                  // work on a snapshot file is done, and the core does not know
	atDisk                  // a file is about to be touched while the server runs
	atOpening               // the same while it starts
	moments
)

// fact is one thing that may be true of a turn, a sync, a message or a file.
type fact uint64

// Facts of records.
const (
	factTerm      fact = 1 << iota // a later term, no vote in it
	factVote                       // a vote for another
	factOwnVote                    // a vote for itself
	factStanding                   // may vote from now on, or not any more
	factLead                       // entries of its own term, as the leader
	factFollow                     // entries of a leader
	factOverwrite                  // entries in the place of others
	factNoop                       // the first entry of its own term
	factConfig                     // a configuration
	factJoint                      // one with two majorities
	factSnapshot                   // a snapshot is recorded
	factCut                        // the log is cut
	factInstall                    // another server's snapshot is recorded

	// Facts of messages, sent or received.
	factPreVote
	factRequestVote
	factGranted // a vote
	factAppend
	factAck
	factReject // of entries
	factHeartbeat
	factTimeoutNow
	factReadIndex
	factReadIndexRep
	factPropose
	factGreet
	factOffer // of a snapshot
	factFetch
	factChunk

	// Facts of what a core tells.
	factElected
	factCommitted
	factTransfer // is about to begin
	factConfigCommitted
	factRemoved
	factRepaired

	// Facts of files.
	factSegmentWrite
	factSegmentSync
	factSegmentMade
	factSegmentNamed
	factSegmentGone
	factSnapshotMade
	factSnapshotSync
	factSnapshotNamed
	factSnapshotGone
	factDirSync
	factIdentity
	factAnyRead

	anything fact = 0
)

// point is a row of the table.
type point struct {
	name string
	at   moment
	is   fact // one of these facts is true; anything: all the same
}

// points are all places. A full run ends a server at each of them.
var points = [...]point{
	{"higher term decided, not written", atTurn, factTerm},
	{"higher term written, not synced", atWritten, factTerm},
	{"higher term durable, not told", atSynced, factTerm},
	{"vote decided, not written", atTurn, factVote},
	{"vote written, not sent", atWritten, factVote},
	{"vote durable, not sent", atSynced, factVote},
	{"vote sent, nothing after it written", atSent, factGranted},
	{"own vote written, not synced", atWritten, factOwnVote},
	{"own vote durable, not counted", atSynced, factOwnVote},
	{"votes asked of half the servers", atHalf, factRequestVote},
	{"vote asked, not seen", atReceive, factRequestVote},
	{"vote received, not counted", atReceive, factGranted},
	{"election won, nothing done", atTurn, factElected},
	{"election won, told to half the servers", atHalf, factElected},
	{"first entry of the term written, not sent", atWritten, factNoop},
	{"first entry of the term sent, not written", atSent, factNoop},
	{"first entry of the term durable, not counted", atSynced, factNoop},
	{"leader's entries decided, not written", atTurn, factLead},
	{"leader's entries written, not sent", atWritten, factLead},
	{"leader's entries sent, not written", atSent, factLead},
	{"leader's entries sent to half the servers", atHalf, factLead},
	{"leader's entries durable, not counted", atSynced, factLead},
	{"entries received, not stored", atReceive, factAppend},
	{"entries appended, not synced", atSync, factFollow},
	{"entries durable, not acknowledged", atSynced, factFollow},
	{"entries acknowledged, nothing else done", atSent, factAck},
	{"other entries replaced, not synced", atSync, factOverwrite},
	{"other entries replaced, not acknowledged", atSynced, factOverwrite},
	{"entries refused, nothing else done", atSent, factReject},
	{"acknowledgement received, not counted", atReceive, factAck},
	{"commit decided, told nobody", atTurn, factCommitted},
	{"commit told to half the servers", atHalf, factCommitted},
	{"heartbeat sent to half the servers", atHalf, factHeartbeat},
	{"committed, not applied", atApply, anything},
	{"applied, clients not told", atApplied, anything},
	{"command passed on, nothing else done", atSent, factPropose},
	{"command received from a follower, not appended", atReceive, factPropose},
	{"read index asked, not answered", atReceive, factReadIndex},
	{"read index answered, not used", atReceive, factReadIndexRep},
	{"configuration appended, not committed", atWritten, factConfig},
	{"configuration sent to half the servers", atHalf, factConfig},
	{"configuration durable, not counted", atSynced, factConfig},
	{"configuration committed, nothing done", atTurn, factConfigCommitted},
	{"joint configuration appended, not committed", atWritten, factJoint},
	{"joint configuration sent to half the servers", atHalf, factJoint},
	{"joint configuration durable, not counted", atSynced, factJoint},
	{"removed, not stopped", atTurn, factRemoved},
	{"repaired, nothing written", atTurn, factRepaired},
	{"standing changed, not synced", atSync, factStanding},
	{"standing durable, not told", atSynced, factStanding},
	{"greeting received, not answered", atReceive, factGreet},
	{"handover decided, nothing done", atTurn, factTransfer},
	{"TimeoutNow sent, nothing else done", atSent, factTimeoutNow},
	{"TimeoutNow received, not seen", atReceive, factTimeoutNow},
	{"snapshot captured, not saved", atCapture, anything},
	{"snapshot file made, not written", atDisk, factSnapshotMade},
	{"snapshot file written, not synced", atDisk, factSnapshotSync},
	{"snapshot file synced, not named", atDisk, factSnapshotNamed},
	{"directory about to be synced", atDisk, factDirSync},
	{"snapshot file durable, not recorded", atSaved, anything},
	{"snapshot recorded, not synced", atSync, factSnapshot},
	{"snapshot recorded, log not cut", atSynced, factSnapshot},
	{"older snapshot about to be removed", atDisk, factSnapshotGone},
	{"snapshot offered, not seen", atReceive, factOffer},
	{"snapshot asked for, not served", atReceive, factFetch},
	{"chunk sent, nothing else done", atSent, factChunk},
	{"chunk received, not stored", atReceive, factChunk},
	{"work on a snapshot done, not told", atKept, anything},
	{"install decided, not written", atTurn, factInstall},
	{"install written, not synced", atWritten, factInstall},
	{"install durable, not told", atSynced, factInstall},
	{"install durable, state not replaced", atRestore, anything},
	{"log cut, not synced", atSync, factCut},
	{"log cut, segments not released", atSynced, factCut},
	{"segment about to be written", atDisk, factSegmentWrite},
	{"segment about to be synced", atDisk, factSegmentSync},
	{"segment about to be made", atDisk, factSegmentMade},
	{"segment about to be named", atDisk, factSegmentNamed},
	{"segment about to be removed, or used again", atDisk, factSegmentGone},
	{"log recovered, first turn not taken", atOpened, anything},
	{"recovery about to read", atOpening, factAnyRead},
	{"recovery about to write a segment", atOpening, factSegmentWrite},
	{"recovery about to sync a segment", atOpening, factSegmentSync},
	{"recovery about to name the identity", atOpening, factIdentity},
	{"recovery about to sync the directory", atOpening, factDirSync},
}

// Points is how many places there are.
const Points = len(points)

// PointName names a place, from 0 on.
func PointName(p int) string { return points[p].name }

// armed is a place at which a server will end.
type armed struct {
	point int
	node  int // -1: whoever comes there first
	skip  int // so many times it is passed
	down  raft.Duration
	power bool
}

// snares is what is armed, and how often each place was one's end.
type snares struct {
	set    []armed
	waits  [moments]int
	struck [Points]uint64
}

// Ends counts how often a server ended at each place.
func (w *World) Ends() [Points]uint64 { return w.snares.struck }

// arm sets a snare.
func (w *World) arm(a armed) {
	s := &w.snares
	if len(s.set) >= armedMax {
		return
	}
	s.set = append(s.set, a)
	s.waits[points[a.point].at]++
}

// disarm takes all snares away.
func (w *World) disarm() {
	w.snares.set = w.snares.set[:0]
	w.snares.waits = [moments]int{}
}

// snared finds what is armed for a server at one of two moments, given the
// facts, and takes it away; nil if the server goes on.
func (w *World) snared(i int, at moment, facts fact) *armed {
	s := &w.snares
	if s.waits[at] == 0 {
		return nil
	}
	for k := range s.set {
		a := &s.set[k]
		p := &points[a.point]
		if p.at != at || a.node >= 0 && a.node != i || p.is != anything && p.is&facts == 0 {
			continue
		}
		if a.skip > 0 {
			a.skip--
			continue
		}
		found := *a
		s.set = append(s.set[:k], s.set[k+1:]...)
		s.waits[at]--
		return &found
	}
	return nil
}

// ends lets a server end at a place, and come back.
func (w *World) ends(i int, a *armed) {
	w.snares.struck[a.point]++
	w.storm.counts[FaultPoint]++
	w.fault(name(i) + " ends here: " + points[a.point].name)
	if a.power {
		w.PowerCut(i)
	} else {
		w.Crash(i)
	}
	if a.down >= 0 { // a story starts it itself
		w.comeBack(i, a.down)
	}
}

// reached says whether the server has ended at this moment.
func (w *World) reached(i int, at moment, facts fact) bool {
	a := w.snared(i, at, facts)
	if a == nil {
		return false
	}
	w.ends(i, a)
	return true
}

// factsOf says what a record does to a server's log and hard state.
func (w *World) factsOf(i int, wr *raft.Write, led raft.Term) (f fact) {
	m := &w.witness.mem[i]
	if wr.HardChanged {
		switch h := &wr.Hard; {
		case h.Vote == raft.NodeID(i+1) && (h.Term != m.hard.Term || h.Vote != m.hard.Vote):
			f |= factOwnVote
		case h.Vote != 0 && (h.Term != m.hard.Term || h.Vote != m.hard.Vote):
			f |= factVote
		case h.Term > m.hard.Term:
			f |= factTerm
		}
		if wr.Hard.Standing != m.hard.Standing {
			f |= factStanding
		}
	}
	if len(wr.Entries) > 0 {
		f |= factFollow
		if led != 0 {
			f = f&^factFollow | factLead
		}
		if wr.Entries[0].Index <= m.last() {
			f |= factOverwrite
		}
		for k := range wr.Entries {
			switch wr.Entries[k].Kind {
			case raft.EntryNoop:
				f |= factNoop
			case raft.EntryConfig:
				f |= factConfig
				var c raft.Configuration
				if raft.DecodeConfiguration(wr.Entries[k].Data, &c) == nil && len(c.Outgoing) > 0 {
					f |= factJoint
				}
			}
		}
	}
	if s := wr.Snapshot; s != nil {
		f |= factSnapshot
		if s.Index > m.last() || m.terms[s.Index] != s.Term {
			f |= factInstall
		}
	}
	if wr.Cut != nil {
		f |= factCut
	}
	return f
}

// factsOfMessage says what a message is.
func factsOfMessage(m *raft.Message) fact {
	switch m.Kind {
	case raft.KindRequestVote:
		if m.RequestVote.Pre {
			return factPreVote
		}
	case raft.KindVoteReply:
		if m.VoteReply.Pre || !m.VoteReply.Granted {
			return 0
		}
	case raft.KindAppendReply:
		if m.AppendReply.Rejected {
			return factReject
		}
	}
	if int(m.Kind) < len(messageFacts) {
		return messageFacts[m.Kind]
	}
	return 0
}

var messageFacts = [...]fact{
	raft.KindRequestVote: factRequestVote, raft.KindVoteReply: factGranted, raft.KindAppend: factAppend,
	raft.KindAppendReply: factAck, raft.KindHeartbeat: factHeartbeat, raft.KindTimeoutNow: factTimeoutNow,
	raft.KindReadIndex: factReadIndex, raft.KindReadIndexRep: factReadIndexRep, raft.KindPropose: factPropose,
	raft.KindGreet: factGreet, raft.KindInstallSnapshot: factOffer, raft.KindSnapshotFetch: factFetch, raft.KindSnapshotChunk: factChunk,
}

// factsOfTurn says what a turn wants done. written is what its records do.
func factsOfTurn(e *host.Effects, written fact) fact {
	f := written
	for k := range e.Send {
		f |= factsOfMessage(&e.Send[k])
	}
	for k := range e.Events {
		switch e.Events[k].Kind {
		case raft.EventBecameLeader:
			f |= factElected
		case raft.EventCommitted:
			f |= factCommitted
		case raft.EventConfigCommitted:
			f |= factConfigCommitted
		case raft.EventTransferStarted:
			f |= factTransfer
		case raft.EventRemoved:
			f |= factRemoved
		case raft.EventRepaired:
			f |= factRepaired
		}
	}
	return f
}

// factsOfFile says what an operation does to which file.
func factsOfFile(op wal.Op, name string) fact {
	tmp := hasSuffix(name, ".tmp")
	kind := name
	if tmp {
		kind = name[:len(name)-len(".tmp")]
	}
	switch {
	case op == wal.OpSyncDir:
		return factDirSync
	case op == wal.OpRead:
		return factAnyRead
	case op == wal.OpRemove && tmp:
		return 0 // what is left of an earlier attempt
	case hasSuffix(kind, "/identity") && op == wal.OpRename:
		return factIdentity
	case hasSuffix(kind, ".snap"):
		return snapshotFacts[op]
	case hasSuffix(kind, ".wal") && op == wal.OpRename && !tmp:
		return factSegmentGone // another takes over its file
	case hasSuffix(kind, ".wal"):
		return segmentFacts[op]
	}
	return 0
}

var (
	snapshotFacts = [wal.OpSync + 1]fact{wal.OpCreate: factSnapshotMade, wal.OpSync: factSnapshotSync,
		wal.OpRename: factSnapshotNamed, wal.OpRemove: factSnapshotGone}
	segmentFacts = [wal.OpSync + 1]fact{wal.OpCreate: factSegmentMade, wal.OpSync: factSegmentSync, wal.OpWrite: factSegmentWrite,
		wal.OpRename: factSegmentNamed, wal.OpRemove: factSegmentGone}
)

func hasSuffix(s, end string) bool { return len(s) >= len(end) && s[len(s)-len(end):] == end }
