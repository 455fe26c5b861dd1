package sim

import (
	"strconv"
	"strings"

	"veche/raft"
)

// disk takes "S1 S2 term 3 vote S2 log 1 1 2": what their disks hold at the start.
func (p *Player) disk(args []string) error {
	var nodes []int
	for len(args) > 0 && strings.HasPrefix(args[0], "S") {
		i, err := p.node(args[0])
		if err != nil {
			return err
		}
		nodes, args = append(nodes, i), args[1:]
	}
	if len(nodes) == 0 || len(args) == 0 {
		return p.wrong("disk takes servers, and then: term T, vote S, log T T T")
	}
	r := raft.Restored{Hard: raft.HardState{Standing: raft.Admitted}}
	for a := 0; a < len(args); a++ {
		switch {
		case args[a] == "term" && a+1 < len(args):
			t, err := strconv.ParseUint(args[a+1], 10, 32)
			if err != nil {
				return p.wrong(args[a+1] + " is not a term")
			}
			r.Hard.Term = raft.Term(t)
			a++
		case args[a] == "vote" && a+1 < len(args):
			v, err := p.node(args[a+1])
			if err != nil {
				return err
			}
			r.Hard.Vote = raft.NodeID(v + 1)
			a++
		case args[a] == "log":
			for _, word := range args[a+1:] {
				t, err := strconv.ParseUint(word, 10, 32)
				if err != nil || t == 0 {
					return p.wrong(word + " is not a term")
				}
				r.Entries = append(r.Entries, presetEntry(raft.Index(len(r.Entries)+1), raft.Term(t)))
			}
			a = len(args)
		default:
			return p.wrong("disk does not know " + args[a])
		}
	}
	last := raft.Term(0)
	for k := range r.Entries {
		if r.Entries[k].Term < last {
			return p.wrong("the terms of a log never go down")
		}
		last = r.Entries[k].Term
	}
	if r.Hard.Term < last {
		return p.wrong("a disk whose log is of term " + num(uint64(last)) + " is in that term at least: term " + num(uint64(last)))
	}
	for _, i := range nodes {
		p.preset[i] = r
	}
	return nil
}

// presetEntry is a no-op of a term: all logs of a story agree on it.
func presetEntry(i raft.Index, t raft.Term) raft.Entry {
	return raft.Entry{Index: i, Term: t, Kind: raft.EntryNoop}
}

// shown is what a node's own store has at a key: "x = 1".
func (p *Player) shown(i int, key string) string {
	v, found := p.world.nodes[i].machine.value([]byte(key))
	if !found {
		return "no " + key
	}
	return key + " = " + string(v)
}

// logs draws the logs of all servers.
func (p *Player) logs() {
	w := p.world
	for i := range w.nodes {
		if w.nodes[i].part == partUnused {
			continue
		}
		m := &w.witness.mem[i]
		var b strings.Builder
		b.WriteString("    " + name(i))
		switch {
		case !w.nodes[i].up:
			b.WriteString(" down  ")
		case w.witness.leads[i] > 0:
			b.WriteString(" leads ")
		default:
			b.WriteString("       ")
		}
		b.WriteString("term " + num(uint64(m.hard.Term)) + " |")
		for k := raft.Index(1); k <= m.last(); k++ {
			b.WriteString(" " + num(uint64(m.terms[k])))
			if k <= w.witness.commit() && w.witness.commits[k].prefix == m.prefix[k] {
				b.WriteString("*")
			}
		}
		p.teller.raw(w.now, b.String())
	}
}
