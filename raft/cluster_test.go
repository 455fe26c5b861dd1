package raft

import (
	"fmt"
	"testing"
)

// cluster drives a few cores in one thread: messages take one millisecond,
// writes take one millisecond, and a test may cut links or crash servers.
type cluster struct {
	t       *testing.T
	now     Time
	nodes   []*node // by ID-1
	wire    []Message
	cut     map[[2]NodeID]bool
	drop    func(*Message) bool
	trace   []Event
	boot    Boot
	byClose bool // a crash is seen by the others as closed connections
}

type node struct {
	id       NodeID
	cfg      Config
	core     *Core
	out      Output
	disk     Restored
	writes   []Write // not yet durable
	applied  []Entry
	outcomes []Outcome
	wake     Time
	boot     Boot
	diskSlow bool // writes stay undone
}

func newCluster(t *testing.T, n int) *cluster {
	c := &cluster{t: t, cut: map[[2]NodeID]bool{}}
	conf := Configuration{}
	for id := NodeID(1); id <= NodeID(n); id++ {
		conf.Members = append(conf.Members, Member{ID: id, Name: fmt.Sprint("n", id)})
		conf.Voters = append(conf.Voters, id)
	}
	for id := NodeID(1); id <= NodeID(n); id++ {
		c.nodes = append(c.nodes, &node{id: id, cfg: Config{Group: 1, Self: id, Incarnation: Incarnation(100 + id),
			ClientAddr: fmt.Sprint("c", id), Initial: conf, Seed: uint64(id) * 7919}})
	}
	return c
}

func (c *cluster) node(id NodeID) *node { return c.nodes[id-1] }

func (c *cluster) startAll() *cluster {
	for _, n := range c.nodes {
		c.start(n.id)
	}
	return c
}

func (c *cluster) start(id NodeID) {
	n := c.node(id)
	c.boot++
	n.cfg.Boot, n.boot = c.boot, c.boot
	n.cfg.Seed += 17
	core, err := New(n.cfg, n.disk, c.now)
	if err != nil {
		c.t.Fatalf("start %d: %v", id, err)
	}
	n.core, n.applied, n.wake, n.writes, n.outcomes = core, nil, c.now, nil, nil
}

// crash loses what was not yet durable.
func (c *cluster) crash(id NodeID) {
	n := c.node(id)
	n.core = nil
	keep := c.wire[:0]
	for _, m := range c.wire {
		if m.To != id {
			keep = append(keep, m)
		}
	}
	c.wire = keep
	if c.byClose {
		for _, o := range c.nodes {
			if o.core != nil && o != n {
				c.step(o, Input{Kind: InputPeerDown, Peer: id, Boot: n.boot})
			}
		}
	}
}

func (c *cluster) step(n *node, in Input) {
	n.core.Step(c.now, in, &n.out)
	o := &n.out
	if f := n.core.Fault(); f != "" {
		c.t.Fatalf("node %d halted: %s", n.id, f)
	}
	if o.Write.Seq != 0 {
		n.writes = append(n.writes, o.Write)
	}
	c.wire = append(c.wire, o.Send...)
	n.applied = append(n.applied, o.Apply...)
	n.outcomes = append(n.outcomes, o.Outcomes...)
	c.trace = append(c.trace, o.Events...)
	n.wake = o.Wake
}

// tick passes one millisecond: what was written becomes durable, what was sent
// arrives, and whoever is due wakes.
func (c *cluster) tick() {
	c.now += Time(Millisecond)
	for _, n := range c.nodes {
		if n.core == nil || n.diskSlow || len(n.writes) == 0 {
			continue
		}
		for _, w := range n.writes {
			n.disk.write(w)
		}
		last := n.writes[len(n.writes)-1].Seq
		n.writes = nil
		c.step(n, Input{Kind: InputPersisted, Seq: last})
	}
	arriving := c.wire
	c.wire = nil
	for k := range arriving {
		m := arriving[k]
		n := c.node(m.To)
		if n.core == nil || c.cut[[2]NodeID{m.From, m.To}] || c.drop != nil && c.drop(&m) {
			continue
		}
		var back Message
		if err := DecodeMessage(AppendMessage(nil, &m), &back); err != nil {
			c.t.Fatalf("codec: %v in %+v", err, m)
		}
		c.step(n, Input{Kind: InputReceive, Message: &back})
	}
	for _, n := range c.nodes {
		if n.core != nil && n.wake <= c.now {
			c.step(n, Input{Kind: InputWake})
		}
	}
}

// write carries out one atomic write.
func (r *Restored) write(w Write) {
	if w.HardChanged {
		r.Hard = w.Hard
	}
	if len(w.Entries) > 0 {
		keep := w.Entries[0].Index - r.Cut.Index - 1
		r.Entries = append(r.Entries[:keep:keep], w.Entries...)
	}
	if w.Snapshot != nil {
		r.Snapshot = *w.Snapshot
	}
	if w.Cut != nil {
		r.Entries = r.Entries[w.Cut.Index-r.Cut.Index:]
		r.Cut = *w.Cut
	}
}

// until lets time pass until done, at most for a number of milliseconds.
func (c *cluster) until(what string, ms int, done func() bool) {
	c.t.Helper()
	for range ms {
		if done() {
			return
		}
		c.tick()
	}
	if !done() {
		for _, e := range c.trace[max(0, len(c.trace)-60):] {
			c.t.Logf("%6.1f ms n%d %d peer %d term %d index %d reason %d", float64(e.At)/1e6, e.Node, e.Kind, e.Peer, e.Term, e.Index, e.Reason)
		}
		c.t.Fatalf("%s: not within %d ms", what, ms)
	}
}

func (c *cluster) pass(ms int) {
	for range ms {
		c.tick()
	}
}

// leader gives the leader that a majority follows, or nil.
func (c *cluster) leader() *node {
	for _, n := range c.nodes {
		if n.core == nil || n.core.Role() != Leader {
			continue
		}
		follow := 0
		for _, o := range c.nodes {
			if o.core != nil && o.core.Leader() == n.id && o.core.Term() == n.core.Term() {
				follow++
			}
		}
		if follow > len(c.nodes)/2 {
			return n
		}
	}
	return nil
}

func (c *cluster) elect() *node {
	c.t.Helper()
	c.until("a leader whose first entry is committed", 3000, func() bool {
		l := c.leader()
		return l != nil && l.core.commit >= l.core.firstOfTerm
	})
	return c.leader()
}

func (c *cluster) propose(n *node, tag uint64, data string) {
	c.step(n, Input{Kind: InputPropose, Proposals: []Proposal{{Tag: tag, Kind: EntryCommand, Data: []byte(data)}}})
}

func (n *node) outcome(tag uint64) (Outcome, bool) {
	for _, o := range n.outcomes {
		if o.Tag == tag {
			return o, true
		}
	}
	return Outcome{}, false
}

func (n *node) commands() (all []string) {
	for _, e := range n.applied {
		if e.Kind == EntryCommand {
			all = append(all, string(e.Data))
		}
	}
	return all
}

// isolate cuts a server off in both directions; heal joins all again.
func (c *cluster) isolate(ids ...NodeID) {
	in := map[NodeID]bool{}
	for _, id := range ids {
		in[id] = true
	}
	for _, a := range c.nodes {
		for _, b := range c.nodes {
			if in[a.id] != in[b.id] {
				c.cut[[2]NodeID{a.id, b.id}] = true
			}
		}
	}
}

func (c *cluster) heal() { clear(c.cut) }
