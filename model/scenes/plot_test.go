package scenes

import (
	"reflect"
	"testing"

	"veche/model"
	"veche/raft"
)

// Goal: what makes no sense does not pass for a step. Method: read such lines.
func TestPlot_NonsenseIsNoStep(t *testing.T) {
	p := plot{script: "wait soon; wait 5; wait -5ms; until leader within a while; beat here; beat here: kitchen"}
	s := p.scene()
	if len(s.Steps) != 6 {
		t.Errorf("there are %d steps", len(s.Steps))
	}
	for _, step := range s.Steps {
		if oneOf(step) {
			t.Errorf("%+v passes for a step", step)
		}
	}
}

// Goal: a scene is what its text says. Method: read one with a line of each kind.
func TestPlot_IsReadAsItIsWritten(t *testing.T) {
	p := plot{id: "two", of: "one", settings: eyes + "; fast on", without: "prevote checkquorum", script: `
			put x 1 @S1; wait 5ms
			until leader S1 within 2s; until same logs
			beat here: logs figure5
		`, ends: "leader S1; x = 1 @S2", breaks: "Log Matching", tries: `
			again at here: crash S1; crash S2
			never at here: heal
		`}
	want := model.Scene{ID: "two", Of: "one",
		Settings: []string{"election 150ms 300ms", "heartbeat 50ms", "wire 10ms 15ms", "fast off", "fast on"},
		Without:  []string{"prevote", "checkquorum"},
		Steps: []model.Step{model.Do("put x 1 @S1"), model.Wait(5 * raft.Millisecond),
			{Until: "leader S1", Within: 2 * raft.Second}, model.Until("same logs"), model.Beat("here", model.Logs, model.Figure5)},
		Ends: []string{"leader S1", "x = 1 @S2"}, Breaks: "Log Matching",
		Tries: []model.Try{{ID: "again", Beat: "here", Do: []string{"crash S1", "crash S2"}}, {ID: "never", Beat: "here", Do: []string{"heal"}}}}
	if got := p.scene(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
