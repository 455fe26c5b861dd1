package main

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"time"
)

func TestBenchElection_MeasuresTimesWithoutALeader(t *testing.T) {
	// What is drawn beside the paper's figure: real processes, two crashes; no time
	// is shorter than what is left of the smallest timeout, none absurd.
	o := electionOptions{crashes: 2, json: true, ranges: []timeRange{{100 * time.Millisecond, 200 * time.Millisecond}},
		clusterOptions: clusterOptions{Nodes: 3, NoFast: true, Program: buildVeche(t), Dir: t.TempDir()}}
	var out bytes.Buffer
	if err := benchElection(t.Context(), o, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var e electionTimes
	if err := json.Unmarshal(out.Bytes(), &e); err != nil || e.Range != "100-200" || e.Fast || len(e.Ms) != 2 {
		t.Fatalf("%v: %s", err, out.String())
	}
	for _, ms := range e.Ms {
		if ms < 45 || ms > 5000 { // a heartbeat is 50 ms, and may have come just before
			t.Errorf("%v ms without a leader", ms)
		}
	}
}
