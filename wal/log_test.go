package wal

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"veche/raft"
)

// TestLog_RealDirectoryKeepsEverything writes, closes and opens a log on the
// machine's file system several times, with snapshots and cuts.
func TestLog_RealDirectoryKeepsEverything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	want := twin{}
	var incarnation raft.Incarnation
	for boot := raft.Boot(1); boot <= 4; boot++ {
		l, err := Open(OS(), dir, me, options(8192))
		ok(t, err)
		if l.Boot() != boot {
			t.Fatalf("boot %d, want %d", l.Boot(), boot)
		}
		if incarnation == 0 {
			incarnation = l.Incarnation()
		}
		if l.Incarnation() != incarnation || incarnation == 0 {
			t.Fatalf("incarnation %x, want %x", l.Incarnation(), incarnation)
		}
		if what := want.differs(l); what != "" {
			t.Fatal(what)
		}
		for g := raft.GroupID(1); g <= 2; g++ {
			last, _ := lastOf(want[g])
			base := raft.Base{Index: last + 20, Term: 1}
			ok(t, l.SaveSnapshot(g, base, []byte("state")))
			for _, w := range []raft.Write{
				{HardChanged: true, Hard: raft.HardState{Term: raft.Term(boot), Vote: 2, Standing: raft.Admitted}, Entries: entries(last+1, last+30, 300)},
				{Snapshot: &base, Cut: &base},
			} {
				rec := Record{g, w}
				want.apply(rec)
				ok(t, l.Append([]Record{rec}))
			}
		}
		ok(t, l.Sync())
		ok(t, l.Prepare())
		ok(t, l.Close())
	}
	l, err := Open(OS(), dir, me, options(8192))
	ok(t, err)
	defer l.Close()
	if what := want.differs(l); what != "" {
		t.Fatal(what)
	}
	base, data, err := l.LoadSnapshot(1, want[1].Snapshot.Index)
	ok(t, err)
	if string(data) != "state" || base.Index != want[1].Snapshot.Index {
		t.Fatalf("snapshot %+v %q", base, data)
	}
	snaps, err := filepath.Glob(filepath.Join(dir, "*.snap"))
	ok(t, err)
	if len(snaps) != 2 {
		t.Fatalf("snapshots %v, want the newest of each group", snaps)
	}
	for _, pattern := range []string{"*.wal", "*.snap", "identity"} {
		names, _ := filepath.Glob(filepath.Join(dir, pattern))
		info, err := os.Stat(names[0])
		ok(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s may be read by others: %v", names[0], info.Mode())
		}
	}
}

// TestLog_SecondOpenIsRefusedAtOnce opens one directory twice, on both file
// systems, and again after the first was closed.
func TestLog_SecondOpenIsRefusedAtOnce(t *testing.T) {
	for _, c := range []struct {
		name string
		fs   FS
		dir  string
	}{{"machine", OS(), t.TempDir()}, {"memory", NewMemFS(), "data"}} {
		l, err := Open(c.fs, c.dir, me, options(512))
		ok(t, err)
		_, err = Open(c.fs, c.dir, me, options(512))
		if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "data directory "+c.dir+" is in use by another process") {
			t.Fatalf("%s: got %v", c.name, err)
		}
		ok(t, l.Close())
		l, err = Open(c.fs, c.dir, me, options(512))
		ok(t, err)
		ok(t, l.Close())
	}
}

// TestLog_ForeignDirectoryIsRefused opens a directory under another cluster,
// member and name: each is refused in a sentence that names both.
func TestLog_ForeignDirectoryIsRefused(t *testing.T) {
	fs := NewMemFS()
	ok(t, mustOpen(t, fs, 512).Close())
	for _, c := range []struct {
		name string
		id   Identity
	}{
		{"cluster", Identity{raft.ClusterID{9}, 1, "n1"}},
		{"member", Identity{me.Cluster, 2, "n1"}},
		{"name", Identity{me.Cluster, 1, "n2"}},
	} {
		_, err := Open(fs, "data", c.id, options(512))
		if !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), me.String()) || !strings.Contains(err.Error(), c.id.String()) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	ok(t, mustOpen(t, fs, 512).Close())
}

