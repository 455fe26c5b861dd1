package host_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"veche/host"
	"veche/raft"
	"veche/wal"
)

// counter is a state machine of one number.
type counter struct{ n uint64 }

func (c *counter) Apply(_ raft.Index, command []byte) any {
	c.n += uint64(len(command))
	return c.n
}

func (c *counter) Snapshot() func(io.Writer) error {
	n := c.n // captured now, written later
	return func(w io.Writer) error { return binary.Write(w, binary.LittleEndian, n) }
}

func (c *counter) Restore(r io.Reader) error { return binary.Read(r, binary.LittleEndian, &c.n) }

// alone is the network of a group of one.
type alone struct{}

func (alone) Send([]raft.Message)         {}
func (alone) SetPeer(raft.NodeID, string) {}
func (alone) RemovePeer(raft.NodeID)      {}
func (alone) Close() error                { return nil }

// A state machine of one's own, in a group of one member with its log in memory.
// With wal.OS and a transport.Transport, and an equal Initial on each of three
// machines, it is replicated: see examples/counters.
func Example() {
	log, err := wal.Open(wal.NewMemFS(), "data", wal.Identity{Member: 1, Name: "one"},
		wal.Options{Random: func() uint64 { return 4 }}) // chosen by fair dice; take crypto/rand
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	h, err := host.Start(host.Config{
		Raft: raft.Config{Self: 1, Initial: raft.Configuration{
			Members: []raft.Member{{ID: 1, Name: "one"}}, Voters: []raft.NodeID{1},
		}},
		Log:          log,
		Network:      func(host.Receiver) (host.Network, error) { return alone{}, nil },
		StateMachine: &counter{},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	for _, command := range []string{"x", "xx"} {
		r, err := h.Propose(ctx, []byte(command))
		fmt.Println("proposed:", r.Value, err)
	}
	err = h.Read(ctx, func(sm host.StateMachine) { fmt.Println("read:", sm.(*counter).n) })
	fmt.Println(err, h.Stop(ctx))
	// Output:
	// proposed: 1 <nil>
	// proposed: 3 <nil>
	// read: 3
	// <nil> <nil>
}
