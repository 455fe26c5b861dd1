package host

import "veche/raft"

// SnapshotProgress is how far a snapshot file is on its way.
type SnapshotProgress struct {
	Peer    raft.NodeID // from whom, or to whom
	Index   raft.Index
	Bytes   uint64    // of the file, that are there: sent, or on the receiver's disk
	Total   uint64    // of the file; 0 not known yet
	Rate    uint64    // bytes in a second, on average since Began
	Began   raft.Time // when this server began, or went on
	Retries uint64    // receiving: how often something had to be asked for again
	Err     error     // receiving: why it rests, and will go on; nil: it does not
}

// Receiving is the snapshot that the group is getting, or nil.
func (g *Group) Receiving(now raft.Time) *SnapshotProgress {
	f := &g.fetch
	if f.state == fetchIdle {
		return nil
	}
	return &SnapshotProgress{Peer: f.want.From, Index: f.want.Index, Bytes: f.next, Total: f.total,
		Rate: rate(f.next-f.first, f.began, now), Began: f.began, Retries: f.retries, Err: f.err}
}

// Serving are the snapshots that peers are getting from here.
func (g *Group) Serving(now raft.Time) []SnapshotProgress {
	var all []SnapshotProgress
	for k := range g.serving {
		s := &g.serving[k]
		if s.began == 0 || s.total != 0 && s.reached == s.total && s.works == 0 {
			continue // not begun, or sent to its end
		}
		all = append(all, SnapshotProgress{Peer: s.peer, Index: s.file.index, Bytes: s.reached, Total: s.total,
			Rate: rate(s.reached-s.first, s.began, now), Began: s.began})
	}
	return all
}

func rate(bytes uint64, since, now raft.Time) uint64 {
	if since == 0 || now <= since {
		return 0
	}
	return uint64(float64(bytes) * float64(raft.Second) / float64(now-since))
}
