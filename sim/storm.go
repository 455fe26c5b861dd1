package sim

import (
	"veche/raft"
	"veche/wal"
)

// turnWeather begins a storm or ends it.
func (w *World) turnWeather(begins bool) {
	s := &w.storm
	if s.over {
		return
	}
	if begins {
		w.note("a storm begins")
		return
	}
	w.calm()
	w.note("the storm is over for a while")
}

// calm ends whatever may disturb messages, mends links and disks, and disarms
// what waits to strike. Processes that are down come back by themselves.
func (w *World) calm() {
	w.net.heal()
	w.net.drop, w.net.delay, w.net.dup, w.net.reorder = 0, 0, 0, 0
	w.disarm()
	w.storm.epoch++
	for i := range w.nodes {
		w.nodes[i].syncMin, w.nodes[i].syncMax = w.syncMin, w.syncMax
		w.nodes[i].ills.fails = 0
		w.room(i)
	}
}

// strike lets one fault of the plan happen.
func (w *World) strike(f *Fault) {
	s := &w.storm
	if s.over {
		return
	}
	r := NewRand(w.opt.Seed, streamFaults+uint64(f.Number))
	if w.inflict(f.Class, &r) {
		s.counts[f.Class]++
	}
}

// inflict does one fault to somebody, and says whether it could be done.
func (w *World) inflict(c Class, r *Rand) bool {
	s := &w.storm
	victim := w.pick(r)
	if r.Chance(1, 4) || c == FaultCrashLeader || c == FaultIsolateLeader {
		if l := w.leader(); l >= 0 {
			victim = l
		}
	}
	down := raft.Duration(r.LogBetween(int64(20*raft.Millisecond), int64(s.downMax)))
	switch c {
	case FaultDrop:
		w.net.drop = s.drop
	case FaultDelay:
		w.net.delay, w.net.delayMax = s.delay, s.delayMax
	case FaultDuplicate:
		w.net.dup, w.net.replay = s.dup, s.replay
	case FaultReorder:
		w.net.reorder = s.reorder
	case FaultDrift:
		w.drift = max(w.drift, int64(w.maxDrift)-1) // divisions round
	case FaultWildDrift:
		w.drift, w.leases = 200_000, false // more than any lease could bear
	case FaultLevels:
		w.upgrades = true
	case FaultTorn:
		w.torn = true
	case FaultAddLearner, FaultAddVoter, FaultPromote, FaultDemote, FaultRemove, FaultRemoveLeader, FaultReplace, FaultJoint:
		return w.reform(c, r)
	case FaultCrash, FaultCrashLeader, FaultPowerCut, FaultPause, FaultSleep:
		return w.strikeProcess(c, victim, down, r)
	case FaultSlowDisk, FaultStalledSync, FaultDiskError, FaultFullDisk, FaultRot, FaultLostDisk:
		return w.strikeDisk(c, victim, down, r)
	case FaultClusterPowerCut:
		if !r.Chance(1, 3) { // it hurts a whole cluster, so it comes less often
			return false
		}
		w.clusterPowerCut(r)
	case FaultTransfer:
		return w.handOver(victim, r)
	case FaultPoint:
		w.armSome(victim, down, r)
		return false // it counts when somebody comes there
	default:
		w.cutSomething(c, victim, r)
	}
	return true
}

// strikeProcess does a fault of a server's process or machine.
func (w *World) strikeProcess(c Class, i int, down raft.Duration, r *Rand) bool {
	n := &w.nodes[i]
	if !n.up || (c == FaultPause || c == FaultSleep) && n.paused {
		return false
	}
	switch c {
	case FaultPause:
		w.Pause(i, raft.Duration(r.LogBetween(int64(100*raft.Millisecond), int64(2*raft.Second))))
	case FaultSleep:
		w.Sleep(i, raft.Duration(r.LogBetween(int64(100*raft.Millisecond), int64(5*raft.Second))))
	case FaultPowerCut:
		w.PowerCut(i)
		w.comeBack(i, down)
	default:
		w.Crash(i)
		w.comeBack(i, down)
	}
	return true
}

// strikeDisk does a fault of a server's disk.
func (w *World) strikeDisk(c Class, i int, down raft.Duration, r *Rand) bool {
	n := &w.nodes[i]
	switch c {
	case FaultSlowDisk:
		n.syncMin = raft.Duration(r.LogBetween(int64(raft.Millisecond), int64(60*raft.Millisecond)))
		n.syncMax = 3 * n.syncMin
		w.fault(name(i) + " has a slow disk now")
	case FaultStalledSync:
		n.stall = raft.Duration(r.LogBetween(int64(50*raft.Millisecond), int64(1500*raft.Millisecond)))
		w.fault("the next sync of " + name(i) + " takes " + Millis(raft.Time(n.stall)))
	case FaultDiskError:
		n.ills.fails = [...]wal.Op{wal.OpSync, wal.OpSync, wal.OpWrite, wal.OpSyncDir, wal.OpCreate, wal.OpRename, wal.OpRead}[r.Intn(7)]
	case FaultFullDisk:
		w.fill(i, r.LogBetween(1, 256<<10))
		w.at(w.now+raft.Time(r.LogBetween(int64(100*raft.Millisecond), int64(8*raft.Second))), event{kind: evRoom, node: i})
	case FaultRot:
		return w.rot(i, r, down)
	default:
		return w.loseDisk(i, down)
	}
	return true
}

// handOver asks the leader to hand over, to somebody or to whom it likes.
func (w *World) handOver(to int, r *Rand) bool {
	l := w.leader()
	if l < 0 || w.nodes[l].paused {
		return false
	}
	id := raft.NodeID(0)
	if r.Chance(1, 2) {
		id = raft.NodeID(to + 1)
	}
	w.fault(name(l) + " is asked to hand over to " + Server(id))
	w.nodes[l].loop.Transfer(group, id)
	w.soon(l)
	return true
}

// armSome sets snares at some places, each for one server or for all: several,
// since most servers never come to most places.
func (w *World) armSome(i int, down raft.Duration, r *Rand) {
	for range 3 {
		a := armed{point: r.Intn(Points), node: -1, down: down, power: r.Chance(1, 2)}
		if r.Chance(1, 2) {
			a.node = i
		}
		if r.Chance(1, 2) {
			a.skip = int(r.LogBetween(1, 64))
		}
		w.arm(a)
	}
}

// comeBack starts a process again that has just ended, after a while.
func (w *World) comeBack(i int, down raft.Duration) {
	w.at(w.now+raft.Time(down), event{kind: evRestart, node: i, run: w.nodes[i].run})
}

// cutSomething does a fault of links, and plans its end.
func (w *World) cutSomething(c Class, victim int, r *Rand) {
	n := len(w.nodes)
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
		to := w.pick(r)
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
func (w *World) clusterPowerCut(r *Rand) {
	back := raft.Duration(r.Between(int64(20*raft.Millisecond), int64(raft.Second)))
	for i := range w.nodes {
		if w.nodes[i].up {
			w.PowerCut(i)
			w.comeBack(i, back+raft.Duration(r.Between(0, int64(300*raft.Millisecond))))
		}
	}
}

// names lists the nodes of a set: "S1 S3".
func (w *World) names(s nodeSet) string {
	out := ""
	for i := range w.nodes {
		if s.has(i) && w.nodes[i].part != partUnused {
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
