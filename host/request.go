package host

import "veche/raft"

// Waiter is told the one end of a request.
type Waiter interface {
	// Done must not block. It is called once, from whichever goroutine carried
	// the end out.
	Done(Result)
}

// Request is a command that wants to be applied, or a read that wants to be
// served. It is handed to Loop.Propose or Loop.Read and belongs to the Loop
// until its Waiter is told; then it may be used again, unless it was cancelled.
type Request struct {
	Command []byte // of a proposal; not kept after the Turn that takes it
	Waiter  Waiter
	Round   bool // of a read: not upon a lease

	state requestState
	seq   uint64 // of a proposal
	// Of a change of the configuration: its number. Of a read: until when its
	// lease holds.
	change uint64
	expiry raft.Time

	// What became of a proposal's sendings.
	data    []byte      // stamp and command, as they stand in the entry
	attempt uint16      // how often it was sent
	open    int         // sendings of which no refusal has come back
	batch   uint64      // of the latest forwarding; 0 when proposed here
	due     raft.Time   // when to send it again
	reason  raft.Reason // of the latest refusal
}

// requestState says who holds a request.
type requestState uint8

const (
	requestIdle    requestState = 0 // its owner
	requestWaiting requestState = 1 // the group
	requestHanded  requestState = 2 // a batch: the applier ends it
	requestEnded   requestState = 3
)

// attemptShift separates the number of the attempt from the sequence in the tag
// of a proposal: an answer to an earlier attempt is not one to the latest.
const attemptShift = 48

func (r *Request) tag() uint64 { return uint64(r.attempt)<<attemptShift | r.seq }

// window holds the commands without an end, by their sequence.
//
//	… settled | low … next−1 (nil where settled) | not given out yet …
type window struct {
	ring  []*Request // of a size that is a power of two
	low   uint64
	next  uint64
	count int
	bytes int
}

func newWindow() window { return window{ring: make([]*Request, 64), low: 1, next: 1} }

// full says whether no command of that many bytes may be added.
func (w *window) full(bytes int) bool {
	return w.next-w.low >= unsettledMax || w.bytes+bytes > unsettledBytesMax
}

// add gives r the next sequence. The window must not be full.
func (w *window) add(r *Request) {
	if w.next-w.low == uint64(len(w.ring)) {
		w.grow()
	}
	w.ring[w.next&uint64(len(w.ring)-1)] = r
	w.next++
	w.count++
	w.bytes += len(r.data)
}

func (w *window) grow() {
	bigger := make([]*Request, 2*len(w.ring))
	for s := w.low; s < w.next; s++ {
		bigger[s&uint64(len(bigger)-1)] = w.ring[s&uint64(len(w.ring)-1)]
	}
	w.ring = bigger
}

// at gives the command with that sequence, or nil.
func (w *window) at(seq uint64) *Request {
	if seq < w.low || seq >= w.next {
		return nil
	}
	return w.ring[seq&uint64(len(w.ring)-1)]
}

// settle takes the command with that sequence out and gives it back, or nil.
func (w *window) settle(seq uint64) *Request {
	r := w.at(seq)
	if r == nil {
		return nil
	}
	w.ring[seq&uint64(len(w.ring)-1)] = nil
	w.count--
	w.bytes -= len(r.data)
	for w.low < w.next && w.ring[w.low&uint64(len(w.ring)-1)] == nil {
		w.low++
	}
	return r
}
