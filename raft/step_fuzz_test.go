package raft

import (
	"slices"
	"testing"
)

// provenBreaches are the invariants that a message alone can break, because what
// it says proves that two leaders' majorities did not overlap, or that somebody
// forged it. Going on would only spread the damage, so the group halts.
var provenBreaches = []string{
	"a leader overwrites a committed entry",
}

// FuzzStep throws any decodable message at a core in whatever role.
func FuzzStep(f *testing.F) {
	// Goal: Step never panics, and no message makes it halt, except by proving a
	// breach of safety. Method: the bytes choose inputs and the fields of messages,
	// small numbers mostly, so that some of them fit.
	f.Add([]byte{3, 0, 1, 250, 1, 2, 0, 1, 2, 1, 1, 0})
	f.Add([]byte{0, 0, 3, 3, 1, 4, 1, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9})
	for seed := range uint64(64) {
		rng := random{state: seed}
		b := make([]byte, 600)
		for k := range b {
			b[k] = byte(rng.next() >> 20)
			if rng.next()%2 == 0 {
				b[k] %= 4
			}
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { (&stepFuzz{t: t, b: b}).run() })
}

// Goal: the same, in every `go test`, over many more random runs than the seeds
// of the fuzz target; and the runs reach every role, so that they test something.
func TestCore_NoMessageHaltsOrPanics(t *testing.T) {
	reached := map[Role]int{}
	for seed := range uint64(2000) {
		rng := random{state: seed}
		b := make([]byte, 800)
		for k := range b {
			b[k] = byte(rng.next() >> 20)
			if rng.next()%4 != 0 {
				b[k] %= 4
			}
		}
		x := &stepFuzz{t: t, b: b, reached: reached}
		x.run()
	}
	for _, r := range []Role{Follower, PreCandidate, Candidate, Leader} {
		if reached[r] < 100 {
			t.Errorf("role %d was reached %d times", r, reached[r])
		}
	}
}

type stepFuzz struct {
	t       *testing.T
	b       []byte
	core    *Core
	out     Output
	now     Time
	reached map[Role]int
	bent    bool // the host gives an eager clock
	ahead   Time // what it shows beyond the patient one
}

func (x *stepFuzz) byte() byte {
	if len(x.b) == 0 {
		return 0
	}
	v := x.b[0]
	x.b = x.b[1:]
	return v
}

// number is small mostly, about what the core holds often, and huge at times.
func (x *stepFuzz) number(near uint64) uint64 {
	switch v := x.byte(); {
	case v < 4:
		return near + uint64(v)
	case v < 8:
		return max(near, uint64(v)-4) - (uint64(v) - 4)
	case v < 250:
		return uint64(v) % 16
	default:
		return ^uint64(255 - v)
	}
}

func (x *stepFuzz) run() {
	h := HardState{Term: Term(x.byte() % 4), Vote: NodeID(x.byte() % 4), Standing: Admitted}
	if x.byte() > 250 {
		h.Standing = Fresh
	}
	x.core, _ = voter(x.t, h)
	var logs Restored
	logs.Hard = h
	for range x.byte() % 4 {
		logs.Entries = append(logs.Entries, Entry{Index: Index(len(logs.Entries) + 1), Term: min(h.Term, Term(len(logs.Entries)+1)), Kind: EntryNoop})
	}
	cfg := x.core.cfg
	flags := x.byte()
	cfg.NoFastDetection, x.bent = flags%2 == 0, flags/2%2 == 0
	cfg.LeaseReads = cfg.NoFastDetection && flags/4%2 == 0
	cfg.AutoTiming = !cfg.LeaseReads && flags/8%2 == 0
	core, err := New(cfg, logs, 0)
	if err != nil {
		x.t.Fatal(err)
	}
	x.core = core
	for len(x.b) > 0 {
		x.step(x.input())
	}
	if x.core.Hash() != x.core.Clone().Hash() {
		x.t.Fatal("a clone is not equal")
	}
	x.core.Status()
}

func (x *stepFuzz) step(in Input) {
	if x.bent {
		if x.byte()%8 == 0 { // a sleep that only the eager clock counts, or a step back
			x.ahead += Time(x.byte())*Time(Millisecond) - Time(20*Millisecond)
		}
		in.Eager = max(1, x.now+x.ahead)
	}
	x.core.Step(x.now, in, &x.out)
	if x.reached != nil {
		x.reached[x.core.Role()]++
	}
	if fault := x.core.Fault(); fault != "" && !slices.Contains(provenBreaches, fault) {
		x.t.Fatalf("halted: %s, after %+v", fault, in)
	}
	if in.Kind == InputWake && x.out.Wake <= x.now {
		x.t.Fatalf("asks at %d to be woken at %d", x.now, x.out.Wake)
	}
	for k := range x.out.Send {
		m := &x.out.Send[k]
		if err := DecodeMessage(AppendMessage(nil, m), &Message{}); err != nil {
			x.t.Fatalf("sends what nobody can read: %v: %+v", err, m)
		}
	}
}

// input draws one; what the host alone can say is always something it may say.
func (x *stepFuzz) input() Input {
	c := x.core
	switch v := x.byte(); v % 16 {
	case 0, 1:
		x.now = max(x.now+1, c.nextWake())
		if v > 200 {
			x.now += Time(v) * Time(Millisecond)
		}
		return Input{Kind: InputWake}
	case 2, 3, 4:
		return Input{Kind: InputPersisted, Seq: c.disk.issued}
	case 5:
		return Input{Kind: InputPropose, Proposals: []Proposal{{Tag: 1, Data: []byte{v}}}}
	case 6:
		return Input{Kind: InputRead, Tag: 2, Lease: v > 128}
	case 7:
		return Input{Kind: InputTransfer, Peer: NodeID(x.byte() % 5)}
	case 8:
		return Input{Kind: InputPeerDown, Peer: NodeID(x.byte() % 5), Boot: Boot(x.byte() % 3)}
	case 9:
		return Input{Kind: InputSnapshotted, Index: c.handed - Index(x.byte())%(c.handed+1)}
	}
	if v := x.byte(); v%8 == 0 { // the vote that it waits for
		return Input{Kind: InputReceive, Message: &Message{Group: 1, To: 1, From: NodeID(v%2 + 2), Kind: KindVoteReply, Term: c.hard.Term,
			VoteReply: VoteReply{Campaign: c.campaign, Pre: c.role == PreCandidate, Granted: true}}}
	}
	return Input{Kind: InputReceive, Message: x.message()}
}

// message draws one, and gives it as a receiver decodes it.
func (x *stepFuzz) message() *Message {
	c := x.core
	last, term := uint64(c.log.last()), uint64(c.hard.Term)
	session, round := uint64(0), c.round
	from := NodeID(x.byte()%4 + 1)
	if p := c.peer(from); p != nil {
		session = p.session
	}
	m := Message{Group: 1, To: 1, From: from, Boot: Boot(x.byte() % 3), Term: Term(x.number(term)),
		Kind: MessageKind(x.byte()%uint8(messageKindsBound-1) + 1)}
	flags := x.byte()
	set := func(bit byte) bool { return flags>>bit&1 == 1 }
	why := Reason(flags) % reasonsBound
	switch m.Kind {
	case KindRequestVote:
		m.RequestVote = RequestVote{Campaign: x.number(1), LastIndex: Index(x.number(last)), LastTerm: Term(x.number(term)), Pre: set(0), Transfer: set(1)}
	case KindVoteReply:
		m.VoteReply = VoteReply{Campaign: x.number(c.campaign), Pre: c.role == PreCandidate, Granted: !set(1), Reason: why}
	case KindAppend:
		m.Append = Append{Session: 1, Round: 1, Sent: Time(x.number(uint64(x.now))), PrevIndex: Index(x.number(last)), PrevTerm: Term(x.number(term)),
			Commit: Index(x.number(last)), Cut: Index(x.number(0)), Entries: x.entries(term)}
		if set(2) { // fits
			m.Append.PrevIndex, m.Append.PrevTerm = c.log.last(), c.log.lastTerm()
		}
	case KindAppendReply:
		m.AppendReply = AppendReply{Session: session, Round: x.number(round), Sent: Time(x.number(uint64(x.now))), Rejected: set(0), Reason: why,
			PrevIndex: Index(x.number(last)), HintIndex: Index(x.number(last)), HintTerm: Term(x.number(term)), Match: Index(x.number(last))}
	case KindHeartbeat:
		m.Heartbeat = Heartbeat{Session: 1, Round: 1, Sent: Time(x.number(0)), Commit: Index(x.number(last)), Cut: Index(x.number(last)),
			ElectionMin: Duration(x.byte()) * Millisecond}
	case KindHeartbeatRep:
		m.HeartbeatRep = HeartbeatReply{Session: session, Round: x.number(round), Sent: Time(x.number(uint64(x.now))), Received: Index(x.number(last)),
			Promise: Duration(x.byte()) * Millisecond}
	case KindReadIndex:
		m.ReadIndex.ID = x.number(0)
	case KindReadIndexRep:
		m.ReadIndexRep = ReadIndexReply{ID: x.number(0), Index: Index(x.number(last)), Reason: why}
		if len(c.forwarded) > 0 {
			m.ReadIndexRep.ID = c.forwarded[0].id
		}
	case KindPropose:
		m.Propose = Propose{Batch: 1, Entries: x.entries(term)}
	case KindProposeRep:
		m.ProposeRep = ProposeReply{Batch: 1, Reason: why}
	case KindGreet:
		m.Greet = Greet{Incarnation: Incarnation(x.byte()), Standing: Standing(flags % 2), Empty: set(1), ClientAddr: "x"}
	case KindGreetReply:
		m.GreetReply = GreetReply{Incarnation: Incarnation(x.byte()), Empty: set(1), Admitted: set(2), Recorded: Incarnation(flags >> 4)}
	}
	var back Message
	if DecodeMessage(AppendMessage(nil, &m), &back) != nil {
		return &Message{Group: 1, To: 1, From: from, Kind: KindTimeoutNow, Term: m.Term}
	}
	return &back
}

// entries draws a few, configurations among them that may leave this server out.
func (x *stepFuzz) entries(term uint64) (es []Entry) {
	for range x.byte() % 4 {
		e := Entry{Term: Term(x.number(term)), Kind: EntryKind(x.byte()%3 + 1)}
		if e.Kind == EntryConfig {
			next := x.core.config().Clone()
			switch x.byte() % 4 {
			case 1:
				next.Voters = []NodeID{2, 3}
			case 2:
				next.Voters, next.Outgoing = []NodeID{2, 3}, []NodeID{1, 2}
			case 3:
				next.Voters, next.Learners = []NodeID{2}, []NodeID{1, 3}
			}
			next.Learners = slices.DeleteFunc(next.Learners, next.votes)
			e.Data = AppendConfiguration(nil, &next)
		}
		es = append(es, e)
	}
	return es
}
