package sim

import (
	"strings"
	"testing"

	"veche/raft"
)

// stage is a player without a story, for tests.
type stage struct {
	t *testing.T
	*Player
	lost, kinds map[string]int // by message; by kind of event
}

// open begins a world of five with settings, in which S1 leads.
func openStage(t *testing.T, settings ...string) *stage {
	t.Helper()
	s := &stage{t: t, lost: map[string]int{}, kinds: map[string]int{}}
	s.Player = Open(func(r *Record) {
		switch r.Kind {
		case RecordLost:
			s.lost[r.Message.Word()]++
		case RecordEvent:
			s.kinds[r.Event.Kind.Word()]++
		}
	})
	s.do(settings...)
	if err := s.Begin(); err != nil {
		t.Fatal(err)
	}
	s.do("draw S1 160ms", "start")
	s.until("leader S1")
	s.until("same logs")
	return s
}

func (s *stage) do(commands ...string) {
	s.t.Helper()
	for _, c := range commands {
		if err := s.Do(c); err != nil {
			s.t.Fatalf("%s: %v", c, err)
		}
	}
}

// until steps the world until a condition holds, for five seconds at most.
func (s *stage) until(condition string) {
	s.t.Helper()
	for end := s.world.now + raft.Time(5*raft.Second); ; {
		ok, err := s.Holds(condition)
		switch {
		case err != nil:
			s.t.Fatalf("%s: %v", condition, err)
		case ok:
			return
		case s.world.now > end || !s.world.Step():
			s.t.Fatalf("it does not come about: %s; %s", condition, s.world.Picture())
		}
	}
}

func (s *stage) run(d raft.Duration) { s.world.RunUntil(s.world.now + raft.Time(d)) }

// flying gives the numbers of the messages of a kind that are on their way or held.
func (s *stage) flying(kind raft.MessageKind) (ids []string, arrives []raft.Time) {
	s.world.Flights(func(f *Flight) {
		if f.Message.Kind == kind {
			ids, arrives = append(ids, num(f.ID)), append(arrives, f.Arrives)
		}
	})
	return ids, arrives
}

// Goal: a single message can be lost, held, sent on, delayed and doubled, and no
// other is touched. Method: the four appends of one write.
func TestPlayer_OneMessageAtATime(t *testing.T) {
	s := openStage(t, "wire 10ms", "fast off")
	s.do("put x 1 @S1")
	ids, arrives := s.flying(raft.KindAppend)
	if len(ids) != 4 {
		t.Fatalf("%d appends are on their way", len(ids))
	}
	s.do("drop-message "+ids[0], "hold-message "+ids[1], "delay-message "+ids[2]+" 25ms", "double-message "+ids[3])
	if s.lost["append"] != 1 {
		t.Errorf("%d appends were lost", s.lost["append"])
	}
	left, now := s.flying(raft.KindAppend)
	held, late := 0, 0
	for k := range left {
		switch now[k] {
		case raft.Never:
			held++
		case arrives[0] + raft.Time(25*raft.Millisecond):
			late++
		}
	}
	if len(left) != 4 || held != 1 || late != 1 {
		t.Errorf("%d messages are left, %d held, %d late", len(left), held, late)
	}
	for _, wrong := range []string{"drop-message " + ids[0], "hold-message " + ids[1], "delay-message " + ids[1] + " 1ms", "release-message " + ids[3], "delay-message " + ids[3]} {
		if s.Do(wrong) == nil {
			t.Errorf("%s is carried out", wrong)
		}
	}
	s.do("release-message " + ids[1])
	s.until("applied S5 3")
	s.until("same logs")
	s.do("put y 2 @S1", "hold append *>S2")
	ids, _ = s.flying(raft.KindAppend)
	s.do("pass", "drop-message "+ids[0])
	if again, _ := s.flying(raft.KindAppend); len(again) != len(ids)-1 {
		t.Errorf("%d of %d are left", len(again), len(ids))
	}
	s.until("same logs")
}

