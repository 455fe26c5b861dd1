package transport

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"veche/raft"
)

// BenchmarkSend_Queue is Send's cost for one message: route, encode, queue. The
// queue is emptied every 1000 messages, as the writer does.
func BenchmarkSend_Queue(b *testing.B) {
	cases := []struct {
		name string
		m    raft.Message
	}{
		{"heartbeat", heartbeat(1, 2, 9)},
		{"append256B", appendEntries(1, 2, 9, make([]byte, 256))},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			limits, _ := Limits{}.withDefaults()
			t := &Transport{}
			p := &peer{id: 2}
			for l := LaneControl; l < lanesBound; l++ {
				p.lanes[l] = &lane{queue: newQueue(l, &limits)}
			}
			t.routes.Store(&map[raft.NodeID]*peer{2: p})
			q := p.lanes[laneOf(c.m.Kind)].queue
			ms := []raft.Message{c.m}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				t.Send(ms)
				if i%1000 == 999 {
					frame, _ := q.take()
					q.give(frame)
				}
			}
		})
	}
}

// BenchmarkLoopback_Messages is the way from Send to Receive over loopback TCP,
// with at most 2000 messages under way.
func BenchmarkLoopback_Messages(b *testing.B) {
	cases := []struct {
		name string
		m    raft.Message
	}{
		{"heartbeat", heartbeat(1, 2, 9)},
		{"append16x256B", batch16()},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			const window, burst = 2000, 50
			var received atomic.Int64
			arrived := make(chan struct{}, 1)
			to := startNode(b, 2, "", func(cfg *Config) {
				cfg.Receive = func(ms []raft.Message) {
					received.Add(int64(len(ms)))
					select {
					case arrived <- struct{}{}:
					default:
					}
				}
			})
			from := startNode(b, 1, "", func(cfg *Config) { cfg.Advertise = "" })
			from.SetPeer(2, to.addr)
			from.awaitOpen(run{2, 1}, 3)
			ms := make([]raft.Message, burst)
			for i := range ms {
				ms[i] = c.m
			}
			b.SetBytes(int64(len(frameOf(c.m)) - frameHeader))
			b.ReportAllocs()
			b.ResetTimer()
			sent := int64(0)
			for sent < int64(b.N) {
				for sent-received.Load() > window-burst {
					<-arrived
				}
				n := min(burst, int64(b.N)-sent)
				from.Send(ms[:n])
				sent += n
			}
			for received.Load() < sent {
				<-arrived
			}
		})
	}
}

// BenchmarkLoopback_BareTCP is the twin: the same bytes, in writes of as many
// as Loopback_Messages has under way, read and thrown away.
func BenchmarkLoopback_BareTCP(b *testing.B) {
	cases := []struct {
		name string
		m    raft.Message
	}{
		{"heartbeat", heartbeat(1, 2, 9)},
		{"append16x256B", batch16()},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer ln.Close()
			size := len(frameOf(c.m)) - frameHeader
			total := int64(size) * int64(b.N)
			done := make(chan error, 1)
			go func() {
				conn, err := ln.Accept()
				if err == nil {
					_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{conn}, make([]byte, readBuffer))
					conn.Close()
				}
				done <- err
			}()
			conn, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			chunk := make([]byte, min(50*size, writeChunk))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			for left := total; left > 0; {
				n, err := conn.Write(chunk[:min(left, int64(len(chunk)))])
				if err != nil {
					b.Fatal(err)
				}
				left -= int64(n)
			}
			conn.Close()
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkPeerDown_Latency is the time from a peer's closing of its last
// connection to the call of PeerDown, as the metrics say; ns/op has the making
// of the connections in it.
func BenchmarkPeerDown_Latency(b *testing.B) {
	down := make(chan time.Time, 1)
	n := startNode(b, 1, "", func(c *Config) {
		c.PeerUp = nil
		c.PeerDown = func(raft.NodeID, raft.Boot) { down <- time.Now() }
	})
	h := helloTo(n)
	var sum, worst time.Duration
	for range b.N {
		h.Boot++
		h.Lane = LaneControl
		control := rawJoin(b, n, h)
		h.Lane = LaneBulk
		bulk := rawJoin(b, n, h)
		n.awaitOpen(run{9, h.Boot}, 2)
		start := time.Now()
		control.Close()
		bulk.Close()
		d := (<-down).Sub(start)
		sum += d
		worst = max(worst, d)
	}
	b.ReportMetric(float64(sum.Microseconds())/float64(b.N), "µs-mean")
	b.ReportMetric(float64(worst.Microseconds()), "µs-worst")
}

func batch16() raft.Message {
	m := appendEntries(1, 2, 9, make([]byte, 256))
	for len(m.Append.Entries) < 16 {
		m.Append.Entries = append(m.Append.Entries, m.Append.Entries[0])
	}
	return m
}
