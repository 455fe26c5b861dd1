package model_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"veche/model"
	"veche/model/scenes"
	"veche/raft"
	"veche/sim"
)

const ms = raft.Time(raft.Millisecond)

// quick is how the free worlds of these tests are.
const quick = "free\nelection 150ms 300ms\nheartbeat 50ms\nwire 2ms 15ms\nsync 0.5ms 1ms\n"

// action is something that a person does at a time.
type action struct {
	at      raft.Time
	command string
}

func begin(t testing.TB, config string) *model.Session {
	t.Helper()
	s, err := model.Begin(scenes.All(), config)
	if err != nil {
		t.Fatalf("%q: %v", config, err)
	}
	return s
}

func do(t testing.TB, s *model.Session, command string) {
	t.Helper()
	if err := s.Do(command); err != nil {
		t.Fatalf("%s, at %d: %v", command, s.Now(), err)
	}
}

// runTo lets time pass, over all beats on the way.
func runTo(s *model.Session, at raft.Time) {
	for s.Run(at, 1<<40)&model.AtBeat != 0 {
	}
}

// day is much of what can be done to a cluster.
var day = []action{
	{0, "start"}, {900 * ms, "put x 1 @S1"}, {900 * ms, "put y 2 @S2 by C7"}, {1000 * ms, "crash S3"},
	{1200 * ms, "split {S1 S2}|{S3 S4 S5}"}, {1250*ms + 77, "timeout S4"}, {1300 * ms, "start S3"}, {1500 * ms, "get x @S1"},
	{2500 * ms, "heal"}, {2600 * ms, "slow-link 80ms S1>S2"}, {2700 * ms, "hold append *>S5"}, {2900 * ms, "put z 3 @S4"},
	{3200 * ms, "release reversed"}, {3201 * ms, "pass"}, {3500 * ms, "pause S2 400ms"}, {3600 * ms, "power-cut S5"},
	{3601 * ms, "wipe S5"}, {3800 * ms, "transfer S3 @S1"}, {4000 * ms, "cut S1>S2 S2>S1"}, {5000 * ms, "delete x @S2"},
}

// Goal: a run is its seed, its settings and its actions, and nothing else.
// Method: the same day of many seeds in one go, and in pieces of all sizes.
func TestSession_HowOftenItStopsChangesNothing(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range 30 {
		config := quick + "seed " + string(rune('0'+seed/10)) + string(rune('0'+seed%10))
		one, many := begin(t, config), begin(t, config)
		rand := uint64(seed)*2654435761 + 1
		for _, a := range day {
			runTo(one, a.at)
			for many.Now() < a.at {
				rand = rand*6364136223846793005 + 1442695040888963407
				many.Run(min(a.at, many.Now()+raft.Time(rand>>33)%(9*ms)), rand>>40%7)
			}
			for s, other := range map[*model.Session]string{one: "in one go", many: "in pieces"} {
				if err := s.Do(a.command); err != nil && !refusable(err) {
					t.Fatalf("seed %d, %s, %s: %v", seed, a.command, other, err)
				}
			}
			many.AppendState(nil)
		}
		runTo(one, 8000*ms)
		for many.Now() < 8000*ms {
			many.Run(min(8000*ms, many.Now()+ms), 3)
		}
		if one.Hash() != many.Hash() || !bytes.Equal(one.AppendState(nil), many.AppendState(nil)) || !bytes.Equal(one.AppendHappenings(nil), many.AppendHappenings(nil)) {
			t.Fatalf("seed %d: it went otherwise when it was stopped in between", seed)
		}
		seen[one.Hash()] = true
	}
	if len(seen) != 30 {
		t.Errorf("30 seeds give %d different runs", len(seen))
	}
}

// refusable are errors of a day that a seed may bring about: another leads.
func refusable(err error) bool {
	return strings.Contains(err.Error(), "leads") || strings.Contains(err.Error(), "does not run")
}

// Goal: a scene plays the same in one go and event by event, with every beat at
// the same time. Method: each scene that needs no lab, both ways.
func TestSession_SceneEventByEvent(t *testing.T) {
	for _, scene := range scenes.All() {
		if len(scene.Without) > 0 && !raft.LabBuild {
			continue
		}
		type beat struct {
			at   raft.Time
			hash uint64
		}
		var beats [2][]beat
		for k, steps := range []uint64{1 << 40, 1} {
			s := begin(t, "scene "+scene.ID)
			for events := 0; events < 1_000_000; events++ {
				f := s.Run(raft.Never, steps)
				if f&model.AtBeat != 0 {
					beats[k] = append(beats[k], beat{s.Now(), s.Hash()})
				}
				if f&model.Failed != 0 {
					t.Fatalf("%s: %v", scene.ID, s.Verdict())
				}
				if f&model.Ended != 0 {
					break
				}
			}
		}
		if len(beats[0]) == 0 || len(beats[0]) != len(beats[1]) {
			t.Errorf("%s has %d beats in one go, and %d event by event", scene.ID, len(beats[0]), len(beats[1]))
			continue
		}
		for k := range beats[0] {
			if beats[0][k] != beats[1][k] {
				t.Errorf("%s, beat %d: %v in one go, %v event by event", scene.ID, k, beats[0][k], beats[1][k])
			}
		}
	}
}

