package host

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"veche/raft"
)

// large makes states of many chunks after few commands.
var large = strings.Repeat("x", 100_000)

// short makes groups that snapshot often and cut their logs at once.
func short(c *GroupConfig) {
	c.SnapshotBytes = 4 << 20
	c.Raft.TrailBytes = 1
}

// behind makes a cluster in which one member lacks what the others have cut. It
// gives that member; as long as gap is true nothing reaches it.
func behind(t *testing.T, tweak func(*GroupConfig)) (w *world, f *node, gap *bool) {
	t.Helper()
	w = newWorld(t, 3, tweak)
	f = w.follower()
	gap = new(bool)
	*gap = true
	w.drop = func(m *raft.Message) bool { return *gap && (m.From == f.id || m.To == f.id) }
	for k := range 60 {
		if r := w.end(w.propose(w.leader(), fmt.Sprint(k, large))); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	w.run(raft.Second, nil)
	if s := w.leader().group.core.Status(); s.Cut <= f.group.core.Status().LastIndex {
		t.Fatalf("the leader has cut its log only at %d of %d", s.Cut, s.LastIndex)
	}
	return w, f, gap
}

// caughtUp waits until a member has applied what the leader has.
func (w *world) caughtUp(n *node) {
	w.t.Helper()
	if !w.run(60*raft.Second, func() bool {
		l := w.leader()
		return l != nil && n.group.applier.Index() == l.group.core.Status().LastIndex
	}) {
		w.t.Fatalf("member %d did not catch up in 60 s: applied %d, fetch %+v", n.id, n.group.applier.Index(), n.group.fetch)
	}
}

// Goal: a member that lacks what the leader has cut gets the snapshot and goes on
// from it. Method: one is cut off while the others write and cut, on a network
// that is good, one that loses, and one that repeats and reorders.
func TestFetch_LaggardGetsTheSnapshot(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(w *world, gap *bool)
		most int // chunks asked for, per chunk of the file
	}{
		{"good", func(*world, *bool) {}, 1},
		{"loses every third", func(w *world, gap *bool) {
			cut := w.drop
			w.drop = func(m *raft.Message) bool {
				snapshot := m.Kind == raft.KindSnapshotFetch || m.Kind == raft.KindSnapshotChunk
				return cut(m) || snapshot && w.rng.IntN(3) == 0
			}
		}, 12},
		{"repeats and reorders", func(w *world, gap *bool) {
			w.copies = func(m *raft.Message) int { return 1 + w.rng.IntN(2) }
			w.delay = func(*raft.Message) raft.Duration { return raft.Duration(w.rng.IntN(20)) * raft.Millisecond }
		}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, f, gap := behind(t, short)
			c.set(w, gap)
			asked, chunks := 0, 0
			w.kept = func(_ *node, k *SnapshotWork) {
				if k.kind == workRead {
					chunks = int(k.total/chunkBytes) + 1
				}
			}
			drop := w.drop
			w.drop = func(m *raft.Message) bool {
				if m.Kind == raft.KindSnapshotFetch {
					asked++
				}
				return drop(m)
			}
			*gap = false
			w.caughtUp(f)
			if f.group.core.Status().Snapshot == 0 || chunks < 10 || asked < chunks || asked > c.most*chunks {
				t.Errorf("asked for %d chunks of about %d", asked, chunks)
			}
			w.drop, w.copies, w.delay = nil, nil, nil
			w.once("7" + large)
			if r := w.end(w.propose(f, "after")); r.Err != nil || r.Value != 61 {
				t.Errorf("behind the snapshot: %+v", r)
			}
			w.once("after")
			if !w.run(30*raft.Second, func() bool { return len(w.leader().group.serving) == 0 }) {
				t.Errorf("the file is still held for peers: %+v", w.leader().group.serving)
			}
		})
	}
}

