package wal

import (
	"errors"
	"math/rand/v2"
	"testing"

	"veche/raft"
)

// TestSnapshot_DamageIsAlwaysSeen flips each byte of a snapshot file, cuts it
// off at each length, and removes it: LoadSnapshot must refuse each.
func TestSnapshot_DamageIsAlwaysSeen(t *testing.T) {
	fs := NewMemFS()
	l := mustOpen(t, fs, 512)
	base := raft.Base{Index: 7, Term: 2, Config: randomConfig(rand.New(rand.NewPCG(1, 1)))}
	ok(t, l.SaveSnapshot(3, base, []byte("forty-two")))
	ok(t, l.Close())
	if b, data, err := l.LoadSnapshot(3, 7); err != nil || !sameBase(b, base) || string(data) != "forty-two" {
		t.Fatal(b, data, err)
	}
	name := snapshotName(3, 7)
	load := func(fs FS, what string, at int) {
		l := mustOpen(t, fs, 512)
		if _, _, err := l.LoadSnapshot(3, 7); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s at %d: got %v", what, at, err)
		}
	}
	for i, c := range content(t, fs, name) {
		hurt := fs.Clone()
		change(t, hurt, name, int64(i), []byte{c ^ 4})
		load(hurt, "flipped", i)
		short := fs.Clone()
		truncated(t, short, name, i)
		load(short, "cut off", i)
	}
	ok(t, fs.Remove("data/"+name))
	load(fs, "removed", 0)
}

// TestSnapshot_OldOneStaysUntilTheNewerIsRecorded cuts the power at each moment
// between saving a snapshot and recording it: the recorded one can be loaded.
func TestSnapshot_OldOneStaysUntilTheNewerIsRecorded(t *testing.T) {
	for stop := range 40 {
		fs := NewMemFS()
		l := mustOpen(t, fs, 4096)
		one, two := raft.Base{Index: 1, Term: 1}, raft.Base{Index: 2, Term: 1}
		ok(t, l.SaveSnapshot(1, one, []byte("one")))
		ok(t, l.Append([]Record{{1, raft.Write{Entries: entries(1, 3, 5), Snapshot: &one}}}))
		ok(t, l.Sync())
		left := stop
		fs.Fail = func(Op, string, int64) error {
			if left--; left < 0 {
				return ErrIO
			}
			return nil
		}
		if l.SaveSnapshot(1, two, []byte("two")) == nil && l.Append([]Record{{1, raft.Write{Snapshot: &two}}}) == nil &&
			l.Sync() == nil {
			_ = l.Prepare() // it may fail: the disk does
		}
		fs.Fail = nil
		fs.Crash(func(op int) bool { return op%2 == 0 })
		l = mustOpen(t, fs, 4096)
		ok(t, l.Prepare())
		index := l.Restored(1).Snapshot.Index
		if _, data, err := l.LoadSnapshot(1, index); err != nil || string(data) != []string{"", "one", "two"}[index] {
			t.Fatalf("stopped after %d operations: snapshot %d: %q %v", stop, index, data, err)
		}
	}
}
