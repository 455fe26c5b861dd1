package wal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"veche/raft"
)

// history is a log with everything that it held at any time.
type history struct {
	fs        *MemFS
	states    []twin // after each record
	confirmed int    // of states, durable for certain

	// What Proven said after the last sync: damage that ends before it is seen.
	current string
	proven  int64
}

// makeHistory writes records of some groups, and the snapshot files they name.
// Some are not synced at the end; then the power is cut, or the log is closed.
func makeHistory(t testing.TB, seed uint64, groups, records, unsynced int) *history {
	t.Helper()
	h := &history{fs: NewMemFS(), states: []twin{{}}}
	r := rand.New(rand.NewPCG(seed, 3))
	l := mustOpen(t, h.fs, 2048)
	state := twin{}
	for i := range records {
		var rec Record
		for rec = state.randomRecord(r); int(rec.Group) > groups; {
			rec = state.randomRecord(r)
		}
		if s := rec.Write.Snapshot; s != nil && s.Index > state[rec.Group].Snapshot.Index {
			rec.Write.HardChanged = true // no base is of a term that the hard state does not know
			rec.Write.Hard = state[rec.Group].Hard
			rec.Write.Hard.Term = max(rec.Write.Hard.Term, s.Term)
			ok(t, l.SaveSnapshot(rec.Group, *s, []byte("state")))
		}
		for _, e := range rec.Write.Entries {
			if e.Term > state[rec.Group].Hard.Term && (!rec.Write.HardChanged || rec.Write.Hard.Term < e.Term) {
				rec.Write.HardChanged = true
				rec.Write.Hard = raft.HardState{Term: e.Term, Standing: raft.Admitted}
			}
		}
		state = state.clone()
		state.apply(rec)
		h.states = append(h.states, state)
		ok(t, l.Append([]Record{rec}))
		if i < records-unsynced {
			ok(t, l.Sync())
			h.confirmed = i + 1
			h.current, h.proven = l.Proven()
			if r.IntN(4) == 0 {
				ok(t, l.Prepare())
			}
		}
	}
	if unsynced == 0 {
		ok(t, l.Close())
	} else {
		h.fs.CrashTorn(func(int) int { return []int{0, 200, 512}[r.IntN(3)] })
	}
	return h
}

func salvaging(size int64) Options {
	opt := options(size)
	opt.Salvage = true
	return opt
}

// check says what is wrong with what a damaged log was opened to, or "".
func (h *history) check(t testing.TB, l *Log) string {
	t.Helper()
	for id := range h.states[h.confirmed] {
		got := l.Restored(id)
		hard := func(s twin) bool {
			want := s[id].Hard
			return got.Hard.Term == want.Term && got.Hard.Vote == want.Vote && (got.Hard.Standing == want.Standing ||
				want.Standing == raft.Admitted && got.Hard.Standing == raft.Damaged)
		}
		if !slices.ContainsFunc(h.states[h.confirmed:], hard) {
			return "the hard state is not the newest"
		}
		if _, err := raft.New(coreConfig(), got, 0); err != nil {
			return err.Error()
		}
		if !slices.ContainsFunc(h.states, func(s twin) bool { return within(got.Entries, s[id]) }) {
			return "the entries were never together in the log"
		}
		lost := true
		for _, s := range h.states[h.confirmed:] {
			r := s[id]
			r.Hard, got.Hard = raft.HardState{}, raft.HardState{}
			if (twin{id: r}).equals(id, got) {
				lost = false
			}
		}
		if lost && !got.Damaged {
			return "something is lost, and it does not say so"
		}
		if i := got.Snapshot.Index; i != 0 {
			if base, data, err := l.LoadSnapshot(id, i); err != nil || string(data) != "state" || base.Term != got.Snapshot.Term {
				return "its snapshot is bad"
			}
		}
	}
	return ""
}

// within says whether all entries are in r.
func within(es []raft.Entry, r raft.Restored) bool {
	for _, e := range es {
		if !slices.ContainsFunc(r.Entries, func(o raft.Entry) bool {
			return o.Index == e.Index && o.Term == e.Term && bytes.Equal(o.Data, e.Data)
		}) {
			return false
		}
	}
	return true
}

// equals compares one group, without the mark of damage.
func (t twin) equals(id raft.GroupID, got raft.Restored) bool {
	want := t[id]
	return got.Hard == want.Hard && sameBase(got.Snapshot, want.Snapshot) && sameBase(got.Cut, want.Cut) &&
		len(got.Entries) == len(want.Entries) && within(got.Entries, want)
}

