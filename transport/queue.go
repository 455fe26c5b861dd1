package transport

import (
	"encoding/binary"
	"sync"

	"veche/raft"
)

// queue is what waits for one lane of one peer: frames in the making. Send
// appends to one buffer while the writer writes the other.
type queue struct {
	bytesMax    int  // of payload that waits; one larger message may wait alone
	messagesMax int  // that wait
	frameMax    int  // of payload that a frame may have, for one large message
	frameFull   int  // of payload, beyond which the next message opens a new frame
	keepNewest  bool // on overflow, drop what waits instead of what comes
	wake        chan struct{}

	mu      sync.Mutex // guards: all below
	buf     []byte     // frames, one behind the other; the last is open
	open    int        // where the last frame begins in buf
	spare   []byte     // what the writer gave back, or nil
	count   int        // messages in buf
	idle    int        // takes since a large buffer was needed
	dropped Drops
}

// Drops counts messages that were not sent, by reason.
type Drops struct {
	// Full: the queue had reached its bound.
	Full uint64
	// Down: they waited for a connection that could not be made, or were in a
	// write that failed and may have arrived in part.
	Down uint64
	// TooLarge: longer than a frame may be.
	TooLarge uint64
}

func newQueue(lane Lane, l *Limits) *queue {
	q := &queue{messagesMax: l.QueueMessages, wake: make(chan struct{}, 1)}
	q.frameMax = laneFrameMax(lane, l)
	q.frameFull = min(frameFull, q.frameMax)
	switch lane {
	case LaneControl:
		// The newest vote or heartbeat is worth more than the oldest.
		q.bytesMax, q.keepNewest = q.frameMax, true
	case LaneSnapshot:
		// Whoever asked for more than he can take asks again for what is dropped.
		q.bytesMax = min(snapshotBytesMax, l.QueueBytes)
	default:
		// Entries without those before them are worth nothing.
		q.bytesMax = l.QueueBytes
	}
	q.buf = make([]byte, frameHeader, 512)
	return q
}

// laneFrameMax is the longest payload of a frame of that lane.
func laneFrameMax(lane Lane, l *Limits) int {
	if lane == LaneControl {
		return min(controlBytesMax, l.FrameBytes)
	}
	return l.FrameBytes
}

// put encodes m behind what waits. It reports whether the writer must be woken.
func (q *queue) put(m *raft.Message) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	start := len(q.buf)
	if q.count >= q.messagesMax || start-frameHeader >= q.bytesMax {
		if !q.keepNewest {
			q.dropped.Full++
			return false
		}
		q.dropWaiting()
		start = len(q.buf)
	}
	b := append(q.buf, 0, 0, 0, 0)
	b = raft.AppendMessage(b, m)
	size := len(b) - start - messageHeader
	if messageHeader+size > q.frameMax {
		q.dropped.TooLarge++
		return false
	}
	binary.LittleEndian.PutUint32(b[start:], uint32(size))
	switch {
	case q.count > 0 && len(b)-frameHeader > q.bytesMax && !q.keepNewest:
		q.dropped.Full++
		q.buf = b[:start] // keep the room
		return false
	case q.count > 0 && len(b)-frameHeader > q.bytesMax:
		q.dropWaiting()
		b = append(b[:frameHeader], b[start:]...)
	case start > q.open+frameHeader && len(b)-q.open-frameHeader > q.frameFull:
		b = q.nextFrame(b, start)
	}
	q.buf = b
	q.count++
	return q.count == 1
}

// nextFrame ends the open frame before the message at start, and opens another
// there. The caller holds mu.
func (q *queue) nextFrame(b []byte, start int) []byte {
	binary.LittleEndian.PutUint32(b[q.open:], uint32(start-q.open-frameHeader))
	q.open = start
	b = append(b, make([]byte, frameHeader)...)
	copy(b[start+frameHeader:], b[start:])
	return b
}

// dropWaiting makes room for what is newer. The caller holds mu.
func (q *queue) dropWaiting() {
	q.dropped.Full += uint64(q.count)
	q.buf, q.open, q.count = q.buf[:frameHeader], 0, 0
}

// signal wakes the writer.
func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default: // it is awake
	}
}

// take returns all that waits, as frames with their lengths but without their
// checksums, and how many messages that is: 0 when nothing waits. The memory
// must come back by give.
func (q *queue) take() (frames []byte, messages int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count == 0 {
		return nil, 0
	}
	frames, messages = q.buf, q.count
	binary.LittleEndian.PutUint32(frames[q.open:], uint32(len(frames)-q.open-frameHeader))
	if q.spare == nil {
		q.spare = make([]byte, frameHeader, 512)
	}
	q.buf, q.spare, q.open, q.count = q.spare[:frameHeader], nil, 0, 0
	return frames, messages
}

// give takes memory back for the next frames, unless much more than was needed
// several times in a row: a burst must not pin it for ever.
func (q *queue) give(frames []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case cap(frames) <= retainMax:
	case len(frames) >= cap(frames)/4:
		q.idle = 0
	case q.idle < idleMax:
		q.idle++
	default:
		return
	}
	q.spare = frames
}

// lost counts messages that a broken connection took with it.
func (q *queue) lost(messages int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped.Down += uint64(messages)
}

// clear drops what waits, because the peer cannot be reached: by the time it
// can, all of it would be old.
func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped.Down += uint64(q.count)
	q.buf, q.open, q.count = q.buf[:frameHeader], 0, 0
	if cap(q.buf) > retainMax {
		q.buf = make([]byte, frameHeader, 512)
	}
}

// waiting returns what waits, and what was dropped so far.
func (q *queue) waiting() (bytes, messages int, dropped Drops) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.buf) - frameHeader, q.count, q.dropped
}
