package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	kills      = 5
	writeEvery = 2 * time.Millisecond  // how finely the gap is seen
	writeMax   = 10 * time.Second      // etcd's own bound on a request is 7 s
	inflight   = 2000                  // writes that wait for a leader: 4 s of them
	failMax    = 20 * time.Second      // then there is no new leader
	quickest   = 50 * time.Millisecond // what Veche promises for the median on an idle machine
)

// Goal: when the leader's process dies, a write is acknowledged again in less
// time than with etcd. Method: kill the leaders of a cluster of each, with their
// defaults, in turn on the same machine, while a client writes to the others.
func TestFailover_SoonerThanEtcd(t *testing.T) {
	took := map[string][]time.Duration{}
	clusters := []*cluster{start(t, "veche"), start(t, "etcd")}
	for range kills {
		for _, c := range clusters {
			took[c.kind] = append(took[c.kind], c.failOver(t))
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "kill -9 of the leader to the first acknowledged write\tkills\tmin ms\tmedian ms\tmax ms")
	for _, c := range clusters {
		d := took[c.kind]
		slices.Sort(d)
		fmt.Fprintf(w, "%s, %d members, its defaults\t%d\t%.1f\t%.1f\t%.1f\n", c.kind, members, len(d), ms(d[0]), ms(d[len(d)/2]), ms(d[len(d)-1]))
	}
	w.Flush()
	if v, e := took["veche"][kills/2], took["etcd"][kills/2]; v >= e {
		t.Errorf("the median of Veche is %v, etcd's %v", v, e)
	}
	if v := took["veche"][kills/2]; v > quickest {
		t.Logf("the median of %v is above %v: the machine was busy, or something has become slower", v, quickest)
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// leader gives the member that leads.
func (c *cluster) leader(t *testing.T) int {
	t.Helper()
	for i := range members {
		var all []struct {
			Status struct {
				Header struct {
					MemberID uint64 `json:"member_id"`
				} `json:"header"`
				Leader uint64 `json:"leader"`
			} `json:"Status"`
		}
		a := c.ctl(i, "", "endpoint", "status", "-w", "json")
		if err := json.Unmarshal([]byte(a.out), &all); err != nil || len(all) != 1 {
			t.Fatalf("%s, member %d: %v in %q, %q", c.kind, i+1, err, a.out, a.err)
		}
		if all[0].Status.Header.MemberID == all[0].Status.Leader {
			return i
		}
	}
	t.Fatalf("%s: no member leads", c.kind)
	return -1
}

// failOver kills the leader, measures until the first write that was begun
// after that is acknowledged by one of the others, and starts it again.
func (c *cluster) failOver(t *testing.T) time.Duration {
	t.Helper()
	c.awaitReady(t)
	leader := c.leader(t)
	var kvs []pb.KVClient
	for i := range members {
		if i == leader {
			continue
		}
		conn, err := grpc.NewClient("passthrough:///"+c.endpoints[i], grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		kvs = append(kvs, pb.NewKVClient(conn))
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeMax)
	var writes sync.WaitGroup
	defer writes.Wait()
	defer cancel()
	put := func(n int) error {
		_, err := kvs[n%len(kvs)].Put(ctx, &pb.PutRequest{Key: fmt.Appendf(nil, "failover/%d", n), Value: []byte("x")})
		return err
	}
	for n := range kvs { // the connections are there before
		if err := put(n); err != nil {
			t.Fatalf("%s before the kill: %v", c.kind, err)
		}
	}
	acked := make(chan time.Time, inflight)
	at := time.Now()
	c.kill(leader)
	every := time.NewTicker(writeEvery)
	defer every.Stop()
	late := time.After(failMax)
	for n := 0; ; n++ {
		if n < inflight {
			writes.Go(func() {
				if put(n) == nil {
					acked <- time.Now()
				}
			})
		}
		select {
		case first := <-acked:
			c.run(t, leader)
			return first.Sub(at)
		case <-late:
			t.Fatalf("%s acknowledged nothing within %v of the kill", c.kind, failMax)
		case <-every.C:
		}
	}
}
