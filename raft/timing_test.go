package raft

import (
	"slices"
	"testing"
)

// autoCluster is a cluster with automatic timing and without fast detection.
func autoCluster(t *testing.T, n int) *cluster {
	c := newCluster(t, n)
	for _, x := range c.nodes {
		x.cfg.AutoTiming, x.cfg.NoFastDetection = true, true
	}
	return c
}

// lag delays messages by some milliseconds more, and loses one in so many.
type lag struct {
	*cluster
	more    int
	loseIn  uint64 // 0: none
	rng     random
	waiting []flying
}

func newLag(c *cluster) *lag {
	l := &lag{cluster: c, rng: random{state: 11}}
	c.drop = func(m *Message) bool {
		if l.loseIn != 0 && l.rng.next()%l.loseIn == 0 {
			return true
		}
		if l.more > 0 {
			l.waiting = append(l.waiting, flying{due: c.now + Time(l.more)*Time(Millisecond), m: *m})
		}
		return l.more > 0
	}
	return l
}

func (l *lag) pass(ms int) {
	for range ms {
		l.cluster.tick()
		for len(l.waiting) > 0 && l.waiting[0].due <= l.now {
			m := l.waiting[0].m
			l.waiting = l.waiting[1:]
			if n := l.node(m.To); n.core != nil {
				l.step(n, Input{Kind: InputReceive, Message: &m})
			}
		}
	}
}

// Goal: where round trips take 2 ms, a crashed leader is replaced within tens of
// milliseconds, although nobody sees connections close. Method: twenty crashes,
// beside the same with the configured timing.
func TestTiming_ShortRoundTripsFailOverSoon(t *testing.T) {
	measure := func(auto bool) (worst, sum Time) {
		c := autoCluster(t, 5)
		for _, n := range c.nodes {
			n.cfg.AutoTiming = auto
		}
		c.startAll()
		for range 20 {
			l := c.elect()
			c.pass(8000)
			if s := l.core.Status(); auto && (s.ElectionMin > 40*Millisecond || s.ElectionMax != 2*s.ElectionMin || s.Heartbeat > s.ElectionMin/3) {
				t.Fatalf("in force: %d to %d, heartbeat %d", s.ElectionMin, s.ElectionMax, s.Heartbeat)
			}
			if s := l.core.Status().Peers[0]; s.RoundTrip < Millisecond || s.RoundTrip > 4*Millisecond {
				t.Fatalf("round trip %d ns", s.RoundTrip)
			}
			c.crash(l.id)
			began := c.now
			c.elect()
			worst, sum = max(worst, c.now-began), sum+c.now-began
			c.start(l.id)
			c.pass(500)
		}
		c.onlyOneLeaderPerTerm()
		return worst, sum
	}
	worst, sum := measure(true)
	slowest, slow := measure(false)
	t.Logf("tuned: %d ms on average, %d at most; configured: %d and %d", sum/20/Time(Millisecond), worst/Time(Millisecond),
		slow/20/Time(Millisecond), slowest/Time(Millisecond))
	if worst > Time(120*Millisecond) || sum*3 > slow {
		t.Fatal("the tuned cluster is hardly faster")
	}
}

// Goal: round trips that grow thirtyfold at once cost at most one election, and
// the timing follows them up and down. Method: 2 ms, 62 ms, 2 ms.
func TestTiming_FollowsTheRoundTrips(t *testing.T) {
	c := newLag(autoCluster(t, 5))
	c.startAll()
	c.elect()
	c.pass(8000)
	low := c.leader().core.Status().ElectionMin
	term := c.leader().core.Term()
	c.more = 30
	c.pass(10_000)
	l := c.leader()
	if l == nil || l.core.Term() > term+1 {
		t.Fatalf("leader %v, term %d → %d", l, term, c.node(1).core.Term())
	}
	high := l.core.Status().ElectionMin
	settled := l.core.Term()
	c.pass(60_000)
	if c.leader() != l || l.core.Term() != settled {
		t.Fatalf("terms go on to %d in a minute of equal round trips", l.core.Term())
	}
	c.more = 0
	c.waiting = nil
	c.pass(10_000)
	again := c.leader().core.Status().ElectionMin
	t.Logf("smallest timeout: %d ms, %d ms with round trips of 62 ms, %d ms afterwards; term %d → %d",
		low/Millisecond, high/Millisecond, again/Millisecond, term, settled)
	if high < 2*62*Millisecond || low > 40*Millisecond || again > 40*Millisecond {
		t.Fatal("the timing does not follow")
	}
}

// Goal: with one message in five lost, the leader stays, and a crash is survived.
// Method: two minutes.
func TestTiming_LossOfOneInFiveIsStable(t *testing.T) {
	c := newLag(autoCluster(t, 5))
	c.loseIn = 5
	c.startAll()
	c.elect()
	c.pass(8000)
	l, from := c.leader(), len(c.trace)
	term := l.core.Term()
	c.pass(120_000)
	if c.leader() != l || l.core.Term() != term {
		t.Fatalf("leader %v in term %d, was %d in term %d", c.leader(), l.core.Term(), l.id, term)
	}
	s := l.core.Status()
	t.Logf("smallest timeout %d ms, heartbeat %d ms, %d changes of timing in two minutes",
		s.ElectionMin/Millisecond, s.Heartbeat/Millisecond, len(c.eventsOf(EventTimingTuned, from)))
	if s.Heartbeat*6 > s.ElectionMin {
		t.Fatalf("%d heartbeats in a timeout are too few", s.ElectionMin/s.Heartbeat)
	}
	c.crash(l.id)
	began := c.now
	c.elect()
	if c.now-began > Time(400*Millisecond) {
		t.Fatalf("%d ms without a leader", (c.now-began)/Time(Millisecond))
	}
}

