package host

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"veche/raft"
)

// Goal: a command reaches the state machine whichever member takes it, and its
// proposer gets the value. Method: one through the leader, one through another.
func TestGroup_AppliesWhatAnyMemberTakes(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		w := newWorld(t, n, nil)
		l := w.elect()
		if r := w.end(w.propose(l, "x")); r.Err != nil || r.Value != 1 || r.Index == 0 || r.Term == 0 {
			t.Fatalf("%d members, through the leader: %+v", n, r)
		}
		if n == 1 {
			continue
		}
		if r := w.end(w.propose(w.follower(), "y")); r.Err != nil || r.Value != 2 {
			t.Fatalf("%d members, through a follower: %+v", n, r)
		}
		w.once("x")
		w.once("y")
	}
}

// Goal: a command that a follower took survives the leader's death at whatever
// moment, and is applied once. Method: crash the leader when the n-th message
// after the forwarding is under way, for many n.
func TestGroup_CommandInFlightSurvivesTheLeadersDeath(t *testing.T) {
	for n := range 12 {
		w := newWorld(t, 5, nil)
		l, f := w.elect(), w.follower()
		sent := 0
		w.drop = func(*raft.Message) bool { sent++; return false }
		a := w.propose(f, "x")
		w.run(raft.Second, func() bool { return sent > n })
		w.crash(l)
		if r := w.end(a); r.Err != nil {
			t.Fatalf("crash after %d messages: %v", n, r.Err)
		}
		w.boot(l)
		w.elect()
		w.once("x")
	}
}

// Goal: a forwarded batch that is lost is sent again. Method: lose the first.
func TestGroup_LostForwardingIsSentAgain(t *testing.T) {
	w := newWorld(t, 3, nil)
	f := w.follower()
	lost := 0
	w.drop = func(m *raft.Message) bool {
		if m.Kind == raft.KindPropose && lost == 0 {
			lost++
			return true
		}
		return false
	}
	start := w.now
	if r := w.end(w.propose(f, "x")); r.Err != nil {
		t.Fatal(r.Err)
	}
	if took := raft.Duration(w.now - start); lost != 1 || took > raft.DefaultElectionMax+20*raft.Millisecond {
		t.Fatalf("lost %d, took %d ns", lost, took)
	}
	w.once("x")
}

// Goal: a command that stands in the log twice is applied once. Method: hide the
// commit from its sender until it has sent the command again.
func TestGroup_RepeatInTheLogIsDropped(t *testing.T) {
	w := newWorld(t, 5, nil)
	f := w.follower()
	again := 0
	w.drop = func(m *raft.Message) bool {
		if m.Kind == raft.KindPropose {
			again++
		}
		return again < 3 && m.Kind == raft.KindAppend && m.To == f.id
	}
	w.delay = func(m *raft.Message) raft.Duration { return raft.Millisecond }
	a := w.propose(f, "x")
	if r := w.end(a); r.Err != nil || again < 3 {
		t.Fatalf("%v after %d sendings", r.Err, again)
	}
	w.once("x")
	if n := w.leader().group.applier.Repeats(); n != 2 {
		t.Fatalf("%d repeats were dropped, want 2", n)
	}
}

// Goal: a refusal is told only when it is certain. Method: a leader without
// room, a first sending, and the same for one that may have been appended.
func TestGroup_RefusalIsToldWhenCertain(t *testing.T) {
	w := newWorld(t, 3, func(c *GroupConfig) { c.Raft.MaxUncommittedBytes = 400 })
	l, f := w.elect(), w.follower()
	w.run(raft.Second, nil)
	quiet := true // entries get nowhere
	w.drop = func(m *raft.Message) bool { return quiet && m.Kind == raft.KindAppend }
	kept := w.propose(l, string(make([]byte, 300)))
	w.run(10*raft.Millisecond, nil)
	if r := w.end(w.propose(l, string(make([]byte, 200)))); !errors.Is(r.Err, ErrOverloaded) {
		t.Fatalf("at the leader: %v", r.Err)
	}
	if r := w.end(w.propose(f, string(make([]byte, 200)))); !errors.Is(r.Err, ErrOverloaded) {
		t.Fatalf("through a follower: %v", r.Err)
	}
	quiet = false
	if r := w.end(kept); r.Err != nil {
		t.Fatalf("the one that was taken: %v", r.Err)
	}
	if r := w.end(w.propose(f, string(make([]byte, 5<<20)))); !errors.Is(r.Err, ErrTooLarge) {
		t.Fatalf("too large: %v", r.Err)
	}
	w.agree()
	if n := len(w.leader().sm.list); n != 1 {
		t.Fatalf("%d commands were applied, want 1", n)
	}
}

