package transport

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"veche/raft"
)

// Goal: what is sent arrives whole and in order within a lane. Method: numbered
// messages in both lanes over loopback, compared one by one.
func TestSend_KeepsOrderWithinALane(t *testing.T) {
	a, b := startPair(t, nil)
	const rounds, burst = 20, 200
	data := bytes.Repeat([]byte("x"), 300)
	for r := range rounds {
		var ms []raft.Message
		for i := range burst {
			n := uint64(r*burst + i)
			ms = append(ms, heartbeat(1, 2, n), appendEntries(1, 2, n, data))
		}
		a.Send(ms)
		b.awaitMessages(len(ms) * (r + 1))
	}
	var beats, appends uint64
	for _, m := range b.awaitMessages(2 * rounds * burst) {
		switch {
		case m.From != 1 || m.To != 2 || m.Boot != 1 || m.Term != 1:
			t.Fatalf("envelope %+v", m)
		case m.Kind == raft.KindHeartbeat && m.Heartbeat.Round == beats:
			beats++
		case m.Kind == raft.KindAppend && m.Append.Round == appends && bytes.Equal(m.Append.Entries[0].Data, data):
			appends++
		default:
			t.Fatalf("%v came after %d heartbeats and %d appends", m, beats, appends)
		}
	}
	eventually(t, "the sender counts what has arrived", func() bool { // it counts after the write
		return a.laneStats(2, LaneBulk).Messages == rounds*burst && a.laneStats(2, LaneControl).Messages == rounds*burst
	})
	s := a.laneStats(2, LaneBulk)
	if s.Messages != rounds*burst || s.Frames == 0 || s.Dropped != (Drops{}) || s.Handshake <= 0 {
		t.Fatalf("sender's stats %+v", s)
	}
	if p := b.peerStats(1); p.MessagesReceived != 2*rounds*burst || p.BytesReceived != s.Bytes+a.laneStats(2, LaneControl).Bytes {
		t.Fatalf("receiver's stats %+v", p)
	}
}

// Goal: messages whose bytes the sender changes after Send arrive as they were.
// Method: overwrite the entry's data right after Send, twice.
func TestSend_KeepsNothingOfItsArgument(t *testing.T) {
	a, b := startPair(t, nil)
	data := []byte("first")
	ms := []raft.Message{appendEntries(1, 2, 1, data)}
	a.Send(ms)
	copy(data, "wrong")
	ms[0].To = 1
	if got := b.awaitMessages(1)[0].Append.Entries[0].Data; string(got) != "first" {
		t.Fatalf("received %q", got)
	}
	ms[0] = appendEntries(1, 2, 2, []byte("other"))
	a.Send(ms)
	if got := b.awaitMessages(2)[0].Append.Entries[0].Data; string(got) != "first" {
		t.Fatalf("the first message became %q when the second arrived", got)
	}
}

// Goal: large frames, beyond every buffer, arrive whole. Method: messages of 3
// and 20 MiB among small ones.
func TestSend_CarriesLargeMessages(t *testing.T) {
	a, b := startPair(t, nil)
	for i, size := range []int{3 << 20, 1, 20 << 20, readBuffer, 100} {
		data := bytes.Repeat([]byte{byte(i + 1)}, size)
		a.Send([]raft.Message{appendEntries(1, 2, uint64(i), data)})
		if got := b.awaitMessages(i + 1)[i].Append.Entries[0].Data; !bytes.Equal(got, data) {
			t.Fatalf("message %d of %d bytes arrived as %d bytes", i, size, len(got))
		}
	}
}

// Goal: what cannot be routed is dropped and counted. Method: messages to self,
// to nobody and to an unknown member.
func TestSend_CountsWhatItCannotRoute(t *testing.T) {
	a := startNode(t, 1, "", func(c *Config) { c.Peers = map[raft.NodeID]string{1: "127.0.0.1:1"} })
	a.Send([]raft.Message{heartbeat(1, 1, 0), heartbeat(1, 0, 0), heartbeat(1, 77, 0)})
	if s := a.Stats(); s.ToSelf != 1 || s.ToUnknown != 2 || len(s.Peers) != 0 {
		t.Fatalf("stats %+v", s)
	}
}

