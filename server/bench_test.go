package server

import (
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// What the edge costs by itself: gRPC over loopback, checks, translation, the
// store; the cluster below is a fake that commits at once.

func BenchmarkEdge_Put(b *testing.B) {
	r := newRig(b, nil)
	ctx := r.context()
	req := &pb.PutRequest{Key: []byte("key"), Value: make([]byte, 256)}
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := r.kv.Put(ctx, req); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkEdge_Range(b *testing.B) {
	r := newRig(b, nil)
	ctx := r.context()
	r.put("key", "value")
	req := &pb.RangeRequest{Key: []byte("key")}
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := r.kv.Range(ctx, req); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
