package sim

// Invariant names a promise that a world watches.
type Invariant string

// The promises. The first five are Figure 3 of the paper.
const (
	ElectionSafety     Invariant = "Election Safety"
	LeaderAppendOnly   Invariant = "Leader Append-Only"
	LogMatching        Invariant = "Log Matching"
	LeaderCompleteness Invariant = "Leader Completeness"
	StateMachineSafety Invariant = "State Machine Safety"

	VoteOncePerTerm   Invariant = "Vote Once Per Term"
	VoteIsDurable     Invariant = "A Vote Is On Disk Before It Is Told"
	AckIsDurable      Invariant = "An Acknowledged Append Is On Disk"
	CommitOnMajority  Invariant = "A Committed Entry Is On A Majority Of Disks"
	CommitNeverBack   Invariant = "Commit Never Goes Back"
	OneConfirmed      Invariant = "One Confirmed Leader At A Time"
	FreshIsSilent     Invariant = "An Empty Disk Neither Votes Nor Acknowledges"
	DiskRemembers     Invariant = "A Disk Comes Up With What Was Synced"
	NoFault           Invariant = "No Core Halts"
	AppliedOnce       Invariant = "An Acknowledged Command Is Applied Exactly Once"
	RefusedIsRefused  Invariant = "A Refused Command Is Never Applied"
	ReadIsFresh       Invariant = "A Read Covers All Acknowledged Writes"
	OrderIsReal       Invariant = "A Write Stands After All That Were Acknowledged Before It"
	RequestEndsOnce   Invariant = "A Request Ends Once"
	Liveness          Invariant = "Liveness: With All Servers Up There Is A Leader, A Write And A Read"
	Linearizability   Invariant = "Linearizability"
	ElectedByMajority Invariant = "A Leader Has The Votes Of A Majority Of Voters"
	ConfigsOverlap    Invariant = "Two Configurations In A Row Share A Server In Any Two Majorities"
	ChangeInTurn      Invariant = "A Configuration Follows A Committed One, In A Term That Has Committed"
	ChangeIsTrue      Invariant = "A Change That Is Told To Be Done Is Done"
	LevelIsKept       Invariant = "No Joint Configuration While A Member's Program Is Too Old"
	SnapshotIsTrue    Invariant = "A Snapshot Carries The Configuration Committed At Its Index"
	DamagedIsSilent   Invariant = "A Damaged Disk Neither Votes Nor Counts Until It Is Repaired"
	RemovedIsQuiet    Invariant = "A Removed Server Disturbs Nobody"
	CodecKeepsMessage Invariant = "A Message Survives Its Encoding"
)

// Shown says whether a reader is shown the promise: those of Figure 3, and what
// clients see. The others guard them, and break before or with them.
func (i Invariant) Shown() bool {
	switch i {
	case ElectionSafety, LeaderAppendOnly, LogMatching, LeaderCompleteness, StateMachineSafety, ReadIsFresh:
		return true
	}
	return false
}

// Broken is what a world stops with: which promise, and how.
type Broken struct {
	Invariant Invariant
	How       string
}

// Error gives both in one sentence.
func (b *Broken) Error() string { return string(b.Invariant) + " is broken: " + b.How }
