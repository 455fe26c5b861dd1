package host

import "veche/raft"

// SnapshotWork is one thing that is to be done with snapshot files. Effects
// carry it out of a turn; a Keeper does it, and Loop.Kept takes it back with
// its answer in it. Works of one group keep their order on the way to the
// Keeper and back.
type SnapshotWork struct {
	Group raft.GroupID
	kind  workKind
	file  snapshotFile
	try   uint64 // of a fetch: which beginning it belongs to

	peer   raft.NodeID // Read: for whom
	offset uint64      // Read, Write
	length int         // Read
	data   []byte      // Write; the answer to Read
	sum    uint32      // of data, CRC-32C

	// The answer, with data and sum to Read, with offset to Open.
	total    uint64    // to Read: the size of the file
	gone     bool      // to Read: there is no such file
	complete bool      // to Open: all of it is there already
	base     raft.Base // to Finish
	err      error     // why it could not be done
}

// workKind says what a SnapshotWork is.
type workKind uint8

const (
	workPin     workKind = 1 // open the file, to be read also when it is out of date
	workRead    workKind = 2 // read a part of it
	workRelease workKind = 3 // close it
	workOpen    workKind = 4 // begin to receive, or go on where it stopped
	workWrite   workKind = 5 // add what was received
	workFinish  workKind = 6 // check the whole, and make it durable
	workPause   workKind = 7 // receive no more for now
	workDrop    workKind = 8 // throw away what was received
)

// snapshotFile names the snapshot of a group.
type snapshotFile struct {
	index raft.Index
	term  raft.Term // of the entry at index
}

// Err is why the Keeper could not do it, or nil.
func (w *SnapshotWork) Err() error { return w.err }

// Bytes is how much of a file the work reads or writes.
func (w *SnapshotWork) Bytes() int { return w.length + len(w.data) }
