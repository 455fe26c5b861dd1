package server

import (
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"veche/store"
)

// The store's requests and etcd's differ in names only; the numbers of their
// enumerations are the same.

func toRange(r *pb.RangeRequest) *store.Range {
	return &store.Range{
		Key: r.GetKey(), End: r.GetRangeEnd(),
		Limit: r.GetLimit(), Revision: store.Revision(r.GetRevision()),
		SortOrder:  store.SortOrder(r.GetSortOrder()),
		SortTarget: store.SortTarget(r.GetSortTarget()),
		KeysOnly:   r.GetKeysOnly(), CountOnly: r.GetCountOnly(),
		MinMod: store.Revision(r.GetMinModRevision()), MaxMod: store.Revision(r.GetMaxModRevision()),
		MinCreate: store.Revision(r.GetMinCreateRevision()), MaxCreate: store.Revision(r.GetMaxCreateRevision()),
	}
}

func toPut(r *pb.PutRequest) *store.Put {
	return &store.Put{
		Key: r.GetKey(), Value: r.GetValue(), Lease: store.Lease(r.GetLease()),
		PrevKV: r.GetPrevKv(), IgnoreValue: r.GetIgnoreValue(), IgnoreLease: r.GetIgnoreLease(),
	}
}

func toDelete(r *pb.DeleteRangeRequest) *store.DeleteRange {
	return &store.DeleteRange{Key: r.GetKey(), End: r.GetRangeEnd(), PrevKV: r.GetPrevKv()}
}

// toTxn turns a transaction over, down to depth levels: what lies deeper is
// refused here, before anything recurses into it.
func toTxn(r *pb.TxnRequest, depth int) (*store.Txn, error) {
	if depth == 0 {
		return nil, store.ErrTooManyOps
	}
	if max(len(r.GetCompare()), len(r.GetSuccess()), len(r.GetFailure())) > store.TxnOpsMax {
		return nil, store.ErrTooManyOps
	}
	t := &store.Txn{}
	if n := len(r.GetCompare()); n > 0 {
		t.Compares = make([]store.Compare, n)
	}
	for i, c := range r.GetCompare() {
		t.Compares[i] = toCompare(c)
	}
	var err error
	if t.Then, err = toOps(r.GetSuccess(), depth); err != nil {
		return nil, err
	}
	t.Else, err = toOps(r.GetFailure(), depth)
	return t, err
}

func toOps(from []*pb.RequestOp, depth int) ([]store.Op, error) {
	if len(from) == 0 {
		return nil, nil
	}
	ops := make([]store.Op, len(from))
	for i, o := range from {
		switch r := o.GetRequest().(type) { // anything else stays an empty operation, which Check refuses
		case *pb.RequestOp_RequestRange:
			ops[i].Range = toRange(r.RequestRange)
		case *pb.RequestOp_RequestPut:
			ops[i].Put = toPut(r.RequestPut)
		case *pb.RequestOp_RequestDeleteRange:
			ops[i].DeleteRange = toDelete(r.RequestDeleteRange)
		case *pb.RequestOp_RequestTxn:
			var err error
			if ops[i].Txn, err = toTxn(r.RequestTxn, depth-1); err != nil {
				return nil, err
			}
		}
	}
	return ops, nil
}

// toCompare takes the number that belongs to the target. One that came for
// another target counts as absent, as in etcd.
func toCompare(c *pb.Compare) store.Compare {
	out := store.Compare{
		Key: c.GetKey(), End: c.GetRangeEnd(),
		Target: store.CompareTarget(c.GetTarget()), Result: store.CompareResult(c.GetResult()),
	}
	switch c.GetTarget() {
	case pb.Compare_VERSION:
		out.Number = c.GetVersion()
	case pb.Compare_CREATE:
		out.Number = c.GetCreateRevision()
	case pb.Compare_MOD:
		out.Number = c.GetModRevision()
	case pb.Compare_LEASE:
		out.Number = c.GetLease()
	case pb.Compare_VALUE:
		out.Value = c.GetValue()
	}
	return out
}

