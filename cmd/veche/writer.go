package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
)

// clients are gRPC connections to the members of a cluster.
type clients struct {
	conns []*grpc.ClientConn
	kv    []pb.KVClient
}

// dialClients prepares connections; none is made before it is needed.
func dialClients(endpoints []string) (*clients, error) {
	c := &clients{}
	for _, e := range endpoints {
		conn, err := grpc.NewClient("passthrough:///"+e,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           backoff.Config{BaseDelay: redialMin, Multiplier: 1.5, Jitter: 0.2, MaxDelay: redialMax},
				MinConnectTimeout: time.Second,
			}),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReadBytes)))
		if err != nil {
			c.close()
			return nil, fmt.Errorf("prepare a connection to %s: %w", e, err)
		}
		c.conns = append(c.conns, conn)
		c.kv = append(c.kv, pb.NewKVClient(conn))
	}
	return c, nil
}

func (c *clients) close() {
	for _, conn := range c.conns {
		conn.Close()
	}
}

// writer is a client that writes all the time, and remembers every promise it
// was given. Every write has a key of its own. Its methods may be called from
// any goroutine.
type writer struct {
	prefix  string
	clients *clients
	targets []int // the members that it asks, by turns at random
	every   time.Duration
	timeout time.Duration // of one write
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu       sync.Mutex // guards: all below
	sent     uint64
	inflight int
	failed   uint64
	lastErr  error
	latency  time.Duration // of the newest acknowledged write
	acks     []ack         // in order of arrival
	waiters  []*ackWaiter
}

// ack is one acknowledged write.
type ack struct {
	seq      uint64
	revision int64
	term     uint64
	began    time.Time
	at       time.Time
}

type ackWaiter struct {
	term  uint64 // above this
	began time.Time
	got   chan ack
}

// newWriter makes a writer; run starts it.
func newWriter(c *clients, prefix string, targets []int) *writer {
	return &writer{prefix: prefix, clients: c, targets: targets, every: writeEvery, timeout: writeMax}
}

// run writes until stop.
func (w *writer) run() {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	w.wg.Go(func() {
		t := time.NewTicker(w.every)
		defer t.Stop()
		for {
			select {
			case <-t.C:
			case <-ctx.Done():
				return
			}
			if seq, ok := w.next(); ok {
				w.wg.Go(func() { w.put(ctx, seq, w.targets[rand.IntN(len(w.targets))]) })
			}
		}
	})
}

// stop ends the writing and waits for the writes under way, up to their own
// timeout.
func (w *writer) stop() {
	w.cancel()
	w.wg.Wait()
}

// next numbers a write, unless too many are under way.
func (w *writer) next() (uint64, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.inflight >= maxInflightWrites {
		return 0, false
	}
	w.inflight++
	w.sent++
	return w.sent, true
}

func (w *writer) key(seq uint64) []byte {
	return fmt.Appendf(nil, "%s%010d", w.prefix, seq)
}

// value is what stands under a key of this writer: it can be computed, so that
// a wrong one is noticed.
func (w *writer) value(seq uint64) []byte {
	return strconv.AppendUint([]byte("v"), seq*0x9E3779B97F4A7C15, 36)
}

// put carries out one numbered write. A write that was begun before stop is
// not cut off by it: its outcome is worth knowing.
func (w *writer) put(_ context.Context, seq uint64, target int) {
	ctx, cancel := context.WithTimeout(context.Background(), w.timeout)
	defer cancel()
	began := time.Now()
	r, err := w.clients.kv[target].Put(ctx, &pb.PutRequest{Key: w.key(seq), Value: w.value(seq)})
	at := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inflight--
	if err != nil {
		w.failed++
		w.lastErr = err
		return
	}
	a := ack{seq: seq, began: began, at: at}
	if h := r.GetHeader(); h != nil {
		a.revision, a.term = h.Revision, h.RaftTerm
	}
	w.latency = at.Sub(began)
	w.acks = append(w.acks, a)
	kept := w.waiters[:0]
	for _, x := range w.waiters {
		if a.term > x.term && !began.Before(x.began) {
			x.got <- a // has room for one
			continue
		}
		kept = append(kept, x)
	}
	w.waiters = kept
}