// Goal: a heartbeat does not wait behind entries. Method: the receiver stops
// taking entries until the sender's bulk queue overflows; a heartbeat must
// arrive all the same, and the entries once the receiver goes on.
func TestLanes_ControlOvertakesAFullBulkLane(t *testing.T) {
	a := startNode(t, 1, "", func(c *Config) { c.Limits.QueueBytes = 1 << 20 })
	release := make(chan struct{})
	var b *node
	b = startNode(t, 2, "", func(c *Config) {
		receive := c.Receive
		c.Receive = func(ms []raft.Message) {
			if ms[0].Kind == raft.KindAppend {
				<-release
			}
			receive(ms)
		}
	})
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free) // before the nodes close
	a.SetPeer(2, b.addr)
	a.awaitOpen(run{2, 1}, 6) // b dials back
	data := make([]byte, 64<<10)
	eventually(t, "the bulk queue to overflow", func() bool {
		a.Send([]raft.Message{appendEntries(1, 2, 0, data)})
		return a.laneStats(2, LaneBulk).Dropped.Full > 0
	})
	a.Send([]raft.Message{heartbeat(1, 2, 42)})
	if got := b.awaitMessages(1)[0]; got.Kind != raft.KindHeartbeat || got.Heartbeat.Round != 42 {
		t.Fatalf("first came %+v", got)
	}
	free()
	b.awaitMessages(2)
}

// snapshotChunk is a part of a snapshot on its way.
func snapshotChunk(from, to raft.NodeID, offset uint64, data []byte) raft.Message {
	return raft.Message{Group: 1, Kind: raft.KindSnapshotChunk, From: from, To: to, Boot: 1,
		Chunk: &raft.SnapshotChunk{Index: 7, Term: 2, Offset: offset, Total: 1 << 40, Data: data}}
}

// Goal: neither a heartbeat nor entries wait behind a snapshot, and the queue of
// its lane is bounded. Method: the receiver stops taking chunks until the
// sender's snapshot queue overflows.
func TestLanes_NothingWaitsBehindASnapshot(t *testing.T) {
	a := startNode(t, 1, "", nil)
	release := make(chan struct{})
	var b *node
	b = startNode(t, 2, "", func(c *Config) {
		receive := c.Receive
		c.Receive = func(ms []raft.Message) {
			if ms[0].Kind == raft.KindSnapshotChunk {
				<-release
			}
			receive(ms)
		}
	})
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free) // before the nodes close
	a.SetPeer(2, b.addr)
	a.awaitOpen(run{2, 1}, 6) // b dials back
	data := make([]byte, 256<<10)
	eventually(t, "the snapshot queue to overflow", func() bool {
		a.Send([]raft.Message{snapshotChunk(1, 2, 0, data)})
		return a.laneStats(2, LaneSnapshot).Dropped.Full > 0
	})
	if s := a.laneStats(2, LaneSnapshot); s.WaitingBytes > snapshotBytesMax {
		t.Errorf("%d bytes of a snapshot wait", s.WaitingBytes)
	}
	fetch := raft.Message{Group: 1, Kind: raft.KindSnapshotFetch, From: 1, To: 2, Boot: 1, Fetch: &raft.SnapshotFetch{Index: 7, Term: 2, Length: 1}}
	a.Send([]raft.Message{heartbeat(1, 2, 42)})
	a.Send([]raft.Message{appendEntries(1, 2, 5, []byte("x")), fetch})
	kinds := map[raft.MessageKind]bool{}
	for _, m := range b.awaitMessages(3) {
		kinds[m.Kind] = true
	}
	if !kinds[raft.KindHeartbeat] || !kinds[raft.KindAppend] || !kinds[raft.KindSnapshotFetch] {
		t.Fatalf("first came %v", kinds)
	}
	free()
	b.awaitMessages(4)
	if s := b.awaitMessages(4)[3].Chunk; s == nil || len(s.Data) != len(data) {
		t.Errorf("the chunk came as %+v", s)
	}
}

