package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestServe_DamagedLogIsMadeWholeByTheOthers(t *testing.T) {
	// A byte in the middle of a stopped server's log is changed. It starts all the
	// same, says so, and gets back what it lost; then it counts again: with
	// another server gone, writes go on.
	w := newTown(t, 3, 3)
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
		w.put(1, key)
	}
	w.until("all have it", func(v []memberView) bool {
		return agreedLeader(v, 3) >= 0 && v[0].Applied == v[1].Applied && v[0].Applied == v[2].Applied
	})
	w.kill(2)
	rot(t, w.nodes[2].dir)
	w.put(1, "meanwhile")
	w.launch(2)
	v := w.until("all have it again", func(v []memberView) bool {
		return agreedLeader(v, 3) >= 0 && v[0].Applied == v[1].Applied && v[0].Applied == v[2].Applied
	})
	if !w.said(2, "the disk has lost confirmed entries") {
		t.Fatal("the damage was not seen: the test is void")
	}
	gone := 0
	if agreedLeader(v, 3) == 0 {
		gone = 1
	}
	w.kill(gone)
	w.put(1-gone, "with two of three")
	if !w.has(2, "with two of three") || !w.has(2, "a") {
		t.Fatal("the repaired server lacks an entry")
	}
}

// said says whether a node's log has a text.
func (w *town) said(i int, text string) bool {
	b, err := os.ReadFile(filepath.Join(w.dir, w.nodes[i].name+".log"))
	return err == nil && strings.Contains(string(b), text)
}

// rot changes a byte in the middle of what the first segment of a log holds.
func rot(t *testing.T, dir string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.wal"))
	if err != nil || len(names) == 0 {
		t.Fatal("there is no log", err)
	}
	b, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	end := len(b)
	for end > 0 && b[end-1] == 0 {
		end--
	}
	b[end*2/3] ^= 8
	if err := os.WriteFile(names[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
}
