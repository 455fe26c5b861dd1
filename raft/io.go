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
	// InputChange: change the configuration by all of Changes, if this server
	// leads. The Outcome comes when the last entry it needs is committed.
	InputChange InputKind = 9
	// InputInstalled: the snapshot file that Output.Fetch asked for is complete,
	// checked and durable; Base is what it says of itself.
	InputInstalled InputKind = 10
)

// Input is one thing that happened. Only the fields that Kind names matter.
type Input struct {
	Kind      InputKind
	Message   *Message   // Receive; not kept after Step, but its Entries are
	Seq       Seq        // Persisted
	Proposals []Proposal // Propose; the slice is not kept, the data is
	Tag       uint64     // Read, Change: comes back in the Outcome
	Lease     bool       // Read: a lease will do, see Outcome.Expiry
	Changes   []Change   // Change; not kept
	Base      *Base      // Installed; not kept
	Peer      NodeID     // Transfer, PeerDown
	Boot      Boot       // PeerDown
	Index     Index      // Snapshotted

	// Eager is the time on the host's eager clock, with which this server
	// judges how long it may believe that it leads: it never goes slower than
	// now's clock, which judges how long it has waited or promised to wait. 0:
	// the two clocks went on equally since the last Step. A host that has it
	// gives it from the first Step on.
	Eager Time
}

// ChangeKind says how a member's part changes.
type ChangeKind uint8

const (
	// ChangeAddLearner adds Member: it is sent the log and counts nowhere.
	ChangeAddLearner ChangeKind = 1
	// ChangeAddVoter adds Member, which counts from then on.
	ChangeAddVoter ChangeKind = 2
	// ChangePromote makes the learner Member.ID a voter. Unless Force, it must
	// have caught up.
	ChangePromote ChangeKind = 3
	// ChangeDemote makes the voter Member.ID a learner.
	ChangeDemote ChangeKind = 4
	// ChangeRemove removes Member.ID.
	ChangeRemove ChangeKind = 5
	// ChangeUpdate records another name, peer address, client address (each
	// unless empty) and priority of Member.ID.
	ChangeUpdate ChangeKind = 6
)

// Change is one member's part of a change of the configuration.
type Change struct {
	Kind   ChangeKind
	Member Member
	// Force: also if the new configuration's voters do not answer, or the
	// learner is behind. Never against what makes a change safe.
	Force bool
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
	// Unknown: a snapshot covers the proposal's index, or the leader that took
	// the change was deposed.
	Unknown OutcomeKind = 6
)

// Outcome tells what became of one Proposal or Read. Every request has exactly
// one, unless the server stops first: then it is unknown.
type Outcome struct {
	Kind   OutcomeKind
	Tag    uint64
	Index  Index
	Reason Reason
	Leader NodeID
	// Expiry of a read that rests upon a lease, on the eager clock: the host
	// must have looked at the state machine before it, or ask again. 0: none.
	Expiry Time
}

// Fetch asks for a snapshot file.
type Fetch struct {
	From  NodeID
	Index Index
	Term  Term
}

// Output is what Step wants done. Its slices are valid until the next Step on
// the same Output; the entries they hold are never changed. Everything in it
// may be done in any order and in parallel: whatever must wait for the disk is
// still inside the core. One exception: a state machine that is durable by
// itself must not apply beyond what is persisted (Config.DurableApply sees to it).
type Output struct {
	Write Write // to be made durable when Write.Seq is not 0
	Send  []Message
	// Restore, when not nil: before Apply is looked at, the state machine is to
	// be replaced by the snapshot file at this base.
	Restore *Base
	Apply   []Entry // newly committed, in order, all kinds
	// Fetch, when not nil: get that snapshot file and say InputInstalled. It
	// replaces an earlier Fetch; the same one again means: still wanted.
	Fetch    *Fetch
	Outcomes []Outcome
	Events   []Event
	Wake     Time // call Step with InputWake at this time, or earlier
	// Refusals of a Propose that this server had passed on.
	Refused []ProposeReply
}

// EventKind says what a server noticed or decided.
type EventKind uint8