// Goal: links are cut, slowed and healed one by one. Method: how long a heartbeat
// is on its way.
func TestPlayer_LinksOneByOne(t *testing.T) {
	s := openStage(t, "wire 2ms", "nodes 3")
	took := func(to int) (d raft.Time) {
		t.Helper()
		for range 10_000 {
			s.world.Flights(func(f *Flight) {
				if f.Message.Kind == raft.KindHeartbeat && f.To == to {
					d = f.Arrives - f.Sent
				}
			})
			if d > 0 || !s.world.Step() {
				return d
			}
		}
		return 0
	}
	if got := took(1); got != raft.Time(2*raft.Millisecond) {
		t.Fatalf("a heartbeat takes %d", got)
	}
	s.do("slow-link S1>S2 40ms")
	s.run(200 * raft.Millisecond)
	if got := took(1); got != raft.Time(42*raft.Millisecond) {
		t.Errorf("on a slow link it takes %d", got)
	}
	s.do("cut S1>S3 S3>S1", "heal S1>S2")
	s.run(200 * raft.Millisecond)
	if got := took(1); got != raft.Time(2*raft.Millisecond) {
		t.Errorf("on a healed link it takes %d", got)
	}
	if cut, _ := s.world.Link(0, 2); !cut {
		t.Error("to heal one link has healed another")
	}
	s.do("heal")
	if cut, _ := s.world.Link(0, 2); cut {
		t.Error("to heal has not healed all")
	}
}

// Goal: timeout makes a server stand now, whatever it had drawn, and nobody else.
// Method: one that drew long.
func TestPlayer_TimeoutNow(t *testing.T) {
	s := openStage(t, "fast off", "wire 1ms")
	s.do("draw S4 300ms", "crash S1")
	s.run(20 * raft.Millisecond)
	before := s.kinds["became_pre_candidate"]
	s.do("timeout S4")
	s.run(raft.Microsecond)
	if got := s.kinds["became_pre_candidate"] - before; got != 1 {
		t.Errorf("%d servers stand", got)
	}
	if ok, err := s.Holds("role S4 pre-candidate"); !ok || err != nil {
		t.Errorf("S4 does not stand: %s", s.world.Picture())
	}
}

// Goal: clients have names, ask one thing at a time, and are told when nobody is
// there. Method: each of them.
func TestPlayer_ClientsByName(t *testing.T) {
	s := openStage(t, "wire 5ms")
	s.do("put x 1 @S1 by C3", "get x @S2")
	if err := s.Do("get x @S1 by C3"); err == nil || !strings.Contains(err.Error(), "C3 waits for an answer") {
		t.Errorf("C3 asks twice: %v", err)
	}
	s.until("answered")
	s.until("done 2")
	s.do("crash S4", "get x @S4 by C3", "local x @S1 by C2", "get-local x @S2 by C4")
	for _, want := range []string{"outcome C1 done", "outcome C3 refused", "outcome C2 done", "outcome C4 done", "not outcome C5 done"} {
		if ok, err := s.Holds(want); !ok || err != nil {
			t.Errorf("it does not hold: %s (%v)", want, err)
		}
	}
	for _, c := range s.Clients(nil) {
		switch {
		case c.Client == 2 && !(c.Op.Down && c.Asked == "get x"):
			t.Errorf("C3: %+v", c)
		case c.Client == 1 && !(c.Found && c.Value == "1" && c.Op.Kind == OpLocal):
			t.Errorf("C2: %+v", c)
		}
	}
}

// Goal: snapshot makes one with the next write. Method: one server is told so.
func TestPlayer_SnapshotSoon(t *testing.T) {
	s := openStage(t)
	s.do("snapshot S2", "put x 1 @S1")
	s.until("applied S2 3")
	s.run(100 * raft.Millisecond)
	for i, want := range []bool{false, true, false} {
		if got, _ := s.world.Status(i); got.Snapshot > 0 != want {
			t.Errorf("%s has a snapshot at %d", name(i), got.Snapshot)
		}
	}
}

// Goal: looking changes nothing, and shows what is there. Method: one run that is
// looked at after every event, and one that is not.
func TestLook_ChangesNothing(t *testing.T) {
	var hash [2]uint64
	for k := range hash {
		s := openStage(t, "wire 1ms 9ms", "spares 1")
		var l ServerLook
		var log []EntryLook
		for n := range 3000 {
			if n%100 == 0 {
				s.do("put x 1 @S2")
			}
			if n == 1000 {
				s.do("crash S1")
			}
			s.world.Step()
			if k == 0 {
				continue
			}
			for i := range s.world.Servers() {
				s.world.Look(i, &l)
				log = s.Entries(log[:0], i, 64)
				if len(log) > 0 && log[len(log)-1].Index != l.Status.LastIndex || len(log) == 0 && l.Status.LastIndex > 0 {
					t.Fatalf("%s shows a log of %d entries, and its last is %d", name(i), len(log), l.Status.LastIndex)
				}
				s.world.Values(i, 4, func(key, value []byte) {})
			}
			s.world.Flights(func(*Flight) {})
		}
		hash[k] = s.world.Hash()
	}
	if hash[0] != hash[1] {
		t.Error("a world that is looked at is another")
	}
}
