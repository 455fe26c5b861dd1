package host

import (
	"encoding/binary"
	"errors"
	"slices"

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

	waiting []waiting  // in order of at
	reads   []*Request // served after the last entry
	capture *raft.Base // not nil: capture the state after the last entry
}

// waiting is a request that Entries[at] ends.
type waiting struct {
	at      int
	request *Request
}

// Last is the index of the last entry, or 0 if the batch only carries reads.
func (b *ApplyBatch) Last() raft.Index {
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

// Capture is a state that was captured to become a snapshot file: Encode turns
// it into bytes, in any goroutine, and once. After they are saved under Base
// call Loop.Snapshotted.
type Capture struct {
	Group  raft.GroupID
	Base   raft.Base
	Encode func() []byte
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
		res := Result{Index: a.index, Term: a.term}
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

// snapshotVersion is the first byte of every snapshot.
const snapshotVersion = 1

// The errors of a snapshot that cannot be used.
var (
	errSnapshotVersion = errors.New("the snapshot was written by a newer version of this program; update this server")
	errSnapshot        = errors.New("the snapshot is damaged")
	errSnapshotBase    = errors.New("the snapshot stands at another index than the log says")
	errSnapshotMissing = errors.New("the log begins behind a snapshot, but the snapshot is empty")
)

// captureAt freezes table and state. A snapshot is
//
//	version 1 byte · index · term · session table · the state machine's bytes
func (a *Applier) captureAt(base raft.Base) *Capture {
	head := a.head()
	state := a.machine.Snapshot()
	return &Capture{Group: a.group, Base: base, Encode: func() []byte {
		return appendPieces(head, state())
	}}
}

// appendPieces appends b to head in pieces. One move of hundreds of megabytes
// cannot be interrupted, and would hold up the loop and its heartbeats.
func appendPieces(head, b []byte) []byte {
	all := append(make([]byte, 0, len(head)+len(b)), head...)
	for piece := range slices.Chunk(b, encodePiece) {
		all = append(all, piece...)
	}
	return all
}

func (a *Applier) head() []byte {
	b := []byte{snapshotVersion}
	b = binary.AppendUvarint(b, uint64(a.index))
	b = binary.AppendUvarint(b, uint64(a.term))
	return a.sessions.append(b)
}

// restore replaces everything by a snapshot that was made at base.
func (a *Applier) restore(base *raft.Base, snapshot []byte) error {
	if len(snapshot) == 0 {
		return errSnapshotMissing
	}
	index, term, table, state, err := splitSnapshot(snapshot)
	if err != nil {
		return err
	}
	if index != base.Index || term != base.Term {
		return errSnapshotBase
	}
	if err := a.machine.Restore(state); err != nil {
		return err
	}
	a.index, a.term, a.sessions = index, term, table
	return nil
}

// splitSnapshot takes the envelope apart; state is a part of b.
func splitSnapshot(b []byte) (index raft.Index, term raft.Term, t sessions, state []byte, err error) {
	r := reader{b: b}
	version := r.byte()
	if !r.bad && version != snapshotVersion {
		return 0, 0, sessions{}, nil, errSnapshotVersion
	}
	index, term = raft.Index(r.uvarint()), raft.Term(r.uvarint())
	if r.bad || index == 0 || term == 0 {
		return 0, 0, sessions{}, nil, errSnapshot
	}
	if t, err = readSessions(&r); err != nil {
		return 0, 0, sessions{}, nil, err
	}
	return index, term, t, r.b, nil
}

// Index is that of the last applied entry.
func (a *Applier) Index() raft.Index { return a.index }

// Repeats counts the commands that were dropped because they had been applied.
func (a *Applier) Repeats() uint64 { return a.repeats }

// Hash is a digest of the applied index, the session table and the state: equal
// on all members that have applied equally much. It costs a whole snapshot.
func (a *Applier) Hash() uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, part := range [][]byte{a.head(), a.machine.Snapshot()()} {
		for _, c := range part {
			h = (h ^ uint64(c)) * 1099511628211
		}
	}
	return h
}
