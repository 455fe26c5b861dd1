package sim

import (
	"slices"
	"testing"

	"veche/raft"
)

// Goal: luck gives the same moment other futures, the same number the same one, and
// touches nothing that has happened: no timeout that runs, no message on its way.
// Method: one world again and again up to the crash of its leader, S5 down as well;
// what can be seen right after the luck, and the trace three seconds later.
func TestLuck_AnotherFutureOfTheSamePast(t *testing.T) {
	type sight struct {
		left    [5]raft.Duration
		flights int
		hash    uint64
	}
	play := func(luck string) (now sight, later uint64, led int) {
		s := openStage(t, "election 150ms 300ms", "heartbeat 50ms", "wire 10ms 15ms", "fast off", "seed 3")
		s.do("crash S5", "put x 1 @S1")
		s.run(7 * raft.Millisecond)
		s.do("crash S1")
		if luck != "" {
			s.do("luck " + luck)
		}
		var l ServerLook
		for i := range now.left {
			s.world.Look(i, &l)
			now.left[i] = l.Left
		}
		s.world.Flights(func(*Flight) { now.flights++ })
		now.hash = s.world.Hash()
		s.run(600 * raft.Millisecond)
		led = s.world.leader()
		if led < 0 || led == 0 {
			t.Fatalf("luck %s: S1 is down, and %d leads", luck, led)
		}
		s.do("start S5", "crash "+name(led)) // those timeouts were drawn anew
		s.until("leader")
		s.run(2 * raft.Second)
		return now, s.world.Hash(), s.world.leader()
	}
	was, asItWas, _ := play("")
	if was.flights == 0 {
		t.Fatal("nothing is on its way, so this test shows less than it should")
	}
	var futures []uint64
	leaders := map[int]bool{}
	for _, n := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "4294967295"} {
		now, later, led := play(n)
		if now != was {
			t.Errorf("luck %s changes what has happened: %+v becomes %+v", n, was, now)
		}
		if later == asItWas || slices.Contains(futures, later) {
			t.Errorf("luck %s gives a future that was there before", n)
		}
		if _, again, _ := play(n); again != later {
			t.Errorf("luck %s gives two futures", n)
		}
		futures, leaders[led] = append(futures, later), true
	}
	if len(leaders) < 2 {
		t.Errorf("in all futures the same server leads: %v", leaders)
	}
}
