package transport

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"veche/raft"
)

// answerWith starts a listener that hears each hello and answers with whatever
// answer makes of it, then closes.
func answerWith(t *testing.T, answer func(h Hello) []byte) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var task sync.WaitGroup
	task.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if h, _, err := PeekHello(conn); err == nil {
				conn.Write(answer(h))
			}
			conn.Close()
		}
	})
	t.Cleanup(task.Wait)
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String()
}

// Goal: a dialer does not believe an answer that does not fit, goes on trying,
// and counts what is malformed; nobody is told that the peer is up. Method: a
// listener for each kind of answer.
func TestDialer_RefusesAnswersThatDoNotFit(t *testing.T) {
	back := func(h Hello) Hello {
		h.From, h.To = h.To, h.From
		return h
	}
	bend := func(f func(*Hello)) func(Hello) []byte {
		return func(h Hello) []byte { h = back(h); f(&h); return appendHello(nil, &h) }
	}
	tests := []struct {
		name      string
		answer    func(Hello) []byte
		malformed bool
	}{
		{"nothing", func(Hello) []byte { return nil }, false},
		{"refusal", func(Hello) []byte { return appendRefusal(nil, RefusedCluster, "go away") }, false},
		{"garbage", func(Hello) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n") }, true},
		{"other cluster", bend(func(h *Hello) { h.Cluster[3]++ }), true},
		{"other member", bend(func(h *Hello) { h.From = 5 }), true},
		{"other receiver", bend(func(h *Hello) { h.To = 5 }), true},
		{"other lane", bend(func(h *Hello) { h.Lane = 3 - h.Lane }), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addr := answerWith(t, tt.answer)
			n := startNode(t, 1, "", nil)
			n.SetPeer(2, addr)
			eventually(t, "three attempts", func() bool { return n.laneStats(2, LaneBulk).Dials >= 3 })
			s := n.laneStats(2, LaneBulk)
			if s.Connects != 0 || s.Connected || (n.Stats().Malformed > 0) != tt.malformed || len(n.told()) != 0 {
				t.Fatalf("stats %+v, events %v", n.Stats(), n.told())
			}
		})
	}
}

// Goal: an acceptor that goes on talking after its hello is cut off, and that
// is seen as the end of the connection. Method: a hello with a byte behind it.
func TestDialer_ClosesWhenTheAcceptorGoesOnTalking(t *testing.T) {
	addr := answerWith(t, func(h Hello) []byte {
		h.From, h.To, h.Boot = h.To, h.From, 6
		return append(appendHello(nil, &h), 'x')
	})
	n := startNode(t, 1, "", nil)
	n.SetPeer(2, addr)
	n.await("up and down", func() bool { return len(n.events) >= 2 })
	if e := n.told(); e[0] != "up 2.6" || e[1] != "down 2.6" || n.Stats().Malformed == 0 {
		t.Fatalf("events %v, stats %+v", e, n.Stats())
	}
}

// flakyListener fails its first Accept.
type flakyListener struct {
	net.Listener
	failed atomic.Bool
}

func (l *flakyListener) Accept() (net.Conn, error) {
	if l.failed.CompareAndSwap(false, true) {
		return nil, errors.New("too many open files")
	}
	return l.Listener.Accept()
}

// Goal: a failed accept does not end the listening. Method: a listener whose
// first Accept fails.
func TestAccept_GoesOnAfterAnError(t *testing.T) {
	b := startNode(t, 2, "", func(c *Config) { c.Listener = &flakyListener{Listener: c.Listener} })
	a := startNode(t, 1, "", nil)
	a.SetPeer(2, b.addr)
	a.Send([]raft.Message{heartbeat(1, 2, 1)})
	b.awaitMessages(1)
}