// Goal: an action leaves the script where it is, also between two beats of one
// moment. Method: act at the second beat of a scene; replay by time alone.
func TestSession_ActingLeavesTheScript(t *testing.T) {
	all := []model.Scene{{ID: "twice", Settings: []string{"nodes 3"}, Steps: []model.Step{
		model.Do("elect S1"), model.Beat("one"), model.Do("put x 1 @S1"), model.Beat("two"), model.Do("crash S1"), model.Beat("three")}}}
	play := func(beats int, at raft.Time) *model.Session {
		s, err := model.Begin(all, "scene twice")
		if err != nil {
			t.Fatal(err)
		}
		for range beats {
			if s.Run(at, 1<<40)&model.AtBeat == 0 {
				t.Fatalf("there is no beat by %d", at)
			}
		}
		if s.Run(at, 1<<40)&model.AtBeat != 0 && at != raft.Never {
			t.Fatal("the script goes on without time")
		}
		return s
	}
	s, err := model.Begin(all, "scene twice")
	if err != nil {
		t.Fatal(err)
	}
	s.Run(raft.Never, 1<<40)
	s.Run(raft.Never, 1<<40)
	at := s.Now()
	if err := s.Do("crash S9"); err == nil {
		t.Fatal("S9 was crashed")
	}
	do(t, s, "crash S2")
	runTo(s, at+2000*ms)
	again := play(2, at)
	do(t, again, "crash S2")
	runTo(again, at+2000*ms)
	if s.Hash() != again.Hash() {
		t.Error("the replay is another run")
	}
	if f := s.Run(s.Now(), 0); f&model.Ended != 0 {
		t.Error("a script that was left has ended")
	}
	if err := s.Do("start S2"); err != nil {
		t.Errorf("the world does not go on: %v", err)
	}
	if err := s.Do("crash S1"); err != nil {
		t.Errorf("the script went on and crashed S1: %v", err)
	}
}

// Goal: luck leaves the script as it is, and the script goes on with other chances.
// Method: a scene whose leader crashes, with several lucks in the middle of it: it
// comes to its end, and is another run each time.
func TestSession_LuckKeepsTheScript(t *testing.T) {
	seen := map[uint64]bool{}
	for _, luck := range []string{"", "luck 1", "luck 2", "luck 3"} {
		s := begin(t, "scene master-crash")
		s.Run(raft.Never, 1<<40)
		if luck != "" {
			do(t, s, luck)
		}
		f := model.Flags(0)
		for range 100 {
			if f = s.Run(s.Now()+10_000*ms, 1<<40); f&(model.Ended|model.Failed) != 0 {
				break
			}
		}
		if f&model.Ended == 0 {
			t.Errorf("%q: the script does not come to its end: flags %d, %v", luck, f, s.Verdict())
		}
		seen[s.Hash()] = true
	}
	if len(seen) != 4 {
		t.Errorf("three lucks and none give %d runs", len(seen))
	}
}

