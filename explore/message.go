package explore

import (
	"fmt"
	"strings"

	"veche/raft"
)

// permsMax is the number of renamings of four servers.
const permsMax = 24

// message is one message, kept once. Besides the core's there are two of the
// hosts: one asks for a snapshot file, the other carries it.
type message struct {
	number uint32
	m      raft.Message
	file   *logNode   // of a file on its way: what the state machine has applied
	base   *raft.Base // of a file on its way
	from   uint8      // slots
	to     uint8
	term   raft.Term
	order  uint64 // older and lesser first; does not depend on names
	twins  [permsMax]*message
	sums   [permsMax]uint64
}

// orderOf puts messages of one channel in an order that no renaming changes.
func orderOf(m *raft.Message) uint64 {
	at := raft.Index(0)
	switch m.Kind {
	case raft.KindRequestVote:
		at = raft.Index(m.RequestVote.Campaign & 0xff)
	case raft.KindAppend:
		at = m.Append.PrevIndex + raft.Index(len(m.Append.Entries))
	case raft.KindAppendReply:
		at = m.AppendReply.Match
	case raft.KindHeartbeat:
		at = raft.Index(m.Heartbeat.Round)
	case raft.KindHeartbeatRep:
		at = raft.Index(m.HeartbeatRep.Round)
	}
	n := *m
	n.From, n.To = 1, 2
	n.ProposeRep.Leader = 0
	n.Append.Entries = nil
	d := digest(0)
	d.bytes(raft.AppendMessage(nil, &n))
	for k := range m.Append.Entries {
		e := &m.Append.Entries[k]
		d.word(uint64(e.Term)<<8 | uint64(e.Kind))
	}
	return uint64(m.Term)<<48 | uint64(m.Kind)<<40 | uint64(at&0xff)<<32 | uint64(d)>>32
}

// post is a message that a server sends, before it is numbered.
type post struct {
	m    raft.Message
	file *logNode
	base *raft.Base
}

func (p *post) key() string {
	b := raft.AppendMessage(nil, &p.m)
	if p.file != nil {
		return fmt.Sprintf("file %d %d %d %d %x", p.m.From, p.m.To, p.file.number, p.base.Term, raft.AppendConfiguration(nil, &p.base.Config))
	}
	return string(b)
}

// number gives a message its number, and its twins theirs. The caller holds w.mu.
func (w *world) numberOf(p *post) *message {
	if m := w.messageBy[p.key()]; m != nil {
		return m
	}
	all := make([]*message, len(w.renamings))
	for g, r := range w.renamings {
		q := post{m: r.message(&p.m)}
		if p.file != nil {
			q.file = w.renamedLog(p.file, r)
			q.base = &raft.Base{Index: p.base.Index, Term: p.base.Term, Config: r.configuration(&p.base.Config)}
		}
		key := q.key()
		m := w.messageBy[key]
		if m == nil {
			m = &message{m: q.m, file: q.file, base: q.base, from: uint8(q.m.From - 1), to: uint8(q.m.To - 1), term: q.m.Term, order: orderOf(&q.m)}
			if q.file != nil {
				m.order = mix(uint64(q.file.index))>>16 | 1<<62
			}
			m.number = w.messages.add(m)
			w.messageBy[key] = m
		}
		all[g] = m
	}
	for g := range all {
		for h := range all {
			all[g].twins[h] = all[w.after[h][g]]
		}
		for h := range all {
			d := digest(1)
			t := all[g].twins[h]
			if t.file != nil {
				d.word(uint64(t.from)<<8 | uint64(t.to))
				d.word(t.file.sums[0])
			} else {
				d.bytes(raft.AppendMessage(nil, &t.m))
			}
			all[g].sums[h] = mix(uint64(d))
		}
	}
	return all[0]
}

func (w *world) renamedLog(n *logNode, r renaming) *logNode {
	if n.parent == nil {
		return n
	}
	e := raft.Entry{Index: n.index, Term: n.term, Kind: n.kind, Data: r.data(n.kind, []byte(n.data))}
	return w.child(w.renamedLog(n.parent, r), &e)
}

// String says in a few words what the message says.
func (m *message) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d→%d term %d ", m.from+1, m.to+1, m.term)
	switch x := &m.m; x.Kind {
	case raft.KindRequestVote:
		what := "RequestVote"
		if x.RequestVote.Pre {
			what = "PreVote"
		}
		fmt.Fprintf(&b, "%s log %d/%d campaign %x", what, x.RequestVote.LastIndex, x.RequestVote.LastTerm, x.RequestVote.Campaign&0xffff)
	case raft.KindVoteReply:
		word := "refused"
		if x.VoteReply.Granted {
			word = "granted"
		}
		pre := ""
		if x.VoteReply.Pre {
			pre = "pre"
		}
		fmt.Fprintf(&b, "%svote %s campaign %x", pre, word, x.VoteReply.Campaign&0xffff)
	case raft.KindAppend:
		fmt.Fprintf(&b, "AppendEntries behind %d/%d [", x.Append.PrevIndex, x.Append.PrevTerm)
		for k := range x.Append.Entries {
			fmt.Fprintf(&b, " %d/%d", x.Append.Entries[k].Index, x.Append.Entries[k].Term)
		}
		fmt.Fprintf(&b, " ] commit %d round %d", x.Append.Commit, x.Append.Round)
	case raft.KindAppendReply:
		if x.AppendReply.Rejected {
			fmt.Fprintf(&b, "append refused at %d, try %d/%d round %d", x.AppendReply.PrevIndex, x.AppendReply.HintIndex, x.AppendReply.HintTerm, x.AppendReply.Round)
		} else {
			fmt.Fprintf(&b, "append stored to %d round %d", x.AppendReply.Match, x.AppendReply.Round)
		}
	case raft.KindHeartbeat:
		fmt.Fprintf(&b, "heartbeat round %d commit %d", x.Heartbeat.Round, x.Heartbeat.Commit)
	case raft.KindHeartbeatRep:
		fmt.Fprintf(&b, "heartbeat reply round %d received %d", x.HeartbeatRep.Round, x.HeartbeatRep.Received)
	case raft.KindReadIndex:
		fmt.Fprintf(&b, "ReadIndex %x", x.ReadIndex.ID&0xffff)
	case raft.KindReadIndexRep:
		fmt.Fprintf(&b, "ReadIndex reply %x index %d reason %d", x.ReadIndexRep.ID&0xffff, x.ReadIndexRep.Index, x.ReadIndexRep.Reason)
	case raft.KindTimeoutNow:
		b.WriteString("TimeoutNow")
	case raft.KindInstallSnapshot:
		fmt.Fprintf(&b, "InstallSnapshot %d/%d round %d", x.Install.Index, x.Install.LastTerm, x.Install.Round)
	case raft.KindSnapshotFetch:
		fmt.Fprintf(&b, "asks for the file %d/%d", x.Fetch.Index, x.Fetch.Term)
	case raft.KindSnapshotChunk:
		fmt.Fprintf(&b, "the file %d/%d", m.base.Index, m.base.Term)
	default:
		fmt.Fprintf(&b, "message of kind %d", x.Kind)
	}
	return b.String()
}
