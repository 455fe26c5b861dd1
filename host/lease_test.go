package host

import (
	"testing"

	"veche/raft"
)

func leases(c *GroupConfig) { c.Raft.LeaseReads, c.Raft.NoFastDetection = true, true }

// Goal: with leases a leader's read needs no message and says until when it
// holds; one that asks for a round gets it. Method: nothing is delivered while
// the first read is served.
func TestRead_RestsUponTheLease(t *testing.T) {
	w := newWorld(t, 3, leases)
	l := w.elect()
	w.end(w.propose(l, "x"))
	w.run(raft.Second, nil)
	w.drop = func(*raft.Message) bool { return true }
	a := w.read(l)
	w.run(raft.Millisecond, nil)
	if len(a.ends) != 1 || a.ends[0].Err != nil || a.ends[0].Expiry <= w.now {
		t.Fatalf("upon the lease: %+v at %d", a.ends, w.now)
	}
	b := &answer{Request: Request{Round: true}}
	b.Waiter = b
	l.loop.Read(1, &b.Request)
	l.wake = w.now
	w.run(50*raft.Millisecond, nil)
	if len(b.ends) != 0 {
		t.Fatalf("a round without messages: %+v", b.ends)
	}
	w.drop = nil
	if r := w.end(b); r.Err != nil || r.Expiry != 0 {
		t.Fatalf("after a round: %+v", r)
	}
	w.run(raft.Second, nil)
	w.drop = func(*raft.Message) bool { return true }
	w.hurry += raft.Time(raft.Second) // the machine was suspended: only the eager clock knows
	c := w.read(w.leader())
	w.run(50*raft.Millisecond, nil)
	if len(c.ends) != 0 {
		t.Fatalf("upon a lease that is over: %+v", c.ends)
	}
}

// Goal: a read whose lease ends before it looked is not believed. Method: the
// eager clock jumps inside of the reading function, once.
func TestHost_ReadLooksAgainWhenTheLeaseIsOver(t *testing.T) {
	ctx := timeLimit(t)
	v := newTown(t, 3, func(c *Config) { c.Raft.LeaseReads, c.Raft.NoFastDetection = true, true })
	v.startAll()
	l := v.leader(ctx)
	if _, err := l.h.Propose(ctx, []byte("x")); err != nil {
		t.Fatal(err)
	}
	for looks := 0; looks != 2; {
		looks = 0
		if err := l.h.Read(ctx, func(StateMachine) {
			_, eager := l.h.clocks.now()
			if looks++; looks > 1 || l.h.Status().Lease <= eager {
				return
			}
			l.h.clocks.mu.Lock()
			l.h.clocks.eager += int64(10 * raft.Second)
			l.h.clocks.mu.Unlock()
		}); err != nil {
			t.Fatalf("no read looked again: %v", err) // ctx has ended
		}
		if looks > 2 {
			t.Fatalf("a read looked %d times", looks)
		}
	}
}

// Goal: the patient clock never runs ahead of the slowest, nor the eager one
// behind the fastest. Method: steps of the kernel's clocks, and what must come.
func TestClocks_PatientAndEager(t *testing.T) {
	for _, c := range []struct {
		name           string
		step           kernelClocks
		patient, eager int64
	}{
		{"all alike", kernelClocks{10, 10, 10}, 10, 10},
		{"steered faster", kernelClocks{12, 10, 12}, 10, 12},
		{"steered slower", kernelClocks{8, 10, 8}, 8, 10},
		{"suspended", kernelClocks{10, 10, 1000}, 10, 1000},
		{"one goes back", kernelClocks{-5, 10, 10}, 0, 10},
		{"all go back", kernelClocks{-5, -5, -5}, 0, 0},
	} {
		k := clocks{last: kernelClocks{100, 200, 300}}
		k.advance(kernelClocks{100 + c.step.steered, 200 + c.step.raw, 300 + c.step.boot})
		if k.patient != c.patient || k.eager != c.eager {
			t.Errorf("%s: patient %d, eager %d; want %d, %d", c.name, k.patient, k.eager, c.patient, c.eager)
		}
	}
	exact, plain := newClocks(true), newClocks(false)
	for range 3 {
		for _, k := range []*clocks{exact, plain} {
			p1, e1 := k.now()
			p2, e2 := k.now()
			if p1 < 1 || p2 < p1 || e2 < e1 || e1 < p1 {
				t.Errorf("patient %d then %d, eager %d then %d", p1, p2, e1, e2)
			}
		}
	}
}
