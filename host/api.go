package host

import (
	"errors"

	"veche/raft"
)

// StateMachine is what a group replicates. Apply and Snapshot are called from
// one goroutine, never at the same time as a read: see Host.Read.
type StateMachine interface {
	// Apply carries out one committed command and returns what its proposer is
	// told. It must be deterministic, and must not keep command.
	Apply(index raft.Index, command []byte) any
	// Snapshot captures the state as it is now. The function it returns turns
	// what was captured into bytes, and may run while Apply goes on.
	Snapshot() func() []byte
	// Restore replaces the state by a snapshot's.
	Restore(snapshot []byte) error
}

// Errors that a request may end with. After ErrUnknown, and after the request's
// own context ended, a command may or may not have been applied; after the
// others it was not, and will not be.
var (
	ErrNoLeader   = errors.New("no leader: no majority of the members answers; try again")
	ErrOverloaded = errors.New("too many commands wait for the majority; try again later")
	ErrLogFull    = errors.New("the log has reached its bound and a member still lacks part of it; start that member")
	ErrTooLarge   = errors.New("the command is larger than the bound")
	ErrUnknown    = errors.New("the outcome is unknown: the server stopped, or the log moved on, before it was seen")
	ErrStopped    = errors.New("the server has stopped")
	ErrFresh      = errors.New("this server's disk came up empty and no majority has admitted it yet")
)

// Result is the one end of a request.
type Result struct {
	Value any        // what StateMachine.Apply returned
	Index raft.Index // where the command stands, or what a read waited for
	Term  raft.Term
	Err   error
}
