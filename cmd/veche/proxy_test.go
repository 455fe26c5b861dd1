package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// oneByteName takes the dialer's name from the first byte.
func oneByteName(r io.Reader) (string, []byte, error) {
	raw := make([]byte, 1)
	_, err := io.ReadFull(r, raw)
	return string(raw), raw, err
}

// proxyPair is a proxy before server b, and one connection from a through it.
type proxyPair struct {
	p      *proxy
	addr   string
	a, b   *net.TCPConn
	server net.Listener
}

func newProxyPair(t *testing.T) *proxyPair {
	t.Helper()
	server := listenLoopback(t)
	front := listenLoopback(t)
	p := newProxy(oneByteName)
	p.serve(front, "b", server.Addr().String())
	pair := &proxyPair{p: p, addr: front.Addr().String(), server: server}
	pair.a, pair.b = pair.dial(t), pair.accept(t)
	t.Cleanup(func() {
		pair.a.Close()
		pair.b.Close()
		server.Close()
		p.close()
		goleak.VerifyNone(t)
	})
	return pair
}

func listenLoopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (x *proxyPair) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", x.addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

func (x *proxyPair) accept(t *testing.T) *net.TCPConn {
	t.Helper()
	c, err := x.server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	mustRead(t, c, "a")
	return c.(*net.TCPConn)
}

func mustRead(t *testing.T, c net.Conn, want string) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got, err, want)
	}
}

func mustWrite(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := c.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
}

// mustStaySilent reads for a moment and expects neither bytes nor an end.
func mustStaySilent(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	n, err := c.Read(make([]byte, 1))
	if ne, ok := errors.AsType[net.Error](err); n != 0 || !ok || !ne.Timeout() {
		t.Fatalf("read %d bytes, %v from behind a cut; want silence", n, err)
	}
}

func TestProxy_ForwardsBothWays(t *testing.T) {
	// What is written on one side is read on the other; a direct exchange.
	x := newProxyPair(t)
	mustWrite(t, x.a, "ping")
	mustRead(t, x.b, "ping")
	mustWrite(t, x.b, "pong")
	mustRead(t, x.a, "pong")
}

func TestProxy_CutHoldsOneDirectionAndHealDelivers(t *testing.T) {
	// A cut of a→b holds a's bytes and lets b's pass; on heal a's arrive in
	// order. One byte stream is followed over a cut.
	x := newProxyPair(t)
	x.p.cut(link{"a", "b"})
	mustWrite(t, x.a, "held")
	mustStaySilent(t, x.b)
	mustWrite(t, x.b, "free")
	mustRead(t, x.a, "free")
	mustWrite(t, x.a, " back")
	x.p.heal(link{"a", "b"})
	mustRead(t, x.b, "held back")
}

func TestProxy_CutHoldsNewConnections(t *testing.T) {
	// A connection begun during a cut stays open and reaches the server only
	// after the heal. Accept is watched from a goroutine.
	x := newProxyPair(t)
	x.p.cut(link{"b", "a"})
	c := x.dial(t)
	defer c.Close()
	mustStaySilent(t, c)
	accepted := make(chan net.Conn, 1)
	go func() {
		s, _ := x.server.Accept()
		accepted <- s
	}()
	select {
	case <-accepted:
		t.Fatal("a connection crossed a cut")
	default:
	}
	x.p.healAll()
	s := <-accepted
	defer s.Close()
	mustRead(t, s, "a")
}

func TestProxy_EndTravelsAtOnceUnlessCut(t *testing.T) {
	// Fast failure detection lives on closed sockets: an end must arrive
	// without delay, and must not cross a cut. The same end is watched in both
	// states, gracefully closed and reset.
	for _, c := range []struct {
		name string
		end  func(*net.TCPConn)
	}{
		{"closed", func(c *net.TCPConn) { c.Close() }},
		{"reset", func(c *net.TCPConn) { reset(c) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newProxyPair(t)
			x.p.cut(link{"a", "b"})
			c.end(x.a)
			mustStaySilent(t, x.b)
			x.p.heal(link{"a", "b"})
			began := time.Now()
			x.b.SetReadDeadline(began.Add(10 * time.Second))
			_, err := x.b.Read(make([]byte, 1))
			if ne, ok := errors.AsType[net.Error](err); err == nil || ok && ne.Timeout() {
				t.Fatalf("read ended with %v; want the end of the connection", err)
			}
			t.Logf("the end took %v", time.Since(began))
		})
	}
}

func TestProxy_DeadServerEndsItsDialers(t *testing.T) {
	// When the accepting side dies its dialer must see it without writing.
	x := newProxyPair(t)
	x.b.Close()
	x.a.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := x.a.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("read ended with %v, want EOF", err)
	}
	x.server.Close() // and a port that nobody holds refuses
	c := x.dial(t)
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, err := c.Read(make([]byte, 1))
	if ne, ok := errors.AsType[net.Error](err); err == nil || ok && ne.Timeout() {
		t.Fatalf("read ended with %v; want the end of the connection", err)
	}
}

func TestProxy_KeepsEveryByteOverManyCuts(t *testing.T) {
	// 4 MiB cross while the link is cut and healed a hundred times; the bytes
	// that arrive are those that were sent.
	x := newProxyPair(t)
	sent := make([]byte, 4<<20)
	rng := rand.NewChaCha8([32]byte{1})
	rng.Read(sent)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		for i := range 100 {
			x.p.cut(link{"a", "b"})
			x.b.SetReadDeadline(time.Now().Add(time.Minute))
			if i%10 == 0 {
				x.p.cut(link{"b", "a"})
			}
			x.p.healAll()
		}
		cancel()
	}()
	go func() {
		x.a.Write(sent)
		x.a.CloseWrite()
	}()
	x.b.SetReadDeadline(time.Now().Add(time.Minute))
	got, err := io.ReadAll(x.b)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("read %d bytes, %v; want the %d sent", len(got), err, len(sent))
	}
	<-ctx.Done()
}

func BenchmarkProxy_RoundTrip(b *testing.B) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	go func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			go io.Copy(c, c)
		}
	}()
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	p := newProxy(oneByteName)
	p.serve(front, "b", server.Addr().String())
	defer p.close()
	for _, way := range []struct{ name, addr string }{
		{"direct", server.Addr().String()}, {"proxied", front.Addr().String()},
	} {
		b.Run(way.name, func(b *testing.B) {
			c, err := net.Dial("tcp", way.addr)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			buf := []byte("a")
			for b.Loop() {
				c.Write(buf)
				io.ReadFull(c, buf)
			}
		})
	}
}
