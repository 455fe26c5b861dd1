package wal

import (
	"errors"
	"strings"
	"testing"

	"veche/raft"
)

var reborn = Identity{Cluster: raft.ClusterID{7, 7}, Member: 1, Name: "n1"}

// lastWords is what the tests of Rewrite add: a configuration with the new disk.
func lastWords(g raft.GroupID, r *raft.Restored, disk raft.Incarnation) raft.Write {
	last, term := lastOf(*r)
	c := raft.Configuration{Members: []raft.Member{{ID: 1, Incarnation: disk, Name: "n1", PeerAddr: "a:1"}}, Voters: []raft.NodeID{1}}
	h := r.Hard
	h.Term = max(h.Term, term) + 1
	return raft.Write{HardChanged: true, Hard: h, Entries: []raft.Entry{
		{Index: last + 1, Term: h.Term, Kind: raft.EntryConfig, Data: raft.AppendConfiguration(nil, &c)}}}
}

// rewritten says in what the new directory differs from the old log, or "".
func rewritten(t testing.TB, m *MemFS, old *Log, l *Log) string {
	t.Helper()
	want := twin{}
	for _, g := range old.Groups() {
		r := old.Restored(g)
		want[g] = r
		want.apply(Record{g, lastWords(g, &r, l.Incarnation())})
	}
	if what := want.differs(l); what != "" {
		return what
	}
	for g, r := range want {
		if r.Snapshot.Index == 0 {
			continue
		}
		base, data, err := l.LoadSnapshot(g, r.Snapshot.Index)
		if err != nil || !sameBase(base, r.Snapshot) || string(data) != "state" {
			return "another snapshot"
		}
	}
	return ""
}

// TestRewrite_NewDirectoryIsCompleteOrRefused cuts the power at each operation
// of Rewrite, with many choices of what was written: the new directory is
// refused, empty or complete; a second Rewrite completes it; the old one stays
// as it was.
func TestRewrite_NewDirectoryIsCompleteOrRefused(t *testing.T) {
	h := makeHistory(t, 51, 2, 24, 0)
	old := mustOpen(t, h.fs, 2048)
	if old.Restored(1).Snapshot.Index == 0 || len(old.Restored(1).Entries)+len(old.Restored(2).Entries) == 0 {
		t.Fatal("there is too little to copy: the test is void")
	}
	before := map[string]string{}
	for _, name := range files(t, h.fs) {
		before[name] = string(content(t, h.fs, name))
	}
	images, refused, empty, complete := 0, 0, 0, 0
	for stop := 0; ; stop++ {
		m := h.fs.Clone()
		from := mustOpen(t, m, 2048)
		left := stop
		m.Fail = func(Op, string, int64) error {
			if left--; left < 0 {
				return ErrIO
			}
			return nil
		}
		err := from.Rewrite("new", reborn, options(2048), lastWords)
		m.Fail = nil
		for _, keep := range crashImages() {
			image := m.Clone()
			image.CrashTorn(keep)
			images++
			l, e := Open(image, "new", reborn, options(2048))
			switch {
			case e == nil && len(l.Groups()) > 0:
				if what := rewritten(t, image, old, l); what != "" {
					t.Fatalf("stopped at %d: %s", stop, what)
				}
				complete++
				continue
			case err == nil:
				t.Fatalf("stopped at %d: it was complete, and is lost: %v", stop, e)
			case e == nil:
				empty++
				continue
			case !errors.Is(e, ErrDamaged):
				t.Fatal(e)
			}
			refused++
			image.Kill()
			from := mustOpen(t, image, 2048)
			if what := old.differsFrom(from); what != "" {
				t.Fatalf("stopped at %d: the old log: %s", stop, what)
			}
			ok(t, from.Rewrite("new", reborn, options(2048), lastWords))
			image.Crash(nil)
			l, e = Open(image, "new", reborn, options(2048))
			ok(t, e)
			if what := rewritten(t, image, old, l); what != "" {
				t.Fatalf("stopped at %d, and again: %s", stop, what)
			}
		}
		if err == nil {
			break
		}
	}
	t.Logf("%d crash images: %d refused, %d empty, %d complete", images, refused, empty, complete)
	if refused < 100 || complete < 10 {
		t.Fatal("the test is void")
	}
	for name, b := range before {
		if name != identityName && string(content(t, h.fs, name)) != b {
			t.Fatalf("%s has changed", name)
		}
	}
}

