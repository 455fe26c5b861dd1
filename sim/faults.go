package sim

import "veche/raft"

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
	classes
)

// ByChance says that the class is one that messages meet by chance.
func (c Class) ByChance() bool { return c <= FaultReorder }

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
}

// storm is the weather of a seed: which faults, how hard, and whether they are
// blowing now.
type storm struct {
	on     [classes]bool
	bag    []Class // those that come as single events
	every  raft.Duration
	blows  bool
	over   bool
	counts [classes]uint64

	drop, dup, delay, replay, reorder uint32
	delayMax                          raft.Duration
	downMax                           raft.Duration // the longest a node is down
	last                              raft.Duration // the longest a cut lasts
	epoch                             uint64        // of cuts: a mend of an older one is void
}

// prepare draws the weather of the seed.
func (w *World) prepare() {
	r, s := &w.rand, &w.storm
	for c := range s.on {
		s.on[c] = r.Chance(1, 2)
	}
	s.every = raft.Duration(r.LogBetween(int64(250*raft.Millisecond), int64(3*raft.Second)))
	s.drop = uint32(r.LogBetween(4, 600))
	s.dup = uint32(r.LogBetween(4, 600))
	s.replay = uint32(r.LogBetween(64, 4096))
	s.delay = uint32(r.LogBetween(4, 400))
	s.reorder = uint32(r.LogBetween(16, 2048))
	s.delayMax = raft.Duration(r.LogBetween(int64(5*raft.Millisecond), int64(2*raft.Second)))
	s.downMax = raft.Duration(r.LogBetween(int64(200*raft.Millisecond), int64(6*raft.Second)))
	s.last = raft.Duration(r.LogBetween(int64(200*raft.Millisecond), int64(6*raft.Second)))
	for c := FaultOneWay; c <= FaultStalledSync; c++ {
		if s.on[c] {
			s.bag = append(s.bag, c)
		}
	}
	if w.drift = s.on[FaultDrift]; w.drift {
		s.counts[FaultDrift]++
	}
	w.at(raft.Time(r.Between(int64(raft.Second/2), int64(2*raft.Second))), event{kind: evStorm})
}

// turnWeather begins a storm or ends it.
func (w *World) turnWeather() {
	s := &w.storm
	if s.over {
		return
	}
	s.blows = !s.blows
	if !s.blows {
		w.calm()
		w.note("the storm is over for a while")
		w.at(w.now+raft.Time(w.rand.Between(int64(raft.Second), int64(4*raft.Second))), event{kind: evStorm})
		return
	}
	w.note("a storm begins")
	w.rain(FaultDrop, &w.net.drop, s.drop)
	w.rain(FaultDelay, &w.net.delay, s.delay)
	w.rain(FaultDuplicate, &w.net.dup, s.dup)
	w.rain(FaultReorder, &w.net.reorder, s.reorder)
	w.net.delayMax, w.net.replay = s.delayMax, s.replay
	w.at(w.now+raft.Time(w.rand.Between(int64(4*raft.Second), int64(14*raft.Second))), event{kind: evStorm})
	if len(s.bag) > 0 {
		w.at(w.now+raft.Time(w.rand.Between(0, int64(s.every))), event{kind: evFault})
	}
}

// rain turns on a fault that each message meets by chance.
func (w *World) rain(c Class, chance *uint32, to uint32) {
	if w.storm.on[c] {
		*chance = to
	}
}

// calm ends whatever may disturb messages, mends links and disks, and lets
// paused processes go on. Processes that are down come back by themselves.
func (w *World) calm() {
	w.net.heal()
	w.net.drop, w.net.delay, w.net.dup, w.net.reorder = 0, 0, 0, 0
	w.storm.epoch++
	for i := range w.nodes {
		w.nodes[i].syncMin, w.nodes[i].syncMax = w.syncMin, w.syncMax
	}
}

// strike lets the next single fault happen and plans the one after it.
func (w *World) strike() {
	s, r := &w.storm, &w.rand
	if !s.blows || s.over {
		return
	}
	c := s.bag[r.Intn(len(s.bag))]
	w.inflict(c)
	w.at(w.now+raft.Time(r.Between(int64(s.every)/2, int64(s.every)*3/2)), event{kind: evFault})
}

