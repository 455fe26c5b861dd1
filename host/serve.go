package host

import (
	"slices"

	"veche/raft"
)

// serving is a snapshot that a peer fetches from here, or is offered.
type serving struct {
	peer  raft.NodeID
	file  snapshotFile
	works int       // chunks that the Keeper is reading
	last  raft.Time // when the peer asked last

	began   raft.Time // for people: its first question, and from where on
	first   uint64
	reached uint64 // the end of the furthest chunk that was sent
	total   uint64
}

// pinSnapshot keeps a snapshot at hand that the core offers to a peer: it can be
// fetched to its end, though a newer one replaces it meanwhile.
func (g *Group) pinSnapshot(e *raft.Event, now raft.Time, out *Effects) {
	g.servingOf(e.Peer, snapshotFile{index: e.Index}, now, out)
}

// servingOf gives the row of a peer for a file. When the peer wants another
// file than before, that one is let go.
func (g *Group) servingOf(peer raft.NodeID, file snapshotFile, now raft.Time, out *Effects) *serving {
	k := slices.IndexFunc(g.serving, func(s serving) bool { return s.peer == peer })
	if k < 0 {
		g.serving = append(g.serving, serving{peer: peer})
		k = len(g.serving) - 1
	}
	if s := &g.serving[k]; s.file.index != file.index {
		old := s.file.index
		*s = serving{peer: peer, file: file, works: s.works, last: now}
		g.release(old, out)
		out.Snapshots = append(out.Snapshots, &SnapshotWork{Group: g.id, kind: workPin, file: file})
	}
	return &g.serving[k]
}

// release closes a file that no peer is served from any more.
func (g *Group) release(index raft.Index, out *Effects) {
	if index == 0 || slices.ContainsFunc(g.serving, func(s serving) bool { return s.file.index == index }) {
		return
	}
	out.Snapshots = append(out.Snapshots, &SnapshotWork{Group: g.id, kind: workRelease, file: snapshotFile{index: index}})
}

// serve takes a peer's question for a chunk. Strangers are not answered, and
// nobody is who asks for more at once than a fetch does: he asks again.
func (g *Group) serve(m *raft.Message, now raft.Time, out *Effects) {
	q := m.Fetch
	if !g.member(m.From) || q.Index == 0 || q.Length == 0 {
		g.ignored++
		return
	}
	s := g.servingOf(m.From, snapshotFile{q.Index, q.Term}, now, out)
	if s.began == 0 {
		s.began, s.first, s.reached = now, q.Offset, q.Offset
	}
	s.last = now
	if s.works >= serveMax || g.serves >= servesMax {
		g.ignored++
		return
	}
	s.works++
	g.serves++
	out.Snapshots = append(out.Snapshots, &SnapshotWork{Group: g.id, kind: workRead, file: snapshotFile{q.Index, q.Term},
		peer: m.From, offset: q.Offset, length: int(min(q.Length, chunkBytes))})
}

// member says whether a server belongs to the configuration in force, or to the
// one that is committed.
func (g *Group) member(id raft.NodeID) bool {
	if _, found := g.config.Member(id); found {
		return true
	}
	c := g.core.Status().Config
	_, found := c.Member(id)
	return found
}

// served sends what the Keeper has read.
func (g *Group) served(w *SnapshotWork, out *Effects) {
	g.serves--
	k := slices.IndexFunc(g.serving, func(s serving) bool { return s.peer == w.peer })
	if k < 0 {
		return // the peer was forgotten meanwhile
	}
	s := &g.serving[k]
	s.works--
	if w.err != nil && w.file.index == g.core.Status().Snapshot {
		g.fresh = g.cfg.SnapshotBytes // its own newest file is damaged: it makes another
	}
	c := &raft.SnapshotChunk{Index: w.file.index, Term: w.file.term, Offset: w.offset, Gone: w.gone}
	if !w.gone {
		c.Total, c.Data, c.Sum = w.total, w.data, w.sum
	}
	if s.file.index == w.file.index && !w.gone {
		s.total, s.reached = w.total, max(s.reached, w.offset+uint64(len(w.data)))
	}
	out.Send = append(out.Send, raft.Message{Group: g.id, Kind: raft.KindSnapshotChunk, From: g.self, To: w.peer,
		Boot: g.boot, Term: g.term, Chunk: c})
}

// tendServing lets go of what nobody fetches any more: a peer that has asked for
// nothing in a while, unless the core still offers it that snapshot.
func (g *Group) tendServing(now raft.Time, out *Effects) {
	if now < g.serveWake() {
		return
	}
	status := g.core.Status()
	for k := 0; k < len(g.serving); k++ {
		s := &g.serving[k]
		if now < s.last+raft.Time(serveIdle) || s.works > 0 {
			continue
		}
		if slices.ContainsFunc(status.Peers, func(p raft.PeerStatus) bool { return p.ID == s.peer && p.Snapshot == s.file.index }) {
			s.last = now
			continue
		}
		old := s.file.index
		g.serving = slices.Delete(g.serving, k, k+1)
		g.release(old, out)
		k--
	}
}

// serveWake is when tendServing has something to do.
func (g *Group) serveWake() raft.Time {
	w := raft.Never
	for k := range g.serving {
		if s := &g.serving[k]; s.works == 0 { // else an answer is to come, and a turn with it
			w = min(w, s.last+raft.Time(serveIdle))
		}
	}
	return w
}
