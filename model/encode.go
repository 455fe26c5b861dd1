package model

import (
	"slices"
	"strconv"

	"veche/raft"
	"veche/sim"
)

// The page is told everything in words of 32 bits, the least significant byte
// first; page/web/core.js reads them and has the same order of fields.
//
//	time     two words, in nanoseconds, signed; a Duration as well
//	text     its length in bytes, UTF-8, zeros up to the next word
//	list     its length, then its elements
const wireVersion = 2

// What a picture shows at most.
const (
	logShown     = 64 // entries of a log, from its end
	flightsShown = 256
	termsShown   = 16 // entries that a message carries
	valuesShown  = 8
	valueShown   = 100  // bytes of one
	textShown    = 1024 // bytes of a text that came from outside
)

// desk is what pictures are drawn on: used again and again, since a page asks for
// sixty in a second, and all of the memory is copied now and then.
type desk struct {
	look    sim.ServerLook
	log     []sim.EntryLook
	clients []sim.ClientLook
	places  []place
	raw     []byte
	values  []values // by server
}

// place is where a message stands in the raw bytes.
type place struct {
	id       uint64
	from, to int
}

// values are what a server's store holds, as it is written, as long as its mark
// stays the same.
type values struct {
	run      uint32
	revision int64
	raw      []byte
}

// scribe writes words behind each other.
type scribe struct{ b []byte }

func (x *scribe) word(v uint32) { x.b = append(x.b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24)) }

func (x *scribe) time(v int64) {
	x.word(uint32(v))
	x.word(uint32(uint64(v) >> 32))
}

func (x *scribe) text(s string) {
	s = s[:min(len(s), textShown)]
	x.word(uint32(len(s)))
	x.b = append(x.b, s...)
	for len(x.b)%4 != 0 {
		x.b = append(x.b, 0)
	}
}

func (x *scribe) flag(v bool) { x.word(uint32(bit(v))) }

func (x *scribe) ids(ids []raft.NodeID) {
	x.word(uint32(len(ids)))
	for _, id := range ids {
		x.word(uint32(id))
	}
}

