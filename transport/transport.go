package transport

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"veche/raft"
)

// Config says who a Transport is and whom it talks to. Cluster, Self, Boot,
// Listener and Receive are required.
type Config struct {
	Cluster     raft.ClusterID
	Self        raft.NodeID
	Boot        raft.Boot
	Incarnation raft.Incarnation
	// Listener accepts the connections of others. It belongs to the Transport
	// once New has succeeded, which closes it.
	Listener net.Listener
	// Advertise is the address at which others reach Listener. Those who do not
	// know this node answer it there. Empty: they cannot.
	Advertise string
	// Dial connects to a peer; nil stands for net.Dialer, whose connections have
	// TCP_NODELAY and keep-alive on.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// Peers are the addresses of the others at the start. Self may be among
	// them, and is passed over.
	Peers map[raft.NodeID]string
	// Receive is called with what arrived, never an empty slice, from one
	// goroutine a connection: it must be safe for concurrent use and must not
	// block for long. The slice, and all it refers to, is the callee's to keep.
	Receive func(ms []raft.Message)
	// PeerDown is told that the last connection with that boot of that peer has
	// closed, in whichever direction and lane; PeerUp that the first one opened.
	// Calls for one run of a peer alternate, Up first, and one call is made at
	// a time. What closes and opens again while an earlier call is still being
	// made is not told. Every Receive of that run's messages has returned when
	// PeerDown is called. They must not block, and must not call Close. Both
	// may be nil; neither is called once Close has begun.
	PeerDown func(peer raft.NodeID, boot raft.Boot)
	PeerUp   func(peer raft.NodeID, boot raft.Boot)
	// Logger is told of connections made, lost and refused; nil: nobody is.
	Logger *slog.Logger
	Limits Limits
}

// Transport sends messages to other hosts and receives theirs. Its methods may
// be called from any goroutine.
type Transport struct {
	cfg      Config
	limits   Limits
	log      *slog.Logger
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	tasks    sync.WaitGroup // all goroutines
	presence presence
	routes   atomic.Pointer[map[raft.NodeID]*peer] // a copy of peers, for Send
	totals   totals

	mu       sync.Mutex              // guards: all below, and what peer and lane say so
	closed   bool                    // nothing new may start
	peers    map[raft.NodeID]*peer   // members by SetPeer, and strangers
	conns    map[net.Conn]struct{}   // all that are open, hello or not
	accepted int                     // of them, those that others made
	heard    map[raft.NodeID][]*link // accepted, with their hello complete
}

// peer is another member, or a stranger: one that SetPeer did not name and
// that is heard all the same. A stranger is forgotten with the last connection
// it made.
type peer struct {
	id     raft.NodeID
	lanes  [lanesBound]*lane // nil at 0; all nil for a stranger without an address
	ctx    context.Context   // ends when the peer is forgotten
	cancel context.CancelFunc

	addr     string // guarded by Transport.mu
	stranger bool   // guarded by Transport.mu

	received received
}

// link is a connection whose hellos are complete.
type link struct {
	conn  net.Conn
	hello Hello         // the other side's
	done  chan struct{} // accepted only: closed when nothing more is delivered
}

func (k *link) run() run { return run{k.hello.From, k.hello.Boot} }

