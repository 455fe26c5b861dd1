package raft

const (
	// fastTriesMax bounds how often a fast candidate doubles its pause: it is
	// longer than any election timeout then, and the fast phase is over.
	fastTriesMax = 6

	// membersMax bounds a configuration. Majorities are counted in arrays of
	// this size on the stack; a cluster of more than nine voters is already odd.
	membersMax = 64

	// forwardedReadsMax bounds the reads that a follower has asked its leader
	// about. The host asks once for all reads of a turn, so 1,024 are a second
	// of turns without an answer.
	forwardedReadsMax = 1024

	// leaderReadsMax bounds the reads that wait for a round at the leader.
	leaderReadsMax = 1 << 16

	// awaitMax is how long a leader keeps the log for a member that fetches its
	// snapshot and does not answer: a restart may take that long.
	awaitMax = 30 * Second

	// removedMax bounds the members that a configuration remembers as removed.
	removedMax = 64

	// chunkMax bounds the data of one SnapshotChunk.
	chunkMax = 1 << 20

	// durationMax bounds a Duration on the wire: a day and more, far above any
	// timeout, far below what could overflow when it is added to a Time.
	durationMax = 100_000 * Second

	// textMax bounds a name or an address in a configuration, in bytes.
	textMax = 1024

	// probeBytes bounds what a first AppendEntries carries to a follower whose
	// log is not known to match: it may be refused and sent again.
	probeBytes = 64 << 10

	// termMax bounds a term. Terms grow by one per election, so no cluster comes
	// near it; beyond it a term is forged, and adding one might wrap to 0.
	termMax Term = 1 << 62
)
