package wal

import (
	"errors"
	"strconv"

	"veche/raft"
)

// Errors to branch on with errors.Is.
var (
	// ErrLocked is what FS.Lock returns when another process has the lock.
	ErrLocked = errors.New("stop that process, or name another directory")
	// ErrDead: an earlier write or sync failed. What the disk holds is not
	// known any more; the process must stop and be started again.
	ErrDead = errors.New("the log is dead")
	// ErrClosed: the log was closed.
	ErrClosed = errors.New("the log is closed")
	// ErrDamaged: the disk has lost or changed what it had confirmed.
	ErrDamaged = errors.New("the log is damaged")
	// ErrForeign: the directory belongs to another cluster or member.
	ErrForeign = errors.New("name another directory, or start with the name, the cluster and the token it was made with")
	// ErrNoSpace: the disk is full. Nothing that was confirmed is lost.
	ErrNoSpace = errors.New("no space left on the device: make room, for example by moving other files away")
	// ErrTooLarge: one write is larger than a segment may ever be. Nothing
	// of the call was written.
	ErrTooLarge = errors.New("one write is larger than the log's bound of 256 MiB")
)

const whatToDo = "the member must not start on it: replace the member (veche member replace), or bring the directory back as it last was, " +
	"for an older copy has forgotten votes and entries"

// DamageError says where the log is not what was confirmed as durable. It
// satisfies errors.Is(err, ErrDamaged).
type DamageError struct {
	File   string
	Offset int64        // in bytes; the first place that is known to be bad
	Group  raft.GroupID // 0 when it concerns all groups, or is not known
	What   string

	missing bool // the file is not there at all
	fresh   bool // there is nothing to do: a peer sent it just now, or it was salvaged
}

// Error names the place, what is wrong and what to do.
func (e *DamageError) Error() string {
	s := e.File + " is damaged at offset " + strconv.FormatInt(e.Offset, 10)
	if e.Group != 0 {
		s += " (group " + strconv.FormatUint(uint64(e.Group), 10) + ")"
	}
	if e.fresh {
		return s + ": " + e.What
	}
	return s + ": " + e.What + "; " + whatToDo
}

// Is makes every DamageError an ErrDamaged, and that of a file which is missing
// an io/fs.ErrNotExist as well.
func (e *DamageError) Is(target error) bool {
	return target == ErrDamaged || e.missing && target == errNotExist
}

// because is an error with its cause.
type because struct {
	what string
	err  error
}

func (b *because) Error() string { return b.what + ": " + b.err.Error() }
func (b *because) Unwrap() error { return b.err }

func wrap(what string, err error) error { return &because{what, err} }

// deadError is what every call returns after a failed write or sync.
type deadError struct{ cause error }

func (d *deadError) Error() string {
	return "the log is dead since " + d.cause.Error() +
		"; what the disk holds is not known any more: stop this process and start it again"
}
func (d *deadError) Unwrap() []error { return []error{ErrDead, d.cause} }

func missing(err error) bool { return errors.Is(err, errNotExist) }

// must stops the program when the caller has broken the contract in a way that
// no error could make safe.
func must(cond bool, text string) {
	if !cond {
		panic("wal: " + text)
	}
}
