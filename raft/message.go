package raft

// MessageKind says which RPC a message is. One struct type per RPC.
type MessageKind uint8

const (
	KindRequestVote  MessageKind = 1
	KindVoteReply    MessageKind = 2
	KindAppend       MessageKind = 3 // AppendEntries with a consistency check
	KindAppendReply  MessageKind = 4
	KindHeartbeat    MessageKind = 5 // AppendEntries that carries and checks nothing
	KindHeartbeatRep MessageKind = 6
	KindTimeoutNow   MessageKind = 7 // thesis §3.10
	KindReadIndex    MessageKind = 8 // thesis §6.4
	KindReadIndexRep MessageKind = 9
	KindPropose      MessageKind = 10 // a follower passes commands on to the leader
	KindProposeRep   MessageKind = 11
	KindGreet        MessageKind = 12 // a server tells who it is and what it remembers
	KindGreetReply   MessageKind = 13
	// KindInstallSnapshot offers the leader's snapshot to a server that lacks
	// what the leader has cut (§7). The receiver fetches it in chunks.
	KindInstallSnapshot MessageKind = 14
	// KindSnapshotFetch and KindSnapshotChunk carry the file; hosts send and
	// take them, the core never sees them.
	KindSnapshotFetch MessageKind = 15
	KindSnapshotChunk MessageKind = 16
	messageKindsBound MessageKind = 17
)

// Message is an envelope and the one RPC that Kind names; the other bodies are
// zero. It is a plain struct, not an interface, so that a heartbeat allocates
// nothing.
type Message struct {
	Group GroupID
	Kind  MessageKind
	From  NodeID
	To    NodeID
	Boot  Boot // of the sender's process
	Term  Term // of the sender

	RequestVote  RequestVote
	VoteReply    VoteReply
	Append       Append
	AppendReply  AppendReply
	Heartbeat    Heartbeat
	HeartbeatRep HeartbeatReply
	ReadIndex    ReadIndex
	ReadIndexRep ReadIndexReply
	Propose      Propose
	ProposeRep   ProposeReply
	Greet        Greet
	GreetReply   GreetReply
	Install      InstallSnapshot
	Fetch        *SnapshotFetch // with KindSnapshotFetch
	Chunk        *SnapshotChunk // with KindSnapshotChunk
}

// RequestVote asks for a vote (§5.2), or whether one would be given (PreVote,
// thesis §9.6: then the candidate's term would be Term+1).
type RequestVote struct {
	Campaign  uint64 // names this campaign; the reply echoes it
	LastIndex Index
	LastTerm  Term
	Pre       bool
	Transfer  bool // the old leader asked for this election (thesis §3.10)
}

// VoteReply answers RequestVote. Reason is 0 when Granted.
type VoteReply struct {
	Campaign uint64
	Pre      bool
	Granted  bool
	Reason   Reason
}

// Append is AppendEntries (§5.3). Entries follow PrevIndex without a gap.
type Append struct {
	Session   uint64 // names the membership of the receiver; echoed
	Round     uint64 // of the leader's heartbeats; echoed
	Sent      Time   // on the leader's eager clock; echoed
	PrevIndex Index
	PrevTerm  Term
	Commit    Index
	Cut       Index // the leader needs the log up to here no more
	Entries   []Entry
}

// AppendReply answers Append. When Rejected, nothing was stored: PrevIndex is
// the one that did not fit, and the receiver's log may agree up to HintIndex,
// where it holds HintTerm. Otherwise the log is durable and equal to the
// leader's up to Match.
type AppendReply struct {
	Session   uint64
	Round     uint64
	Sent      Time
	Rejected  bool
	Reason    Reason
	PrevIndex Index
	HintIndex Index
	HintTerm  Term
	Match     Index
	// Promise is for how long from its receipt of the message on the receiver
	// refuses its vote to others, on its own clock; 0 with fast detection.
	Promise Duration
	// Uncounted: the sender's disk is damaged; this is no part of a majority.
	Uncounted bool
}

// Heartbeat keeps followers quiet (§5.2) and confirms reads (thesis §6.4).
// Commit is never beyond what the receiver acknowledged.
type Heartbeat struct {
	Session uint64
	Round   uint64
	Sent    Time
	Commit  Index
	Cut     Index
	// ElectionMin is the smallest election timeout that the leader has tuned to
	// what it measures; 0: as configured.
	ElectionMin Duration
}

// HeartbeatReply answers Heartbeat. Received is how far the receiver's log,
// durable or not, is known to equal the leader's: what was sent beyond it is
// lost or late.
type HeartbeatReply struct {
	Session  uint64
	Round    uint64
	Sent     Time
	Received Index
	// Promise and Uncounted are as in AppendReply.
	Promise   Duration
	Uncounted bool
}

// InstallSnapshot offers the snapshot at Index, whose last entry is of
// LastTerm (§7). A receiver that needs it fetches the file, and answers with an
// AppendReply once it stands on it.
type InstallSnapshot struct {
	Session  uint64
	Round    uint64
	Sent     Time
	Index    Index
	LastTerm Term
}

// SnapshotFetch asks for a part of the sender's snapshot file at Index: at most
// Length bytes from Offset on.
type SnapshotFetch struct {
	Index  Index
	Term   Term // of the entry at Index
	Offset uint64
	Length uint32
}

// SnapshotChunk is a part of a snapshot file of Total bytes. Sum is the CRC-32C
// of Data. Gone: the sender has no such file any more, or never had.
type SnapshotChunk struct {
	Index  Index
	Term   Term
	Offset uint64
	Total  uint64
	Gone   bool
	Sum    uint32
	Data   []byte
}

