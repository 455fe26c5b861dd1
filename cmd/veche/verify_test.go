package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc"
)

// keeper is a member that has certain keys, and may be asked for pages of them.
type keeper struct {
	pb.KVClient
	kvs   []*mvccpb.KeyValue // in order
	err   error
	asked []*pb.RangeRequest
}

func (k *keeper) Range(_ context.Context, r *pb.RangeRequest, _ ...grpc.CallOption) (*pb.RangeResponse, error) {
	k.asked = append(k.asked, r)
	if k.err != nil {
		return nil, k.err
	}
	res := &pb.RangeResponse{Header: &pb.ResponseHeader{Revision: 5000 + int64(len(k.asked))}}
	for _, kv := range k.kvs {
		switch {
		case bytes.Compare(kv.Key, r.Key) < 0 || bytes.Compare(kv.Key, r.RangeEnd) >= 0:
		case int64(len(res.Kvs)) == r.Limit:
			res.More = true
		default:
			res.Kvs = append(res.Kvs, kv)
		}
	}
	return res, nil
}

// promised is a writer that was given n promises, and a member that kept them.
func promised(n int) (*writer, *keeper) {
	k := &keeper{}
	w := newWriter(&clients{kv: []pb.KVClient{k}}, "demo/", []int{0})
	for seq := range uint64(n) {
		w.acks = append(w.acks, ack{seq: seq, revision: int64(seq) + 2, term: 3})
		k.kvs = append(k.kvs, &mvccpb.KeyValue{Key: w.key(seq), Value: w.value(seq), ModRevision: int64(seq) + 2})
	}
	return w, k
}

func TestWriter_VerifyFindsEveryBrokenPromise(t *testing.T) {
	// Over three pages one key is made wrong in each way that there is.
	const n = 2*readPage + 10
	for _, c := range []struct {
		name, want string
		hurt       func(*keeper, int)
	}{
		{"kept", "", func(*keeper, int) {}},
		{"gone", "is missing", func(k *keeper, i int) { k.kvs = slices.Delete(k.kvs, i, i+1) }},
		{"another value", "instead of", func(k *keeper, i int) { k.kvs[i].Value = []byte("x") }},
		{"written twice", "stands at 9999", func(k *keeper, i int) { k.kvs[i].ModRevision = 9999 }},
	} {
		for _, at := range []int{0, readPage, n - 1} {
			w, k := promised(n)
			c.hurt(k, at)
			acked, lost, what, err := w.verify(t.Context(), 0, false)
			if err != nil || acked != n || (lost == 1) != (c.want != "") || !strings.Contains(what, c.want) {
				t.Errorf("%s at %d: %d of %d lost (%s), %v", c.name, at, lost, acked, what, err)
			}
			for page, r := range k.asked {
				if want := []int64{0, 5001, 5001}[page]; r.Serializable || r.Revision != want {
					t.Errorf("page %d was read at revision %d, want %d", page, r.Revision, want)
				}
			}
		}
	}
}

func TestScript_VerdictIsOKOnlyWhenAllIs(t *testing.T) {
	// One situation after another with one thing wrong: none of them may pass.
	for _, c := range []struct {
		name, want string
		ok         bool
		outcome    outcome
		change     func(*script, *keeper)
	}{
		{"all is well", "fine", true, outcome{seen: "fine"}, nil},
		{"an expectation failed", "NOT as expected: no", false, outcome{seen: "fine", err: errors.New("no")}, nil},
		{"a write is lost", "LOST: demo/", false, outcome{seen: "fine"}, func(_ *script, k *keeper) { k.kvs = k.kvs[1:] }},
		{"a write of another client is lost", "LOST: lone0/", false, outcome{seen: "fine"}, func(s *script, k *keeper) {
			lone := newWriter(s.clients, "lone0/", nil)
			lone.acks = []ack{{seq: 1, revision: 2}}
			s.extra = append(s.extra, lone)
		}},
		{"two leaders", "BROKEN: both", false, outcome{seen: "fine"}, func(s *script, _ *keeper) { s.referee.foul = "both" }},
		{"no write was taken", "no write was acknowledged", false, outcome{seen: "fine"}, func(s *script, _ *keeper) { s.before = 3 }},
		{"nothing can be read back", "NOT as expected: read the writes back", false, outcome{seen: "fine"}, func(_ *script, k *keeper) { k.err = errors.New("down") }},
	} {
		w, k := promised(3)
		s := &script{cluster: &cluster{nodes: []*node{{}}}, clients: w.clients, writer: w, referee: newReferee(nil), log: io.Discard}
		if c.change != nil {
			c.change(s, k)
		}
		ctx, cancel := context.WithCancel(t.Context())
		play := func(*script, context.Context) outcome { return c.outcome }
		if k.err != nil {
			cancel() // it would be asked again until the time is over
		}
		r := s.one(ctx, situation{play: play})
		cancel()
		if r.OK != c.ok || !strings.Contains(r.Detail, c.want) {
			t.Errorf("%s: ok %v, %q", c.name, r.OK, r.Detail)
		}
	}
}

func TestLive_LossIsNotForgotten(t *testing.T) {
	// A promise that was broken at one look stays counted when the key is there
	// again at the next: a linearizable read must never have missed it.
	w, k := promised(3)
	running := &process{cmd: &exec.Cmd{Process: &os.Process{Pid: 1 << 30}}, done: make(chan struct{})} // nobody's
	l := &liveStage{cluster: &cluster{nodes: []*node{{proc: running}}}, writer: w}
	all := k.kvs
	k.kvs = all[1:]
	l.verify(t.Context())
	k.kvs = all
	l.verify(t.Context())
	if got := l.lostSoFar(); got != 1 {
		t.Fatalf("%d lost, want 1", got)
	}
}