// Goal: a repeated forwarding is not refused, since its first copy may stand in
// the log. Method: every forwarding arrives twice, at a leader with room for one.
func TestGroup_RepeatedForwardingIsIgnored(t *testing.T) {
	w := newWorld(t, 3, func(c *GroupConfig) { c.Raft.MaxUncommittedBytes = 400 })
	l, f := w.elect(), w.follower()
	w.run(raft.Second, nil)
	w.copies = func(m *raft.Message) int {
		if m.Kind == raft.KindPropose {
			return 2
		}
		return 1
	}
	if r := w.end(w.propose(f, string(make([]byte, 300)))); r.Err != nil {
		t.Fatal(r.Err)
	}
	w.run(raft.Second, nil)
	if l.group.ignored != 1 {
		t.Fatalf("%d were ignored, want 1", l.group.ignored)
	}
}

// Goal: a forwarding whose stamps are not its sender's does not reach the log.
func TestGroup_ForgedStampIsIgnored(t *testing.T) {
	w := newWorld(t, 3, nil)
	l, f := w.elect(), w.follower()
	w.run(raft.Second, nil)
	last := l.group.core.Status().LastIndex
	forged := func(s stamp) raft.Message {
		return raft.Message{Group: 1, Kind: raft.KindPropose, From: f.id, To: l.id, Boot: f.boot, Term: l.group.term, Propose: raft.Propose{
			Batch: 1 << 50, Entries: []raft.Entry{{Kind: raft.EntryCommand, Data: append(s.append(nil), "x"...)}}}}
	}
	w.post(forged(stamp{member: l.id, boot: f.boot, seq: 1, low: 1}))
	w.post(forged(stamp{member: f.id, boot: f.boot + 1, seq: 1, low: 1}))
	w.post(raft.Message{Group: 1, Kind: raft.KindPropose, From: f.id, To: l.id, Boot: f.boot, Term: l.group.term, Propose: raft.Propose{
		Batch: 1 << 50, Entries: []raft.Entry{{Kind: raft.EntryConfig}}}})
	w.post(raft.Message{Group: 1, Kind: raft.KindPropose, From: 9, To: l.id, Boot: 1, Term: l.group.term})
	w.post(raft.Message{Group: 1, Kind: raft.KindPropose, From: f.id, To: l.id, Boot: f.boot, Term: l.group.term - 1})
	w.run(raft.Second, nil)
	if now := l.group.core.Status().LastIndex; now != last || l.group.ignored != 5 {
		t.Fatalf("the log grew from %d to %d; %d were ignored, want 5", last, now, l.group.ignored)
	}
}

// Goal: a read on any member sees what was acknowledged before it. Method: write
// through one, read on all, look at each one's state when the read ends.
func TestGroup_ReadSeesWhatWasAcknowledged(t *testing.T) {
	w := newWorld(t, 5, nil)
	w.elect()
	for k := range 20 {
		command := fmt.Sprint("x", k)
		if r := w.end(w.propose(w.nodes[k%5], command)); r.Err != nil {
			t.Fatal(r.Err)
		}
		for _, n := range w.nodes {
			if r := w.end(w.read(n)); r.Err != nil || n.sm.times(command) != 1 {
				t.Fatalf("member %d: %v, applied %d times", n.id, r.Err, n.sm.times(command))
			}
		}
	}
}

