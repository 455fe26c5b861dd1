package explore

import "veche/raft"

// Scope is one bounded world. Servers are numbered from 1.
type Scope struct {
	Name  string
	About string // one sentence

	Voters   int
	Learners int   // numbered behind the voters
	Alike    []int // servers that the start does not tell apart

	// Start brings the world to where the search begins; see guide.go for the
	// commands. Empty: all servers have just started.
	Start []string

	Budget Budget

	PreVote    bool // pre-votes are steps; otherwise a campaign has won them
	Sticky     bool // a voter may refuse because it hears its leader
	Disk       bool // confirmations of writes are steps, and crashes fall between them
	Heartbeats bool // heartbeats travel; otherwise all are lost
	Stale      bool // requests of terms that the receiver's disk has passed travel
	OneEntry   bool // an AppendEntries carries one entry

	Channel int             // most messages from one server to another; the oldest is lost
	Changes [][]raft.Change // what InputChange may ask for

	forgetsVotes bool // a planted fault: a crash loses the vote
	bothOrders   bool // steps that commute are walked in both orders
}

// Budget is how often each kind of thing may happen, at all servers together.
type Budget struct {
	Campaigns, Proposals, Crashes, Repeats, Beats, Snapshots, Changes, Reads, Transfers uint8
}

// budget is a Budget packed in nibbles, in the order of spend.
type budget uint64

type spend uint8

const (
	spendCampaign spend = iota
	spendProposal
	spendCrash
	spendRepeat
	spendBeat
	spendSnapshot
	spendChange
	spendRead
	spendTransfer
)

func (b Budget) pack() budget {
	var p budget
	for k, n := range []uint8{b.Campaigns, b.Proposals, b.Crashes, b.Repeats, b.Beats, b.Snapshots, b.Changes, b.Reads, b.Transfers} {
		p |= budget(min(n, budgetMax)) << (4 * k)
	}
	return p
}

func (b budget) left(s spend) int     { return int(b >> (4 * s) & budgetMax) }
func (b budget) spent(s spend) budget { return b - 1<<(4*s) }
func (w *world) used(b budget, s spend) int {
	return w.budget.left(s) - b.left(s)
}

// Scopes gives all scopes. Their budgets are what a few minutes can walk to the
// end. Each call gives fresh values.
func Scopes() []Scope {
	replace := [][]raft.Change{{{Kind: raft.ChangeRemove, Member: raft.Member{ID: 3}}, {Kind: raft.ChangePromote, Member: raft.Member{ID: 4}, Force: true}}}
	leads := []string{"elect 1 by 2 3", "settle"}
	all, others := []int{1, 2, 3}, []int{2, 3}
	return []Scope{
		{Name: "election", About: "campaigns, and a crash between any two writes, from the first start",
			Voters: 3, Alike: all, Channel: 2, Stale: true, Disk: true,
			Budget: Budget{Campaigns: 2, Crashes: 1}},
		{Name: "election-three", About: "three campaigns from the first start, writes confirmed at any time",
			Voters: 3, Alike: all, Channel: 2, Stale: true, Disk: true,
			Budget: Budget{Campaigns: 3}},
		{Name: "prevote", About: "pre-votes, voters that hear their leader, and a crash",
			Voters: 3, Alike: all, Channel: 2, PreVote: true, Sticky: true, Stale: true,
			Budget: Budget{Campaigns: 2, Crashes: 1}},
		{Name: "prevote-three", About: "three campaigns with pre-votes",
			Voters: 3, Alike: all, Channel: 2, PreVote: true, Sticky: true, Stale: true,
			Budget: Budget{Campaigns: 3}},
		{Name: "figure8", About: "old terms' entries, from the first start through four terms",
			Voters: 3, Alike: all, Channel: 2, OneEntry: true,
			Budget: Budget{Campaigns: 4}},
		{Name: "figure8-guided", About: "Figure 8 from its two leaders on, with a crash",
			Voters: 3, Channel: 2, OneEntry: true,
			Start:  []string{"elect 1 by 3", "forget", "campaign 2", "forget", "elect 2 by 3", "forget"},
			Budget: Budget{Campaigns: 3, Crashes: 1}},
		{Name: "disk", About: "two crashes between any two writes, with a proposal and a new leader",
			Voters: 3, Alike: others, Channel: 2, Disk: true, Start: leads,
			Budget: Budget{Campaigns: 1, Proposals: 1, Crashes: 2}},
		{Name: "heartbeats", About: "commit indexes by heartbeats, late and repeated, to logs that differ",
			Voters: 3, Channel: 2, Heartbeats: true,
			Start:  []string{"elect 1 by 3", "forget", "campaign 2", "forget", "elect 2 by 3", "forget"},
			Budget: Budget{Campaigns: 1, Beats: 1, Repeats: 1}},
		{Name: "reads", About: "a read and repeated heartbeats, while another leader writes",
			Voters: 3, Alike: others, Channel: 2, Heartbeats: true, Start: leads,
			Budget: Budget{Campaigns: 1, Proposals: 1, Reads: 1, Repeats: 1}},
		{Name: "reads-two", About: "two reads, while another leader writes",
			Voters: 3, Alike: others, Channel: 2, Heartbeats: true, Start: leads,
			Budget: Budget{Campaigns: 1, Proposals: 1, Reads: 2}},
		{Name: "transfer", About: "leadership is handed over, while a proposal and campaigns happen",
			Voters: 3, Alike: others, Channel: 2, Start: leads,
			Budget: Budget{Campaigns: 2, Proposals: 1, Transfers: 1}},
		{Name: "snapshot", About: "a snapshot and a cut in place, an install, another snapshot, and a restart",
			Voters: 3, Channel: 2,
			Start:  []string{"elect 1 by 2", "propose 1", "append 1 to 2", "snapshot 1", "forget"},
			Budget: Budget{Campaigns: 2, Crashes: 1, Snapshots: 1, Beats: 1}},
		{Name: "joint", About: "server 4 replaces server 3 by joint consensus, and a server restarts",
			Voters: 3, Learners: 1, Channel: 2, Start: leads, Changes: replace,
			Budget: Budget{Campaigns: 1, Changes: 1, Crashes: 1}},
		{Name: "joint-guided", About: "the joint configuration was just appended, at the leader alone, which fails",
			Voters: 3, Learners: 1, Channel: 2, Start: []string{"elect 1 by 2 3", "settle", "change 1", "forget"}, Changes: replace,
			Budget: Budget{Campaigns: 3}},
		{Name: "joint-restart", About: "the same, with a restart",
			Voters: 3, Learners: 1, Channel: 2, Start: []string{"elect 1 by 2 3", "settle", "change 1", "forget"}, Changes: replace,
			Budget: Budget{Campaigns: 2, Crashes: 1}},
	}
}

// Find gives the scope of that name.
func Find(name string) (Scope, bool) {
	for _, s := range Scopes() {
		if s.Name == name {
			return s, true
		}
	}
	return Scope{}, false
}
