package server

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/health/grpc_health_v1"

	"veche/host"
	"veche/raft"
)

// Goal: HTTP answers for its own hosts alone, on both ports. Method: a table of
// Host headers, the hostile and the unusual.
func TestGuard_HostHeader(t *testing.T) {
	r := newRig(t, func(c *Config) { c.HostNames = []string{"db.internal", "[2001:db8::1]"} })
	for _, c := range []struct {
		host string
		ours bool
	}{
		{"127.0.0.1", true}, {"127.0.0.1:2379", true}, {"127.9.9.9", true}, {"[::1]:1", true}, {"[::ffff:127.0.0.1]", true},
		{"localhost", true}, {"LOCALHOST:80", true}, {"localhost.", true}, {"n1.localhost:8080", true},
		{"db.internal", true}, {"DB.internal:2379", true}, {"[2001:db8::1]:2379", true},
		{"evil.example", false}, {"evil.example:2379", false}, {"localhost.evil.example", false}, {"notlocalhost", false},
		{"127.0.0.1.evil.example", false}, {"10.0.0.1", false}, {"0.0.0.0", false}, {"[::]", false}, {"xdb.internal", false},
	} {
		for _, url := range []string{r.clientURL("/version"), r.peopleURL("/status")} {
			want := http.StatusOK
			if !c.ours {
				want = http.StatusMisdirectedRequest
			}
			if res, text := r.ask("GET", url, "", "Host", c.host); res.StatusCode != want {
				t.Errorf("Host %q at %s: %d %s, want %d", c.host, url, res.StatusCode, text, want)
			}
		}
	}
	res, _ := r.ask("POST", r.clientURL("/v3/kv/put"), `{"key":"YQ=="}`, "Host", "evil.example")
	if res.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("a rebound page writes: %d", res.StatusCode)
	}
	c := r.dial()
	if _, err := c.Write([]byte("GET /version HTTP/1.0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(c).ReadString('\n'); !strings.Contains(line, "200") {
		t.Errorf("a check without Host is answered %q", line)
	}
}

// Goal: headers keep a browser from helping an attacker, on every answer.
// Method: look at them on a good and on a refused answer of each port.
func TestGuard_SecurityHeaders(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range [][2]string{{r.peopleURL("/"), "127.0.0.1"}, {r.peopleURL("/none"), "127.0.0.1"}, {r.clientURL("/version"), "evil.example"}} {
		res, _ := r.ask("GET", c[0], "", "Host", c[1])
		h := res.Header
		if !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'self'") || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: headers %v", c[0], h)
		}
	}
}

// Goal: another listener's pages are guarded in the same way. Method: ask one for
// itself and for a stranger.
func TestGuard_AroundOtherPages(t *testing.T) {
	ts := httptest.NewServer(Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "in") })))
	defer ts.Close()
	for host, code := range map[string]int{"": 200, "localhost:9": 200, "evil.example": 421, "10.1.2.3": 421} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", ts.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		res, err := ts.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != code || (string(body) == "in") != (code == 200) || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("Host %q: %d %q %v", host, res.StatusCode, body, err)
		}
	}
}

// Goal: the model is on every server's people port, and only there. Method: ask
// both ports for it.
func TestModel_OnThePeoplePortAlone(t *testing.T) {
	r := newRig(t, nil)
	res, _ := r.ask("GET", r.peopleURL("/model"), "")
	if p := res.Header.Get("Content-Security-Policy"); res.StatusCode == 200 && !strings.Contains(p, "'wasm-unsafe-eval'") {
		t.Errorf("/model has the policy %q", p)
	} else if res.StatusCode != 200 && res.StatusCode != 503 { // it is not built
		t.Errorf("/model: %d", res.StatusCode)
	}
	if res, _ := r.ask("GET", r.peopleURL("/web/files.js"), ""); res.StatusCode != 200 || strings.Contains(res.Header.Get("Content-Security-Policy"), "unsafe") {
		t.Errorf("/web/files.js: %d %v", res.StatusCode, res.Header)
	}
	for _, path := range []string{"/model", "/web/files.js", "/built/model.wasm.gz"} {
		if res, _ := r.ask("GET", r.clientURL(path), ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("the client port has %s: %d", path, res.StatusCode)
		}
	}
}

