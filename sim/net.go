package sim

import "veche/raft"

// network is what lies between the nodes. Links are directed: a cut from S1 to
// S2 leaves S2 to S1 as it was. A nodeSet has bit i for the node with index i.
type network struct {
	nodes int
	rand  [nodesMax][nodesMax]Rand          // of each link
	cut   [nodesMax]nodeSet                 // cut[from] has to: nothing gets through
	free  [nodesMax][nodesMax]raft.Time     // a message on the link arrives no earlier, unless reordered
	slow  [nodesMax][nodesMax]raft.Duration // added to the latency of the link

	latencyMin, latencyMax raft.Duration

	// The chances of each message, in 4,096ths.
	drop, dup, delay, replay, reorder uint32
	delayMax                          raft.Duration

	hits [FaultReorder + 1]uint64 // messages that met each of these by chance
}

type nodeSet uint32

func (s nodeSet) has(i int) bool { return s>>i&1 == 1 }

// begin makes a network of whole links.
func (n *network) begin(seed uint64, nodes int) {
	n.nodes = nodes
	for from := range nodes {
		for to := range nodes {
			n.rand[from][to] = NewRand(seed, streamLinks+uint64(from*nodesMax+to))
		}
	}
}

// all is the set of the first n nodes.
func all(n int) nodeSet { return 1<<n - 1 }

// partition cuts every link between a node in side and one that is not.
func (n *network) partition(side nodeSet) {
	for from := range n.nodes {
		for to := range n.nodes {
			if side.has(from) != side.has(to) {
				n.cut[from] |= 1 << to
			}
		}
	}
}

// heal mends every link.
func (n *network) heal() {
	n.cut = [nodesMax]nodeSet{}
	n.slow = [nodesMax][nodesMax]raft.Duration{}
}

// fate is what becomes of one message.
type fate struct {
	lost   string // why it is lost; empty when it is not
	at     raft.Time
	again  raft.Time // when a copy arrives, 0 for no copy
	replay bool      // the copy is an old message out of nowhere
}

// send decides the fate of a message that leaves at now.
func (n *network) send(now raft.Time, from, to int) fate {
	if n.cut[from].has(to) {
		return fate{lost: "the link is cut"}
	}
	r := &n.rand[from][to]
	dice := r.Uint64()
	latency := raft.Duration(r.Between(int64(n.latencyMin), int64(n.latencyMax))) + n.slow[from][to]
	hit := func(chance uint32) bool {
		d := uint32(dice & 0xfff)
		dice >>= 12
		return d < chance
	}
	if hit(n.drop) {
		n.hits[FaultDrop]++
		return fate{lost: "the network dropped it"}
	}
	if hit(n.delay) {
		n.hits[FaultDelay]++
		latency += raft.Duration(r.LogBetween(int64(raft.Millisecond), int64(n.delayMax)))
	}
	f := fate{at: now + raft.Time(latency)}
	if hit(n.reorder) {
		n.hits[FaultReorder]++
		f.at += raft.Time(r.Between(0, int64(20*raft.Millisecond)))
	} else {
		f.at = max(f.at, n.free[from][to])
		n.free[from][to] = f.at
	}
	if hit(n.dup) {
		n.hits[FaultDuplicate]++
		f.again = f.at + raft.Time(r.Between(0, int64(5*raft.Millisecond)))
		if r.Intn(4096) < int(n.replay) {
			f.again, f.replay = f.at+raft.Time(r.LogBetween(int64(50*raft.Millisecond), int64(8*raft.Second))), true
		}
	}
	return f
}
