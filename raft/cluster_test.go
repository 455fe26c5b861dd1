package raft

import (
	"fmt"
	"slices"
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

	files   map[Index]stateFile // snapshots, by their index
	fetch   *Fetch              // its host gets a snapshot
	fetchMS int                 // how long that takes still
	slowly  int                 // how long it takes, in milliseconds
}

// stateFile is a snapshot file: what was applied up to its base.
type stateFile struct {
	base    Base
	applied []Entry
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
	n.disk.Damaged = n.disk.Damaged && n.disk.Hard.Standing == Admitted
	core, err := New(n.cfg, n.disk, c.now)
	if err != nil {
		c.t.Fatalf("start %d: %v", id, err)
	}
	if n.disk.Damaged { // the log that was salvaged says so itself, and only once
		n.disk.Damaged, n.disk.Hard.Standing = false, Damaged
	}
	n.core, n.applied, n.wake, n.writes, n.outcomes, n.fetch = core, nil, c.now, nil, nil, nil
	n.applied = slices.Clone(n.files[n.disk.Snapshot.Index].applied)
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
	if o.Restore != nil {
		f, held := n.files[o.Restore.Index]
		if !held {
			c.t.Fatalf("node %d stands on a snapshot that it has not", n.id)
		}
		n.applied = slices.Clone(f.applied)
	}
	n.applied = append(n.applied, o.Apply...)
	if o.Fetch != nil && (n.fetch == nil || *n.fetch != *o.Fetch) {
		n.fetch, n.fetchMS = o.Fetch, n.slowly
	}
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
		if int(m.To) > len(c.nodes) {
			continue // a member that has not started
		}
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
		c.fetch(n)
		if n.core != nil && n.wake <= c.now {
			c.step(n, Input{Kind: InputWake})
		}
	}
}

// fetch does what a host does for Output.Fetch, a little each millisecond.
func (c *cluster) fetch(n *node) {
	if n.core == nil || n.fetch == nil {
		return
	}
	from := c.node(n.fetch.From)
	if from.core == nil || c.cut[[2]NodeID{from.id, n.id}] || c.cut[[2]NodeID{n.id, from.id}] {
		return
	}
	if n.fetchMS--; n.fetchMS > 0 {
		return
	}
	f, held := from.files[n.fetch.Index]
	in := Input{Kind: InputInstalled, Index: n.fetch.Index}
	if held && f.base.Term == n.fetch.Term {
		n.keep(f)
		in.Base = &f.base
	}
	n.fetch = nil
	c.step(n, in)
}

func (n *node) keep(f stateFile) {
	if n.files == nil {
		n.files = map[Index]stateFile{}
	}
	n.files[f.base.Index] = f
}

// snapshot lets a server save a snapshot of all that it has applied.
func (c *cluster) snapshot(n *node) Index {
	last := n.applied[len(n.applied)-1]
	n.keep(stateFile{base: Base{Index: last.Index, Term: last.Term, Config: n.core.configAt(last.Index).Config},
		applied: slices.Clone(n.applied)})
	c.step(n, Input{Kind: InputSnapshotted, Index: last.Index})
	return last.Index
}

// change asks a leader for a change of the configuration.
func (c *cluster) change(n *node, tag uint64, changes ...Change) {
	c.step(n, Input{Kind: InputChange, Tag: tag, Changes: changes})
}

// join adds a machine with an empty disk that knows the configuration of n.
func (c *cluster) join(n *node) *node {
	id := NodeID(len(c.nodes) + 1)
	j := &node{id: id, cfg: Config{Group: 1, Self: id, Incarnation: Incarnation(100 + id), Joining: true,
		ClientAddr: fmt.Sprint("c", id), Initial: n.core.config().Clone(), Seed: uint64(id) * 7919}}
	c.nodes = append(c.nodes, j)
	c.start(id)
	return j
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
	if w.Cut != nil && !r.holds(w.Cut) {
		r.Entries, r.Cut = nil, *w.Cut
	} else if w.Cut != nil {
		r.Entries = r.Entries[w.Cut.Index-r.Cut.Index:]
		r.Cut = *w.Cut
	}
}

func (r *Restored) holds(at *Base) bool {
	k := int(at.Index) - int(r.Cut.Index) - 1
	return k == -1 && r.Cut.Term == at.Term || k >= 0 && k < len(r.Entries) && r.Entries[k].Term == at.Term
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
		if followed, _ := n.core.config().decided(func(id NodeID) (yes, no bool) {
			if int(id) > len(c.nodes) || c.node(id).core == nil {
				return false, false
			}
			o := c.node(id).core
			return o.Leader() == n.id && o.Term() == n.core.Term(), false
		}); followed {
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
