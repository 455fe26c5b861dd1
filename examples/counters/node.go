package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"veche/host"
	"veche/raft"
	"veche/transport"
	"veche/wal"
)

// settings are what a process is told about the cluster and itself. They travel
// in an environment variable, since the program has no other arguments.
type settings struct {
	Cluster raft.ClusterID
	Self    raft.NodeID
	Dir     string
	Members []raft.Member
}

// settingsVariable says that this process is one of the three.
const settingsVariable = "VECHE_COUNTERS_NODE"

// question and answer are lines on a process's standard input and output.
type question struct {
	ID      int      `json:"id"`
	Command *command `json:"command,omitempty"` // a payment; else the question is for the sum
	Local   bool     `json:"local,omitempty"`   // of the sum: as this process knows it
}

type answer struct {
	ID      int         `json:"id"`
	Sum     int64       `json:"sum"`
	Leader  raft.NodeID `json:"leader"`
	Term    raft.Term   `json:"term"`
	Applied raft.Index  `json:"applied"`
	Refused string      `json:"refused,omitempty"` // the bank's word: nothing was done
	Error   string      `json:"error,omitempty"`   // Veche's: see host's errors
}

// runNode is one of the three processes: it serves the questions on in until in
// ends.
func runNode(text string, in io.Reader, out io.Writer) error {
	var s settings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return fmt.Errorf("read the settings: %w", err)
	}
	h, log, err := startHost(&s)
	if err != nil {
		return err
	}
	defer log.Close()
	var written sync.Mutex // guards: out
	var questions sync.WaitGroup
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return fmt.Errorf("read a question: %w", err)
		}
		questions.Go(func() {
			a := serve(h, &q)
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

// startHost puts the parts together: a log on the disk, connections to the
// others, and the bank.
func startHost(s *settings) (*host.Host, *wal.Log, error) {
	name := strconv.FormatUint(uint64(s.Self), 10)
	log, err := wal.Open(wal.OS(), filepath.Join(s.Dir, name), wal.Identity{Cluster: s.Cluster, Member: s.Self, Name: name},
		wal.Options{SegmentBytes: 1 << 20, Random: random})
	if err != nil {
		return nil, nil, err
	}
	initial := raft.Configuration{Members: s.Members}
	for _, m := range s.Members {
		initial.Voters = append(initial.Voters, m.ID)
	}
	self, _ := initial.Member(s.Self)
	h, err := host.Start(host.Config{
		Raft:          raft.Config{Self: s.Self, Initial: initial},
		SnapshotBytes: 32 << 10, // few, so that the story has snapshots
		Log:           log,
		StateMachine:  newBank(),
		Network: func(r host.Receiver) (host.Network, error) {
			listener, err := net.Listen("tcp", self.PeerAddr)
			if err != nil {
				return nil, err
			}
			return transport.New(transport.Config{
				Cluster: s.Cluster, Self: s.Self, Boot: log.Boot(), Incarnation: log.Incarnation(),
				Listener: listener, Advertise: self.PeerAddr, Receive: r.Receive, PeerDown: r.PeerDown,
			})
		},
	})
	if err != nil {
		log.Close()
		return nil, nil, err
	}
	return h, log, nil
}

// serve answers one question.
func serve(h *host.Host, q *question) answer {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	a := answer{ID: q.ID}
	look := func(sm host.StateMachine) { a.Sum = sm.(*bank).sum() }
	var err error
	switch {
	case q.Command != nil:
		data, _ := json.Marshal(q.Command) // cannot fail: it is strings and a number
		var r host.Result
		if r, err = h.Propose(ctx, data); r.Value != nil {
			a.Refused = r.Value.(error).Error()
		}
	case q.Local:
		h.View(look)
	default:
		err = h.Read(ctx, look)
	}
	if err != nil {
		a.Error = err.Error()
	}
	status := h.Status()
	a.Leader, a.Term, a.Applied = status.Leader, status.Term, status.Applied
	return a
}

// random draws what tells one data directory from all others.
func random() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:]) | 1
}

// nodeText is not empty in a process that is one of the three.
func nodeText() string { return os.Getenv(settingsVariable) }
