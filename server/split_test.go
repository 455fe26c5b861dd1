package server

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Goal: the first bytes decide, and not one byte sooner than they can. Method:
// every prefix of a table of beginnings.
func TestRecognize_FirstBytes(t *testing.T) {
	for _, c := range []struct {
		name  string
		first string
		after int // bytes after which it is decided
		want  speech
	}{
		{"HTTP/2", preface, len(preface), speechGRPC},
		{"GET", "GET / HTTP/1.1\r\n", 4, speechHTTP},
		{"POST and PUT part late", "POST /", 5, speechHTTP},
		{"PUT", "PUT /", 4, speechHTTP},
		{"HEAD", "HEAD /", 5, speechHTTP},
		{"OPTIONS", "OPTIONS *", 8, speechHTTP},
		{"TLS", "\x16\x03\x01", 1, speechTLS},
		{"garbage", "\x00\x01", 1, speechNoise},
		{"almost HTTP/2", "PRI * HTTP/1.1", 12, speechNoise},
		{"almost a method", "GETX", 4, speechNoise},
		{"lower case", "get /", 1, speechNoise},
	} {
		t.Run(c.name, func(t *testing.T) {
			for n := range len(c.first) + 1 {
				want := c.want
				if n < c.after {
					want = speechUndecided
				}
				if got := recognize([]byte(c.first[:n])); got != want {
					t.Errorf("after %q: %v, want %v", c.first[:n], got, want)
				}
			}
		})
	}
}

// Goal: whatever a stranger sends, recognize decides within the preface and
// never takes back what it said. Method: fuzzing, byte by byte.
func FuzzSniff(f *testing.F) {
	for _, s := range []string{preface, "GET / HTTP/1.1\r\n", "PO", "\x16\x03", "", "PRI * HTTP/2.0\r\n\r\nSX"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		decided := speechUndecided
		for n := range len(b) + 1 {
			got := recognize(b[:n])
			if decided != speechUndecided && got != decided {
				t.Fatalf("%q was %v and became %v with %q", b[:n-1], decided, got, b[:n])
			}
			decided = got
		}
		if len(b) >= len(preface) && decided == speechUndecided {
			t.Fatalf("%q is undecided", b)
		}
		if decided == speechGRPC && !bytes.HasPrefix(b, []byte(preface)) {
			t.Fatalf("%q counts as HTTP/2", b)
		}
	})
}

// dial connects to the client port.
func (r *rig) dial() net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", r.s.cfg.Client.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		r.t.Fatal(err)
	}
	return c
}

// closedByServer waits until the server closes c.
func closedByServer(t testing.TB, c net.Conn) {
	t.Helper()
	_, err := io.Copy(io.Discard, c)
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		t.Fatal("the server keeps the connection")
	}
}

// Goal: bytes that are neither gRPC nor HTTP close the connection and are
// counted, and the next client is served. Method: garbage, a TLS hello, half a
// preface, a preface with garbage behind it, over TCP.
func TestSplit_NoiseIsClosedAndCounted(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct {
		name, send string
		count      func() uint64
	}{
		{"garbage", "\x00\xff\xfegarbage", r.s.split.counts.noise.Load},
		{"a TLS hello", "\x16\x03\x01\x02\x00\x01\x00", r.s.split.counts.tls.Load},
		{"almost HTTP/2", "PRI * HTTP/9.9\r\n\r\n", r.s.split.counts.noise.Load},
		{"garbage behind the preface", preface + strings.Repeat("\xff", 64), r.s.split.counts.grpc.Load},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := c.count()
			conn := r.dial()
			if _, err := io.WriteString(conn, c.send); err != nil {
				t.Fatal(err)
			}
			closedByServer(t, conn)
			if got := c.count(); got != before+1 {
				t.Errorf("counted %d, want %d", got, before+1)
			}
		})
	}
	half := r.dial()
	if _, err := io.WriteString(half, "PRI * HT"); err != nil {
		t.Fatal(err)
	}
	if err := half.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	closedByServer(t, half)
	if n := r.s.split.counts.gone.Load(); n != 1 {
		t.Errorf("counted %d that hung up undecided, want 1", n)
	}
	r.put("a", "1")
	if _, text := r.ask("GET", r.peopleURL("/metrics"), ""); !strings.Contains(text, `veche_client_connections_total{as="noise"} 2`) {
		t.Error("the metrics do not tell of the noise")
	}
}

