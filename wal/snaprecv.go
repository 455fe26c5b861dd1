package wal

import (
	"strconv"

	"veche/raft"
)

const partSuffix = ".part"

// partName names the file of a snapshot that is still arriving.
func partName(g raft.GroupID, index raft.Index, term raft.Term) string {
	return hex(uint64(g)) + "-" + hex(uint64(index)) + "-" + hex(uint64(term)) + partSuffix
}

// partParts is the opposite of partName.
func partParts(name string) (raft.GroupID, raft.Index, raft.Term, bool) {
	if len(name) != 50+len(partSuffix) || name[16] != '-' || name[33] != '-' || name[50:] != partSuffix {
		return 0, 0, 0, false
	}
	g, ok := unhex(name[:16])
	index, ok2 := unhex(name[17:33])
	term, ok3 := unhex(name[34:50])
	return raft.GroupID(g), raft.Index(index), raft.Term(term), ok && ok2 && ok3
}

// SnapshotReceiver writes down a snapshot file that arrives from a peer, and
// checks each block before it is written. It holds one block in memory. One
// goroutine uses it.
//
// A byte at or behind a multiple of snapshotSyncBytes is written only when all
// before that multiple is durable. So what stands before the last multiple in a
// file that was left needs no other proof of it.
type SnapshotReceiver struct {
	log      *Log
	file     File
	name     string // of the part
	arrival  arrival
	complete bool // there was a complete file already
	err      error
}

// ReceiveSnapshot begins to receive the snapshot file of group g at index and
// term, or goes on where an earlier receiver of this file stopped, also in a
// process before. Parts of the group's other snapshots are removed. It reads
// what has arrived already, which may take a second for each GiB. Any goroutine
// may call it, one at a time for a group.
//
// After an error, here or later, the log lives on.
func (l *Log) ReceiveSnapshot(g raft.GroupID, index raft.Index, term raft.Term) (*SnapshotReceiver, error) {
	if err := l.alive(); err != nil {
		return nil, err
	}
	r := &SnapshotReceiver{log: l, name: partName(g, index, term)}
	head := snapshotHead{cluster: l.id.Cluster, group: g, base: raft.Base{Index: index, Term: term}}
	names, err := l.fs.List(l.dir)
	if err != nil {
		return nil, wrap("list data directory "+l.dir, err)
	}
	begun := false
	for _, name := range names {
		if of, _, _, ok := partParts(name); !ok || of != g {
			continue
		}
		if begun = begun || name == r.name; name == r.name {
			continue
		}
		if err := l.fs.Remove(l.dir + "/" + name); err != nil && !missing(err) {
			return nil, wrap("remove the old "+l.dir+"/"+name, err)
		}
	}
	if r.there(head) {
		return r, nil
	}
	r.arrival = arrival{head: head}
	if begun {
		if err := r.resume(); err != nil {
			return nil, err
		}
		if r.file != nil {
			return r, nil
		}
		r.arrival = arrival{head: head}
	}
	if r.file, err = l.fs.Create(r.path()); err != nil {
		return nil, wrap("create "+r.path(), err)
	}
	return r, nil
}

// there says whether the whole file has been received before.
func (r *SnapshotReceiver) there(h snapshotHead) bool {
	s, err := r.log.OpenSnapshot(h.group, h.base.Index)
	if err != nil {
		return false
	}
	defer s.Close()
	if s.Base().Term != h.base.Term || s.Verify() != nil {
		return false
	}
	r.complete = true
	r.arrival = arrival{head: s.head, off: s.Size()}
	return true
}

