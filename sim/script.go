package sim

import "veche/raft"

// drawn fixes one election timeout of a node for a story, without a word to the
// core: the clock of the node stands still just before the deadline that the
// core drew, or leaps to it, when the time that the story wants has come. A
// clock never goes back.
type drawn struct {
	want     raft.Duration // 0: nothing is fixed
	armed    bool
	base     raft.Time // on the node's clock: when the timer was last set
	deadline raft.Time // on the node's clock
	target   raft.Time // simulated: when the deadline is to come
}

// bend gives what the clock shows now, if left alone it would show t.
func (d *drawn) bend(now, t raft.Time) raft.Time {
	switch {
	case !d.armed:
		return t
	case now < d.target:
		return min(t, d.deadline-1)
	}
	return d.deadline + (now - d.target)
}

// shift moves the wake that is planned at a time to the target.
func (d *drawn) shift(now, at raft.Time) raft.Time {
	if d.armed && now < d.target {
		return d.target
	}
	return at
}

// look sees, after a turn, whether the timer was set anew or has fired.
func (d *drawn) look(n *node, now raft.Time) {
	if d.want == 0 {
		return
	}
	shown := n.clock(now)
	s := n.group.Core().Status()
	base := s.Deadline - raft.Time(s.TimeoutDrawn)
	switch {
	case d.armed && now >= d.target: // it has fired
		*d = drawn{}
	case s.Role == raft.Leader:
		d.armed = false
	case !d.armed || base != d.base || s.Deadline != d.deadline:
		d.armed, d.base, d.deadline, d.target = true, base, s.Deadline, now+raft.Time(d.want)
	default:
		return
	}
	n.start += shown - n.raw(now) // the clock goes on from what it shows
}

// verdict is what a story does to messages.
type verdict uint8

const (
	verdictHold verdict = iota + 1
	verdictDrop
	verdictDouble
)

// rule picks messages by kind, sender, receiver and term of the entries.
type rule struct {
	verdict  verdict
	kind     raft.MessageKind // 0: any
	from, to nodeSet
	term     raft.Term // not 0: an AppendEntries with an entry of that term
	once     bool      // it is over with the first message
}

func (r *rule) matches(from, to int, m *raft.Message) bool {
	if r.kind != 0 && r.kind != m.Kind || !r.from.has(from) || !r.to.has(to) {
		return false
	}
	if r.term == 0 {
		return true
	}
	for i := range m.Append.Entries {
		if m.Append.Entries[i].Term == r.term {
			return true
		}
	}
	return false
}

// script is what a story does to messages now, and those that it holds back.
type script struct {
	rules []rule
	held  []event
}

// judge gives how many copies of a message go on their way.
func (s *script) judge(w *World, from, to int, m *raft.Message) int {
	for i := range s.rules {
		r := &s.rules[i]
		if !r.matches(from, to, m) {
			continue
		}
		verdict := r.verdict
		if r.once {
			s.rules = append(s.rules[:i], s.rules[i+1:]...)
		}
		rec := w.recordOf(RecordLost, m)
		switch verdict {
		case verdictDrop:
			rec.Note = "the story drops it"
			w.record(&rec)
			return 0
		case verdictHold:
			rec.Note = "the story holds it back"
			w.record(&rec)
			s.hold(w.letter(from, to, m))
			return 0
		case verdictDouble:
			if len(s.held) < heldMax { // a copy for later, and two now
				s.hold(w.letter(from, to, m))
			}
			return 2
		}
	}
	return 1
}

// letter is a message that waits to be sent on its way.
func (w *World) letter(from, to int, m *raft.Message) event {
	w.seq++
	return event{kind: evDeliver, node: to, peer: from, data: w.encode(m), sent: w.now, seq: w.seq}
}

// hold keeps a message back; beyond a bound the oldest is forgotten.
func (s *script) hold(e event) {
	if len(s.held) == heldMax {
		s.held = append(s.held[:0], s.held[1:]...)
	}
	s.held = append(s.held, e)
}

// release sends what was held back on its way, the latest first if reversed.
func (s *script) release(w *World, reversed bool) int {
	n := len(s.held)
	for i := range s.held {
		e := s.held[i]
		if reversed {
			e = s.held[n-1-i]
		}
		w.at(w.now+raft.Time(w.net.latencyMin)+raft.Time(i)*raft.Time(raft.Microsecond), e)
	}
	s.held = nil
	return n
}
