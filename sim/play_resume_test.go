package sim

import (
	"slices"
	"testing"

	"veche/raft"
)

// Goal: of a snapshot only what was lost is sent again, and a member that was killed
// in the middle goes on behind the last block that it has whole. Method: a file of
// some ninety kilobytes in chunks; one is dropped, later the receiver is killed; the
// places that it asks for, in their order.
func TestSnapshot_GoesOnWhereItWas(t *testing.T) {
	p := Open(nil)
	do := func(commands ...string) {
		t.Helper()
		for _, c := range commands {
			if err := p.Do(c); err != nil {
				t.Fatalf("%s: %v", c, err)
			}
		}
	}
	do("nodes 3", "fast off", "election 150ms 300ms", "heartbeat 50ms", "wire 10ms 15ms", "snapshot-bytes 80000", "trail-bytes 100", "chunk-bytes 8000")
	if err := p.Begin(); err != nil {
		t.Fatal(err)
	}
	w := p.World()
	var asked []uint64
	seen := map[uint64]bool{}
	until := func(condition string) {
		t.Helper()
		for w.Now() < raft.Time(20*raft.Second) {
			if ok, err := p.Holds(condition); err != nil {
				t.Fatal(err)
			} else if ok {
				return
			}
			w.Step()
			w.Flights(func(f *Flight) {
				if m := f.Message; m.Kind == raft.KindSnapshotFetch && !seen[f.ID] {
					seen[f.ID] = true
					asked = append(asked, m.Fetch.Offset)
				}
			})
		}
		t.Fatalf("it does not come about: %s; %s", condition, w.Picture())
	}
	do("start")
	until("leader")
	until("same logs")
	lead, _, _ := w.Leader()
	if lead == 2 {
		t.Fatal("this seed elects S3; take another")
	}
	at := " @" + name(lead)
	if err := p.Do("put-bytes a 0" + at); err == nil {
		t.Error("a value of no bytes is made for its size")
	}
	do("crash S3", "put-bytes a 30000"+at, "put-bytes b 30000"+at)
	until("answered")
	do("put-bytes c 30000" + at)
	until("answered")
	until("stands " + name(lead) + " 5")
	do("start S3")
	until("fetching S3 8")
	do("drop chunk " + name(lead) + ">S3 once")
	until("fetching S3 80")
	counts := map[uint64]int{}
	for _, offset := range asked {
		counts[offset]++
	}
	twice := 0
	for offset, n := range counts {
		if n > 2 || n == 2 && offset == 0 {
			t.Errorf("what begins at %d was asked for %d times", offset, n)
		}
		if n == 2 {
			twice++
		}
	}
	if twice != 1 {
		t.Errorf("one chunk was lost, and %d were asked for twice: %v", twice, asked)
	}
	asked = asked[:0]
	do("crash S3", "start S3")
	until("stands S3 5")
	const block = 64 << 10
	if first := slices.Min(asked); first < block || first > block+1000 {
		t.Errorf("after it was killed it goes on at %d, not behind its first block: %v", first, asked)
	}
}