// Goal: a restart of the receiver, and one of the sender, cost no byte twice.
// Method: each crashes after some of the chunks; the offsets that are asked for
// afterwards begin where the file on the receiver's disk ends.
func TestFetch_GoesOnAfterARestart(t *testing.T) {
	for _, who := range []string{"receiver", "sender"} {
		t.Run(who, func(t *testing.T) {
			w, f, gap := behind(t, short)
			done := func() bool { return f.group.fetch.state == fetchAsking && f.group.fetch.next > 5*chunkBytes }
			*gap = false
			if !w.run(20*raft.Second, done) {
				t.Fatal("the fetch did not begin")
			}
			before := f.group.fetch.next - uint64(f.group.fetch.writes)*chunkBytes
			least := uint64(1 << 62)
			w.drop = func(m *raft.Message) bool {
				if m.Kind == raft.KindSnapshotFetch {
					least = min(least, m.Fetch.Offset)
				}
				return false
			}
			if who == "receiver" {
				w.crash(f)
				w.boot(f)
			} else {
				l := w.leader()
				w.crash(l)
				w.boot(l)
			}
			w.caughtUp(f)
			w.once("7" + large)
			// Of the last block that had not arrived to its end, some is asked for again.
			if least+chunkBytes < before || least > uint64(60*len(large)) {
				t.Errorf("%d bytes were there, and it was asked for from %d on", before, least)
			}
		})
	}
}

// Goal: whoever is not a member gets nothing, and a member no more at once than a
// fetch asks for. Method: questions are made up.
func TestServe_IsBoundedAndForMembersOnly(t *testing.T) {
	w, f, _ := behind(t, short)
	l := w.leader()
	s := l.group.core.Status()
	ask := func(from raft.NodeID, offset uint64) raft.Message {
		return raft.Message{Group: 1, Kind: raft.KindSnapshotFetch, From: from, To: l.id, Fetch: &raft.SnapshotFetch{
			Index: s.Snapshot, Term: s.Term, Offset: offset, Length: 1 << 30}}
	}
	var out Effects
	l.loop.Receive([]raft.Message{ask(9, 0)})
	l.loop.Turn(w.now, w.now, &out)
	if len(out.Snapshots) != 0 {
		t.Fatalf("a stranger is served: %+v", out.Snapshots[0])
	}
	for k := range 3 * serveMax {
		l.loop.Receive([]raft.Message{ask(f.id, uint64(k))})
	}
	l.loop.Turn(w.now, w.now, &out)
	reads := 0
	for _, k := range out.Snapshots {
		if k.kind == workRead {
			reads++
			if k.length > chunkBytes {
				t.Errorf("a chunk of %d bytes is read", k.length)
			}
		}
	}
	if reads != serveMax {
		t.Errorf("%d chunks are read for one peer at once, want %d", reads, serveMax)
	}
}

// Goal: a snapshot that is gone is given up, and the next one is fetched. Method:
// the leader restarts and has replaced its file before the first question comes.
func TestFetch_GivesUpWhatIsGone(t *testing.T) {
	w, f, gap := behind(t, short)
	*gap = false
	if !w.run(20*raft.Second, func() bool { return f.group.fetch.next > 3*chunkBytes }) {
		t.Fatal("the fetch did not begin")
	}
	first := f.group.fetch.want
	*gap = true
	l := w.leader()
	gone := false
	w.kept = func(n *node, k *SnapshotWork) {
		if n == l && k.kind == workRead && k.file.index == first.Index {
			k.gone, k.data, gone = true, nil, true
		}
	}
	for k := range 30 {
		w.end(w.propose(l, fmt.Sprint("more", k, large)))
	}
	*gap = false
	w.caughtUp(f)
	if !gone || f.group.core.Status().Snapshot <= first.Index {
		t.Errorf("gone: %v; it stands on the snapshot at %d, the first one offered was at %d", gone, f.group.core.Status().Snapshot, first.Index)
	}
	w.once("7" + large)
}

