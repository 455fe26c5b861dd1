package main

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
)

func TestBenchSnapshot_MeasuresTheLeadersMemory(t *testing.T) {
	// The figures of README, in small: three real processes, one of them late and
	// empty. What the leader's memory may grow by does not depend on the size.
	var out bytes.Buffer
	o := snapshotOptions{size: 8 << 20, json: true, program: buildVeche(t)}
	if err := benchSnapshot(t.Context(), o, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var f snapshotFigures
	if err := json.Unmarshal(out.Bytes(), &f); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if f.Samples == 0 || f.LiveBefore < 8<<20 || f.LivePeak > f.LiveBefore+64<<20 || f.TransferS <= 0 || f.Writes == 0 {
		t.Errorf("%+v", f)
	}
}
