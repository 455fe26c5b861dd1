package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"veche/server"
)

// town is a cluster of real processes that others join.
type town struct {
	*cluster
	t       *testing.T
	ctx     context.Context
	clients *clients
}

// newTown starts the founders. The other nodes join when they are started.
func newTown(t *testing.T, founders, nodes int, serve ...string) *town {
	t.Helper()
	c, err := newCluster(clusterOptions{Nodes: nodes, Founders: founders, Program: buildVeche(t), Dir: t.TempDir(), Serve: serve})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			showLogs(t, c)
		}
		c.close()
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	w := &town{cluster: c, t: t, ctx: ctx}
	if w.clients, err = dialClients(c.endpoints()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.clients.close)
	for i := range founders {
		w.launch(i)
	}
	w.until("the founders follow one leader", func(v []memberView) bool { return agreedLeader(v, founders) >= 0 })
	return w
}

func (w *town) launch(i int) {
	w.t.Helper()
	if err := w.start(i); err != nil {
		w.t.Fatal(err)
	}
}

func (w *town) until(what string, ok func([]memberView) bool) []memberView {
	w.t.Helper()
	v, err := w.await(w.ctx, what, ok)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// veche runs a subcommand against a node, and gives the exit code and all that
// it said.
func (w *town) veche(i int, args ...string) (int, string) {
	var out bytes.Buffer
	code := run(w.ctx, append(args, "--endpoints", w.nodes[i].client), &out, &out)
	return code, out.String()
}

// must is veche, and the end of the test when that fails.
func (w *town) must(i int, args ...string) string {
	w.t.Helper()
	code, text := w.veche(i, args...)
	if code != exitOK {
		w.t.Fatalf("veche %s ended with %d: %s", strings.Join(args, " "), code, text)
	}
	return text
}

// votes says whether a node believes of itself that it votes.
func votes(v memberView) bool {
	if v.Err != "" {
		return false
	}
	for _, m := range v.Members {
		if m.ID == v.ID {
			return !m.Learner
		}
	}
	return false
}

// ended waits for the end of a node's process, and gives its exit code and last
// words.
func (w *town) ended(i int) (int, string) {
	w.t.Helper()
	w.mu.Lock()
	p := w.nodes[i].proc
	w.mu.Unlock()
	select {
	case <-p.done:
	case <-w.ctx.Done():
		w.t.Fatalf("%s still runs", w.nodes[i].name)
	}
	text, err := os.ReadFile(filepath.Join(w.dir, w.nodes[i].name+".log"))
	if err != nil {
		w.t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode(), lastLine(string(text))
}

func (w *town) put(i int, key string) {
	w.t.Helper()
	mustPut(w.t, w.ctx, w.clients.kv[i], key, "1")
}

func (w *town) has(i int, key string) bool {
	r, err := retryRead(w.ctx, func(ctx context.Context) (*pb.RangeResponse, error) {
		return w.clients.kv[i].Range(ctx, &pb.RangeRequest{Key: []byte(key)})
	})
	return err == nil && len(r.Kvs) == 1
}

func TestJoin_OneCommandMakesAVoter(t *testing.T) {
	// A server that is started with --join gets the data and comes to vote, in an
	// idle cluster too; the same command starts it again; after its removal it
	// stops with a code of its own and a sentence, and says so again.
	w := newTown(t, 1, 3)
	w.put(0, "before")
	for i := 1; i < 3; i++ {
		w.launch(i)
		w.until("it votes", func(v []memberView) bool { return votes(v[i]) && v[i].Applied >= v[0].Commit })
	}
	if !w.has(2, "before") {
		t.Error("the newcomer lacks what was there before it")
	}
	w.kill(0)
	w.until("the newcomers elect one of themselves", func(v []memberView) bool { return agreedLeader(v, 2) > 0 })
	w.put(2, "without the founder")
	w.kill(2)
	w.launch(0)
	w.launch(2)
	w.until("all three follow", func(v []memberView) bool { return agreedLeader(v, 3) >= 0 })
	if !w.has(0, "without the founder") {
		t.Error("a write is lost")
	}
	w.must(0, "member", "remove", "n3")
	for range 2 {
		if code, last := w.ended(2); code != exitRemoved || !strings.Contains(last, "n3 was removed from the cluster") {
			t.Fatalf("the removed server ended with %d and %q", code, last)
		}
		w.launch(2)
	}
}

func TestJoin_WipedDiskDoesNotComeBack(t *testing.T) {
	// A server that joined and lost its disk must not take its old place: the
	// sentence says what to do, and doing it works.
	w := newTown(t, 3, 4)
	w.launch(3)
	w.until("it votes", func(v []memberView) bool { return votes(v[3]) })
	w.kill(3)
	if err := os.RemoveAll(w.nodes[3].dir); err != nil {
		t.Fatal(err)
	}
	w.launch(3)
	if code, last := w.ended(3); code != exitFailed || !strings.Contains(last, "veche member remove n4") {
		t.Fatalf("it ended with %d and %q", code, last)
	}
	w.must(0, "member", "remove", "n4")
	w.launch(3)
	w.until("it votes again", func(v []memberView) bool { return votes(v[3]) })
}

func TestMember_ReplaceIsOneStep(t *testing.T) {
	// veche member replace, begun before the new server runs: it waits, shows how
	// far it is, and swaps the two at once; also when the one that goes leads.
	w := newTown(t, 3, 4)
	leader, _ := agree(t, w, 3)
	w.put(leader, "k")
	said := make(chan string, 1)
	go func() {
		code, text := w.veche((leader+1)%3, "member", "replace", w.nodes[leader].name, w.nodes[3].front)
		said <- fmt.Sprint(code, " ", text)
	}()
	w.until("it is added", func(v []memberView) bool { return len(v[(leader+1)%3].Members) == 4 })
	w.launch(3)
	text := <-said
	want := "n4 has taken the place of " + w.nodes[leader].name
	if !strings.HasPrefix(text, "0 ") || !strings.Contains(text, want) || !strings.Contains(text, "waits for its server to be started") {
		t.Fatalf("it said %s", text)
	}
	if code, _ := w.ended(leader); code != exitRemoved {
		t.Errorf("the old server ended with %d", code)
	}
	w.until("three follow", func(v []memberView) bool { return agreedLeader(v, 3) >= 0 && votes(v[3]) && len(v[3].Members) == 3 })
	if !w.has(3, "k") {
		t.Error("the write is lost")
	}
}

// agree waits until founders follow a leader.
func agree(t *testing.T, w *town, n int) (int, memberView) {
	t.Helper()
	t.Helper()
	v := w.until("they follow one leader", func(v []memberView) bool { return agreedLeader(v, n) >= 0 })
	i := agreedLeader(v, n)
	return i, v[i]
}

// syncedBuffer is what a command that runs says meanwhile.
type syncedBuffer struct {
	mu sync.Mutex // guards: b
	b  bytes.Buffer
}

func (s *syncedBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncedBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestMember_InterruptedAddSaysHowToGoOn(t *testing.T) {
	// Ctrl-C while the newcomer does not run: what is left is a learner, and the
	// command that is printed goes on with it.
	w := newTown(t, 1, 2)
	ctx, cancel := context.WithCancel(w.ctx)
	var out syncedBuffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"member", "add", w.nodes[1].front, "--endpoints", w.nodes[0].client}, &out, &out)
	}()
	w.until("it is added", func(v []memberView) bool { return len(v[0].Members) == 2 })
	for !strings.Contains(out.String(), "waits for its server") && w.ctx.Err() == nil {
		w.views(w.ctx)
	}
	cancel()
	if c := <-code; c != exitFailed || !strings.Contains(out.String(), "interrupted") ||
		!strings.Contains(out.String(), "veche member add "+w.nodes[1].front+" --endpoints "+w.nodes[0].client) || !strings.Contains(out.String(), "veche member remove ") {
		t.Fatalf("it ended with %d and said %s", c, out.String())
	}
	w.launch(1)
	if text := w.must(0, "member", "add", w.nodes[1].front); !strings.Contains(text, "is a member already, as learner") || !strings.Contains(text, "n2 has caught up, and votes now") {
		t.Fatalf("going on said %s", text)
	}
	if text := w.must(0, "member", "add", w.nodes[1].front); !strings.Contains(text, "votes already") {
		t.Fatalf("once more said %s", text)
	}
}