// Goal: what is wrong is told, and changes nothing. Method: a table; the hash is
// the same before and after.
func TestSession_WrongCommandsChangeNothing(t *testing.T) {
	s := begin(t, quick+"spares 1")
	do(t, s, "start")
	runTo(s, 1000*ms)
	do(t, s, "pause S5 10s")
	do(t, s, "crash S4")
	s.AppendHappenings(nil)
	before, state := s.Hash(), s.AppendState(nil)
	for _, c := range []struct{ command, want string }{
		{"", "no command"}, {"   ", "no command"}, {"dance", "no command dance"},
		{"run 1s", "for stories"}, {"elect S1", "for stories"}, {"logs", "for stories"},
		{"seed 4", "before the run begins"}, {"wire 1ms", "before the run begins"},
		{"crash S1 S4", "S4 does not run"}, {"crash S1 S9", "S9 is not a server"}, {"start S4 S1", "S1 runs already"},
		{"start S6", "write join S6"}, {"join S6 S1", "S1 was there before"}, {"pause S4 1s", "S4 does not run"},
		{"split {S1}|{S2}|{S9}", "S9 is not a server"}, {"cut S1>S2 S2>S9", "S9 is not a server"}, {"cut", "cut takes links"},
		{"heal S1", "is not a link"}, {"slow-link S1>S2", "a time and links"}, {"slow-link 5ms S1>S2 S9>S1", "S9 is not a server"},
		{"slow-link NaNms S1>S2", "is not a time"}, {"hold append S1>S2 S1>S9", "S9 is not a server"},
		{"drop-message", "takes the number"}, {"drop-message x", "not the number"}, {"drop-message 99999999", "not on its way"},
		{"delay-message 99999999 1s", "not on its way"}, {"timeout S2 S4", "S4 does not run"}, {"timeout S5", "S5 is paused"},
		{"put x 1 @S1 by C17", "C17 is not a client"}, {"put x 1 @S6", "S6 does not run"}, {"get x", "write put"},
		{"change promote S9 @S1", "S9 is not a server"}, {"transfer S2 @S4", "S4 does not run"}, {"rot", "one server"}, {"put-back S1", "no copy"},
		{"luck", "takes a number"}, {"luck 1 2", "takes a number"}, {"luck -1", "not a number"}, {"luck 4294967296", "not a number"},
	} {
		if err := s.Do(c.command); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v; it wants: %s", c.command, err, c.want)
		}
		if s.Hash() != before || !bytes.Equal(s.AppendState(nil), state) {
			t.Fatalf("%q has changed something", c.command)
		}
	}
	if b := s.AppendHappenings(nil); len(b) != 8 {
		t.Errorf("%d bytes of happenings tell of what was refused", len(b))
	}
}

// Goal: what is wrong with a configuration is told. Method: a table.
func TestBegin_SaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ config, want string }{
		{"", "the first line"}, {"scene", "the first line"}, {"scene nonsense", "there is no scene nonsense"}, {"free\ncrash S1", "no setting"},
		{"free\nnodes 17", "1 to 16"}, {"free\nnodes x", "not a number"}, {"free\nspares 99", "at most 16"}, {"free\nwire 0ms", "0.01ms"},
		{"free\nelection 300ms 150ms", "shorter stands first"}, {"free\nheartbeat 0.1ms", "too short"}, {"free\nheartbeat 100ms", "half of the smallest"},
		{"free\nlease on", "lease reads need"}, {"free\nfast maybe", "on or off"}, {"free\nwithout gravity", "gravity"},
		{"free\ndisk S1 log 2 1", "terms"}, {"free\ndisk S1 term 1 log 2", "term"},
	} {
		if _, err := model.Begin(scenes.All(), c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v; it wants: %s", c.config, err, c.want)
		}
	}
}

// Goal: nobody's text breaks the model. Method: fuzzed settings and commands, with
// a little time between; a command that is refused changes nothing.
func FuzzSession(f *testing.F) {
	f.Add(quick+"seed 3\nspares 2", "start\nput x 1 @S1\ncrash S1\njoin S6\nchange add-learner S6 @S2")
	f.Add("scene cluster-start\nseed 9", "timeout S2\ndrop-message 40\nhold all S1>*\nrelease\nwipe S3")
	f.Add("free\nnodes 3\ndisk S1 term 3 vote S2 log 1 1 2\nlease on\nfast off", "start\nclock S1 x2\nget-local x @S1\nrot S1\nend S2 at vote written, not sent")
	var all []string
	for _, a := range day {
		all = append(all, a.command)
	}
	f.Add(quick, strings.Join(all, "\n"))
	f.Fuzz(func(t *testing.T, config, commands string) {
		s, err := model.Begin(scenes.All(), config)
		if err != nil {
			return
		}
		for k, command := range strings.Split(commands, "\n") {
			if k == 24 {
				return
			}
			s.Run(s.Now(), 500)
			before := s.Hash()
			if s.Do(command) != nil && s.Hash() != before {
				t.Fatalf("%q was refused, and has changed something", command)
			}
			s.Run(s.Now()+200*ms, 500)
			if len(s.AppendState(nil)) == 0 || len(s.AppendHappenings(nil)) == 0 {
				t.Fatal("there is nothing to be seen")
			}
		}
	})
}

