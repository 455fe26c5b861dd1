package host

import (
	"errors"
	"io"

	"veche/raft"
)

// StateMachine is what a group replicates: anything that is changed by commands
// alone. Every member applies the same commands in the same order, so they must
// do the same everywhere:
//
// Determinism. Apply's effect and value may depend on the state and the command
// only: on no clock, no random number, no order of a map, no local file, no
// difference between builds. What needs a time or a random number takes it from
// the command, where its proposer put it. A command that makes no sense must
// change nothing, on every member: Apply says so in the value it returns, and
// never panics.
//
// Threads. Apply, Snapshot and Restore are called one at a time, and never
// while a reader runs: see Host.Read and Host.View, whose readers may run in
// parallel with each other. Only the function that Snapshot returned runs
// beside all of these, in another goroutine.
//
// Exactly once. A command that was sent again, because a leader died with it,
// reaches Apply once. After a restart the machine begins empty, is given the
// latest snapshot, and sees the commands behind it anew; so it must keep
// nothing outside of itself.
type StateMachine interface {
	// Apply carries out one committed command, and returns what its proposer is
	// told in Result.Value; on the other members nobody looks at it. index
	// grows with every call, with gaps. The command must not be kept nor
	// changed.
	Apply(index raft.Index, command []byte) any
	// Snapshot captures the state as it is now. It must be quick, since nothing
	// is applied meanwhile: a copy-on-write copy, or a copy of small state. The
	// function it returns writes what was captured, once or never, while Apply
	// goes on; it returns w's error as it is, and may be stopped by it.
	// Machines with the same state must write the same bytes.
	Snapshot() func(w io.Writer) error
	// Restore replaces the whole state by what a snapshot's function wrote,
	// which r gives to its end. An error, r's or the machine's own, stops this
	// server: half a state serves nobody. It is called before the first Apply
	// after a start, and again when this member has fallen so far behind that
	// the leader sends it a snapshot instead of commands.
	Restore(r io.Reader) error
}

// Errors that a request may end with. After ErrUnknown, and after the request's
// own context ended, a command may or may not have been applied; after the
// others it was not, and will not be.
var (
	ErrNoLeader   = errors.New("no leader: no majority of the members answers; try again")
	ErrOverloaded = errors.New("too many commands wait for the majority; try again later")
	ErrLogFull    = errors.New("the log has reached its bound, and no snapshot allows to cut it yet; see why snapshots fail, or raise the bound")
	ErrTooLarge   = errors.New("the command is larger than the bound")
	ErrUnknown    = errors.New("the outcome is unknown: the server stopped, or the log moved on, before it was seen")
	ErrStopped    = errors.New("the server has stopped")
	ErrRemoved    = errors.New("this server was removed from the cluster; its data directory is of no use any more")
	ErrFresh      = errors.New("this server's disk came up empty and no majority has admitted it yet")
)

// Result is the one end of a request.
type Result struct {
	Value any        // what StateMachine.Apply returned
	Index raft.Index // where the command stands, or what a read waited for
	Term  raft.Term
	// Expiry of a read that rests upon a lease, on the eager clock: whoever looks
	// at the state machine must see that it is earlier afterwards, or ask again
	// with Request.Round. 0: it holds for ever.
	Expiry raft.Time
	Err    error
}