func TestMember_ListUpdateAndMistakes(t *testing.T) {
	// The small commands on one server, and that what cannot be is told in a
	// sentence with what there is instead.
	w := newTown(t, 1, 2)
	if text := w.must(0, "member", "update", "n1", "--priority", "7"); !strings.Contains(text, "n1 is recorded anew") {
		t.Error(text)
	}
	w.must(0, "member", "add", "127.0.0.1:9", "--detach", "--name", "late")
	list := w.must(0, "member", "list")
	for _, want := range []string{"n1    ", "voter    yes             7", "learner  no", "127.0.0.1:9", "late"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list lacks %q:\n%s", want, list)
		}
	}
	for _, x := range []struct {
		args, want string
		code       int
	}{
		{"member promote late", "it has not caught up", exitFailed},
		{"member promote n1", "it is no learner", exitFailed},
		{"member remove nobody", `no member is called "nobody"; there are `, exitUsage},
		{"member remove n1", "too few of the voters", exitFailed},
		{"member add 127.0.0.1", "host:port", exitUsage},
		{"member add 0.0.0.0:1", "host:port", exitUsage},
		{"member add 127.0.0.1:8 --name n/1", "cannot be used", exitUsage},
		{"member update n1", "nothing is to be changed", exitUsage},
		{"member update late --peer " + w.nodes[0].front, "another member has that peer address", exitFailed},
		{"member update late --name n1", "another member is named n1", exitFailed},
		{"member replace n1 " + w.nodes[0].front, "an address and a data directory of its own", exitUsage},
		{"transfer --to late", "is a learner", exitUsage},
		{"transfer --to n1", "n1 leads already", exitOK},
		{"transfer", "did not take over", exitFailed},
		{"member list -o xml", "text or json", exitUsage},
	} {
		if code, text := w.veche(0, strings.Fields(x.args)...); code != x.code || !strings.Contains(text, x.want) {
			t.Errorf("veche %s ended with %d and said %q; want %d and %q", x.args, code, text, x.code, x.want)
		}
	}
	w.must(0, "member", "remove", "late")
	// Each of these changes was made durable, and the metrics tell how long it took.
	resp, err := http.Get("http://" + w.nodes[0].http + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || !regexp.MustCompile(`(?m)^etcd_disk_wal_fsync_duration_seconds_count [1-9]`).Match(text) {
		t.Errorf("no sync was counted (%v)", err)
	}
}

