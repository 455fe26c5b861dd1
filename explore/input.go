package explore

import (
	"fmt"

	"veche/raft"
)

// input is what happens at one server: a kind in the upper bits, and the number
// of a message, a slot or a count below.
type input uint32

const argBits = 27

type inputKind uint32

const (
	inReceive  inputKind = iota // a message
	inLate                      // a message, when this server has heard nobody for a while
	inCampaign                  // its timeout passes
	inBeat                      // a leader's heartbeat is due
	inPropose                   // a client's command of that number
	inCrash                     // the process ends after so many pending writes, and starts anew
	inPersist                   // the oldest pending write is confirmed
	inRead                      // a client's read of that number
	inTransfer                  // hand over to that slot
	inSnapshot                  // the state machine's snapshot is in its file
	inChange                    // the scope's change of that number
)

func makeInput(k inputKind, arg uint32) input { return input(uint32(k)<<argBits | arg) }

func (in input) kind() inputKind { return inputKind(in >> argBits) }
func (in input) arg() uint32     { return uint32(in) & (1<<argBits - 1) }

// renamed gives the input under a renaming.
func (w *world) renamed(in input, g int) input {
	switch in.kind() {
	case inReceive, inLate:
		return makeInput(in.kind(), w.messages.get(in.arg()).twins[g].number)
	case inTransfer:
		return makeInput(inTransfer, uint32(w.renamings[g][in.arg()]))
	}
	return in
}

// run does the input to s, which it changes.
func (w *world) run(s *server, in input, fx *effects) {
	switch in.kind() {
	case inReceive:
		w.deliver(s, w.messages.get(in.arg()), fx)
	case inLate:
		s.clock += raft.Time(raft.DefaultElectionMin)
		w.deliver(s, w.messages.get(in.arg()), fx)
	case inCampaign:
		w.runCampaign(s, fx)
	case inBeat:
		s.clock = max(s.clock, s.wake)
		w.step(s, raft.Input{Kind: raft.InputWake}, fx)
	case inPropose:
		w.step(s, raft.Input{Kind: raft.InputPropose, Proposals: []raft.Proposal{
			{Tag: uint64(in.arg()), Kind: raft.EntryCommand, Data: []byte{byte(in.arg())}}}}, fx)
	case inCrash:
		w.crash(s, int(in.arg()))
	case inPersist:
		w.persist(s, fx)
	case inRead:
		w.step(s, raft.Input{Kind: raft.InputRead, Tag: readTag | uint64(in.arg())}, fx)
	case inTransfer:
		w.step(s, raft.Input{Kind: raft.InputTransfer, Peer: raft.NodeID(in.arg()) + 1}, fx)
	case inSnapshot:
		s.file = s.applied
		w.step(s, raft.Input{Kind: raft.InputSnapshotted, Index: s.file.index}, fx)
		s.base = raft.Base{Index: s.file.index, Term: s.file.term, Config: s.file.config.Clone()}
	case inChange:
		w.step(s, raft.Input{Kind: raft.InputChange, Tag: readTag | 255, Changes: w.scope.Changes[in.arg()]}, fx)
	}
}

// readTag marks the tags of requests that are no proposals.
const readTag = 1 << 32

// deliver gives s a message; two kinds are for its host.
func (w *world) deliver(s *server, m *message, fx *effects) {
	switch m.m.Kind {
	case raft.KindSnapshotFetch:
		q := m.m.Fetch
		if s.base.Index == q.Index && s.base.Term == q.Term {
			base := s.base
			fx.sends = append(fx.sends, post{m: raft.Message{Group: 1, Kind: raft.KindSnapshotChunk, From: m.m.To, To: m.m.From}, file: s.file, base: &base})
		}
		return // a file that is gone is as one that is late
	case raft.KindSnapshotChunk:
		s.fetched = m.file
		w.step(s, raft.Input{Kind: raft.InputInstalled, Base: m.base, Index: m.base.Index}, fx)
		s.fetched = nil
		return
	}
	n := m.m
	n.AppendReply.Sent, n.HeartbeatRep.Sent = s.clock, s.clock
	n.Append.Sent, n.Heartbeat.Sent, n.Install.Sent = 0, 0, 0
	w.step(s, raft.Input{Kind: raft.InputReceive, Message: &n}, fx)
}

// runCampaign lets s wait until it campaigns. Unless pre-votes are steps of this
// scope, it has won them: they only keep servers from campaigning.
func (w *world) runCampaign(s *server, fx *effects) {
	before := s.campaign
	for range wakesMax {
		s.clock = max(s.clock, s.core.Status().Deadline)
		w.step(s, raft.Input{Kind: raft.InputWake}, fx)
		if s.campaign != before || s.core.Role() == raft.Leader {
			break
		}
	}
	if w.scope.PreVote {
		return
	}
	term := s.core.Term()
	for k := 0; k < w.servers && s.core.Role() == raft.PreCandidate; k++ {
		if uint8(k) != s.slot {
			w.step(s, raft.Input{Kind: raft.InputReceive, Message: &raft.Message{Group: 1, Kind: raft.KindVoteReply,
				From: raft.NodeID(k) + 1, To: raft.NodeID(s.slot) + 1, Boot: 1, Term: term,
				VoteReply: raft.VoteReply{Campaign: s.campaign, Pre: true, Granted: true}}}, fx)
		}
	}
	keep := fx.sends[:0]
	for _, p := range fx.sends {
		if p.m.Kind != raft.KindRequestVote || !p.m.RequestVote.Pre {
			keep = append(keep, p)
		}
	}
	fx.sends = keep
}

// tell says in a few words what the input is.
func (w *world) tell(slot int, in input) string {
	switch in.kind() {
	case inReceive:
		return "deliver " + w.messages.get(in.arg()).String()
	case inLate:
		return "deliver late " + w.messages.get(in.arg()).String()
	case inCampaign:
		return fmt.Sprintf("campaign %d", slot+1)
	case inBeat:
		return fmt.Sprintf("beat %d", slot+1)
	case inPropose:
		return fmt.Sprintf("propose %d", slot+1)
	case inCrash:
		return fmt.Sprintf("crash %d after %d writes", slot+1, in.arg())
	case inPersist:
		return fmt.Sprintf("confirm a write of %d", slot+1)
	case inRead:
		return fmt.Sprintf("read %d at %d", in.arg(), slot+1)
	case inTransfer:
		return fmt.Sprintf("transfer %d to %d", slot+1, in.arg()+1)
	case inSnapshot:
		return fmt.Sprintf("snapshot %d", slot+1)
	case inChange:
		return fmt.Sprintf("change %d", slot+1)
	}
	return "?"
}
