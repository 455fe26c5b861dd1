package transport

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"
)

// lane is the sending half of one lane to one peer: a queue, and the goroutine
// that keeps a connection and writes the queue to it.
type lane struct {
	t     *Transport
	peer  *peer
	id    Lane
	queue *queue
	rush  chan struct{} // holds one: redial now
	sent  sent

	conn net.Conn           // guarded by Transport.mu; nil while there is none
	stop context.CancelFunc // guarded by Transport.mu; of the dial under way, or nil
}

// sent is what a lane did, for Stats.
type sent struct {
	connected               atomic.Bool
	dials, connects         atomic.Uint64
	frames, messages, bytes atomic.Uint64
	handshake               atomic.Int64 // ns
}

var errClosing = errors.New("the transport is closing, or the peer was removed")

func newLane(t *Transport, p *peer, id Lane) *lane {
	return &lane{t: t, peer: p, id: id, queue: newQueue(id, &t.limits), rush: make(chan struct{}, 1)}
}

// loop connects, carries, and connects again, until the peer is forgotten.
func (l *lane) loop() {
	var told string // the last failure that was logged
	for attempt := 0; l.peer.ctx.Err() == nil; attempt++ {
		k, err := l.connect()
		if err != nil {
			l.queue.clear()
			if err.Error() != told && !errors.Is(err, errClosing) {
				told = err.Error()
				l.t.log.Info("peer not reached", "peer", l.peer.id.String(), "lane", l.id.String(), "err", err)
			}
		} else {
			told = ""
			start := time.Now()
			l.carry(k)
			if time.Since(start) > backoffMax {
				attempt = 0 // it was a good connection
			}
		}
		l.pause(attempt)
	}
	l.queue.clear()
}

// pause waits before the next dial: 5 ms, doubled with every attempt up to
// 500 ms, of which a random half is left out so that peers do not meet; less
// when the peer shows that it is there.
func (l *lane) pause(attempt int) {
	d := min(backoffMin<<min(attempt, 10), backoffMax)
	d = d/2 + rand.N(d/2)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.rush:
	case <-l.peer.ctx.Done():
	}
}

// hurry ends a pause, now or the next.
func (l *lane) hurry() {
	select {
	case l.rush <- struct{}{}:
	default: // it was told
	}
}

// interrupt ends the dial or the connection that there is. The caller holds
// Transport.mu.
func (l *lane) interrupt() {
	if l.stop != nil {
		l.stop()
	}
	if l.conn != nil {
		l.conn.Close()
	}
}

// connect dials and exchanges hellos.
func (l *lane) connect() (*link, error) {
	timeout := l.t.limits.HandshakeTimeout
	ctx, cancel := context.WithTimeout(l.peer.ctx, timeout)
	defer cancel()
	l.t.mu.Lock()
	addr := l.peer.addr
	l.stop = cancel
	l.t.mu.Unlock()
	l.sent.dials.Add(1)
	conn, err := l.t.cfg.Dial(ctx, addr)
	if err != nil {
		l.letGo(nil)
		return nil, err
	}
	if !l.keep(ctx, conn) {
		conn.Close()
		return nil, errClosing
	}
	start := time.Now()
	conn.SetDeadline(start.Add(timeout)) // a failure shows in the next write
	hello, err := l.greet(conn)
	if err != nil {
		l.letGo(conn)
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	l.sent.handshake.Store(int64(time.Since(start)))
	l.sent.connects.Add(1)
	return &link{conn: conn, hello: hello}, nil
}

// keep makes a new connection the lane's, unless the dial was called off.
func (l *lane) keep(ctx context.Context, conn net.Conn) bool {
	l.t.mu.Lock()
	defer l.t.mu.Unlock()
	l.stop = nil
	if l.t.closed || ctx.Err() != nil {
		return false
	}
	l.conn = conn
	l.t.conns[conn] = struct{}{}
	return true
}

// letGo closes the lane's connection, if there is one.
func (l *lane) letGo(conn net.Conn) {
	l.t.mu.Lock()
	l.conn, l.stop = nil, nil
	l.t.mu.Unlock()
	if conn != nil {
		l.t.release(conn)
	}
}

// greet says hello and hears the answer.
func (l *lane) greet(conn net.Conn) (Hello, error) {
	mine := l.t.mine(l.peer.id, l.id)
	if _, err := conn.Write(appendHello(nil, &mine)); err != nil {
		return Hello{}, fmt.Errorf("say hello: %w", err)
	}
	h, _, err := PeekHello(conn)
	switch {
	case errors.Is(err, ErrMagic), errors.Is(err, ErrVersion), errors.Is(err, ErrMalformed):
		l.t.totals.malformed.Add(1)
		return h, fmt.Errorf("hear the peer's hello: %w", err)
	case err != nil:
		return h, fmt.Errorf("hear the peer's hello: %w", err)
	}
	if refusal, _ := judge(&mine, &h); refusal != 0 || h.From != l.peer.id || h.Lane != l.id {
		l.t.totals.malformed.Add(1)
		return h, fmt.Errorf("%w: the peer's hello does not answer ours", ErrMalformed)
	}
	return h, nil
}

// carry writes what is queued until the connection closes. A second goroutine
// keeps a read pending, and so notices at once when the other side goes.
func (l *lane) carry(k *link) {
	l.t.presence.join(k.run())
	l.sent.connected.Store(true)
	l.t.log.Info("peer reached", "peer", l.peer.id.String(), "lane", l.id.String(), "boot", uint64(k.hello.Boot))
	gone := make(chan struct{})
	l.t.tasks.Go(func() {
		defer close(gone)
		l.watch(k)
	})
	for {
		if frames, messages := l.queue.take(); messages > 0 {
			if err := l.write(k.conn, frames); err != nil {
				k.conn.Close() // watch sees it
				l.queue.lost(messages)
				<-gone
				break
			}
			l.sent.messages.Add(uint64(messages))
			l.queue.give(frames)
		}
		select {
		case <-l.queue.wake:
			continue
		case <-gone:
		}
		break
	}
	l.letGo(k.conn)
}

// watch returns when the connection is closed, by whichever side. The other
// side has nothing to say after its hello.
func (l *lane) watch(k *link) {
	var b [1]byte
	n, err := io.ReadFull(k.conn, b[:])
	k.conn.Close()
	l.sent.connected.Store(false)
	if n > 0 {
		l.t.totals.malformed.Add(1)
		err = fmt.Errorf("%w: bytes after the peer's hello", ErrMalformed)
	}
	l.t.presence.leave(k.run())
	l.t.log.Info("peer connection closed", "peer", l.peer.id.String(), "lane", l.id.String(), "err", err)
}

// write seals frames and writes them, in chunks that each have the write
// timeout.
func (l *lane) write(conn net.Conn, frames []byte) error {
	for len(frames) > 0 {
		frame := frames[:frameHeader+binary.LittleEndian.Uint32(frames)]
		frames = frames[len(frame):]
		sealFrame(frame)
		for rest := frame; len(rest) > 0; {
			if err := conn.SetWriteDeadline(time.Now().Add(l.t.limits.WriteTimeout)); err != nil {
				return err
			}
			n, err := conn.Write(rest[:min(len(rest), writeChunk)])
			if err != nil {
				return err
			}
			rest = rest[n:]
		}
		l.sent.frames.Add(1)
		l.sent.bytes.Add(uint64(len(frame)))
	}
	return nil
}