func TestTransfer_MovesLeadership(t *testing.T) {
	// To a named member and to the best one, asked of a follower.
	w := newTown(t, 3, 3)
	leader, _ := agree(t, w, 3)
	to := (leader + 1) % 3
	if text := w.must((leader+2)%3, "transfer", "--to", w.nodes[to].name); !strings.Contains(text, "handed over to "+w.nodes[to].name) {
		t.Error(text)
	}
	if now, _ := agree(t, w, 3); now != to {
		t.Errorf("%s leads", w.nodes[now].name)
	}
	if text := w.must(leader, "transfer"); !strings.Contains(text, w.nodes[to].name+" handed over to ") {
		t.Error(text)
	}
}

func TestServe_TimingPriorityAndLeasesAreSeen(t *testing.T) {
	// One of three has other election timing and a higher priority, all have lease
	// reads: it comes to lead, holds a lease, and veche status tells all of that.
	w := newTown(t, 1, 3, "--lease-reads", "--clock-drift", "0.1%")
	w.nodes[2].args = []string{"--election-timeout", "200ms-400ms", "--priority", "9"}
	w.launch(1)
	w.launch(2)
	w.until("the preferred one leads, by a lease", func(v []memberView) bool {
		return agreedLeader(v, 3) == 2 && v[2].Report.Lease
	})
	_, text := w.veche(0, "status")
	for _, want := range []string{"the election timing of n1 differs from the leader's", "the leader holds a lease for reads", "priorities n3 9", "election timeout 200-400 ms"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	w.put(1, "k")
	if !w.has(2, "k") || !w.has(0, "k") {
		t.Error("a read upon a lease missed a write that was acknowledged")
	}
}

func TestProgress_TellsHowLong(t *testing.T) {
	// The line of a newcomer from what is known of it, with rates over two looks.
	at := time.Unix(0, 0)
	var r rateMeter
	for _, x := range []struct {
		c     catchUp
		after time.Duration
		want  string
	}{
		{catchUp{}, 0, "waits for its server to be started"},
		{catchUp{started: true}, 0, "nobody leads; waiting"},
		{catchUp{started: true, led: true}, 0, "the leader does not hear it; is its server still running?"},
		{catchUp{started: true, led: true, heard: true, bytes: 1 << 20, total: 10 << 20}, 0, "snapshot, 1.0 MiB of 10.0 MiB"},
		{catchUp{started: true, led: true, heard: true, bytes: 3 << 20, total: 10 << 20}, time.Second, "snapshot, 3.0 MiB of 10.0 MiB, 2.0 MiB/s, 4s left"},
		{catchUp{started: true, led: true, heard: true, match: 1000, last: 12345}, 2 * time.Second, "entry 1_000 of 12_345"},
		{catchUp{started: true, led: true, heard: true, match: 2000, last: 12345}, 3 * time.Second, "entry 2_000 of 12_345, 1_000 entries/s, 10s left"},
		{catchUp{started: true, led: true, heard: true, match: 2000, last: 2000}, 3 * time.Second, "entry 2_000 of 2_000"},
	} {
		if got := x.c.text(&r, at.Add(x.after)); got != x.want {
			t.Errorf("got  %s\nwant %s", got, x.want)
		}
	}
	if got := leftText(1e9); got != "more than a day" {
		t.Error(got)
	}
}

func TestFindMember_NameBeforeIdBeforeAddress(t *testing.T) {
	// A member may be named as another one's id is spelled.
	r := &server.StatusReport{Members: []server.MemberReport{
		{ID: 0xbee, Name: "n1", Peer: "h:1", Client: "h:2"}, {ID: 2, Name: "bee", Peer: "h:3"}, {ID: 3, Peer: "h:4"},
	}}
	for who, want := range map[string]server.ID{"n1": 0xbee, "bee": 2, "0xBEE": 0xbee, "h:2": 0xbee, "http://h:3": 2, "3": 3, "h:4": 3} {
		if m, err := findMember(r, who); err != nil || m.ID != want {
			t.Errorf("%s is %v, %v", who, m, err)
		}
	}
	if _, err := findMember(r, ""); err == nil {
		t.Error("an empty name is somebody's")
	}
}