// firstAck waits for a write begun at or after since and acknowledged in a term
// above term.
func (w *writer) firstAck(ctx context.Context, since time.Time, term uint64) (ack, error) {
	x := &ackWaiter{term: term, began: since, got: make(chan ack, 1)}
	w.mu.Lock()
	for _, a := range w.acks {
		if a.term > term && !a.began.Before(since) {
			w.mu.Unlock()
			return a, nil
		}
	}
	w.waiters = append(w.waiters, x)
	w.mu.Unlock()
	select {
	case a := <-x.got:
		return a, nil
	case <-ctx.Done():
		w.mu.Lock()
		defer w.mu.Unlock()
		return ack{}, errors.Join(errors.New("no write was acknowledged in time"), w.lastErr)
	}
}

// writerStats are a writer's counts.
type writerStats struct {
	Acked, Failed uint64
	Inflight      int
	Latency       time.Duration
	LastErr       error
	Term          uint64 // of the newest acknowledgement
	LastAck       time.Time
}

func (w *writer) stats() writerStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := writerStats{Acked: uint64(len(w.acks)), Failed: w.failed, Inflight: w.inflight, Latency: w.latency, LastErr: w.lastErr}
	if n := len(w.acks); n > 0 {
		s.Term, s.LastAck = w.acks[n-1].term, w.acks[n-1].at
	}
	return s
}

// longestGap gives the longest time between two acknowledgements from since to
// until, both ends counted as acknowledgements.
func (w *writer) longestGap(since, until time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	last, longest := since, time.Duration(0)
	for _, a := range w.acks {
		if a.at.Before(since) || a.at.After(until) {
			continue
		}
		longest = max(longest, a.at.Sub(last))
		last = a.at
	}
	return max(longest, until.Sub(last))
}

// verify reads everything back from member target, through the cluster or,
// when local, from its own memory. It counts the acknowledged writes that are
// missing or wrong, and says what is wrong with the first one.
func (w *writer) verify(ctx context.Context, target int, local bool) (acked, lost int, what string, err error) {
	w.mu.Lock()
	acks := w.acks[:len(w.acks):len(w.acks)]
	w.mu.Unlock()
	found, err := w.readBack(ctx, target, local)
	if err != nil {
		return len(acks), 0, "", err
	}
	for _, a := range acks {
		kv := found[string(w.key(a.seq))]
		wrong := ""
		switch {
		case kv == nil:
			wrong = "is missing"
		case !bytes.Equal(kv.Value, w.value(a.seq)):
			wrong = fmt.Sprintf("has the value %q instead of %q", kv.Value, w.value(a.seq))
		case kv.ModRevision != a.revision:
			wrong = fmt.Sprintf("was acknowledged at revision %d and stands at %d", a.revision, kv.ModRevision)
		default:
			continue
		}
		if lost++; what == "" {
			what = fmt.Sprintf("%s (acknowledged in term %d) %s", w.key(a.seq), a.term, wrong)
		}
	}
	return len(acks), lost, what, nil
}

// readBack reads all keys of this writer, page by page. The first page is
// linearizable unless local; the others are read at its revision.
func (w *writer) readBack(ctx context.Context, target int, local bool) (map[string]*mvccpb.KeyValue, error) {
	found := map[string]*mvccpb.KeyValue{}
	from := []byte(w.prefix)
	end := append([]byte(w.prefix), 0xff)
	revision := int64(0)
	for {
		r, err := retryRead(ctx, func(ctx context.Context) (*pb.RangeResponse, error) {
			return w.clients.kv[target].Range(ctx, &pb.RangeRequest{Key: from, RangeEnd: end,
				Limit: readPage, Revision: revision, Serializable: local})
		})
		if err != nil {
			return nil, fmt.Errorf("read the writes back: %w", err)
		}
		for _, kv := range r.Kvs {
			found[string(kv.Key)] = kv
		}
		if !r.More || len(r.Kvs) == 0 {
			return found, nil
		}
		if revision == 0 {
			revision = r.Header.GetRevision()
		}
		from = append(bytes.Clone(r.Kvs[len(r.Kvs)-1].Key), 0)
	}
}

// retryRead repeats a read, which is harmless, until it succeeds or ctx ends.
func retryRead(ctx context.Context, read func(context.Context) (*pb.RangeResponse, error)) (*pb.RangeResponse, error) {
	for {
		once, cancel := context.WithTimeout(ctx, writeMax)
		r, err := read(once)
		cancel()
		if err == nil {
			return r, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(sampleEvery):
		}
	}
}
