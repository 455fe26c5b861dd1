package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"veche/raft"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of a test; a test that passes never uses it up.
const patience = 20 * time.Second

var testCluster = raft.ClusterID{1, 2, 3}

// node is a Transport and all that it was told.
type node struct {
	*Transport
	t    testing.TB
	addr string

	mu      sync.Mutex // guards: all below
	got     []raft.Message
	events  []string
	changed chan struct{} // closed and replaced at every change
}

// startNode starts a node on loopback, at addr or anywhere; change may alter
// its configuration.
func startNode(t testing.TB, id raft.NodeID, addr string, change func(*Config)) *node {
	t.Helper()
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, addr: ln.Addr().String(), changed: make(chan struct{})}
	cfg := Config{
		Cluster: testCluster, Self: id, Boot: 1, Incarnation: raft.Incarnation(id) * 100,
		Listener: ln, Advertise: n.addr, Receive: n.receive,
		PeerUp:   func(p raft.NodeID, b raft.Boot) { n.event("up", p, b) },
		PeerDown: func(p raft.NodeID, b raft.Boot) { n.event("down", p, b) },
	}
	if change != nil {
		change(&cfg)
	}
	if n.Transport, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// startPair starts nodes 1 and 2 that know each other, and waits for all four
// connections.
func startPair(t testing.TB, change func(*Config)) (a, b *node) {
	t.Helper()
	a = startNode(t, 1, "", change)
	b = startNode(t, 2, "", change)
	a.SetPeer(2, b.addr)
	b.SetPeer(1, a.addr)
	a.awaitOpen(run{2, 1}, 6)
	b.awaitOpen(run{1, 1}, 6)
	return a, b
}

func (n *node) receive(ms []raft.Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.got = append(n.got, ms...)
	n.notify()
}

func (n *node) event(what string, p raft.NodeID, b raft.Boot) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, fmt.Sprintf("%s %d.%d", what, p, b))
	n.notify()
}

// notify is called with mu held.
func (n *node) notify() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// await waits until holds is true of what n was told; holds runs under mu.
func (n *node) await(what string, holds func() bool) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		n.mu.Lock()
		ok, changed := holds(), n.changed
		n.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			n.t.Fatalf("waited in vain for %s; events %v, stats %+v", what, n.told(), n.Stats())
		}
	}
}

func (n *node) told() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.events...)
}

func (n *node) awaitMessages(count int) []raft.Message {
	n.t.Helper()
	var got []raft.Message
	n.await(fmt.Sprint(count, " messages"), func() bool {
		got = append(got[:0], n.got...)
		return len(got) >= count
	})
	return got
}

func (n *node) awaitEvents(want ...string) {
	n.t.Helper()
	n.await(fmt.Sprint("the events ", want), func() bool { return len(n.events) >= len(want) })
	if got := n.told(); fmt.Sprint(got) != fmt.Sprint(want) {
		n.t.Fatalf("events %v, want %v", got, want)
	}
}

// eventually polls for what no callback tells.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// open returns how many connections with a run are counted.
func (n *node) open(r run) int {
	n.presence.mu.Lock()
	defer n.presence.mu.Unlock()
	if c := n.presence.runs[r]; c != nil {
		return c.open
	}
	return 0
}

func (n *node) awaitOpen(r run, count int) {
	n.t.Helper()
	eventually(n.t, fmt.Sprintf("%d connections with %v", count, r), func() bool { return n.open(r) == count })
}

func (n *node) peerStats(id raft.NodeID) PeerStats {
	for _, p := range n.Stats().Peers {
		if p.ID == id {
			return p
		}
	}
	return PeerStats{}
}

func (n *node) laneStats(id raft.NodeID, lane Lane) LaneStats {
	for _, l := range n.peerStats(id).Lanes {
		if l.Lane == lane {
			return l
		}
	}
	return LaneStats{}
}

func heartbeat(from, to raft.NodeID, round uint64) raft.Message {
	return raft.Message{Group: 1, Kind: raft.KindHeartbeat, From: from, To: to, Boot: 1, Term: 1, Heartbeat: raft.Heartbeat{Round: round}}
}

func appendEntries(from, to raft.NodeID, round uint64, data []byte) raft.Message {
	return raft.Message{Group: 1, Kind: raft.KindAppend, From: from, To: to, Boot: 1, Term: 1, Append: raft.Append{
		Round: round, PrevIndex: 7, PrevTerm: 1, Entries: []raft.Entry{{Index: 8, Term: 1, Kind: raft.EntryCommand, Data: data}},
	}}
}

// helloTo is a good hello of member 9 to n.
func helloTo(n *node) Hello {
	return Hello{Cluster: testCluster, From: 9, To: n.cfg.Self, Boot: 5, Incarnation: 900, Lane: LaneControl}
}

// rawDial connects to n without a Transport and writes bytes.
func rawDial(t testing.TB, n *node, bytes ...[]byte) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	for _, b := range bytes {
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	return conn
}

// rawJoin connects to n and completes the hellos.
func rawJoin(t testing.TB, n *node, h Hello) net.Conn {
	t.Helper()
	conn := rawDial(t, n, appendHello(nil, &h))
	if _, _, err := PeekHello(conn); err != nil {
		t.Fatalf("hello %+v was answered by: %v", h, err)
	}
	return conn
}

// awaitClosed reads until the other side has closed conn.
func awaitClosed(t testing.TB, conn net.Conn) {
	t.Helper()
	_, err := io.Copy(io.Discard, conn)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatal("the connection stayed open")
	}
}

// frameOf is a sealed frame of messages.
func frameOf(ms ...raft.Message) []byte {
	l, _ := Limits{}.withDefaults()
	q := newQueue(LaneBulk, &l)
	for i := range ms {
		q.put(&ms[i])
	}
	b, _ := q.take()
	sealFrame(b)
	return b
}

// frameAround is a sealed frame with any payload.
func frameAround(payload []byte) []byte {
	b := append(make([]byte, frameHeader), payload...)
	sealFrame(b)
	return b
}
