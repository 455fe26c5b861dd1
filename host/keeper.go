package host

import (
	"errors"
	"hash/crc32"
	"slices"

	"veche/raft"
	"veche/wal"
)

// Keeper is the half of a process that meets snapshot files for its peers: it
// carries out SnapshotWork. It belongs to one goroutine, which need not be the
// Loop's, and must be closed.
type Keeper struct {
	log      *wal.Log
	shelf    []*openSnapshot // files that peers fetch
	arriving []arrivingSnapshot
}

type openSnapshot struct {
	group raft.GroupID
	file  snapshotFile
	r     *wal.SnapshotReader
	begun bool // somebody has asked for its beginning
	sound bool // it was read and checked as a whole since
}

type arrivingSnapshot struct {
	group raft.GroupID
	file  snapshotFile
	r     *wal.SnapshotReceiver
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errChunkSum   = errors.New("a chunk of the snapshot arrived damaged")
	errNotBegun   = errors.New("a chunk arrived of a snapshot that is not being received")
	errIncomplete = errors.New("the snapshot is not complete, though all of it was received")
)

// NewKeeper gives a Keeper of the snapshots beside a log.
func NewKeeper(log *wal.Log) *Keeper { return &Keeper{log: log} }

// Do carries one work out, which may take as long as its bytes take the disk;
// to begin to receive a file that was received in part takes as long as to read
// that part. The answer stands in the work: see Loop.Kept.
func (k *Keeper) Do(w *SnapshotWork) {
	switch w.kind {
	case workPin:
		_, _ = k.shelved(w.Group, w.file) // who asks for it is told
	case workRead:
		k.read(w)
	case workRelease:
		k.release(w)
	case workOpen:
		k.open(w)
	case workWrite:
		k.write(w)
	case workFinish:
		k.finish(w)
	case workPause:
		k.leave(w, (*wal.SnapshotReceiver).Close)
	case workDrop:
		k.leave(w, (*wal.SnapshotReceiver).Discard)
	}
}

// Close lets all files go. What has been received stays for the next start.
func (k *Keeper) Close() {
	for _, o := range k.shelf {
		_ = o.r.Close() // it was only read
	}
	for _, a := range k.arriving {
		a.r.Close()
	}
	k.shelf, k.arriving = nil, nil
}

// shelved opens a file, or finds it open.
func (k *Keeper) shelved(g raft.GroupID, file snapshotFile) (*openSnapshot, error) {
	for _, o := range k.shelf {
		if o.group == g && o.file.index == file.index {
			return o, nil
		}
	}
	r, err := k.log.OpenSnapshot(g, file.index)
	if err != nil {
		return nil, err
	}
	o := &openSnapshot{group: g, file: snapshotFile{file.index, r.Base().Term}, r: r}
	k.shelf = append(k.shelf, o)
	return o, nil
}

// read answers with a part of a file. What cannot be read is gone for the peer:
// it asks for another. A file that is begun a second time may have arrived in
// vain, because it is damaged here: it is read as a whole, once.
func (k *Keeper) read(w *SnapshotWork) {
	o, err := k.shelved(w.Group, w.file)
	if err != nil || o.file != w.file || w.offset > uint64(o.r.Size()) {
		w.gone, w.err = true, err
		return
	}
	r := o.r
	if w.offset == 0 {
		if o.begun && !o.sound {
			if err := r.Verify(); err != nil {
				k.release(w)
				w.gone, w.err = true, err
				return
			}
			o.sound = true
		}
		o.begun = true
	}
	w.total = uint64(r.Size())
	w.data = make([]byte, min(uint64(w.length), w.total-w.offset))
	if n, err := r.ReadAt(w.data, int64(w.offset)); n < len(w.data) {
		w.gone, w.err, w.data = true, err, nil
		return
	}
	w.sum = crc32.Checksum(w.data, castagnoli)
}

func (k *Keeper) release(w *SnapshotWork) {
	k.shelf = slices.DeleteFunc(k.shelf, func(o *openSnapshot) bool {
		if o.group != w.Group || o.file.index != w.file.index {
			return false
		}
		_ = o.r.Close()
		return true
	})
}

// open begins to receive a file, instead of any other of the group.
func (k *Keeper) open(w *SnapshotWork) {
	k.leave(w, (*wal.SnapshotReceiver).Close)
	r, err := k.log.ReceiveSnapshot(w.Group, w.file.index, w.file.term)
	if err != nil {
		w.err = err
		return
	}
	k.arriving = append(k.arriving, arrivingSnapshot{w.Group, w.file, r})
	w.offset, w.complete = r.Offset(), r.Complete()
}

// receiver finds the receiver that a work is for.
func (k *Keeper) receiver(w *SnapshotWork) *wal.SnapshotReceiver {
	for _, a := range k.arriving {
		if a.group == w.Group && a.file == w.file {
			return a.r
		}
	}
	w.err = errNotBegun
	return nil
}

func (k *Keeper) write(w *SnapshotWork) {
	r := k.receiver(w)
	switch {
	case r == nil:
	case crc32.Checksum(w.data, castagnoli) != w.sum:
		w.err = errChunkSum
	default:
		w.err = r.Write(w.offset, w.data)
	}
	if w.err != nil {
		k.leave(w, (*wal.SnapshotReceiver).Close)
	}
	w.data = nil
}

func (k *Keeper) finish(w *SnapshotWork) {
	switch r := k.receiver(w); {
	case r == nil:
	case !r.Complete():
		w.err = errIncomplete
		k.leave(w, (*wal.SnapshotReceiver).Discard)
	default:
		w.base, w.err = r.Finish()
		k.leave(w, (*wal.SnapshotReceiver).Close)
	}
}

// leave ends the receiver of the work's group, if there is one.
func (k *Keeper) leave(w *SnapshotWork, end func(*wal.SnapshotReceiver)) {
	k.arriving = slices.DeleteFunc(k.arriving, func(a arrivingSnapshot) bool {
		if a.group != w.Group {
			return false
		}
		end(a.r)
		return true
	})
}

// Save writes the captured state into its snapshot file, durably; after an error
// there is no such file. In both cases call Loop.Snapshotted.
func (c *Capture) Save(log *wal.Log) error {
	f, err := log.CreateSnapshot(c.Group, c.Base)
	if err != nil {
		return err
	}
	if err := c.Write(f); err != nil {
		f.Abort()
		return err
	}
	return f.Commit()
}