// Goal: headers beyond the bound end the connection unanswered, or with 431.
// Method: one long header over TCP, at the bound and beyond; what the server
// leaves unread may cost us its answer.
func TestGuard_LongHeaders(t *testing.T) {
	r := newRig(t, nil)
	for size, want := range map[int]bool{headerBytesMax / 2: true, headerBytesMax * 2: false} {
		c := r.dial()
		if _, err := io.WriteString(c, "GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Long: "+strings.Repeat("x", size)+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(c)
		if got := strings.Contains(string(answer), "etcdserver"); got != want {
			t.Errorf("%d bytes of headers are answered %q", size, answer)
		}
	}
}

// Goal: a panic in a page costs one connection, and the log tells. Method: plant
// one below /metrics.
func TestGuard_PanicIsOneRequests(t *testing.T) {
	r := newRig(t, nil)
	r.node.change(func(n *fakeNode) { n.panics = true })
	if res, err := r.http.Get(r.peopleURL("/health?serializable=true")); err == nil {
		res.Body.Close()
		t.Errorf("a panic is answered %d", res.StatusCode)
	}
	r.node.change(func(n *fakeNode) { n.panics = false })
	if res, _ := r.ask("GET", r.peopleURL("/health"), ""); res.StatusCode != 200 {
		t.Errorf("afterwards: %d", res.StatusCode)
	}
	if !strings.Contains(r.log.String(), "planted") {
		t.Error("the log does not tell")
	}
}

// Goal: the dashboard comes whole from this binary, and only where people look.
// Method: fetch its parts on both ports; package page tests what is in them.
func TestPage_SelfContained(t *testing.T) {
	r := newRig(t, nil)
	for path, kind := range map[string]string{"/": "text/html", "/web/live.js": "javascript", "/web/live.css": "text/css", "/web/icon.svg": "image/svg", "/cluster?once": "json"} {
		res, text := r.ask("GET", r.peopleURL(path), "")
		if res.StatusCode != 200 || !strings.Contains(res.Header.Get("Content-Type"), kind) || text == "" {
			t.Errorf("%s: %d %s", path, res.StatusCode, res.Header.Get("Content-Type"))
		}
		if res, _ := r.ask("GET", r.clientURL(path), ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("the client port has %s: %d", path, res.StatusCode)
		}
	}
}

// Goal: /health, /livez, /readyz and the gRPC health service say what is true.
// Method: with a leader, without one, with a halted member.
func TestHealth_FollowsTheLeader(t *testing.T) {
	r := newRig(t, nil)
	check := func(when string, want map[string]int) {
		t.Helper()
		for path, code := range want {
			for _, url := range []string{r.clientURL(path), r.peopleURL(path)} {
				if res, text := r.ask("GET", url, ""); res.StatusCode != code {
					t.Errorf("%s: %s answers %d %s, want %d", when, url, res.StatusCode, text, code)
				}
			}
		}
	}
	hc := grpc_health_v1.NewHealthClient(r.conn)
	stream, err := hc.Watch(r.context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	until := func(want grpc_health_v1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		for {
			res, err := stream.Recv()
			if err != nil {
				t.Fatalf("waiting for %v: %v", want, err)
			}
			if res.Status == want {
				return
			}
		}
	}
	until(grpc_health_v1.HealthCheckResponse_SERVING)
	check("with a leader", map[string]int{"/health": 200, "/health?serializable=true": 200, "/livez": 200, "/readyz?verbose": 200})
	_, text := r.ask("GET", r.clientURL("/health"), "")
	if strings.TrimSpace(text) != `{"health":"true","reason":""}` {
		t.Errorf("health is %s", text)
	}
	r.node.change(func(n *fakeNode) { n.picture.LogFull = true })
	check("with a full log", map[string]int{"/health": 503, "/health?serializable=true": 200, "/livez": 200})
	r.node.change(func(n *fakeNode) { n.picture.LogFull = false })
	r.node.change(leaderless)
	until(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	check("without a leader", map[string]int{"/health": 503, "/health?serializable=true": 200, "/livez": 200, "/readyz": 503})
	_, text = r.ask("GET", r.clientURL("/health"), "")
	if strings.TrimSpace(text) != `{"health":"false","reason":"RAFT NO LEADER"}` {
		t.Errorf("health is %s", text)
	}
	r.node.change(func(n *fakeNode) { n.picture.Leader, n.picture.Fault = testMember, "commit is beyond the log" })
	check("halted", map[string]int{"/health": 503, "/health?serializable=true": 503, "/livez": 503, "/readyz": 503})
}

// Goal: /leader is 200 on a confirmed leader alone, and points to the leader
// elsewhere; HEAD is the same without a body. Method: change the picture.
func TestLeaderPage_ConfirmedAlone(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct {
		name   string
		change func(*fakeNode)
		code   int
		want   LeaderReport
	}{
		{"confirmed leader", func(*fakeNode) {}, 200, LeaderReport{true, 0xa1, "n1", "127.0.0.1:2379", 7}},
		{"not confirmed", func(n *fakeNode) { n.picture.Confirmed = false }, 503, LeaderReport{false, 0xa1, "n1", "127.0.0.1:2379", 7}},
		{"confirmed long ago", func(n *fakeNode) { n.picture.Now += raft.Time(raft.Second) }, 503, LeaderReport{false, 0xa1, "n1", "127.0.0.1:2379", 7}},
		{"halted", func(n *fakeNode) { n.picture.Fault = "x" }, 503, LeaderReport{Term: 7}},
		{"follower", func(n *fakeNode) { n.picture.Role, n.picture.Leader = raft.Follower, 0xa2 }, 503, LeaderReport{false, 0xa2, "n2", "127.0.0.1:2479", 7}},
		{"nobody", leaderless, 503, LeaderReport{Term: 7}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.node.change(func(n *fakeNode) { n.picture = newFakeNode().picture })
			r.node.change(c.change)
			res, text := r.ask("GET", r.peopleURL("/leader"), "")
			if got := decode[LeaderReport](t, text); res.StatusCode != c.code || got != c.want {
				t.Errorf("got %d %+v, want %d %+v", res.StatusCode, got, c.code, c.want)
			}
			res, text = r.ask("HEAD", r.peopleURL("/leader"), "")
			if res.StatusCode != c.code || text != "" {
				t.Errorf("HEAD: %d %q", res.StatusCode, text)
			}
		})
	}
}

// Goal: the status says what the picture says, the same at both addresses, and
// survives its own JSON. Method: compare with the whole report.
func TestStatus_Report(t *testing.T) {
	r := newRig(t, func(c *Config) { c.FastDetection = true })
	_, text := r.ask("GET", r.clientURL("/veche/v1/status"), "")
	got := decode[StatusReport](t, text)
	if got.UptimeMS < 0 {
		t.Errorf("up for %d ms", got.UptimeMS)
	}
	got.UptimeMS = 0
	if len(got.Peers) != 2 || got.Peers[0] != (PeerReport{ID: 0xa2, Name: "n2", Match: 10, Next: 13, Lag: 2, LastContactMS: 15}) ||
		got.Peers[1] != (PeerReport{ID: 0xa3, Name: "n3", Next: 1, Lag: 12, LastContactMS: -1, Probing: true}) {
		t.Errorf("peers %+v", got.Peers)
	}
	if len(got.Members) != 3 || got.Members[2] != (MemberReport{ID: 0xa3, Name: "n3", Peer: "127.0.0.1:7003", Learner: true}) {
		t.Errorf("members %+v", got.Members)
	}
	got.Peers, got.Members = nil, nil
	want := StatusReport{
		Name: "n1", ID: 0xa1, Cluster: "0102030405060708090a0b0c0d0e0f10", Role: "leader", Standing: "admitted", Version: "0.1.0-test",
		Term: 7, Leader: Named{0xa1, "n1"}, Confirmed: true, Commit: 11, Applied: 10, Persisted: 12, LastIndex: 12, Lag: 1,
		FastDetection: true, ElectionTimeoutMS: [2]int64{150, 300}, HeartbeatMS: 50,
	}
	gotText, wantText := text, ""
	_, wantText = r.ask("GET", r.peopleURL("/status"), "")
	if uptime := regexp.MustCompile(`"uptime_ms":\d+`); uptime.ReplaceAllString(gotText, "") != uptime.ReplaceAllString(wantText, "") {
		t.Error("the two addresses tell different things")
	}
	if g, w := mustJSON(t, got), mustJSON(t, want); g != w {
		t.Errorf("got  %s\nwant %s", g, w)
	}
	if _, text := r.ask("GET", r.clientURL("/version"), ""); strings.TrimSpace(text) != `{"etcdserver":"3.7.3","etcdcluster":"3.7.0","veche":"0.1.0-test"}` {
		t.Errorf("version %s", text)
	}
	var id ID
	if id.UnmarshalText([]byte("xyz")) == nil || id.UnmarshalText([]byte("8e9e05c52164694d")) != nil || id.String() != "8e9e05c52164694d" {
		t.Errorf("ids are not hex both ways: %v", id)
	}
}

// Goal: etcd's clients get status and members from the same picture. Method:
// both RPCs on the leader and without a leader.
func TestRPC_StatusAndMembers(t *testing.T) {
	r := newRig(t, nil)
	r.put("a", "1")
	st, err := pb.NewMaintenanceClient(r.conn).Status(r.context(), &pb.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if st.Version != "3.7.3" || st.StorageVersion != "veche 0.1.0-test" || st.Leader != 0xa1 || st.RaftIndex != 11 || st.RaftTerm != 7 ||
		st.RaftAppliedIndex != 10 || st.DbSize <= 0 || len(st.Errors) != 0 || st.Header.Revision != 2 {
		t.Errorf("status %v", st)
	}
	r.node.change(leaderless)
	if st, err = pb.NewMaintenanceClient(r.conn).Status(r.context(), &pb.StatusRequest{}); err != nil || len(st.Errors) != 1 || st.Errors[0] != "etcdserver: no leader" {
		t.Errorf("without a leader: %v, %v", st, err)
	}
	list, err := pb.NewClusterClient(r.conn).MemberList(r.context(), &pb.MemberListRequest{})
	if err != nil || len(list.Members) != 3 {
		t.Fatalf("members %v, %v", list, err)
	}
	if m := list.Members[0]; m.ID != 0xa1 || m.Name != "n1" || m.PeerURLs[0] != "http://127.0.0.1:7001" || m.ClientURLs[0] != "http://127.0.0.1:2379" || m.IsLearner {
		t.Errorf("the first member is %v", m)
	}
	if m := list.Members[2]; len(m.ClientURLs) != 0 || !m.IsLearner {
		t.Errorf("a learner without a client address is %v", m)
	}
	r.node.change(func(n *fakeNode) { n.fail = host.ErrNoLeader })
	if _, err := pb.NewClusterClient(r.conn).MemberList(r.context(), &pb.MemberListRequest{Linearizable: true}); err == nil {
		t.Error("a linearizable list without a leader")
	}
}

// Goal: the metrics that people alert on are there. Method: scrape once.
func TestMetrics_Names(t *testing.T) {
	r := newRig(t, nil)
	r.put("a", "1")
	if stream, err := pb.NewWatchClient(r.conn).Watch(r.context()); err == nil {
		_, _ = stream.Recv() // it is not built
	}
	r.s.cfg.Journal.Record(raft.Event{Kind: raft.EventBecameLeader, Node: testMember, Term: 7})
	_, text := r.ask("GET", r.peopleURL("/metrics"), "")
	for _, want := range []string{
		"etcd_server_has_leader 1", "etcd_server_is_leader 1", "etcd_server_leader_changes_seen_total 1",
		"etcd_server_proposals_committed_total 11", "etcd_server_proposals_applied_total 10",
		"etcd_server_proposals_pending 0", "etcd_server_proposals_failed_total 0", "etcd_mvcc_db_total_size_in_bytes ",
		`grpc_server_started_total{grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"} 1`,
		`grpc_server_handled_total{grpc_code="OK",grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"} 1`,
		`grpc_server_handling_seconds_count{grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"} 1`,
		`grpc_server_handled_total{grpc_code="Unimplemented",grpc_method="Watch",grpc_service="etcdserverpb.Watch",grpc_type="bidi_stream"} 1`,
		`veche_peer_match_index{to="a2"} 10`, `veche_peer_contact_seconds{to="a2"} 0.015`,
		`veche_raft_role{role="leader"} 1`, `veche_raft_events_total{kind="became_leader"} 1`,
		"process_resident_memory_bytes ", "go_goroutines ",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no %q", want)
		}
	}
}

// stream is one reader of /events.
type stream struct {
	t     testing.TB
	lines *bufio.Scanner
	close func()
}

func (r *rig) events(headers ...string) *stream {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.context())
	req, err := http.NewRequestWithContext(ctx, "GET", r.peopleURL("/events"), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		r.t.Fatalf("events: %d %v", res.StatusCode, res.Header)
	}
	s := &stream{t: r.t, lines: bufio.NewScanner(res.Body)}
	s.close = func() { cancel(); res.Body.Close() }
	r.t.Cleanup(s.close)
	return s
}

// next gives the next message that has data.
func (s *stream) next() (kind, id, data string) {
	s.t.Helper()
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch name {
		case "event":
			kind = value
		case "id":
			id = value
		case "data":
			data = value
		case "":
			if data != "" {
				return kind, id, data
			}
			kind, id = "", ""
		}
	}
	s.t.Fatalf("the stream ended: %v", s.lines.Err())
	return
}

