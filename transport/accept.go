package transport

import (
	"errors"
	"io"
	"net"
	"slices"
	"time"

	"veche/raft"
)

// accept hands every new connection to a goroutine of its own.
func (t *Transport) accept() {
	for {
		conn, err := t.cfg.Listener.Accept()
		switch {
		case err == nil && t.admit(conn):
			t.tasks.Go(func() {
				defer t.dismiss(conn)
				t.serve(conn)
			})
		case err == nil:
			conn.Close()
		case errors.Is(err, net.ErrClosed):
			return
		default:
			t.log.Error("a peer's connection could not be accepted", "err", err)
			timer := time.NewTimer(acceptPause)
			select {
			case <-timer.C:
			case <-t.ctx.Done():
				timer.Stop()
			}
		}
		if t.ctx.Err() != nil {
			return
		}
	}
}

// admit counts an accepted connection, or says that there are too many.
func (t *Transport) admit(conn net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return false
	case t.accepted >= t.limits.Accepted:
		t.totals.crowded.Add(1)
		return false
	}
	t.accepted++
	t.conns[conn] = struct{}{}
	return true
}

// dismiss undoes admit.
func (t *Transport) dismiss(conn net.Conn) {
	t.release(conn)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.accepted--
}

// serve hears a connection that another node made, until it closes.
func (t *Transport) serve(conn net.Conn) {
	conn.SetDeadline(time.Now().Add(t.limits.HandshakeTimeout)) // a failure shows in the next read
	h, _, err := PeekHello(conn)
	if err != nil {
		t.refuseBytes(conn, err)
		return
	}
	mine := t.mine(h.From, h.Lane)
	if refusal, sentence := judge(&mine, &h); refusal != 0 {
		t.refuse(conn, &h, refusal, sentence)
		return
	}
	k := &link{conn: conn, hello: h, done: make(chan struct{})}
	p, older := t.enlist(k)
	if p == nil {
		t.refuse(conn, &h, RefusedStrangers, "too many members that are unknown here are connected; try again later")
		return
	}
	if _, err := conn.Write(appendHello(nil, &mine)); err != nil {
		t.delist(k, p)
		close(k.done)
		return
	}
	conn.SetDeadline(time.Time{})
	t.presence.join(k.run())
	for _, o := range older {
		o.conn.Close()
		<-o.done // so that its messages are not delivered behind ours
	}
	t.hurry(p)
	err = t.hear(k, p)
	conn.Close()
	t.delist(k, p)
	close(k.done)
	t.presence.leave(k.run())
	t.log.Info("connection of a peer closed", "peer", h.From.String(), "lane", h.Lane.String(), "boot", uint64(h.Boot), "err", err)
}

// hear delivers a connection's messages until it ends, and says why it did.
func (t *Transport) hear(k *link, p *peer) error {
	frames := newFrameReader(k.conn, laneFrameMax(k.hello.Lane, &t.limits))
	for {
		payload, err := frames.next()
		if err == nil {
			p.received.frames.Add(1)
			p.received.bytes.Add(uint64(frameHeader + len(payload)))
			err = decodeBatch(payload, k.hello.From, t.cfg.Self, func(ms []raft.Message) {
				p.received.messages.Add(uint64(len(ms)))
				t.cfg.Receive(ms)
			})
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, ErrMalformed):
			t.totals.malformed.Add(1)
			p.received.malformed.Add(1)
		case errors.Is(err, errMisaddressed):
			t.totals.misaddressed.Add(1)
			p.received.misaddressed.Add(1)
		}
		return err
	}
}

// enlist enters a connection whose hello was good. It returns its peer, nil if
// there are too many strangers, and the connections that this one replaces: of
// the same lane of the same run, and all of an earlier run over the same data
// directory, which must have ended.
func (t *Transport) enlist(k *link) (p *peer, older []*link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := &k.hello
	p = t.peers[h.From]
	switch {
	case p == nil && t.strangers() >= t.limits.Strangers:
		return nil, nil
	case p == nil, p.stranger && h.Addr != "" && h.Addr != p.addr:
		if t.closed {
			return nil, nil
		}
		p = t.enter(h.From, h.Addr, true)
	}
	for _, o := range t.heard[h.From] {
		same := o.hello.Incarnation == h.Incarnation
		if same && (o.hello.Boot < h.Boot || o.hello.Boot == h.Boot && o.hello.Lane == h.Lane) {
			older = append(older, o)
		}
	}
	t.heard[h.From] = append(t.heard[h.From], k)
	return p, older
}

// delist takes a connection out again.
func (t *Transport) delist(k *link, p *peer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := k.hello.From
	t.heard[id] = slices.DeleteFunc(t.heard[id], func(o *link) bool { return o == k })
	if len(t.heard[id]) == 0 {
		delete(t.heard, id)
	}
	if now := t.peers[id]; now != nil {
		t.forgetIfUnheard(now)
	}
}

// strangers counts the strangers. The caller holds mu.
func (t *Transport) strangers() (n int) {
	for _, p := range t.peers {
		if p.stranger {
			n++
		}
	}
	return n
}

// refuse turns a hello down and says why.
func (t *Transport) refuse(conn net.Conn, h *Hello, r Refusal, sentence string) {
	t.totals.refused[r].Add(1)
	t.log.Warn("refused a connection", "peer", h.From.String(), "from", conn.RemoteAddr(), "reason", r.String())
	hangUp(conn, appendRefusal(nil, r, sentence))
}

// refuseBytes counts an opening that was no hello.
func (t *Transport) refuseBytes(conn net.Conn, err error) {
	var refusal *RefusedError
	switch {
	case errors.Is(err, ErrMagic):
		t.totals.refused[RefusedMagic].Add(1)
	case errors.Is(err, ErrVersion):
		t.totals.refused[RefusedVersion].Add(1)
		hangUp(conn, appendRefusal(nil, RefusedVersion, err.Error()))
	case errors.Is(err, ErrMalformed), errors.As(err, &refusal):
		t.totals.malformed.Add(1)
	default:
		t.totals.unfinished.Add(1) // it closed or fell silent
	}
}

// hangUp says a last thing, and leaves it to the other side to close: closing
// while its bytes lie unread would reset the connection and could destroy what
// was said. What comes meanwhile is thrown away, up to the deadline and one
// buffer.
func hangUp(conn net.Conn, answer []byte) {
	if _, err := conn.Write(answer); err != nil {
		return // it is gone
	}
	io.Copy(io.Discard, io.LimitReader(conn, readBuffer)) // the caller closes in any case
}