// list writes the number of elements before them, once each was written.
func (x *scribe) list(each func() (n int)) {
	at := len(x.b)
	x.word(0)
	n := each()
	x.b[at], x.b[at+1], x.b[at+2], x.b[at+3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
}

func bit(v bool) byte {
	if v {
		return 1
	}
	return 0
}

// AppendState appends a picture of the whole at this moment to b: the State of
// page/web/types.js.
func (s *Session) AppendState(b []byte) []byte {
	x, w := &scribe{b}, s.world
	x.word(wireVersion)
	x.time(int64(s.Now()))
	x.time(int64(w.Steps()))
	x.word(uint32(w.Committed()))
	if s.led {
		x.time(0)
	} else {
		x.time(int64(s.Now() - s.lostAt))
	}
	d := &s.desk
	d.clients = s.player.Clients(d.clients[:0])
	x.time(int64(s.stuck(d)))
	x.word(uint32(bit(s.over()) | bit(s.left)<<1))
	x.text(s.beat)
	x.word(uint32(len(s.look)))
	for _, p := range s.look {
		x.text(string(p))
	}
	x.text(s.failed)
	x.word(uint32(len(s.without)))
	for _, rule := range s.without {
		x.text(rule)
	}
	broken := w.AllBroken()
	x.word(uint32(len(broken)))
	for _, b := range broken {
		x.text(string(b.Invariant))
		x.text(b.How)
	}
	x.word(uint32(w.Servers()))
	for i := range w.Servers() {
		w.Look(i, &d.look)
		d.log = s.player.Entries(d.log[:0], i, logShown)
		x.server(i, &d.look, d.log)
		x.values(w, i, d)
	}
	x.flights(w, d)
	x.links(w)
	x.word(uint32(len(d.clients)))
	for k := range d.clients {
		x.client(&d.clients[k])
	}
	return x.b
}

// stuck is for how long the cluster as a whole has committed nothing although
// somebody waits for it. While a leader has a majority behind it, a request counts
// only at servers that answer this leader: whoever asked another side of a cut
// waits for the network, and not for the cluster.
func (s *Session) stuck(d *desk) (long raft.Time) {
	leads, term, looked := -1, raft.Term(0), false
	v := &d.look.Status
	for _, c := range d.clients {
		if c.Op.Outcome != sim.OpPending {
			continue
		}
		for i := 0; i < s.world.Servers() && !looked; i++ {
			if s.world.Look(i, &d.look); d.look.Up && v.Confirmed && v.Term > term {
				leads, term = i, v.Term
			}
		}
		if looked = true; leads >= 0 && leads != c.Op.Node {
			s.world.Look(leads, &d.look)
			k := slices.IndexFunc(v.Peers, func(p raft.PeerStatus) bool { return p.ID == raft.NodeID(c.Op.Node+1) })
			if k < 0 || d.look.Contact[k] < 0 || d.look.Contact[k] > v.ElectionMax {
				continue
			}
		}
		long = max(long, s.Now()-max(c.Op.Call, s.grewAt))
	}
	return long
}

func (x *scribe) server(i int, l *sim.ServerLook, log []sim.EntryLook) {
	s := &l.Status
	x.word(uint32(i + 1))
	learner := slices.Contains(s.Config.Learners, s.Self)
	x.word(uint32(bit(l.Up) | bit(l.Paused)<<1 | bit(learner)<<2 | bit(s.Confirmed)<<3))
	x.word(uint32(l.Part))
	x.word(uint32(s.Role))
	x.word(uint32(s.Standing))
	x.word(uint32(s.Term))
	x.word(uint32(s.Vote))
	x.word(uint32(s.Leader))
	x.word(uint32(s.Commit))
	x.word(uint32(l.Applied))
	x.word(uint32(l.Persisted))
	x.word(uint32(s.Snapshot))
	x.word(uint32(s.Cut + 1))
	x.word(uint32(s.LastIndex))
	x.word(uint32(s.Transferee))
	x.time(int64(l.Left))
	x.time(int64(l.Drawn))
	x.time(int64(s.ElectionMax))
	x.time(int64(l.Beat))
	x.time(int64(l.Lease))
	x.time(int64(l.Heard))
	fetched := ^uint32(0)
	if l.Fetched >= 0 {
		fetched = uint32(l.Fetched * 1000)
	}
	x.word(fetched)
	x.text(s.Fault)
	x.ids(s.Config.Voters)
	x.ids(s.Config.Outgoing)
	x.ids(s.Config.Learners)
	x.word(uint32(len(log)))
	for k := range log {
		x.word(uint32(log[k].Index))
		x.word(uint32(log[k].Term))
		x.word(uint32(log[k].Kind))
		x.text(log[k].Text)
	}
	x.word(uint32(len(s.Peers)))
	for k := range s.Peers {
		p := &s.Peers[k]
		x.word(uint32(p.ID))
		x.word(uint32(p.Match))
		x.word(uint32(p.Next))
		x.flag(p.Probing)
		x.word(uint32(p.Inflight))
		x.time(int64(l.Contact[k]))
		x.word(uint32(p.Snapshot))
	}
	x.word(uint32(len(s.Ballots)))
	for _, b := range s.Ballots {
		x.word(uint32(b.ID))
		x.word(uint32(b.Verdict))
		x.text(b.Reason.Word())
	}
}

// values writes what a server's own store holds.
func (x *scribe) values(w *sim.World, i int, d *desk) {
	if d.values == nil {
		d.values = make([]values, w.Servers())
	}
	v := &d.values[i]
	if run, revision := w.StoreMark(i); v.raw == nil || v.run != run || v.revision != revision {
		y := scribe{v.raw[:0]}
		y.list(func() (n int) {
			w.Values(i, valuesShown, func(key, value []byte) {
				y.text(string(key))
				y.text(brief(string(value)))
				n++
			})
			return n
		})
		*v = values{run, revision, y.b}
	}
	x.b = append(x.b, v.raw...)
}

// flights writes the messages on their way, in the order of their numbers.
func (x *scribe) flights(w *sim.World, d *desk) {
	y := scribe{d.raw[:0]}
	all := d.places[:0]
	w.Flights(func(f *sim.Flight) {
		from := len(y.b)
		y.flight(f)
		all = append(all, place{f.ID, from, len(y.b)})
		for k := len(all) - 1; k > 0 && all[k-1].id > all[k].id; k-- { // they come nearly in order
			all[k-1], all[k] = all[k], all[k-1]
		}
	})
	d.raw, d.places = y.b, all
	if len(all) > flightsShown { // the latest
		all = all[len(all)-flightsShown:]
	}
	x.word(uint32(len(all)))
	for _, p := range all {
		x.b = append(x.b, y.b[p.from:p.to]...)
	}
}

func (x *scribe) flight(f *sim.Flight) {
	m := f.Message
	pre, reply, yes, index := false, false, -1, raft.Index(0)
	answer := func(v bool) { reply, yes = true, int(bit(v)) }
	var entries []raft.Entry
	switch m.Kind {
	case raft.KindRequestVote:
		pre, index = m.RequestVote.Pre, m.RequestVote.LastIndex
	case raft.KindVoteReply:
		pre = m.VoteReply.Pre
		answer(m.VoteReply.Granted)
	case raft.KindAppend:
		index, entries = m.Append.PrevIndex, m.Append.Entries
	case raft.KindAppendReply:
		answer(!m.AppendReply.Rejected)
		if index = m.AppendReply.Match; m.AppendReply.Rejected {
			index = m.AppendReply.PrevIndex
		}
	case raft.KindHeartbeatRep:
		answer(true)
	case raft.KindReadIndexRep:
		answer(m.ReadIndexRep.Reason == raft.ReasonNone)
		index = m.ReadIndexRep.Index
	case raft.KindPropose:
		entries = m.Propose.Entries
	case raft.KindProposeRep:
		answer(false)
	case raft.KindGreetReply:
		answer(m.GreetReply.Recorded == 0 && !m.GreetReply.Removed)
	case raft.KindInstallSnapshot:
		index = m.Install.Index
	case raft.KindSnapshotFetch:
		index = m.Fetch.Index
	case raft.KindSnapshotChunk:
		index = m.Chunk.Index
		answer(!m.Chunk.Gone)
	}
	x.word(uint32(f.ID))
	x.word(uint32(f.From + 1))
	x.word(uint32(f.To + 1))
	x.word(uint32(m.Kind))
	x.word(uint32(bit(reply) | bit(pre)<<1))
	x.word(uint32(m.Term))
	x.word(uint32(int32(yes)))
	x.word(uint32(index))
	x.time(int64(f.Sent))
	if f.Arrives == raft.Never {
		x.time(-1)
	} else {
		x.time(int64(f.Arrives))
	}
	x.word(uint32(len(entries)))
	x.word(uint32(min(len(entries), termsShown)))
	for k := range min(len(entries), termsShown) {
		x.word(uint32(entries[k].Term))
	}
}

// links writes those that are not as they should be.
func (x *scribe) links(w *sim.World) {
	x.list(func() (n int) {
		for from := range w.Servers() {
			for to := range w.Servers() {
				if cut, slow := w.Link(from, to); cut || slow > 0 {
					x.word(uint32(from + 1))
					x.word(uint32(to + 1))
					x.flag(cut)
					x.time(int64(slow))
					n++
				}
			}
		}
		return n
	})
}

func (x *scribe) client(c *sim.ClientLook) {
	o := c.Op
	x.word(uint32(c.Client + 1))
	x.word(uint32(o.Node + 1))
	x.word(uint32(o.Outcome))
	x.word(uint32(bit(c.Found) | bit(o.Down)<<1))
	x.word(uint32(o.Index))
	x.time(int64(o.Call))
	if o.Outcome == sim.OpPending {
		x.time(-1)
	} else {
		x.time(int64(o.Return))
	}
	x.text(c.Asked)
	x.text(brief(c.Value))
}

// brief is a value as it is shown: one that is too long by its size.
func brief(value string) string {
	if len(value) <= valueShown {
		return value
	}
	return strconv.Itoa(len(value)) + " B"
}

// AppendHappenings appends what happened since it was asked last to b: a list of
// the Happenings of page/web/types.js.
func (s *Session) AppendHappenings(b []byte) []byte {
	x := &scribe{b}
	x.word(wireVersion)
	x.word(uint32(len(s.news.all)))
	for k := range s.news.all {
		h := &s.news.all[k]
		x.word(h.n)
		x.time(int64(h.at))
		x.time(int64(h.step))
		x.word(uint32(h.what))
		x.word(uint32(h.node))
		x.word(uint32(h.peer))
		x.word(uint32(h.client))
		x.word(uint32(h.term))
		x.word(uint32(h.index))
		x.flag(h.scripted)
		x.text(h.kind)
		x.text(h.reason)
		x.text(h.text)
		x.text(brief(h.value))
	}
	s.news.all = s.news.all[:0]
	return x.b
}

// AppendScenes appends what a page must know of the scenes before it begins one.
func AppendScenes(b []byte, scenes []Scene) []byte {
	x := &scribe{b}
	texts := func(all []string) {
		x.word(uint32(len(all)))
		for _, t := range all {
			x.text(t)
		}
	}
	x.word(wireVersion)
	x.word(uint32(len(scenes)))
	for k := range scenes {
		s := &scenes[k]
		x.text(s.ID)
		x.text(s.Of)
		x.text(string(s.Breaks))
		texts(s.Settings)
		texts(s.Without)
		var beats []string
		for _, step := range s.Steps {
			if step.Beat != "" {
				beats = append(beats, step.Beat)
			}
		}
		texts(beats)
		x.word(uint32(len(s.Tries)))
		for _, try := range s.Tries {
			x.text(try.ID)
			x.text(try.Beat)
			texts(try.Do)
		}
		texts(s.Beside)
	}
	return x.b
}
