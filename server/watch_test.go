package server

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"veche/raft"
)

// hostileName would run if it were ever taken for markup.
const hostileName = `"><img src=x onerror="owned=1">`

// peer is another member as it looks from outside.
type peer struct {
	*httptest.Server
	asked  atomic.Int64
	report atomic.Pointer[LookReport]
}

// newPeer is a member that answers with its report.
func newPeer(t *testing.T, id ID) *peer {
	p := &peer{}
	p.report.Store(&LookReport{Status: StatusReport{ID: id, Cluster: hex.EncodeToString(testCluster[:]), Role: "follower", Term: 7}, Last: "r-1"})
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		if r.URL.Path != lookPath {
			t.Errorf("a member is asked for %s", r.URL)
		}
		answer(w, http.StatusOK, p.report.Load())
	}))
	t.Cleanup(p.Server.Close)
	return p
}

func (p *peer) addr() string { return p.Listener.Addr().String() }

// members puts members into the picture, with ids from 0xa1 on.
func (r *rig) members(addrs ...string) {
	r.node.change(func(n *fakeNode) {
		n.picture.Config.Members = nil
		for k, addr := range addrs {
			n.picture.Config.Members = append(n.picture.Config.Members, raft.Member{ID: testMember + raft.NodeID(k), Name: hostileName, ClientAddr: addr})
		}
	})
}

// cluster opens the stream of the whole cluster.
func (r *rig) cluster() *stream {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.context())
	req, err := http.NewRequestWithContext(ctx, "GET", r.peopleURL("/cluster"), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	res, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") || !res.Uncompressed {
		r.t.Fatalf("cluster: %d %v", res.StatusCode, res.Header)
	}
	s := &stream{t: r.t, lines: bufio.NewScanner(res.Body)}
	s.lines.Buffer(nil, lookBytesMax)
	s.close = func() { cancel(); res.Body.Close() }
	r.t.Cleanup(s.close)
	return s
}

// frame reads on until a frame of which ok holds; it gives the events before it.
func (s *stream) frame(ok func(FrameReport) bool) (f FrameReport, events []map[string]any) {
	s.t.Helper()
	for {
		kind, _, data := s.next()
		switch kind {
		case "events":
			var list []map[string]any
			if err := json.Unmarshal([]byte(data), &list); err != nil {
				s.t.Fatal(err)
			}
			events = append(events, list...)
		case "frame":
			if strings.Contains(data, "<img") {
				s.t.Fatal("a name is sent as markup")
			}
			f = FrameReport{}
			if err := json.Unmarshal([]byte(data), &f); err != nil {
				s.t.Fatal(err)
			}
			if ok(f) {
				return f, events
			}
		}
	}
}

// Goal: whatever is wrong with a member is told by its name, and spoils nothing
// else. Method: one member each that is well, that nobody knows an address of,
// is down, answers rubbish, another's look, too much, sends elsewhere, hangs.
func TestWatch_NamesWhatIsWrong(t *testing.T) {
	r := newRig(t, nil)
	well, other := newPeer(t, 0xa2), newPeer(t, 0xff)
	down := listen(t)
	down.Close()
	serve := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	rubbish := serve(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>{")) })
	flood := newPeer(t, 0xa7)
	many := *flood.report.Load()
	many.Log = make([]LogEntry, lookRowsMax+1)
	flood.report.Store(&many)
	moved := serve(func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, "http://"+well.addr()+lookPath, http.StatusFound)
	})
	hang := make(chan struct{})
	hung := serve(func(http.ResponseWriter, *http.Request) { <-hang })
	t.Cleanup(func() { close(hang) })
	r.members("self", well.addr(), "", down.Addr().String(), rubbish, other.addr(), flood.addr(), moved, hung)
	res, text := r.ask("GET", r.peopleURL("/cluster?once"), "")
	f := decode[FrameReport](t, text)
	want := []string{"", "", "no_address", "no_answer", "not_understood", "someone_else", "not_understood", "not_understood", "not_in_time"}
	if res.Header.Get("Content-Type") != "application/json; charset=utf-8" || len(f.Members) != len(want) {
		t.Fatalf("%v: %s", res.Header, text)
	}
	for k, m := range f.Members {
		if m.Trouble != want[k] || (m.Look != nil) != (want[k] == "") || (m.AgeMS < 0) != (want[k] != "") {
			t.Errorf("member %d: trouble %q, want %q; look %v, age %d", k, m.Trouble, want[k], m.Look != nil, m.AgeMS)
		}
	}
	if m := f.Members[0]; m.Look.Status.Name != "n1" || m.Name != cleanName(hostileName) {
		t.Errorf("itself it sees as %+v", m)
	}
}