// Goal: a silent connection ends in time. Method: a split whose patience is
// over at once; the peer sends nothing.
func TestSplit_SilenceEnds(t *testing.T) {
	l := listen(t)
	s := newSplit(l, connsMax, time.Nanosecond)
	served := make(chan error, 1)
	go func() { served <- s.serve() }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	closedByServer(t, c)
	if err := s.close(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if n := s.counts.slow.Load(); n != 1 {
		t.Errorf("counted %d silent connections, want 1", n)
	}
	if open, undecided := s.openConns(); open != 0 || undecided != 0 {
		t.Errorf("%d open and %d undecided after close", open, undecided)
	}
}

// Goal: a flood of silent connections does not keep a client out: the oldest
// silent one makes room. Method: more of them than may be undecided, then a
// real request.
func TestSplit_FloodOfSilenceMakesRoom(t *testing.T) {
	r := newRig(t, nil)
	first := r.dial()
	for range undecidedMax + 8 {
		r.dial()
	}
	r.put("a", "1") // gRPC is served
	if res, _ := r.ask("GET", r.clientURL("/version"), ""); res.StatusCode != 200 {
		t.Errorf("HTTP answers %d", res.StatusCode)
	}
	closedByServer(t, first)
	if _, undecided := r.s.split.openConns(); undecided > undecidedMax {
		t.Errorf("%d undecided connections, bound %d", undecided, undecidedMax)
	}
}

// Goal: a full port refuses at once, counts it, and serves again when somebody
// leaves. Method: pretend that all slots but one are taken.
func TestSplit_FullPortRefuses(t *testing.T) {
	r := newRig(t, nil)
	set := func(n int) {
		r.s.split.mu.Lock()
		r.s.split.open += n
		r.s.split.mu.Unlock()
	}
	set(connsMax)
	closedByServer(t, r.dial())
	if n := r.s.split.counts.full.Load(); n != 1 {
		t.Errorf("counted %d, want 1", n)
	}
	set(-connsMax)
	r.put("a", "1")
}

// Goal: a smaller bound holds, and silence does not fill it. Method: a bound of
// four, a client, silent connections that push out one another, another client.
func TestSplit_SmallerBoundHolds(t *testing.T) {
	r := newRig(t, func(c *Config) { c.ClientConns = 4 })
	r.put("a", "1")
	silent := []net.Conn{r.dial(), r.dial()}
	for range 8 {
		silent = append(silent, r.dial())
		closedByServer(t, silent[len(silent)-3])
	}
	if res, _ := r.ask("GET", r.clientURL("/version"), ""); res.StatusCode != 200 {
		t.Errorf("HTTP answers %d", res.StatusCode)
	}
	if open, undecided := r.s.split.openConns(); open > 4 || undecided > 2 {
		t.Errorf("%d connections are open, %d of them undecided; bounds 4 and 2", open, undecided)
	}
}

// Goal: the http listener keeps to its bound and its slots come back. Method:
// a bound of one, three connections one after another.
func TestCapped_SlotsComeBack(t *testing.T) {
	inner := listen(t)
	l := &capped{Listener: inner, max: 1}
	defer l.Close()
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		return c
	}
	dial()
	first := <-accepted
	closedByServer(t, dial())
	if n := l.refused.Load(); n != 1 {
		t.Errorf("refused %d, want 1", n)
	}
	_ = first.Close()
	_ = first.Close() // a second time gives nothing back
	dial()
	second := <-accepted
	_ = second.Close()
	if n := l.open.Load(); n != 0 {
		t.Errorf("%d open at the end", n)
	}
	_ = l.Close()
	for range accepted {
		t.Error("a connection after close")
	}
}

// Goal: Stop ends everything, also a stream that would go on for ever and a
// server that never served. Method: goleak, a stream of events, a refused call.
func TestServer_StopEndsAll(t *testing.T) {
	s, err := New(Config{Node: newFakeNode(), ClusterID: testCluster, Self: 1, Client: listen(t), HTTP: listen(t)})
	if err != nil {
		t.Fatal(err)
	}
	s.Stop(t.Context())
	s.Stop(t.Context())

	r := newRig(t, nil)
	r.put("a", "1")
	res, err := r.http.Get(r.peopleURL("/events"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	r.s.Stop(t.Context())
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Errorf("the stream did not end cleanly: %v", err)
	}
	if _, err := net.Dial("tcp", r.s.cfg.Client.Addr().String()); err == nil {
		t.Error("the client port is still open")
	}
	if _, err := r.kv.Put(t.Context(), nil); status.Code(err) != codes.Unavailable {
		t.Errorf("a put after Stop ends in %v", err)
	}
}

// Goal: a server is not made of nonsense. Method: leave out one thing at a time.
func TestNew_SaysWhatIsMissing(t *testing.T) {
	l := listen(t)
	defer l.Close()
	for want, c := range map[string]Config{
		"no host":            {ClusterID: testCluster, Self: 1, Client: l},
		"no listener":        {Node: newFakeNode(), ClusterID: testCluster, Self: 1},
		"own id is 0":        {Node: newFakeNode(), ClusterID: testCluster, Client: l},
		"cluster id is miss": {Node: newFakeNode(), Self: 1, Client: l},
		"is negative":        {Node: newFakeNode(), ClusterID: testCluster, Self: 1, Client: l, RequestTimeout: -1},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want a sentence with %q", err, want)
		}
	}
}
