package sim

import (
	"strings"

	"veche/raft"
)

// Open prepares a player without a story. Its world is driven from outside: the
// settings and then the commands come one by one, by Do, and time passes when
// somebody steps the world. watch sees each record as it is made; nil: nobody.
func Open(watch func(*Record)) *Player {
	p := NewPlayer(nil, func(Told) {})
	p.opt.Nodes, p.opt.SegmentBytes, p.watch, p.teller.mute = 5, liveSegmentBytes, watch, true
	return p
}

// Begin makes the world. It fails if the settings do not go together.
func (p *Player) Begin() error {
	if p.world != nil {
		return nil
	}
	return p.begin()
}

// World is what is played in; nil before Begin.
func (p *Player) World() *World { return p.world }

// takesTime are commands that let time pass, or that only tell: a player without
// a story does not carry them out.
var takesTime = map[string]bool{"run": true, "elect": true, "logs": true}

// Do carries out one command at the present moment. Commands that must wait for
// something end at once; what they began goes on. The error says what is wrong
// with the command, which then has done nothing.
func (p *Player) Do(command string) error {
	words := strings.Fields(command)
	switch {
	case len(words) == 0:
		return p.wrong("there is no command")
	case takesTime[words[0]]:
		return p.wrong(words[0] + " is for stories; here time passes by itself")
	case p.world != nil && p.world.StandsStill():
		return p.wrong("a promise is broken, and the world stands still")
	}
	err := p.command(words)
	p.teller.flush()
	return err
}

// Holds tells whether a condition of stories is true now.
func (p *Player) Holds(condition string) (bool, error) { return p.holds(strings.Fields(condition)) }

// see looks at what clients read, in the moment of the answer, before the record
// goes on to whoever watches.
func (p *Player) see(r *Record) {
	if r.Kind == RecordAnswer {
		if o := &p.world.load.ops[r.B]; o.Kind == OpGet && o.Outcome == OpDone {
			p.read(o)
		}
	}
	if p.watch != nil {
		p.watch(r)
	}
}

// EntryLook is what an entry of a log is.
type EntryLook struct {
	Index raft.Index
	Term  raft.Term
	Kind  raft.EntryKind // 0: nobody has seen it written
	Text  string         // of a client's command: "x=1"
}

// Entries appends the last entries of a server's log to all, at most so many, and
// none that a snapshot stands for: of a server that is down, as its disk has them.
func (p *Player) Entries(all []EntryLook, i, most int) []EntryLook {
	t := p.world.witness
	n, m := &p.world.nodes[i], &t.mem[i]
	last, cut := int(m.last()), int(n.cut)
	if !n.up {
		m = &t.disk[i]
		last = int(m.last())
	} else if n.group != nil { // a lab's core may have cut its log and written nothing yet
		base, _, entries := n.group.Core().Log()
		last, cut = min(last, int(base)+len(entries)), int(base)
	}
	for k := max(cut+1, last-most+1); k <= last; k++ {
		e := EntryLook{Index: raft.Index(k), Term: m.terms[k]}
		for _, s := range t.seen[k] {
			if s.term == e.Term && s.prefix == m.prefix[k] {
				e.Kind, e.Text = s.kind, p.ops[s.op].brief
			}
		}
		all = append(all, e)
	}
	return all
}