// Goal: a follower takes a tuned timeout over only if its own AutoTiming is on,
// within its bounds, and goes back to the configured one when the leader is gone
// for long. Method: tell it by heartbeats.
func TestTiming_FollowerAdoptsWithinBounds(t *testing.T) {
	for _, tc := range []struct {
		name       string
		auto       bool
		told, want Duration
	}{
		{"auto", true, 40 * Millisecond, 40 * Millisecond},
		{"not auto", false, 40 * Millisecond, 150 * Millisecond},
		{"too small", true, Millisecond, AutoFloor},
		{"too large", true, Second, 150 * Millisecond},
		{"as configured", true, 0, 150 * Millisecond},
	} {
		cfg := newCluster(t, 3).node(1).cfg
		cfg.AutoTiming = tc.auto
		v, err := New(cfg, Restored{Hard: HardState{Term: 1, Standing: Admitted}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		out := &Output{}
		heard := Time(Second)
		v.Step(heard, Input{Kind: InputReceive, Message: &Message{Group: 1, To: 1, From: 2, Term: 1, Kind: KindHeartbeat,
			Heartbeat: Heartbeat{ElectionMin: tc.told}}}, out)
		s := v.Status()
		if s.ElectionMin != tc.want || s.ElectionMax != 2*tc.want || v.drawn < s.ElectionMin || v.drawn > s.ElectionMax {
			t.Errorf("%s: in force %d to %d, drawn %d", tc.name, s.ElectionMin, s.ElectionMax, v.drawn)
		}
		tuned := slices.ContainsFunc(out.Events, func(e Event) bool { return e.Kind == EventTimingTuned })
		if tuned != (tc.want != 150*Millisecond) {
			t.Errorf("%s: told as an event: %v", tc.name, tuned)
		}
		for range 100 { // nobody answers
			v.Step(v.nextWake(), Input{Kind: InputWake}, out)
		}
		if s := v.Status(); s.ElectionMin != 150*Millisecond || v.drawn < 150*Millisecond {
			t.Errorf("%s: without a leader in force %d, drawn %d", tc.name, s.ElectionMin, v.drawn)
		}
	}
}

// Goal: a member with another timing is told once, by whoever it is not equal to,
// at the first start, and after a restart with other settings (case 57).
func TestTiming_DifferencesAreTold(t *testing.T) {
	c := newCluster(t, 3)
	c.startAll()
	l := c.elect()
	c.pass(1000)
	if n := len(c.eventsOf(EventTimingDiffers, 0)); n != 0 {
		t.Fatalf("%d differences among equal servers", n)
	}
	odd := c.node(l.id%3 + 1)
	for _, heartbeat := range []Duration{30 * Millisecond, 0} { // 0: as the others again
		from := len(c.trace)
		c.crash(odd.id)
		odd.cfg.Heartbeat = heartbeat
		c.start(odd.id)
		c.pass(2000)
		if c.leader() != l {
			t.Fatal("the test is about one leader")
		}
		var seen, sees int
		for _, e := range c.eventsOf(EventTimingDiffers, from) {
			switch {
			case e.Node == l.id && e.Peer == odd.id:
				seen++
			case e.Node == odd.id && e.Peer == l.id:
				sees++
			default:
				t.Fatalf("server %d tells of %d", e.Node, e.Peer)
			}
		}
		want := 0
		if heartbeat != 0 {
			want = 1
		}
		if seen != want || sees != want {
			t.Fatalf("heartbeat %d: told %d times by the leader, %d times by the odd one", heartbeat, seen, sees)
		}
		for _, p := range l.core.Status().Peers {
			if p.OtherTiming != (heartbeat != 0 && p.ID == odd.id) {
				t.Fatalf("heartbeat %d: status of %d says %v", heartbeat, p.ID, p.OtherTiming)
			}
		}
	}
}

// Goal: greetings about timing end: they cost messages only after a start.
func TestTiming_GreetingsEnd(t *testing.T) {
	c := newCluster(t, 5).startAll()
	c.elect()
	c.pass(2000)
	greetings := 0
	c.drop = func(m *Message) bool {
		if m.Kind == KindGreet || m.Kind == KindGreetReply {
			greetings++
		}
		return false
	}
	c.pass(10_000)
	if greetings != 0 {
		t.Fatalf("%d greetings in ten quiet seconds", greetings)
	}
}

// Goal: the smoothed numbers are what they are meant to be. Method: feed a link
// with a known loss and known trips.
func TestTiming_LinkMeasures(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	p := &l.core.peers[0]
	for _, tc := range []struct {
		every       uint64 // one round in so many is answered
		least, most int
	}{{1, 0, 1000}, {2, 450_000, 550_000}, {4, 700_000, 800_000}} {
		p.link = link{}
		for round := uint64(1); round <= 4000; round += tc.every {
			l.core.round = round
			l.core.measure(p, &Message{HeartbeatRep: HeartbeatReply{Round: round, Sent: l.core.eager - Time(7*Millisecond)}})
		}
		if p.link.loss < tc.least || p.link.loss > tc.most {
			t.Errorf("one answer in %d: loss %d", tc.every, p.link.loss)
		}
		if p.link.trip != 7*Millisecond || p.link.dev > Microsecond {
			t.Errorf("round trip %d, deviation %d", p.link.trip, p.link.dev)
		}
	}
	before := p.link
	l.core.measure(p, &Message{HeartbeatRep: HeartbeatReply{Round: 1}})
	if p.link != before {
		t.Error("an answer that was overtaken counts")
	}
}
