package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"veche/host"
	"veche/raft"
	"veche/transport"
	"veche/wal"
)

// realMember is one member with everything real: disk, TCP, clock.
type realMember struct {
	name    string
	id      raft.NodeID
	host    *host.Host
	log     *wal.Log
	server  *Server
	served  chan error
	client  string // host:port
	http    string
	stopped bool
}

// realCluster is a cluster on loopback in this process.
type realCluster struct {
	t          *testing.T
	leaderWait time.Duration
	members    []*realMember
}

// patient is for tests in which an election that a busy machine brings about
// must not end a request.
const patient = 20 * time.Second

// startCluster starts n members and waits until all know a leader.
func startCluster(t *testing.T, n int, leaderWait time.Duration) *realCluster {
	t.Helper()
	c := &realCluster{t: t, leaderWait: leaderWait}
	var initial raft.Configuration
	peers, listeners := map[raft.NodeID]string{}, []net.Listener{}
	for i := range n {
		l := listen(t)
		id := raft.NodeID(i + 1)
		listeners, peers[id] = append(listeners, l), l.Addr().String()
		initial.Members = append(initial.Members, raft.Member{ID: id, Name: fmt.Sprint("n", id), PeerAddr: l.Addr().String()})
		initial.Voters = append(initial.Voters, id)
	}
	for i := range n {
		c.members = append(c.members, c.start(initial, peers, listeners[i], i))
	}
	t.Cleanup(func() {
		for _, m := range c.members {
			m.kill(t)
		}
	})
	for _, m := range c.members {
		m.await(t, func(s host.Status) bool { return s.Leader != 0 && s.Standing == raft.Admitted })
	}
	return c
}

