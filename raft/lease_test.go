package raft

import (
	"flag"
	"slices"
	"testing"
)

var leaseSeed = flag.Uint64("lease-seed", 0, "run this seed of the lease worlds only")

// Goal: a read by lease is never stale, whatever clocks within the stated drift,
// sleeps, held-up processes, networks, restarts, transfers and changes of the
// voters do; and leases are not so careful that there are none. Method:
// thousands of seconds in worlds of bent clocks, with a checker that knows what
// is committed anywhere.
func TestLease_NoReadIsStaleUnderBentClocks(t *testing.T) {
	if *leaseSeed != 0 {
		if why := newLeaseWorld(*leaseSeed, plantNone).run(); why != "" {
			t.Fatal(why)
		}
		return
	}
	worlds := uint64(800)
	if testing.Short() {
		worlds = 150
	}
	reads, byLease, leaders := 0, 0, 0
	for seed := uint64(1); seed <= worlds; seed++ {
		w := newLeaseWorld(seed, plantNone)
		if why := w.run(); why != "" {
			t.Fatalf("seed %d: %s\nrepeat: go test ./raft -run TestLease_NoRead -lease-seed %d", seed, why, seed)
		}
		reads, byLease, leaders = reads+w.reads, byLease+w.byLease, leaders+w.leaders
	}
	t.Logf("%d worlds, %d leaders, %d reads asked of leaders, %d answered by lease", worlds, leaders, reads, byLease)
	if byLease*5 < reads || uint64(leaders) < 2*worlds {
		t.Fatal("there is hardly a lease, or hardly another leader: this tests nothing")
	}
}

// Goal: the test above would notice each mistake that leases are known for.
// Method: plant it, by what the servers are told, and look for the first world
// with a stale read.
func TestLease_PlantedMistakesAreFound(t *testing.T) {
	for plant := plantNone + 1; plant < plantsBound; plant++ {
		t.Run(plant.String(), func(t *testing.T) {
			for seed := uint64(1); seed <= 2500; seed++ {
				if why := newLeaseWorld(seed, plant).run(); why != "" {
					t.Logf("found in world %d: %s", seed, why)
					return
				}
			}
			t.Fatal("2,500 worlds found nothing")
		})
	}
}