// Goal: all reads of a turn share one question. Method: count the messages.
func TestGroup_ReadsOfOneTurnShareOneQuestion(t *testing.T) {
	w := newWorld(t, 3, nil)
	f := w.follower()
	asked := 0
	w.drop = func(m *raft.Message) bool {
		if m.Kind == raft.KindReadIndex {
			asked++
		}
		return false
	}
	var all []*answer
	for range 100 {
		all = append(all, w.read(f))
	}
	for _, a := range all {
		if r := w.end(a); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if asked != 1 {
		t.Fatalf("the leader was asked %d times", asked)
	}
}

// Goal: a read whose question is lost, or whose leader dies, ends all the same.
func TestGroup_ReadSurvivesLossAndTheLeadersDeath(t *testing.T) {
	w := newWorld(t, 3, nil)
	l, f := w.elect(), w.follower()
	lost := 0
	w.drop = func(m *raft.Message) bool {
		if m.Kind == raft.KindReadIndex && lost < 2 {
			lost++
			return true
		}
		return false
	}
	if r := w.end(w.read(f)); r.Err != nil || lost != 2 {
		t.Fatalf("%v after %d losses", r.Err, lost)
	}
	a := w.read(f)
	w.turn(f)
	w.crash(l)
	if r := w.end(a); r.Err != nil {
		t.Fatal(r.Err)
	}
}

// Goal: without a majority a request ends when its caller gives up, and says
// why. Method: give up commands and reads before, and after, they were sent.
func TestGroup_WithoutALeaderCancelSaysSo(t *testing.T) {
	w := newWorld(t, 3, nil)
	for _, n := range w.nodes[1:] {
		n.up = false
	}
	n := w.nodes[0]
	cancel := func(a *answer) error {
		t.Helper()
		w.run(raft.Second, nil)
		n.loop.Cancel(1, &a.Request)
		n.wake = w.now
		r := w.end(a)
		w.run(raft.Second, nil)
		if len(a.ends) != 1 {
			t.Fatalf("the request ended %d times", len(a.ends))
		}
		return r.Err
	}
	if err := cancel(w.propose(n, "x")); !errors.Is(err, ErrFresh) {
		t.Fatalf("a fresh server: %v", err)
	}
	for _, o := range w.nodes[1:] {
		o.up = true
		o.wake = w.now
	}
	l := w.elect()
	w.run(raft.Second, nil)
	n = w.follower()
	for _, o := range w.nodes {
		if o != n {
			w.crash(o)
		}
	}
	sent := w.propose(n, "y") // to a leader that is gone
	w.run(2*raft.Second, nil)
	if err := cancel(w.propose(n, "z")); !errors.Is(err, ErrNoLeader) {
		t.Fatalf("a command that was never sent: %v", err)
	}
	if err := cancel(w.read(n)); !errors.Is(err, ErrNoLeader) {
		t.Fatalf("a read: %v", err)
	}
	n.loop.Cancel(1, &sent.Request)
	n.wake = w.now
	if r := w.end(sent); !errors.Is(r.Err, ErrNoLeader) {
		t.Fatalf("a command for whose first sending nobody was left: %v", r.Err)
	}
	if n.group.window.count != 0 || n.group.reads.count != 0 {
		t.Fatal("something still waits")
	}
	w.boot(l)
}

// Goal: a command that was sent and has no answer is unknown when its caller
// gives up, never refused.
func TestGroup_CancelAfterSendingIsUnknown(t *testing.T) {
	w := newWorld(t, 3, nil)
	f := w.follower()
	w.drop = func(m *raft.Message) bool { return true }
	a := w.propose(f, "x")
	w.run(3*raft.Second, nil)
	f.loop.Cancel(1, &a.Request)
	f.wake = w.now
	if r := w.end(a); !errors.Is(r.Err, ErrUnknown) {
		t.Fatal(r.Err)
	}
}

// Goal: a restart begins with the snapshot, its session table included. Method:
// a tiny threshold, crash and restart each member, compare all.
func TestGroup_RestartsFromItsSnapshot(t *testing.T) {
	w := newWorld(t, 3, func(c *GroupConfig) { c.SnapshotBytes = 2000 })
	w.elect()
	for k := range 100 {
		if r := w.end(w.propose(w.nodes[k%3], fmt.Sprint("x", k))); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	w.run(raft.Second, nil)
	for _, n := range w.nodes {
		w.crash(n)
		w.run(100*raft.Millisecond, nil)
		w.boot(n)
		if n.disk.Snapshot.Index == 0 || n.disk.Cut.Index == 0 {
			t.Fatalf("member %d: snapshot at %d, cut at %d", n.id, n.disk.Snapshot.Index, n.disk.Cut.Index)
		}
		if n.group.applier.Index() != n.disk.Snapshot.Index || len(n.sm.list) == 0 || len(n.group.applier.sessions.rows) != 3 {
			t.Fatalf("member %d restarted at %d with %d commands", n.id, n.group.applier.Index(), len(n.sm.list))
		}
		w.elect()
	}
	for k := range 100 {
		w.once(fmt.Sprint("x", k))
	}
}

// Goal: a repeat is dropped also when the first copy lies below the snapshot.
// Method: restore an Applier from a capture and give it the same stamp again.
func TestApplier_DropsARepeatAfterARestart(t *testing.T) {
	entry := func(i raft.Index, s stamp) raft.Entry {
		return raft.Entry{Index: i, Term: 1, Kind: raft.EntryCommand, Data: append(s.append(nil), "x"...)}
	}
	one := stamp{member: 2, boot: 1, seq: 1, low: 1}
	base := raft.Base{Index: 1, Term: 1}
	var out Applied
	a := Applier{group: 1, machine: &tally{}}
	if err := a.Apply(&ApplyBatch{Entries: []raft.Entry{entry(1, one)}, capture: &base}, &out); err != nil {
		t.Fatal(err)
	}
	sm := &tally{}
	b := Applier{group: 1, machine: sm}
	if err := b.restore(&base, bytes.NewReader(written(t, out.Capture))); err != nil {
		t.Fatal(err)
	}
	two := stamp{member: 2, boot: 1, seq: 2, low: 1}
	old := stamp{member: 2, boot: 1, seq: 3, low: 3}
	if err := b.Apply(&ApplyBatch{Entries: []raft.Entry{entry(2, one), entry(3, old), entry(4, two)}}, &out); err != nil {
		t.Fatal(err)
	}
	if len(sm.list) != 2 || b.Repeats() != 2 {
		t.Fatalf("applied %d, dropped %d", len(sm.list), b.Repeats())
	}
}

// Goal: entries that cannot be applied stop the group and leave no request
// without an end. Method: an entry of a newer version, and one out of order.
func TestApplier_StopsAtWhatItCannotRead(t *testing.T) {
	for _, c := range []struct {
		name  string
		entry raft.Entry
		want  error
	}{
		{"newer version", raft.Entry{Index: 1, Term: 1, Kind: raft.EntryCommand, Data: []byte{9}}, errStampVersion},
		{"out of order", raft.Entry{Index: 2, Term: 1, Kind: raft.EntryNoop}, errOrder},
	} {
		w, r := &answer{}, &answer{}
		w.Waiter, r.Waiter = w, r
		b := ApplyBatch{Entries: []raft.Entry{c.entry}, waiting: []waiting{{0, &w.Request}}, reads: []*Request{&r.Request}}
		a := Applier{machine: &tally{}}
		var out Applied
		if err := a.Apply(&b, &out); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if len(out.Done) != 2 || out.Done[0].Result.Err != ErrUnknown || out.Done[1].Result.Err != ErrUnknown {
			t.Errorf("%s: ends %+v", c.name, out.Done)
		}
	}
}

// Goal: an applier that lags stops neither heartbeats nor commits, and holds no
// more than its share. Method: let it rest while commands come.
func TestGroup_LaggingApplierHoldsABoundedShare(t *testing.T) {
	w := newWorld(t, 3, nil)
	l := w.elect()
	w.run(raft.Second, nil)
	l.lazy = true
	var all []*answer
	for k := range 50 {
		all = append(all, w.propose(l, fmt.Sprint("x", k)))
		w.run(20*raft.Millisecond, nil)
	}
	if w.leader() != l || l.group.core.Status().Commit < 50 {
		t.Fatal("the lag stopped the group")
	}
	if len(l.unapplied) > applyAhead || !l.loop.Held() {
		t.Fatalf("%d batches are out", len(l.unapplied))
	}
	l.lazy = false
	w.apply(l)
	for k, a := range all {
		if r := w.end(a); r.Err != nil || r.Value != k+1 {
			t.Fatalf("command %d: %+v", k, r)
		}
	}
}

// Goal: the number of commands without an end is bounded. Method: no leader.
func TestGroup_WindowIsBounded(t *testing.T) {
	w := newWorld(t, 3, nil)
	n := w.nodes[0]
	refused := 0
	for range unsettledMax + 10 {
		a := &answer{Request: Request{Command: []byte("x")}}
		a.Waiter = a
		n.loop.Propose(1, &a.Request)
	}
	n.loop.Turn(w.now, w.now, &n.out)
	for _, c := range n.out.Done {
		if errors.Is(c.Result.Err, ErrOverloaded) {
			refused++
		}
	}
	if refused != 10 {
		t.Fatalf("%d were refused, want 10", refused)
	}
	n.loop.Stop(&n.out)
	if len(n.out.Done) != unsettledMax || !errors.Is(n.out.Done[0].Result.Err, ErrStopped) {
		t.Fatalf("%d ended at the stop", len(n.out.Done))
	}
}

// Goal: with every fault at once, acknowledged commands are applied exactly once
// everywhere, refused ones never, and no request ends twice. Method: seeded
// loss, repetition, delay and crashes; then quiet, and a count.
func TestGroup_ExactlyOnceUnderFaults(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { soak(t, seed) })
	}
}

