package sim

import (
	"slices"
	"strconv"
	"strings"

	"veche/raft"
)

// split takes "{S1 S2}|{S3 S4 S5}".
func (p *Player) split(args []string) error {
	sides := strings.Split(strings.Join(args, " "), "|")
	if len(sides) < 2 {
		return p.wrong("split takes sides: split {S1 S2}|{S3 S4 S5}")
	}
	seen := nodeSet(0)
	var sets []nodeSet
	for _, side := range sides {
		set := nodeSet(0)
		for _, word := range strings.Fields(strings.Trim(strings.TrimSpace(side), "{}")) {
			i, err := p.node(word)
			if err != nil {
				return err
			}
			if seen.has(i) {
				return p.wrong(word + " is on two sides")
			}
			set |= 1 << i
			seen |= 1 << i
		}
		sets = append(sets, set)
	}
	for _, set := range sets {
		p.world.cutOff(set)
	}
	return nil
}

// cutOff cuts every link between a server in side and one that is not, those
// that are added later included.
func (w *World) cutOff(side nodeSet) {
	for from := range w.nodes {
		for to := range w.nodes {
			if side.has(from) != side.has(to) {
				w.net.cut[from] |= 1 << to
			}
		}
	}
}

// link takes "S1>S2", "S1>*" or "*>S1".
func (p *Player) link(word string) (from, to nodeSet, err error) {
	a, b, found := strings.Cut(word, ">")
	if !found {
		return 0, 0, p.wrong(word + " is not a link; write S1>S2, S1>* or *>S1")
	}
	side := func(s string) (nodeSet, error) {
		if s == "*" {
			return all(p.opt.Nodes + p.opt.Spares), nil
		}
		i, err := p.node(s)
		return 1 << i, err
	}
	if from, err = side(a); err == nil {
		to, err = side(b)
	}
	return from, to, err
}

// links takes several of them.
func (p *Player) links(words []string) (all []link, err error) {
	for _, word := range words {
		var l link
		if l.from, l.to, err = p.link(word); err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// link is the ways from some servers to some others.
type link struct{ from, to nodeSet }

// each does something to each of the ways.
func (l link) each(do func(from, to int)) {
	for from := range nodesMax {
		for to := range nodesMax {
			if from != to && l.from.has(from) && l.to.has(to) {
				do(from, to)
			}
		}
	}
}

func (p *Player) cut(args []string) error {
	links, err := p.links(args)
	if err == nil && len(links) == 0 {
		err = p.wrong("cut takes links: cut S1>S2")
	}
	for _, l := range links {
		l.each(p.world.Cut)
	}
	return err
}

// heal takes links, or nothing, and then makes every link whole.
func (p *Player) heal(args []string) error {
	links, err := p.links(args)
	if len(args) == 0 {
		p.world.net.heal()
	}
	n := &p.world.net
	for _, l := range links {
		l.each(func(from, to int) {
			n.cut[from] &^= 1 << to
			n.slow[from][to] = 0
		})
	}
	return err
}

// slowLink takes "50ms S1>S2 S2>S1"; the time may stand anywhere. 0ms ends it.
func (p *Player) slowLink(args []string) error {
	k := slices.IndexFunc(args, func(word string) bool { return !strings.Contains(word, ">") })
	if k < 0 || len(args) < 2 {
		return p.wrong("slow-link takes a time and links: slow-link 50ms S1>S2")
	}
	d, err := p.duration(args[k])
	if err != nil {
		return err
	}
	links, err := p.links(slices.Delete(slices.Clone(args), k, k+1))
	for _, l := range links {
		l.each(func(from, to int) { p.world.net.slow[from][to] = d })
	}
	return err
}

// rule takes "hold append S1>S2 S1>S3 [term 4] [once]".
func (p *Player) rule(words []string) error {
	if len(words) < 3 {
		return p.wrong(words[0] + " takes a kind of message and a link: " + words[0] + " append S1>*")
	}
	r := rule{verdict: map[string]verdict{"hold": verdictHold, "drop": verdictDrop, "double": verdictDouble}[words[0]]}
	kind, ok := ruleKinds[words[1]]
	if !ok {
		return p.wrong(words[1] + " is not a kind of message; there are: vote, vote-reply, append, append-reply, heartbeat, propose, greet, greet-reply, timeout-now, offer, fetch, chunk, all")
	}
	r.kind = kind
	names := words[2:]
	if n := len(names); n > 1 && names[n-1] == "once" {
		r.once, names = true, names[:n-1]
	}
	if n := len(names); n > 2 && names[n-2] == "term" {
		t, err := strconv.ParseUint(names[n-1], 10, 32)
		if err != nil {
			return p.wrong(names[n-1] + " is not a term")
		}
		r.term, names = raft.Term(t), names[:n-2]
	}
	links, err := p.links(names)
	if err == nil && len(links)+len(p.world.script.rules) > rulesMax {
		return p.wrong("there are " + num(rulesMax) + " rules for messages already; pass ends them all")
	}
	for _, l := range links {
		r.from, r.to = l.from, l.to
		p.world.script.rules = append(p.world.script.rules, r)
	}
	return err
}

var ruleKinds = map[string]raft.MessageKind{
	"all": 0, "vote": raft.KindRequestVote, "vote-reply": raft.KindVoteReply, "append": raft.KindAppend,
	"append-reply": raft.KindAppendReply, "heartbeat": raft.KindHeartbeat, "propose": raft.KindPropose,
	"greet": raft.KindGreet, "greet-reply": raft.KindGreetReply, "timeout-now": raft.KindTimeoutNow,
	"offer": raft.KindInstallSnapshot, "fetch": raft.KindSnapshotFetch, "chunk": raft.KindSnapshotChunk,
}
