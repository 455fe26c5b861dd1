package raft

import (
	"fmt"
	"testing"
)

// tell delivers one message to server 1 of group 1.
func tell(c *Core, out *Output, at Time, m Message) {
	m.Group, m.To = 1, 1
	c.Step(at, Input{Kind: InputReceive, Message: &m}, out)
}

// lead makes server 1 of 3 the leader of the next term, with server 2's votes
// and a disk that confirms at once.
func lead(t *testing.T, c *Core, out *Output) {
	t.Helper()
	now := max(c.now, c.deadline)
	c.Step(now, Input{Kind: InputWake}, out)
	for _, pre := range []bool{true, false} {
		tell(c, out, now, Message{Kind: KindVoteReply, From: 2, Term: c.Term(),
			VoteReply: VoteReply{Campaign: c.campaign, Pre: pre, Granted: true}})
		c.Step(now, Input{Kind: InputPersisted, Seq: c.disk.issued}, out)
	}
	if c.Role() != Leader {
		t.Fatalf("role %d, term %d", c.Role(), c.Term())
	}
}

func noops(first Index, terms ...Term) (es []Entry) {
	for k, term := range terms {
		es = append(es, Entry{Index: first + Index(k), Term: term, Kind: EntryNoop})
	}
	return es
}

// Goal: what one leader verified says nothing about the next leader's log (case
// 28). Method: a follower verifies three entries in term 1, campaigns in term 2,
// and hears that term's leader vouch for the first entry only, with commit 3.
func TestReplication_VerifiedEndsWithTheTerm(t *testing.T) {
	f, out := voter(t, HardState{Term: 1, Standing: Admitted})
	tell(f, out, 1, Message{Kind: KindAppend, From: 2, Term: 1, Append: Append{Entries: noops(1, 1, 1, 1)}})
	f.Step(f.deadline, Input{Kind: InputWake}, out)
	tell(f, out, f.now, Message{Kind: KindVoteReply, From: 3, Term: 1, VoteReply: VoteReply{Campaign: f.campaign, Pre: true, Granted: true}})
	if f.Role() != Candidate || f.Term() != 2 {
		t.Fatalf("role %d, term %d", f.Role(), f.Term())
	}
	tell(f, out, f.now, Message{Kind: KindAppend, From: 3, Term: 2, Append: Append{Entries: noops(1, 1), Commit: 3}})
	if f.commit != 1 {
		t.Fatalf("commit index %d, this term's leader vouched for 1", f.commit)
	}
}

// Goal: an overwritten proposal is not lost while a log somewhere may bring it
// back (case 42). Method: server 1 leads term 1 and proposes; the leader of term
// 2 overwrites the entry here, commits nothing and dies; the leader of term 3
// held the entry all the time and commits it. The twin: term 2 commits.
func TestReplication_OverwrittenIsLostOnlyWhenAnotherIsCommitted(t *testing.T) {
	for _, tc := range []struct {
		name   string
		commit Index // of the leader of term 2
		want   OutcomeKind
	}{
		{"term 2 commits nothing", 1, Committed},
		{"term 2 commits its own entry", 2, Lost},
	} {
		c, out := voter(t, HardState{Standing: Admitted})
		lead(t, c, out)
		mine := []Proposal{{Tag: 7, Data: []byte("x")}}
		c.Step(c.now, Input{Kind: InputPropose, Proposals: mine}, out)
		had := []Entry{{Index: 1, Term: 1, Kind: EntryNoop}, {Index: 2, Term: 1, Kind: EntryCommand, Data: []byte("x")}}
		var all []Outcome
		tell(c, out, c.now, Message{Kind: KindAppend, From: 3, Term: 2, Append: Append{PrevIndex: 1, PrevTerm: 1, Entries: noops(2, 2), Commit: tc.commit}})
		all = append(all, out.Outcomes...)
		if tc.want == Committed {
			if len(all) != 0 {
				t.Fatalf("%s: told %+v while the entry may come back", tc.name, all)
			}
			tell(c, out, c.now, Message{Kind: KindAppend, From: 2, Term: 3,
				Append: Append{Entries: append(had[:2:2], noops(3, 3)...), Commit: 3}})
			all = append(all, out.Outcomes...)
		}
		if len(all) != 1 || all[0].Kind != tc.want || all[0].Tag != 7 {
			t.Fatalf("%s: outcomes %+v, want kind %d", tc.name, all, tc.want)
		}
	}
}