// ReadIndex asks the leader for an index that a read must wait for.
type ReadIndex struct {
	ID uint64
}

// ReadIndexReply answers ReadIndex. Index is meaningless when Reason is not 0.
type ReadIndexReply struct {
	ID     uint64
	Index  Index
	Reason Reason
}

// Propose passes commands on to the leader. Only Kind and Data of the entries
// matter. There is no reply unless the commands were refused: the sender sees
// them come back through its own log.
type Propose struct {
	Batch   uint64
	Entries []Entry
}

// ProposeReply refuses a whole Propose.
type ProposeReply struct {
	Batch  uint64
	Reason Reason
	Leader NodeID // who leads, as far as the refuser knows
}

// Greet tells who the sender is and what it remembers, and asks the same. A
// fresh server greets until it is admitted; every server greets the leader
// when it starts, so that the configuration records where clients reach it.
type Greet struct {
	Incarnation Incarnation
	Standing    Standing
	Empty       bool // no entry and no snapshot
	ClientAddr  string
	Level       Level
	// The sender's timing: members whose timing differs are reported.
	ElectionMin Duration
	ElectionMax Duration
	Heartbeat   Duration
}

// GreetReply answers Greet. It counts only at the disk that it is For: an answer
// may be so late that the greeter has lost that disk meanwhile.
type GreetReply struct {
	For         Incarnation // the greeter's
	Incarnation Incarnation // of the one who answers
	Standing    Standing
	Empty       bool
	// Admitted: a committed entry records the greeter's incarnation.
	Admitted bool
	// Recorded is not 0 when the greeter's name is recorded under another
	// incarnation: the greeter is refused.
	Recorded Incarnation
	// Removed: a committed entry removed the greeter from the cluster.
	Removed bool
	// Barrier, from the leader to a greeter whose disk is damaged: its log is
	// whole again once it holds the leader's up to here. ForBoot is the boot of
	// the greeter's process that it is for.
	Barrier Index
	ForBoot Boot
}

// Reason says why something was refused, lost or done.
type Reason uint8

const (
	ReasonNone            Reason = 0
	ReasonStaleTerm       Reason = 1  // the asker's term is over
	ReasonStaleLog        Reason = 2  // the candidate's log is behind (§5.4.1)
	ReasonVoted           Reason = 3  // the vote of this term went to another
	ReasonLeaderAlive     Reason = 4  // a leader was heard within the minimum election timeout
	ReasonFresh           Reason = 5  // the voter's disk came up empty; it may not vote yet
	ReasonGap             Reason = 6  // the log ends before PrevIndex
	ReasonConflict        Reason = 7  // the entry at PrevIndex has another term
	ReasonNotLeader       Reason = 8  // ask the leader
	ReasonNoLeader        Reason = 9  // nobody leads, as far as this server knows
	ReasonOverloaded      Reason = 10 // too many uncommitted bytes
	ReasonLogFull         Reason = 11 // the log may not be cut and has reached its bound
	ReasonTransferring    Reason = 12 // the leader is handing over
	ReasonOverwritten     Reason = 13 // another leader's entry stands at that index
	ReasonTooLarge        Reason = 14 // the command is larger than the bound
	ReasonTimeout         Reason = 15 // the election timeout passed without a leader's message
	ReasonConnClosed      Reason = 16 // the leader's process closed all its connections
	ReasonTransferAsked   Reason = 17 // the old leader asked for an election
	ReasonHigherTerm      Reason = 18 // a message of a higher term arrived
	ReasonLeaderHeard     Reason = 19 // the leader of this term spoke
	ReasonNoQuorum        Reason = 20 // no majority answered within the election timeout
	ReasonMajority        Reason = 21 // a majority voted for it
	ReasonPreVotes        Reason = 22 // a majority would vote for it
	ReasonRefused         Reason = 23 // a majority refused
	ReasonSplit           Reason = 24 // nobody won in time
	ReasonFault           Reason = 25 // the group has halted on a broken invariant
	ReasonStart           Reason = 26 // the process started
	ReasonOtherDisk       Reason = 27 // the name is recorded with another data directory
	ReasonAllEmpty        Reason = 28 // a majority is as empty as this server: the first start
	ReasonEntryCommitted  Reason = 29 // a committed entry says so
	ReasonNotMember       Reason = 30 // the server is not in the configuration
	ReasonTransferTimeout Reason = 31 // the target did not take over in time
	ReasonRemoved         Reason = 32 // a committed entry removed the server
	ReasonChangePending   Reason = 33 // another change of the configuration is not committed yet
	ReasonNotCaughtUp     Reason = 34 // the learner's log is too far behind
	ReasonBadChange       Reason = 35 // the change fits no configuration: see Configuration.With
	ReasonTooFewHealthy   Reason = 36 // too few voters answer
	ReasonLevel           Reason = 37 // a member's program is too old for it
	ReasonDamaged         Reason = 38 // the voter's disk lost entries, and its log is not whole yet
	ReasonDiskStalled     Reason = 39 // the leader's disk confirms nothing
	ReasonPreferred       Reason = 40 // a voter of higher priority is ready
	ReasonNotReady        Reason = 41 // the leader has not committed an entry of its own term yet
	ReasonSnapshot        Reason = 42 // a snapshot covers it
	ReasonNewcomer        Reason = 43 // a newcomer must be a learner first
	ReasonNotVoter        Reason = 44 // the server has no vote
	reasonsBound          Reason = 45
)
