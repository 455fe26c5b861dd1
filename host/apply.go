package host

import (
	"errors"
	"io"

	"veche/raft"
)

// Applier is the half of a group that meets the state machine: it carries out
// committed entries, drops repeats, and captures snapshots. It belongs to one
// goroutine, which need not be the Loop's; only Apply and Hash touch it after
// the group was added.
type Applier struct {
	group    raft.GroupID
	machine  StateMachine
	sessions sessions
	index    raft.Index // of the last entry that was applied
	term     raft.Term  // of that entry
	repeats  uint64
}

// ApplyBatch is committed entries in order, with the requests that they end,
// and reads that may be served once they are applied. It is handed to the
// group's Applier; afterwards Loop.Applied tells the Loop.
type ApplyBatch struct {
	Group   raft.GroupID
	Entries []raft.Entry
	// Restore, when not nil: there are no entries; the state is to be replaced by
	// the snapshot file at that base. Open it, and call Applier.Restore.
	Restore *raft.Base

	waiting []waiting  // in order of at
	reads   []*Request // served after the last entry
	capture *raft.Base // not nil: capture the state after the last entry

	self raft.NodeID // with Restore: whose row of the session table is wanted
	row  *session    // that row, once it is restored
}

// waiting is a request that Entries[at] ends.
type waiting struct {
	at      int
	request *Request
}

// Last is the index of the last entry or of the snapshot, or 0 if the batch only
// carries reads.
func (b *ApplyBatch) Last() raft.Index {
	if b.Restore != nil {
		return b.Restore.Index
	}
	if len(b.Entries) == 0 {
		return 0
	}
	return b.Entries[len(b.Entries)-1].Index
}

// Completion is the one end of a request; whoever receives it calls Done of the
// request's Waiter.
type Completion struct {
	Request *Request
	Result  Result
}

// Capture is a state that was captured to become a snapshot file: Write writes
// it, in any goroutine, and once. After it is saved under Base call
// Loop.Snapshotted.
type Capture struct {
	Group raft.GroupID
	Base  raft.Base
	Write func(w io.Writer) error
}

// Applied is what applying a batch has brought. Its slices are used again.
type Applied struct {
	Done    []Completion
	Capture *Capture // nil: no snapshot is due
}

// Apply carries out one batch. Every request in it ends, also when an error
// says that the group cannot go on: an entry that this program cannot read, or
// entries out of order.
func (a *Applier) Apply(b *ApplyBatch, out *Applied) error {
	out.Done, out.Capture = out.Done[:0], nil
	var failed error
	next := 0
	for k := range b.Entries {
		var value any
		var err error
		if failed == nil {
			value, err, failed = a.apply(&b.Entries[k])
		}
		if next < len(b.waiting) && b.waiting[next].at == k {
			if failed != nil {
				err = ErrUnknown
			}
			out.Done = append(out.Done, Completion{Request: b.waiting[next].request,
				Result: Result{Value: value, Index: a.index, Term: a.term, Err: err}})
			next++
		}
	}
	for _, r := range b.reads {
		res := Result{Index: a.index, Term: a.term, Expiry: r.expiry}
		if failed != nil {
			res.Err = ErrUnknown
		}
		out.Done = append(out.Done, Completion{Request: r, Result: res})
	}
	if b.capture != nil && failed == nil {
		out.Capture = a.captureAt(*b.capture)
	}
	return failed
}

// Restore carries out a batch that has a Restore, from the file that a Capture
// wrote at that base. An error says that the group cannot go on.
func (a *Applier) Restore(b *ApplyBatch, snapshot io.Reader, out *Applied) error {
	out.Done, out.Capture = out.Done[:0], nil
	if b.Restore.Index <= a.index {
		return errOrder
	}
	if err := a.restore(b.Restore, snapshot); err != nil {
		return err
	}
	row := a.sessions.of(b.self)
	b.row = &row
	return nil
}

// Refuse ends all requests of a batch that will not be applied.
func (b *ApplyBatch) Refuse(out *Applied) {
	out.Done, out.Capture = out.Done[:0], nil
	for _, w := range b.waiting {
		out.Done = append(out.Done, Completion{Request: w.request, Result: Result{Err: ErrUnknown}})
	}
	for _, r := range b.reads {
		out.Done = append(out.Done, Completion{Request: r, Result: Result{Err: ErrUnknown}})
	}
}

var errOrder = errors.New("committed entries came out of order")

// apply carries out one entry. err is what a waiting proposer is told; failed
// stops the group.
func (a *Applier) apply(e *raft.Entry) (value any, err, failed error) {
	if e.Index != a.index+1 || e.Term < a.term {
		return nil, nil, errOrder
	}
	if e.Kind != raft.EntryCommand {
		a.index, a.term = e.Index, e.Term
		return nil, nil, nil
	}
	s, command, err := splitStamp(e.Data)
	if err != nil {
		return nil, nil, err
	}
	a.index, a.term = e.Index, e.Term
	if !a.sessions.admit(s) {
		a.repeats++
		return nil, ErrUnknown, nil // only a repeat has no waiter; see group.take
	}
	return a.machine.Apply(e.Index, command), nil, nil
}

// Index is that of the last applied entry.
func (a *Applier) Index() raft.Index { return a.index }

// Repeats counts the commands that were dropped because they had been applied.
func (a *Applier) Repeats() uint64 { return a.repeats }