// TestLog_FailedSyncIsFinal fails one fdatasync: every later call must say that
// the log is dead, without touching the disk.
func TestLog_FailedSyncIsFinal(t *testing.T) {
	fs := NewMemFS()
	l := mustOpen(t, fs, 4096)
	ok(t, l.Append([]Record{{1, raft.Write{Entries: entries(1, 1, 10)}}}))
	fs.Fail = func(op Op, _ string, _ int64) error {
		if op == OpSync {
			return ErrIO
		}
		return nil
	}
	if err := l.Sync(); !errors.Is(err, ErrDead) || !errors.Is(err, ErrIO) {
		t.Fatalf("got %v", err)
	}
	touched := 0
	fs.Fail = func(Op, string, int64) error { touched++; return nil }
	for name, err := range map[string]error{
		"append": l.Append([]Record{{1, raft.Write{Entries: entries(2, 2, 10)}}}), "sync": l.Sync(),
		"prepare": l.Prepare(), "snapshot": l.SaveSnapshot(1, raft.Base{Index: 1}, nil),
	} {
		if !errors.Is(err, ErrDead) || !strings.Contains(err.Error(), "stop this process") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if touched != 0 {
		t.Errorf("a dead log touched the disk %d times", touched)
	}
	if err := l.Close(); !errors.Is(err, ErrDead) {
		t.Errorf("close: got %v", err)
	}
}

// TestLog_FullDiskLeavesPrepareToBeRepeated fills the disk: Prepare and
// SaveSnapshot fail and may be repeated, the log goes on in the segment it has.
func TestLog_FullDiskLeavesPrepareToBeRepeated(t *testing.T) {
	fs := NewMemFS()
	l := mustOpen(t, fs, 4096)
	full := true
	fs.Fail = func(op Op, name string, _ int64) error {
		if op == OpWrite && full && (strings.HasSuffix(name, tmpSuffix)) {
			return ErrNoSpace
		}
		return nil
	}
	if err := l.Prepare(); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("prepare: got %v", err)
	}
	if err := l.SaveSnapshot(1, raft.Base{Index: 1}, []byte("x")); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("snapshot: got %v", err)
	}
	ok(t, l.Append([]Record{{1, raft.Write{Entries: entries(1, 3, 10)}}}))
	ok(t, l.Sync())
	full = false
	ok(t, l.Prepare())
	ok(t, l.SaveSnapshot(1, raft.Base{Index: 1}, []byte("x")))
	full = true
	ok(t, l.Append([]Record{{1, raft.Write{Entries: entries(4, 15, 310)}}})) // into the prepared one
	err := l.Append([]Record{{1, raft.Write{Entries: entries(16, 40, 300)}}})
	if !errors.Is(err, ErrDead) || !errors.Is(err, ErrNoSpace) {
		t.Fatalf("append: got %v", err)
	}
	fs.Kill()
	full = false
	l = mustOpen(t, fs, 4096)
	if n := len(l.Restored(1).Entries); n != 15 {
		t.Fatalf("%d entries, want 15", n)
	}
}

// TestLog_FullDiskStillLosesWhatIsNotNeeded fills the disk and records a newer
// snapshot: Prepare cannot make a segment, and removes the old snapshot all the
// same, for that is what makes room.
func TestLog_FullDiskStillLosesWhatIsNotNeeded(t *testing.T) {
	fs := NewMemFS()
	full, stuck := false, false
	fs.Fail = func(op Op, name string, _ int64) error {
		switch {
		case full && op == OpWrite && strings.HasSuffix(name, segmentSuffix+tmpSuffix):
			return ErrNoSpace
		case stuck && op == OpRemove && strings.HasSuffix(name, snapshotSuffix):
			return ErrIO
		}
		return nil
	}
	l := mustOpen(t, fs, 4096)
	one, two := raft.Base{Index: 1, Term: 1}, raft.Base{Index: 2, Term: 1}
	ok(t, l.SaveSnapshot(1, one, []byte("one")))
	ok(t, l.SaveSnapshot(1, two, []byte("two")))
	ok(t, l.Append([]Record{{1, raft.Write{Entries: entries(1, 3, 5), Snapshot: &two}}}))
	ok(t, l.Sync())
	full, stuck = true, true
	if err := l.Prepare(); !errors.Is(err, ErrIO) {
		t.Fatalf("prepare: got %v", err)
	}
	stuck = false
	if err := l.Prepare(); !errors.Is(err, ErrNoSpace) || !l.Unprepared() {
		t.Fatalf("prepare: got %v, unprepared %v", err, l.Unprepared())
	}
	if _, _, err := l.LoadSnapshot(1, 1); !errors.Is(err, ErrDamaged) {
		t.Fatalf("the old snapshot is still there: %v", err)
	}
}

// TestLog_ImpossibleRecordsAreRefused appends what could not be recovered: each
// must be refused before it reaches the file.
func TestLog_ImpossibleRecordsAreRefused(t *testing.T) {
	bad := entries(3, 5, 1)
	bad[1].Index = 9
	falling := entries(4, 5, 1)
	falling[0].Term = 2
	for _, c := range []struct {
		name string
		w    raft.Write
		say  string
	}{
		{"gap before", raft.Write{Entries: entries(6, 6, 1)}, "gap"},
		{"gap inside", raft.Write{Entries: bad}, "not in a row"},
		{"behind the cut", raft.Write{Entries: entries(2, 2, 1)}, "cut"},
		{"falling terms", raft.Write{Entries: falling}, "smaller term"},
		{"no kind", raft.Write{Entries: []raft.Entry{{Index: 4, Term: 1}}}, "kind"},
		{"cut without snapshot", raft.Write{Cut: &raft.Base{Index: 3, Term: 1}}, "beyond the newest snapshot"},
		{"snapshot beyond the end", raft.Write{Snapshot: &raft.Base{Index: 5, Term: 1}}, "beyond the end"},
		{"unreadable base", raft.Write{Snapshot: &raft.Base{Index: 3, Config: raft.Configuration{Voters: []raft.NodeID{1}}}}, "malformed"},
	} {
		fs := NewMemFS()
		l := mustOpen(t, fs, 4096)
		ok(t, l.Append([]Record{{1, raft.Write{Entries: entries(1, 4, 1)}},
			{1, raft.Write{Snapshot: &raft.Base{Index: 2, Term: 1}, Cut: &raft.Base{Index: 2, Term: 1}}}}))
		if err := l.Append([]Record{{1, c.w}}); !errors.Is(err, ErrDead) || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: got %v", c.name, err)
		}
		fs.Kill()
		if n := len(mustOpen(t, fs, 4096).Restored(1).Entries); n != 2 {
			t.Errorf("%s: %d entries are left, want 2", c.name, n)
		}
	}
}

