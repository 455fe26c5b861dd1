package sim

import (
	"strconv"
	"strings"

	"veche/raft"
	"veche/store"
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
	for _, i := range nodes {
		p.preset[i] = r
	}
	return nil
}

// presetEntry is a no-op of a term: all logs of a story agree on it.
func presetEntry(i raft.Index, t raft.Term) raft.Entry {
	return raft.Entry{Index: i, Term: t, Kind: raft.EntryNoop}
}

// client takes "put x 1 @S1", "get x @S1", "delete x @S1" or "local x @S1".
func (p *Player) client(words []string) error {
	at, isPut := words[len(words)-1], words[0] == "put"
	if !strings.HasPrefix(at, "@") || isPut && len(words) != 4 || !isPut && len(words) != 3 {
		return p.wrong("write put x 1 @S1, get x @S1, delete x @S1 or local x @S1")
	}
	i, err := p.node(at[1:])
	if err != nil {
		return err
	}
	w := p.world
	if !w.nodes[i].up {
		return p.wrong(name(i) + " does not run")
	}
	key := words[1]
	if words[0] == "local" {
		p.teller.say(w.now, name(i)+" itself has "+p.shown(i, key))
		return nil
	}
	o := Op{ID: uint64(len(w.load.ops)), Client: len(p.ops) % clientsMax, Node: i, Kind: OpPut, Call: w.now, floor: w.load.acked, run: w.nodes[i].run}
	b := valueBytes(o.ID)
	switch words[0] {
	case "put":
		b = store.EncodePut(b, &store.Put{Key: []byte(key), Value: []byte(words[2])})
	case "delete":
		o.Kind = OpDelete
		b = store.EncodeDeleteRange(b, &store.DeleteRange{Key: []byte(key)})
	default:
		o.Kind, b = OpGet, nil
	}
	p.ops[o.ID] = asked{strings.Join(words[:len(words)-1], " ") + " at " + name(i)}
	w.load.ops = append(w.load.ops, o)
	w.load.clients[o.Client].pending = o.ID
	p.teller.asked = func(id uint64) string { return p.answer(id) }
	w.ask(i, o.ID, b)
	return nil
}

// answer tells the end of a client's request in words.
func (p *Player) answer(id uint64) string {
	o, words := &p.world.load.ops[id], p.ops[id].words
	switch o.Outcome {
	case OpDone:
		if o.Kind == OpGet {
			key := strings.Fields(words)[1]
			how := ""
			if o.Leased {
				how = ", upon a lease"
			}
			return "client: " + words + ": " + p.shown(o.Node, key) + ", read at entry " + num(uint64(o.Index)) + how
		}
		return "client: " + words + ": done, as entry " + num(uint64(o.Index))
	case OpRefused:
		return "client: " + words + ": REFUSED, it will never happen"
	}
	return "client: " + words + ": UNKNOWN, it may happen yet or never"
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
