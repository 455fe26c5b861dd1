package server

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"veche/host"
	"veche/raft"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeNode is a member that commits by itself: a real state machine, and
// whatever picture and errors a test wants.
type fakeNode struct {
	mu      sync.Mutex // guards all below
	machine *Machine
	index   raft.Index
	picture Picture
	fail    error             // what Propose and Read end with
	held    chan struct{}     // not nil: Propose and Read wait for it, or for ctx
	asked   chan struct{}     // not nil: told of every Propose and Read
	panics  bool              // View panics
	seen    []context.Context // of Propose and Read
	refuse  []error           // what the next Changes end with, before any is done
	changed [][]raft.Change
	frozen  bool          // after a Change the picture is as before, and says that the host has stopped
	moved   []raft.NodeID // to whom it was asked to hand over
}

var testCluster = raft.ClusterID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

const testMember = raft.NodeID(0xa1)

func newFakeNode() *fakeNode {
	n := &fakeNode{machine: NewMachine()}
	n.picture.Status = host.Status{Status: raft.Status{
		Group: 1, Self: testMember, Role: raft.Leader, Standing: raft.Admitted, Term: 7,
		Leader: testMember, Confirmed: true, Commit: 11, LastIndex: 12, Persisted: 12,
		Config: raft.Configuration{
			Members: []raft.Member{
				{ID: testMember, Name: "n1", PeerAddr: "127.0.0.1:7001", ClientAddr: "127.0.0.1:2379"},
				{ID: 0xa2, Name: "n2", PeerAddr: "127.0.0.1:7002", ClientAddr: "127.0.0.1:2479"},
				{ID: 0xa3, Name: "n3", PeerAddr: "127.0.0.1:7003"},
			},
			Voters: []raft.NodeID{testMember, 0xa2}, Learners: []raft.NodeID{0xa3},
		},
		Peers: []raft.PeerStatus{
			{ID: 0xa2, Match: 10, Next: 13, LastContact: 40 * raft.Time(raft.Millisecond)},
			{ID: 0xa3, Next: 1, Probing: true},
		},
	}, At: 50 * raft.Time(raft.Millisecond), Applied: 10}
	n.picture.Now = 55 * raft.Time(raft.Millisecond)
	return n
}

