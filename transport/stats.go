package transport

import (
	"sync/atomic"
	"time"

	"veche/raft"
)

// Stats is what a Transport did since it started, and what is open now.
type Stats struct {
	// ToSelf and ToUnknown count messages that Send dropped for their receiver.
	ToSelf, ToUnknown uint64
	// Malformed counts connections closed for bytes that cannot be decoded, in
	// either direction; Misaddressed those closed for a message that named
	// another sender or receiver than the connection's.
	Malformed, Misaddressed uint64
	// Refused counts hellos that this node turned down, by Refusal.
	Refused [refusalsBound]uint64
	// Crowded counts connections closed because too many were open, Unfinished
	// those that ended before their hello did.
	Crowded, Unfinished uint64
	// Accepted is how many connections of others are open, hello or not.
	Accepted int
	// Strangers is how many of Peers were never named by SetPeer.
	Strangers int
	Peers     []PeerStats // in order of ID
}

// RefusedTotal returns how many hellos this node turned down.
func (s *Stats) RefusedTotal() (n uint64) {
	for _, r := range s.Refused {
		n += r
	}
	return n
}

// PeerStats is what passed between this node and one other.
type PeerStats struct {
	ID       raft.NodeID
	Addr     string
	Stranger bool
	Lanes    []LaneStats // to it; none for a stranger without an address
	// Heard are the lanes that it has connected to this node.
	Heard []Lane
	// From it. Bytes include the frames' headers.
	FramesReceived, MessagesReceived, BytesReceived uint64
	Malformed, Misaddressed                         uint64
}

// LaneStats is what was sent to one peer in one lane.
type LaneStats struct {
	Lane      Lane
	Connected bool
	// Dials counts attempts, Connects those that led to a complete hello: one
	// more than the reconnects.
	Dials, Connects         uint64
	Frames, Messages, Bytes uint64
	Waiting, WaitingBytes   int
	Dropped                 Drops
	// Handshake is how long the last exchange of hellos took: a round trip and
	// the other side's scheduling.
	Handshake time.Duration
}

type totals struct {
	toSelf, toUnknown       atomic.Uint64
	malformed, misaddressed atomic.Uint64
	crowded, unfinished     atomic.Uint64
	refused                 [refusalsBound]atomic.Uint64
}

func (c *totals) unroutable(self bool) {
	if self {
		c.toSelf.Add(1)
		return
	}
	c.toUnknown.Add(1)
}

type received struct {
	frames, messages, bytes atomic.Uint64
	malformed, misaddressed atomic.Uint64
}

// Stats returns the counters. They are read one after another, not at one
// moment.
func (t *Transport) Stats() Stats {
	c := &t.totals
	s := Stats{
		ToSelf: c.toSelf.Load(), ToUnknown: c.toUnknown.Load(),
		Malformed: c.malformed.Load(), Misaddressed: c.misaddressed.Load(),
		Crowded: c.crowded.Load(), Unfinished: c.unfinished.Load(),
	}
	for i := range s.Refused {
		s.Refused[i] = c.refused[i].Load()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Accepted = t.accepted
	s.Strangers = t.strangers()
	for _, p := range t.sortedPeers() {
		ps := p.stats()
		for _, k := range t.heard[p.id] {
			ps.Heard = append(ps.Heard, k.hello.Lane)
		}
		s.Peers = append(s.Peers, ps)
	}
	return s
}

// stats is called with Transport.mu held.
func (p *peer) stats() PeerStats {
	r := &p.received
	s := PeerStats{
		ID: p.id, Addr: p.addr, Stranger: p.stranger,
		FramesReceived: r.frames.Load(), MessagesReceived: r.messages.Load(), BytesReceived: r.bytes.Load(),
		Malformed: r.malformed.Load(), Misaddressed: r.misaddressed.Load(),
	}
	for _, l := range p.lanes {
		if l != nil {
			s.Lanes = append(s.Lanes, l.stats())
		}
	}
	return s
}

func (l *lane) stats() LaneStats {
	c := &l.sent
	s := LaneStats{
		Lane: l.id, Connected: c.connected.Load(),
		Dials: c.dials.Load(), Connects: c.connects.Load(),
		Frames: c.frames.Load(), Messages: c.messages.Load(), Bytes: c.bytes.Load(),
		Handshake: time.Duration(c.handshake.Load()),
	}
	s.WaitingBytes, s.Waiting, s.Dropped = l.queue.waiting()
	return s
}
