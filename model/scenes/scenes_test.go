package scenes

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"veche/model"
	"veche/raft"
)

// words are what a file of texts says about a scene in one language.
type words struct {
	Title string            `json:"title"`
	About string            `json:"about"`
	Beats map[string]string `json:"beats"`
	Notes map[string]string `json:"notes"`
	Tries map[string]string `json:"tries"`
	// Spread is on the button that measures timeouts, where there is one.
	Spread string `json:"spread"`
}

const textDir = "../../page/web/scenes"

var languages = []string{"en", "ru"}

// beatsOf gives the ids of a scene's beats, in order.
func beatsOf(s *model.Scene) (ids []string) {
	for _, step := range s.Steps {
		if step.Beat != "" {
			ids = append(ids, step.Beat)
		}
	}
	return ids
}

// plays plays a scene to its end: every beat is reached, what ends holds, and
// what breaks is what was to break. Then every try is tried at its beat.
func plays(t *testing.T, s model.Scene) {
	t.Helper()
	run, err := model.Begin(All(), "scene "+s.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, beat := range beatsOf(&s) {
		if f := run.Run(raft.Never, eventsMax); f&model.AtBeat == 0 {
			t.Fatalf("the beat %s is not reached at %d ms: %v", beat, run.Now()/1e6, run.Verdict())
		}
	}
	if err := run.Verdict(); err != nil {
		t.Fatalf("at the end, %d ms: %v", run.Now()/1e6, err)
	}
	for _, try := range s.Tries {
		tries(t, s, try)
	}
}

// eventsMax is more than any scene needs from beat to beat.
const eventsMax = 200_000

// tries begins anew, does what a reader may do at a beat, and lets three seconds
// pass: no command fails, and no promise breaks.
func tries(t *testing.T, s model.Scene, try model.Try) {
	t.Helper()
	run, err := model.Begin(All(), "scene "+s.ID)
	if err != nil {
		t.Fatal(err)
	}
	for range slices.Index(beatsOf(&s), try.Beat) + 1 {
		run.Run(raft.Never, eventsMax)
	}
	for _, command := range try.Do {
		if err := run.Do(command); err != nil {
			t.Errorf("what if %s: %s: %v", try.ID, command, err)
		}
	}
	if f := run.Run(run.Now()+raft.Time(3*raft.Second), eventsMax); f&model.Broken != 0 && len(s.Without) == 0 {
		t.Errorf("what if %s: a promise breaks", try.ID)
	}
}

// Goal: scenes show what they say. Method: play each that goes by the rules.
func TestScene_ReachesItsBeatsAndItsEnd(t *testing.T) {
	for _, s := range All() {
		if len(s.Without) == 0 {
			t.Run(s.ID, func(t *testing.T) { plays(t, s) })
		}
	}
}

// Goal: scenes wait for what they show, and not for luck: they hold with any seed,
// unless they say which one they need. Method: play each with some others.
func TestScene_HoldsWithOtherSeeds(t *testing.T) {
	for _, s := range All() {
		lucky := slices.ContainsFunc(s.Settings, func(c string) bool { return strings.HasPrefix(c, "seed ") })
		if lucky || len(s.Without) > 0 && !raft.LabBuild {
			continue
		}
		for _, seed := range []string{"2", "13", "27"} {
			run, err := model.Begin(All(), "scene "+s.ID+"\nseed "+seed)
			if err != nil {
				t.Fatal(err)
			}
			for f := model.AtBeat; f&(model.Ended|model.Failed) == 0 && f&model.AtBeat != 0; {
				f = run.Run(raft.Never, eventsMax)
			}
			if err := run.Verdict(); err != nil {
				t.Errorf("%s with seed %s: %v", s.ID, seed, err)
			}
		}
	}
}

// Goal: a scene is well made. Method: look at its parts.
func TestScene_IsWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range All() {
		if seen[s.ID] {
			t.Errorf("there are two scenes %s", s.ID)
		}
		if s.Of != "" && !seen[s.Of] {
			t.Errorf("%s varies %s, which does not stand before it", s.ID, s.Of)
		}
		seen[s.ID] = true
		for k, step := range s.Steps {
			if !oneOf(step) {
				t.Errorf("%s: step %d is not exactly one of Do, Until, Wait, At and Beat", s.ID, k+1)
			}
		}
		beats := beatsOf(&s)
		if len(beats) < 2 || len(beats) > 8 || s.Steps[len(s.Steps)-1].Beat == "" {
			t.Errorf("%s has %d beats; there are to be 2 to 8, the last at the end", s.ID, len(beats))
		}
		if sorted := slices.Sorted(slices.Values(beats)); len(slices.Compact(sorted)) != len(beats) {
			t.Errorf("%s: a beat stands twice", s.ID)
		}
		for _, id := range s.Beside {
			if !slices.ContainsFunc(All(), func(other model.Scene) bool { return other.ID == id && len(other.Beside) == 0 }) {
				t.Errorf("%s is shown as %s, which is no scene by itself", s.ID, id)
			}
		}
		for _, try := range s.Tries {
			if !slices.Contains(beats, try.Beat) || len(try.Do) == 0 {
				t.Errorf("%s: what if %s has no beat, or nothing to do", s.ID, try.ID)
			}
		}
	}
}

