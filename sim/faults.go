package sim

import (
	"slices"

	"veche/raft"
)

// Class is a kind of fault.
type Class uint8

// The classes of faults. A seed has each of them with a probability of one half,
// so that rare combinations come up (swarm testing), and each with an intensity
// of its own.
const (
	FaultDrop Class = iota
	FaultDelay
	FaultDuplicate
	FaultReorder
	FaultOneWay
	FaultPartition
	FaultIsolateLeader
	FaultBridge
	FaultSlowLink
	FaultCrash
	FaultCrashLeader
	FaultPowerCut
	FaultClusterPowerCut
	FaultPause
	FaultSlowDisk
	FaultStalledSync
	FaultDrift
	FaultPoint
	FaultTransfer
	FaultTorn
	FaultDiskError
	FaultFullDisk
	classes
)

// ByChance says that the class is one that messages meet by chance.
func (c Class) ByChance() bool { return c <= FaultReorder }

// Lasting says that the class is a property of the whole seed.
func (c Class) Lasting() bool { return c == FaultDrift || c == FaultTorn }

// weight is how often the class comes, compared with others that a seed has.
func (c Class) weight() int {
	if c == FaultPoint {
		return 3
	}
	return 1
}

// Classes is how many classes of faults there are.
const Classes = int(classes)

// String names the class in words.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "fault " + num(uint64(c))
}

var classNames = [classes]string{
	"dropped messages", "delayed messages", "duplicated and replayed messages", "reordered messages",
	"one-way cuts", "partitions", "isolated leaders", "bridges", "slow links",
	"crashes", "crashes of the leader", "power cuts of a server", "power cuts of the cluster",
	"pauses", "slow disks", "stalled syncs", "drifting clocks",
	"ends at a named point", "handovers",
	"torn sectors", "errors of a disk", "full disks",
}

// Fault is one line of a seed's plan: what comes, and when. To whom, how hard and
// for how long is drawn from a stream of its own when it strikes, so that one
// that is left out changes no other.
type Fault struct {
	Number int // its place in the plan, from 1
	At     raft.Time
	Class  Class
}

// storm is the weather of a seed: which faults it plans, how hard they are, and
// what is blowing now.
type storm struct {
	plan   []Fault // in order of Number, and of At
	struck []int   // the numbers of those that were let strike
	blows  bool
	over   bool
	counts [classes]uint64

	drop, dup, delay, replay, reorder uint32
	delayMax                          raft.Duration
	downMax                           raft.Duration // the longest a node is down
	last                              raft.Duration // the longest a cut lasts
	epoch                             uint64        // of cuts: a mend of an older one is void
}

// Streams of a seed's randomness, one for each concern: what one draws moves no
// other. Those of nodes, links, clients and faults are numbered from these on.
const (
	streamWorld   = 1
	streamPlan    = 2
	streamNodes   = 1 << 16
	streamLinks   = 2 << 16
	streamClients = 3 << 16
	streamFaults  = 4 << 16
)

// prepare draws the weather of the seed: all its faults, in order, whatever
// becomes of them.
func (w *World) prepare() {
	r, s := NewRand(w.opt.Seed, streamPlan), &w.storm
	var on [classes]bool
	for c := range on {
		on[c] = r.Chance(1, 2)
	}
	every := raft.Duration(r.LogBetween(int64(250*raft.Millisecond), int64(3*raft.Second)))
	s.drop = uint32(r.LogBetween(4, 600))
	s.dup = uint32(r.LogBetween(4, 600))
	s.replay = uint32(r.LogBetween(64, 4096))
	s.delay = uint32(r.LogBetween(4, 400))
	s.reorder = uint32(r.LogBetween(16, 2048))
	s.delayMax = raft.Duration(r.LogBetween(int64(5*raft.Millisecond), int64(2*raft.Second)))
	s.downMax = raft.Duration(r.LogBetween(int64(200*raft.Millisecond), int64(6*raft.Second)))
	s.last = raft.Duration(r.LogBetween(int64(200*raft.Millisecond), int64(6*raft.Second)))
	var bag, rain []Class
	for c := Class(0); c < classes; c++ {
		switch {
		case !on[c]:
		case c.ByChance():
			rain = append(rain, c)
		case c.Lasting():
			w.planFault(0, c)
		default:
			for range c.weight() {
				bag = append(bag, c)
			}
		}
	}
	at := raft.Time(r.Between(int64(raft.Second/2), int64(2*raft.Second)))
	if r.Chance(1, 4) {
		at = 1 // the cluster begins in a storm
	}
	for at < raft.Time(w.opt.Run) {
		end := at + raft.Time(r.Between(int64(4*raft.Second), int64(14*raft.Second)))
		w.at(at, event{kind: evStorm, n: 1})
		for _, c := range rain {
			w.planFault(at, c)
		}
		for t := at + raft.Time(r.Between(0, int64(every))); len(bag) > 0 && t < end; t += raft.Time(r.Between(int64(every)/2, int64(every)*3/2)) {
			w.planFault(t, bag[r.Intn(len(bag))])
		}
		w.at(end, event{kind: evStorm})
		at = end + raft.Time(r.Between(int64(raft.Second), int64(4*raft.Second)))
	}
}

// planFault adds a fault to the plan, and lets it strike unless the Options
// leave it out. Those of the first moment strike at once.
func (w *World) planFault(at raft.Time, c Class) {
	s := &w.storm
	f := Fault{Number: len(s.plan) + 1, At: at, Class: c}
	s.plan = append(s.plan, f)
	if w.opt.Only != nil && !slices.Contains(w.opt.Only, f.Number) || at > raft.Time(w.opt.Run) {
		return
	}
	s.struck = append(s.struck, f.Number)
	if at == 0 {
		w.strike(&f)
		return
	}
	w.at(at, event{kind: evFault, n: uint64(f.Number)})
}

// Plan is all faults of the seed, those that Options.Only leaves out included.
func (w *World) Plan() []Fault { return w.storm.plan }

// Struck is the numbers of the faults that were let strike, or will be.
func (w *World) Struck() []int { return w.storm.struck }