// Goal: a voter keeps the promise that it gave to a leader, also in the next
// term, of which it has heard from somebody else. Method: tell it of that term by
// a late refusal of a pre-vote, and let that term's candidate ask.
func TestLease_PromiseOutlivesItsTerm(t *testing.T) {
	c := newCluster(t, 3)
	cfg := c.node(1).cfg
	cfg.NoFastDetection = true
	v, err := New(cfg, Restored{Hard: HardState{Term: 3, Standing: Admitted}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := &Output{}
	receive := func(now Time, m Message) {
		m.Group, m.To = 1, 1
		v.Step(now, Input{Kind: InputReceive, Message: &m}, out)
		for out.Write.Seq != 0 {
			v.Step(now, Input{Kind: InputPersisted, Seq: out.Write.Seq}, out)
		}
	}
	heard := Time(Second)
	receive(heard, Message{Kind: KindHeartbeat, From: 2, Term: 3, Heartbeat: Heartbeat{Session: 1, Sent: 5}})
	if len(out.Send) != 1 || out.Send[0].HeartbeatRep.Promise != cfg.withDefaults().ElectionMin {
		t.Fatalf("answered %+v", out.Send)
	}
	receive(heard+1, Message{Kind: KindVoteReply, From: 3, Term: 4, VoteReply: VoteReply{Campaign: 7, Pre: true, Reason: ReasonVoted}})
	if v.Term() != 4 {
		t.Fatalf("term %d", v.Term())
	}
	for _, tc := range []struct {
		after Duration
		grant bool
	}{{2, false}, {DefaultElectionMin - 1, false}, {DefaultElectionMin, true}} {
		receive(heard+Time(tc.after), Message{Kind: KindRequestVote, From: 3, Term: 4, RequestVote: RequestVote{Campaign: 8}})
		if len(out.Send) != 1 || out.Send[0].VoteReply.Granted != tc.grant {
			t.Fatalf("%d ns after it promised, it answers %+v", tc.after, out.Send)
		}
	}
}

// Goal: who keeps no promise makes none: fast detection, automatic timing, a
// damaged disk, and answers to anybody but the leader.
func TestLease_PromisesAreMadeByWhoKeepsThem(t *testing.T) {
	for _, tc := range []struct {
		name    string
		cfg     func(*Config)
		damaged bool
		want    Duration
	}{
		{"slow detection", func(c *Config) {}, false, 150 * Millisecond},
		{"another timeout", func(c *Config) { c.ElectionMin, c.ElectionMax = 400*Millisecond, 500*Millisecond }, false, 400 * Millisecond},
		{"fast detection", func(c *Config) { c.NoFastDetection = false }, false, 0},
		{"automatic timing", func(c *Config) { c.AutoTiming = true }, false, 0},
		{"damaged disk", func(c *Config) {}, true, 0},
	} {
		cfg := newCluster(t, 3).node(1).cfg
		cfg.NoFastDetection = true
		tc.cfg(&cfg)
		d := Restored{Hard: HardState{Term: 1, Standing: Admitted}}
		if d.Damaged = tc.damaged; d.Damaged {
			d.Hard.Standing = Damaged
		}
		v, err := New(cfg, d, 0)
		if err != nil {
			t.Fatal(err)
		}
		out, next := &Output{}, &Output{}
		v.Step(1, Input{Kind: InputReceive, Message: &Message{Group: 1, To: 1, From: 2, Term: 1, Kind: KindHeartbeat}}, out)
		v.Step(1, Input{Kind: InputPersisted, Seq: v.disk.issued}, next)
		replies := append(out.Send, next.Send...)
		replies = slices.DeleteFunc(replies, func(m Message) bool { return m.Kind != KindHeartbeatRep })
		if len(replies) != 1 || replies[0].HeartbeatRep.Promise != tc.want {
			t.Errorf("%s: answered %+v, want a promise of %d", tc.name, replies, tc.want)
		}
	}
}

// Goal: a lease ends where the promises do, needs this term's first commit and
// majorities of both halves, and is void from the start of a transfer on.
// Method: give a leader of three answers, and look.
func TestLease_EndsWithThePromisesOfAMajority(t *testing.T) {
	c := newCluster(t, 4)
	for _, n := range c.nodes {
		n.cfg.NoFastDetection, n.cfg.LeaseReads = true, true
	}
	c.startAll()
	l := c.elect()
	c.pass(200)
	var others []*peer
	for k := range l.core.peers {
		others = append(others, &l.core.peers[k])
	}
	for k, at := range []Time{5000, 7000, 3000} {
		others[k].promised = at
	}
	if end := l.core.leaseEnd(); end != 5000 { // itself and two of three others
		t.Fatalf("a lease of four ends at %d", end)
	}
	now := &l.core.configs[len(l.core.configs)-1].Config
	before := now.Clone()
	now.Voters, now.Outgoing = []NodeID{l.id, others[1].id}, []NodeID{others[0].id, others[1].id, others[2].id}
	slices.Sort(now.Voters)
	if end := l.core.leaseEnd(); end != 5000 {
		t.Fatalf("a joint lease ends at %d", end)
	}
	now.Outgoing = []NodeID{others[2].id}
	if end := l.core.leaseEnd(); end != 3000 {
		t.Fatalf("a joint lease whose old half is server %d ends at %d", others[2].id, end)
	}
	*now = before
	first := l.core.firstOfTerm
	l.core.firstOfTerm = l.core.commit + 1
	if end := l.core.leaseEnd(); end != 0 {
		t.Fatalf("a lease before the first commit ends at %d", end)
	}
	l.core.firstOfTerm = first
	c.isolate(l.id)
	c.step(l, Input{Kind: InputTransfer, Peer: others[0].id})
	if end := l.core.leaseEnd(); end != 0 || l.core.Confirmed() {
		t.Fatalf("a lease during a transfer ends at %d", end)
	}
}

// Goal: a lease of a transfer that was never sent comes back, and a read without
// a lease goes its round. Method: transfer to a server that is cut off.
func TestLease_ReadsWithAndWithout(t *testing.T) {
	c := newCluster(t, 3)
	for _, n := range c.nodes {
		n.cfg.NoFastDetection, n.cfg.LeaseReads = true, true
	}
	c.startAll()
	l := c.elect()
	c.pass(200)
	ask := func(tag uint64) Outcome {
		c.step(l, Input{Kind: InputRead, Tag: tag, Lease: true})
		c.until("the read ends", 500, func() bool { _, ok := l.outcome(tag); return ok })
		o, _ := l.outcome(tag)
		return o
	}
	longest := c.now + Time(DefaultElectionMin)*995/1005
	if o := ask(1); o.Kind != ReadReady || o.Expiry <= l.core.eager || o.Expiry > longest || o.Index != l.core.commit {
		t.Fatalf("answered %+v, at %d with a longest lease until %d", o, l.core.eager, longest)
	}
	f := c.node(l.id%3 + 1)
	c.isolate(f.id)
	c.propose(l, 9, "which it lacks")
	c.step(l, Input{Kind: InputTransfer, Peer: f.id})
	if o := ask(2); o.Kind != ReadReady || o.Expiry != 0 {
		t.Fatalf("during a transfer it answered %+v", o)
	}
	c.pass(400)
	if o := ask(3); o.Kind != ReadReady || o.Expiry == 0 {
		t.Fatalf("after a transfer that was never sent it answered %+v", o)
	}
	c.heal()
	c.pass(400)
	c.step(f, Input{Kind: InputRead, Tag: 4, Lease: true})
	c.until("the read ends", 500, func() bool { _, ok := f.outcome(4); return ok })
	if o, _ := f.outcome(4); o.Kind != ReadReady || o.Expiry != 0 {
		t.Fatalf("a follower has no lease, but answered %+v", o)
	}
}