// inflict does one fault to somebody.
func (w *World) inflict(c Class) {
	s, r := &w.storm, &w.rand
	victim := r.Intn(len(w.nodes))
	if c == FaultCrashLeader || c == FaultIsolateLeader || r.Chance(1, 4) {
		if l := w.leader(); l >= 0 {
			victim = l
		}
	}
	down := raft.Duration(r.LogBetween(int64(20*raft.Millisecond), int64(s.downMax)))
	done := true
	switch c {
	case FaultCrash, FaultCrashLeader:
		if done = w.nodes[victim].up; done {
			w.Crash(victim)
			w.at(w.now+raft.Time(down), event{kind: evRestart, node: victim, run: w.nodes[victim].run})
		}
	case FaultPowerCut:
		if done = w.nodes[victim].up; done {
			w.PowerCut(victim)
			w.at(w.now+raft.Time(down), event{kind: evRestart, node: victim, run: w.nodes[victim].run})
		}
	case FaultClusterPowerCut:
		if done = r.Chance(1, 3); done { // it hurts a whole cluster, so it comes less often
			w.clusterPowerCut()
		}
	case FaultPause:
		if done = w.nodes[victim].up && !w.nodes[victim].paused; done {
			w.Pause(victim, raft.Duration(r.LogBetween(int64(100*raft.Millisecond), int64(2*raft.Second))))
		}
	case FaultSlowDisk:
		w.nodes[victim].syncMin = raft.Duration(r.LogBetween(int64(raft.Millisecond), int64(60*raft.Millisecond)))
		w.nodes[victim].syncMax = 3 * w.nodes[victim].syncMin
		w.fault(name(victim) + " has a slow disk now")
	case FaultStalledSync:
		w.nodes[victim].stall = raft.Duration(r.LogBetween(int64(50*raft.Millisecond), int64(1500*raft.Millisecond)))
		w.fault("the next sync of " + name(victim) + " takes " + Millis(raft.Time(w.nodes[victim].stall)))
	default:
		w.cutSomething(c, victim)
	}
	if done {
		s.counts[c]++
	}
}

// cutSomething does a fault of links, and plans its end.
func (w *World) cutSomething(c Class, victim int) {
	r, n := &w.rand, len(w.nodes)
	switch c {
	case FaultOneWay:
		for to := range n {
			if to == victim || !r.Chance(1, 2) {
				continue
			}
			if r.Chance(1, 2) {
				w.net.cut[victim] |= 1 << to
				w.fault("the link from " + name(victim) + " to " + name(to) + " is cut one way")
			} else {
				w.net.cut[to] |= 1 << victim
				w.fault("the link from " + name(to) + " to " + name(victim) + " is cut one way")
			}
		}
	case FaultPartition:
		side := nodeSet(r.Uint64()) & all(n)
		w.net.partition(side)
		w.fault("the net splits: " + w.names(side) + " | " + w.names(all(n)&^side))
	case FaultIsolateLeader:
		w.net.partition(1 << victim)
		w.fault(name(victim) + " is cut off from all others")
	case FaultBridge:
		side := nodeSet(r.Uint64()) & all(n) &^ (1 << victim)
		for a := range n {
			for b := range n {
				if a != victim && b != victim && side.has(a) != side.has(b) {
					w.net.cut[a] |= 1 << b
				}
			}
		}
		w.fault("only " + name(victim) + " connects " + w.names(side) + " with the others")
	case FaultSlowLink:
		to := r.Intn(n)
		slow := raft.Duration(r.LogBetween(int64(5*raft.Millisecond), int64(200*raft.Millisecond)))
		w.net.slow[victim][to], w.net.slow[to][victim] = slow, slow
		w.fault("messages between " + name(victim) + " and " + name(to) + " take " + Millis(raft.Time(slow)) + " longer")
	}
	w.storm.epoch++
	w.at(w.now+raft.Time(r.LogBetween(int64(50*raft.Millisecond), int64(w.storm.last))), event{kind: evMend, n: w.storm.epoch})
}

// mend heals the links, unless a newer fault has cut them since.
func (w *World) mend(epoch uint64) {
	if epoch == w.storm.epoch {
		w.net.heal()
		w.fault("the links are whole again")
	}
}

// clusterPowerCut cuts the power of all nodes; it comes back to each a moment
// earlier or later.
func (w *World) clusterPowerCut() {
	back := raft.Time(w.rand.Between(int64(20*raft.Millisecond), int64(raft.Second)))
	for i := range w.nodes {
		if w.nodes[i].up {
			w.PowerCut(i)
			at := w.now + back + raft.Time(w.rand.Between(0, int64(300*raft.Millisecond)))
			w.at(at, event{kind: evRestart, node: i, run: w.nodes[i].run})
		}
	}
}

// names lists the nodes of a set: "S1 S3".
func (w *World) names(s nodeSet) string {
	out := ""
	for i := range w.nodes {
		if s.has(i) {
			if out != "" {
				out += " "
			}
			out += name(i)
		}
	}
	if out == "" {
		return "nobody"
	}
	return out
}