// Goal: a member that the receiver does not know is heard, answered at the
// address it advertises, and forgotten when it leaves. Method: 1 knows 2, 2
// does not know 1.
func TestStranger_IsHeardAnsweredAndForgotten(t *testing.T) {
	a, b := startNode(t, 1, "", nil), startNode(t, 2, "", nil)
	a.SetPeer(2, b.addr)
	a.Send([]raft.Message{heartbeat(1, 2, 1)})
	b.awaitMessages(1)
	b.Send([]raft.Message{heartbeat(2, 1, 2)})
	a.awaitMessages(1)
	if p := b.peerStats(1); !p.Stranger || p.Addr != a.addr || b.Stats().Strangers != 1 {
		t.Fatalf("stats %+v", b.Stats())
	}
	b.awaitOpen(run{1, 1}, 6) // a lane that says hello while it closes would come and go once more
	a.Close()
	eventually(t, "the stranger to be forgotten", func() bool { return len(b.Stats().Peers) == 0 })
	b.awaitEvents("up 1.1", "down 1.1")
}

// Goal: a stranger that gives no address is heard, and answered once SetPeer
// tells where it is. Method: as above, without Advertise.
func TestStranger_WithoutAnAddressIsAnsweredAfterSetPeer(t *testing.T) {
	a, b := startNode(t, 1, "", func(c *Config) { c.Advertise = "" }), startNode(t, 2, "", nil)
	a.SetPeer(2, b.addr)
	a.Send([]raft.Message{heartbeat(1, 2, 1)})
	b.awaitMessages(1)
	b.Send([]raft.Message{heartbeat(2, 1, 2)})
	if s := b.Stats(); s.ToUnknown != 1 {
		t.Fatalf("stats %+v", s)
	}
	b.SetPeer(1, a.addr)
	b.Send([]raft.Message{heartbeat(2, 1, 3)})
	a.awaitMessages(1)
	if s := b.Stats(); s.Strangers != 0 {
		t.Fatalf("stats %+v", s)
	}
}

// Goal: strangers are bounded, and one that leaves makes room. Method: a limit
// of one, three strangers.
func TestStranger_NumberIsBounded(t *testing.T) {
	n := startNode(t, 1, "", func(c *Config) { c.Limits.Strangers = 1 })
	first, second := helloTo(n), helloTo(n)
	second.From = 10
	conn := rawJoin(t, n, first)
	_, _, err := PeekHello(rawDial(t, n, appendHello(nil, &second)))
	if r, ok := err.(*RefusedError); !ok || r.Refusal != RefusedStrangers {
		t.Fatalf("the second stranger got %v", err)
	}
	conn.Close()
	eventually(t, "room", func() bool { return n.Stats().Strangers == 0 })
	rawJoin(t, n, second)
}

// Goal: who must not be heard is refused by its hello alone. Method: each wrong
// hello is followed by a frame that would be counted as malformed if it were
// decoded; only the refusal may be counted, and the dialer learns why.
func TestHello_WrongOnesAreRefusedBeforeThePayload(t *testing.T) {
	tests := []struct {
		name string
		bend func(h *Hello)
		want Refusal
		says string
	}{
		{"cluster", func(h *Hello) { h.Cluster[0]++ }, RefusedCluster, "initial cluster"},
		{"receiver", func(h *Hello) { h.To = 3 }, RefusedReceiver, "peer addresses"},
		{"self", func(h *Hello) { h.From = 1 }, RefusedSelf, "name of its own"},
		{"nobody", func(h *Hello) { h.From = 0 }, RefusedSelf, "name of its own"},
		{"lane", func(h *Hello) { h.Lane = lanesBound }, RefusedLane, "same release"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := startNode(t, 1, "", nil)
			h := helloTo(n)
			tt.bend(&h)
			conn := rawDial(t, n, appendHello(nil, &h), frameAround([]byte("no message")))
			_, _, err := PeekHello(conn)
			r, ok := err.(*RefusedError)
			if !ok || r.Refusal != tt.want || !strings.Contains(r.Error(), tt.says) {
				t.Fatalf("answer %v, want refusal %v", err, tt.want)
			}
			conn.Close()
			eventually(t, "the end", func() bool { return n.Stats().Accepted == 0 })
			s := n.Stats()
			if s.Refused[tt.want] != 1 || s.RefusedTotal() != 1 || s.Malformed != 0 || s.Unfinished != 0 || len(n.told()) != 0 {
				t.Fatalf("stats %+v, events %v", s, n.told())
			}
		})
	}
}

