package host

import (
	"errors"

	"veche/raft"
)

// fetching is the snapshot that a group gets from the leader, one at a time. It
// asks for one chunk after another, a window of them at once, and hands them to
// the Keeper in the order of the file:
//
//	handed to the Keeper | next … slots, asked for or arrived … | … total
//
// All that must be remembered is the file itself: whoever asks for it says from
// where on, so a chunk that is lost is asked for again, and a receiver that was
// restarted goes on where the file on its disk ends.
type fetching struct {
	state  fetchState
	want   raft.Fetch
	try    uint64    // grows with every beginning, so that late answers are known
	wanted raft.Time // when the core said so last
	total  uint64    // the size of the file; 0 unknown
	next   uint64
	slots  []slot
	writes int // handed to the Keeper and not answered
	window int // how many chunks may be asked for at once
	retry  raft.Duration
	due    raft.Time // asking: when what has not come is asked for again; resting: when it goes on

	began   raft.Time // for people: when, and from where on
	first   uint64
	retries uint64
	err     error // why it rests
}

type fetchState uint8

const (
	fetchIdle      fetchState = 0
	fetchOpening   fetchState = 1
	fetchAsking    fetchState = 2
	fetchFinishing fetchState = 3
	fetchResting   fetchState = 4 // after an error
)

// slot is one chunk that was asked for, or is to be.
type slot struct {
	offset  uint64
	length  uint32
	asked   bool
	again   bool      // more than once: how long it took says nothing
	at      raft.Time // when it was asked for, or when something else came since
	arrived bool
	data    []byte
	sum     uint32
}

func (s *slot) end() uint64 { return s.offset + uint64(s.length) }

var errFileChanged = errors.New("the sender's snapshot is not the one that was begun")

// wantSnapshot takes the core's word that a snapshot is wanted, or still is.
func (g *Group) wantSnapshot(want raft.Fetch, now raft.Time, out *Effects) {
	f := &g.fetch
	f.wanted = now
	switch {
	case g.restoring: // its file must not be replaced before it was read
	case f.state == fetchIdle, f.want.Index != want.Index, f.want.Term != want.Term:
		g.beginFetch(want, now, out)
	case f.want.From != want.From: // another leader has the same bytes
		f.want.From = want.From
		f.askAnew()
		f.due = now
	}
}

// beginFetch opens what there is of the file, and throws away another's part.
func (g *Group) beginFetch(want raft.Fetch, now raft.Time, out *Effects) {
	f := &g.fetch
	again := f.state == fetchResting && f.want == want
	next := fetching{state: fetchOpening, want: want, try: f.try + 1, wanted: f.wanted,
		window: 1, retry: g.cfg.Raft.ElectionMax, due: raft.Never}
	if again {
		next.retry, next.retries, next.err = f.retry, f.retries, f.err
	}
	*f = next
	g.work(workOpen, out)
}

// work hands the Keeper something to do with the file that is being fetched.
func (g *Group) work(kind workKind, out *Effects) *SnapshotWork {
	w := &SnapshotWork{Group: g.id, kind: kind, file: snapshotFile{g.fetch.want.Index, g.fetch.want.Term}, try: g.fetch.try}
	out.Snapshots = append(out.Snapshots, w)
	return w
}

// fetchKept takes the Keeper's answer. It says what the core must be told: the
// base of a snapshot that is complete and durable.
func (g *Group) fetchKept(w *SnapshotWork, now raft.Time, out *Effects) (done *raft.Base) {
	f := &g.fetch
	if w.try != f.try {
		return nil // of an earlier beginning
	}
	switch {
	case w.kind == workWrite && w.err == nil:
		f.writes--
		f.due = min(f.due, now) // there may be room to ask for more
	case w.err != nil:
		g.restFetch(w.err, now)
	case w.kind == workOpen && w.complete:
		f.state, f.next, f.first, f.began = fetchFinishing, w.offset, w.offset, now
		g.work(workFinish, out)
	case w.kind == workOpen:
		f.state, f.next, f.first, f.began, f.due = fetchAsking, w.offset, w.offset, now, now
	case w.kind == workFinish:
		f.state = fetchIdle
		return &w.base
	}
	return nil
}

// restFetch waits after an error, longer each time, and then begins again where
// the file on the disk ends.
func (g *Group) restFetch(err error, now raft.Time) {
	f := &g.fetch
	f.state, f.err, f.slots, f.writes = fetchResting, err, nil, 0
	f.try++
	f.retries++
	f.due = now + raft.Time(f.retry)
	f.retry = min(2*f.retry, fetchRetryMax)
}

// tendFetch asks for what is to be asked for now.
func (g *Group) tendFetch(now raft.Time, out *Effects) {
	f := &g.fetch
	if f.state == fetchIdle || f.state == fetchFinishing || now < f.due {
		return
	}
	if now >= f.wanted+raft.Time(fetchPatience) {
		g.work(workPause, out) // the core wants it no more, or has no leader: see wantSnapshot
		f.state = fetchIdle
		f.try++
		f.slots = nil
		return
	}
	switch f.state {
	case fetchResting:
		g.beginFetch(f.want, now, out)
	case fetchAsking:
		if f.overdue(now) {
			f.askAnew()
			f.retries++
			f.retry = min(2*f.retry, fetchRetryMax)
		}
		g.askChunks(now, out)
	}
}

