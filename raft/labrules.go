package raft

// LabRule is a rule of Raft that a lab build can leave out, to show what it is
// good for. A server of this project keeps all of them: see rules.go.
type LabRule struct {
	Name    string
	Section string // where the rule is told
	// Breaks are the promises that the rule is good for, in the words of Figure 3:
	// without it one of them breaks before any other of Figure 3, as long as nobody
	// changes the members: a committed configuration that is lost may take any of
	// them with it. Liveness stands for a cluster that does less than it could.
	Breaks []string
	// Follows are those that may break besides: from what is false much follows.
	Follows []string
}

// The promises that rules are good for: Figure 3, and what clients see.
const (
	electionSafety     = "Election Safety"
	leaderAppendOnly   = "Leader Append-Only"
	logMatching        = "Log Matching"
	leaderCompleteness = "Leader Completeness"
	stateMachineSafety = "State Machine Safety"
	freshReads         = "A Read Covers All Acknowledged Writes"
	removedIsQuiet     = "A Removed Server Disturbs Nobody"
	liveness           = "Liveness"
)

// LabRules are all of them. Their order is that of the rules below.
var LabRules = []LabRule{
	{"prevote", "thesis §9.6", []string{liveness, removedIsQuiet}, nil},
	{"checkquorum", "thesis §6.2", []string{liveness}, nil},
	{"election-restriction", "§5.4.1", []string{leaderCompleteness, stateMachineSafety}, []string{logMatching, freshReads, liveness}},
	{"current-term-commit", "§5.4.2", []string{leaderCompleteness, stateMachineSafety}, []string{logMatching, freshReads, liveness}},
	{"consistency-check", "§5.3", []string{logMatching}, []string{leaderCompleteness, stateMachineSafety, freshReads, liveness}},
	{"term-increment", "§5.2", []string{electionSafety, logMatching}, []string{leaderCompleteness, stateMachineSafety, freshReads, liveness}},
	{"step-down", "§5.1", []string{electionSafety}, []string{leaderAppendOnly, logMatching, leaderCompleteness, stateMachineSafety, freshReads, liveness}},
	{"conflict-only-truncation", "§5.3", []string{leaderCompleteness, stateMachineSafety}, []string{logMatching, freshReads, liveness}},
	{"one-vote-per-term", "§5.2", []string{electionSafety}, []string{logMatching, leaderCompleteness, stateMachineSafety, freshReads, liveness}},
	{"vote-on-disk", "Figure 2", []string{electionSafety}, []string{logMatching, leaderCompleteness, stateMachineSafety, freshReads, liveness}},
}

// rule is one of LabRules, by its place there.
type rule uint8

const (
	rulePreVote rule = iota
	ruleCheckQuorum
	ruleElectionRestriction
	ruleCurrentTermCommit
	ruleConsistencyCheck
	ruleTermIncrement
	ruleStepDown
	ruleConflictOnly
	ruleOneVote
	ruleVoteOnDisk
	ruleOwnTimeout // not among LabRules: see LabWithout
)
