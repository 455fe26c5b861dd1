package transport

import (
	"fmt"
	"time"
)

// Limits bounds what a Transport keeps and how long it waits. A field that is
// zero takes the default named beside it. Members of one cluster should use
// the same FrameBytes: a longer frame than a receiver allows closes the
// connection.
type Limits struct {
	// FrameBytes is the longest payload of a frame of the bulk lane, and so the
	// largest message: 64 MiB, and no more.
	FrameBytes int
	// QueueBytes is how much may wait for one peer in the bulk lane: 16 MiB or
	// FrameBytes, whichever is less.
	QueueBytes int
	// QueueMessages is how many messages may wait for one peer in one lane:
	// 4096, and no more.
	QueueMessages int
	// Accepted is how many connections of others may be open at once: 512.
	Accepted int
	// Strangers is how many members may be heard that SetPeer never named: 64.
	Strangers int
	// HandshakeTimeout is for a dial, and for the two hellos: 2 s.
	HandshakeTimeout time.Duration
	// WriteTimeout is for 256 KiB, or what is left of a frame, to enter the
	// kernel's buffer: 5 s. After it the connection is closed and dialed again.
	WriteTimeout time.Duration
}

const (
	// frameBytesMax: 64 MiB is forty times the largest command that etcd takes;
	// a length field beyond it is damage, not data.
	frameBytesMax = 64 << 20
	// controlBytesMax: votes and heartbeats are below 100 bytes; 1 MiB of them
	// is minutes of silence, not a burst.
	controlBytesMax = 1 << 20
	// snapshotBytesMax: a peer asks for 2 MiB of a snapshot at a time, and for
	// some of it again; more in the queue would only make it older.
	snapshotBytesMax = 4 << 20
	// queueBytesDefault: a second of 100 Mbit/s. What does not fit is sent again
	// by the leader, who bounds what is in flight anyway.
	queueBytesDefault = 16 << 20
	// batchMessagesMax: a decoded message takes hundreds of bytes however few
	// it has on the wire; 4096 of them are a few MiB.
	batchMessagesMax = 4096
	// receiveMessagesMax: Receive is called with at most so many at once, so
	// that the first of a long frame need not wait for the last.
	receiveMessagesMax = 64
	// acceptedDefault: 100 members with three lanes each, and as much again
	// for connections that their dialer has given up and the kernel has not.
	acceptedDefault = 512
	// strangersDefault: a configuration names rarely more than nine members;
	// more unknown ones at once are not members.
	strangersDefault = 64
	// handshakeDefault: a hello is one round trip; two seconds are for a busy
	// machine. It bounds how long a connection that says nothing is kept.
	handshakeDefault = 2 * time.Second
	// writeDefault: longer than a busy machine or a short cut of the network
	// stops a reader, short enough that a dead host is noticed.
	writeDefault = 5 * time.Second
	// writeChunk: the deadline is for so many bytes, so that a slow link that
	// makes progress is not taken for a dead one.
	writeChunk = 256 << 10
	// frameFull: a frame of many messages ends here, so that the receiver decodes
	// one while the next is under way.
	frameFull = 256 << 10
	// readChunk: a buffer for a frame grows by what has arrived, not by what
	// the length field promises.
	readChunk = 1 << 20
	// readBuffer: one read takes what the kernel holds of small frames.
	readBuffer = 64 << 10
	// retainMax: a buffer that grew beyond it is let go when little of it was
	// needed idleMax times in a row; a busy lane's takes vary by more than four.
	retainMax = 1 << 20
	idleMax   = 16
	// helloBytesMax is for the body of a hello or of a refusal.
	helloBytesMax = 512
	// addrMax: the longest DNS name with a port.
	addrMax = 259
	// sentenceMax cuts the sentence of a refusal.
	sentenceMax = 400
	// backoffMin and backoffMax bound the pause before a redial. A listener that
	// comes back is found in half a second even if it never dials us.
	backoffMin = 5 * time.Millisecond
	backoffMax = 500 * time.Millisecond
	// acceptPause: after a failed accept (no file descriptors left) so that the
	// loop does not burn a core.
	acceptPause = 50 * time.Millisecond
	// touchedMax: lanes that one Send wakes together; a cluster of nine has
	// sixteen, snapshots apart. Those beyond it are woken at once, which is
	// merely less batched.
	touchedMax = 16
)

// withDefaults fills in what is zero, and refuses what cannot work.
func (l Limits) withDefaults() (Limits, error) {
	l.FrameBytes = orDefault(l.FrameBytes, frameBytesMax)
	l.QueueBytes = orDefault(l.QueueBytes, min(queueBytesDefault, l.FrameBytes))
	l.QueueMessages = orDefault(l.QueueMessages, batchMessagesMax)
	l.Accepted = orDefault(l.Accepted, acceptedDefault)
	l.Strangers = orDefault(l.Strangers, strangersDefault)
	l.HandshakeTimeout = orDefault(l.HandshakeTimeout, handshakeDefault)
	l.WriteTimeout = orDefault(l.WriteTimeout, writeDefault)
	switch {
	case l.FrameBytes < 0 || l.FrameBytes > frameBytesMax:
		return l, fmt.Errorf("a frame of %d bytes is out of bounds: choose 1 to %d", l.FrameBytes, frameBytesMax)
	case l.QueueBytes < 0 || l.QueueBytes > l.FrameBytes:
		return l, fmt.Errorf("a queue of %d bytes is out of bounds: choose 1 to the frame's %d", l.QueueBytes, l.FrameBytes)
	case l.QueueMessages < 0 || l.QueueMessages > batchMessagesMax:
		return l, fmt.Errorf("a queue of %d messages is out of bounds: choose 1 to %d", l.QueueMessages, batchMessagesMax)
	case l.Accepted < 0 || l.Strangers < 0 || l.HandshakeTimeout < 0 || l.WriteTimeout < 0:
		return l, fmt.Errorf("a limit is negative: use 0 for the default")
	}
	return l, nil
}

func orDefault[T int | time.Duration](v, d T) T {
	if v == 0 {
		return d
	}
	return v
}