func oneOf(s model.Step) bool {
	n := 0
	for _, set := range []bool{s.Do != "", s.Until != "", s.Wait > 0, s.At > 0, s.Beat != ""} {
		if set {
			n++
		}
	}
	for _, panel := range s.Look {
		if !slices.Contains([]model.Panel{model.Cluster, model.Logs, model.Figure4, model.Figure5, model.Clients}, panel) {
			return false
		}
	}
	return n == 1 && (s.Until != "") == (s.Within > 0) && (s.Beat != "") == (len(s.Look) > 0)
}

// Goal: in both languages there is a text for each thing that a scene shows, and
// for nothing else, and it fits its line. Method: compare the keys.
func TestScene_HasItsTextsInBothLanguages(t *testing.T) {
	expected := map[string]bool{}
	for _, s := range All() {
		beats := slices.Sorted(slices.Values(beatsOf(&s)))
		asked := []string{}
		for _, try := range s.Tries {
			asked = append(asked, try.ID)
		}
		slices.Sort(asked)
		var notes []string
		for _, lang := range languages {
			file := s.ID + "." + lang + ".json"
			expected[file] = true
			w := readWords(t, file)
			if have := slices.Sorted(maps.Keys(w.Beats)); !slices.Equal(have, beats) {
				t.Errorf("%s tells the beats %v, but there are %v", file, have, beats)
			}
			if have := slices.Sorted(maps.Keys(w.Tries)); !slices.Equal(have, asked) {
				t.Errorf("%s has the tries %v, but there are %v", file, have, asked)
			}
			have := slices.Sorted(maps.Keys(w.Notes))
			for _, id := range have {
				if _, found := w.Beats[id]; !found {
					t.Errorf("%s has a note for %s, which is no beat", file, id)
				}
			}
			if notes == nil {
				notes = have
			} else if !slices.Equal(have, notes) {
				t.Errorf("%s has notes for %v, and the other language for %v", file, have, notes)
			}
			fits(t, file, w)
		}
	}
	files, err := os.ReadDir(textDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !expected[f.Name()] {
			t.Errorf("%s is about no scene", f.Name())
		}
	}
}

func readWords(t *testing.T, file string) (w words) {
	t.Helper()
	f, err := os.Open(filepath.Join(textDir, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return w
}

// Bounds of texts, in letters: what fits its place on the page.
const (
	titleMax = 60
	lineMax  = 330
)

func fits(t *testing.T, file string, w words) {
	t.Helper()
	check := func(what, text string, most int) {
		if n := utf8.RuneCountInString(text); n == 0 || n > most || text != strings.TrimSpace(text) {
			t.Errorf("%s: %s has %d letters; 1 to %d would fit", file, what, n, most)
		}
	}
	check("title", w.Title, titleMax)
	check("about", w.About, lineMax)
	for _, texts := range []map[string]string{w.Beats, w.Notes, w.Tries} {
		for id, text := range texts {
			check(id, text, lineMax)
		}
	}
}

// Goal: the figures that texts tell are those that one sees. Method: measure from
// beat to beat, and look for the number in both languages.
func TestScene_TellsTheTimesThatItTakes(t *testing.T) {
	for _, c := range []struct {
		scene, from, to string // beats
		teller, beat    string // where it is told
		number          string
		ms              float64
	}{
		{"master-crash", "crashed", "asks", "master-crash", "asks", "170", 170},
		{"master-crash", "crashed", "leader", "master-crash", "leader", "221", 221},
		{"master-crash", "crashed", "answered", "master-crash-fast", "answered", "286", 286},
		{"master-crash-fast", "crashed", "leader", "master-crash-fast", "leader", "61", 61},
		{"master-crash-fast", "crashed", "answered", "master-crash-fast", "answered", "127", 127},
		{"deaf-leader", "deaf", "healed", "deaf-leader", "healed", "1040", 1040},
		{"transfer", "told", "leads", "transfer", "leads", "40", 39},
		{"rolling-restart-plain", "followers", "leads", "rolling-restart-plain", "leads", "221", 221},
	} {
		ms := took(t, c.scene, c.from, c.to)
		if ms < c.ms*0.97 || ms > c.ms*1.03 {
			t.Errorf("%s: from %s to %s it takes %.1f ms; the text says %s", c.scene, c.from, c.to, ms, c.number)
		}
		for _, lang := range languages {
			if file := c.teller + "." + lang + ".json"; !strings.Contains(readWords(t, file).Beats[c.beat], c.number) {
				t.Errorf("%s does not say %s at %s", file, c.number, c.beat)
			}
		}
	}
}

// took gives the time between two beats, in ms.
func took(t *testing.T, id, from, to string) float64 {
	t.Helper()
	run, err := model.Begin(All(), "scene "+id)
	if err != nil {
		t.Fatal(err)
	}
	k := slices.IndexFunc(All(), func(s model.Scene) bool { return s.ID == id })
	scene, began := All()[k], raft.Time(0)
	for _, beat := range beatsOf(&scene) {
		run.Run(raft.Never, eventsMax)
		switch beat {
		case from:
			began = run.Now()
		case to:
			return float64(run.Now()-began) / 1e6
		}
	}
	t.Fatalf("%s has no beats %s and %s", id, from, to)
	return 0
}
