package host

import "veche/raft"

const (
	// unsettledMax bounds the commands of one member without an end, settled
	// ones between them included: it is also the longest list of applied
	// sequences that a session row can hold, and so part of the format. 16,384
	// are a third of a second at 50,000 commands a second.
	unsettledMax = 1 << 14

	// unsettledBytesMax bounds the same in bytes. The leader has a bound of its
	// own; this one keeps a follower without a leader small.
	unsettledBytesMax = 64 << 20

	// commandBytesMax bounds one command with its stamp, as raft does by default.
	commandBytesMax = 4 << 20

	// forwardBytesMax and forwardEntriesMax bound one message that passes
	// commands on, so that a heartbeat never waits long behind it.
	forwardBytesMax   = 512 << 10
	forwardEntriesMax = 1024

	// retryMax bounds the pause before unsettled commands are sent once more. It
	// starts at the election timeout and doubles: a leader that is slow is not
	// helped by copies, one that lost a message is.
	retryMax = 4 * raft.Second

	// readsMax bounds the reads that wait in one group. A read holds a few words.
	readsMax = 1 << 16

	// readRoundsMax bounds the questions for a read index under way. More reads
	// wait together for the next one: a round trip serves any number of them.
	readRoundsMax = 16

	// applyAhead bounds the batches that the applier holds: one it works on, and
	// enough behind it that it never waits. The rest stays in the group, as
	// slices of the log that is in memory anyway.
	applyAhead = 4

	// applyBytesMax and applyEntriesMax bound one batch, so that a reader waits
	// for the write lock no longer than a few milliseconds.
	applyBytesMax   = 1 << 20
	applyEntriesMax = 4096

	// snapshotBytesDefault is how many applied bytes lead to a snapshot: a
	// restart replays no more than that, in about a second.
	snapshotBytesDefault = 64 << 20

	// snapshotPiece is read at a time when a snapshot's head is taken apart.
	snapshotPiece = 32 << 10

	// chunkBytes is a part of a snapshot on its way: a message takes the lane for
	// some milliseconds, and its head costs nothing.
	chunkBytes = 256 << 10

	// fetchWindow bounds the chunks that a member asks for at once, and those that
	// wait for its disk: 2 MiB, enough for 40 MB/s at a round trip of 50 ms.
	fetchWindow = 8

	// serveMax bounds the chunks that are read for one peer at a time, servesMax
	// those for all: a fetch asks for fetchWindow, and for some of them again.
	serveMax  = 2 * fetchWindow
	servesMax = 4 * serveMax

	// changesMax bounds the changes of the configuration that wait for their end.
	// The core works on one at a time and refuses the others.
	changesMax = 64

	// sessionsMax bounds the rows of a session table that is read from a
	// snapshot; raft bounds the members of a group at 64.
	sessionsMax = 1 << 10

	// inboxMessagesMax and inboxBytesMax bound what the network has brought and
	// no turn has taken. Beyond them messages are dropped and counted, which Raft
	// takes for loss; leaders bound what is in flight to far less.
	inboxMessagesMax = 1 << 14
	inboxBytesMax    = 128 << 20

	// inboxRequestsMax bounds the requests that no turn has taken; beyond it
	// callers get ErrOverloaded at once.
	inboxRequestsMax = 1 << 16

	// heardMax bounds the others that are told apart by when they were heard: more
	// than a cluster has members. tailMax bounds the newest entries that people
	// look at: a row of cells on a wide screen.
	heardMax = 32
	tailMax  = 64

	// statusEvery is how often a picture for people is made at most. Making one
	// costs about a microsecond; a change of leader is shown at once.
	statusEvery = raft.Millisecond
)

const (
	// readPause is how long a question for a read index rests after it failed:
	// a round trip, not a noticeable wait.
	readPause = 5 * raft.Millisecond

	// fetchRetryMax bounds the pause before a chunk is asked for again: as
	// retryMax, but a slow link needs that long for a chunk.
	fetchRetryMax = 30 * raft.Second

	// fetchPatience is how long a snapshot is fetched that the core asked for: it
	// asks again at every heartbeat, and is silent during an election.
	fetchPatience = 10 * raft.Second

	// serveIdle is how long a file is kept open for a peer that asks for nothing.
	serveIdle = 10 * raft.Second

	// prepareRest is how long the saver lets a disk be on which the log's next
	// segment could not be made. A full disk is not full of room a write later,
	// and to find that out costs up to a segment of zeros.
	prepareRest = raft.Second

	// entryOverhead is what an entry costs besides its data, in bytes, so that a
	// flood of empty commands leads to snapshots and short batches as well.
	entryOverhead = 48
)