// Goal: bytes that are not the protocol close the connection and are counted,
// at every stage. Method: one raw connection for each kind of damage.
func TestBytes_GarbageClosesTheConnectionAndIsCounted(t *testing.T) {
	h := Hello{Cluster: testCluster, From: 9, To: 1, Boot: 5, Incarnation: 900, Lane: LaneControl}
	good := appendHello(nil, &h)
	frame := frameOf(heartbeat(9, 1, 1))
	bent := func(b []byte, i int) []byte {
		b = bytes.Clone(b)
		b[(i+len(b))%len(b)] ^= 0x40
		return b
	}
	type counts struct{ malformed, misaddressed, refused, unfinished uint64 }
	tests := []struct {
		name  string
		bytes [][]byte
		want  counts
	}{
		{"http", [][]byte{[]byte("GET / HTTP/1.1\r\n\r\n")}, counts{refused: 1}},
		{"version", [][]byte{bent(good, 4)}, counts{refused: 1}},
		{"hello length", [][]byte{bent(good, 7)}, counts{malformed: 1}},
		{"hello checksum", [][]byte{bent(good, 12)}, counts{malformed: 1}},
		{"refusal as hello", [][]byte{appendRefusal(nil, RefusedLane, "no")}, counts{malformed: 1}},
		{"half a hello", [][]byte{good[:20]}, counts{unfinished: 1}},
		{"nothing", nil, counts{unfinished: 1}},
		{"frame checksum", [][]byte{good, bent(frame, -1)}, counts{malformed: 1}},
		{"frame length", [][]byte{good, bent(frame, 3)}, counts{malformed: 1}},
		{"empty frame", [][]byte{good, frameAround(nil)}, counts{malformed: 1}},
		{"half a length", [][]byte{good, frameAround([]byte{1, 0})}, counts{malformed: 1}},
		{"message length", [][]byte{good, frameAround([]byte{9, 0, 0, 0, 1})}, counts{malformed: 1}},
		{"empty message", [][]byte{good, frameAround([]byte{0, 0, 0, 0})}, counts{malformed: 1}},
		{"message", [][]byte{good, frameAround([]byte{2, 0, 0, 0, 255, 255})}, counts{malformed: 1}},
		{"half a frame", [][]byte{good, frame[:len(frame)-1]}, counts{}},
		{"other sender", [][]byte{good, frameOf(heartbeat(8, 1, 1))}, counts{misaddressed: 1}},
		{"other receiver", [][]byte{good, frameOf(heartbeat(9, 2, 1))}, counts{misaddressed: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := startNode(t, 1, "", nil)
			conn := rawDial(t, n, tt.bytes...)
			if tt.want == (counts{}) || tt.want.unfinished > 0 {
				conn.(*net.TCPConn).CloseWrite() // they are cut off
			}
			eventually(t, "the connection to be counted", func() bool {
				s := n.Stats()
				c := counts{s.Malformed, s.Misaddressed, s.RefusedTotal(), s.Unfinished}
				return c == tt.want
			})
			if tt.want.refused == 0 {
				awaitClosed(t, conn)
			}
			conn.Close()
			eventually(t, "the end", func() bool { return n.Stats().Accepted == 0 })
			if len(n.got) != 0 {
				t.Fatalf("delivered %v", n.got)
			}
		})
	}
}

// Goal: one who connects and says nothing is cut off, and connections are
// bounded. Method: one place, a silent connection in it, and a second one.
func TestAccept_SilentAndSurplusConnectionsAreClosed(t *testing.T) {
	n := startNode(t, 1, "", func(c *Config) {
		c.Limits.Accepted, c.Limits.HandshakeTimeout = 1, 100*time.Millisecond
	})
	silent := rawDial(t, n)
	eventually(t, "the first to be accepted", func() bool { return n.Stats().Accepted == 1 })
	awaitClosed(t, rawDial(t, n))
	if s := n.Stats(); s.Crowded != 1 {
		t.Fatalf("stats %+v", s)
	}
	awaitClosed(t, silent)
	eventually(t, "the place to be free", func() bool { s := n.Stats(); return s.Accepted == 0 && s.Unfinished == 1 })
	rawJoin(t, n, helloTo(n))
}

