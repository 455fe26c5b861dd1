package raft

import "testing"

// Goal: a server whose disk was lost does not vote under its old name. Method:
// wipe a follower, then let the leader crash.
func TestAdmission_WipedDiskIsRefused(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.until("all recorded", 1000, func() bool {
		for _, m := range l.core.committedConfig().Config.Members {
			if m.Incarnation == 0 || m.ClientAddr == "" {
				return false
			}
		}
		return true
	})
	f := c.node(l.id%3 + 1)
	c.crash(f.id)
	f.disk = Restored{}
	f.cfg.Incarnation = 999
	c.start(f.id)
	c.until("refused", 500, func() bool {
		for _, e := range c.trace {
			if e.Kind == EventRefusedDisk && e.Node == f.id {
				return true
			}
		}
		return false
	})
	c.crash(l.id)
	c.pass(3000)
	if f.core.Standing() != Fresh || c.leader() != nil {
		t.Fatal("a forgetful voter elected a leader")
	}
}

// Standing is how far the server may take part.
func (c *Core) Standing() Standing { return c.hard.Standing }

// Goal: at the first start a minority waits, a majority begins, and a late
// server is admitted by a committed entry.
func TestAdmission_FirstStart(t *testing.T) {
	c := newCluster(t, 5)
	c.start(1)
	c.start(2)
	c.pass(3000)
	for id := NodeID(1); id <= 2; id++ {
		if n := c.node(id).core; n.Standing() != Fresh || n.Term() != 0 {
			t.Fatalf("server %d: standing %d, term %d", id, n.Standing(), n.Term())
		}
	}
	c.start(3)
	c.elect()
	c.start(4)
	c.until("the fourth is admitted by an entry", 500, func() bool { return c.node(4).core.Standing() == Admitted })
	why := ReasonNone
	for _, e := range c.trace {
		if e.Kind == EventAdmitted && e.Node == 4 {
			why = e.Reason
		}
	}
	if why != ReasonEntryCommitted {
		t.Fatalf("admitted for reason %d", why)
	}
	c.until("it catches up", 500, func() bool { return c.node(4).core.commit == c.leader().core.commit })
}

// Goal: a fresh server acknowledges nothing. Method: a leader's entries to one.
func TestAdmission_FreshServerAcknowledgesNothing(t *testing.T) {
	f, out := voter(t, HardState{})
	f.Step(1, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindAppend, From: 2, To: 1, Term: 1,
		Append: Append{Entries: []Entry{{Index: 1, Term: 1, Kind: EntryNoop}}}}}, out)
	f.Step(2, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindHeartbeat, From: 2, To: 1, Term: 1}}, out)
	f.Step(3, Input{Kind: InputPersisted, Seq: 1}, out)
	for _, m := range out.Send {
		if m.Kind != KindGreet {
			t.Fatalf("sent %+v", m)
		}
	}
	v, out := voter(t, HardState{})
	v.Step(1, requestVote(2, 1, RequestVote{Campaign: 1}), out)
	v.Step(2, Input{Kind: InputPersisted, Seq: out.Write.Seq}, out)
	if len(out.Send) != 1 || out.Send[0].VoteReply.Granted || out.Send[0].VoteReply.Reason != ReasonFresh {
		t.Fatalf("asked for a vote, it answered %+v", out.Send)
	}
}

// Goal: a restart with its disk needs no admission, and a changed client
// address finds its way into the configuration.
func TestAdmission_RestartPublishesItsAddress(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.pass(300)
	f := c.node(l.id%3 + 1)
	c.crash(f.id)
	f.cfg.ClientAddr = "moved"
	c.start(f.id)
	c.until("published", 1000, func() bool {
		m, _ := l.core.committedConfig().Config.Member(f.id)
		return m.ClientAddr == "moved" && m.Incarnation == f.cfg.Incarnation
	})
}

// Goal: what was said of another disk, or at another time, founds nothing. Method:
// a new disk is told by everybody that they are empty, in answers to the disk
// before and unasked; then in answers to itself.
func TestAdmission_OnlyAnswersToThisDiskCount(t *testing.T) {
	f, out := voter(t, HardState{})
	tell := func(from NodeID, m Message) {
		m.Group, m.From, m.To = 1, from, 1
		f.Step(f.now+1, Input{Kind: InputReceive, Message: &m}, out)
	}
	for _, from := range []NodeID{2, 3} {
		tell(from, Message{Kind: KindGreet, Greet: Greet{Incarnation: 50 + Incarnation(from), Empty: true}})
		tell(from, Message{Kind: KindGreetReply, GreetReply: GreetReply{For: 7, Incarnation: 50 + Incarnation(from), Empty: true}})
		tell(from, Message{Kind: KindGreetReply, GreetReply: GreetReply{For: 7, Incarnation: 50 + Incarnation(from), Admitted: true}})
	}
	if f.Standing() != Fresh {
		t.Fatal("admitted by answers to another disk")
	}
	tell(2, Message{Kind: KindGreetReply, GreetReply: GreetReply{For: f.cfg.Incarnation, Incarnation: 52, Empty: true}})
	if f.Standing() != Admitted {
		t.Fatal("not admitted, though two of three are empty")
	}
}

// Goal: a damaged server that knows a later term than the leader, for it once
// stood in vain, is repaired all the same.
func TestAdmission_DamagedServerOfALaterTermIsRepaired(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.settle()
	c.write(l, 100, 20)
	f := c.node(l.id%3 + 1)
	c.crash(f.id)
	f.disk.Damaged = true
	f.disk.Entries = f.disk.Entries[:len(f.disk.Entries)-5]
	f.disk.Hard.Term++
	f.disk.Hard.Vote = f.id
	c.start(f.id)
	c.until("it is repaired", 3000, func() bool { return f.core.Standing() == Admitted })
}
