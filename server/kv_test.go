package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"veche/host"
	"veche/store"
)

func rangeOp(key string) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{Key: []byte(key)}}}
}

func putOp(key, value string) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: []byte(key), Value: []byte(value)}}}
}

func deleteOp(key, end string) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: &pb.DeleteRangeRequest{Key: []byte(key), RangeEnd: []byte(end)}}}
}

func txnOp(t *pb.TxnRequest) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: t}}
}

func ops(n int, make func(i int) *pb.RequestOp) []*pb.RequestOp {
	out := []*pb.RequestOp{}
	for i := range n {
		out = append(out, make(i))
	}
	return out
}

// nested is a transaction of so many levels, the innermost with a put.
func nested(levels int) *pb.TxnRequest {
	t := &pb.TxnRequest{Success: []*pb.RequestOp{putOp("deep", "x")}}
	for range levels - 1 {
		t = &pb.TxnRequest{Success: []*pb.RequestOp{txnOp(t)}}
	}
	return t
}

// Goal: what etcd refuses is refused with etcd's own error, code and text, and
// never reaches the log. Method: one bad request a row, over real gRPC.
func TestKV_RefusalsAreEtcds(t *testing.T) {
	r := newRig(t, nil)
	r.put("k", "1")           // revision 2
	r.put("k", "2")           // 3
	before := r.put("k", "3") // 4
	kv := r.kv
	if _, err := kv.Compact(r.context(), &pb.CompactionRequest{Revision: 3}); err != nil {
		t.Fatal(err)
	}
	do := func(f func(ctx context.Context) error) func(context.Context) error { return f }
	rng := func(q *pb.RangeRequest) func(context.Context) error {
		return do(func(ctx context.Context) error { _, err := kv.Range(ctx, q); return err })
	}
	put := func(q *pb.PutRequest) func(context.Context) error {
		return do(func(ctx context.Context) error { _, err := kv.Put(ctx, q); return err })
	}
	del := func(q *pb.DeleteRangeRequest) func(context.Context) error {
		return do(func(ctx context.Context) error { _, err := kv.DeleteRange(ctx, q); return err })
	}
	txn := func(q *pb.TxnRequest) func(context.Context) error {
		return do(func(ctx context.Context) error { _, err := kv.Txn(ctx, q); return err })
	}
	compact := func(rev int64) func(context.Context) error {
		return do(func(ctx context.Context) error {
			_, err := kv.Compact(ctx, &pb.CompactionRequest{Revision: rev})
			return err
		})
	}
	k := []byte("k")
	for _, c := range []struct {
		name string
		do   func(context.Context) error
		want error
	}{
		{"range without key", rng(&pb.RangeRequest{}), rpctypes.ErrGRPCEmptyKey},
		{"range with unknown order", rng(&pb.RangeRequest{Key: k, SortOrder: 9}), rpctypes.ErrGRPCInvalidSortOption},
		{"range with unknown target", rng(&pb.RangeRequest{Key: k, SortTarget: 9}), rpctypes.ErrGRPCInvalidSortOption},
		{"range of the future", rng(&pb.RangeRequest{Key: k, Revision: 99}), rpctypes.ErrGRPCFutureRev},
		{"range of the forgotten", rng(&pb.RangeRequest{Key: k, Revision: 2}), rpctypes.ErrGRPCCompacted},
		{"serializable range of the forgotten", rng(&pb.RangeRequest{Key: k, Revision: 2, Serializable: true}), rpctypes.ErrGRPCCompacted},
		{"put without key", put(&pb.PutRequest{Value: k}), rpctypes.ErrGRPCEmptyKey},
		{"put with value and ignore_value", put(&pb.PutRequest{Key: k, Value: k, IgnoreValue: true}), rpctypes.ErrGRPCValueProvided},
		{"put with lease and ignore_lease", put(&pb.PutRequest{Key: k, Lease: 5, IgnoreLease: true}), rpctypes.ErrGRPCLeaseProvided},
		{"put with unknown lease", put(&pb.PutRequest{Key: k, Lease: 5}), rpctypes.ErrGRPCLeaseNotFound},
		{"put that keeps the value of nothing", put(&pb.PutRequest{Key: []byte("none"), IgnoreValue: true}), rpctypes.ErrGRPCKeyNotFound},
		{"put too large", put(&pb.PutRequest{Key: k, Value: make([]byte, requestBytesMax+1)}), rpctypes.ErrGRPCRequestTooLarge},
		{"delete without key", del(&pb.DeleteRangeRequest{}), rpctypes.ErrGRPCEmptyKey},
		{"txn with 129 compares", txn(&pb.TxnRequest{Compare: make129()}), rpctypes.ErrGRPCTooManyOps},
		{"txn with 129 operations", txn(&pb.TxnRequest{Failure: ops(129, func(i int) *pb.RequestOp { return putOp(fmt.Sprint(i), "") })}), rpctypes.ErrGRPCTooManyOps},
		{"txn with more nested than is left", txn(&pb.TxnRequest{Success: append(ops(100, func(i int) *pb.RequestOp { return rangeOp("k") }),
			txnOp(&pb.TxnRequest{Success: ops(29, func(i int) *pb.RequestOp { return rangeOp("k") })}))}), rpctypes.ErrGRPCTooManyOps},
		{"txn nested too deeply", txn(nested(store.TxnDepthMax + 1)), rpctypes.ErrGRPCTooManyOps},
		{"txn nested absurdly", txn(nested(2000)), rpctypes.ErrGRPCTooManyOps},
		{"txn with a compare without key", txn(&pb.TxnRequest{Compare: []*pb.Compare{{}}}), rpctypes.ErrGRPCEmptyKey},
		{"txn with an empty operation", txn(&pb.TxnRequest{Success: []*pb.RequestOp{{}}}), rpctypes.ErrGRPCKeyNotFound},
		{"txn with two puts of a key", txn(&pb.TxnRequest{Success: []*pb.RequestOp{putOp("a", ""), putOp("a", "")}}), rpctypes.ErrGRPCDuplicateKey},
		{"txn with a put in a deleted range", txn(&pb.TxnRequest{Failure: []*pb.RequestOp{putOp("b", ""), deleteOp("a", "c")}}), rpctypes.ErrGRPCDuplicateKey},
		{"txn with a bad range", txn(&pb.TxnRequest{Success: []*pb.RequestOp{rangeOp("")}}), rpctypes.ErrGRPCEmptyKey},
		{"read-only txn of the future", txn(&pb.TxnRequest{Success: []*pb.RequestOp{{Request: &pb.RequestOp_RequestRange{
			RequestRange: &pb.RangeRequest{Key: k, Revision: 99}}}}}), rpctypes.ErrGRPCFutureRev},
		{"compact of the future", compact(99), rpctypes.ErrGRPCFutureRev},
		{"compact twice", compact(3), rpctypes.ErrGRPCCompacted},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.do(r.context())
			if status.Code(err) != status.Code(c.want) || rpctypes.ErrorDesc(err) != rpctypes.ErrorDesc(c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if after := r.put("k", "4"); after != before+1 {
		t.Errorf("revision %d after the refusals, want %d: one of them was carried out", after, before+1)
	}
}

func make129() []*pb.Compare {
	out := []*pb.Compare{}
	for range 129 {
		out = append(out, &pb.Compare{Key: []byte("k")})
	}
	return out
}

// Goal: answers say what etcd's say, headers included. Method: a history of
// writes, then reads of all kinds against what etcd documents.
func TestKV_AnswersAreEtcds(t *testing.T) {
	r := newRig(t, nil)
	ctx := r.context()
	empty, err := r.kv.Range(ctx, &pb.RangeRequest{Key: []byte("a")})
	if err != nil {
		t.Fatal(err)
	}
	if h := empty.Header; h.Revision != 1 || h.ClusterId != 0x0102030405060708 || h.MemberId != 0xa1 || h.RaftTerm != 7 {
		t.Errorf("header of an empty store is %v", h)
	}
	if empty.Count != 0 || len(empty.Kvs) != 0 || empty.More {
		t.Errorf("an empty store answers %v", empty)
	}
	r.put("a", "1") // 2
	r.put("b", "2") // 3
	r.put("c", "3") // 4
	res, err := r.kv.Put(ctx, &pb.PutRequest{Key: []byte("a"), Value: []byte("4"), PrevKv: true})
	if err != nil {
		t.Fatal(err)
	}
	if res.Header.Revision != 5 || res.Header.RaftTerm != 7 || string(res.PrevKv.GetValue()) != "1" || res.PrevKv.Version != 1 {
		t.Errorf("put with prev_kv answers %v", res)
	}
	all := func(q *pb.RangeRequest) string {
		t.Helper()
		q.Key, q.RangeEnd = []byte{0}, []byte{0}
		res, err := r.kv.Range(ctx, q)
		if err != nil {
			return err.Error()
		}
		var b strings.Builder
		for _, kv := range res.Kvs {
			fmt.Fprintf(&b, "%s=%s/%d/%d/%d ", kv.Key, kv.Value, kv.CreateRevision, kv.ModRevision, kv.Version)
		}
		fmt.Fprintf(&b, "count=%d more=%v rev=%d", res.Count, res.More, res.Header.Revision)
		return b.String()
	}
	for _, c := range []struct {
		name string
		q    *pb.RangeRequest
		want string
	}{
		{"all", &pb.RangeRequest{}, "a=4/2/5/2 b=2/3/3/1 c=3/4/4/1 count=3 more=false rev=5"},
		{"limit", &pb.RangeRequest{Limit: 2}, "a=4/2/5/2 b=2/3/3/1 count=3 more=true rev=5"},
		{"old revision", &pb.RangeRequest{Revision: 3}, "a=1/2/2/1 b=2/3/3/1 count=2 more=false rev=5"},
		{"keys only", &pb.RangeRequest{KeysOnly: true, Limit: 1}, "a=/2/5/2 count=3 more=true rev=5"},
		{"count only", &pb.RangeRequest{CountOnly: true}, "count=3 more=false rev=5"},
		{"descending by mod", &pb.RangeRequest{SortOrder: pb.RangeRequest_DESCEND, SortTarget: pb.RangeRequest_MOD}, "a=4/2/5/2 c=3/4/4/1 b=2/3/3/1 count=3 more=false rev=5"},
		{"ascending by value", &pb.RangeRequest{SortOrder: pb.RangeRequest_ASCEND, SortTarget: pb.RangeRequest_VALUE}, "b=2/3/3/1 c=3/4/4/1 a=4/2/5/2 count=3 more=false rev=5"},
		{"filter", &pb.RangeRequest{MinModRevision: 4, MaxCreateRevision: 3}, "a=4/2/5/2 count=3 more=false rev=5"},
		{"serializable", &pb.RangeRequest{Serializable: true, Limit: 1}, "a=4/2/5/2 count=3 more=true rev=5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := all(c.q); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	del, err := r.kv.DeleteRange(ctx, &pb.DeleteRangeRequest{Key: []byte("b"), RangeEnd: []byte{0}, PrevKv: true})
	if err != nil || del.Deleted != 2 || len(del.PrevKvs) != 2 || del.Header.Revision != 6 {
		t.Errorf("delete answers %v, %v", del, err)
	}
	del, err = r.kv.DeleteRange(ctx, &pb.DeleteRangeRequest{Key: []byte("b")})
	if err != nil || del.Deleted != 0 || del.Header.Revision != 6 {
		t.Errorf("a delete of nothing answers %v, %v", del, err)
	}
}

// Goal: a transaction compares, branches, nests and numbers its answers as
// etcd's, and one that cannot write is not put into the log. Method: a few
// transactions over gRPC, and the fake's log index beside them.
func TestKV_Transactions(t *testing.T) {
	r := newRig(t, nil)
	ctx := r.context()
	r.put("a", "1") // 2
	res, err := r.kv.Txn(ctx, &pb.TxnRequest{
		Compare: []*pb.Compare{
			{Key: []byte("a"), Target: pb.Compare_VALUE, TargetUnion: &pb.Compare_Value{Value: []byte("1")}},
			{Key: []byte("a"), Target: pb.Compare_MOD, Result: pb.Compare_LESS, TargetUnion: &pb.Compare_ModRevision{ModRevision: 3}},
			{Key: []byte("z"), Target: pb.Compare_VERSION, TargetUnion: &pb.Compare_Version{}},
			{Key: []byte("z"), Target: pb.Compare_CREATE, Result: pb.Compare_EQUAL},
			{Key: []byte("a"), Target: pb.Compare_LEASE, Result: pb.Compare_NOT_EQUAL, TargetUnion: &pb.Compare_Lease{Lease: 1}},
		},
		Success: []*pb.RequestOp{
			putOp("b", "2"), rangeOp("b"), deleteOp("a", ""),
			txnOp(&pb.TxnRequest{
				Compare: []*pb.Compare{{Key: []byte("b"), Target: pb.Compare_CREATE, Result: pb.Compare_GREATER, TargetUnion: &pb.Compare_CreateRevision{}}},
				Success: []*pb.RequestOp{putOp("wrong", "")}, Failure: []*pb.RequestOp{putOp("right", "")},
			}),
		},
		Failure: []*pb.RequestOp{putOp("c", "3")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !res.Succeeded || len(res.Responses) != 4 || res.Header.Revision != 3 || res.Header.MemberId != 0xa1 {
		t.Fatalf("the transaction answers %v", res)
	}
	if h := res.Responses[0].GetResponsePut().Header; h.Revision != 3 || h.MemberId != 0 {
		t.Errorf("an operation's header is %v, want the revision alone", h)
	}
	if kvs := res.Responses[1].GetResponseRange().Kvs; len(kvs) != 1 || string(kvs[0].Value) != "2" {
		t.Errorf("a read inside does not see the put before it: %v", kvs)
	}
	if n := res.Responses[2].GetResponseDeleteRange().Deleted; n != 1 {
		t.Errorf("deleted %d keys, want 1", n)
	}
	if inner := res.Responses[3].GetResponseTxn(); inner.Succeeded {
		t.Error("the inner transaction saw a write of the outer one")
	}
	before := r.node.index
	read, err := r.kv.Txn(ctx, &pb.TxnRequest{
		Compare: []*pb.Compare{{Key: []byte("a"), Target: pb.Compare_VERSION, Result: pb.Compare_GREATER, TargetUnion: &pb.Compare_Version{}}},
		Success: []*pb.RequestOp{rangeOp("a")}, Failure: []*pb.RequestOp{rangeOp("b"), txnOp(&pb.TxnRequest{Success: []*pb.RequestOp{rangeOp("right")}})},
	})
	if err != nil || read.Succeeded || len(read.Responses) != 2 || read.Header.Revision != 3 {
		t.Fatalf("a read-only transaction answers %v, %v", read, err)
	}
	r.node.change(func(n *fakeNode) {
		if n.index != before {
			t.Error("a read-only transaction was put into the log")
		}
	})
}

// Goal: a serializable read works without a leader, a linearizable one and every
// write end in "no leader". Method: a fake that would wait for ever, and no
// leader in its picture.
func TestKV_WithoutLeader(t *testing.T) {
	r := newRig(t, func(c *Config) { c.LeaderWait = -1 })
	r.put("a", "1")
	r.node.change(leaderless)
	r.node.change(func(n *fakeNode) { n.held = make(chan struct{}) })
	local := &pb.TxnRequest{Success: []*pb.RequestOp{{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{Key: []byte("a"), Serializable: true}}}}}
	for _, c := range []struct {
		name string
		do   func(context.Context) error
		want error
	}{
		{"serializable range", func(ctx context.Context) error {
			_, err := r.kv.Range(ctx, &pb.RangeRequest{Key: []byte("a"), Serializable: true})
			return err
		}, nil},
		{"serializable txn", func(ctx context.Context) error { _, err := r.kv.Txn(ctx, local); return err }, nil},
		{"range", func(ctx context.Context) error {
			_, err := r.kv.Range(ctx, &pb.RangeRequest{Key: []byte("a")})
			return err
		}, rpctypes.ErrGRPCNoLeader},
		{"read-only txn", func(ctx context.Context) error {
			_, err := r.kv.Txn(ctx, &pb.TxnRequest{Success: []*pb.RequestOp{rangeOp("a")}})
			return err
		}, rpctypes.ErrGRPCNoLeader},
		{"txn of compares alone", func(ctx context.Context) error {
			_, err := r.kv.Txn(ctx, &pb.TxnRequest{Compare: []*pb.Compare{{Key: []byte("a")}}})
			return err
		}, rpctypes.ErrGRPCNoLeader},
		{"put", func(ctx context.Context) error {
			_, err := r.kv.Put(ctx, &pb.PutRequest{Key: []byte("a")})
			return err
		}, rpctypes.ErrGRPCNoLeader},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.do(r.context()); describeError(err) != describeError(c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// Goal: every end that a host may give a request becomes the error that etcd's
// clients know. Method: a fake that fails with each.
func TestKV_HostErrors(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct {
		name string
		from error
		code codes.Code
		text string
	}{
		{"no leader", host.ErrNoLeader, codes.Unavailable, "etcdserver: no leader"},
		{"overloaded", host.ErrOverloaded, codes.ResourceExhausted, "etcdserver: too many requests"},
		{"too large", host.ErrTooLarge, codes.InvalidArgument, "etcdserver: request is too large"},
		{"log full", host.ErrLogFull, codes.ResourceExhausted, "veche: the log has reached its bound, and no snapshot allows to cut it yet; see why snapshots fail, or raise the bound"},
		{"unknown", host.ErrUnknown, codes.Unavailable, "etcdserver: request timed out, possibly due to previous leader failure"},
		{"stopped", host.ErrStopped, codes.Unavailable, "etcdserver: server stopped"},
		{"fresh", host.ErrFresh, codes.Unavailable, "veche: this server's disk came up empty and no majority has admitted it yet"},
		{"not sent in time", fmt.Errorf("%w: %w", host.ErrNoLeader, context.DeadlineExceeded), codes.Unavailable, "etcdserver: no leader"},
		{"sent, and given up", fmt.Errorf("%w: %w", host.ErrUnknown, context.DeadlineExceeded), codes.Unavailable, "etcdserver: request timed out"},
		{"anything else", errors.New("surprise"), codes.Unknown, "veche: surprise"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.node.change(func(n *fakeNode) { n.fail = c.from })
			_, err := r.kv.Put(r.context(), &pb.PutRequest{Key: []byte("a")})
			if status.Code(err) != c.code || rpctypes.ErrorDesc(err) != c.text {
				t.Errorf("got %v, want %v %q", err, c.code, c.text)
			}
		})
	}
}

// Goal: no request outlives its bounds, and its caller hears from the server
// before his own deadline. Method: a fake that holds everything, and the times
// in the contexts that it saw.
func TestKV_EndsBeforeTheDeadline(t *testing.T) {
	r := newRig(t, func(c *Config) { c.RequestTimeout = 50 * time.Millisecond })
	r.node.change(func(n *fakeNode) { n.held = make(chan struct{}) })
	begin := time.Now()
	_, err := r.kv.Range(r.context(), &pb.RangeRequest{Key: []byte("a")})
	if rpctypes.ErrorDesc(err) != rpctypes.ErrorDesc(rpctypes.ErrGRPCTimeout) {
		t.Errorf("the server's own timeout ends in %v", err)
	}
	if took := time.Since(begin); took < 50*time.Millisecond {
		t.Errorf("it ended after %v, before the timeout", took)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Millisecond)
	defer cancel()
	_, err = r.kv.Put(ctx, &pb.PutRequest{Key: []byte("a")})
	if err == nil {
		t.Error("a held put was answered")
	}
	r.node.change(func(n *fakeNode) {
		last, _ := n.seen[len(n.seen)-1].Deadline()
		if callers, _ := ctx.Deadline(); !last.Before(callers) {
			t.Errorf("the server gives up at %v, the caller at %v", last, callers)
		}
	})
}

// Goal: a caller who goes away ends his request, and "hasleader" ends it at once
// when nobody leads. Method: cancel a held request; ask without a leader.
func TestKV_CallerLeavesAndCallerWithoutPatience(t *testing.T) {
	r := newRig(t, func(c *Config) { c.LeaderWait = time.Hour })
	asked := make(chan struct{}, 1)
	r.node.change(func(n *fakeNode) { n.held, n.asked = make(chan struct{}), asked })
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-asked; cancel() }()
	if _, err := r.kv.Put(ctx, &pb.PutRequest{Key: []byte("a")}); status.Code(err) != codes.Canceled {
		t.Errorf("a cancelled put ends in %v", err)
	}
	r.node.change(leaderless)
	hasty := metadata.AppendToOutgoingContext(r.context(), rpctypes.MetadataRequireLeaderKey, rpctypes.MetadataHasLeader)
	if _, err := r.kv.Put(hasty, &pb.PutRequest{Key: []byte("a")}); rpctypes.ErrorDesc(err) != "etcdserver: no leader" {
		t.Errorf("with hasleader it ends in %v", err)
	}
}

// Goal: a write that arrives during an election waits for the new leader, and
// patience is the outage's: it does not begin anew with every request. Method:
// no leader, a fake that holds; first a leader appears, then none.
func TestKV_WaitsForAnElection(t *testing.T) {
	r := newRig(t, func(c *Config) { c.LeaderWait = time.Hour })
	held, asked := make(chan struct{}), make(chan struct{}, 1)
	r.node.change(leaderless)
	r.node.change(func(n *fakeNode) { n.held, n.asked = held, asked })
	go func() {
		<-asked
		r.node.change(func(n *fakeNode) { n.picture.Leader = 0xa2 })
		close(held)
	}()
	r.put("a", "1")
	r.node.change(leaderless)
	r.s.outage.mu.Lock()
	r.s.outage.since = time.Now().Add(-2 * time.Hour)
	r.s.outage.mu.Unlock()
	if _, err := r.kv.Put(r.context(), &pb.PutRequest{Key: []byte("a")}); rpctypes.ErrorDesc(err) != "etcdserver: no leader" {
		t.Errorf("two hours into an outage a put ends in %v", err)
	}
}

// Goal: a panic costs one request and tells the client nothing. Method: plant
// one below; the next request works, the log and the metric tell.
func TestRPC_PanicIsOneRequests(t *testing.T) {
	r := newRig(t, nil)
	r.node.change(func(n *fakeNode) { n.panics = true })
	_, err := r.kv.Range(r.context(), &pb.RangeRequest{Key: []byte("a")})
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "planted") {
		t.Errorf("a panic ends in %v", err)
	}
	r.node.change(func(n *fakeNode) { n.panics = false })
	r.put("a", "1")
	if !strings.Contains(r.log.String(), "planted") {
		t.Error("the log does not tell of the panic")
	}
	if _, text := r.ask("GET", r.peopleURL("/metrics"), ""); !strings.Contains(text, "veche_server_panics_total 1\n") {
		t.Error("the metric does not tell of the panic")
	}
}

// Goal: a request beyond the bound of those in flight is refused, and a place
// comes free again; the same for streams. Method: fill the counter, ask, empty
// it, ask.
func TestRPC_TooManyAtOnce(t *testing.T) {
	r := newRig(t, nil)
	r.s.inflight.Store(requestsMax)
	if _, err := r.kv.Put(r.context(), &pb.PutRequest{Key: []byte("a")}); rpctypes.ErrorDesc(err) != "etcdserver: too many requests" {
		t.Errorf("request %d in flight ends in %v", requestsMax+1, err)
	}
	r.s.inflight.Store(0)
	r.put("a", "1")
	r.s.streams.Store(openStreamsMax)
	watch := func() error {
		s, err := pb.NewWatchClient(r.conn).Watch(r.context())
		if err == nil {
			_, err = s.Recv()
		}
		return err
	}
	if err := watch(); rpctypes.ErrorDesc(err) != "etcdserver: too many requests" {
		t.Errorf("stream %d ends in %v", openStreamsMax+1, err)
	}
	r.s.streams.Store(0)
	if err := watch(); status.Code(err) != codes.Unimplemented {
		t.Errorf("a stream ends in %v, want one that is served", err)
	}
}

// Goal: what is not built says so by name; nothing hangs. Method: call a unary
// and a streaming method of every service that is registered for its shape.
func TestRPC_UnbuiltIsNamed(t *testing.T) {
	r := newRig(t, nil)
	ctx := r.context()
	for name, call := range map[string]func() error{
		"Lease/LeaseGrant": func() error {
			_, err := pb.NewLeaseClient(r.conn).LeaseGrant(ctx, &pb.LeaseGrantRequest{TTL: 5})
			return err
		},
		"Auth/AuthEnable":    func() error { _, err := pb.NewAuthClient(r.conn).AuthEnable(ctx, &pb.AuthEnableRequest{}); return err },
		"Maintenance/HashKV": func() error { _, err := pb.NewMaintenanceClient(r.conn).HashKV(ctx, &pb.HashKVRequest{}); return err },
		"KV/RangeStream": func() error {
			s, err := r.kv.RangeStream(ctx, &pb.RangeRequest{Key: []byte("a")})
			if err == nil {
				_, err = s.Recv()
			}
			return err
		},
		"Watch/Watch": func() error {
			s, err := pb.NewWatchClient(r.conn).Watch(ctx)
			if err == nil {
				_, err = s.Recv()
			}
			return err
		},
	} {
		if err := call(); status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), name+" is not built yet") {
			t.Errorf("%s ends in %v", name, err)
		}
	}
}

// Goal: a state machine survives its snapshot, and a bad snapshot changes
// nothing. Method: snapshot, write on, restore into another, break one byte.
func TestMachine_SnapshotIsOfItsMoment(t *testing.T) {
	m := NewMachine()
	put := func(k, v string) {
		res := m.Apply(1, store.EncodePut(nil, &store.Put{Key: []byte(k), Value: []byte(v)})).(*store.Result)
		if res.Err != nil {
			t.Fatal(res.Err)
		}
	}
	put("a", "1")
	snapshot := m.Snapshot()
	put("b", "2")
	other := NewMachine()
	var file bytes.Buffer
	if err := snapshot(&file); err != nil {
		t.Fatal(err)
	}
	b := file.Bytes()
	if err := other.Restore(bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	if storeOf(other).Keys() != 1 || storeOf(m).Keys() != 2 {
		t.Errorf("%d keys in the snapshot, %d beside it; want 1 and 2", storeOf(other).Keys(), storeOf(m).Keys())
	}
	broken := bytes.Clone(b)
	broken[len(broken)/2] ^= 1
	if err := other.Restore(bytes.NewReader(broken)); err == nil || storeOf(other).Keys() != 1 {
		t.Errorf("a broken snapshot: %v, %d keys after it", err, storeOf(other).Keys())
	}
}

// describeError is the text of an error that may be none.
func describeError(err error) string {
	if err == nil {
		return "no error"
	}
	return rpctypes.ErrorDesc(err)
}