// serializable says whether a transaction reads, and every read in it, however
// deep, is content with what this member knows. etcd also serves one without
// any operation that way; here its compares are answered linearizably.
func serializable(r *pb.TxnRequest) bool {
	reads, content := countReads(r)
	return reads > 0 && content
}

func countReads(r *pb.TxnRequest) (reads int, content bool) {
	content = true
	for _, list := range [2][]*pb.RequestOp{r.GetSuccess(), r.GetFailure()} {
		for _, o := range list {
			switch r := o.GetRequest().(type) {
			case *pb.RequestOp_RequestRange:
				reads++
				content = content && r.RequestRange.GetSerializable()
			case *pb.RequestOp_RequestTxn:
				n, c := countReads(r.RequestTxn)
				reads, content = reads+n, content && c
			default:
				content = false
			}
		}
	}
	return reads, content
}

func fromKV(kv *store.KeyValue) *mvccpb.KeyValue {
	if kv == nil {
		return nil
	}
	return &mvccpb.KeyValue{
		Key: kv.Key, Value: kv.Value,
		CreateRevision: int64(kv.CreateRevision), ModRevision: int64(kv.ModRevision),
		Version: kv.Version, Lease: int64(kv.Lease),
	}
}

func fromKVs(kvs []store.KeyValue) []*mvccpb.KeyValue {
	if len(kvs) == 0 {
		return nil
	}
	out := make([]*mvccpb.KeyValue, len(kvs))
	for i := range kvs {
		out[i] = fromKV(&kvs[i])
	}
	return out
}

func fromRange(r *store.RangeResult, h *pb.ResponseHeader) *pb.RangeResponse {
	return &pb.RangeResponse{Header: h, Kvs: fromKVs(r.KVs), More: r.More, Count: r.Count}
}

func fromPut(r *store.PutResult, h *pb.ResponseHeader) *pb.PutResponse {
	return &pb.PutResponse{Header: h, PrevKv: fromKV(r.Prev)}
}

func fromDelete(r *store.DeleteResult, h *pb.ResponseHeader) *pb.DeleteRangeResponse {
	return &pb.DeleteRangeResponse{Header: h, Deleted: r.Deleted, PrevKvs: fromKVs(r.Prevs)}
}

// fromTxn turns the answer over; each operation's header carries the revision
// alone, an inner transaction's carries nothing, as in etcd.
func fromTxn(r *store.TxnResult, h *pb.ResponseHeader) *pb.TxnResponse {
	out := &pb.TxnResponse{Header: h, Succeeded: r.Succeeded}
	if n := len(r.Responses); n > 0 {
		out.Responses = make([]*pb.ResponseOp, n)
	}
	for i := range r.Responses {
		out.Responses[i] = fromOp(&r.Responses[i])
	}
	return out
}

func fromOp(r *store.Result) *pb.ResponseOp {
	at := func(rev store.Revision) *pb.ResponseHeader { return &pb.ResponseHeader{Revision: int64(rev)} }
	switch r.Kind {
	case store.KindRange:
		return &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{ResponseRange: fromRange(&r.Range, at(r.Range.Revision))}}
	case store.KindPut:
		return &pb.ResponseOp{Response: &pb.ResponseOp_ResponsePut{ResponsePut: fromPut(&r.Put, at(r.Put.Revision))}}
	case store.KindDeleteRange:
		return &pb.ResponseOp{Response: &pb.ResponseOp_ResponseDeleteRange{ResponseDeleteRange: fromDelete(&r.Delete, at(r.Delete.Revision))}}
	case store.KindTxn:
		return &pb.ResponseOp{Response: &pb.ResponseOp_ResponseTxn{ResponseTxn: fromTxn(&r.Txn, at(r.Txn.Revision))}}
	}
	return &pb.ResponseOp{}
}
