package sim

import (
	"errors"

	"veche/raft"
	"veche/wal"
)

// ills is what is wrong with a node's disk now.
type ills struct {
	fails  wal.Op // the next such operation fails; 0: none will
	failed bool   // one has, since the process started
	full   bool   // there is little room
}

// touched is asked before a file of a server is touched. Once the server's end
// has come there, nothing works any more.
func (w *World) touched(i int, op wal.Op, name string) error {
	n := &w.nodes[i]
	if n.dying != nil {
		return wal.ErrCrashed
	}
	if n.ills.fails == op {
		n.ills.fails, n.ills.failed = 0, true
		w.fault(Server(raft.NodeID(i+1)) + " has a disk that fails")
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
	w.witness.must(false, DiskRemembers, func() string { return name(i) + " cannot " + what + ": " + err.Error() })
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
