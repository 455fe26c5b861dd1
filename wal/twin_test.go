package wal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"veche/raft"
)

// twin is the log's naive double: what each group should be restored to.
type twin map[raft.GroupID]raft.Restored

func (t twin) clone() twin {
	c := twin{}
	for id, r := range t {
		r.Entries = append([]raft.Entry(nil), r.Entries...)
		c[id] = r
	}
	return c
}

func lastOf(r raft.Restored) (raft.Index, raft.Term) {
	if n := len(r.Entries); n > 0 {
		return r.Entries[n-1].Index, r.Entries[n-1].Term
	}
	return r.Cut.Index, r.Cut.Term
}

func (t twin) apply(rec Record) {
	r, w := t[rec.Group], rec.Write
	if w.HardChanged {
		r.Hard = w.Hard
	}
	if len(w.Entries) > 0 {
		var keep []raft.Entry
		if last, _ := lastOf(r); w.Entries[0].Index <= last+1 {
			for _, e := range r.Entries {
				if e.Index < w.Entries[0].Index {
					keep = append(keep, e)
				}
			}
		}
		r.Entries = append(keep, w.Entries...)
	}
	if w.Snapshot != nil && w.Snapshot.Index > r.Snapshot.Index {
		r.Snapshot = *w.Snapshot
	}
	if w.Cut != nil && w.Cut.Index > r.Cut.Index {
		var keep []raft.Entry
		same := len(r.Entries) > 0 && r.Entries[0].Index > w.Cut.Index // installed, with entries behind
		for _, e := range r.Entries {
			if e.Index == w.Cut.Index && e.Term == w.Cut.Term {
				same = true
			}
			if e.Index > w.Cut.Index && same {
				keep = append(keep, e)
			}
		}
		r.Cut, r.Entries = *w.Cut, keep
	}
	t[rec.Group] = r
}

// differs says where the log's restored state is not the twin's, or "".
func (t twin) differs(l *Log) string {
	if len(l.Groups()) != len(t) {
		return fmt.Sprintf("groups %v, want %d of them", l.Groups(), len(t))
	}
	for id, want := range t {
		got := l.Restored(id)
		if got.Hard != want.Hard || !sameBase(got.Snapshot, want.Snapshot) || !sameBase(got.Cut, want.Cut) {
			return fmt.Sprintf("group %d: got %+v %+v %+v, want %+v %+v %+v", id, got.Hard, got.Snapshot, got.Cut, want.Hard, want.Snapshot, want.Cut)
		}
		if len(got.Entries) != len(want.Entries) {
			return fmt.Sprintf("group %d: %d entries, want %d", id, len(got.Entries), len(want.Entries))
		}
		for i, e := range got.Entries {
			w := want.Entries[i]
			if e.Index != w.Index || e.Term != w.Term || e.Kind != w.Kind || !bytes.Equal(e.Data, w.Data) {
				return fmt.Sprintf("group %d: entry %d is not what was written", id, w.Index)
			}
		}
	}
	return ""
}

func sameBase(a, b raft.Base) bool {
	return a.Index == b.Index && a.Term == b.Term && reflect.DeepEqual(a.Config, b.Config)
}

// randomRecord draws a write that may follow what the twin holds.
func (t twin) randomRecord(r *rand.Rand) Record {
	g := raft.GroupID(1 + r.IntN(3))
	s := t[g]
	last, term := lastOf(s)
	w := raft.Write{Seq: raft.Seq(1 + r.Uint64N(1000))}
	if r.IntN(4) == 0 {
		w.HardChanged = true
		w.Hard = raft.HardState{Term: s.Hard.Term + raft.Term(r.IntN(3)), Vote: raft.NodeID(r.IntN(4)), Standing: raft.Standing(r.IntN(2))}
	}
	switch k := r.IntN(20); {
	case k < 14:
		first := last + 1
		if len(s.Entries) > 0 && r.IntN(5) == 0 { // a conflict
			i := r.IntN(len(s.Entries))
			first, term = s.Entries[i].Index, s.Entries[i].Term
		}
		for n := 1 + r.IntN(4); n > 0; n-- {
			term += raft.Term(r.IntN(8) / 7)
			e := raft.Entry{Index: first, Term: max(term, 1), Kind: raft.EntryKind(1 + r.IntN(2))}
			term = e.Term
			if size := r.IntN(700); size > 0 {
				e.Data = make([]byte, size)
				for i := range e.Data {
					e.Data[i] = byte(r.Uint32())
				}
			}
			w.Entries = append(w.Entries, e)
			first++
		}
	case k < 17 && len(s.Entries) > 0:
		e := s.Entries[r.IntN(len(s.Entries))]
		b := raft.Base{Index: e.Index, Term: e.Term, Config: randomConfig(r)}
		if r.IntN(6) == 0 {
			b.Term++ // another history: the log falls
		}
		w.Snapshot = &b
		if b.Index > s.Snapshot.Index || r.IntN(2) == 0 {
			w.Cut = &b
		}
	case k == 17: // an installed snapshot
		b := raft.Base{Index: max(last, s.Snapshot.Index) + raft.Index(1+r.IntN(10)), Term: term + 1, Config: randomConfig(r)}
		w.Snapshot, w.Cut = &b, &b
		if r.IntN(2) == 0 {
			w.Entries = []raft.Entry{{Index: b.Index + 1, Term: b.Term, Kind: raft.EntryNoop}}
		}
	default:
		w.HardChanged = true
		w.Hard = raft.HardState{Term: s.Hard.Term + 1, Vote: 1, Standing: raft.Admitted}
	}
	return Record{g, w}
}

func randomConfig(r *rand.Rand) raft.Configuration {
	var c raft.Configuration
	for i := range 1 + r.IntN(3) {
		id := raft.NodeID(i + 1)
		c.Members = append(c.Members, raft.Member{ID: id, Incarnation: raft.Incarnation(r.Uint64()), Name: fmt.Sprint("n", id), PeerAddr: "a:1", ClientAddr: "a:2"})
		c.Voters = append(c.Voters, id)
	}
	return c
}

var me = Identity{Cluster: raft.ClusterID{1, 2, 3}, Member: 1, Name: "n1"}

// options for segments of n bytes, with a seeded incarnation.
func options(n int64) Options {
	r := rand.New(rand.NewPCG(1, 2))
	return Options{SegmentBytes: n, Random: r.Uint64}
}

func mustOpen(t testing.TB, fs FS, size int64) *Log {
	t.Helper()
	l, err := Open(fs, "data", me, options(size))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// entries of term 1, from first to last, with data of n bytes.
func entries(first, last raft.Index, n int) []raft.Entry {
	var es []raft.Entry
	for i := first; i <= last; i++ {
		es = append(es, raft.Entry{Index: i, Term: 1, Kind: raft.EntryCommand, Data: bytes.Repeat([]byte{byte(i)}, n)})
	}
	return es
}