// TestLog_AppendAllocatesNothing appends again and again to one segment: a
// record must not cost an allocation.
func TestLog_AppendAllocatesNothing(t *testing.T) {
	l := mustOpen(t, NewMemFS(), 64<<20)
	w := raft.Write{HardChanged: true, Hard: raft.HardState{Term: 1}, Entries: entries(1, 1, 256)}
	batch := []Record{{1, w}, {2, w}, {3, w}, {4, w}}
	ok(t, l.Append(batch))
	ok(t, l.Sync())
	l.file = nullFile{}
	if n := testing.AllocsPerRun(200, func() {
		ok(t, l.Append(batch))
		ok(t, l.Sync())
	}); n != 0 {
		t.Fatalf("%v allocations for 4 records", n)
	}
}

// nullFile swallows everything.
type nullFile struct{ File }

func (nullFile) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (nullFile) Sync() error                            { return nil }

// TestLog_PrepareAndSnapshotsBesideTheWriter runs them in goroutines of their
// own while the writer changes segments: for the race detector.
func TestLog_PrepareAndSnapshotsBesideTheWriter(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(OS(), dir, me, options(16<<10))
	ok(t, err)
	var beside sync.WaitGroup
	stop := make(chan struct{})
	run := func(f func()) {
		beside.Add(1)
		go func() {
			defer beside.Done()
			for {
				select {
				case <-stop:
					return
				default:
					f()
					runtime.Gosched()
				}
			}
		}()
	}
	saved := make(chan raft.Base, 1)
	next := raft.Index(10)
	run(func() {
		if l.Unprepared() {
			if err := l.Prepare(); err != nil {
				t.Error(err)
			}
		}
	})
	run(func() {
		b := raft.Base{Index: next, Term: 1}
		if err := l.SaveSnapshot(1, b, []byte("state")); err != nil {
			t.Error(err)
		}
		next += 10
		select {
		case saved <- b:
		case <-stop:
		}
	})
	want := twin{}
	put := func(w raft.Write) {
		rec := Record{1, w}
		want.apply(rec)
		if err := l.Append([]Record{rec}); err != nil {
			t.Fatal(err)
		}
	}
	for i := raft.Index(1); i <= 400; i++ {
		put(raft.Write{Entries: entries(i, i, 500)})
		if i%10 == 0 {
			b := <-saved
			put(raft.Write{Snapshot: &b, Cut: &b})
			ok(t, l.Sync())
		}
	}
	close(stop)
	beside.Wait()
	ok(t, l.Close())
	l, err = Open(OS(), dir, me, options(16<<10))
	ok(t, err)
	defer l.Close()
	if what := want.differs(l); what != "" {
		t.Fatal(what)
	}
}

// TestLog_RestoredAfterReleasePanics asks for a state that was let go: telling
// of an empty disk instead would let a member vote twice.
func TestLog_RestoredAfterReleasePanics(t *testing.T) {
	l := mustOpen(t, NewMemFS(), 512)
	l.Release()
	defer func() {
		if recover() == nil {
			t.Error("it told something")
		}
	}()
	l.Restored(1)
}

// TestLog_SyncsAreMeasured lets a clock go on by chosen times during syncs: each
// is counted at its bound, and only syncs of segments are.
func TestLog_SyncsAreMeasured(t *testing.T) {
	now, step := int64(0), int64(0)
	opt := options(4096)
	opt.Clock = func() int64 { now += step; return now }
	l, err := Open(NewMemFS(), "data", me, opt)
	ok(t, err)
	sum := uint64(0)
	for i, took := range []int64{0, 1e6, 1e6 + 1, 4e6, 9e12} {
		step = took
		ok(t, l.Append([]Record{{1, raft.Write{Entries: entries(raft.Index(i+1), raft.Index(i+1), 5)}}}))
		ok(t, l.Sync())
		sum += uint64(took)
	}
	ok(t, l.SaveSnapshot(1, raft.Base{Index: 1, Term: 1}, []byte("x")))
	s := l.Stats()
	if want := [15]uint64{2, 1, 1, 14: 1}; s.SyncTimes != want || s.SyncNanos != sum {
		t.Fatalf("%v %d", s.SyncTimes, s.SyncNanos)
	}
}
