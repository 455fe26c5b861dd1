package raft

import "testing"

// Bugs that other implementations had, or that were planted here and that nothing
// else saw.

// Goal: a leader that steps down within its term keeps its vote, or another could
// be elected in the same term (hazelcast #16643). Method: nobody answers it; then
// a candidate of its term asks.
func TestElection_DeposedLeaderKeepsItsVote(t *testing.T) {
	l, out := voter(t, HardState{Standing: Admitted})
	lead(t, l, out)
	term := l.Term()
	for k := 0; k < 100 && l.Role() == Leader; k++ {
		l.Step(l.nextWake(), Input{Kind: InputWake}, out)
	}
	if l.Role() == Leader || l.Term() != term {
		t.Fatalf("role %d in term %d: nothing is tested", l.Role(), l.Term())
	}
	tell(l, out, l.now+Time(l.cfg.ElectionMax), Message{Kind: KindRequestVote, From: 3, Term: term,
		RequestVote: RequestVote{LastIndex: 99, LastTerm: term}})
	l.Step(l.now, Input{Kind: InputPersisted, Seq: l.disk.issued}, out)
	if l.hard.Vote != 1 {
		t.Errorf("it led term %d, and votes in it for %d", term, l.hard.Vote)
	}
}

// Goal: the window of what is on its way is freed by acknowledgements, not by the
// repair of what was lost (case 39). Method: a small window, and one entry after
// another.
func TestReplication_WindowIsFreed(t *testing.T) {
	c := newCluster(t, 3)
	for _, n := range c.nodes {
		n.cfg.MaxInflight = 2
	}
	l := c.startAll().elect()
	began := c.now
	for k := range uint64(20) {
		c.write(l, 100+k, 1)
	}
	if took := (c.now - began) / Time(Millisecond); took > 200 {
		t.Errorf("20 entries took %d ms", took)
	}
}

// Goal: what a newcomer was told of the configuration removes nobody, for it is in
// no log and perhaps was never committed. Method: one whose initial configuration
// names a removed server is asked by that server for its vote.
func TestElection_HearsayRemovesNobody(t *testing.T) {
	cfg := newCluster(t, 3).node(1).cfg
	cfg.Initial.Removed = []NodeID{7}
	c, err := New(cfg, Restored{Hard: HardState{Term: 1, Standing: Admitted}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out Output
	tell(c, &out, Time(Second), Message{Kind: KindRequestVote, From: 7, Term: 4,
		RequestVote: RequestVote{Pre: true, LastIndex: 9, LastTerm: 4}})
	if len(out.Send) != 1 || !out.Send[0].VoteReply.Granted {
		t.Errorf("answered %+v", out.Send)
	}
}