// Goal: a proposal beyond the end of a shortened log is not left without an
// outcome. Method: entries 2 to 9 of term 1 are overwritten by a shorter log,
// whose entry of term 2 is committed: no log with them can win any more.
func TestReplication_ProposalsBeyondAShorterLogAreLost(t *testing.T) {
	c, out := voter(t, HardState{Standing: Admitted})
	lead(t, c, out)
	for tag := uint64(2); tag < 10; tag++ {
		c.Step(c.now, Input{Kind: InputPropose, Proposals: []Proposal{{Tag: tag, Data: []byte("x")}}}, out)
	}
	tell(c, out, c.now, Message{Kind: KindAppend, From: 3, Term: 2, Append: Append{PrevIndex: 1, PrevTerm: 1, Entries: noops(2, 2), Commit: 2}})
	if len(out.Outcomes) != 8 || len(c.pending) != 0 {
		t.Fatalf("%d outcomes, %d pending", len(out.Outcomes), len(c.pending))
	}
	for _, o := range out.Outcomes {
		if o.Kind != Lost {
			t.Fatalf("outcome %+v", o)
		}
	}
}

// Goal: the short timeouts of fast detection end (case 11): on a machine whose
// votes take longer than 60 ms an election must still succeed. Method: connections
// close, a second passes, then a campaign begins; look at its timeout.
func TestElection_FastTimeoutsEnd(t *testing.T) {
	f, out := voter(t, HardState{Term: 1, Standing: Admitted})
	tell(f, out, 1, Message{Kind: KindHeartbeat, From: 2, Boot: 5, Term: 1})
	f.Step(2, Input{Kind: InputPeerDown, Peer: 2, Boot: 5}, out)
	for f.now < Time(Second) {
		f.Step(out.Wake, Input{Kind: InputWake}, out)
	}
	tell(f, out, f.now, Message{Kind: KindVoteReply, From: 3, Term: 1, VoteReply: VoteReply{Campaign: f.campaign, Pre: true, Granted: true}})
	if f.Role() != Candidate {
		t.Fatalf("role %d", f.Role())
	}
	if left := f.deadline - f.now; left < Time(DefaultElectionMin) {
		t.Fatalf("a second after the close the candidate gives its voters %d ms", left/Time(Millisecond))
	}
}

// Goal: an acknowledgement that is lost heals by itself (case 39), without new
// proposals. Method: drop all answers to appends for 60 ms around a proposal.
func TestReplication_LostAcknowledgementHeals(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.pass(300)
	c.drop = func(m *Message) bool { return m.Kind == KindAppendReply }
	c.propose(l, 1, "x")
	c.pass(60)
	c.drop = nil
	c.until("commit", 500, func() bool { o, ok := l.outcome(1); return ok && o.Kind == Committed })
}

// Goal: what is committed here cannot be overwritten, and an attempt is never
// passed over in silence (case 31): it proves that election safety is broken, so
// the group halts. Method: appends of a later leader that disagree with a
// committed entry, as entry and as previous entry.
func TestReplication_OverwritingTheCommittedHalts(t *testing.T) {
	for name, a := range map[string]Append{
		"as an entry":        {PrevIndex: 1, PrevTerm: 1, Entries: noops(2, 2, 2)},
		"as the previous":    {PrevIndex: 2, PrevTerm: 2, Entries: noops(3, 2)},
		"below the last one": {PrevIndex: 0, Entries: noops(1, 2)},
	} {
		f, out := voter(t, HardState{Term: 1, Standing: Admitted})
		tell(f, out, 1, Message{Kind: KindAppend, From: 2, Term: 1, Append: Append{Entries: noops(1, 1, 1, 1), Commit: 2}})
		tell(f, out, 2, Message{Kind: KindAppend, From: 3, Term: 2, Append: a})
		if f.Fault() == "" || f.log.last() != 3 {
			t.Fatalf("%s: fault %q, log ends at %d", name, f.Fault(), f.log.last())
		}
		if out.Write.Seq != 0 || len(out.Send) != 0 || out.Wake != Never {
			t.Fatalf("%s: a group that halts still does %+v", name, out)
		}
	}
}

// Goal: a term has one leader; a second claimant of the same term is not
// followed, whatever it says. Method: two heartbeats and an append.
func TestElection_SecondClaimantOfATermIsIgnored(t *testing.T) {
	f, out := voter(t, HardState{Term: 1, Standing: Admitted})
	tell(f, out, 1, Message{Kind: KindAppend, From: 2, Term: 1, Append: Append{Entries: noops(1, 1, 1)}})
	tell(f, out, 2, Message{Kind: KindAppend, From: 3, Term: 1, Append: Append{Entries: noops(1, 1), Commit: 2}})
	if f.Leader() != 2 || f.commit != 0 || len(out.Send) != 0 {
		t.Fatalf("follows %d, commit %d, sent %+v", f.Leader(), f.commit, out.Send)
	}
}