func (n *fakeNode) wait(ctx context.Context) error {
	n.mu.Lock()
	held, asked, fail := n.held, n.asked, n.fail
	n.seen = append(n.seen, ctx)
	n.mu.Unlock()
	if asked != nil {
		asked <- struct{}{}
	}
	if held == nil {
		return fail
	}
	select {
	case <-held:
		return fail
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *fakeNode) Propose(ctx context.Context, command []byte) (host.Result, error) {
	if err := n.wait(ctx); err != nil {
		return host.Result{Err: err}, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.index++
	return host.Result{Value: n.machine.Apply(n.index, command), Index: n.index, Term: n.picture.Term}, nil
}

func (n *fakeNode) Read(ctx context.Context, f func(host.StateMachine)) error {
	if err := n.wait(ctx); err != nil {
		return err
	}
	n.View(f)
	return nil
}

func (n *fakeNode) View(f func(host.StateMachine)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.panics {
		panic("planted")
	}
	f(n.machine)
}

// Change does single changes at once, as a leader alone would.
func (n *fakeNode) Change(_ context.Context, changes []raft.Change) (raft.Index, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.changed = append(n.changed, changes)
	if len(n.refuse) > 0 {
		err := n.refuse[0]
		n.refuse = n.refuse[1:]
		if err != nil {
			return 0, err
		}
	}
	c := n.picture.Config.Clone()
	without := func(ids []raft.NodeID, id raft.NodeID) []raft.NodeID {
		return slices.DeleteFunc(ids, func(v raft.NodeID) bool { return v == id })
	}
	for _, ch := range changes {
		id := ch.Member.ID
		at := slices.IndexFunc(c.Members, func(m raft.Member) bool { return m.ID == id })
		switch ch.Kind {
		case raft.ChangeAddLearner:
			c.Members, c.Learners = append(c.Members, ch.Member), append(c.Learners, id)
		case raft.ChangeAddVoter:
			c.Members, c.Voters = append(c.Members, ch.Member), append(c.Voters, id)
		case raft.ChangePromote:
			c.Learners, c.Voters = without(c.Learners, id), append(c.Voters, id)
		case raft.ChangeRemove:
			c.Members = slices.Delete(c.Members, at, at+1)
			c.Learners, c.Voters, c.Removed = without(c.Learners, id), without(c.Voters, id), append(c.Removed, id)
		case raft.ChangeUpdate:
			if ch.Member.PeerAddr != "" {
				c.Members[at].PeerAddr = ch.Member.PeerAddr
			}
			c.Members[at].Priority = ch.Member.Priority
		}
	}
	slices.SortFunc(c.Members, func(a, b raft.Member) int { return cmp.Compare(a.ID, b.ID) })
	n.picture.LastIndex++
	if n.frozen {
		n.picture.Err = host.ErrRemoved
		return n.picture.LastIndex, nil
	}
	n.picture.Config, n.picture.ConfigIndex, n.picture.Commit = c, n.picture.LastIndex, n.picture.LastIndex
	return n.picture.LastIndex, nil
}

// Transfer hands over at once.
func (n *fakeNode) Transfer(ctx context.Context, to raft.NodeID) error {
	if err := n.wait(ctx); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.moved = append(n.moved, to)
	if to == 0 {
		to = 0xa2
	}
	n.picture.Role, n.picture.Leader, n.picture.Term = raft.Follower, to, n.picture.Term+1
	return nil
}

func (n *fakeNode) Picture() Picture {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.picture
}

// change changes the fake under its lock.
func (n *fakeNode) change(f func(*fakeNode)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f(n)
}

// leaderless is a change: nobody leads.
func leaderless(n *fakeNode) {
	n.picture.Leader, n.picture.Role, n.picture.Confirmed = 0, raft.Follower, false
}

// rig is a server on loopback with a client of each kind.
type rig struct {
	t    testing.TB
	s    *Server
	node *fakeNode
	conn *grpc.ClientConn
	kv   pb.KVClient
	http *http.Client
	log  *syncBuffer
}

// syncBuffer is a buffer for a log.
type syncBuffer struct {
	mu sync.Mutex // guards: b
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// newRig starts a server; adjust may change its configuration.
func newRig(t testing.TB, adjust func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, node: newFakeNode(), log: &syncBuffer{}}
	cfg := Config{
		Node: r.node, ClusterID: testCluster, Self: testMember, Name: "n1",
		Client: listen(t), HTTP: listen(t), Version: "0.1.0-test",
		ElectionMin: raft.DefaultElectionMin, ElectionMax: raft.DefaultElectionMax, Heartbeat: raft.DefaultHeartbeat,
		Log: slog.New(slog.NewTextHandler(r.log, nil)),
	}
	if adjust != nil {
		adjust(&cfg)
	}
	var err error
	if r.s, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- r.s.Serve() }()
	if r.conn, err = grpc.NewClient("passthrough:///"+cfg.Client.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	r.kv = pb.NewKVClient(r.conn)
	transport := &http.Transport{}
	r.http = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = r.conn.Close()
		r.s.Stop(context.Background())
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return r
}

// context is long enough for a busy machine; tests that wait for a bound set
// that bound themselves.
func (r *rig) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	r.t.Cleanup(cancel)
	return ctx
}

func (r *rig) clientURL(path string) string { return "http://" + r.s.cfg.Client.Addr().String() + path }
func (r *rig) peopleURL(path string) string { return "http://" + r.s.cfg.HTTP.Addr().String() + path }

// ask sends an HTTP request and gives the answer with its whole body.
func (r *rig) ask(method, url, body string, headers ...string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.context(), method, url, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		} else {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	res, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res, string(b)
}

// put sets a key and gives the revision.
func (r *rig) put(key, value string) int64 {
	r.t.Helper()
	res, err := r.kv.Put(r.context(), &pb.PutRequest{Key: []byte(key), Value: []byte(value)})
	if err != nil {
		r.t.Fatal(err)
	}
	return res.Header.Revision
}

func decode[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return v
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
