package raft

// MessageKind says which RPC a message is. One struct type per RPC.
type MessageKind uint8

const (
	KindRequestVote   MessageKind = 1
	KindVoteReply     MessageKind = 2
	KindAppend        MessageKind = 3 // AppendEntries with a consistency check
	KindAppendReply   MessageKind = 4
	KindHeartbeat     MessageKind = 5 // AppendEntries that carries and checks nothing
	KindHeartbeatRep  MessageKind = 6
	KindTimeoutNow    MessageKind = 7 // thesis §3.10
	KindReadIndex     MessageKind = 8 // thesis §6.4
	KindReadIndexRep  MessageKind = 9
	KindPropose       MessageKind = 10 // a follower passes commands on to the leader
	KindProposeRep    MessageKind = 11
	KindGreet         MessageKind = 12 // a server tells who it is and what it remembers
	KindGreetReply    MessageKind = 13
	messageKindsBound MessageKind = 14
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
	Sent      Time   // on the leader's clock; echoed
	PrevIndex Index
	PrevTerm  Term
	Commit    Index
	Cut       Index // every member holds the log up to here
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
}

// Heartbeat keeps followers quiet (§5.2) and confirms reads (thesis §6.4).
// Commit is never beyond what the receiver acknowledged.
type Heartbeat struct {
	Session uint64
	Round   uint64
	Sent    Time
	Commit  Index
	Cut     Index
}

// HeartbeatReply answers Heartbeat. Received is how far the receiver's log,
// durable or not, is known to equal the leader's: what was sent beyond it is
// lost or late.
type HeartbeatReply struct {
	Session  uint64
	Round    uint64
	Sent     Time
	Received Index
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
	reasonsBound          Reason = 32
)