// overdue says whether nothing has come for so long that something is lost.
func (f *fetching) overdue(now raft.Time) bool {
	for k := range f.slots {
		s := &f.slots[k]
		if s.asked && !s.arrived && now >= s.at+raft.Time(f.retry) {
			return true
		}
	}
	return false
}

// askAnew forgets what was asked for, and begins with a small window.
func (f *fetching) askAnew() {
	f.window = 1
	for k := range f.slots {
		s := &f.slots[k]
		s.again = s.again || s.asked
		s.asked = false
	}
}

// askChunks asks for as many chunks as the window allows, and for the end of the
// work once everything is there.
func (g *Group) askChunks(now raft.Time, out *Effects) {
	f := &g.fetch
	under := 0
	for k := range f.slots {
		if s := &f.slots[k]; s.asked && !s.arrived {
			under++
		}
	}
	for k := 0; k < len(f.slots) && under < f.window; k++ {
		if s := &f.slots[k]; !s.asked && !s.arrived {
			g.askChunk(s, now, out)
			under++
		}
	}
	for under < f.window && len(f.slots)+f.writes < fetchWindow && f.more() {
		f.slots = append(f.slots, slot{offset: f.end(), length: g.chunk()})
		s := &f.slots[len(f.slots)-1]
		if f.total != 0 {
			s.length = uint32(min(uint64(g.chunk()), f.total-s.offset))
		}
		g.askChunk(s, now, out)
		under++
	}
	f.due = raft.Never
	if under > 0 {
		f.due = now + raft.Time(f.retry)
	}
	if f.total != 0 && f.next == f.total && len(f.slots) == 0 && f.writes == 0 {
		f.state = fetchFinishing
		g.work(workFinish, out)
	}
}

// end is the offset behind the last slot.
func (f *fetching) end() uint64 {
	if n := len(f.slots); n > 0 {
		return f.slots[n-1].end()
	}
	return f.next
}

// more says whether there is more to ask for. How large the file is, the first
// chunk tells.
func (f *fetching) more() bool {
	if f.total == 0 {
		return len(f.slots) == 0
	}
	return f.end() < f.total
}

// chunk is how many bytes are asked for at a time.
func (g *Group) chunk() uint32 {
	if n := g.cfg.ChunkBytes; n > 0 {
		return uint32(min(n, chunkBytes))
	}
	return chunkBytes
}

func (g *Group) askChunk(s *slot, now raft.Time, out *Effects) {
	f := &g.fetch
	s.asked, s.at = true, now
	out.Send = append(out.Send, raft.Message{Group: g.id, Kind: raft.KindSnapshotFetch, From: g.self, To: f.want.From,
		Boot: g.boot, Term: g.term, Fetch: &raft.SnapshotFetch{Index: f.want.Index, Term: f.want.Term, Offset: s.offset, Length: g.chunk()}})
}

// takeChunk takes what a peer has sent. It says whether the sender has no such
// snapshot, so that the core must be told.
func (g *Group) takeChunk(m *raft.Message, now raft.Time, out *Effects) (gone bool) {
	f, c := &g.fetch, m.Chunk
	if f.state != fetchAsking || m.From != f.want.From || c.Index != f.want.Index || c.Term != f.want.Term {
		g.ignored++
		return false // late, or never asked for
	}
	switch {
	case c.Gone:
		g.work(workDrop, out)
		f.state, f.slots = fetchIdle, nil
		f.try++
		return true
	case c.Total == 0, f.total != 0 && c.Total != f.total, f.next > c.Total:
		g.work(workDrop, out)
		g.restFetch(errFileChanged, now)
		return false
	}
	for k := range f.slots {
		s := &f.slots[k]
		if s.offset != c.Offset || s.arrived {
			continue
		}
		if uint64(len(c.Data)) != min(uint64(g.chunk()), c.Total-s.offset) {
			break
		}
		f.total, s.length = c.Total, uint32(len(c.Data))
		s.arrived, s.data, s.sum = true, c.Data, c.Sum
		if f.window < fetchWindow {
			f.window++
		}
		if took := raft.Duration(now - s.at); !s.again {
			f.retry = min(max(g.cfg.Raft.ElectionMax, 2*took), fetchRetryMax) // the link is that slow
		}
		f.heard(now)
		g.handChunks(out)
		return false
	}
	g.ignored++
	return false
}

// heard: the link works, and what was asked for behind this chunk is on its way.
func (f *fetching) heard(now raft.Time) {
	f.err = nil
	for k := range f.slots {
		if s := &f.slots[k]; s.asked && !s.arrived {
			s.at = now
		}
	}
	f.due = now
}

// handChunks gives the Keeper what has arrived without a gap.
func (g *Group) handChunks(out *Effects) {
	f := &g.fetch
	for len(f.slots) > 0 && f.slots[0].arrived {
		s := f.slots[0]
		f.slots = append(f.slots[:0], f.slots[1:]...)
		f.next = s.end()
		if s.length == 0 {
			continue // the file was there already, to its end
		}
		w := g.work(workWrite, out)
		w.offset, w.data, w.sum = s.offset, s.data, s.sum
		f.writes++
	}
}

// fetchWake is when tendFetch has something to do.
func (g *Group) fetchWake() raft.Time {
	switch g.fetch.state {
	case fetchAsking, fetchResting:
		return g.fetch.due
	}
	return raft.Never
}
