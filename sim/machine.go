package sim

import (
	"bytes"
	"errors"
	"io"

	"veche/raft"
	"veche/store"
)

// machine is the state machine of a node: the real store, and in front of each
// command the number of the operation that asked for it.
type machine struct {
	store *store.Store
	// applied is told of each command that was carried out, and of a digest of
	// the answer.
	applied func(index raft.Index, op uint64, answer uint64)
}

// Apply carries out one command on the store.
func (m *machine) Apply(index raft.Index, command []byte) any {
	if len(command) < 8 {
		m.applied(index, 0, 0)
		return store.Result{Err: store.ErrMalformed}
	}
	res := m.store.Apply(command[8:])
	answer := mix(uint64(res.Kind), uint64(m.store.Revision()))
	if res.Kind == store.KindTxn && res.Txn.Succeeded {
		answer++
	}
	m.applied(index, getUint64(command), answer)
	return res
}

// Snapshot captures the store in constant time.
func (m *machine) Snapshot() func(io.Writer) error {
	return m.store.Clone().WriteSnapshot
}

// Restore replaces the store by what a snapshot holds.
func (m *machine) Restore(snapshot io.Reader) error {
	s, err := store.Restore(snapshot)
	if err != nil {
		return errors.New("sim: a snapshot does not read back: " + err.Error())
	}
	m.store = s
	return nil
}

// get reads the number that stands at a key; 0 if there is none.
func (m *machine) get(key uint32) uint64 {
	v, found := m.value(keyBytes(key))
	if !found || len(v) != 8 {
		return 0
	}
	return getUint64(v)
}

// value reads any key.
func (m *machine) value(key []byte) ([]byte, bool) {
	res, err := m.store.Range(&store.Range{Key: key})
	if err != nil || len(res.KVs) == 0 {
		return nil, false
	}
	return bytes.Clone(res.KVs[0].Value), true
}

// version counts the puts of a key since it came to exist; 0 if there is none.
func (m *machine) version(key []byte) int64 {
	res, err := m.store.Range(&store.Range{Key: key})
	if err != nil || len(res.KVs) == 0 {
		return 0
	}
	return res.KVs[0].Version
}