func soak(t *testing.T, seed uint64) {
	w := newWorld(t, 3+2*int(seed%2), func(c *GroupConfig) {
		c.SnapshotBytes = 3000
		c.Raft.MaxUncommittedBytes = 600 // so that refusals happen
	})
	w.rng = rand.New(rand.NewPCG(seed, 7))
	w.elect()
	w.drop = func(m *raft.Message) bool { return w.rng.IntN(20) == 0 }
	w.copies = func(m *raft.Message) int { return 1 + w.rng.IntN(8)/7 }
	w.delay = func(m *raft.Message) raft.Duration {
		return raft.Duration(1+w.rng.IntN(10*1+60*(w.rng.IntN(8)/7))) * raft.Millisecond
	}
	type try struct {
		command string
		a       *answer
		by      *node
		boot    raft.Boot
	}
	var tries []try
	for k := range 60 {
		n := w.nodes[w.rng.IntN(len(w.nodes))]
		if n.up {
			for j := range 1 + w.rng.IntN(4) {
				command := fmt.Sprint("c", k, ".", j, string(make([]byte, w.rng.IntN(100))))
				tries = append(tries, try{command, w.propose(n, command), n, n.boot})
			}
		}
		w.run(raft.Duration(w.rng.IntN(60))*raft.Millisecond, nil)
		w.misfortune()
		if n.up && w.rng.IntN(5) == 0 {
			last := &tries[len(tries)-1]
			if last.by.up && last.boot == last.by.boot {
				last.by.loop.Cancel(1, &last.a.Request)
				last.by.wake = w.now
			}
		}
	}
	w.drop, w.copies, w.delay = nil, nil, nil
	for _, n := range w.nodes {
		if !n.up {
			w.boot(n)
		}
	}
	w.run(10*raft.Second, nil)
	w.agree()
	list := w.leader().sm
	for _, y := range tries {
		times := list.times(y.command)
		switch {
		case len(y.a.ends) > 1:
			t.Fatalf("%q ended %d times", y.command, len(y.a.ends))
		case len(y.a.ends) == 0 && y.boot == y.by.boot:
			t.Fatalf("%q did not end", y.command)
		case len(y.a.ends) == 0 || errors.Is(y.a.ends[0].Err, ErrUnknown):
			if times > 1 {
				t.Fatalf("%q was applied %d times", y.command, times)
			}
		case y.a.ends[0].Err == nil && times != 1, y.a.ends[0].Err != nil && times != 0:
			t.Fatalf("%q ended with %v and was applied %d times", y.command, y.a.ends[0].Err, times)
		}
	}
}