// Goal: terms near 2^64 do no harm (case 25): the term must never wrap to 0.
// Method: every kind of message with such terms, then timeouts.
func TestCore_ImpossibleTermsAreIgnored(t *testing.T) {
	for kind := KindRequestVote; kind < messageKindsBound; kind++ {
		for _, pre := range []bool{false, true} {
			f, out := voter(t, HardState{Term: 5, Standing: Admitted})
			tell(f, out, 1, Message{Kind: kind, From: 2, Term: 1<<64 - 1, RequestVote: RequestVote{Pre: pre, LastTerm: 1<<64 - 1, LastIndex: 1<<64 - 1}})
			if f.Term() != 5 || f.Fault() != "" {
				t.Fatalf("kind %d: term %d, fault %q", kind, f.Term(), f.Fault())
			}
		}
	}
}

// Goal: what is not for this server goes no further than an event (case 25).
func TestCore_MessagesForOthersAreIgnored(t *testing.T) {
	for name, m := range map[string]Message{
		"another group":  {Group: 2, From: 2, To: 1},
		"another server": {Group: 1, From: 2, To: 3},
		"from itself":    {Group: 1, From: 1, To: 1},
		"from nobody":    {Group: 1, From: 0, To: 1},
	} {
		f, out := voter(t, HardState{Term: 1, Standing: Admitted})
		m.Kind, m.Term = KindHeartbeat, 9
		f.Step(1, Input{Kind: InputReceive, Message: &m}, out)
		if f.Term() != 1 || len(out.Send) != 0 || len(out.Events) != 1 || out.Events[0].Kind != EventMessageIgnored {
			t.Fatalf("%s: term %d, sent %+v, events %+v", name, f.Term(), out.Send, out.Events)
		}
	}
}

// Goal: an entry is sent once to a server that answers. Method: count how often
// the leader's first configuration travels to each server in a quiet cluster.
func TestReplication_SendsAnEntryOnce(t *testing.T) {
	c := newCluster(t, 3)
	sent := map[string]int{}
	c.drop = func(m *Message) bool {
		for _, e := range m.Append.Entries {
			if e.Kind == EntryConfig {
				sent[fmt.Sprint("entry ", e.Index, " of term ", e.Term, " to ", m.To)]++
			}
		}
		return false
	}
	c.startAll()
	c.elect()
	c.pass(500)
	if len(sent) == 0 {
		t.Fatal("no configuration was sent")
	}
	for what, n := range sent {
		if n > 1 {
			t.Errorf("%s: sent %d times", what, n)
		}
	}
}

// Goal: Confirmed holds beside no other leader, also when a voter restarts and
// has forgotten whom it heard (case 72). Method: a leader is confirmed by one
// follower's answer, the follower restarts at once, and a candidate asks it.
func TestElection_RestartKeepsThePromiseToTheLeader(t *testing.T) {
	c := newCluster(t, 3)
	for _, n := range c.nodes {
		n.cfg.NoFastDetection = true
	}
	c.startAll()
	l := c.elect()
	c.pass(200)
	f := c.node(l.id%3 + 1)
	x := c.node(f.id%3 + 1)
	c.crash(f.id)
	c.start(f.id)
	c.isolateFrom(l.id, f.id)
	c.isolateFrom(l.id, x.id)
	c.step(f, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindRequestVote, From: x.id, To: f.id, Term: l.core.Term(),
		RequestVote: RequestVote{Campaign: 1, LastIndex: 1000, LastTerm: l.core.Term(), Pre: true}}})
	for _, m := range f.out.Send {
		if m.Kind == KindVoteReply && m.VoteReply.Granted && l.core.ConfirmedAt(c.now) {
			t.Fatal("it would vote for another while the leader it answered is confirmed")
		}
	}
}

// Goal: an abandoned transfer cannot make a second leader beside a confirmed one
// (case 71), however late its TimeoutNow arrives. Method: hold the message back
// until the leader has given up, then deliver it and watch every millisecond.
func TestTransfer_LateTimeoutNowMakesNoSecondConfirmedLeader(t *testing.T) {
	c := newCluster(t, 3)
	for _, n := range c.nodes {
		n.cfg.NoFastDetection = true
	}
	c.startAll()
	l := c.elect()
	c.pass(200)
	f := c.node(l.id%3 + 1)
	var late []Message
	c.drop = func(m *Message) bool {
		if m.Kind == KindTimeoutNow {
			late = append(late, *m)
			return true
		}
		return false
	}
	c.step(l, Input{Kind: InputTransfer, Peer: f.id})
	c.pass(400)
	c.until("confirmed again", 200, func() bool { return l.core.ConfirmedAt(c.now) && l.core.Role() == Leader })
	c.isolate(l.id)
	for k := range late {
		c.step(f, Input{Kind: InputReceive, Message: &late[k]})
	}
	for range 100 {
		c.tick()
		confirmed := 0
		for _, n := range c.nodes {
			if n.core.ConfirmedAt(c.now) {
				confirmed++
			}
		}
		if confirmed > 1 {
			t.Fatalf("two confirmed leaders, %d TimeoutNow held back", len(late))
		}
	}
}