// TestSalvage_FlippedByteIsRefusedOrToldWithACertainVote rots bytes of
// each file of logs of one and of three groups, some after a power cut: what is
// opened knows the newest term and vote, holds only what was written, says that
// something is lost, and is the same when it is opened again.
func TestSalvage_FlippedByteIsRefusedOrToldWithACertainVote(t *testing.T) {
	for _, c := range []struct{ seed, groups, unsynced, share int }{{1, 1, 0, 60}, {2, 1, 3, 40}, {3, 3, 0, 10}, {4, 3, 2, 10}, {5, 1, 0, 60}} {
		h := makeHistory(t, uint64(c.seed), c.groups, 18, c.unsynced)
		refused, harmless, salvaged := 0, 0, 0
		for _, name := range files(t, h.fs) {
			n, _ := h.fs.Length("data/" + name)
			for i := int64(c.seed); i < n; i += 9 { // and other bytes with each seed
				m := h.fs.Clone()
				m.Rot("data/"+name, i, 1<<(i%8))
				l, err := Open(m, "data", me, salvaging(2048))
				if err != nil {
					if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) {
						t.Fatal(err)
					}
					refused++
					continue
				}
				if what := h.check(t, l); what != "" {
					t.Fatalf("seed %d, %s at %d (%v): %s", c.seed, name, i, l.Salvaged(), what)
				}
				if l.Salvaged() == nil {
					harmless++
					continue
				}
				salvaged++
				again := twin{}
				for _, g := range l.Groups() {
					again[g] = l.Restored(g)
				}
				m.Crash(nil)
				l, err = Open(m, "data", me, options(2048))
				ok(t, err)
				if what := again.differs(l); what != "" {
					t.Fatalf("seed %d, %s at %d: opened again: %s", c.seed, name, i, what)
				}
			}
		}
		t.Logf("%d groups, %d unsynced: %d refused, %d harmless, %d salvaged", c.groups, c.unsynced, refused, harmless, salvaged)
		if salvaged*100 < (salvaged+refused)*c.share {
			t.Errorf("seed %d: too few were salvaged", c.seed)
		}
	}
}

// TestSalvage_TruncatedOrMissingFiles cuts the files of logs off at some lengths,
// and removes them: what is opened knows the newest term and vote.
func TestSalvage_TruncatedOrMissingFiles(t *testing.T) {
	refused, opened := 0, 0
	for seed := uint64(40); seed < 44; seed++ {
		h := makeHistory(t, seed, 2, 18, int(seed%2))
		for _, name := range files(t, h.fs) {
			n, _ := h.fs.Length("data/" + name)
			for cut := n - 1; cut >= -40; cut -= 41 {
				m := h.fs.Clone()
				if cut < 0 {
					ok(t, m.Remove("data/"+name))
				} else {
					truncated(t, m, name, int(cut))
				}
				l, err := Open(m, "data", me, salvaging(2048))
				if err != nil {
					if !errors.Is(err, ErrDamaged) {
						t.Fatal(err)
					}
					refused++
					continue
				}
				opened++
				if what := h.check(t, l); what != "" {
					t.Fatalf("seed %d, %s cut at %d: %s", seed, name, cut, what)
				}
			}
		}
	}
	t.Logf("%d refused, %d opened", refused, opened)
	if refused < 10 || opened < 10 {
		t.Fatal("the test is void")
	}
}

// TestSalvage_LostSectorsAndCrashesWhileSalvaging takes confirmed sectors away,
// as a disk does that lied, and cuts the power at each operation of the Open
// that salvages, with many choices of what was written.
func TestSalvage_LostSectorsAndCrashesWhileSalvaging(t *testing.T) {
	images, salvaged := 0, 0
	for seed := uint64(20); seed < 28; seed++ {
		h := makeHistory(t, seed, 1, 20, 0)
		r := rand.New(rand.NewPCG(seed, 5))
		name := ""
		for _, n := range files(t, h.fs) {
			if strings.HasSuffix(n, segmentSuffix) && (name == "" || r.IntN(2) == 0) {
				name = n
			}
		}
		change(t, h.fs, name, int64(r.IntN(4))*sectorBytes, make([]byte, sectorBytes))
		if _, err := Open(h.fs.Clone(), "data", me, salvaging(2048)); errors.Is(err, ErrDamaged) {
			continue // nothing is certain
		}
		salvaged++
		for stop := 0; ; stop++ {
			m := h.fs.Clone()
			left := stop
			m.Fail = func(Op, string, int64) error {
				if left--; left < 0 {
					return ErrIO
				}
				return nil
			}
			_, _ = Open(m, "data", me, salvaging(2048))
			m.Fail = nil
			for _, keep := range crashImages() {
				image := m.Clone()
				image.CrashTorn(keep)
				images++
				l, err := Open(image, "data", me, salvaging(2048))
				if err != nil {
					t.Fatalf("seed %d, stopped at %d: %v", seed, stop, err)
				}
				got := l.Restored(1)
				got.Damaged = got.Damaged || got.Hard.Standing == raft.Damaged // it may have been told before the crash
				l.restored[1] = got
				if what := h.check(t, l); what != "" && !(got.Hard.Standing == raft.Fresh && strings.Contains(what, "does not say so")) {
					t.Fatalf("seed %d, stopped at %d: %s", seed, stop, what)
				}
			}
			if left >= 0 {
				break
			}
		}
	}
	t.Logf("%d crash images, %d of 8 logs were opened", images, salvaged)
	if salvaged < 5 {
		t.Fatal("too few were salvaged: the test is void")
	}
}