// misfortune crashes or restarts one member now and then; a majority stays.
func (w *world) misfortune() {
	down := 0
	for _, n := range w.nodes {
		if !n.up {
			down++
		}
	}
	switch n := w.nodes[w.rng.IntN(len(w.nodes))]; {
	case w.rng.IntN(4) > 0:
	case !n.up:
		w.boot(n)
	case down < (len(w.nodes)-1)/2:
		w.crash(n)
	}
}

// Goal: no part of a log that is cut stays in memory. Method: after some
// entries, no room that is kept for later turns refers to any.
func TestLoop_KeepsNothingOfTheLog(t *testing.T) {
	w := newWorld(t, 3, nil)
	l := w.elect()
	for range 5 {
		for range 20 {
			w.propose(l, "x")
		}
		w.run(100*raft.Millisecond, nil)
	}
	for _, n := range w.nodes {
		sent := n.loop.output.Send
		for k := range sent[:cap(sent)] {
			if m := &sent[:cap(sent)][k]; m.Append.Entries != nil || m.Propose.Entries != nil {
				t.Errorf("member %d keeps %d entries of an old message", n.id, len(m.Append.Entries)+len(m.Propose.Entries))
			}
		}
		if n.group.backlog != nil {
			t.Errorf("member %d keeps the backlog that it has handed out", n.id)
		}
	}
}
