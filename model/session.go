package model

import (
	"errors"
	"strings"

	"veche/raft"
	"veche/sim"
)

// Session is one run: a world, the script of a scene that is played in it, and
// whoever acts in it meanwhile. The same configuration and the same actions at
// the same times give the same run, however often it is stopped in between.
type Session struct {
	player *sim.Player
	world  *sim.World

	scene  Scene // without an ID when nothing is played
	steps  []Step
	at     int       // the step under way; len(steps): the script is over
	since  raft.Time // when it began
	resume raft.Time // after a beat: the script rests until then
	beat   string
	look   []Panel
	left   bool // somebody acted
	failed string

	without []string
	led     bool      // somebody leads
	lostAt  raft.Time // else: since when nobody does
	grown   raft.Index
	grewAt  raft.Time // when the commit index, grown, last rose
	told    int       // broken promises that were told
	acts    uint64    // digests what was done
	news    news
	desk    desk
}

// Flags say why Run returned, and how the run stands.
type Flags uint32

const (
	AtBeat Flags = 1 << iota // it returned because a beat was reached
	Ended                    // the script is over
	Broken                   // a promise broke meanwhile
	Failed                   // the script failed
)

// beatRest is how long the script rests after a beat, so that a time names one
// place in the script.
const beatRest = raft.Time(raft.Microsecond)

// playMax bounds a scene, in events and beats: the longest has some ten thousand.
const playMax = 1_000_000

// Begin makes a session. The configuration is text, a line each: first "scene ID"
// with one of scenes, or "free" for a world in which nothing runs yet; then
// settings of stories, which go before those of the scene: "seed 7", "nodes 3".
// It fails with a sentence about the line that is wrong.
func Begin(scenes []Scene, config string) (*Session, error) {
	first, rest, _ := strings.Cut(config, "\n")
	s := &Session{}
	switch words := strings.Fields(first); {
	case len(words) == 1 && words[0] == "free":
	case len(words) == 2 && words[0] == "scene":
		if err := s.choose(scenes, words[1]); err != nil {
			return nil, err
		}
	default:
		return nil, errors.New("the first line is scene and its name, or free; it is not: " + first)
	}
	s.player = sim.Open(s.see)
	settings := append([]string{}, s.scene.Settings...)
	for _, rule := range s.scene.Without {
		settings = append(settings, "without "+rule)
	}
	for _, line := range append(settings, strings.Split(rest, "\n")...) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			continue
		case !sim.IsSetting(line):
			return nil, errors.New("no setting: " + line)
		}
		if err := s.player.Do(line); err != nil {
			return nil, errors.New(line + ": " + err.Error())
		}
		if rules, found := strings.CutPrefix(line, "without "); found {
			s.without = append(s.without, strings.Fields(rules)...)
		}
	}
	if err := s.player.Begin(); err != nil {
		return nil, err
	}
	s.world = s.player.World()
	return s, nil
}

func (s *Session) choose(scenes []Scene, id string) error {
	for k := range scenes {
		if scenes[k].ID == id {
			s.scene = scenes[k]
			s.steps = append([]Step(nil), s.scene.Steps...)
			return nil
		}
	}
	return errors.New("there is no scene " + id)
}

// Now is the simulated time since the run began.
func (s *Session) Now() raft.Time { return s.world.Now() }

// Run lets everything happen up to and with a time, but at most so many events of
// the world, and returns right after a beat is reached. raft.Never has no end.
func (s *Session) Run(until raft.Time, steps uint64) Flags {
	w, told := s.world, s.told
	for {
		if s.play() {
			return s.flags(told) | AtBeat
		}
		if steps == 0 {
			return s.flags(told)
		}
		wake, next := s.wake(), w.NextAt()
		if w.StandsStill() {
			next = raft.Never
		}
		if min(wake, next) > until || min(wake, next) == raft.Never {
			break
		}
		if wake < next {
			w.RunUntil(wake)
			continue
		}
		w.Step()
		s.noted()
		steps--
	}
	if until != raft.Never {
		w.RunUntil(until)
	}
	return s.flags(told)
}

func (s *Session) flags(told int) (f Flags) {
	if s.over() {
		f |= Ended
	}
	if s.told > told {
		f |= Broken
	}
	if s.failed != "" {
		f |= Failed
	}
	return f
}

// over says whether the script has come to its end.
func (s *Session) over() bool {
	return s.scene.ID != "" && s.at == len(s.steps) && !s.left && s.failed == ""
}

// play carries out the steps of the script that are due. It says whether a beat
// was reached.
func (s *Session) play() bool {
	for s.playing() && s.Now() >= s.resume {
		step, still := &s.steps[s.at], s.world.StandsStill()
		switch {
		case step.Beat != "":
			s.beat, s.look, s.resume = step.Beat, step.Look, s.Now()+beatRest
			s.next()
			s.tell(happening{what: wasBeat, text: s.beat})
			return true
		case still:
			s.next() // in a world that stands still only beats are left
		case step.Do != "":
			s.carryOut(step.Do)
		case step.Wait > 0 || step.At > 0:
			if s.Now() < max(s.since+raft.Time(step.Wait), raft.Time(step.At)) {
				return false
			}
			s.next()
		default:
			ok, err := s.player.Holds(step.Until)
			late := s.Now() >= s.since+raft.Time(step.Within)
			switch {
			case err != nil:
				s.fail(step.Until + ": " + err.Error())
			case ok:
				s.next()
			case late:
				s.fail("it does not come about within " + sim.Millis(raft.Time(step.Within)) + ": " + step.Until + "; " + s.world.Picture())
			default:
				return false
			}
		}
	}
	return false
}