func (c *realCluster) start(initial raft.Configuration, peers map[raft.NodeID]string, l net.Listener, i int) *realMember {
	t := c.t
	t.Helper()
	m := &realMember{name: initial.Members[i].Name, id: initial.Members[i].ID, served: make(chan error, 1)}
	var err error
	m.log, err = wal.Open(wal.OS(), t.TempDir()+"/data", wal.Identity{Cluster: testCluster, Member: m.id, Name: m.name},
		wal.Options{SegmentBytes: 1 << 20, Random: rand.Uint64})
	if err != nil {
		t.Fatal(err)
	}
	client, people := listen(t), listen(t)
	m.client, m.http = client.Addr().String(), people.Addr().String()
	journal := NewJournal()
	m.host, err = host.Start(host.Config{
		Raft: raft.Config{Self: m.id, Initial: initial, ClientAddr: m.client},
		Log:  m.log, StateMachine: NewMachine(),
		Events: func(es []raft.Event) {
			for _, e := range es {
				journal.Record(e)
			}
		},
		Network: func(r host.Receiver) (host.Network, error) {
			return transport.New(transport.Config{
				Cluster: testCluster, Self: m.id, Boot: m.log.Boot(), Incarnation: m.log.Incarnation(),
				Listener: l, Advertise: l.Addr().String(), Peers: peers, Receive: r.Receive, PeerDown: r.PeerDown,
			})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	m.server, err = New(Config{
		Node: FromHost(m.host), ClusterID: testCluster, Self: m.id, Name: m.name, Client: client, HTTP: people, Journal: journal,
		ElectionMin: raft.DefaultElectionMin, ElectionMax: raft.DefaultElectionMax, Heartbeat: raft.DefaultHeartbeat, FastDetection: true,
		LeaderWait: c.leaderWait, RequestTimeout: patient,
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() { m.served <- m.server.Serve() }()
	return m
}

// kill ends a member without handing over.
func (m *realMember) kill(t *testing.T) {
	t.Helper()
	if m.stopped {
		return
	}
	m.stopped = true
	at, cancel := context.WithCancel(context.Background())
	cancel()
	m.server.Stop(at)
	if err := <-m.served; err != nil {
		t.Error(err)
	}
	if err := m.host.Stop(at); err != nil {
		t.Error(err)
	}
	if err := m.log.Close(); err != nil {
		t.Error(err)
	}
}

// await waits until the member's status is as wanted.
func (m *realMember) await(t *testing.T, want func(host.Status) bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		changed := m.host.Changed()
		if want(m.host.Status()) {
			return
		}
		select {
		case <-changed:
		case <-time.After(5 * time.Millisecond): // admission is no change of Changed
		case <-deadline:
			t.Fatalf("%s: %+v", m.name, m.host.Status())
		}
	}
}

// roles gives the leader and a follower that runs.
func (c *realCluster) roles() (leader, follower *realMember) {
	c.t.Helper()
	for _, m := range c.members {
		if m.stopped {
			continue
		}
		m.await(c.t, func(s host.Status) bool { return s.Leader != 0 && !c.members[s.Leader-1].stopped })
		if s := m.host.Status(); s.Leader == m.id {
			leader = m
		} else {
			follower = m
		}
	}
	if leader == nil || follower == nil {
		c.t.Fatal("the leader changed meanwhile")
	}
	return leader, follower
}

// dial makes etcd's own client for some members.
func (c *realCluster) dial(members ...*realMember) *clientv3.Client {
	c.t.Helper()
	var at []string
	for _, m := range members {
		at = append(at, m.client)
	}
	cli, err := clientv3.New(clientv3.Config{Endpoints: at, DialTimeout: 10 * time.Second, Logger: zap.NewNop()})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = cli.Close() })
	return cli
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// Goal: etcd's own client works against any member, a follower too, with the
// semantics of etcd. Method: the calls of a day through a follower of three.
func TestCluster_ClientThroughFollower(t *testing.T) {
	c := startCluster(t, 3, patient)
	_, follower := c.roles()
	cli, ctx := c.dial(follower), soon(t)
	put, err := cli.Put(ctx, "app/a", "1")
	if err != nil {
		t.Fatal(err)
	}
	if put.Header.Revision != 2 || put.Header.MemberId != uint64(follower.id) || put.Header.RaftTerm == 0 {
		t.Errorf("header %v", put.Header)
	}
	for i, k := range []string{"app/b", "app/c", "other"} {
		if _, err := cli.Put(ctx, k, fmt.Sprint(9-i)); err != nil {
			t.Fatal(err)
		}
	}
	get := func(key string, opts ...clientv3.OpOption) string {
		t.Helper()
		res, err := cli.Get(ctx, key, opts...)
		if err != nil {
			return err.Error()
		}
		var out []string
		for _, kv := range res.Kvs {
			out = append(out, string(kv.Key)+"="+string(kv.Value))
		}
		return fmt.Sprint(strings.Join(out, " "), " of ", res.Count)
	}
	same := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	same("get", get("app/a"), "app/a=1 of 1")
	same("prefix", get("app/", clientv3.WithPrefix()), "app/a=1 app/b=9 app/c=8 of 3")
	same("limit", get("app/", clientv3.WithPrefix(), clientv3.WithLimit(1)), "app/a=1 of 3")
	same("sort", get("app/", clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByValue, clientv3.SortDescend)), "app/b=9 app/c=8 app/a=1 of 3")
	same("last created", get("app/", clientv3.WithLastCreate()...), "app/c=8 of 3")
	same("from key", get("app/c", clientv3.WithFromKey()), "app/c=8 other=7 of 2")
	same("old revision", get("app/", clientv3.WithPrefix(), clientv3.WithRev(2)), "app/a=1 of 1")
	same("a future revision", get("app/a", clientv3.WithRev(99)), rpctypes.ErrFutureRev.Error())
	txn, err := cli.Txn(ctx).If(clientv3.Compare(clientv3.Value("app/a"), "=", "1"), clientv3.Compare(clientv3.CreateRevision("lock"), "=", 0)).
		Then(clientv3.OpPut("lock", "mine"), clientv3.OpGet("app/a")).Else(clientv3.OpGet("lock")).Commit()
	if err != nil || !txn.Succeeded || txn.Header.Revision != 6 || len(txn.Responses) != 2 {
		t.Errorf("txn %v, %v", txn, err)
	}
	del, err := cli.Delete(ctx, "app/", clientv3.WithPrefix(), clientv3.WithPrevKV())
	if err != nil || del.Deleted != 3 || len(del.PrevKvs) != 3 {
		t.Errorf("delete %v, %v", del, err)
	}
	if _, err := cli.Compact(ctx, 5); err != nil {
		t.Error(err)
	}
	same("a compacted revision", get("app/", clientv3.WithPrefix(), clientv3.WithRev(4)), rpctypes.ErrCompacted.Error())
	same("the compact revision", get("app/a", clientv3.WithRev(5)), "app/a=1 of 1")
	if _, err := cli.Compact(ctx, 5); !errors.Is(err, rpctypes.ErrCompacted) {
		t.Errorf("compact again: %v", err)
	}
	if _, err := cli.Put(ctx, "k", "v", clientv3.WithLease(7)); !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		t.Errorf("an unknown lease: %v", err)
	}
	members, err := cli.MemberList(ctx)
	if err != nil || len(members.Members) != 3 {
		t.Fatalf("members %v, %v", members, err)
	}
	st, err := cli.Status(ctx, follower.client)
	if err != nil || st.Leader == 0 || st.Version != apiVersion || len(st.Errors) != 0 || st.RaftAppliedIndex == 0 {
		t.Errorf("status %v, %v", st, err)
	}
	if a, err := cli.AlarmList(ctx); err != nil || len(a.Alarms) != 0 || a.Header.GetRevision() == 0 {
		t.Errorf("alarms %v, %v", a, err)
	}
	if _, err := pb.NewMaintenanceClient(cli.ActiveConnection()).Alarm(ctx, &pb.AlarmRequest{Action: pb.AlarmRequest_ACTIVATE}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("raise an alarm: %v", err)
	}
	if _, err := cli.Grant(ctx, 5); err == nil || !strings.Contains(err.Error(), "not built yet") {
		t.Errorf("grant %v", err)
	}
	for there := 0; there == 0; { // until one is confirmed
		for _, m := range c.members {
			res, err := http.Get("http://" + m.http + "/leader")
			if err != nil {
				t.Fatal(err)
			}
			var l LeaderReport
			err = json.NewDecoder(res.Body).Decode(&l)
			res.Body.Close()
			if here := res.StatusCode == http.StatusOK; err != nil || here != l.Here || here && l.ID != ID(m.id) {
				t.Fatalf("%s: /leader answers %d %+v, %v", m.name, res.StatusCode, l, err)
			}
			if l.Here {
				there++
			}
		}
		if ctx.Err() != nil {
			t.Fatal("no member says that it leads")
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// Goal: a cluster answers as one store would, whichever member is asked. Method:
// the same random requests to random members of three and to a plain store;
// answers must be equal but for the header. The seed is printed.
func TestCluster_LikeOneStore(t *testing.T) {
	c, ctx := startCluster(t, 3, patient), soon(t)
	var clients []pb.KVClient
	for _, m := range c.members {
		conn, err := grpc.NewClient("passthrough:///"+m.client, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		clients = append(clients, pb.NewKVClient(conn))
	}
	node := newFakeNode()
	model := &kvService{s: &Server{cfg: Config{Node: node, LeaderWait: -1, RequestTimeout: time.Minute}}}
	model.s.metrics = newMetrics(&Server{cfg: Config{Node: node, Journal: NewJournal()}, split: &split{}})
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	key := func() []byte { return []byte{byte('a' + r.IntN(6))} }
	for step := range 400 {
		req := randomRequest(r, key)
		got, gotErr := call(ctx, clients[r.IntN(len(clients))], req)
		want, wantErr := callService(ctx, model, req)
		if describeError(gotErr) != describeError(wantErr) {
			t.Fatalf("seed %d step %d: %v\ngot  %v\nwant %v", seed, step, req, gotErr, wantErr)
		}
		if gotErr != nil {
			continue
		}
		dropHeader(got, want)
		if !proto.Equal(got, want) {
			t.Fatalf("seed %d step %d: %v\ngot  %v\nwant %v", seed, step, req, got, want)
		}
	}
}

// dropHeader keeps of two headers what must be equal: the revision.
func dropHeader(ms ...proto.Message) {
	for _, m := range ms {
		h := m.(interface{ GetHeader() *pb.ResponseHeader }).GetHeader()
		h.ClusterId, h.MemberId, h.RaftTerm = 0, 0, 0
	}
}

func randomRequest(r *rand.Rand, key func() []byte) proto.Message {
	end := func() []byte {
		switch r.IntN(4) {
		case 0:
			return key()
		case 1:
			return []byte{0}
		}
		return nil
	}
	rng := func() *pb.RangeRequest {
		q := &pb.RangeRequest{Key: key(), RangeEnd: end(), Limit: int64(r.IntN(4)), KeysOnly: r.IntN(5) == 0, CountOnly: r.IntN(5) == 0,
			SortOrder: pb.RangeRequest_SortOrder(r.IntN(3)), SortTarget: pb.RangeRequest_SortTarget(r.IntN(5))}
		if r.IntN(3) == 0 {
			q.Revision = int64(r.IntN(120))
		}
		if r.IntN(4) == 0 {
			q.MinModRevision, q.MaxCreateRevision = int64(r.IntN(80)), int64(r.IntN(160))
		}
		return q
	}
	put := func() *pb.PutRequest {
		p := &pb.PutRequest{Key: key(), PrevKv: r.IntN(2) == 0}
		if p.IgnoreValue = r.IntN(6) == 0; !p.IgnoreValue {
			p.Value = []byte(fmt.Sprint(r.IntN(50)))
		}
		return p
	}
	del := func() *pb.DeleteRangeRequest {
		return &pb.DeleteRangeRequest{Key: key(), RangeEnd: end(), PrevKv: r.IntN(2) == 0}
	}
	var txn func(depth int) *pb.TxnRequest
	list := func(depth int) []*pb.RequestOp {
		return ops(r.IntN(3), func(int) *pb.RequestOp {
			switch r.IntN(4 + min(depth, 1)) {
			case 0:
				return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: put()}}
			case 1:
				return &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: del()}}
			case 4:
				return txnOp(txn(depth - 1))
			}
			return &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: rng()}}
		})
	}
	txn = func(depth int) *pb.TxnRequest {
		t := &pb.TxnRequest{Success: list(depth), Failure: list(depth)}
		for range r.IntN(3) {
			t.Compare = append(t.Compare, &pb.Compare{Key: key(), RangeEnd: end(), Result: pb.Compare_CompareResult(r.IntN(4)),
				Target: pb.Compare_MOD, TargetUnion: &pb.Compare_ModRevision{ModRevision: int64(r.IntN(100))}})
		}
		return t
	}
	switch r.IntN(10) {
	case 0, 1, 2:
		return rng()
	case 3, 4, 5:
		return put()
	case 6:
		return del()
	case 7:
		return &pb.CompactionRequest{Revision: int64(r.IntN(60))}
	}
	return txn(2)
}