// differsFrom compares what two logs have restored.
func (l *Log) differsFrom(o *Log) string {
	want := twin{}
	for _, g := range l.Groups() {
		want[g] = l.Restored(g)
	}
	return want.differs(o)
}

// TestRewrite_OtherDirectoriesAreLeftAlone names a directory of another member,
// one with a stranger's files, and the log's own.
func TestRewrite_OtherDirectoriesAreLeftAlone(t *testing.T) {
	h := makeHistory(t, 52, 1, 5, 0)
	l := mustOpen(t, h.fs, 2048)
	other, err := Open(h.fs, "other", reborn, options(2048))
	ok(t, err)
	ok(t, other.Close())
	ok(t, h.fs.MkdirAll("strange"))
	_, err = h.fs.Create("strange/diary")
	ok(t, err)
	for dir, want := range map[string]string{"other": "data directory of a member", "strange": "holds diary", "data": "in use"} {
		if err := l.Rewrite(dir, reborn, options(2048), lastWords); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if _, there := h.fs.Length("strange/diary"); !there {
		t.Error("the diary is gone")
	}
}

// TestRewrite_RealDirectory copies a log on the machine's file system.
func TestRewrite_RealDirectory(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(OS(), dir+"/old", me, options(4096))
	ok(t, err)
	defer l.Close()
	base := raft.Base{Index: 3, Term: 1}
	ok(t, l.SaveSnapshot(1, base, []byte("state")))
	ok(t, l.Append([]Record{{1, raft.Write{HardChanged: true, Hard: raft.HardState{Term: 1}, Entries: entries(1, 9, 900), Snapshot: &base, Cut: &base}}}))
	ok(t, l.Close())
	l, err = Open(OS(), dir+"/old", me, options(4096))
	ok(t, err)
	ok(t, l.Rewrite(dir+"/new", reborn, options(4096), lastWords))
	n, err := Open(OS(), dir+"/new", reborn, options(4096))
	ok(t, err)
	defer n.Close()
	r := n.Restored(1)
	if len(r.Entries) != 7 || r.Entries[6].Kind != raft.EntryConfig || n.Boot() != 2 {
		t.Fatalf("%+v", r)
	}
	if _, data, err := n.LoadSnapshot(1, 3); err != nil || string(data) != "state" {
		t.Fatal(err)
	}
}

// TestRewrite_SnapshotAheadOfTheCut copies logs that still hold what is before
// the newest snapshot: all of it, or a part.
func TestRewrite_SnapshotAheadOfTheCut(t *testing.T) {
	for _, cut := range []raft.Index{0, 2, 6} {
		fs := NewMemFS()
		l, err := Open(fs, "data", me, options(4096))
		ok(t, err)
		base := raft.Base{Index: 6, Term: 1}
		ok(t, l.Append([]Record{{1, raft.Write{HardChanged: true, Hard: raft.HardState{Term: 1}, Entries: entries(1, 9, 100)}}}))
		ok(t, l.SaveSnapshot(1, base, []byte("state")))
		w := raft.Write{Snapshot: &base}
		if cut != 0 {
			w.Cut = &raft.Base{Index: cut, Term: 1}
		}
		ok(t, l.Append([]Record{{1, w}}))
		ok(t, l.Close())
		l, err = Open(fs, "data", me, options(4096))
		ok(t, err)
		ok(t, l.Rewrite("new", reborn, options(4096), lastWords))
		n, err := Open(fs, "new", reborn, options(4096))
		ok(t, err)
		r := n.Restored(1)
		if r.Snapshot.Index != 6 || r.Cut.Index != cut || len(r.Entries) != 10-int(cut) || r.Entries[0].Index != cut+1 {
			t.Errorf("cut at %d: %+v", cut, r)
		}
		if _, data, err := n.LoadSnapshot(1, 6); err != nil || string(data) != "state" {
			t.Errorf("cut at %d: %q, %v", cut, data, err)
		}
		ok(t, n.Close())
		ok(t, l.Close())
	}
}
