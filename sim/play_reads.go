package sim

import (
	"strconv"
	"strings"

	"veche/host"
	"veche/raft"
)

// The commands of stories about reads and clocks:
//
//	get-local x @S1          a client is told what S1 itself has: no promise; by C2
//	get-unchecked x @S1      the same, if S1 believes that it leads
//	clock S1 x0.5            from now on S1's clock goes half as fast
//
// Condition: fetching S3 40, see there.

// bareRead answers a read with what a server itself has, and asks nobody.
func (p *Player) bareRead(words []string) error {
	usage := words[0] + " takes a key and a server: " + words[0] + " x @S1"
	c, words, err := p.whoAsks(words)
	if err != nil {
		return err
	}
	i, args, err := p.at(words[1:], usage)
	if err != nil {
		return err
	}
	if len(args) != 1 {
		return p.wrong(usage)
	}
	w := p.world
	id := p.note(Op{Client: c, Node: i, Kind: OpGet}, asked{words: words[0] + " " + args[0]})
	if words[0] == "get-unchecked" && w.witness.leads[i] == 0 {
		w.end(&w.load.ops[id], OpRefused)
		return nil
	}
	w.finished(&w.load.ops[id], i, host.Result{Index: w.witness.applied[i]})
	return nil
}

// clock takes "S1 x0.5".
func (p *Player) clock(args []string) error {
	const usage = "clock takes a server and how fast its clock goes, from x0.1 to x10: clock S1 x0.5"
	if len(args) != 2 {
		return p.wrong(usage)
	}
	i, err := p.node(args[0])
	if err != nil {
		return err
	}
	speed, ok := millionths(strings.TrimPrefix(args[1], "x"))
	if !ok || speed < 1e5 || speed > 1e7 {
		return p.wrong(usage)
	}
	w := p.world
	n := &w.nodes[i]
	if !n.up {
		return p.wrong(name(i) + " does not run")
	}
	w.bent = true
	n.origin, n.start = w.now, n.raw(w.now)
	n.rate = speed - 1e6
	n.planned = raft.Never
	w.planWake(i)
	return nil
}

// fetching takes "S3 40": S3 has fetched so much of a snapshot, in per cent, or
// more; and it is not through.
func (p *Player) fetching(args []string) (bool, error) {
	const usage = "fetching takes a server and per cent: fetching S3 40"
	if len(args) != 2 {
		return false, p.wrong(usage)
	}
	i, err := p.node(args[0])
	if err != nil {
		return false, err
	}
	least, err := strconv.ParseUint(args[1], 10, 32)
	if err != nil {
		return false, p.wrong(usage)
	}
	n := &p.world.nodes[i]
	if !n.up {
		return false, nil
	}
	f := n.group.Receiving(n.clock(p.world.now))
	return f != nil && f.Bytes*100 >= f.Total*least && (least == 0 || f.Total > 0), nil
}