func call(ctx context.Context, kv pb.KVClient, req proto.Message) (proto.Message, error) {
	switch q := req.(type) {
	case *pb.RangeRequest:
		return kv.Range(ctx, q)
	case *pb.PutRequest:
		return kv.Put(ctx, q)
	case *pb.DeleteRangeRequest:
		return kv.DeleteRange(ctx, q)
	case *pb.CompactionRequest:
		return kv.Compact(ctx, q)
	}
	return kv.Txn(ctx, req.(*pb.TxnRequest))
}

func callService(ctx context.Context, kv *kvService, req proto.Message) (proto.Message, error) {
	switch q := req.(type) {
	case *pb.RangeRequest:
		return kv.Range(ctx, q)
	case *pb.PutRequest:
		return kv.Put(ctx, q)
	case *pb.DeleteRangeRequest:
		return kv.DeleteRange(ctx, q)
	case *pb.CompactionRequest:
		return kv.Compact(ctx, q)
	}
	return kv.Txn(ctx, req.(*pb.TxnRequest))
}

// Goal: without a majority a serializable read works, and everything else ends
// in a clear error before its caller's deadline. Method: stop two of three, ask
// the third, through gRPC, which shows the server's own answer.
func TestCluster_WithoutQuorum(t *testing.T) {
	c := startCluster(t, 3, 3*time.Second)
	_, left := c.roles()
	ctx := soon(t)
	if _, err := c.dial(left).Put(ctx, "a", "1"); err != nil {
		t.Fatal(err)
	}
	for _, m := range c.members {
		if m != left {
			m.kill(t)
		}
	}
	conn, err := grpc.NewClient("passthrough:///"+left.client, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	kv := pb.NewKVClient(conn)
	res, err := kv.Range(ctx, &pb.RangeRequest{Key: []byte("a"), Serializable: true})
	if err != nil || len(res.Kvs) != 1 {
		t.Errorf("a serializable read: %v, %v", res, err)
	}
	for name, do := range map[string]func(context.Context) error{
		"range": func(ctx context.Context) error {
			_, err := kv.Range(ctx, &pb.RangeRequest{Key: []byte("a")})
			return err
		},
		"put": func(ctx context.Context) error { _, err := kv.Put(ctx, &pb.PutRequest{Key: []byte("a")}); return err },
		"delete": func(ctx context.Context) error {
			_, err := kv.DeleteRange(ctx, &pb.DeleteRangeRequest{Key: []byte("a")})
			return err
		},
	} {
		short, cancel := context.WithTimeout(ctx, 3*time.Second)
		err := do(short)
		if short.Err() != nil {
			t.Errorf("%s took longer than its deadline", name)
		}
		cancel()
		if text := describeError(err); text != "etcdserver: no leader" && text != "etcdserver: request timed out" {
			t.Errorf("%s ends in %v", name, err)
		}
	}
	left.await(t, func(s host.Status) bool { return s.Leader == 0 })
	cli := c.dial(left)
	if _, err := cli.Get(ctx, "a", clientv3.WithSerializable()); err != nil {
		t.Errorf("etcd's client, serializable: %v", err)
	}
	if _, err := cli.Get(ctx, "a"); !errors.Is(err, rpctypes.ErrNoLeader) {
		t.Errorf("etcd's client, linearizable: %v", err)
	}
	if _, err := cli.Put(clientv3.WithRequireLeader(ctx), "a", "2"); !errors.Is(err, rpctypes.ErrNoLeader) {
		t.Errorf("etcd's client, with required leader: %v", err)
	}
}

// Goal: when the leader dies, a client of another member loses no acknowledged
// write and sees no error that it must not repeat. Method: write through a
// follower all the time, kill the leader, read everything back.
func TestCluster_LeaderDiesUnderWrites(t *testing.T) {
	c := startCluster(t, 3, patient)
	leader, follower := c.roles()
	cli, ctx := c.dial(follower), soon(t)
	const writes = 120
	killed := make(chan struct{})
	for i := range writes {
		if i == writes/3 {
			go func() { defer close(killed); leader.kill(t) }()
		}
		if _, err := cli.Put(ctx, fmt.Sprintf("k%03d", i), "v"); err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
	}
	<-killed
	res, err := cli.Get(ctx, "k", clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil || res.Count != writes {
		t.Errorf("%d of %d writes are there, %v", res.Count, writes, err)
	}
	if res.Header.Revision != writes+1 {
		t.Errorf("revision %d after %d writes: some were carried out twice", res.Header.Revision, writes)
	}
}

// Goal: one member alone serves, and its machine is a Machine. Method: a put and
// a get; the type that storeOf relies on.
func TestCluster_SingleMember(t *testing.T) {
	c := startCluster(t, 1, patient)
	cli, ctx := c.dial(c.members[0]), soon(t)
	if _, err := cli.Put(ctx, "a", "1"); err != nil {
		t.Fatal(err)
	}
	if res, err := cli.Get(ctx, "a"); err != nil || len(res.Kvs) != 1 {
		t.Errorf("get %v, %v", res, err)
	}
	big := strings.Repeat("x", requestBytesMax)
	if _, err := cli.Put(ctx, "big", big); !errors.Is(err, rpctypes.ErrRequestTooLarge) {
		t.Errorf("a large put: %v", err)
	}
	FromHost(c.members[0].host).View(func(sm host.StateMachine) {
		if _, ok := sm.(*Machine); !ok || storeOf(sm).Keys() != 1 {
			t.Errorf("the machine is a %v with %d keys", reflect.TypeOf(sm), storeOf(sm).Keys())
		}
	})
}