// resume goes through the part that is there, up to its last good block. What
// is not known to be durable of it is written again, since after a failed sync
// a read shows bytes that the disk never got. Without a file afterwards it was
// of no use, and is removed.
func (r *SnapshotReceiver) resume() error {
	f, err := r.log.fs.Open(r.path())
	if err != nil {
		return wrap("open "+r.path(), err)
	}
	fail := func(what string, err error) error {
		_ = f.Close()
		return wrap(what+" "+r.path(), err)
	}
	size, err := f.Size()
	if err != nil {
		return fail("read", err)
	}
	durable := (size - 1) / snapshotSyncBytes * snapshotSyncBytes
	b := make([]byte, blockBytes)
	for off := int64(0); off < size; off += int64(len(b)) {
		b = b[:min(size-off, blockBytes)]
		if err := readFull(f, b, off); err != nil {
			return fail("read", err)
		}
		if r.arrival.take(b) != "" {
			break
		}
	}
	r.arrival.rewind()
	mixed := r.arrival.state == 2 && r.arrival.off == r.arrival.head.size() && !r.arrival.complete()
	if r.arrival.off == 0 || r.arrival.off < durable || mixed {
		if err := r.log.fs.Remove(r.path()); err != nil {
			return fail("remove the damaged", err)
		}
		return f.Close()
	}
	for off := durable; off < r.arrival.off; off += int64(len(b)) {
		b = b[:min(r.arrival.off-off, blockBytes)]
		if err := readFull(f, b, off); err != nil {
			return fail("read", err)
		}
		if _, err := f.WriteAt(b, off); err != nil {
			return fail("write", err)
		}
	}
	if err := f.Sync(); err != nil {
		return fail("sync", err)
	}
	r.file = f
	return nil
}

func (r *SnapshotReceiver) path() string { return r.log.dir + "/" + r.name }

// Offset is where the file goes on: how much of it has arrived.
func (r *SnapshotReceiver) Offset() uint64 { return uint64(r.arrival.off) }

// Complete says whether everything has arrived, so that Finish may be called.
func (r *SnapshotReceiver) Complete() bool {
	return r.complete || r.err == nil && r.arrival.complete()
}

// Write takes the bytes of the file at off, which must be Offset: else nothing
// happens but an error. Bytes that cannot be the snapshot's are an ErrDamaged,
// and after it, as after a failed write or sync, the part is thrown away: a
// later ReceiveSnapshot begins anew.
func (r *SnapshotReceiver) Write(off uint64, data []byte) error {
	switch {
	case r.err != nil:
		return r.err
	case r.complete || off != r.Offset():
		return wrap("receive "+r.path(), optionError("it goes on at "+strconv.FormatUint(r.Offset(), 10)+", not at "+strconv.FormatUint(off, 10)))
	}
	for len(data) > 0 && r.err == nil {
		at := r.arrival.off
		n := min(int64(len(data)), snapshotSyncBytes-at%snapshotSyncBytes)
		if what := r.arrival.take(data[:n]); what != "" {
			return r.fail(&DamageError{File: r.path(), Offset: r.arrival.begins(), Group: r.arrival.head.group,
				What: "what a peer sent is not this snapshot: " + what, fresh: true})
		}
		if _, err := r.file.WriteAt(data[:n], at); err != nil {
			return r.fail(wrap("write "+r.path(), err))
		}
		if data = data[n:]; (at+n)%snapshotSyncBytes == 0 {
			if err := r.file.Sync(); err != nil {
				return r.fail(wrap("sync "+r.path(), err))
			}
		}
	}
	return nil
}

// fail throws the part away.
func (r *SnapshotReceiver) fail(err error) error {
	r.Discard()
	r.err = err
	return err
}

// Finish makes the snapshot durable under its name, and returns its base. Until
// a raft.Write with that Snapshot is durable, it counts for nothing. After an
// error other than that something is missing yet, the part is thrown away.
func (r *SnapshotReceiver) Finish() (raft.Base, error) {
	var none raft.Base
	if r.err != nil {
		return none, r.err
	}
	l, h := r.log, &r.arrival.head
	if r.complete {
		r.err = errSnapshotOver
		if err := l.fs.SyncDir(l.dir); err != nil {
			return none, wrap("sync directory "+l.dir, err)
		}
		return h.base, nil
	}
	if !r.arrival.complete() {
		return none, wrap("receive "+r.path(), optionError("it is not complete yet"))
	}
	size, err := r.file.Size()
	if err == nil && size != h.size() {
		err = &DamageError{File: r.path(), Offset: h.size(), Group: h.group, What: "the snapshot has not the length that its head says", fresh: true}
	}
	if err == nil {
		err = l.alive()
	}
	if err != nil {
		return none, r.fail(err)
	}
	if err := r.file.Sync(); err != nil {
		return none, r.fail(wrap("sync "+r.path(), err))
	}
	r.err = errSnapshotOver
	if err := publish(l, r.file, r.name, snapshotName(h.group, h.base.Index)); err != nil {
		return none, err
	}
	l.mu.Lock()
	l.stats.Received++
	l.mu.Unlock()
	return h.base, nil
}

