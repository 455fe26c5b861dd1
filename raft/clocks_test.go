package raft

import "testing"

// stepAt is step with an eager clock that is so far ahead of the patient one.
func (c *cluster) stepAt(n *node, ahead Duration, in Input) {
	in.Eager = c.now + Time(ahead)
	c.step(n, in)
}

// Goal: a sleep that only the eager clock counts ends what the leader believes,
// and no wait. Method: let only the eager clock of a leader jump, then that of a
// follower.
func TestClocks_SleepEndsBeliefsAndNoWaits(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.pass(200)
	if !l.core.Confirmed() {
		t.Fatal("not confirmed before the sleep")
	}
	round, beat := l.core.round, l.core.heartbeatAt
	c.stepAt(l, 10*Second, Input{Kind: InputRead, Tag: 1})
	switch {
	case l.core.Confirmed():
		t.Fatal("it counts on answers from before the sleep")
	case l.core.Role() != Leader:
		t.Fatal("it gave up before it asked")
	case l.core.round == round:
		t.Fatal("it asked nobody")
	case l.core.heartbeatAt > beat+Time(c.nodes[0].core.cfg.Heartbeat):
		t.Fatal("its heartbeats wait for the eager clock")
	}
	c.pass(20)
	if !l.core.Confirmed() || c.leader() != l {
		t.Fatal("not confirmed after a round")
	}
	f := c.node(l.id%3 + 1)
	deadline := f.core.deadline
	c.stepAt(f, 10*Second, Input{Kind: InputWake})
	if f.core.Role() != Follower || f.core.deadline != deadline || f.core.now != c.now {
		t.Fatalf("the follower's timer went on in its sleep: role %d, deadline %d → %d", f.core.Role(), deadline, f.core.deadline)
	}
}

// Goal: a sleeper whom nobody answers gives up, and is woken for it in time on
// the patient clock. Method: let the eager clock of an isolated leader run ten
// times as fast, and wake it only when it asks.
func TestClocks_EagerClockEndsALeadershipThatNobodyConfirms(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.pass(200)
	c.isolate(l.id)
	began, ahead := c.now, Duration(0)
	for l.core.Role() == Leader {
		if c.now-began > Time(100*Millisecond) {
			t.Fatal("it leads on for 100 ms of its patient clock, a second of its eager one")
		}
		passed := max(l.wake-c.now, 1)
		c.now += passed
		ahead += 9 * Duration(passed)
		c.stepAt(l, ahead, Input{Kind: InputWake})
		if l.core.Role() == Leader && l.wake <= c.now {
			t.Fatalf("at %d it wants to be woken at %d", c.now, l.wake)
		}
	}
}

// Goal: neither clock goes back, the eager one never goes slower than the
// patient one, and it begins with whatever the host shows first.
func TestClocks_NeverGoBackNorSlower(t *testing.T) {
	v, out := voter(t, HardState{Term: 1, Standing: Admitted})
	for _, s := range []struct{ now, eager, wantNow, wantEager Time }{
		{100, 7000, 100, 7000}, // a boot time before ours
		{110, 7005, 110, 7010},
		{105, 6000, 110, 7010},
		{120, 7500, 120, 7500},
		{130, 0, 130, 7510}, // one clock only
		{130, 7600, 130, 7600},
	} {
		v.Step(s.now, Input{Kind: InputWake, Eager: s.eager}, out)
		if v.now != s.wantNow || v.eager != s.wantEager {
			t.Fatalf("told %d and %d, it shows %d and %d, want %d and %d", s.now, s.eager, v.now, v.eager, s.wantNow, s.wantEager)
		}
	}
}
