package sim

import "veche/raft"

// eventKind says what an event of the world is.
type eventKind uint8

const (
	evDeliver  eventKind = iota + 1 // a message reaches node
	evWake                          // node's timer
	evTurn                          // node takes a turn on what has arrived
	evSynced                        // node's disk has finished a sync
	evApplied                       // node's applier has finished
	evSnapshot                      // node's snapshot file is written
	evKept                          // node's keeper has done its oldest work
	evPeerDown                      // node learns that peer's process closed its connections
	evRestart                       // node's process starts
	evResume                        // node's process goes on after a pause
	evClient                        // a client does its next thing
	evExpire                        // a client gives up waiting
	evFault                         // the next fault
	evMend                          // a fault ends
	evRoom                          // node's disk has room again
	evStorm                         // calm turns into storm, or back
)

// event is one thing that will happen. Only the fields that kind needs matter.
type event struct {
	at   raft.Time
	seq  uint64 // order of creation; ties in time are broken by it
	kind eventKind
	node int
	peer int
	run  uint32 // of node's process: an event for a dead process is dropped
	n    uint64
	data []byte
	sent raft.Time // of a message
}

// before orders events by time, then by creation, so that the order never
// depends on how the heap happens to be laid out.
func (e *event) before(o *event) bool {
	return e.at < o.at || e.at == o.at && e.seq < o.seq
}

// heap is a binary heap of events, the earliest on top.
type heap struct{ events []event }

func (h *heap) push(e event) {
	h.events = append(h.events, e)
	i := len(h.events) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !e.before(&h.events[up]) {
			break
		}
		h.events[i] = h.events[up]
		i = up
	}
	h.events[i] = e
}

// pop takes the earliest event away. The heap must not be empty.
func (h *heap) pop() event {
	top := h.events[0]
	last := len(h.events) - 1
	e := h.events[last]
	h.events[last] = event{}
	h.events = h.events[:last]
	if last == 0 {
		return top
	}
	i := 0
	for {
		down := 2*i + 1
		if down >= last {
			break
		}
		if down+1 < last && h.events[down+1].before(&h.events[down]) {
			down++
		}
		if !h.events[down].before(&e) {
			break
		}
		h.events[i] = h.events[down]
		i = down
	}
	h.events[i] = e
	return top
}

// take takes the event at a place of the heap away.
func (h *heap) take(k int) event {
	e := h.events[k]
	rest := h.events
	last := len(rest) - 1
	rest[k] = rest[last]
	rest[last] = event{}
	h.events = rest[:0]
	for i := range last { // each finds its place anew: this is for what a person does
		h.push(rest[i])
	}
	return e
}

func (h *heap) len() int { return len(h.events) }

// next is the time of the earliest event, raft.Never if there is none.
func (h *heap) next() raft.Time {
	if len(h.events) == 0 {
		return raft.Never
	}
	return h.events[0].at
}
