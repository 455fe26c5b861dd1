package sim

import (
	"slices"
	"strconv"

	"veche/raft"
)

// oneMessage takes the commands for a single message that is on its way, or held
// back, by its number (Flight.ID):
//
//	drop-message 17           it is lost
//	hold-message 17           it waits until release, or release-message 17
//	release-message 17        it goes on its way
//	delay-message 17 100ms    it arrives so much later
//	double-message 17         it arrives twice
func (p *Player) oneMessage(words []string) error {
	if len(words) != 2 && (words[0] != "delay-message" || len(words) != 3) {
		return p.wrong(words[0] + " takes the number of a message, and delay-message a time as well: delay-message 17 100ms")
	}
	id, err := strconv.ParseUint(words[1], 10, 64)
	if err != nil {
		return p.wrong(words[1] + " is not the number of a message")
	}
	w := p.world
	held := slices.IndexFunc(w.script.held, func(e event) bool { return e.seq == id })
	k := slices.IndexFunc(w.queue.events, func(e event) bool { return e.seq == id && e.kind == evDeliver })
	switch {
	case held < 0 && k < 0:
		return p.wrong("message " + words[1] + " is not on its way; it has arrived, or was lost")
	case words[0] == "release-message" && held < 0:
		return p.wrong("message " + words[1] + " is on its way already")
	case words[0] == "hold-message" && held >= 0:
		return p.wrong("message " + words[1] + " is held back already")
	case words[0] == "delay-message" && (held >= 0 || len(words) != 3):
		return p.wrong("delay-message takes a message on its way and a time: delay-message 17 100ms")
	}
	late := raft.Duration(0)
	if len(words) == 3 {
		if late, err = p.duration(words[2]); err != nil {
			return err
		}
	}
	var e event
	if held >= 0 {
		e = w.script.held[held]
	} else {
		e = w.queue.events[k]
	}
	switch words[0] {
	case "double-message":
		e.data = slices.Clone(e.data)
		if held >= 0 {
			w.seq++
			e.seq = w.seq
			w.script.hold(e)
		} else {
			w.at(e.at, e)
		}
		return nil
	case "release-message":
		w.at(w.now+raft.Time(w.net.latencyMin), e)
	case "delay-message":
		e = w.queue.take(k)
		e.at += raft.Time(late)
		w.queue.push(e)
		return nil
	case "drop-message":
		p.lost(&e)
	default:
		w.script.hold(w.queue.take(k))
		return nil
	}
	if held >= 0 {
		w.script.held = slices.Delete(w.script.held, held, held+1)
	} else {
		w.queue.take(k)
	}
	return nil
}

// lost notes that somebody has thrown a message away.
func (p *Player) lost(e *event) {
	w := p.world
	var m raft.Message
	if raft.DecodeMessage(e.data, &m) != nil {
		return // its receiver would not have read it either
	}
	r := w.recordOf(RecordLost, &m)
	r.Note = "it was thrown away"
	w.record(&r)
}

// timed is a check: the server waits for a leader, and may lose its patience.
func (p *Player) timed(i int) error {
	if err := p.running(i); err != nil {
		return err
	}
	n := &p.world.nodes[i]
	switch s := n.group.Core().Status(); {
	case n.paused:
		return p.wrong(name(i) + " is paused, and sees no time pass")
	case s.Role == raft.Leader:
		return p.wrong(name(i) + " leads; a leader has no election timeout")
	}
	return nil
}

// timeout lets the election timeout of a server run out now.
func (p *Player) timeout(i int) {
	n := &p.world.nodes[i]
	n.draws = drawn{want: 1}
	n.draws.look(n, p.world.now)
	p.world.planWake(i)
}
