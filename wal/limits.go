package wal

const (
	// segmentBytesDefault: at 50 MB/s a roll every 0.3 s, whose sync of the
	// directory happens elsewhere; small enough to be scanned at start in 10 ms.
	segmentBytesDefault = 16 << 20
	// segmentBytesMin holds a head, one frame and a seal.
	segmentBytesMin = 512
	// segmentBytesMax keeps every position in 32 bits, with room for growth.
	segmentBytesMax = 1 << 30

	// frameBytesMax is four times the default bound of a core's uncommitted
	// bytes. A larger write is refused, not split: it would not be atomic.
	frameBytesMax = 256 << 20

	// groupsMax: the head of every segment repeats the small state of every
	// group, about 300 B each: beyond this it would outgrow a default segment.
	groupsMax = 32768

	// flushBytes: beyond it a batch is written in parts, so that the buffer
	// stays in the cache of the processor.
	flushBytes = 1 << 20
	// bufferKeepMax: a larger buffer, left by one large batch, is given back.
	bufferKeepMax = 4 << 20

	// releasedMax is how many free segments wait to be recycled; more are
	// removed. Two cover a burst between two cuts.
	releasedMax = 2

	// fillBytes is written at once when a segment is filled with zeros.
	fillBytes = 256 << 10
	// readBytes is the window through which recovery reads a segment.
	readBytes = 256 << 10

	// identityBytesMax bounds the identity file, nameBytesMax the name in it.
	identityBytesMax = 4096
	nameBytesMax     = 1024

	// snapshotHeadMax bounds what stands before a snapshot's data: a
	// configuration of 64 members with the longest names and addresses.
	snapshotHeadMax = 256 << 10
	// snapshotDataMax keeps every position in 63 bits.
	snapshotDataMax = 1 << 60
	// snapshotSyncBytes: a snapshot is synced each time this much was written,
	// so that no sync of the log ever waits behind a whole snapshot.
	snapshotSyncBytes = 4 << 20
)
