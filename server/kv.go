package server

import (
	"context"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"veche/host"
	"veche/raft"
	"veche/store"
)

// kvService is etcd's KV: it refuses what is wrong, then reads through the host
// or proposes to it, and puts the answer into etcd's words.
type kvService struct {
	pb.UnimplementedKVServer
	s *Server
}

// Range reads keys: linearizable, unless the request is content with what this
// member knows.
func (k *kvService) Range(ctx context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	q := toRange(r)
	if err := q.Check(); err != nil {
		return nil, failure(err)
	}
	var res store.RangeResult
	err := k.s.read(ctx, r.GetSerializable(), func(st *store.Store) (err error) {
		res, err = st.Range(q)
		return err
	})
	if err != nil {
		return nil, err
	}
	return fromRange(&res, k.s.header(res.Revision, 0)), nil
}

// Put sets a key.
func (k *kvService) Put(ctx context.Context, r *pb.PutRequest) (*pb.PutResponse, error) {
	p := toPut(r)
	if err := p.Check(); err != nil {
		return nil, failure(err)
	}
	res, term, err := k.s.propose(ctx, store.EncodePut(make([]byte, 0, len(p.Key)+len(p.Value)+32), p))
	if err != nil {
		return nil, err
	}
	return fromPut(&res.Put, k.s.header(res.Put.Revision, term)), nil
}

// DeleteRange deletes keys.
func (k *kvService) DeleteRange(ctx context.Context, r *pb.DeleteRangeRequest) (*pb.DeleteRangeResponse, error) {
	d := toDelete(r)
	if err := d.Check(); err != nil {
		return nil, failure(err)
	}
	res, term, err := k.s.propose(ctx, store.EncodeDeleteRange(nil, d))
	if err != nil {
		return nil, err
	}
	return fromDelete(&res.Delete, k.s.header(res.Delete.Revision, term)), nil
}

// Txn does one of two lists of operations as one revision. One that cannot
// write is served as a read.
func (k *kvService) Txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	t, err := toTxn(r, store.TxnDepthMax)
	if err != nil {
		return nil, failure(err)
	}
	if err := t.Check(); err != nil {
		return nil, failure(err)
	}
	if t.ReadOnly() {
		var res store.TxnResult
		err := k.s.read(ctx, serializable(r), func(st *store.Store) (err error) {
			res, err = st.ReadTxn(t)
			return err
		})
		if err != nil {
			return nil, err
		}
		return fromTxn(&res, k.s.header(res.Revision, 0)), nil
	}
	res, term, err := k.s.propose(ctx, store.EncodeTxn(nil, t))
	if err != nil {
		return nil, err
	}
	return fromTxn(&res.Txn, k.s.header(res.Txn.Revision, term)), nil
}

// Compact forgets the past up to a revision. It is done when it is answered, so
// etcd's "physical" changes nothing.
func (k *kvService) Compact(ctx context.Context, r *pb.CompactionRequest) (*pb.CompactionResponse, error) {
	c := &store.Compact{Revision: store.Revision(r.GetRevision())}
	res, term, err := k.s.propose(ctx, store.EncodeCompact(nil, c))
	if err != nil {
		return nil, err
	}
	return &pb.CompactionResponse{Header: k.s.header(res.Compact.Revision, term)}, nil
}

// header is the header of every answer. term 0 stands for the one that this
// member is in.
func (s *Server) header(rev store.Revision, term raft.Term) *pb.ResponseHeader {
	if term == 0 {
		term = s.cfg.Node.Picture().Term
	}
	return &pb.ResponseHeader{
		ClusterId: s.clusterID,
		MemberId:  uint64(s.cfg.Self),
		Revision:  int64(rev),
		RaftTerm:  uint64(term),
	}
}

// read calls f with the store: with all that was committed before, or, when
// local, as this member has it.
func (s *Server) read(ctx context.Context, local bool, f func(*store.Store) error) error {
	var inner error
	use := func(sm host.StateMachine) { inner = f(storeOf(sm)) }
	if local {
		s.cfg.Node.View(use)
		return failure(inner)
	}
	err := s.patiently(ctx, func(ctx context.Context) error { return s.cfg.Node.Read(ctx, use) })
	if err != nil {
		s.metrics.readsFailed.Inc()
		return err
	}
	return failure(inner)
}

// propose has a command carried out by the cluster and returns the store's
// answer and the term it was committed in.
func (s *Server) propose(ctx context.Context, command []byte) (*store.Result, raft.Term, error) {
	if len(command) > requestBytesMax {
		return nil, 0, rpctypes.ErrGRPCRequestTooLarge
	}
	s.metrics.pending.Inc()
	defer s.metrics.pending.Dec()
	var res host.Result
	err := s.patiently(ctx, func(ctx context.Context) (err error) {
		if res, err = s.cfg.Node.Propose(ctx, command); err != nil {
			return err
		}
		return res.Err
	})
	if err != nil {
		s.metrics.proposalsFailed.Inc()
		return nil, 0, err
	}
	answer := res.Value.(*store.Result) // Machine.Apply gives nothing else
	if answer.Err != nil {
		return nil, 0, failure(answer.Err)
	}
	return answer, res.Term, nil
}
