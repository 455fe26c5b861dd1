package model

import (
	"strings"

	"veche/raft"
	"veche/sim"
)

// what says what a happening is, in the order of page/web/core.js.
type what uint32

const (
	wasEvent what = iota
	wasLost
	wasDone
	wasAsked
	wasAnswered
	wasBeat
	wasBroken
	wasFault
)

// happening is one thing that is worth a line; see page/web/types.js.
type happening struct {
	n        uint32
	at       raft.Time
	step     uint64
	what     what
	kind     string
	reason   string
	node     raft.NodeID
	peer     raft.NodeID
	client   int // from 1; 0: none
	term     raft.Term
	index    raft.Index
	text     string
	value    string
	scripted bool
}

// newsMax bounds the happenings that nobody has asked for yet: a page that draws
// sixty times a second leaves a few, and one that seeks wants the last.
const newsMax = 2048

// news are the happenings since they were asked for last.
type news struct {
	all   []happening
	count uint32 // of the whole run
}

type newsMark struct {
	all   int
	count uint32
}

func (n *news) mark() newsMark { return newsMark{len(n.all), n.count} }

// back forgets what came after a mark, if there is room to have kept it.
func (n *news) back(m newsMark) {
	n.all, n.count = n.all[:min(m.all, len(n.all))], m.count
}

// tell adds a happening of this moment.
func (s *Session) tell(h happening) {
	n := &s.news
	h.n, n.count = n.count, n.count+1
	if s.world != nil {
		h.at, h.step = s.world.Now(), s.world.Steps()
	}
	if len(n.all) >= newsMax { // the oldest half goes at once, so that each is moved once
		n.all = append(n.all[:0], n.all[len(n.all)-newsMax/2:]...)
	}
	n.all = append(n.all, h)
}

// see takes a record of the world.
func (s *Session) see(r *sim.Record) {
	switch r.Kind {
	case sim.RecordEvent:
		e := &r.Event
		s.tell(happening{what: wasEvent, kind: e.Kind.Word(), reason: e.Reason.Word(), node: r.Node, peer: e.Peer, term: e.Term, index: e.Index})
	case sim.RecordLost:
		if r.Message != raft.KindHeartbeat && r.Message != raft.KindHeartbeatRep {
			s.tell(happening{what: wasLost, kind: r.Message.Word(), node: r.Node, peer: r.Peer, term: r.Term, index: r.Index})
		}
	case sim.RecordRequest:
		s.tell(happening{what: wasAsked, kind: r.Note, node: r.Node, client: int(r.A) + 1, text: s.player.Request(r.B).Asked})
	case sim.RecordAnswer:
		s.answered(r)
	case sim.RecordNote:
		if r.Node != 0 { // of a change of the members
			h := happening{what: wasAnswered, kind: "refused", node: r.Node, index: r.Index, text: "change"}
			if r.A == 1 {
				h.kind = "done"
			}
			s.tell(h)
		}
	case sim.RecordFault:
		s.struck(r.Note)
	}
}

func (s *Session) answered(r *sim.Record) {
	c := s.player.Request(r.B)
	h := happening{what: wasAnswered, kind: r.Note, node: r.Node, client: int(r.A) + 1, index: c.Op.Index, text: c.Asked, value: c.Value}
	if c.Op.Down {
		h.reason = "not_running"
	}
	s.tell(h)
}

// struck tells what befell a server, from the words of the trace.
func (s *Session) struck(note string) {
	name, how, _ := strings.Cut(note, " ")
	for i := range s.world.Servers() {
		id := raft.NodeID(i + 1)
		if sim.Server(id) != name {
			continue
		}
		for _, f := range faults {
			if strings.HasPrefix(how, f.how) {
				s.tell(happening{what: wasFault, kind: f.kind, node: id})
			}
		}
	}
}

var faults = [...]struct{ how, kind string }{
	{"is killed", "crashed"}, {"loses power", "power_cut"}, {"gets an empty disk", "wiped"}, {"is paused", "paused"},
	{"goes on", "resumed"}, {"stops for good", "stopped"}, {"has a bit", "rotten"},
	{"has half of", "torn"}, {"has cut off", "mended"},
}
