package raft

import "errors"

// Config is what a Core is made with. It does not change afterwards. Zero
// values of the limits and times mean the defaults below.
type Config struct {
	Group       GroupID
	Self        NodeID
	Boot        Boot
	Incarnation Incarnation
	ClientAddr  string // published in the configuration once a leader hears of it

	// Initial is the configuration before the log's first EntryConfig. It is
	// the same on every member of a new cluster.
	Initial Configuration

	// The election timeout is drawn anew each time from [ElectionMin,
	// ElectionMax], to the nanosecond (§5.2). Heartbeat must be well below it.
	ElectionMin Duration
	ElectionMax Duration
	Heartbeat   Duration
	Seed        uint64 // of every random choice
	// Draw, when not nil, chooses the election timeouts instead of Seed: a
	// story fixes with it who times out first. It must give a value from the
	// range it is handed.
	Draw func(least, most Duration) Duration

	// NoFastDetection makes a follower wait for its timeout even when the
	// leader's process has closed its connections. It must be set whenever
	// lease reads are on: a voter then keeps its promise to the old leader.
	NoFastDetection bool

	// LeaseReads lets a leader answer reads without a round while a majority's
	// promises hold. MaxDrift bounds how far the rate of any member's clock is
	// from real time, in parts per million; 0 means 5,000. Needs
	// NoFastDetection. Before a member starts with fast detection, automatic
	// timing or a smaller ElectionMin again, it must be down for the old
	// ElectionMin: what it promised is not on its disk.
	LeaseReads bool
	MaxDrift   int
	// AutoTiming derives heartbeat and election timeout from measured round
	// trips, between AutoFloor and the configured values. Not with LeaseReads.
	AutoTiming bool
	// Lab leaves rules out, in a build with the tag lab; otherwise it is empty.
	Lab Lab
	// StallAfter is how long the leader's disk may confirm nothing before it
	// hands over; 0 means a second, or ElectionMax if that is longer.
	StallAfter Duration
	// Joining: this server is added to a cluster that exists. Its empty disk
	// never counts as the first start of a cluster.
	Joining bool
	// Level of this program; 0 means LevelNow. Lower ones are for tests.
	Level Level
	// TrailBytes is how much of the log is kept behind a snapshot for members
	// that lack it; beyond it they get the snapshot. 0 means a quarter of
	// MaxLogBytes.
	TrailBytes int

	MaxAppendBytes      int // entry bytes in one AppendEntries; one entry may exceed it alone
	MaxInflight         int // AppendEntries sent and not yet acknowledged, per peer
	MaxInflightBytes    int // the same in bytes
	MaxUncommittedBytes int // a leader refuses proposals beyond it
	MaxLogBytes         int // a leader refuses proposals when the uncut log is larger
	MaxCommandBytes     int // a larger command is refused

	// DurableApply holds Apply back to what this server has persisted. It must
	// be set when the state machine is durable by itself.
	DurableApply bool
}

// The defaults, and the bounds of Config.
const (
	DefaultElectionMin = 150 * Millisecond // the paper's range (§5.2)
	DefaultElectionMax = 300 * Millisecond
	DefaultHeartbeat   = 50 * Millisecond

	// FastSpread is how long a follower waits at most, drawn at random, after
	// the leader's connections closed, so that followers do not split the vote.
	FastSpread = 15 * Millisecond
	// FastRetry is the pause after a refused fast pre-vote: another voter may
	// learn of the close a moment later.
	FastRetry = 5 * Millisecond

	defaultMaxAppendBytes      = 512 << 10 // one frame that a gigabit link carries in 4 ms
	defaultMaxInflight         = 256
	defaultMaxInflightBytes    = 8 << 20
	defaultMaxUncommittedBytes = 64 << 20
	defaultMaxLogBytes         = 512 << 20
	defaultMaxCommandBytes     = 4 << 20
	// Others commit without the leader's disk meanwhile, so there is no hurry, and
	// a large sync by somebody else on that disk is no reason to move.
	defaultStallAfter = Second

	defaultMaxDrift = 5_000 // 0.5 %: ten times what a crystal drifts

	// AutoFloor is the smallest election timeout that AutoTiming chooses.
	AutoFloor = 20 * Millisecond
)

// withDefaults fills in what was left zero.
func (c Config) withDefaults() Config {
	if c.ElectionMin == 0 && c.ElectionMax == 0 {
		c.ElectionMin, c.ElectionMax = DefaultElectionMin, DefaultElectionMax
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = DefaultHeartbeat
	}
	or := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	or(&c.MaxDrift, defaultMaxDrift)
	if c.StallAfter == 0 {
		c.StallAfter = max(defaultStallAfter, c.ElectionMax)
	}
	if c.Level == 0 {
		c.Level = LevelNow
	}
	or(&c.MaxAppendBytes, defaultMaxAppendBytes)
	or(&c.MaxInflight, defaultMaxInflight)
	or(&c.MaxInflightBytes, defaultMaxInflightBytes)
	or(&c.MaxUncommittedBytes, defaultMaxUncommittedBytes)
	or(&c.MaxLogBytes, defaultMaxLogBytes)
	or(&c.MaxCommandBytes, defaultMaxCommandBytes)
	or(&c.TrailBytes, c.MaxLogBytes/4)
	// A command that fits nowhere is too large, and not refused as a passing
	// overload for ever.
	c.MaxCommandBytes = min(c.MaxCommandBytes, c.MaxUncommittedBytes, c.MaxLogBytes)
	return c
}

// Check says in one sentence what is wrong with the configuration, or nil.
func (c Config) Check() error {
	c = c.withDefaults()
	switch {
	case c.Self == 0:
		return errors.New("raft: the member's own id is 0")
	case c.Group == 0:
		return errors.New("raft: the group id is 0")
	case c.Incarnation == 0:
		return errors.New("raft: the incarnation is 0; it must be drawn at random with the data directory")
	case len(c.ClientAddr) > textMax:
		return errors.New("raft: the client address is longer than 1024 bytes")
	case c.ElectionMin <= 0 || c.ElectionMax < c.ElectionMin:
		return errors.New("raft: the election timeout must be a range of positive times, the smaller first")
	case c.Heartbeat <= 0 || c.Heartbeat*2 > c.ElectionMin:
		return errors.New("raft: the heartbeat must be at most half of the smallest election timeout, or one lost heartbeat starts an election")
	case c.MaxDrift < 0 || c.MaxDrift > 200_000:
		return errors.New("raft: the clock drift must be between 0 and 200,000 parts per million")
	case c.LeaseReads && !c.NoFastDetection:
		return errors.New("raft: lease reads need NoFastDetection: a voter that reacts to closed connections promises nothing")
	case c.LeaseReads && c.AutoTiming:
		return errors.New("raft: lease reads and automatic timing exclude each other: a promise must not shrink")
	case c.Level > LevelNow:
		return errors.New("raft: the feature level is above this program's")
	case c.StallAfter < 0 || c.TrailBytes < 0:
		return errors.New("raft: a limit is negative")
	case c.MaxAppendBytes < 0 || c.MaxInflight < 0 || c.MaxInflightBytes < 0 ||
		c.MaxUncommittedBytes < 0 || c.MaxLogBytes < 0 || c.MaxCommandBytes < 0:
		return errors.New("raft: a limit is negative")
	}
	return c.Initial.Check()
}
