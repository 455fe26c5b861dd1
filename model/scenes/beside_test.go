package scenes

import (
	"testing"

	"veche/model"
	"veche/raft"
)

// Goal: what stands side by side meets its faults at the same time, so that it can
// be compared. Method: the time of each beat of the clusters of other sizes.
func TestBeside_BeatsAreAtTheSameTime(t *testing.T) {
	times := func(id string) (all []raft.Time) {
		s, err := model.Begin(All(), "scene "+id)
		if err != nil {
			t.Fatal(err)
		}
		for s.Run(raft.Never, eventsMax)&model.AtBeat != 0 {
			all = append(all, s.Now())
		}
		return all
	}
	want := times("even-sizes")
	for _, id := range []string{"even-sizes-3", "even-sizes-4", "even-sizes-5", "even-sizes-6"} {
		have := times(id)
		if len(have) != len(want) {
			t.Fatalf("%s has %d beats, not %d", id, len(have), len(want))
		}
		for k := range want {
			if have[k] != want[k] {
				t.Errorf("%s has beat %d at %d ms, the others at %d ms", id, k+1, have[k]/1e6, want[k]/1e6)
			}
		}
	}
}
