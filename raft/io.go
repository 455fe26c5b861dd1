package raft

// InputKind says what happened.
type InputKind uint8

const (
	// InputWake: the time that Output.Wake named has come (or any other).
	// Followers and candidates time out on this input only, so that a host
	// that was held up delivers what had arrived before it wakes the core.
	InputWake InputKind = 1
	// InputReceive: Message arrived.
	InputReceive InputKind = 2
	// InputPersisted: all writes up to and with Seq are durable.
	InputPersisted InputKind = 3
	// InputPropose: append Proposals, if this server leads.
	InputPropose InputKind = 4
	// InputRead: name an index that a linearizable read must wait for.
	InputRead InputKind = 5
	// InputTransfer: hand leadership to Peer, or to the best follower if 0.
	InputTransfer InputKind = 6
	// InputPeerDown: every connection with that Boot of Peer has closed.
	InputPeerDown InputKind = 7
	// InputSnapshotted: the state machine's snapshot at Index is durable in its
	// file.
	InputSnapshotted InputKind = 8
)

// Input is one thing that happened. Only the fields that Kind names matter.
type Input struct {
	Kind      InputKind
	Message   *Message   // Receive; not kept after Step, but its Entries are
	Seq       Seq        // Persisted
	Proposals []Proposal // Propose; the slice is not kept, the data is
	Tag       uint64     // Read: comes back in the Outcome
	Peer      NodeID     // Transfer, PeerDown
	Boot      Boot       // PeerDown
	Index     Index      // Snapshotted
}

// Proposal is a command that wants a place in the log. Tag comes back in its
// Outcome.
type Proposal struct {
	Tag  uint64
	Kind EntryKind // EntryCommand; EntryConfig is for the core itself
	Data []byte
}

// OutcomeKind says what became of a request.
type OutcomeKind uint8

const (
	// Committed: the entry at Index will be applied by every server.
	Committed OutcomeKind = 1
	// Rejected: nothing was appended; Reason says why, Leader whom to ask.
	Rejected OutcomeKind = 2
	// Lost: another entry was committed at its place.
	Lost OutcomeKind = 3
	// ReadReady: the read may be served once Index is applied.
	ReadReady OutcomeKind = 4
	// ReadFailed: ask again; Reason says why.
	ReadFailed OutcomeKind = 5
)

// Outcome tells what became of one Proposal or Read. Every request has exactly
// one, unless the server stops first: then it is unknown.
type Outcome struct {
	Kind   OutcomeKind
	Tag    uint64
	Index  Index
	Reason Reason
	Leader NodeID
}

// Output is what Step wants done. Its slices are valid until the next Step on
// the same Output; the entries they hold are never changed. Everything in it
// may be done in any order and in parallel: whatever must wait for the disk is
// still inside the core. One exception: a state machine that is durable by
// itself must not apply beyond what is persisted (Config.DurableApply sees to it).
type Output struct {
	Write    Write // to be made durable when Write.Seq is not 0
	Send     []Message
	Apply    []Entry // newly committed, in order, all kinds
	Outcomes []Outcome
	Events   []Event
	Wake     Time // call Step with InputWake at this time, or earlier
	// Refusals of a Propose that this server had passed on.
	Refused []ProposeReply
}

// EventKind says what a server noticed or decided.
type EventKind uint8

const (
	EventStarted          EventKind = 1  // Term, Index = last log index
	EventBecameFollower   EventKind = 2  // Term, Peer = leader or 0, Reason
	EventBecamePreCand    EventKind = 3  // Term, Reason
	EventBecameCandidate  EventKind = 4  // Term, Reason
	EventBecameLeader     EventKind = 5  // Term, Index = its no-op
	EventLeaderKnown      EventKind = 6  // Term, Peer
	EventVoteGranted      EventKind = 7  // Term, Peer
	EventVoteRefused      EventKind = 8  // Term, Peer, Reason
	EventPreVoteGranted   EventKind = 9  // Term, Peer
	EventPreVoteRefused   EventKind = 10 // Term, Peer, Reason
	EventVoteReceived     EventKind = 11 // Term, Peer; Reason 0 when granted
	EventAppendRefused    EventKind = 12 // Term, Peer, Index, Reason
	EventTruncated        EventKind = 13 // Index = first that fell out
	EventCommitted        EventKind = 14 // Index = new commit index (leader only)
	EventConfigAppended   EventKind = 15 // Index
	EventConfigCommitted  EventKind = 16 // Index
	EventAdmitted         EventKind = 17 // Reason
	EventRefusedDisk      EventKind = 18 // Peer = who refused; the server must stop
	EventTransferStarted  EventKind = 19 // Peer
	EventTransferSent     EventKind = 20 // Peer
	EventTransferAborted  EventKind = 21 // Peer, Reason
	EventLeaderGone       EventKind = 22 // Peer, Reason = ConnClosed
	EventMessageIgnored   EventKind = 23 // Peer, Reason: for another group, from itself, impossible
	EventFault            EventKind = 24 // see Status.Fault
	EventSnapshotRecorded EventKind = 25 // Index
	EventCut              EventKind = 26 // Index
	EventPeerLost         EventKind = 27 // Peer stopped answering the leader
	EventPeerBack         EventKind = 28 // Peer answers the leader again
	EventLogFull          EventKind = 29 // the leader refuses writes; Peer lacks the most, from Index on
	EventPreVoteReceived  EventKind = 30 // Term, Peer; Reason 0 when it would vote
	eventKindsBound       EventKind = 31
)

// Event is one thing that a server noticed or decided, with its reason.
type Event struct {
	At     Time
	Kind   EventKind
	Reason Reason
	Group  GroupID
	Node   NodeID // who noticed
	Peer   NodeID
	Term   Term
	Index  Index
}

// Role is what a server is at the moment (Figure 4, with thesis §9.6).
type Role uint8

const (
	Follower     Role = 0
	PreCandidate Role = 1
	Candidate    Role = 2
	Leader       Role = 3
)

// Status is a picture of a core, for people.
type Status struct {
	Group       GroupID
	Self        NodeID
	Role        Role
	Standing    Standing
	Term        Term
	Vote        NodeID
	Leader      NodeID
	LeaderHeard Time // when the leader's last message arrived; 0 never
	// Confirmed: this server leads, and a majority answered a message that was
	// sent less than the minimum election timeout ago. No other server can have
	// been elected by timeouts meanwhile.
	Confirmed    bool
	Commit       Index
	LastIndex    Index
	LastTerm     Term
	Persisted    Index
	Cut          Index
	Snapshot     Index
	LogBytes     int
	LogBytesMax  int
	LogFull      bool // the leader refuses writes until the log can be cut
	Uncommitted  int  // bytes
	Elections    uint64
	Deadline     Time // of the election timer, or of the next heartbeat
	TimeoutDrawn Duration
	Transferee   NodeID
	Config       Configuration
	ConfigIndex  Index
	Peers        []PeerStatus // what a leader knows of the others
	Fault        string
}

// PeerStatus is what a leader knows of another member.
type PeerStatus struct {
	ID          NodeID
	Match, Next Index
	Probing     bool
	Inflight    int
	LastContact Time // when its last reply arrived; 0 never
	Learner     bool
}