// Goal: a peer that comes back is dialed again, also when its run is another.
// Method: close node 2 and start it anew at the same address.
func TestReconnect_AfterThePeerRestarts(t *testing.T) {
	a, b := startPair(t, nil)
	b.Close()
	a.awaitEvents("up 2.1", "down 2.1")
	b = startNode(t, 2, b.addr, func(c *Config) { c.Boot, c.Peers = 2, map[raft.NodeID]string{1: a.addr} })
	a.awaitEvents("up 2.1", "down 2.1", "up 2.2")
	a.awaitOpen(run{2, 2}, 6)
	a.Send([]raft.Message{heartbeat(1, 2, 7), appendEntries(1, 2, 7, []byte("y"))})
	b.awaitMessages(2)
	if s := a.laneStats(2, LaneControl); s.Connects != 2 || !s.Connected {
		t.Fatalf("stats %+v", s)
	}
}

// Goal: what waits for a peer that cannot be reached is dropped, not kept until
// it is old. Method: send to an address where nobody listens.
func TestReconnect_DropsWhatWaitedInVain(t *testing.T) {
	a := startNode(t, 1, "", func(c *Config) {
		c.Dial = func(context.Context, string) (net.Conn, error) { return nil, fmt.Errorf("no route") }
	})
	a.SetPeer(2, "127.0.0.1:1")
	a.Send([]raft.Message{heartbeat(1, 2, 1), appendEntries(1, 2, 1, nil)})
	eventually(t, "the drops", func() bool {
		c, b := a.laneStats(2, LaneControl), a.laneStats(2, LaneBulk)
		return c.Dropped.Down == 1 && c.Waiting == 0 && b.Dropped.Down == 1 && b.Waiting == 0 && c.Dials > 2
	})
}

// Goal: a peer that takes nothing is left and dialed again, and what it pinned
// is let go. Method: a listener that completes the hellos and never reads.
func TestWrite_StuckPeerIsLeftAndDialedAgain(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var stuck sync.WaitGroup
	stuck.Go(func() {
		var open []net.Conn
		for {
			conn, err := ln.Accept()
			if err != nil {
				break
			}
			open = append(open, conn)
			h, _, err := PeekHello(conn)
			if err != nil {
				continue
			}
			h.From, h.To = h.To, h.From
			conn.Write(appendHello(nil, &h))
		}
		for _, conn := range open {
			conn.Close()
		}
	})
	t.Cleanup(stuck.Wait)
	t.Cleanup(func() { ln.Close() })
	a := startNode(t, 1, "", func(c *Config) { c.Limits.WriteTimeout = 50 * time.Millisecond })
	a.SetPeer(2, ln.Addr().String())
	data := make([]byte, 1<<20)
	eventually(t, "a second connection", func() bool {
		a.Send([]raft.Message{appendEntries(1, 2, 0, data)})
		return a.laneStats(2, LaneBulk).Connects >= 2
	})
	if s := a.laneStats(2, LaneBulk); s.Dropped.Down == 0 {
		t.Fatalf("stats %+v", s)
	}
	if s := a.laneStats(2, LaneControl); s.Connects != 1 || !s.Connected {
		t.Fatalf("the control lane suffered: %+v", s)
	}
}

// Goal: SetPeer moves a peer's connections to its new address. Method: two
// nodes that both are member 2; the messages go where the address points.
func TestSetPeer_MovesToANewAddress(t *testing.T) {
	a, b := startPair(t, nil)
	c := startNode(t, 2, "", func(c *Config) { c.Boot = 2 })
	a.SetPeer(2, b.addr) // nothing changes
	a.SetPeer(2, c.addr)
	a.awaitOpen(run{2, 2}, 6)
	a.Send([]raft.Message{heartbeat(1, 2, 1)})
	c.awaitMessages(1)
	if s := a.laneStats(2, LaneControl); s.Connects != 2 {
		t.Fatalf("stats %+v", s)
	}
}

