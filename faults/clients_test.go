//go:build faults && linux

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

const (
	requestMax = time.Second           // several elections
	pace       = 6 * time.Millisecond  // between two requests of one client: finer than an election
	afterError = 20 * time.Millisecond // a client without a server does not spin
	readMax    = 10 * time.Second      // of reading everything back, retries included
	checkMax   = 60 * time.Second      // of judging a history
	page       = 1000                  // keys in one answer
	registers  = 3

	failuresMax = 100_000 // that are remembered: what a minute of refusals brings
)

// refusals are the errors that promise that a write did not and will not
// happen. The history is checked under that promise.
var refusals = []error{rpctypes.ErrGRPCNoLeader, rpctypes.ErrGRPCRequestTooManyRequests, rpctypes.ErrGRPCRequestTooLarge, rpctypes.ErrGRPCStopped}

func refused(err error) bool {
	s := status.Convert(err)
	return slices.ContainsFunc(refusals, func(r error) bool {
		x := status.Convert(r)
		return x.Code() == s.Code() && x.Message() == s.Message()
	})
}

// ack is one acknowledged write with a key of its own.
type ack struct {
	key, value string
	revision   int64
	member     int
	began, at  time.Time
}

// operation is one request on a register, as its client saw it.
type operation struct {
	client     int
	write      bool
	key, value string
	began, at  time.Time
	unknown    bool // a write without an answer: it may happen at any time, or never
}

// clients ask all members all the time, one pair of them at each member: one
// writes keys of its own, the other reads and writes the registers. They never
// repeat a request.
type clients struct {
	kv     []pb.KVClient
	conns  []*grpc.ClientConn
	began  time.Time
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu      sync.Mutex // guards: acks, ops, refusals, unknown
	acks    []ack
	ops     []operation
	refused int
	unknown int
	failed  []failure
}

// failure is a request that was not answered as it should be.
type failure struct {
	member int
	at     time.Time
	err    error
}

// newClients connects to every member of c and begins.
func newClients(c *cluster) (*clients, error) {
	ctx, cancel := context.WithCancel(context.Background())
	l := &clients{began: time.Now(), cancel: cancel}
	for _, x := range c.nodes {
		conn, err := grpc.NewClient("passthrough:///"+x.at(2379),
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDisableRetry(),
			grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) { return c.clients.dial(ctx, addr) }),
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           backoff.Config{BaseDelay: 5 * time.Millisecond, Multiplier: 1.5, Jitter: 0.2, MaxDelay: 50 * time.Millisecond},
				MinConnectTimeout: time.Second,
			}),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
		if err != nil {
			l.close()
			return nil, err
		}
		l.conns = append(l.conns, conn)
		l.kv = append(l.kv, pb.NewKVClient(conn))
	}
	for i := range l.kv {
		l.all.Go(func() { l.writeOwn(ctx, i) })
		l.all.Go(func() { l.useRegisters(ctx, i, c.wire.seed) })
	}
	return l, nil
}

// stop ends the clients after the requests under way; connections stay for
// reading back.
func (l *clients) stop() {
	l.cancel()
	l.all.Wait()
}

func (l *clients) close() {
	l.stop()
	for _, conn := range l.conns {
		conn.Close()
	}
}

// rest is the pause between two requests; false at the end.
func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (l *clients) put(member int, key, value string) (*pb.PutResponse, error) {
	ctx, cancel := context.WithTimeout(context.Background(), requestMax) // its outcome is worth knowing even after stop
	defer cancel()
	return l.kv[member].Put(ctx, &pb.PutRequest{Key: []byte(key), Value: []byte(value)})
}

func (l *clients) writeOwn(ctx context.Context, i int) {
	for n := 0; ; n++ {
		key, value := fmt.Sprintf("own/%d/%08d", i, n), strconv.FormatUint(uint64(n)*0x9E3779B97F4A7C15+uint64(i), 36)
		began := time.Now()
		r, err := l.put(i, key, value)
		at := time.Now()
		l.mu.Lock()
		switch {
		case err == nil:
			l.acks = append(l.acks, ack{key: key, value: value, revision: r.GetHeader().GetRevision(), member: i, began: began, at: at})
		case refused(err):
			l.refused++
		default:
			l.unknown++
		}
		l.note(i, at, err)
		l.mu.Unlock()
		d := pace
		if err != nil {
			d = afterError
		}
		if !rest(ctx, d) {
			return
		}
	}
}

// note keeps the error of a request. The caller holds mu.
func (l *clients) note(member int, at time.Time, err error) {
	if err != nil && len(l.failed) < failuresMax {
		l.failed = append(l.failed, failure{member, at, err})
	}
}

// failures counts the requests that failed at members since a moment, and gives
// the first that etcd's clients would not repeat: those repeat what is
// Unavailable.
func (l *clients) failures(since time.Time, members ...int) (n int, final error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.failed {
		if f.at.Before(since) || !slices.Contains(members, f.member) {
			continue
		}
		n++
		if final == nil && status.Code(f.err) != codes.Unavailable {
			final = f.err
		}
	}
	return n, final
}

func (l *clients) useRegisters(ctx context.Context, i int, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, uint64(i)+100))
	for n := 0; ; n++ {
		op := operation{client: i, write: rng.IntN(3) == 0, key: "register/" + strconv.Itoa(rng.IntN(registers)), began: time.Now()}
		var err error
		if op.write {
			op.value = fmt.Sprintf("%d.%d", i, n)
			_, err = l.put(i, op.key, op.value)
		} else {
			op.value, err = l.read(i, op.key)
		}
		op.at = time.Now()
		if err == nil || op.write && !refused(err) { // a read without an answer says nothing
			op.unknown = err != nil
			l.mu.Lock()
			l.ops = append(l.ops, op)
			l.mu.Unlock()
		}
		l.mu.Lock()
		l.note(i, op.at, err)
		l.mu.Unlock()
		d := pace
		if err != nil {
			d = afterError
		}
		if !rest(ctx, d) {
			return
		}
	}
}