// Goal: a reader who comes back gets what he missed, once, and hears of a gap.
// Method: read, hang up, record more, come back with the id; then with an id
// that the ring has forgotten, and with one of another run.
func TestEvents_Resume(t *testing.T) {
	j := NewJournal()
	r := newRig(t, func(c *Config) { c.Journal = j })
	j.Record(raft.Event{Kind: raft.EventVoteRefused, Reason: raft.ReasonStaleLog, Node: testMember, Peer: 0xa2, Term: 4})
	s := r.events()
	_, id, data := s.next()
	e := decode[EventReport](t, data)
	if e.Kind != "vote_refused" || e.Reason != "stale_log" || e.Node != (Named{0xa1, "n1"}) || *e.Peer != (Named{0xa2, "n2"}) || e.Term != 4 ||
		e.Text != "n1 refuses n2 its vote in term 4: the candidate's log is behind" {
		t.Errorf("the event is %+v", e)
	}
	j.Record(event(5))
	if _, _, data := s.next(); decode[EventReport](t, data).Term != 5 {
		t.Errorf("then comes %s", data)
	}
	s.close()
	j.Record(event(6))
	s = r.events("Last-Event-ID", id)
	for _, want := range []uint64{5, 6} {
		if kind, _, data := s.next(); kind != "" || decode[EventReport](t, data).Term != want {
			t.Errorf("after coming back: %s %s, want term %d", kind, data, want)
		}
	}
	s.close()
	for n := range journalRing + 10 {
		j.Record(event(100 + n))
	}
	s = r.events("Last-Event-ID", id)
	if kind, _, data := s.next(); kind != "gap" || data != `{"missed":12}` {
		t.Errorf("after the ring: %q %s", kind, data)
	}
	if _, _, data := s.next(); decode[EventReport](t, data).Term != 110 {
		t.Errorf("the oldest that is left is %s", data)
	}
	s.close()
	s = r.events("Last-Event-ID", "elsewhere-7")
	if kind, _, data := s.next(); kind != "gap" || data != `{"missed":-1}` {
		t.Errorf("after another run: %q %s", kind, data)
	}
}

// Goal: readers of events are bounded, and a place comes free. Method: fill the
// count, ask, empty it, ask.
func TestEvents_ReadersAreBounded(t *testing.T) {
	r := newRig(t, nil)
	r.s.subscribers.Store(subscribersMax)
	if res, _ := r.ask("GET", r.peopleURL("/events"), ""); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one too many is answered %d", res.StatusCode)
	}
	r.s.subscribers.Store(0)
	r.events().close()
}
