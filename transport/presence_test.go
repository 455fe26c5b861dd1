package transport

import (
	"fmt"
	"net"
	"sync"
	"testing"

	"veche/raft"
)

// Goal: the end of a process is told once, however its sockets end. Method: raw
// connections of both lanes; one ends with FIN, which tells nothing, the other
// with RST, which does.
func TestPeerDown_OnceWhenTheLastConnectionCloses(t *testing.T) {
	n := startNode(t, 1, "", nil)
	h := helloTo(n)
	control := rawJoin(t, n, h)
	h.Lane = LaneBulk
	bulk := rawJoin(t, n, h)
	n.awaitOpen(run{9, 5}, 2)
	control.Close()
	n.awaitOpen(run{9, 5}, 1)
	n.awaitEvents("up 9.5")
	bulk.(*net.TCPConn).SetLinger(0) // close with a reset
	bulk.Close()
	n.awaitEvents("up 9.5", "down 9.5")
	h.Boot = 6
	rawJoin(t, n, h)
	n.awaitEvents("up 9.5", "down 9.5", "up 9.6")
}

// Goal: as above with connections in both directions. Method: of two nodes one
// closes all its sockets.
func TestPeerDown_OnceWhenAProcessDies(t *testing.T) {
	a, b := startPair(t, nil)
	b.Close()
	a.awaitEvents("up 2.1", "down 2.1")
	eventually(t, "some redials", func() bool { return a.laneStats(2, LaneControl).Dials > 3 })
	a.awaitEvents("up 2.1", "down 2.1")
}

// Goal: the loss of one lane is not taken for the loss of the process. Method:
// close one lane's connection from either end; it is remade, nothing is told.
func TestPeerDown_NotForOneLane(t *testing.T) {
	a, b := startPair(t, nil)
	for _, n := range []*node{a, b} {
		other := 3 - n.cfg.Self
		n.Transport.mu.Lock()
		n.peers[other].lanes[LaneControl].interrupt()
		n.Transport.mu.Unlock()
		eventually(t, "the lane to be remade", func() bool { return n.laneStats(other, LaneControl).Connects == 2 })
		a.awaitOpen(run{2, 1}, 6)
		b.awaitOpen(run{1, 1}, 6)
	}
	a.awaitEvents("up 2.1")
	b.awaitEvents("up 1.1")
}

// Goal: connections without a complete hello are nobody's. Method: one that
// says half a hello, one that is refused.
func TestPeerDown_NotForConnectionsWithoutAHello(t *testing.T) {
	n := startNode(t, 1, "", nil)
	h := helloTo(n)
	rawDial(t, n, appendHello(nil, &h)[:30]).Close()
	h.To = 77
	rawDial(t, n, appendHello(nil, &h)).Close()
	eventually(t, "both to be over", func() bool { s := n.Stats(); return s.Unfinished == 1 && s.RefusedTotal() == 1 })
	h.To = 1
	rawJoin(t, n, h)
	n.awaitEvents("up 9.5")
}

// Goal: a newer connection replaces the older of the same lane without a
// PeerDown, and a newer boot ends the older, unless the data directory is
// another. Method: raw connections one after another.
func TestPeerDown_NewerRunEndsTheOlder(t *testing.T) {
	n := startNode(t, 1, "", nil)
	h := helloTo(n)
	first := rawJoin(t, n, h)
	second := rawJoin(t, n, h)
	awaitClosed(t, first)
	n.awaitOpen(run{9, 5}, 1)
	n.awaitEvents("up 9.5")
	h.Boot = 7
	third := rawJoin(t, n, h)
	awaitClosed(t, second)
	n.await("the change of runs", func() bool { return len(n.events) == 3 })
	if got := fmt.Sprint(n.told()); got != "[up 9.5 up 9.7 down 9.5]" {
		t.Fatalf("events %v", got)
	}
	h.Boot, h.Incarnation = 8, 901
	rawJoin(t, n, h)
	third.Write(frameOf(heartbeat(9, 1, 3)))
	n.awaitMessages(1) // third is still heard
}

// Goal: the calls for a run alternate, Up first, one at a time, and end as the
// connections do. Method: many goroutines join and leave, each in its own order.
func TestPresence_CallsAlternate(t *testing.T) {
	var calls sync.Mutex // held during a call: a second one at once would be seen
	state := map[run]bool{}
	told := 0
	tell := func(up bool) func(raft.NodeID, raft.Boot) {
		return func(p raft.NodeID, b raft.Boot) {
			if !calls.TryLock() {
				t.Error("two calls at once")
				return
			}
			defer calls.Unlock()
			if state[run{p, b}] == up {
				t.Errorf("told up=%v of %d.%d twice", up, p, b)
			}
			state[run{p, b}] = up
			told++
		}
	}
	p := &presence{up: tell(true), down: tell(false), runs: map[run]*counted{}}
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 2000 {
				r := run{raft.NodeID((g + i) % 3), raft.Boot(i % 2)}
				p.join(r)
				p.leave(r)
			}
		})
	}
	all.Wait()
	for r, up := range state {
		if up {
			t.Errorf("%v was left up", r)
		}
	}
	if len(p.runs) != 0 || len(p.pending) != 0 || told == 0 {
		t.Fatalf("left %v %v, told %d", p.runs, p.pending, told)
	}
}
