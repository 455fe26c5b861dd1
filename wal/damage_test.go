package wal

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"veche/raft"
)

// smallLog makes a log of a few segments, closed cleanly, and its twin.
func smallLog(t testing.TB, batches int) (*MemFS, twin) {
	t.Helper()
	fs, want := NewMemFS(), twin{}
	l := mustOpen(t, fs, 2048)
	r := rand.New(rand.NewPCG(3, 4))
	for range batches {
		rec := want.randomRecord(r)
		want.apply(rec)
		ok(t, l.Append([]Record{rec}))
		ok(t, l.Sync())
	}
	ok(t, l.Close())
	return fs, want
}

// change writes b at off of a file, durably.
func change(t testing.TB, fs FS, name string, off int64, b []byte) {
	t.Helper()
	f, err := fs.Open("data/" + name)
	ok(t, err)
	_, err = f.WriteAt(b, off)
	ok(t, err)
	ok(t, f.Sync())
}

// content reads a whole file.
func content(t testing.TB, fs FS, name string) []byte {
	t.Helper()
	f, err := fs.Open("data/" + name)
	ok(t, err)
	b, err := readAll(f, 1<<30)
	ok(t, err)
	return b
}

// truncated replaces a file by its first n bytes.
func truncated(t testing.TB, fs FS, name string, n int) {
	t.Helper()
	b := content(t, fs, name)[:n]
	ok(t, fs.Remove("data/"+name))
	f, err := fs.Create("data/" + name)
	ok(t, err)
	_, err = f.WriteAt(b, 0)
	ok(t, err)
}

// whole says whether a damaged directory was refused, or lost nothing.
func whole(t testing.TB, fs FS, want twin) (refused bool) {
	t.Helper()
	l, err := Open(fs, "data", me, options(2048))
	if err != nil {
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) {
			t.Fatalf("refused by an error of another kind: %v", err)
		}
		return true
	}
	if what := want.differs(l); what != "" {
		t.Fatal("opened, but " + what)
	}
	ok(t, l.Close())
	return false
}

func files(t testing.TB, fs FS) []string {
	t.Helper()
	names, err := fs.List("data")
	ok(t, err)
	return names
}

// TestDamage_EveryFlippedByteIsHarmlessOrRefused flips each byte of each file of
// a small synced log: what Open accepts must hold all that was confirmed.
func TestDamage_EveryFlippedByteIsHarmlessOrRefused(t *testing.T) {
	fs, want := smallLog(t, 14)
	refused, harmless := 0, 0
	for _, name := range files(t, fs) {
		for i, c := range content(t, fs, name) {
			hurt := fs.Clone()
			change(t, hurt, name, int64(i), []byte{c ^ byte(1<<(i%8))})
			if whole(t, hurt, want) {
				refused++
			} else {
				harmless++
			}
		}
	}
	if refused < harmless/4 {
		t.Fatalf("%d refused, %d harmless: the files hold less than they should", refused, harmless)
	}
	t.Logf("%d refused, %d harmless", refused, harmless)
}

// TestDamage_EveryTruncationIsHarmlessOrRefused cuts each file off at each
// length, and removes it: the log must never come up shorter.
func TestDamage_EveryTruncationIsHarmlessOrRefused(t *testing.T) {
	fs, want := smallLog(t, 14)
	for _, name := range files(t, fs) {
		for n := range content(t, fs, name) {
			hurt := fs.Clone()
			truncated(t, hurt, name, n)
			whole(t, hurt, want)
		}
		gone := fs.Clone()
		ok(t, gone.Remove("data/"+name))
		whole(t, gone, want)
	}
}

