package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// saying is what came of something, as one sentence in English; the dashboard says
// it in its own language if it knows the key.
type saying struct {
	text string
	key  string         // of sayings; empty: English alone
	with map[string]any // texts, numbers, []string for names; took is in ms
}

// refusal is an error that the dashboard can say in its own language.
type refusal struct{ saying }

func (r refusal) Error() string { return r.text }

// sayings are the sentences that the dashboard knows in its languages, as
// live.said.KEY of its texts (a test compares them).
var sayings = map[string]string{
	"kill.leader":      "You killed the leader {name}; a new leader acknowledged the first write in term {term} after {took} ms: its sockets closed, so nobody had to wait for a timeout.",
	"kill.leader.slow": "You killed the leader {name}; a new leader acknowledged the first write in term {term} after {took} ms: the others waited for their timeouts.",
	"kill.leader.none": "You killed the leader {name}; no write has been acknowledged since; is there a majority?",
	"kill.follower":    "You killed the follower {name}; the leader still has a majority, so nothing changes.",
	"kill.other":       "You killed {name}.",
	"kill.down":        "{name} does not run; start it first",
	"restart":          "You started {name}: it reads its log, hears the leader and is sent what it missed.",
	"restart.runs":     "{name} runs already",
	"cut.leader":       "You cut {names} off: without a majority it can commit nothing and steps down; a new leader acknowledged the first write in term {term} after {took} ms.",
	"cut.leader.none":  "You cut {names} off: without a majority it can commit nothing and steps down; no write has been acknowledged since; is there a majority?",
	"cut.follower":     "You cut {names} off: the leader keeps its majority; the small side would not win and does not raise its term.",
	"slow":             "Everything to and from {name} now takes {by} ms longer: it still follows, but its acknowledgements come late.",
	"heal":             "You healed the network: whoever led on the smaller side hears of the newer term and follows.",
	"write":            "You wrote hello = \"{value}\" at {name}: acknowledged in {took} ms at revision {revision}, once a majority had it on disk.",
	"write.none":       "the value was not written: no server runs",
	"write.unknown":    "the value was not acknowledged, so it may or may not come to stand there: {why}",
	"busy":             "the last fault is still under way; wait until it has told what came of it",
	"key":              "the key is missing or wrong; open the address that the demo has printed",
}

// say fills in one of the sayings; key and with must fit.
func say(key string, with map[string]any) saying {
	text, ok := sayings[key]
	if !ok {
		panic("no saying " + key) // the keys are constants of this program
	}
	for _, name := range slices.Sorted(maps.Keys(with)) {
		text = strings.ReplaceAll(text, "{"+name+"}", word(with[name]))
	}
	return saying{text: text, key: key, with: with}
}

// refuse is say for what could not be done.
func refuse(key string, with map[string]any) error { return refusal{say(key, with)} }

func word(v any) string {
	switch v := v.(type) {
	case []string:
		return strings.Join(v, " and ")
	case float64:
		if v < 10 {
			return fmt.Sprintf("%.1f", v)
		}
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprint(v)
}

// tookMS is a duration in ms, as exact as a person wants it (see msText).
func tookMS(d time.Duration) float64 {
	if d < 10*time.Millisecond {
		return float64(d.Round(100*time.Microsecond)) / float64(time.Millisecond)
	}
	return float64(d.Round(time.Millisecond)) / float64(time.Millisecond)
}
