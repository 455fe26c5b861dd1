package sim

import (
	"errors"

	"veche/raft"
	"veche/wal"
)

// ills is what is wrong with a node's disk now.
type ills struct {
	fails   wal.Op           // the next such operation fails; 0: none will
	failed  bool             // one has, since the process started
	full    bool             // there is little room
	rotten  bool             // a bit of it has changed, and it was not opened since
	rotted  bool             // a bit of it has changed at some time
	batches map[string]batch // of each segment
	tears   bool             // its power goes in the middle of its next write
	torn    bool             // that has happened, and its log was not opened since
}

// batch is where the writes of a segment began since the last sync of it, and
// before. What stands before last is known to be durable by what stands there: a
// bit that changes later on may look like a write that tore.
type batch struct {
	last, now int64
	open      bool // there were writes since the last sync
}

// note sees the writes and the syncs of segments.
func (b batch) note(op wal.Op, off int64) batch {
	switch {
	case op == wal.OpWrite && !b.open:
		b.now, b.open = off, true
	case op == wal.OpSync && b.open:
		b.last, b.open = b.now, false
	}
	return b
}

// touched is asked before a file of a server is touched. Once the server's end
// has come there, nothing works any more.
func (w *World) touched(i int, op wal.Op, name string, off int64) error {
	n := &w.nodes[i]
	if (op == wal.OpWrite || op == wal.OpSync) && hasSuffix(name, ".wal") {
		n.ills.batches[name] = n.ills.batches[name].note(op, off)
	}
	if n.dying != nil {
		return wal.ErrCrashed
	}
	if n.ills.fails == op {
		n.ills.fails, n.ills.failed = 0, true
		w.fault(Server(raft.NodeID(i+1)) + " has a disk that fails: " + opWords[op] + " " + name)
		return wal.ErrIO
	}
	at := atDisk
	if n.opening {
		at = atOpening
	}
	if w.snares.waits[at] == 0 {
		return nil
	}
	if n.dying = w.snared(i, at, factsOfFile(op, name)); n.dying != nil {
		return wal.ErrCrashed
	}
	return nil
}

var opWords = [wal.OpSync + 1]string{wal.OpCreate: "create", wal.OpRename: "rename", wal.OpSyncDir: "sync", wal.OpRead: "read",
	wal.OpWrite: "write", wal.OpSync: "sync"}

// diskFailed says whether the server has ended while it touched its disk: its
// end had come there, or the disk failed or was full, which a server does not
// go on with. An error that nobody has caused breaks a promise.
func (w *World) diskFailed(i int, what string, err error) bool {
	n := &w.nodes[i]
	if a := n.dying; a != nil {
		n.dying = nil
		a.power = true // a write that was under way tears only then
		w.ends(i, a)
		return true
	}
	if err == nil {
		return false
	}
	if n.ills.failed && errors.Is(err, wal.ErrIO) || n.ills.full && errors.Is(err, wal.ErrNoSpace) {
		w.fault(name(i) + " stops: it cannot " + what)
		w.Crash(i)
		w.comeBack(i, raft.Duration(n.wear.LogBetween(int64(50*raft.Millisecond), int64(2*raft.Second))))
		return true
	}
	if n.ills.rotten && errors.Is(err, wal.ErrDamaged) {
		w.fault(name(i) + " cannot " + what + ", and is of no use any more")
		w.leave(i, partLost)
		return true
	}
	w.witness.must(false, DiskRemembers, func() string { return name(i) + " cannot " + what + ": " + err.Error() })
	return true
}

// rot changes a bit of one of a node's files, unless the others could not do
// without it, and lets its machine start anew.
func (w *World) rot(i int, r *Rand, down raft.Duration) bool {
	n := &w.nodes[i]
	if !w.in(i) || !w.livesWithout(1<<i) || w.now-w.askedAt < raft.Time(raft.Second) {
		return false
	}
	names, err := n.disk.List(dataDir)
	if err != nil || len(names) == 0 {
		return false
	}
	file := dataDir + "/" + names[r.Intn(len(names))]
	size, _ := n.disk.Length(file)
	if hasSuffix(file, ".wal") {
		size = min(size, n.ills.batches[file].last)
	}
	if size == 0 {
		return false
	}
	if !n.disk.Rot(file, r.Between(0, size-1), 1<<r.Intn(8)) {
		return false
	}
	n.ills.rotten, n.ills.rotted = true, true
	w.fault(name(i) + " has a bit of " + file + " changed")
	if n.up {
		w.PowerCut(i)
		w.comeBack(i, down)
	}
	return true
}

// fill leaves a disk little room; room ends that.
func (w *World) fill(i int, room int64) {
	n := &w.nodes[i]
	n.ills.full = true
	n.disk.SetSpace(n.disk.Used() + room)
	w.fault(name(i) + " has a disk with room for " + num(uint64(room)) + " bytes")
}

func (w *World) room(i int) {
	if n := &w.nodes[i]; n.ills.full {
		n.ills.full = false
		n.disk.SetSpace(0)
		w.fault(name(i) + " has room on its disk again")
	}
}

// Tear lets a server lose power in the middle of a write to its log: of the one
// that is under way, or of its next one. Half of the last record is on the disk.
func (w *World) Tear(i int) {
	n := &w.nodes[i]
	n.ills.tears = true
	if n.syncing {
		w.tearNow(i)
	}
}

// tearNow says whether the server has lost power as Tear wants it.
func (w *World) tearNow(i int) bool {
	n := &w.nodes[i]
	if !n.ills.tears {
		return false
	}
	n.ills.tears = false
	w.fault(name(i) + " loses power")
	w.stop(i)
	if n.ills.torn = n.disk.CrashMid(); n.ills.torn {
		w.fault(name(i) + " has half of its last record on its disk")
	}
	return true
}

// crashDisk does to a disk what the end of its process (kill) or of its power
// does. A power cut keeps of what was not synced nothing, everything, or any
// sectors, as the seed decides; sectors may be torn.
func crashDisk(w *World, i int, power bool) {
	n := &w.nodes[i]
	if !power {
		n.disk.Kill()
		return
	}
	const sector = 512
	switch mode := n.wear.Intn(4); {
	case mode == 0:
		n.disk.Crash(nil)
	case mode == 1:
		n.disk.Crash(func(int) bool { return true })
	case w.torn:
		n.disk.CrashTorn(func(int) int {
			switch n.wear.Intn(3) {
			case 0:
				return 0
			case 1:
				return sector
			}
			return n.wear.Intn(sector + 1)
		})
	default:
		n.disk.Crash(func(int) bool { return n.wear.Chance(1, mode) })
	}
}