// TestSalvage_BadSnapshotIsGivenUp rots each byte of the recorded snapshot of a
// log that is whole: the member starts from an older snapshot if there is one,
// else from nothing, and knows its vote.
func TestSalvage_BadSnapshotIsGivenUp(t *testing.T) {
	one, two := raft.Base{Index: 4, Term: 1}, raft.Base{Index: 8, Term: 1}
	hard := raft.HardState{Term: 3, Vote: 2, Standing: raft.Admitted}
	for _, older := range []bool{false, true} {
		m := NewMemFS()
		l := mustOpen(t, m, 4096)
		ok(t, l.SaveSnapshot(3, one, []byte("one")))
		ok(t, l.SaveSnapshot(3, two, []byte("two")))
		if !older {
			ok(t, m.Remove("data/"+snapshotName(3, 4)))
		}
		ok(t, l.SaveSnapshot(4, one, []byte("other")))
		ok(t, l.Append([]Record{
			{3, raft.Write{HardChanged: true, Hard: hard, Entries: entries(1, 10, 30), Snapshot: &two, Cut: &one}},
			{4, raft.Write{HardChanged: true, Hard: hard, Entries: entries(1, 6, 30), Snapshot: &one, Cut: &one}}}))
		ok(t, l.Close())
		name := "data/" + snapshotName(3, 8)
		n, _ := m.Length(name)
		for i := range n {
			hurt := m.Clone()
			hurt.Rot(name, i, 16)
			l, err := Open(hurt, "data", me, salvaging(4096))
			ok(t, err)
			r := l.Restored(3)
			entries, snap := 0, raft.Index(0)
			if older {
				entries, snap = 6, 4
			}
			if !r.Damaged || r.Hard.Standing != raft.Damaged || r.Hard.Vote != 2 || len(r.Entries) != entries || r.Snapshot.Index != snap || r.Cut.Index != snap {
				t.Fatalf("byte %d: %+v", i, r)
			}
			if r = l.Restored(4); r.Damaged || r.Hard != hard || len(r.Entries) != 2 {
				t.Fatalf("byte %d: the other group: %+v", i, r)
			}
			if !errors.Is(l.Salvaged(), ErrDamaged) {
				t.Fatal("it does not tell what was damaged")
			}
		}
	}
}

// TestSalvage_VoteThatNothingTellsIsRefused damages the frame of a vote: if it
// is the last, nothing is certain; if a frame of the group follows, or only
// entries are lost, it is.
func TestSalvage_VoteThatNothingTellsIsRefused(t *testing.T) {
	vote := Record{1, raft.Write{HardChanged: true, Hard: raft.HardState{Term: 9, Vote: 2, Standing: raft.Admitted}}}
	entry := func(i raft.Index) Record { return Record{1, raft.Write{Entries: entries(i, i, 20)}} }
	other := func(i raft.Index) Record { return Record{2, raft.Write{Entries: entries(i, i, 20)}} }
	for _, c := range []struct {
		name    string
		records []Record
		hurt    int // which of them
		want    int // entries left; -1: refused
	}{
		{"the vote is last", []Record{vote, entry(1), vote2(vote, 10)}, 2, -1},
		{"an entry follows the vote", []Record{vote, entry(1), vote2(vote, 10), entry(2)}, 2, 1},
		{"an entry is last", []Record{vote, entry(1), entry(2)}, 2, 1},
		{"an entry of before the vote", []Record{vote, entry(1), entry(2), vote2(vote, 9)}, 1, 0},
		{"another group's entry follows the vote", []Record{vote, entry(1), other(1), vote2(vote, 10), other(2)}, 3, -1},
		{"a new group's first frame", []Record{vote, entry(1), other(1), entry(2)}, 2, -1},
		{"a new group's first frame, and its second", []Record{vote, entry(1), other(1), other(2), entry(2)}, 2, 1},
	} {
		m := NewMemFS()
		l := mustOpen(t, m, 4096)
		var at []int64
		for _, rec := range c.records {
			at = append(at, l.tail)
			ok(t, l.Append([]Record{rec}))
			ok(t, l.Sync())
		}
		ok(t, l.Close())
		m.Rot("data/"+segmentName(1), at[c.hurt]+frameHeaderSize+5, 64)
		l, err := Open(m, "data", me, salvaging(4096))
		if c.want < 0 {
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "veche member replace") || !strings.Contains(err.Error(), "voted last") {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := vote.Write.Hard
		for _, rec := range c.records {
			if rec.Group == 1 && rec.Write.HardChanged {
				want = rec.Write.Hard
			}
		}
		want.Standing = raft.Damaged
		if r := l.Restored(1); !r.Damaged || r.Hard != want || len(r.Entries) != c.want {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

// vote2 is a later vote.
func vote2(v Record, term raft.Term) Record {
	v.Write.Hard.Term = term
	v.Write.Hard.Vote = 3
	return v
}