// TestDamage_RotIsNamedAndNothingIsChanged flips a byte in the middle of the
// last segment: the error must name file, offset, group and what to do, and
// opening must have changed nothing.
func TestDamage_RotIsNamedAndNothingIsChanged(t *testing.T) {
	fs := NewMemFS()
	l := mustOpen(t, fs, 8192)
	for i := raft.Index(1); i <= 4; i++ {
		ok(t, l.Append([]Record{{77, raft.Write{Entries: entries(i, i, 100)}}}))
		ok(t, l.Sync())
	}
	ok(t, l.Close())
	at := int64(frameSize(headFixed))
	change(t, fs, segmentName(1), at+60, []byte{0xff, 0xfe})
	before := content(t, fs, segmentName(1))
	_, err := Open(fs, "data", me, options(8192))
	var d *DamageError
	if !errors.As(err, &d) || d.File != "data/"+segmentName(1) || d.Offset != at || d.Group != 77 {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{"data/0000000000000001.wal", "offset 64", "group 77", "as it last was"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	if string(before) != string(content(t, fs, segmentName(1))) {
		t.Error("a refused log was changed")
	}
}

// TestDamage_TornTailIsErasedForEver loses the first sector of an unsynced batch
// and keeps the rest, twice with the same bytes: the rest must not come back.
func TestDamage_TornTailIsErasedForEver(t *testing.T) {
	fs := NewMemFS()
	l := mustOpen(t, fs, 8192)
	batch := []Record{
		{1, raft.Write{Entries: entries(1, 1, 600)}},
		{1, raft.Write{Entries: entries(2, 2, 600)}},
		{1, raft.Write{Entries: entries(3, 3, 600)}},
	}
	ok(t, l.Append(batch))
	fs.Crash(func(op int) bool { return op < 2 }) // newest first: the last two sectors are kept
	l = mustOpen(t, fs, 8192)
	if n := len(l.Restored(1).Entries); n != 0 {
		t.Fatalf("%d entries behind a lost one", n)
	}
	if l.Stats().Torn == 0 {
		t.Fatal("nothing was found behind the torn end: the test is void")
	}
	ok(t, l.Append(batch[:2]))
	ok(t, l.Sync())
	fs.Crash(nil)
	l = mustOpen(t, fs, 8192)
	if n := len(l.Restored(1).Entries); n != 2 {
		t.Fatalf("%d entries, want the two that were confirmed", n)
	}
}

// TestDamage_RecycledSegmentsNeverComeBack cuts behind every batch so that files
// are used again and again, and crashes after each: no stale frame may count.
func TestDamage_RecycledSegmentsNeverComeBack(t *testing.T) {
	fs := NewMemFS()
	l := mustOpen(t, fs, 2048)
	r := rand.New(rand.NewPCG(5, 6))
	recycled := uint64(0)
	for i := raft.Index(1); i <= 300; i++ {
		b := raft.Base{Index: i, Term: 1}
		ok(t, l.Append([]Record{{1, raft.Write{Entries: entries(i, i, 200), Snapshot: &b, Cut: &b}}}))
		ok(t, l.Sync())
		ok(t, l.Prepare())
		if i%7 == 0 {
			ok(t, l.Append([]Record{{1, raft.Write{Entries: entries(i+1, i+3, 300)}}}))
			recycled += l.Stats().Recycled
			fs.Crash(func(int) bool { return r.IntN(2) == 0 })
			l = mustOpen(t, fs, 2048)
			got := l.Restored(1)
			if got.Cut.Index != i || len(got.Entries) > 3 {
				t.Fatalf("after %d: cut %d and %d entries", i, got.Cut.Index, len(got.Entries))
			}
		}
		if s := l.Stats(); s.Segments > 3 {
			t.Fatalf("after %d: %d segments in use", i, s.Segments)
		}
	}
	if recycled < 20 {
		t.Fatalf("only %d segments were recycled", recycled)
	}
	if n := len(files(t, fs)); n > 3+releasedMax+1 {
		t.Fatalf("%d files are left", n)
	}
}

// TestDamage_OlderIdentityIsRefused puts back the identity file of an earlier
// boot: the log has frames of a later one, so a boot would be used twice.
func TestDamage_OlderIdentityIsRefused(t *testing.T) {
	fs := NewMemFS()
	ok(t, mustOpen(t, fs, 2048).Close())
	old := content(t, fs, identityName)
	l := mustOpen(t, fs, 2048)
	ok(t, l.Append([]Record{{1, raft.Write{Entries: entries(1, 1, 8)}}}))
	ok(t, l.Close())
	change(t, fs, identityName, 0, old)
	_, err := Open(fs, "data", me, options(2048))
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "older than the log") {
		t.Fatalf("got %v", err)
	}
}

// TestDamage_WriteLargerThanASegment must come back whole from a segment of its
// own size, and the next segments must be of the usual size again.
func TestDamage_WriteLargerThanASegment(t *testing.T) {
	fs := NewMemFS()
	l := mustOpen(t, fs, 512)
	want := twin{}
	for i := raft.Index(1); i < 6; i++ {
		rec := Record{2, raft.Write{Entries: entries(i*10, i*10+9, int(i)*400)}}
		if i == 1 {
			rec.Write.Entries = entries(1, 19, 400)
		}
		want.apply(rec)
		ok(t, l.Append([]Record{rec}))
	}
	ok(t, l.Sync())
	fs.Crash(nil)
	l = mustOpen(t, fs, 512)
	if what := want.differs(l); what != "" {
		t.Fatal(what)
	}
}

// TestDamage_LostHeadOfANextSegmentTakesItsFramesAlong changes the segment in an
// unsynced batch, keeps any one of the unsynced sectors, and writes other frames
// of the same lengths afterwards: nothing of the lost batch may come back.
func TestDamage_LostHeadOfANextSegmentTakesItsFramesAlong(t *testing.T) {
	fs := NewMemFS()
	l := mustOpen(t, fs, 4096)
	ok(t, l.Append([]Record{{1, raft.Write{Entries: entries(1, 1, 3800)}}}))
	ok(t, l.Sync())
	batch := func(n raft.Index) (b []Record) {
		for i := raft.Index(2); i < 2+n; i++ {
			size := 150 // the frames behind the first fit into one sector
			if i == 2 {
				size = 450
			}
			b = append(b, Record{1, raft.Write{Entries: entries(i, i, size)}})
		}
		return b
	}
	ok(t, l.Append(batch(3)))
	if l.number != 2 {
		t.Fatal("the segment did not change: the test is void")
	}
	torn := 0
	for kept := range 12 {
		m := fs.Clone()
		m.Crash(func(op int) bool { return op == kept })
		l := mustOpen(t, m, 4096)
		torn += l.Stats().Torn
		ok(t, l.Append(batch(1)))
		ok(t, l.Sync())
		m.Crash(nil)
		l = mustOpen(t, m, 4096)
		if n := len(l.Restored(1).Entries); n != 2 {
			t.Errorf("sector %d kept: %d entries, want 2", kept, n)
		}
	}
	if torn == 0 {
		t.Error("no frame was found behind a lost head: the test is void")
	}
}

// TestDamage_WhatIsProvenIsNeverTakenForATornEnd cuts the power after a sync,
// so that the mark is lost, and flips bytes before the place that Proven
// names, and of the segments before: Open refuses, or nothing is lost.
func TestDamage_WhatIsProvenIsNeverTakenForATornEnd(t *testing.T) {
	refused := 0
	for seed := uint64(70); seed < 73; seed++ {
		r, fs, want := rand.New(rand.NewPCG(seed, 1)), NewMemFS(), twin{}
		l := mustOpen(t, fs, 2048)
		for range 12 {
			for range 1 + r.IntN(2) {
				rec := want.randomRecord(r)
				want.apply(rec)
				ok(t, l.Append([]Record{rec}))
			}
			ok(t, l.Sync())
		}
		current, upTo := l.Proven()
		fs.Crash(nil)
		for _, name := range files(t, fs) {
			end, _ := fs.Length("data/" + name)
			if !strings.HasSuffix(name, segmentSuffix) || "data/"+name > current {
				continue
			}
			if "data/"+name == current {
				end = upTo
			}
			for off := int64(seed % 9); off < end; off += 9 {
				hurt := fs.Clone()
				hurt.Rot("data/"+name, off, 32)
				if whole(t, hurt, want) {
					refused++
				}
			}
		}
	}
	if refused < 200 {
		t.Fatalf("only %d were refused", refused)
	}
}