// playing says whether the script goes on.
func (s *Session) playing() bool { return !s.left && s.failed == "" && s.at < len(s.steps) }

func (s *Session) next() { s.at, s.since = s.at+1, max(s.Now(), s.resume) }

func (s *Session) fail(how string) { s.failed = how }

// wake is when the script is to be looked at again, though nothing happens.
func (s *Session) wake() raft.Time {
	switch {
	case !s.playing():
		return raft.Never
	case s.Now() < s.resume:
		return s.resume
	}
	step := &s.steps[s.at]
	return max(s.since+raft.Time(step.Wait)+raft.Time(step.Within), raft.Time(step.At)) // one of them is not 0
}

// carryOut does one command of the script. "elect S1" is short for some steps.
func (s *Session) carryOut(command string) {
	if who, found := strings.CutPrefix(command, "elect "); found {
		steps := []Step{Do("draw " + who + " 160ms")}
		for i := range s.world.Options().Nodes {
			if _, up := s.world.Status(i); !up {
				steps = append(steps, Do("start "+sim.Server(raft.NodeID(i+1))))
			}
		}
		steps = append(steps, Until("leader "+who), Until("same logs"))
		s.steps = append(append(append([]Step{}, s.steps[:s.at]...), steps...), s.steps[s.at+1:]...)
		return
	}
	if err := s.do(command, true); err != nil {
		s.fail(command + ": " + err.Error())
		return
	}
	s.next()
}

// Do carries out an action, now: after all that happens up to and with this
// moment. The script is left, and the world goes on; only luck, which does nothing
// but change what chance will bring, leaves the script as it is. An error says what
// is wrong with the command, which then has changed nothing.
func (s *Session) Do(command string) error {
	s.Run(s.Now(), ^uint64(0))
	if err := s.do(command, false); err != nil {
		return err
	}
	if !strings.HasPrefix(strings.TrimSpace(command), "luck ") {
		s.left = s.scene.ID != ""
	}
	return nil
}

func (s *Session) do(command string, scripted bool) error {
	if sim.IsSetting(command) {
		return errors.New("a setting must stand before the run begins: " + command)
	}
	before := s.news.mark()
	s.tell(happening{what: wasDone, text: command, scripted: scripted})
	if err := s.player.Do(command); err != nil {
		s.news.back(before)
		return err
	}
	s.acts = s.acts*0x100000001b3 ^ digest(command) ^ uint64(s.Now())
	s.noted()
	return nil
}

// noted looks at what the world has come to after something happened.
func (s *Session) noted() {
	_, _, led := s.world.Leader()
	if s.led && !led {
		s.lostAt = s.Now()
	}
	s.led = led
	if c := s.world.Committed(); c > s.grown {
		s.grown, s.grewAt = c, s.Now()
	}
	for _, b := range s.world.AllBroken()[s.told:] {
		s.told++
		s.tell(happening{what: wasBroken, kind: string(b.Invariant), text: b.How})
	}
}

// Hash digests the run so far: equal runs have equal hashes.
func (s *Session) Hash() uint64 {
	h := s.world.Hash() ^ s.acts
	for _, v := range [...]uint64{uint64(s.Now()), s.world.Steps(), uint64(s.at), uint64(s.resume), digest(s.failed)} {
		h = (h ^ v) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return h
}

// digest is FNV-1a.
func digest(text string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for k := range len(text) {
		h = (h ^ uint64(text[k])) * 0x100000001b3
	}
	return h
}

// AllBroken gives each promise that was broken once, in their order.
func (s *Session) AllBroken() []sim.Broken { return s.world.AllBroken() }

// Verdict says what is wrong with a scene whose script is over: a promise that
// was not to break or did not, or a condition that does not hold in the end.
func (s *Session) Verdict() error {
	broken := s.world.Broken()
	switch {
	case s.failed != "":
		return errors.New(s.failed)
	case !s.over():
		return errors.New("the script of " + s.scene.ID + " is not over")
	case s.scene.Breaks == "" && broken != nil:
		return broken
	case s.scene.Breaks != "" && broken == nil:
		return errors.New("this was to break, and holds: " + string(s.scene.Breaks))
	case broken != nil && broken.Invariant != s.scene.Breaks:
		return errors.New("this was to break: " + string(s.scene.Breaks) + "; but " + broken.Error())
	}
	for _, condition := range s.scene.Ends {
		ok, err := s.player.Holds(condition)
		switch {
		case err != nil:
			return errors.New(condition + ": " + err.Error())
		case !ok:
			return errors.New("in the end it does not hold: " + condition + "; " + s.world.Picture())
		}
	}
	return nil
}

// Play plays a scene to its end and gives its verdict, and the session.
func Play(scenes []Scene, id string) (*Session, error) {
	s, err := Begin(scenes, "scene "+id)
	if err != nil {
		return nil, err
	}
	for range playMax {
		if s.Run(raft.Never, 1)&(Ended|Failed) != 0 {
			break
		}
	}
	return s, s.Verdict()
}