// New starts a Transport. The error says which part of cfg cannot work; then
// the Listener is still the caller's.
func New(cfg Config) (*Transport, error) {
	limits, err := cfg.Limits.withDefaults()
	switch {
	case err != nil:
		return nil, fmt.Errorf("start the transport: %w", err)
	case cfg.Listener == nil:
		return nil, errors.New("start the transport: it needs a listener")
	case cfg.Receive == nil:
		return nil, errors.New("start the transport: it needs a receiver of messages")
	case cfg.Self == 0:
		return nil, errors.New("start the transport: member id 0 is nobody's")
	case cfg.Boot == 0:
		return nil, errors.New("start the transport: boot 0 is unknown; boots count from 1")
	case len(cfg.Advertise) > addrMax:
		return nil, fmt.Errorf("start the transport: the advertised address has more than %d bytes", addrMax)
	}
	if cfg.Dial == nil {
		var d net.Dialer
		cfg.Dial = func(ctx context.Context, addr string) (net.Conn, error) { return d.DialContext(ctx, "tcp", addr) }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	t := &Transport{
		cfg: cfg, limits: limits, log: cfg.Logger,
		presence: presence{up: cfg.PeerUp, down: cfg.PeerDown, runs: map[run]*counted{}},
		peers:    map[raft.NodeID]*peer{},
		conns:    map[net.Conn]struct{}{},
		heard:    map[raft.NodeID][]*link{},
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.publish()
	for _, id := range slices.Sorted(maps.Keys(cfg.Peers)) {
		t.SetPeer(id, cfg.Peers[id])
	}
	t.tasks.Go(t.accept)
	return t, nil
}

// Send queues messages for their receivers and returns at once. It encodes them
// before it returns and keeps nothing of ms. A message to this node itself, to
// an unknown one, or to one whose queue is full is dropped and counted.
func (t *Transport) Send(ms []raft.Message) {
	routes := *t.routes.Load()
	var touched [touchedMax]*queue
	n := 0
	for i := range ms {
		m := &ms[i]
		p := routes[m.To]
		if p == nil || p.lanes[LaneControl] == nil {
			t.totals.unroutable(m.To == t.cfg.Self)
			continue
		}
		q := p.lanes[laneOf(m.Kind)].queue
		switch {
		case !q.put(m): // the writer has been called already
		case n < touchedMax:
			touched[n] = q
			n++
		default:
			q.signal()
		}
	}
	for _, q := range touched[:n] {
		q.signal()
	}
}

// SetPeer names a member and where it accepts connections, or changes that: its
// connections are then dialed anew. Nothing happens for this node itself.
func (t *Transport) SetPeer(id raft.NodeID, addr string) {
	if id == t.cfg.Self || id == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.enter(id, addr, false)
}

// RemovePeer forgets a member. While connections that it made are open it is
// kept as a stranger, and can be answered; then its connections are closed.
func (t *Transport) RemovePeer(id raft.NodeID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.peers[id]
	if p == nil {
		return
	}
	p.stranger = true
	t.forgetIfUnheard(p)
}

// enter makes or changes a peer. The caller holds mu.
func (t *Transport) enter(id raft.NodeID, addr string, stranger bool) *peer {
	p := t.peers[id]
	if p == nil {
		p = &peer{id: id}
		p.ctx, p.cancel = context.WithCancel(t.ctx)
		t.peers[id] = p
	}
	p.stranger = stranger
	moved := p.addr != addr
	p.addr = addr
	switch {
	case addr == "": // heard, and not answered
	case p.lanes[LaneControl] == nil:
		for lane := LaneControl; lane < lanesBound; lane++ {
			l := newLane(t, p, lane)
			p.lanes[lane] = l
			t.tasks.Go(l.loop)
		}
	case moved:
		for _, l := range p.lanes[LaneControl:] {
			l.interrupt()
			l.hurry()
		}
	}
	t.publish()
	return p
}

// hurry makes a peer's lanes redial at once: it has shown that it is there.
func (t *Transport) hurry(p *peer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.lanes[LaneControl] == nil {
		return // a stranger that did not say where it listens
	}
	for _, l := range p.lanes[LaneControl:] {
		l.hurry()
	}
}

// forgetIfUnheard drops a stranger without accepted connections. The caller
// holds mu.
func (t *Transport) forgetIfUnheard(p *peer) {
	if !p.stranger || len(t.heard[p.id]) > 0 || t.peers[p.id] != p {
		return
	}
	delete(t.peers, p.id)
	p.cancel()
	if p.lanes[LaneControl] != nil {
		for _, l := range p.lanes[LaneControl:] {
			l.interrupt()
		}
	}
	t.publish()
}

// publish gives Send a copy of peers. The caller holds mu, or is New. Lanes are
// set before their peer is published, and never changed.
func (t *Transport) publish() {
	routes := make(map[raft.NodeID]*peer, len(t.peers))
	for id, p := range t.peers {
		if p.lanes[LaneControl] != nil {
			routes[id] = p
		}
	}
	t.routes.Store(&routes)
}

// release closes a connection and forgets it.
func (t *Transport) release(conn net.Conn) {
	conn.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.conns, conn)
}

// mine is what this node says first on a connection.
func (t *Transport) mine(to raft.NodeID, lane Lane) Hello {
	return Hello{
		Cluster: t.cfg.Cluster, From: t.cfg.Self, To: to,
		Boot: t.cfg.Boot, Incarnation: t.cfg.Incarnation,
		Lane: lane, Addr: t.cfg.Advertise,
	}
}

// Close closes the listener and every connection, drops what waits to be sent,
// and returns when no goroutine of the Transport runs any more. Closing again
// does nothing. The error is the listener's.
func (t *Transport) Close() error {
	t.mu.Lock()
	var err error
	if !t.closed {
		t.closed = true
		t.presence.mute()
		t.cancel()
		err = t.cfg.Listener.Close()
		for conn := range t.conns {
			conn.Close()
		}
	}
	t.mu.Unlock()
	t.tasks.Wait()
	return err
}

// sortedPeers returns the peers in order of id. The caller holds mu.
func (t *Transport) sortedPeers() []*peer {
	return slices.SortedFunc(maps.Values(t.peers), func(a, b *peer) int { return cmp.Compare(a.id, b.id) })
}