// Goal: damage on the way is never installed. Method: a chunk comes with a wrong
// checksum, and one with wrong bytes and the right checksum.
func TestFetch_DamageIsFetchedAgain(t *testing.T) {
	for name, damage := range map[string]func(*SnapshotWork){
		"sum":   func(k *SnapshotWork) { k.sum++ },
		"bytes": func(k *SnapshotWork) { k.data = bytes.Clone(k.data); k.data[1000] ^= 1; k.sum = sumOf(k.data) },
	} {
		t.Run(name, func(t *testing.T) {
			w, f, gap := behind(t, short)
			hurt := 0
			w.kept = func(n *node, k *SnapshotWork) {
				if k.kind == workRead && k.offset == 3*chunkBytes && hurt == 0 {
					hurt++
					damage(k)
				}
			}
			*gap = false
			w.caughtUp(f)
			if hurt != 1 {
				t.Error("no chunk was damaged")
			}
			w.once("7" + large)
		})
	}
}

// Goal: a snapshot that has rotted on the leader's disk is not sent for ever: the
// leader makes another. Method: a byte in its middle is changed.
func TestServe_RottenFileIsReplaced(t *testing.T) {
	w, f, gap := behind(t, short)
	l := w.leader()
	rotten := l.group.core.Status().Snapshot
	names, err := l.fs.List("data")
	if err != nil {
		t.Fatal(err)
	}
	hurt := 0
	for _, name := range names {
		if !strings.HasSuffix(name, ".snap") {
			continue
		}
		file, err := l.fs.Open("data/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteAt([]byte("rot"), 2_000_000); err != nil {
			t.Fatal(err)
		}
		hurt++
	}
	*gap = false
	if !w.run(60*raft.Second, func() bool {
		if l.group.applier.Index() == l.group.core.Status().LastIndex && len(l.unapplied) == 0 {
			w.propose(l, "more") // what is applied leads to a snapshot
		}
		return f.group.core.Status().Snapshot != 0
	}) || hurt == 0 {
		t.Fatalf("%d files were hurt; it did not catch up: %+v", hurt, f.group.fetch)
	}
	w.caughtUp(f)
	if now := f.group.core.Status().Snapshot; now <= rotten {
		t.Errorf("it stands on the snapshot at %d; the one at %d was rotten", now, rotten)
	}
	w.once("7" + large)
}

// Goal: of a member's own commands, those that the snapshot holds end as unknown
// and are not applied again; the others are sent once more. Method: a follower's
// commands reach the leader, but it hears nothing until the log is cut.
func TestRestore_EndsWhatTheSnapshotKnows(t *testing.T) {
	w := newWorld(t, 3, short)
	f := w.follower()
	deaf := true
	w.drop = func(m *raft.Message) bool { return deaf && m.To == f.id && m.Kind != raft.KindHeartbeat }
	mine := w.propose(f, "mine")
	w.run(raft.Second, nil)
	if w.leader().sm.times("mine") != 1 {
		t.Fatal("the command did not reach the leader")
	}
	for k := range 60 {
		w.end(w.propose(w.leader(), fmt.Sprint(k, large)))
	}
	mute := true
	w.drop = func(m *raft.Message) bool {
		return deaf && m.To == f.id && m.Kind != raft.KindHeartbeat || mute && m.Kind == raft.KindPropose
	}
	late := w.propose(f, "late")
	w.run(100*raft.Millisecond, nil)
	if len(mine.ends)+len(late.ends) != 0 {
		t.Fatalf("ended too early: %v %v", mine.ends, late.ends)
	}
	deaf = false
	if r := w.end(mine); !errors.Is(r.Err, ErrUnknown) || f.group.core.Status().Snapshot == 0 {
		t.Errorf("the one that the snapshot holds: %+v", r)
	}
	mute = false
	if r := w.end(late); r.Err != nil {
		t.Errorf("the one that it does not hold: %+v", r)
	}
	w.once("mine")
	w.once("late")
}
