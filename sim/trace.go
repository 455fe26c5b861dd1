package sim

import (
	"strconv"
	"strings"

	"veche/raft"
)

// RecordKind says what a Record tells.
type RecordKind uint8

// What a Record tells, and which of its fields matter beyond At and Node.
const (
	RecordSend    RecordKind = iota + 1 // Peer, Message, Term, Index, A
	RecordDeliver                       // Peer, Message, Term, Index, A
	RecordLost                          // Peer, Message, Term, Note: why
	RecordEvent                         // Event: what the core told
	RecordWrite                         // Index = first entry, A = entries, B = seq
	RecordSynced                        // B = seq
	RecordApply                         // Index
	RecordRequest                       // A = client, B = operation, Note
	RecordAnswer                        // A = client, B = operation, Note
	RecordFault                         // Note: what was done to whom
	RecordNote                          // Note; of the end of a change of members also Node, Index and A
)

// Record is one line of a trace. A is a detail that Kind names: for an
// AppendEntries the number of entries, for a reply 1 when it says yes.
type Record struct {
	At      raft.Time // simulated time since the world began
	Step    uint64    // which event of the world this belongs to
	Kind    RecordKind
	Node    raft.NodeID
	Peer    raft.NodeID
	Message raft.MessageKind
	Term    raft.Term
	Index   raft.Index
	A, B    uint64
	Event   raft.Event
	Note    string
}

// trace keeps the last records and a running hash of all of them.
type trace struct {
	ring  [tailMax]Record
	count uint64
	hash  uint64
	watch func(*Record) // may be nil: sees each record as it is made, and does not keep it
}

func (t *trace) add(r *Record) {
	h := mix(t.hash^uint64(r.At), uint64(r.Kind)<<56^uint64(r.Node)<<48^uint64(r.Peer)<<40^uint64(r.Message)<<32^uint64(r.Term)<<16^uint64(r.Index))
	h = mix(h^r.A, r.B)
	if r.Kind == RecordEvent {
		e := &r.Event
		h = mix(h^uint64(e.Kind)<<8^uint64(e.Reason), uint64(e.Term)<<32^uint64(e.Index)<<8^uint64(e.Peer))
	}
	t.hash = h
	kept := &t.ring[t.count%tailMax]
	*kept = *r
	t.count++
	if t.watch != nil {
		t.watch(kept)
	}
}

// tail gives the last n records, the oldest first.
func (t *trace) tail(n int) []Record {
	n = min(n, tailMax)
	if uint64(n) > t.count {
		n = int(t.count)
	}
	out := make([]Record, 0, n)
	for i := t.count - uint64(n); i < t.count; i++ {
		out = append(out, t.ring[i%tailMax])
	}
	return out
}

// String tells the record in one line without the line's end.
func (r Record) String() string {
	var b strings.Builder
	b.WriteString(pad(Millis(r.At), 12))
	b.WriteString("  ")
	b.WriteString(pad(Server(r.Node), 3))
	b.WriteString("  ")
	switch r.Kind {
	case RecordSend:
		b.WriteString("> " + Server(r.Peer) + "  " + r.message())
	case RecordDeliver:
		b.WriteString("< " + Server(r.Peer) + "  " + r.message())
	case RecordLost:
		b.WriteString("x " + Server(r.Peer) + "  " + r.message() + ": " + r.Note)
	case RecordEvent:
		b.WriteString(r.Event.Sentence(Server))
	case RecordWrite:
		b.WriteString("hands write " + num(r.B) + " to the disk")
		if r.A > 0 {
			b.WriteString(": entries from " + num(uint64(r.Index)) + ", " + num(r.A) + " in number")
		}
	case RecordSynced:
		b.WriteString("has write " + num(r.B) + " on its disk")
	case RecordApply:
		b.WriteString("applies entry " + num(uint64(r.Index)))
	case RecordRequest:
		b.WriteString("is asked by client " + num(r.A) + ": " + r.Note)
	case RecordAnswer:
		b.WriteString("answers client " + num(r.A) + ": " + r.Note)
	default:
		b.WriteString("** " + r.Note)
	}
	return b.String()
}

func (r *Record) message() string {
	s := messageName(r.Message) + " term " + num(uint64(r.Term))
	switch r.Message {
	case raft.KindAppend:
		s += " prev " + num(uint64(r.Index)) + ", " + count(r.A, "entry", "entries")
	case raft.KindAppendReply:
		if r.A == 1 {
			s += " match " + num(uint64(r.Index))
		} else {
			s += " refused at " + num(uint64(r.Index))
		}
	case raft.KindVoteReply:
		if r.A == 1 {
			s += " yes"
		} else {
			s += " no"
		}
	}
	return s
}

func messageName(k raft.MessageKind) string {
	if int(k) < len(messageNames) && messageNames[k] != "" {
		return messageNames[k]
	}
	return "message " + num(uint64(k))
}

// messageNames are the words of stories and traces for the kinds of messages.
var messageNames = [...]string{
	raft.KindRequestVote:  "RequestVote",
	raft.KindVoteReply:    "VoteReply",
	raft.KindAppend:       "AppendEntries",
	raft.KindAppendReply:  "AppendReply",
	raft.KindHeartbeat:    "Heartbeat",
	raft.KindHeartbeatRep: "HeartbeatReply",
	raft.KindTimeoutNow:   "TimeoutNow",
	raft.KindReadIndex:    "ReadIndex",
	raft.KindReadIndexRep: "ReadIndexReply",
	raft.KindPropose:      "Propose",
	raft.KindProposeRep:   "ProposeReply",
	raft.KindGreet:        "Greet",
	raft.KindGreetReply:   "GreetReply",

	raft.KindInstallSnapshot: "InstallSnapshot",
	raft.KindSnapshotFetch:   "SnapshotFetch",
	raft.KindSnapshotChunk:   "SnapshotChunk",
}

// Server is how a node is called in traces and stories: S1, S2 …; 0 is nobody.
func Server(id raft.NodeID) string {
	if id == 0 {
		return "-"
	}
	return "S" + num(uint64(id))
}

// Millis writes a time in milliseconds with one decimal: "160.3 ms".
func Millis(t raft.Time) string {
	tenths := (int64(t) + 50_000) / 100_000
	return strconv.FormatInt(tenths/10, 10) + "." + strconv.FormatInt(tenths%10, 10) + " ms"
}

func num(v uint64) string { return strconv.FormatUint(v, 10) }

// count says "1 entry", "3 entries".
func count(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return num(n) + " " + many
}

// pad puts spaces before s until it is n bytes wide.
func pad(s string, n int) string {
	if len(s) >= n {
		return s
	}
	return strings.Repeat(" ", n-len(s)) + s
}
