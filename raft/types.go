package raft

import "strconv"

// Term numbers a period with at most one leader (§5.1). Term 0 is before the
// first election.
type Term uint64

// Index is the position of an entry in the log. The first entry has index 1;
// index 0 is the empty log before it.
type Index uint64

// ClusterID names a cluster: 128 bits of SHA-256 over the sorted initial
// cluster and the cluster's token, so that servers agree on it without talking.
type ClusterID [16]byte

// NodeID names a member of a group. 0 is nobody.
type NodeID uint64

// String is the id in hex, as etcd shows ids.
func (id NodeID) String() string { return strconv.FormatUint(uint64(id), 16) }

// GroupID names one replicated log among the many that a process may hold.
type GroupID uint64

// Incarnation names one data directory: it is drawn at random when the
// directory is made, and lost with it. 0 is unknown. A member that comes back
// under the same NodeID with another Incarnation has lost its memory.
type Incarnation uint64

// Boot names one run of a process over its data directory. It grows by one
// with every start. 0 is unknown.
type Boot uint64

// Seq numbers the writes of one core, from 1. A write becomes durable whole,
// and only after all writes with smaller numbers.
type Seq uint64

// Time is a moment on the monotonic clock of one process, in nanoseconds. Only
// differences mean anything, and only within one process.
type Time int64

// Duration is a difference of two Times, in nanoseconds.
type Duration int64

const (
	Microsecond Duration = 1_000
	Millisecond Duration = 1_000_000
	Second      Duration = 1_000_000_000
)

// Never is the Time of something that will not happen.
const Never Time = 1<<63 - 1

// EntryKind says what an entry is to the algorithm.
type EntryKind uint8

const (
	// EntryCommand carries bytes for the state machine.
	EntryCommand EntryKind = 1
	// EntryNoop is what a leader appends at the start of its term (§8).
	EntryNoop EntryKind = 2
	// EntryConfig carries an encoded Configuration (§6).
	EntryConfig EntryKind = 3
)

// Entry is one slot of the log. Data must not be changed once it was handed in.
type Entry struct {
	Index Index
	Term  Term
	Kind  EntryKind
	Data  []byte
}

// Member is one server as a configuration records it.
type Member struct {
	ID NodeID
	// Incarnation of the data directory that was admitted; 0 until one is.
	Incarnation Incarnation
	Name        string
	PeerAddr    string
	ClientAddr  string
	// Priority says how gladly this member is seen as leader: a leader hands
	// over to a healthy voter of higher priority. It decides no election.
	Priority uint8
	// Level is the feature level of the member's program; 0 until it told.
	Level Level
}

// Level numbers what a program of this project can do. The level of a cluster is
// the lowest of all its members: no entry above it is proposed, so that servers
// can be upgraded one by one.
type Level uint8

const (
	// LevelSingle: the configuration changes by one voter at a time.
	LevelSingle Level = 1
	// LevelJoint: arbitrary changes, by joint consensus (§6).
	LevelJoint Level = 2
	// LevelNow is the level of this program.
	LevelNow = LevelJoint
)

// Configuration says who takes part, and how (§6). Members holds every server
// once, in increasing order of ID. Voters, Outgoing and Learners are increasing
// lists of IDs from Members.
type Configuration struct {
	Members []Member
	// Voters are C, or C_new while a joint change is under way.
	Voters []NodeID
	// Outgoing is C_old while a joint change is under way, and empty otherwise.
	Outgoing []NodeID
	// Learners are sent the log and counted nowhere.
	Learners []NodeID
	// AutoLeave makes the leader propose the end of a joint change by itself.
	AutoLeave bool
	// Removed are the ids of members that left, in the order of their leaving,
	// the latest removedMax of them. They are told so when they speak, and an
	// id is never used again.
	Removed []NodeID
}

// HardState is what a server must remember before it answers (Figure 2:
// persistent state), together with its standing.
type HardState struct {
	Term Term
	Vote NodeID
	// Standing says whether this data directory may vote and acknowledge.
	Standing Standing
}

// Standing says how far a data directory may take part.
type Standing uint8

const (
	// Fresh: the disk came up empty. It neither votes nor acknowledges.
	Fresh Standing = 0
	// Admitted: it saw the first start of the cluster with a majority as empty
	// as itself, or a committed entry recorded its incarnation.
	Admitted Standing = 1
	// Damaged: the disk lost entries that it had confirmed. It receives, and
	// neither votes nor counts until a leader has made its log whole again.
	Damaged Standing = 2

	standingsBound Standing = 3
)

// Base is a place in the log with all that must be known to stand on it:
// nothing before it is needed any more.
type Base struct {
	Index  Index
	Term   Term
	Config Configuration // the configuration committed at Index
}

// Write is one atomic unit for the log: all of it becomes durable, or none.
// It is to be carried out in order of Seq, and confirmed by Persisted.
type Write struct {
	Seq Seq
	// Hard is written when HardChanged.
	HardChanged bool
	Hard        HardState
	// Entries are to stand at their indexes; whatever the log held at
	// Entries[0].Index and after is gone.
	Entries []Entry
	// Snapshot, when not nil, says that the state machine's snapshot file at
	// that base is complete and is the one to start from.
	Snapshot *Base
	// Cut, when not nil, allows everything up to and with Cut.Index to be
	// forgotten. Cut.Index is never beyond the newest Snapshot's.
	Cut *Base
}

// Restored is what the disk held when a core starts. The zero value is an
// empty disk.
type Restored struct {
	Hard     HardState
	Snapshot Base    // zero: none
	Cut      Base    // zero: the log begins at index 1
	Entries  []Entry // from Cut.Index+1 on, without a gap
	// Damaged: entries behind these were confirmed once, and cannot be read
	// any more. Hard is known for certain all the same.
	Damaged bool
}
