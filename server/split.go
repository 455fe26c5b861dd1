package server

import (
	"bytes"
	"container/list"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// speech is what the first bytes of a connection turned out to be.
type speech uint8

const (
	speechUndecided speech = iota // more bytes are needed
	speechGRPC                    // HTTP/2 with prior knowledge
	speechHTTP                    // HTTP/1
	speechTLS                     // a TLS hello on a port without TLS
	speechNoise                   // anything else
)

// preface is what every HTTP/2 client sends first (RFC 9113 §3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// methods are the first words of an HTTP/1 request.
var methods = [...]string{
	"GET ", "HEAD ", "POST ", "PUT ", "PATCH ", "DELETE ", "OPTIONS ", "CONNECT ", "TRACE ",
}

// recognize says what a connection speaks that has sent first so far. It needs
// at most len(preface) bytes.
func recognize(first []byte) speech {
	if len(first) == 0 {
		return speechUndecided
	}
	if first[0] == 0x16 {
		return speechTLS
	}
	if agrees(first, preface) {
		if len(first) >= len(preface) {
			return speechGRPC
		}
		return speechUndecided
	}
	for _, m := range methods {
		if !agrees(first, m) {
			continue
		}
		if len(first) >= len(m) {
			return speechHTTP
		}
		return speechUndecided
	}
	return speechNoise
}

// agrees says whether one of the two is a prefix of the other.
func agrees(got []byte, want string) bool {
	n := min(len(got), len(want))
	return bytes.Equal(got[:n], []byte(want[:n]))
}

// splitCounts tells what came in at the client port.
type splitCounts struct {
	grpc, http, tls, noise, slow, full, gone atomic.Uint64
}

// split accepts connections of one listener, looks at their first bytes, and
// passes them to one of two lanes. Each lane is a net.Listener of its own.
type split struct {
	listener net.Listener
	grpc     *lane
	http     *lane
	max      int           // connections at a time
	silent   int           // of them undecided
	wait     time.Duration // how long a connection may stay undecided
	counts   splitCounts

	mu        sync.Mutex // guards what follows
	open      int
	undecided *list.List // of *splitConn, the oldest first
	closed    bool
	deciders  sync.WaitGroup
}

func newSplit(l net.Listener, conns int, wait time.Duration) *split {
	s := &split{listener: l, max: conns, silent: min(undecidedMax, (conns+1)/2), wait: wait, undecided: list.New()}
	s.grpc = newLane(l.Addr())
	s.http = newLane(l.Addr())
	return s
}

// serve accepts until the listener is closed.
func (s *split) serve() error {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			select { // out of descriptors, most likely: others will close some
			case <-time.After(acceptRetry):
				continue
			case <-s.grpc.done:
				return nil
			}
		}
		s.admit(c)
	}
}

// admit gives the connection a slot and begins to listen to it.
func (s *split) admit(c net.Conn) {
	conn := &splitConn{Conn: c, owner: s}
	_ = c.SetReadDeadline(time.Now().Add(s.wait))
	s.mu.Lock()
	if s.closed || s.open >= s.max {
		full := !s.closed
		s.mu.Unlock()
		if full {
			s.counts.full.Add(1)
		}
		_ = c.Close() // nobody has heard of this connection yet
		return
	}
	s.open++
	var oldest *splitConn
	if s.undecided.Len() >= s.silent {
		oldest = s.undecided.Front().Value.(*splitConn)
		s.undecided.Remove(oldest.place)
		oldest.place = nil
	}
	conn.place = s.undecided.PushBack(conn)
	s.deciders.Add(1)
	s.mu.Unlock()
	if oldest != nil {
		_ = oldest.Conn.SetReadDeadline(time.Unix(1, 0)) // its decider closes it
	}
	go s.decide(conn)
}

