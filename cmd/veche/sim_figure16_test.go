package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"veche/raft"
	"veche/sim/lab"
)

// Goal: what veche bench election --json writes is read, and what it does not
// write is refused with the line. Method: a file of each.
func TestFigure16_ReadsRealElections(t *testing.T) {
	name := filepath.Join(t.TempDir(), "real.jsonl")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"range":"150-300","fast":false,"ms":[200.5,100]}` + "\n" + `{"range":"12.5-25","fast":true,"ms":[7]}` + "\n")
	curves, err := readElections(name)
	if err != nil || len(curves) != 2 {
		t.Fatalf("%v, %v", curves, err)
	}
	if c := curves[0]; c.Mode != lab.Real || c.Range.String() != "150–300" || len(c.Times) != 2 || c.Times[0] != 100*raft.Millisecond {
		t.Errorf("%+v", c)
	}
	if c := curves[1]; c.Mode != lab.RealFast || c.Range.String() != "12.5–25" {
		t.Errorf("%+v", c)
	}
	for _, bad := range []string{"x\n", `{"range":"300-150","ms":[1]}`, `{"range":"1-2","ms":[]}`, `{"range":"a","ms":[1]}`, `{"range":"1-2","ms":[0]}`} {
		write(`{"range":"1-2","ms":[1]}` + "\n" + bad)
		if _, err := readElections(name); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// Goal: the table has what was measured, beside what the paper says. Method:
// made-up curves.
func TestFigure16_TableStandsBesideThePaper(t *testing.T) {
	s := raft.Second
	text := figureTable([]lab.Curve{
		{Mode: lab.Veche, Range: lab.Randomness()[2], Times: []raft.Duration{s / 10, s / 5, lab.GiveUp}, Terms: []int{1, 1, 4}},
		{Mode: lab.Real, Range: lab.Randomness()[2], Times: []raft.Duration{s / 8}},
	}, false)
	for _, want := range []string{"150–155", "median 287", "100.0", "200.0", "> 33433.3", "> 100 s", "2.00", "125.0", "PreVote"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Count(text, "median 287") != 1 || strings.Count(text, "150–155") != 1 {
		t.Errorf("a range is named more than once in\n%s", text)
	}
}
