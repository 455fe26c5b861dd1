package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"veche/host"
	"veche/raft"
	"veche/server"
	"veche/store"
	"veche/transport"
	"veche/wal"
)

// snapshotNode is what one server of veche bench snapshot is told: a host with
// the store, and no doors for clients but its standard input and output.
type snapshotNode struct {
	Cluster       raft.ClusterID
	Self          raft.NodeID
	Dir           string
	Members       []raft.Member
	SnapshotBytes int
}

// snapshotQuestion and snapshotAnswer are lines on its input and output.
type snapshotQuestion struct {
	ID    int    `json:"id"`
	Op    string `json:"op"` // fill, put, live, picture
	From  int    `json:"from,omitempty"`
	Count int    `json:"count,omitempty"`
	Bytes int    `json:"bytes,omitempty"`
}

type snapshotAnswer struct {
	ID       int         `json:"id"`
	Err      string      `json:"err,omitempty"`
	Live     uint64      `json:"live"` // bytes of the heap after a collection
	Keys     int         `json:"keys"`
	Leader   raft.NodeID `json:"leader"`
	Term     raft.Term   `json:"term"`
	Commit   raft.Index  `json:"commit"`
	Applied  raft.Index  `json:"applied"`
	Cut      raft.Index  `json:"cut"`
	Snapshot raft.Index  `json:"snapshot"`
	Bytes    uint64      `json:"bytes"` // of the snapshot that arrives
	Total    uint64      `json:"total"`
}

func benchSnapshotNodeCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "snapshot-node",
		Hidden: true, // veche bench snapshot starts it
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runSnapshotNode(cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
}

// runSnapshotNode serves questions until in ends. The first line is the settings.
func runSnapshotNode(in io.Reader, out, errs io.Writer) error {
	lines := bufio.NewScanner(in)
	var s snapshotNode
	if !lines.Scan() {
		return &exitError{exitFailed, "nobody said what to do; veche bench snapshot does"}
	}
	if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
		return &exitError{exitFailed, "read the settings: " + err.Error()}
	}
	h, log, err := s.start(slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return &exitError{exitFailed, err.Error()}
	}
	defer log.Close()
	var written sync.Mutex // guards: out
	var questions sync.WaitGroup
	for lines.Scan() {
		var q snapshotQuestion
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return &exitError{exitFailed, "read a question: " + err.Error()}
		}
		questions.Go(func() {
			a := serveSnapshotQuestion(h, &q)
			written.Lock()
			defer written.Unlock()
			_ = json.NewEncoder(out).Encode(a) // if nobody listens any more, in has ended too
		})
	}
	questions.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return h.Stop(ctx)
}

func (s *snapshotNode) start(logger *slog.Logger) (*host.Host, *wal.Log, error) {
	initial := raft.Configuration{Members: s.Members}
	for _, m := range s.Members {
		initial.Voters = append(initial.Voters, m.ID)
	}
	self, _ := initial.Member(s.Self)
	log, err := wal.Open(wal.OS(), filepath.Join(s.Dir, self.Name), wal.Identity{Cluster: s.Cluster, Member: s.Self, Name: self.Name},
		wal.Options{Random: random64})
	if err != nil {
		return nil, nil, err
	}
	h, err := host.Start(host.Config{
		Raft: raft.Config{Self: s.Self, Initial: initial, TrailBytes: 1 << 20, MaxLogBytes: 4 * s.SnapshotBytes},
		Log:  log, StateMachine: server.NewMachine(), SnapshotBytes: s.SnapshotBytes, Logger: logger,
		Network: func(r host.Receiver) (host.Network, error) {
			l, err := net.Listen("tcp", self.PeerAddr)
			if err != nil {
				return nil, err
			}
			return transport.New(transport.Config{Cluster: s.Cluster, Self: s.Self, Boot: log.Boot(), Incarnation: log.Incarnation(),
				Listener: l, Advertise: self.PeerAddr, Receive: r.Receive, PeerDown: r.PeerDown, Logger: logger})
		},
	})
	if err != nil {
		log.Close()
		return nil, nil, err
	}
	return h, log, nil
}

func serveSnapshotQuestion(h *host.Host, q *snapshotQuestion) snapshotAnswer {
	ctx, cancel := context.WithTimeout(context.Background(), snapshotStepMax)
	defer cancel()
	a := snapshotAnswer{ID: q.ID}
	var err error
	switch q.Op {
	case "fill":
		err = fillStore(ctx, h, q)
	case "put":
		_, err = h.Propose(ctx, store.EncodePut(nil, &store.Put{Key: []byte("pulse"), Value: []byte(strconv.Itoa(q.From))}))
	case "live":
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		a.Live = m.HeapAlloc
	}
	if err != nil {
		a.Err = err.Error()
	}
	st := h.Status()
	a.Leader, a.Term, a.Commit, a.Applied, a.Cut, a.Snapshot = st.Leader, st.Term, st.Commit, st.Applied, st.Cut, st.Snapshot
	if r := st.Receiving; r != nil {
		a.Bytes, a.Total = r.Bytes, r.Total
	}
	if err := h.Err(); err != nil {
		a.Err = err.Error()
	}
	return a
}

// fillStore puts values that nobody could make smaller.
func fillStore(ctx context.Context, h *host.Host, q *snapshotQuestion) error {
	noise := rand.New(rand.NewPCG(uint64(q.From), 1))
	value := make([]byte, q.Bytes)
	for k := q.From; k < q.From+q.Count; k++ {
		for i := 0; i+8 <= len(value); i += 8 {
			x := noise.Uint64()
			for b := range 8 {
				value[i+b] = byte(x >> (8 * b))
			}
		}
		put := store.Put{Key: fmt.Appendf(nil, "key%08d", k), Value: value}
		if _, err := h.Propose(ctx, store.EncodePut(nil, &put)); err != nil {
			return err
		}
	}
	return nil
}