// Goal: a member that falls silent keeps its last state, and its age grows.
// Method: read frames, close the member, read on.
func TestWatch_SilentMemberAges(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, 0xa2)
	r.members("self", p.addr())
	s := r.cluster()
	if kind, _, data := s.next(); kind != "hello" || !strings.Contains(data, `"viewer":"n1"`) || strings.Contains(data, "faults") {
		t.Errorf("the stream begins with %s %s", kind, data)
	}
	s.frame(func(f FrameReport) bool { return len(f.Members) == 2 && f.Members[1].Look != nil })
	p.CloseClientConnections()
	p.Server.Close()
	first, _ := s.frame(func(f FrameReport) bool { return f.Members[1].Trouble == "no_answer" })
	later, _ := s.frame(func(f FrameReport) bool { return f.At.After(first.At.Add(watchEvery)) })
	a, b := first.Members[1], later.Members[1]
	if a.Look == nil || a.Look.Status.Term != 7 || b.Look == nil || b.AgeMS < a.AgeMS+watchEvery.Milliseconds() || b.AgeMS > later.At.Sub(first.At).Milliseconds()+a.AgeMS+5 {
		t.Errorf("first %+v, later %+v", a, b)
	}
	if x := later.Members[0]; x.AgeMS > watchEvery.Milliseconds()*3 || x.Trouble != "" {
		t.Errorf("meanwhile the member itself: %+v", x)
	}
}

// Goal: many readers cost the members no more than one, and are bounded; when
// nobody reads nobody asks. Method: count what a member is asked.
func TestWatch_ReadersShareTheLooks(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, 0xa2)
	r.members("self", p.addr())
	var readers []*stream
	for range watchReadersMax {
		s := r.cluster()
		s.next() // it has joined
		readers = append(readers, s)
	}
	if res, text := r.ask("GET", r.peopleURL("/cluster"), ""); res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, "too many") {
		t.Errorf("one reader too many is answered %d %s", res.StatusCode, text)
	}
	from, _ := readers[0].frame(func(FrameReport) bool { return true })
	asked := p.asked.Load()
	to, _ := readers[0].frame(func(f FrameReport) bool { return f.At.Sub(from.At) >= 5*watchEvery })
	rounds := int64(to.At.Sub(from.At) / watchEvery)
	if n := p.asked.Load() - asked; n > rounds+2 {
		t.Errorf("in %d rounds the member was asked %d times", rounds, n)
	}
	for _, s := range readers {
		s.close()
	}
	w := r.s.watch
	w.mu.Lock()
	done := w.done
	w.mu.Unlock()
	<-done // the last reader that left ended the rounds
	s := r.cluster()
	s.frame(func(f FrameReport) bool { return f.At.After(to.At) }) // and a new one begins them anew
}

// Goal: every event of every member comes once, in order, and a gap is told.
// Method: record here, let the other tell, start the other anew.
func TestWatch_EventsOfAllMembers(t *testing.T) {
	j := NewJournal()
	r := newRig(t, func(c *Config) { c.Journal = j })
	p := newPeer(t, 0xa2)
	r.members("self", p.addr())
	j.Record(event(1))
	told := *p.report.Load()
	told.Events = []SeenEvent{{"r-1", EventReport{Kind: "became_leader", Term: 9, Text: hostileName}}}
	p.report.Store(&told)
	s := r.cluster()
	_, events := s.frame(func(f FrameReport) bool { return f.Members[1].Look != nil })
	quiet := *p.report.Load()
	quiet.Events = nil
	p.report.Store(&quiet)
	count := map[string]int{}
	for _, e := range events {
		count[e["kind"].(string)]++
	}
	if count["vote_granted"] != 1 || count["became_leader"] == 0 {
		t.Errorf("at first come %v", events)
	}
	_, before := s.frame(func(f FrameReport) bool { return true }) // a look may have been on its way
	anew := quiet
	anew.Missed, anew.Last = -1, "q-1"
	p.report.Store(&anew)
	j.Record(event(2))
	kinds := map[any]any{}
	for kinds["gap"] == nil || kinds["vote_granted"] == nil { // until the stream ends
		_, more := s.frame(func(FrameReport) bool { return true })
		for _, e := range more {
			kinds[e["kind"]] = e["missed"]
			if e["kind"] == "vote_granted" {
				kinds["vote_granted"] = e["term"]
			}
		}
	}
	if kinds["gap"] != -1.0 || kinds["vote_granted"] != 2.0 || len(before) > 1 {
		t.Errorf("then come %v, after %v", kinds, before)
	}
}

// Goal: Stop ends readers, and looks that hang, at once. Method: stop with both
// open; the rig and goleak see to what is left.
func TestWatch_StopEndsEverything(t *testing.T) {
	r := newRig(t, nil)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	r.members("self", silent.Addr().String())
	s := r.cluster()
	s.frame(func(f FrameReport) bool { return true })
	r.s.Stop(r.context())
	for s.lines.Scan() { // to the end, which comes
	}
	w := r.s.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.readers != 0 {
		t.Errorf("%d readers are left", w.readers)
	}
}