// Goal: a removed member is still answered while it talks to us, and gone when
// it stops. Method: remove each from the other, in turn.
func TestRemovePeer_KeepsAStrangerUntilItLeaves(t *testing.T) {
	a, b := startPair(t, nil)
	a.RemovePeer(2)
	a.RemovePeer(3) // never was there
	if p := a.peerStats(2); !p.Stranger {
		t.Fatalf("stats %+v", a.Stats())
	}
	a.Send([]raft.Message{heartbeat(1, 2, 1)})
	b.awaitMessages(1)
	b.Close()
	eventually(t, "member 2 to be forgotten", func() bool { return len(a.Stats().Peers) == 0 })
	a.awaitEvents("up 2.1", "down 2.1")

	c := startNode(t, 3, "", nil)
	a.SetPeer(3, c.addr)
	a.awaitOpen(run{3, 1}, 6)
	c.Close()
	a.awaitOpen(run{3, 1}, 0)
	a.RemovePeer(3)
	eventually(t, "member 3 to be forgotten", func() bool { return len(a.Stats().Peers) == 0 })
}

// Goal: Close ends everything while both sides are busy, in either order, and
// calls no PeerDown of its own. Method: four senders, then Close.
func TestClose_WhileBusy(t *testing.T) {
	a, b := startPair(t, nil)
	stop := make(chan struct{})
	var senders sync.WaitGroup
	for i := range 4 {
		n, to := a, raft.NodeID(2)
		if i%2 == 1 {
			n, to = b, 1
		}
		senders.Go(func() {
			data := make([]byte, 10<<10)
			for {
				select {
				case <-stop:
					return
				default:
					n.Send([]raft.Message{appendEntries(3-to, to, 0, data), heartbeat(3-to, to, 0)})
				}
			}
		})
	}
	a.awaitMessages(100)
	b.awaitMessages(100)
	var closers sync.WaitGroup
	for range 2 {
		closers.Go(func() { a.Close() })
	}
	closers.Wait()
	b.awaitEvents("up 1.1", "down 1.1")
	b.Close()
	close(stop)
	senders.Wait()
	a.SetPeer(3, "127.0.0.1:1") // nothing may start any more
	a.awaitEvents("up 2.1")
}

// Goal: a configuration that cannot work is refused with a sentence. Method:
// each required field missing, each limit out of bounds.
func TestNew_RefusesWhatCannotWork(t *testing.T) {
	tests := []struct {
		name string
		bend func(*Config)
		says string
	}{
		{"listener", func(c *Config) { c.Listener = nil }, "listener"},
		{"receive", func(c *Config) { c.Receive = nil }, "receiver"},
		{"self", func(c *Config) { c.Self = 0 }, "nobody"},
		{"boot", func(c *Config) { c.Boot = 0 }, "boot"},
		{"advertise", func(c *Config) { c.Advertise = strings.Repeat("a", 300) }, "address"},
		{"frame", func(c *Config) { c.Limits.FrameBytes = 1 << 30 }, "frame"},
		{"queue", func(c *Config) { c.Limits.FrameBytes, c.Limits.QueueBytes = 10, 11 }, "queue"},
		{"count", func(c *Config) { c.Limits.QueueMessages = 1 << 20 }, "messages"},
		{"negative", func(c *Config) { c.Limits.WriteTimeout = -1 }, "negative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := Config{Self: 1, Boot: 1, Listener: newQuietListener(), Receive: func([]raft.Message) {}}
			tt.bend(&cfg)
			if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("error %v, want one about %q", err, tt.says)
			}
		})
	}
}

// quietListener accepts nothing.
type quietListener struct {
	closed chan struct{}
	once   sync.Once
}

func newQuietListener() *quietListener { return &quietListener{closed: make(chan struct{})} }

func (l *quietListener) Accept() (net.Conn, error) { <-l.closed; return nil, net.ErrClosed }
func (l *quietListener) Close() error              { l.once.Do(func() { close(l.closed) }); return nil }
func (l *quietListener) Addr() net.Addr            { return &net.TCPAddr{} }
