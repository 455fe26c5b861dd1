package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// link is one direction between two servers of the demo.
type link struct{ from, to string }

// proxy is the network between the demo's servers: for each server a port that
// the others dial, and behind it the server's real one. Any direction between
// two servers can be cut. A cut is what a split network does: bytes, ends of
// connections and new connections are held back, and nobody is told. On heal
// everything that was held flows on, in order; no byte is lost or changed.
type proxy struct {
	// identify reads the first bytes of a connection and says who dials. It
	// returns the bytes it took. Not nil.
	identify func(io.Reader) (from string, raw []byte, err error)

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu        sync.Mutex // guards: all below
	cuts      map[link]chan struct{}
	slows     map[link]time.Duration
	listeners []net.Listener
	conns     map[net.Conn]bool
	closed    bool
}

func newProxy(identify func(io.Reader) (string, []byte, error)) *proxy {
	ctx, cancel := context.WithCancel(context.Background())
	return &proxy{
		identify: identify,
		ctx:      ctx,
		cancel:   cancel,
		cuts:     map[link]chan struct{}{},
		slows:    map[link]time.Duration{},
		conns:    map[net.Conn]bool{},
	}
}

// serve forwards what l accepts to target, which belongs to the server to. It
// returns at once.
func (p *proxy) serve(l net.Listener, to, target string) {
	p.mu.Lock()
	p.listeners = append(p.listeners, l)
	p.mu.Unlock()
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				if errors.Is(err, net.ErrClosed) || p.ctx.Err() != nil {
					return
				}
				p.pause(proxyAcceptRetry)
				continue
			}
			if p.own(c) {
				p.wg.Go(func() { p.carry(c, to, target) })
			}
		}
	})
}

// cut holds back everything on its way over l from now on.
func (p *proxy) cut(l link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cuts[l] == nil {
		p.cuts[l] = make(chan struct{})
	}
}

// heal lets everything on l flow again.
func (p *proxy) heal(l link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.cuts[l]; c != nil {
		close(c)
		delete(p.cuts, l)
	}
}

// slow makes bytes on l take longer from now on: whatever is read at once waits
// together, so a byte waits for by, or for twice that.
func (p *proxy) slow(l link, by time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slows[l] = by
}

// slowness is by how much l is slow.
func (p *proxy) slowness(l link) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slows[l]
}

// healAll lets everything flow again, and at once.
func (p *proxy) healAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l, c := range p.cuts {
		close(c)
		delete(p.cuts, l)
	}
	clear(p.slows)
}

// isCut reports whether l is cut.
func (p *proxy) isCut(l link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cuts[l] != nil
}

// close ends all connections and waits for its goroutines.
func (p *proxy) close() {
	p.cancel()
	p.mu.Lock()
	p.closed = true
	for _, l := range p.listeners {
		l.Close()
	}
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// own records a connection, to be closed by close, or closes it now if the
// proxy has ended or is full.
func (p *proxy) own(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.conns) >= maxProxyConns {
		c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *proxy) drop(c net.Conn) {
	c.Close()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

// pass waits until l is not cut. It reports false when the proxy has ended.
func (p *proxy) pass(l link) bool {
	for {
		p.mu.Lock()
		c := p.cuts[l]
		p.mu.Unlock()
		if c == nil {
			return p.ctx.Err() == nil
		}
		select {
		case <-c:
		case <-p.ctx.Done():
			return false
		}
	}
}

func (p *proxy) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.ctx.Done():
	}
}

// carry moves the bytes of one connection until both directions have ended.
func (p *proxy) carry(near net.Conn, to, target string) {
	defer p.drop(near)
	near.SetReadDeadline(time.Now().Add(proxyHelloMax))
	from, raw, err := p.identify(near)
	if err != nil {
		return
	}
	near.SetReadDeadline(time.Time{})

	out, back := link{from, to}, link{to, from}
	more, ok := p.hold(near, out, back)
	if !ok {
		return
	}
	raw = append(raw, more...)
	far, err := (&net.Dialer{Timeout: proxyDialMax}).DialContext(p.ctx, "tcp", target)
	if err != nil {
		reset(near) // what a closed port would have answered
		return
	}
	if !p.own(far) {
		return
	}
	defer p.drop(far)
	if _, err := far.Write(raw); err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.pump(far, near, out, back) })
	both.Go(func() { p.pump(near, far, back, out) })
	both.Wait()
}

// hold keeps a new connection waiting while either direction is cut, for a
// connection begins with a packet each way. It returns what the dialer sent
// meanwhile, and false when the dialer gave up: then the other side need never
// hear of it.
func (p *proxy) hold(near net.Conn, out, back link) (sent []byte, ok bool) {
	if !p.isCut(out) && !p.isCut(back) {
		return nil, true
	}
	healed := make(chan bool, 1)
	p.wg.Go(func() {
		whole := p.pass(out) && p.pass(back)
		near.SetReadDeadline(time.Unix(1, 0)) // wakes the read below, before it is undone there
		healed <- whole
	})
	buf := make([]byte, proxyBuffer)
	for len(sent) < proxyBuffer { // beyond that the dialer's buffers fill up
		n, err := near.Read(buf[:proxyBuffer-len(sent)])
		sent = append(sent, buf[:n]...)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, false
		}
		if err != nil {
			break
		}
	}
	ok = <-healed
	near.SetReadDeadline(time.Time{})
	return sent, ok
}

// pump moves bytes from src to dst over the link ahead, whose opposite is
// behind. The end of src travels to dst as any byte does; a dst that is gone
// is told to src over the link behind.
func (p *proxy) pump(dst, src net.Conn, ahead, behind link) {
	buf := make([]byte, proxyBuffer)
	for {
		if !p.pass(ahead) {
			return
		}
		n, err := src.Read(buf)
		if n > 0 {
			if by := p.slowness(ahead); by > 0 {
				p.pause(by)
			}
			if !p.pass(ahead) { // cut while we waited: these bytes are held
				return
			}
			if _, werr := dst.Write(buf[:n]); werr != nil {
				if p.pass(behind) {
					reset(src)
				}
				return
			}
		}
		switch {
		case err == nil:
			continue
		case !p.pass(ahead):
		case errors.Is(err, io.EOF):
			dst.(*net.TCPConn).CloseWrite()
		case errors.Is(err, syscall.ECONNRESET):
			reset(dst)
		default:
			dst.Close()
		}
		return
	}
}

// reset closes a connection so that the other end sees a reset.
func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	c.Close()
}