// Discard throws away what has arrived, unless it is finished.
func (r *SnapshotReceiver) Discard() {
	if r.err == nil && r.file != nil {
		_ = r.file.Close()
		_ = r.log.fs.Remove(r.path()) // a later receiver removes it otherwise
	}
	r.Close()
}

// Close lets the file go, and leaves what has arrived for a later
// ReceiveSnapshot.
func (r *SnapshotReceiver) Close() {
	if r.err == nil && r.file != nil {
		_ = r.file.Close()
	}
	if r.err == nil {
		r.err = optionError("the receiver is closed")
	}
}

// arrival checks the bytes of a snapshot file as they arrive, in any portions.
type arrival struct {
	head  snapshotHead // what is expected, then what the file says
	sums  blocks
	state uint8  // 0: the fixed part of the head is awaited; 1: the rest; 2: blocks
	piece []byte // of the head or the block that is not complete yet
	off   int64  // behind what was taken
}

// length of the piece that is awaited.
func (a *arrival) length() int {
	switch a.state {
	case 0:
		return snapshotFixed
	case 1:
		return int(a.head.front)
	}
	return int(min(a.head.size()-a.begins(), blockBytes+blockSum))
}

// begins is where the piece that is awaited begins.
func (a *arrival) begins() int64 { return a.off - int64(len(a.piece)) }

// complete says whether the whole file has arrived. A file without data ends
// with its head.
func (a *arrival) complete() bool {
	return a.state == 2 && a.off == a.head.size() && len(a.piece) == 0 && a.sums.chain == a.head.sum
}

// take returns what is wrong with the bytes that follow, or "". Nothing more is
// to be given to it then, unless rewind is called.
func (a *arrival) take(p []byte) string {
	for len(p) > 0 {
		want := a.length()
		if want == 0 {
			return "it goes on behind its end"
		}
		if a.piece == nil {
			a.piece = make([]byte, 0, blockBytes+blockSum)
		}
		n := min(want-len(a.piece), len(p))
		a.piece = append(a.piece, p[:n]...)
		a.off += int64(n)
		p = p[n:]
		if len(a.piece) < want {
			return ""
		}
		if what := a.pieceDone(); what != "" {
			return what
		}
	}
	return ""
}

// pieceDone checks a piece that is complete.
func (a *arrival) pieceDone() string {
	what := ""
	switch a.state {
	case 0:
		if what = a.head.fixed(a.piece); what == "" {
			a.state = 1 // the piece goes on
			if len(a.piece) < int(a.head.front) {
				return ""
			}
			what = "the lengths in the snapshot's head make no sense" // there is always a base
		}
	case 1:
		if what = a.head.whole(a.piece); what == "" {
			a.state, a.sums = 2, a.head.blocks()
		}
	default:
		if !a.sums.holds(a.piece) {
			what = "the checksum of a block is wrong"
		}
	}
	if what != "" {
		return what
	}
	a.piece = a.piece[:0]
	if a.off == a.head.size() && a.sums.chain != a.head.sum {
		return "its blocks are not those of its head"
	}
	return ""
}

// rewind forgets the piece that is not complete, or was bad.
func (a *arrival) rewind() {
	a.off = a.begins()
	a.piece = a.piece[:0]
	if a.state == 1 {
		a.state = 0
	}
}