// decide reads until the connection has said what it is, and passes it on or
// closes it.
func (s *split) decide(c *splitConn) {
	defer s.deciders.Done()
	var buf [len(preface)]byte
	n, kind := 0, speechUndecided
	var err error
	for kind == speechUndecided && err == nil {
		var m int
		m, err = c.Conn.Read(buf[n:])
		n += m
		kind = recognize(buf[:n])
	}
	s.mu.Lock()
	if c.place != nil {
		s.undecided.Remove(c.place)
		c.place = nil
	}
	s.mu.Unlock()

	var to *lane
	switch kind {
	case speechGRPC:
		s.counts.grpc.Add(1)
		to = s.grpc
	case speechHTTP:
		s.counts.http.Add(1)
		to = s.http
	case speechTLS:
		s.counts.tls.Add(1)
	case speechNoise:
		s.counts.noise.Add(1)
	default:
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			s.counts.slow.Add(1)
		} else {
			s.counts.gone.Add(1)
		}
	}
	if to == nil {
		_ = c.Close()
		return
	}
	c.first = bytes.Clone(buf[:n])
	_ = c.Conn.SetReadDeadline(time.Time{})
	if !to.offer(c) {
		_ = c.Close()
	}
}

// openConns is the number of connections that hold a slot.
func (s *split) openConns() (open, undecided int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, s.undecided.Len()
}

// close stops accepting, closes both lanes and every undecided connection, and
// waits until their deciders have ended.
func (s *split) close() error {
	err := s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for e := s.undecided.Front(); e != nil; e = e.Next() {
		_ = e.Value.(*splitConn).Conn.SetReadDeadline(time.Unix(1, 0))
	}
	s.mu.Unlock()
	s.grpc.shut()
	s.http.shut()
	s.deciders.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// splitConn gives back the bytes that were looked at, and its slot once.
type splitConn struct {
	net.Conn
	owner  *split
	place  *list.Element // nil once decided or evicted; guarded by owner.mu
	first  []byte        // looked at, not yet read; only its reader touches it
	closed atomic.Bool
}

// Read gives what was looked at before anything else.
func (c *splitConn) Read(p []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(p, c.first)
		if c.first = c.first[n:]; len(c.first) == 0 {
			c.first = nil
		}
		return n, nil
	}
	return c.Conn.Read(p)
}

// Close closes the connection and gives its slot back, once.
func (c *splitConn) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return net.ErrClosed
	}
	c.owner.mu.Lock()
	c.owner.open--
	c.owner.mu.Unlock()
	return c.Conn.Close()
}

// lane is a listener whose connections come from a split.
type lane struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newLane(addr net.Addr) *lane {
	return &lane{addr: addr, conns: make(chan net.Conn, laneQueueMax), done: make(chan struct{})}
}

// offer hands a connection to whoever accepts; false when nobody will.
func (l *lane) offer(c net.Conn) bool {
	select {
	case <-l.done:
		return false
	default:
	}
	select {
	case l.conns <- c:
	case <-l.done:
		return false
	}
	select {
	case <-l.done:
		l.drop() // shut may have looked before the connection was there
	default:
	}
	return true
}

// Accept waits for the next connection of this lane.
func (l *lane) Accept() (net.Conn, error) {
	select {
	case <-l.done:
		l.drop()
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		l.drop()
		return nil, net.ErrClosed
	}
}

// shut ends the lane and closes what nobody accepted.
func (l *lane) shut() {
	l.once.Do(func() { close(l.done) })
	l.drop()
}

func (l *lane) drop() {
	for {
		select {
		case c := <-l.conns:
			_ = c.Close()
		default:
			return
		}
	}
}

// Close ends the lane. The listener behind it is the split's.
func (l *lane) Close() error { l.shut(); return nil }

// Addr is the address of the listener behind the lane.
func (l *lane) Addr() net.Addr { return l.addr }

// capped is a listener that closes what it accepts beyond a number of open
// connections.
type capped struct {
	net.Listener
	max     int64
	open    atomic.Int64
	refused atomic.Uint64
}

// Accept waits for a connection within the bound.
func (l *capped) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.max {
			return &cappedConn{Conn: c, owner: l}, nil
		}
		l.open.Add(-1)
		l.refused.Add(1)
		_ = c.Close()
	}
}

type cappedConn struct {
	net.Conn
	owner *capped
	once  sync.Once
}

// Close closes the connection and gives its slot back, once.
func (c *cappedConn) Close() error {
	c.once.Do(func() { c.owner.open.Add(-1) })
	return c.Conn.Close()
}