// Goal: what waits for a stalled disk stays small. Method: a follower whose disk
// does not answer hears a hundred thousand heartbeats and repeated appends.
func TestDurable_StalledDiskHoldsLittle(t *testing.T) {
	f, out := voter(t, HardState{Term: 1, Standing: Admitted})
	for k := range 10_000 {
		tell(f, out, Time(k), Message{Kind: KindHeartbeat, From: 2, Term: 2, Heartbeat: Heartbeat{Round: uint64(k)}})
		tell(f, out, Time(k), Message{Kind: KindAppend, From: 2, Term: 2, Append: Append{Entries: noops(1, 2)}})
		tell(f, out, Time(k), Message{Kind: KindRequestVote, From: 3, Term: 2, RequestVote: RequestVote{Campaign: uint64(k)}})
	}
	if n := len(f.disk.held); n > 16 {
		t.Fatalf("%d messages are held", n)
	}
	f.Step(f.now, Input{Kind: InputPersisted, Seq: f.disk.issued}, out)
	for _, m := range out.Send {
		if m.Kind == KindHeartbeatRep && m.HeartbeatRep.Round == 9999 {
			return
		}
	}
	t.Fatalf("the answer to the newest heartbeat is not among %d", len(out.Send))
}

// Goal: an address that no follower could store is refused at the start: as an
// entry it would stop replication for ever.
func TestConfig_AddressTooLong(t *testing.T) {
	c := newCluster(t, 1)
	cfg := c.node(1).cfg
	cfg.ClientAddr = string(make([]byte, textMax+1))
	if _, err := New(cfg, Restored{}, 0); err == nil {
		t.Fatal("accepted")
	}
}

// Goal: a failed read of a leader that stepped down does not send the client to
// the very same server. Method: a pending read, then a higher term.
func TestRead_FailureDoesNotNameTheOldLeader(t *testing.T) {
	c, out := voter(t, HardState{Standing: Admitted})
	lead(t, c, out)
	c.Step(c.now, Input{Kind: InputRead, Tag: 3}, out)
	tell(c, out, c.now, Message{Kind: KindHeartbeat, From: 2, Term: 9})
	if len(out.Outcomes) != 1 || out.Outcomes[0].Kind != ReadFailed || out.Outcomes[0].Leader != 2 {
		t.Fatalf("outcomes %+v", out.Outcomes)
	}
}

// Goal: a server that may not campaign forgets a leader that fell silent, so that
// its clients get a clear answer. Method: a fresh server hears one heartbeat.
func TestElection_FreshServerForgetsASilentLeader(t *testing.T) {
	f, out := voter(t, HardState{})
	tell(f, out, 1, Message{Kind: KindHeartbeat, From: 2, Term: 1})
	if f.Leader() != 2 {
		t.Fatal("no leader known")
	}
	for f.now < Time(Second) {
		f.Step(out.Wake, Input{Kind: InputWake}, out)
	}
	f.Step(f.now, Input{Kind: InputPropose, Proposals: []Proposal{{Tag: 1}}}, out)
	if len(out.Outcomes) != 1 || out.Outcomes[0].Reason != ReasonNoLeader {
		t.Fatalf("outcomes %+v", out.Outcomes)
	}
}

// Goal: whoever gives its vote gives up its own pre-campaign, or it would depose
// the one it voted for a moment later (case 1).
func TestElection_GrantEndsThePreCampaign(t *testing.T) {
	f, out := voter(t, HardState{Term: 1, Standing: Admitted})
	f.Step(f.deadline, Input{Kind: InputWake}, out)
	own := f.campaign
	f.Step(f.now, requestVote(2, 1, RequestVote{Campaign: 9}), out)
	tell(f, out, f.now, Message{Kind: KindVoteReply, From: 3, Term: 1, VoteReply: VoteReply{Campaign: own, Pre: true, Granted: true}})
	if f.Role() != Follower || f.Term() != 1 {
		t.Fatalf("role %d, term %d", f.Role(), f.Term())
	}
}