const (
	EventStarted           EventKind = 1  // Term, Index = last log index
	EventBecameFollower    EventKind = 2  // Term, Peer = leader or 0, Reason
	EventBecamePreCand     EventKind = 3  // Term, Reason
	EventBecameCandidate   EventKind = 4  // Term, Reason
	EventBecameLeader      EventKind = 5  // Term, Index = its no-op
	EventLeaderKnown       EventKind = 6  // Term, Peer
	EventVoteGranted       EventKind = 7  // Term, Peer
	EventVoteRefused       EventKind = 8  // Term, Peer, Reason
	EventPreVoteGranted    EventKind = 9  // Term, Peer
	EventPreVoteRefused    EventKind = 10 // Term, Peer, Reason
	EventVoteReceived      EventKind = 11 // Term, Peer; Reason 0 when granted
	EventAppendRefused     EventKind = 12 // Term, Peer, Index, Reason
	EventTruncated         EventKind = 13 // Index = first that fell out
	EventCommitted         EventKind = 14 // Index = new commit index (leader only)
	EventConfigAppended    EventKind = 15 // Index
	EventConfigCommitted   EventKind = 16 // Index
	EventAdmitted          EventKind = 17 // Reason
	EventRefusedDisk       EventKind = 18 // Peer = who refused; the server must stop
	EventTransferStarted   EventKind = 19 // Peer
	EventTransferSent      EventKind = 20 // Peer
	EventTransferAborted   EventKind = 21 // Peer, Reason
	EventLeaderGone        EventKind = 22 // Peer, Reason = ConnClosed
	EventMessageIgnored    EventKind = 23 // Peer, Reason: for another group, from itself, impossible
	EventFault             EventKind = 24 // see Status.Fault
	EventSnapshotRecorded  EventKind = 25 // Index
	EventCut               EventKind = 26 // Index
	EventPeerLost          EventKind = 27 // Peer stopped answering the leader
	EventPeerBack          EventKind = 28 // Peer answers the leader again
	EventLogFull           EventKind = 29 // the leader refuses writes; Index = of its newest snapshot
	EventPreVoteReceived   EventKind = 30 // Term, Peer; Reason 0 when it would vote
	EventSnapshotOffered   EventKind = 31 // Peer, Index
	EventSnapshotInstalled EventKind = 32 // Peer = whose, Index
	EventRemoved           EventKind = 33 // the server must stop; Peer = who said so, 0: its own log
	EventDamaged           EventKind = 34 // Index = last entry left
	EventRepaired          EventKind = 35 // Index
	EventDiskStalled       EventKind = 36 // the leader's
	EventTimingDiffers     EventKind = 37 // Peer
	EventCaughtUp          EventKind = 38 // Peer, a learner; Index
	EventTimingTuned       EventKind = 39 // see Status.ElectionMin
	eventKindsBound        EventKind = 40
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
	// sent less than the minimum election timeout in force ago. No other server
	// can have been elected by timeouts meanwhile; but with automatic timing some
	// may still go by the shorter one of a moment ago.
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
	Peers        []PeerStatus   // what a leader knows of the others
	Ballots      []BallotStatus // of each voter, while this server stands for election
	Level        Level          // of the cluster
	ElectionMin  Duration       // in force; tuned when timing is automatic
	ElectionMax  Duration
	Heartbeat    Duration
	Lease        Time // until when, on the eager clock, a leader may answer reads by itself; 0 none
	Removed      bool
	Fault        string
}

// Verdict is what a voter has said to a candidate or pre-candidate.
type Verdict uint8

const (
	BallotUnknown Verdict = 0
	BallotGranted Verdict = 1
	BallotRefused Verdict = 2
)

// BallotStatus is one voter's ballot in the campaign under way.
type BallotStatus struct {
	ID      NodeID
	Verdict Verdict
	Reason  Reason // of a refusal
}

// PeerStatus is what a leader knows of another member.
type PeerStatus struct {
	ID          NodeID
	Match, Next Index
	Probing     bool
	Inflight    int
	LastContact Time // when its last reply arrived; 0 never
	Learner     bool
	Snapshot    Index    // offered to it and not installed yet; 0 none
	CaughtUp    bool     // a learner that may be promoted
	RoundTrip   Duration // smoothed; 0 unknown
	OtherTiming bool     // its election timing differs from the leader's
	Uncounted   bool     // its disk is damaged
	Removed     bool     // it leaves with the configuration that is not committed yet
}