// BenchmarkFrame is a frame of a page: a sixtieth of a second of a cluster of five
// that writes, and its picture.
// Goal: the gauge "no commit" tells of the cluster, and not of one who is cut off.
// Method: a leader is cut off with one follower and asked; the time that the State
// gives grows while nobody else has a majority, is 0 once the others have a leader
// although the client still waits, and grows again when a client waits there too.
func TestEncode_NoCommitIsOfTheCluster(t *testing.T) {
	s := begin(t, quick)
	do(t, s, "start") // S1 is the first to stand, with this seed
	runTo(s, 1200*ms)
	stuck := func() raft.Time {
		b := s.AppendState(nil) // version, now, steps, commit, leaderless, stuck
		return raft.Time(binary.LittleEndian.Uint64(b[4+8+8+4+8:]))
	}
	if v := stuck(); v != 0 {
		t.Fatalf("nobody has asked, and %d ns without a commit are shown", v)
	}
	do(t, s, "split {S1 S2}|{S3 S4 S5}")
	do(t, s, "put x 1 @S1")
	for _, c := range []struct {
		after    raft.Time
		command  string
		min, max raft.Time
	}{
		{100 * ms, "", 100 * ms, 100 * ms},
		{700 * ms, "", 0, 0},
		{800 * ms, "split {S1 S2}|{S3}|{S4}|{S5}", 0, 0},
		{1400 * ms, "", 500 * ms, 1400 * ms},
		{1500 * ms, "heal", 500 * ms, 1500 * ms},
		{2500 * ms, "", 0, 0},
	} {
		runTo(s, 1200*ms+c.after)
		if v := stuck(); v < c.min || v > c.max {
			t.Errorf("%d ms after the cut: %d ms without a commit, want %d to %d", c.after/ms, v/ms, c.min/ms, c.max/ms)
		}
		if c.command != "" {
			do(t, s, c.command)
		}
	}
}

func BenchmarkFrame(b *testing.B) {
	s := begin(b, quick)
	do(b, s, "start")
	runTo(s, 1000*ms)
	var buf []byte
	for k := 0; b.Loop(); k++ {
		if k%30 == 0 {
			if err := s.Do("put x 1 @S1"); err != nil {
				b.Fatal(err)
			}
		}
		s.Run(s.Now()+16*ms, 1<<40)
		buf = s.AppendHappenings(s.AppendState(buf[:0]))
	}
	b.ReportMetric(float64(len(buf)), "bytes/frame")
}

// Goal: the page has the same words in the same places. Method: the tables of
// page/web/core.js, and package raft.
func TestEncode_WordsAsThePageReadsThem(t *testing.T) {
	page, err := os.ReadFile("../page/web/core.js")
	if err != nil {
		t.Fatal(err)
	}
	words := func(table string) (all []string) {
		t.Helper()
		_, rest, found := strings.Cut(string(page), "const "+table+" = ")
		list, _, closed := strings.Cut(rest, "]")
		if !found || !closed {
			t.Fatalf("core.js has no table %s", table)
		}
		for _, w := range strings.Split(list[strings.Index(list, "[")+1:], ",") {
			all = append(all, strings.Trim(strings.TrimSpace(w), `"`))
		}
		return all
	}
	messages := words("MESSAGES")
	for k, word := range messages {
		if k > 0 && raft.MessageKind(k).Word() != word {
			t.Errorf("message %d is %q in the page, %q in the core", k, word, raft.MessageKind(k).Word())
		}
	}
	if next := raft.MessageKind(len(messages)).Word(); !strings.HasPrefix(next, "unknown") {
		t.Errorf("the page does not know %s", next)
	}
	for _, c := range []struct {
		table string
		at    int
		want  string
	}{
		{"ROLES", int(raft.Follower), "follower"}, {"ROLES", int(raft.PreCandidate), "pre-candidate"}, {"ROLES", int(raft.Candidate), "candidate"},
		{"ROLES", int(raft.Leader), "leader"}, {"STANDINGS", int(raft.Fresh), "fresh"}, {"STANDINGS", int(raft.Admitted), "admitted"},
		{"STANDINGS", int(raft.Damaged), "damaged"}, {"KINDS", int(raft.EntryCommand), "command"}, {"KINDS", int(raft.EntryNoop), "noop"},
		{"KINDS", int(raft.EntryConfig), "config"}, {"VERDICTS", int(raft.BallotGranted), "granted"}, {"VERDICTS", int(raft.BallotRefused), "refused"},
		{"OUTCOMES", int(sim.OpPending), "waiting"}, {"OUTCOMES", int(sim.OpDone), "done"}, {"OUTCOMES", int(sim.OpRefused), "refused"},
		{"OUTCOMES", int(sim.OpUnknown), "unknown"}, {"PARTS", int(sim.PartIn), "in"}, {"PARTS", int(sim.PartUnused), "unused"},
		{"PARTS", int(sim.PartLost), "lost"}, {"PARTS", int(sim.PartGone), "gone"},
	} {
		if all := words(c.table); c.at >= len(all) || all[c.at] != c.want {
			t.Errorf("%s has %q, and %q is to stand at %d", c.table, all, c.want, c.at)
		}
	}
}
