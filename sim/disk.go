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
	w.nodes[i].ills = ills{batches: map[string]batch{}}
	d := wal.NewMemFS()
	d.Fail = func(op wal.Op, name string, off int64) error { return w.touched(i, op, name, off) }
	return d
}

func openLog(w *World, i int) (*wal.Log, error) {
	return wal.Open(w.nodes[i].disk, dataDir, identity(i), wal.Options{
		SegmentBytes: w.segmentBytes, Salvage: true,
		Random: func() uint64 { return w.nodes[i].rand.Uint64() | 1 },
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
