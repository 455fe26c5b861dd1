package host

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"veche/raft"
	"veche/transport"
	"veche/wal"
)

// blobs is a state machine that keeps all commands, in order.
type blobs struct{ all [][]byte }

func (b *blobs) Apply(_ raft.Index, command []byte) any {
	b.all = append(b.all, bytes.Clone(command))
	return len(b.all)
}

func (b *blobs) Snapshot() func(io.Writer) error {
	all := b.all[:len(b.all):len(b.all)]
	return func(w io.Writer) error {
		for _, blob := range all {
			if err := binary.Write(w, binary.LittleEndian, uint64(len(blob))); err != nil {
				return err
			}
			if _, err := w.Write(blob); err != nil {
				return err
			}
		}
		return nil
	}
}

func (b *blobs) Restore(r io.Reader) error {
	b.all = nil
	for {
		var n uint64
		switch err := binary.Read(r, binary.LittleEndian, &n); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		blob := make([]byte, n)
		if _, err := io.ReadFull(r, blob); err != nil {
			return err
		}
		b.all = append(b.all, blob)
	}
}

// village is a few Hosts with real disks and TCP between them. What arrives goes
// through a gate, which lets only so many chunks of snapshots through.
type village struct {
	t     *testing.T
	conf  raft.Configuration
	homes []*home

	mu     sync.Mutex // guards: all below
	room   int        // chunks that may still pass
	empty  chan struct{}
	passed int
	least  uint64 // the smallest offset that was asked for
}

type home struct {
	id   raft.NodeID
	dir  string
	addr string
	log  *wal.Log
	h    *Host
}

func newVillage(t *testing.T, n int) *village {
	v := &village{t: t, empty: make(chan struct{}, 1)}
	for k := range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s := &home{id: raft.NodeID(k + 1), dir: t.TempDir(), addr: l.Addr().String()}
		v.homes = append(v.homes, s)
		v.conf.Members = append(v.conf.Members, raft.Member{ID: s.id, Name: fmt.Sprint("n", s.id), PeerAddr: s.addr})
		v.conf.Voters = append(v.conf.Voters, s.id)
	}
	t.Cleanup(func() {
		for _, s := range v.homes {
			if s.h != nil {
				v.stop(s)
			}
		}
	})
	return v
}

// gate is a Receiver in front of a Host.
type gate struct {
	Receiver
	v *village
}

func (g gate) Receive(ms []raft.Message) {
	keep := ms[:0]
	for k := range ms {
		if g.v.pass(&ms[k]) {
			keep = append(keep, ms[k])
		}
	}
	if len(keep) > 0 {
		g.Receiver.Receive(keep)
	}
}

func (v *village) pass(m *raft.Message) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case m.Kind == raft.KindSnapshotFetch:
		v.least = min(v.least, m.Fetch.Offset)
	case m.Kind == raft.KindSnapshotChunk && v.room == 0:
		select {
		case v.empty <- struct{}{}:
		default:
		}
		return false
	case m.Kind == raft.KindSnapshotChunk:
		v.room--
		v.passed++
	}
	return true
}

// open lets so many more chunks pass.
func (v *village) open(room int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.room, v.least = room, 1<<62
	select {
	case <-v.empty:
	default:
	}
}

func (v *village) start(s *home) {
	v.t.Helper()
	id := wal.Identity{Member: s.id, Name: fmt.Sprint("n", s.id)}
	log, err := wal.Open(wal.OS(), s.dir, id, wal.Options{SegmentBytes: 4 << 20, Random: func() uint64 { return uint64(s.id) * 7919 }})
	if err != nil {
		v.t.Fatal(err)
	}
	s.log = log
	s.h, err = Start(Config{
		Raft: raft.Config{Self: s.id, Initial: v.conf, TrailBytes: 1 << 20}, Log: log, StateMachine: &blobs{}, SnapshotBytes: 12 << 20,
		Network: func(r Receiver) (Network, error) {
			l, err := net.Listen("tcp", s.addr)
			if err != nil {
				return nil, err
			}
			g := gate{r, v}
			return transport.New(transport.Config{Self: s.id, Boot: log.Boot(), Incarnation: log.Incarnation(),
				Listener: l, Advertise: s.addr, Receive: g.Receive, PeerDown: r.PeerDown})
		},
	})
	if err != nil {
		v.t.Fatal(err)
	}
}

// stop ends a Host as a crash would, without a handover.
func (v *village) stop(s *home) {
	s.h.stopOnce.Do(func() { close(s.h.stop) })
	<-s.h.Done()
	_ = s.log.Close()
	s.h = nil
}

func (v *village) wait(ctx context.Context, what string, c <-chan struct{}) {
	v.t.Helper()
	select {
	case <-c:
	case <-ctx.Done():
		v.t.Fatal("waited in vain for " + what)
	}
}

// Goal: a snapshot of 16 MiB reaches an empty member over TCP and real disks,
// though the receiver restarts and the leader changes in the middle. Method: a
// gate lets a few chunks through at a time; after the restart nothing is asked
// for that was there already.
func TestHost_SnapshotReachesAnEmptyMember(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	v := newVillage(t, 3)
	late := v.homes[2]
	v.start(v.homes[0])
	v.start(v.homes[1])
	blob := bytes.Repeat([]byte("0123456789abcdef"), 256<<10/16)
	for k := range 64 {
		binary.LittleEndian.PutUint64(blob, uint64(k))
		if _, err := v.homes[k%2].h.Propose(ctx, blob); err != nil {
			t.Fatal(err)
		}
	}
	leader := func() *home { return v.homes[v.homes[0].h.Status().Leader-1] }
	term := v.homes[0].h.Status().Term

	v.open(12)
	v.start(late)
	v.wait(ctx, "the first chunks", v.empty)
	if r := late.h.Status().Receiving; r == nil || r.Total < 8<<20 || r.Bytes == 0 || r.Peer != leader().id {
		t.Errorf("in the middle it receives %+v", r)
	}
	if s := leader().h.Status().Serving; len(s) != 1 || s[0].Peer != late.id || s[0].Bytes == 0 {
		t.Errorf("in the middle the leader serves %+v", s)
	}
	v.stop(late)

	v.open(12)
	v.start(late)
	v.wait(ctx, "more chunks after the restart", v.empty)
	v.mu.Lock()
	least := v.least
	v.mu.Unlock()
	if least < chunkBytes || least > 12*chunkBytes {
		t.Errorf("after the restart it asked from %d on; 12 chunks of %d had come", least, chunkBytes)
	}
	if now := v.homes[0].h.Status().Term; now != term {
		t.Errorf("the term went from %d to %d", term, now)
	}

	before := leader()
	for leader() == before {
		if err := before.h.Transfer(ctx, v.homes[2-before.id].id); err != nil && ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	v.open(1 << 20)
	if err := late.h.Read(ctx, func(sm StateMachine) {
		for k, b := range sm.(*blobs).all {
			if binary.LittleEndian.Uint64(b) != uint64(k) || len(b) != len(blob) {
				t.Fatalf("blob %d is %d, of %d bytes", k, binary.LittleEndian.Uint64(b), len(b))
			}
		}
		if n := len(sm.(*blobs).all); n != 64 {
			t.Errorf("%d blobs are there, want 64", n)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if s := late.h.Status(); s.Snapshot == 0 || s.Receiving != nil {
		t.Errorf("it stands on no snapshot: %+v", s)
	}
	if late.log.Stats().Received != 1 {
		t.Errorf("%d snapshots were received", late.log.Stats().Received)
	}
}