// read reads one register, linearizably; "" when nobody has written it.
func (l *clients) read(member int, key string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), requestMax)
	defer cancel()
	r, err := l.kv[member].Range(ctx, &pb.RangeRequest{Key: []byte(key)})
	if err != nil || len(r.Kvs) == 0 {
		return "", err
	}
	return string(r.Kvs[0].Value), nil
}

// acked is how many writes were acknowledged by one of the members.
func (l *clients) acked(members ...int) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.acks {
		if slices.Contains(members, a.member) {
			n++
		}
	}
	return n
}

// awaitAck waits for a write that was begun after since and acknowledged by
// one of members, and says how long after since it was acknowledged.
func (l *clients) awaitAck(since time.Time, members ...int) (time.Duration, error) {
	var took time.Duration
	seen := 0
	err := await(fmt.Sprintf("a write is acknowledged by one of the members %v", members), settleMax, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		for ; seen < len(l.acks); seen++ {
			if a := l.acks[seen]; !a.began.Before(since) && slices.Contains(members, a.member) {
				took = a.at.Sub(since)
				return true
			}
		}
		return false
	})
	return took, err
}

// gap is the longest time between two acknowledgements from since to until.
func (l *clients) gap(since, until time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	times := []time.Time{since, until}
	for _, a := range l.acks {
		if a.at.After(since) && a.at.Before(until) {
			times = append(times, a.at)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	longest := time.Duration(0)
	for i := 1; i < len(times); i++ {
		longest = max(longest, times[i].Sub(times[i-1]))
	}
	return longest
}

// everything reads all that one member holds under a prefix: linearizably, or
// from its own memory alone.
func (l *clients) everything(member int, prefix string, local bool) (map[string]string, map[string]int64, error) {
	values, revisions := map[string]string{}, map[string]int64{}
	ctx, cancel := context.WithTimeout(context.Background(), readMax)
	defer cancel()
	req := &pb.RangeRequest{Key: []byte(prefix), RangeEnd: []byte(prefix + "\xff"), Limit: page, Serializable: local}
	if prefix == "" {
		req.Key, req.RangeEnd = []byte{0}, []byte{0} // all keys
	}
	for {
		r, err := l.kv[member].Range(ctx, req)
		if err != nil {
			return nil, nil, fmt.Errorf("read back from member %d: %w", member+1, err)
		}
		for _, kv := range r.Kvs {
			values[string(kv.Key)], revisions[string(kv.Key)] = string(kv.Value), kv.ModRevision
		}
		if !r.More || len(r.Kvs) == 0 {
			return values, revisions, nil
		}
		req.Revision = r.Header.Revision
		req.Key = append(slices.Clone(r.Kvs[len(r.Kvs)-1].Key), 0)
	}
}

// lost counts the acknowledged writes that are missing or changed in what a
// member holds, and tells of the first.
func (l *clients) lost(values map[string]string, revisions map[string]int64) (n int, first string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.acks {
		if v, ok := values[a.key]; ok && v == a.value && revisions[a.key] == a.revision {
			continue
		}
		if n++; first == "" {
			first = fmt.Sprintf("%s=%s was acknowledged at revision %d; it stands as %q at revision %d",
				a.key, a.value, a.revision, values[a.key], revisions[a.key])
		}
	}
	return n, first
}

// judge says whether what the clients of the registers saw has an explanation
// in which each request happened at one moment between its begin and its end.
func (l *clients) judge() error {
	l.mu.Lock()
	ops := slices.Clone(l.ops)
	l.mu.Unlock()
	type written struct{ key, value string }
	seen := map[written]bool{}
	for _, o := range ops {
		if !o.write {
			seen[written{o.key, o.value}] = true
		}
	}
	end := time.Since(l.began).Nanoseconds()
	var history []porcupine.Operation
	for _, o := range ops {
		p := porcupine.Operation{ClientId: o.client, Input: o, Call: o.began.Sub(l.began).Nanoseconds(), Return: o.at.Sub(l.began).Nanoseconds()}
		if o.unknown {
			if !seen[written{o.key, o.value}] {
				continue // nobody saw it: that it never happened explains as much
			}
			p.ClientId += 1000 * (len(history) + 1) // its client went on meanwhile
			p.Return = end
		}
		history = append(history, p)
	}
	switch porcupine.CheckOperationsTimeout(register, history, checkMax) {
	case porcupine.Ok:
		return nil
	case porcupine.Illegal:
		return fmt.Errorf("the history of %d requests on the registers is not linearizable", len(history))
	default:
		return fmt.Errorf("the history of %d requests on the registers was not judged within %v", len(history), checkMax)
	}
}

// register is what one key does.
var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		keys := map[string][]porcupine.Operation{}
		for _, o := range history {
			k := o.Input.(operation).key
			keys[k] = append(keys[k], o)
		}
		var parts [][]porcupine.Operation
		for _, k := range slices.Sorted(func(yield func(string) bool) {
			for k := range keys {
				if !yield(k) {
					return
				}
			}
		}) {
			parts = append(parts, keys[k])
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, _ any) (bool, any) {
		o := input.(operation)
		if o.write {
			return true, o.value
		}
		return state.(string) == o.value, state
	},
}
