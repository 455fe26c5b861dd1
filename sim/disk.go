package sim

import (
	"io"

	"veche/host"
	"veche/raft"
	"veche/wal"
)

const dataDir = "data"

func identity(i int) wal.Identity {
	return wal.Identity{Cluster: raft.ClusterID{'s', 'i', 'm'}, Member: raft.NodeID(i + 1), Name: name(i)}
}

// newDisk gives an empty disk, which asks the world before it is touched.
func newDisk(w *World, i int) *wal.MemFS {
	d := wal.NewMemFS()
	d.Fail = func(op wal.Op, name string, _ int64) error { return w.touched(i, op, name) }
	return d
}

// touched is asked before a file of a server is touched. Once the server's end
// has come there, nothing works any more.
func (w *World) touched(i int, op wal.Op, name string) error {
	n := &w.nodes[i]
	if n.dying != nil {
		return wal.ErrCrashed
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

// diskFailed says whether the server has ended while it touched its disk. An
// error that nobody has caused breaks a promise.
func (w *World) diskFailed(i int, what string, err error) bool {
	n := &w.nodes[i]
	if a := n.dying; a != nil {
		n.dying = nil
		a.power = true // a write that was under way tears only then
		w.ends(i, a)
		return true
	}
	w.witness.must(err == nil, DiskRemembers, func() string { return name(i) + " cannot " + what + ": " + err.Error() })
	return err != nil
}

func openLog(w *World, i int) (*wal.Log, error) {
	return wal.Open(w.nodes[i].disk, dataDir, identity(i), wal.Options{
		SegmentBytes: w.segmentBytes,
		Random:       func() uint64 { return w.nodes[i].rand.Uint64() | 1 },
	})
}

// loadSnapshot reads the state that the log says to start from.
func loadSnapshot(l *wal.Log, i raft.Index) (io.ReadCloser, error) {
	return l.OpenSnapshot(group, i)
}

// saveSnapshot makes a captured state durable.
func saveSnapshot(l *wal.Log, c *host.Capture) error {
	return c.Save(l)
}

// presetDisk writes what a story wants a disk to hold before the first start.
func presetDisk(w *World, i int, r *raft.Restored) error {
	l, err := openLog(w, i)
	if err != nil {
		return err
	}
	write := raft.Write{Seq: 1, HardChanged: true, Hard: r.Hard, Entries: r.Entries}
	w.witness.wrote(i, &write, 0)
	if err := l.Append([]wal.Record{{Group: group, Write: write}}); err != nil {
		return err
	}
	if err := l.Sync(); err != nil {
		return err
	}
	w.witness.synced(i, 1)
	return l.Close()
}

// crashDisk does to a disk what the end of its process (kill) or of its power
// does. A power cut keeps of what was not synced nothing, everything, or any
// sectors, as the seed decides.
func crashDisk(w *World, i int, power bool) {
	d := w.nodes[i].disk
	if !power {
		d.Kill()
		return
	}
	switch mode := w.nodes[i].wear.Intn(4); mode {
	case 0:
		d.Crash(nil)
	case 1:
		d.Crash(func(int) bool { return true })
	default:
		d.Crash(func(int) bool { return w.nodes[i].wear.Chance(1, mode) })
	}
}
