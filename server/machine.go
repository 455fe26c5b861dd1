package server

import (
	"io"

	"veche/host"
	"veche/raft"
	"veche/store"
)

// Machine makes a store the state machine of a group. Its methods are called by
// the host alone, which keeps reads and writes apart.
type Machine struct {
	store *store.Store
}

// NewMachine returns a machine with an empty store.
func NewMachine() *Machine { return &Machine{store: store.New()} }

// Apply carries out one command of the store; the answer is a *store.Result.
func (m *Machine) Apply(_ raft.Index, command []byte) any {
	res := m.store.Apply(command)
	return &res
}

// Snapshot captures the store in constant time.
func (m *Machine) Snapshot() func(io.Writer) error {
	return m.store.Clone().WriteSnapshot
}

// Restore replaces the store by that of a snapshot. After an error the old one
// is still there.
func (m *Machine) Restore(snapshot io.Reader) error {
	s, err := store.Restore(snapshot)
	if err != nil {
		return err
	}
	m.store = s
	return nil
}

// storeOf finds the store behind what a host hands to a reader. The host was
// started with a Machine: anything else is a mistake of the program.
func storeOf(sm host.StateMachine) *store.Store { return sm.(*Machine).store }
