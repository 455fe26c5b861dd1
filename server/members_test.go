package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"veche/host"
	"veche/raft"
)

// Goal: etcd's Cluster service adds, promotes, updates and removes, with etcd's
// answers. Method: a member's whole life by gRPC, looking at each answer and at
// what the node was asked.
func TestCluster_AMembersLife(t *testing.T) {
	r := newRig(t, nil)
	c := pb.NewClusterClient(r.conn)
	added, err := c.MemberAdd(r.context(), &pb.MemberAddRequest{PeerURLs: []string{"http://127.0.0.1:7004"}, IsLearner: true})
	if err != nil {
		t.Fatal(err)
	}
	id := added.Member.ID
	if want := (&pb.Member{ID: id, PeerURLs: []string{"http://127.0.0.1:7004"}, IsLearner: true}); id == 0 || !proto.Equal(added.Member, want) {
		t.Errorf("added %v", added.Member)
	}
	if h := added.Header; len(added.Members) != 4 || h.MemberId != uint64(testMember) || h.ClusterId == 0 || h.RaftTerm != 7 || h.Revision != 0 {
		t.Errorf("added: header %v, %d members", h, len(added.Members))
	}
	find := func(list []*pb.Member) *pb.Member {
		for _, m := range list {
			if m.ID == id {
				return m
			}
		}
		return nil
	}
	promoted, err := c.MemberPromote(r.context(), &pb.MemberPromoteRequest{ID: id})
	if err != nil || find(promoted.Members) == nil || find(promoted.Members).IsLearner {
		t.Fatalf("promoted: %v, %v", promoted, err)
	}
	r.node.change(func(n *fakeNode) { n.picture.Config.Members[0].Priority = 9 })
	updated, err := c.MemberUpdate(r.context(), &pb.MemberUpdateRequest{ID: uint64(testMember), PeerURLs: []string{"http://127.0.0.1:7009"}})
	if err != nil || updated.Members[0].PeerURLs[0] != "http://127.0.0.1:7009" {
		t.Fatalf("updated: %v, %v", updated, err)
	}
	if last := r.node.changed[len(r.node.changed)-1]; last[0].Member.Priority != 9 {
		t.Errorf("an update of the address changes the priority to %d", last[0].Member.Priority)
	}
	removed, err := c.MemberRemove(r.context(), &pb.MemberRemoveRequest{ID: id})
	if err != nil || len(removed.Members) != 3 || find(removed.Members) != nil {
		t.Fatalf("removed: %v, %v", removed, err)
	}
	if _, err := c.MemberRemove(r.context(), &pb.MemberRemoveRequest{ID: id}); !errors.Is(err, rpctypes.ErrGRPCMemberNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	// The same by JSON, in etcd's dialect.
	_, text := r.ask("POST", r.clientURL("/v3/cluster/member/add"), `{"peerURLs":["http://127.0.0.1:7005"],"isLearner":true}`)
	if !strings.Contains(text, `"isLearner":true`) || !strings.Contains(text, `"ID":"`) {
		t.Errorf("added as JSON: %s", text)
	}
}

// Goal: every mistake has etcd's code and text, and changes nothing. Method: a
// table of calls; the fake's configuration is n1 and n2 as voters, n3 as learner.
func TestCluster_RefusesInEtcdsWords(t *testing.T) {
	r := newRig(t, nil)
	c := pb.NewClusterClient(r.conn)
	add := func(urls ...string) error {
		_, err := c.MemberAdd(r.context(), &pb.MemberAddRequest{PeerURLs: urls})
		return err
	}
	learn := func(url string) error {
		_, err := c.MemberAdd(r.context(), &pb.MemberAddRequest{PeerURLs: []string{url}, IsLearner: true})
		return err
	}
	promote := func(id uint64) error {
		_, err := c.MemberPromote(r.context(), &pb.MemberPromoteRequest{ID: id})
		return err
	}
	update := func(id uint64, url string) error {
		_, err := c.MemberUpdate(r.context(), &pb.MemberUpdateRequest{ID: id, PeerURLs: []string{url}})
		return err
	}
	for name, x := range map[string]struct{ got, want error }{
		"no address":             {add(), rpctypes.ErrGRPCMemberBadURLs},
		"two addresses":          {add("http://127.0.0.1:1", "http://127.0.0.1:2"), rpctypes.ErrGRPCMemberBadURLs},
		"no scheme":              {add("127.0.0.1:1"), rpctypes.ErrGRPCMemberBadURLs},
		"a path":                 {add("http://127.0.0.1:1/x"), rpctypes.ErrGRPCMemberBadURLs},
		"every address":          {add("http://0.0.0.0:1"), rpctypes.ErrGRPCMemberBadURLs},
		"no port":                {add("http://127.0.0.1"), rpctypes.ErrGRPCMemberBadURLs},
		"port 0":                 {add("http://127.0.0.1:0"), rpctypes.ErrGRPCMemberBadURLs},
		"too few started":        {add("http://127.0.0.1:7007"), rpctypes.ErrGRPCMemberNotEnoughStarted},
		"address of n1":          {learn("http://127.0.0.1:7001"), rpctypes.ErrGRPCPeerURLExist},
		"promote a stranger":     {promote(99), rpctypes.ErrGRPCMemberNotFound},
		"promote a voter":        {promote(0xa2), rpctypes.ErrGRPCMemberNotLearner},
		"update a stranger":      {update(99, "http://127.0.0.1:1"), rpctypes.ErrGRPCMemberNotFound},
		"update to n1's address": {update(0xa2, "http://127.0.0.1:7001"), rpctypes.ErrGRPCPeerURLExist},
		"update to nonsense":     {update(0xa2, "nonsense"), rpctypes.ErrGRPCMemberBadURLs},
	} {
		if !errors.Is(x.got, x.want) {
			t.Errorf("%s: %v, want %v", name, x.got, x.want)
		}
	}
	if n := len(r.node.changed); n > 0 {
		t.Fatalf("the node was asked for %d changes", n)
	}
	for range learnersMax - 1 { // the fake has one
		r.node.change(func(n *fakeNode) { n.picture.Config.Learners = append(n.picture.Config.Learners, 1) })
	}
	if _, err := c.MemberAdd(r.context(), &pb.MemberAddRequest{PeerURLs: []string{"http://127.0.0.1:1"}, IsLearner: true}); !errors.Is(err, rpctypes.ErrGRPCTooManyLearners) {
		t.Errorf("too many learners: %v", err)
	}
}

// Goal: the core's refusals reach the client in etcd's words, and a busy leader
// is asked again. Method: the fake refuses once for each reason.
func TestCluster_TellsTheCoresReasons(t *testing.T) {
	r := newRig(t, nil)
	c := pb.NewClusterClient(r.conn)
	for _, x := range []struct {
		reason  raft.Reason
		started int // of n1 and n2
		want    error
	}{
		{raft.ReasonChangePending, 2, nil},
		{raft.ReasonNotReady, 2, nil},
		{raft.ReasonTransferring, 2, nil},
		{raft.ReasonOverloaded, 2, nil},
		{raft.ReasonNotLeader, 2, nil}, // and then it leads after all
		{raft.ReasonNotCaughtUp, 2, rpctypes.ErrGRPCLearnerNotReady},
		{raft.ReasonTooFewHealthy, 2, rpctypes.ErrGRPCUnhealthy},
		{raft.ReasonTooFewHealthy, 0, rpctypes.ErrGRPCMemberNotEnoughStarted},
		{raft.ReasonNewcomer, 2, rpctypes.ErrGRPCLearnerNotReady},
		{raft.ReasonNotMember, 2, rpctypes.ErrGRPCMemberNotFound},
		{raft.ReasonLevel, 2, ErrLevel},
		{raft.ReasonBadChange, 2, status.Error(codes.FailedPrecondition, "veche: the configuration was not changed: the change fits no configuration")},
	} {
		r.node.change(func(n *fakeNode) {
			n.picture.Config = newFakeNode().picture.Config
			for k := range x.started {
				n.picture.Config.Members[k].Incarnation = 5
			}
			n.refuse, n.changed = []error{&host.RefusedError{Reason: x.reason}}, nil
		})
		_, err := c.MemberPromote(r.context(), &pb.MemberPromoteRequest{ID: 0xa3})
		if !errors.Is(err, x.want) {
			t.Errorf("%v: %v, want %v", x.reason, err, x.want)
		}
		if n := len(r.node.changed); (x.want == nil) != (n == 2) {
			t.Errorf("%v: the node was asked %d times", x.reason, n)
		}
	}
}

// Goal: any member takes a change, and only the leader decides it. Method: two
// servers, of which one follows the other.
func TestCluster_FollowerPassesChangesOn(t *testing.T) {
	leader, follower := newRig(t, nil), newRig(t, func(c *Config) { c.Self = 0xa2 })
	follows(follower, leader.s.cfg.Client.Addr().String())
	c := pb.NewClusterClient(follower.conn)
	added, err := c.MemberAdd(follower.context(), &pb.MemberAddRequest{PeerURLs: []string{"http://127.0.0.1:7004"}, IsLearner: true})
	if err != nil || added.Header.MemberId != 0xa2 || len(added.Members) != 4 {
		t.Fatalf("%v, %v", added, err)
	}
	if len(leader.node.changed) != 1 || len(follower.node.changed) != 0 {
		t.Errorf("the leader was asked %d times, the follower %d", len(leader.node.changed), len(follower.node.changed))
	}
	if _, err := c.MemberPromote(follower.context(), &pb.MemberPromoteRequest{ID: 99}); !errors.Is(err, rpctypes.ErrGRPCMemberNotFound) {
		t.Errorf("the leader's refusal comes as %v", err)
	}
	if moved, err := Transfer(follower.context(), follower.s.cfg.Client.Addr().String(), &TransferRequest{To: 0xa2}); err != nil ||
		moved.From.Name != "n1" || moved.To.ID != 0xa2 || len(leader.node.moved) != 1 {
		t.Errorf("handed over: %+v, %v", moved, err)
	}
	// Now nobody here leads: passing on must not go in circles.
	follows(leader, follower.s.cfg.Client.Addr().String())
	leader.node.change(func(n *fakeNode) { n.picture.Leader = 0xa2 })
	brief, cancel := context.WithTimeout(follower.context(), 2*time.Second)
	defer cancel()
	if _, err := c.MemberRemove(brief, &pb.MemberRemoveRequest{ID: 0xa3}); !errors.Is(err, rpctypes.ErrGRPCTimeout) {
		t.Errorf("two that take each other for the leader: %v", err)
	}
}

// follows makes the member of a rig a follower of n1, who serves at addr.
func follows(r *rig, addr string) {
	r.node.change(func(n *fakeNode) {
		n.picture.Role, n.picture.Leader = raft.Follower, testMember
		if n.picture.Self = r.s.cfg.Self; n.picture.Self == testMember {
			n.picture.Leader = 0xa2
		}
		for k := range n.picture.Config.Members {
			if n.picture.Config.Members[k].ID == n.picture.Leader {
				n.picture.Config.Members[k].ClientAddr = addr
			}
		}
	})
}

// Goal: a change whose answer got lost is neither told as failed nor made twice.
// Method: the leader hangs up on the request after it arrived; this member then
// leads, with a configuration that shows the change, or that does not.
func TestCluster_LostAnswerIsLookedUp(t *testing.T) {
	for _, done := range []bool{true, false} {
		r := newRig(t, nil)
		silent := listen(t)
		follows(r, silent.Addr().String())
		r.node.change(func(n *fakeNode) {
			n.picture.Leader = 0xa2
			for k := range n.picture.Config.Members {
				n.picture.Config.Members[k].ClientAddr = silent.Addr().String()
			}
		})
		hungUp := make(chan error, 1)
		go func() { hungUp <- hangUp(silent, r, done) }()
		_, err := pb.NewClusterClient(r.conn).MemberPromote(r.context(), &pb.MemberPromoteRequest{ID: 0xa3})
		if err != nil {
			t.Errorf("done %v: %v", done, err)
		}
		if err := <-hungUp; err != nil {
			t.Error(err)
		}
		if got := len(r.node.changed) == 0; got != done {
			t.Errorf("done %v: the node was asked for %d changes", done, len(r.node.changed))
		}
		silent.Close()
	}
}

// hangUp takes one request and closes the connection. Before it does, the
// member of the rig comes to lead.
func hangUp(l net.Listener, r *rig, done bool) error {
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	if _, err := conn.Read(make([]byte, 4096)); err != nil {
		return err
	}
	r.node.change(func(n *fakeNode) {
		n.picture.Role, n.picture.Leader = raft.Leader, testMember
		if done {
			n.picture.Config.Learners, n.picture.Config.Voters = nil, append(n.picture.Config.Voters, 0xa3)
		}
	})
	return conn.Close()
}

// Goal: leadership moves at the leader's alone, to voters alone, with etcd's
// errors. Method: a table of calls.
func TestMoveLeader_AsEtcd(t *testing.T) {
	r := newRig(t, nil)
	c := pb.NewMaintenanceClient(r.conn)
	for _, x := range []struct {
		to   uint64
		want error
	}{
		{99, rpctypes.ErrGRPCBadLeaderTransferee},
		{0, rpctypes.ErrGRPCBadLeaderTransferee},
		{0xa3, rpctypes.ErrGRPCBadLeaderTransferee}, // a learner
		{uint64(testMember), nil},
		{0xa2, nil},
		{0xa2, rpctypes.ErrGRPCNotLeader}, // not any more
	} {
		if _, err := c.MoveLeader(r.context(), &pb.MoveLeaderRequest{TargetID: x.to}); !errors.Is(err, x.want) {
			t.Errorf("to %x: %v, want %v", x.to, err, x.want)
		}
	}
	if len(r.node.moved) != 1 {
		t.Errorf("it was moved %d times", len(r.node.moved))
	}
	r.node.change(func(n *fakeNode) {
		n.picture.Role, n.picture.Leader, n.fail = raft.Leader, testMember, errors.New("n2 did not take over")
	})
	if _, err := c.MoveLeader(r.context(), &pb.MoveLeaderRequest{TargetID: 0xa2}); !errors.Is(err, errNoTransfer) {
		t.Errorf("nobody took over: %v", err)
	}
}

// Goal: a leader that removes itself answers with the configuration that it has
// left, though it stops. Method: the fake's picture stays as it was, halted.
func TestChange_LeaderThatRemovesItselfAnswers(t *testing.T) {
	r := newRig(t, nil)
	r.node.change(func(n *fakeNode) { n.frozen = true })
	report, err := Change(r.context(), r.s.cfg.Client.Addr().String(), &ChangeRequest{Changes: []MemberChange{{Kind: "remove", ID: ID(testMember)}}})
	if err != nil || len(report.Members) != 2 || report.Members[0].Name != "n2" {
		t.Errorf("%+v, %v", report, err)
	}
}

// Goal: a learner serves what etcd's learners serve, and load balancers leave it
// out. Method: the fake is a learner; ask for everything.
func TestLearner_ServesWhatEtcdLetsIt(t *testing.T) {
	r := newRig(t, nil)
	r.node.change(func(n *fakeNode) {
		n.picture.Role, n.picture.Leader = raft.Follower, 0xa2
		n.picture.Config.Voters, n.picture.Config.Learners = []raft.NodeID{0xa2}, []raft.NodeID{testMember, 0xa3}
	})
	ctx, key := r.context(), []byte("k")
	put := func() error { _, err := r.kv.Put(ctx, &pb.PutRequest{Key: key}); return err }
	get := func(local bool) error {
		_, err := r.kv.Range(ctx, &pb.RangeRequest{Key: key, Serializable: local})
		return err
	}
	list := func() error {
		_, err := pb.NewClusterClient(r.conn).MemberList(ctx, &pb.MemberListRequest{})
		return err
	}
	for name, x := range map[string]struct{ got, want error }{
		"put": {put(), rpctypes.ErrGRPCNotSupportedForLearner}, "get": {get(false), rpctypes.ErrGRPCNotSupportedForLearner},
		"members": {list(), rpctypes.ErrGRPCNotSupportedForLearner}, "local get": {get(true), nil},
	} {
		if !errors.Is(x.got, x.want) {
			t.Errorf("%s: %v, want %v", name, x.got, x.want)
		}
	}
	st, err := pb.NewMaintenanceClient(r.conn).Status(ctx, &pb.StatusRequest{})
	if err != nil || !st.IsLearner {
		t.Errorf("status %v, %v", st, err)
	}
	for page, want := range map[string]int{"/health": 200, "/livez": 200, "/readyz": 503} {
		if res, text := r.ask("GET", r.clientURL(page), ""); res.StatusCode != want {
			t.Errorf("%s: %d %s", page, res.StatusCode, text)
		}
	}
}

// Goal: no page of another site and no form can change the membership, and what
// is malformed is told. Method: hostile and clumsy requests.
func TestChange_TakesOnlyItsOwnRequests(t *testing.T) {
	r := newRig(t, nil)
	good := `{"changes":[{"kind":"promote","id":"a3"}]}`
	for _, x := range []struct {
		name, method, body string
		headers            []string
		want               int
	}{
		{"as text", "POST", good, []string{"Content-Type", "text/plain"}, http.StatusUnsupportedMediaType},
		{"from another site", "POST", good, []string{"Content-Type", "application/json", "Origin", "http://evil.example"}, http.StatusForbidden},
		{"no JSON", "POST", "{", []string{"Content-Type", "application/json"}, http.StatusBadRequest},
		{"unknown field", "POST", `{"change":[]}`, []string{"Content-Type", "application/json"}, http.StatusBadRequest},
		{"unknown kind", "POST", `{"changes":[{"kind":"kill","id":"a3"}]}`, []string{"Content-Type", "application/json"}, http.StatusBadRequest},
		{"nothing", "POST", `{"changes":[]}`, []string{"Content-Type", "application/json"}, http.StatusBadRequest},
		{"read", "GET", "", nil, http.StatusMethodNotAllowed},
		{"good", "POST", good, []string{"Content-Type", "application/json; charset=utf-8"}, http.StatusOK},
	} {
		if res, text := r.ask(x.method, r.clientURL(changePath), x.body, x.headers...); res.StatusCode != x.want {
			t.Errorf("%s: %d %s", x.name, res.StatusCode, text)
		}
	}
	if n := len(r.node.changed); n != 1 {
		t.Errorf("the node was asked for %d changes", n)
	}
}

// Goal: a change that replaces is one change, and is told whole. Method: promote
// and remove in one request; decode the configuration that comes back.
func TestChange_SeveralAtOnce(t *testing.T) {
	r := newRig(t, nil)
	report, err := Change(r.context(), r.s.cfg.Client.Addr().String(), &ChangeRequest{Changes: []MemberChange{
		{Kind: "promote", ID: 0xa3}, {Kind: "remove", ID: 0xa2},
		{Kind: "add-learner", Name: "n4", Peer: "127.0.0.1:7004"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var c raft.Configuration
	if err := raft.DecodeConfiguration(report.Configuration, &c); err != nil {
		t.Fatal(err)
	}
	if len(r.node.changed) != 1 || len(r.node.changed[0]) != 3 || len(c.Voters) != 2 || c.Voters[1] != 0xa3 || len(c.Learners) != 1 || len(report.Members) != 3 {
		t.Errorf("%+v from %+v", c, r.node.changed)
	}
	if _, err := Change(r.context(), r.s.cfg.Client.Addr().String(), &ChangeRequest{Changes: []MemberChange{{Kind: "remove", ID: 0xa1}, {Kind: "remove", ID: 0xa3}}}); !errors.Is(err, rpctypes.ErrGRPCMemberNotEnoughStarted) {
		t.Errorf("all voters are removed: %v", err)
	}
	if _, err := Change(r.context(), r.s.cfg.Client.Addr().String(), &ChangeRequest{Changes: []MemberChange{{Kind: "add-learner", Name: "n1", Peer: "127.0.0.1:1"}}}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a second n1: %v", err)
	}
}
