package wal

import (
	"io"

	"veche/raft"
)

// SnapshotReader reads one snapshot file, also after Prepare has removed it. It
// holds one block in memory. One goroutine calls Read; the other methods but
// Close may be called from others at the same time.
type SnapshotReader struct {
	file  File
	name  string
	head  snapshotHead
	sums  blocks
	block []byte // what Read has checked
	left  []byte // of it, not handed out yet
	next  int64  // where the block after it stands
	err   error  // what Read ended with
}

// OpenSnapshot opens the snapshot of group g at index, and checks its head. A
// file that is missing or damaged is an ErrDamaged, since it was durable before
// it was recorded; one that is missing is also an io/fs.ErrNotExist.
func (l *Log) OpenSnapshot(g raft.GroupID, index raft.Index) (*SnapshotReader, error) {
	name := l.dir + "/" + snapshotName(g, index)
	f, err := l.fs.Open(name)
	if missing(err) {
		return nil, &DamageError{File: name, Group: g, What: "the snapshot is missing", missing: true}
	}
	if err != nil {
		return nil, wrap("open snapshot "+name, err)
	}
	r := &SnapshotReader{file: f, name: name, head: snapshotHead{cluster: l.id.Cluster, group: g, base: raft.Base{Index: index}}}
	if err := r.open(); err != nil {
		_ = f.Close()
		return nil, err
	}
	return r, nil
}

// open reads the head.
func (r *SnapshotReader) open() error {
	size, err := r.file.Size()
	if err != nil {
		return wrap("read snapshot "+r.name, err)
	}
	b := make([]byte, min(size, snapshotFixed))
	if err := r.fill(b, 0); err != nil {
		return err
	}
	if what := r.head.fixed(b); what != "" {
		return r.damage(0, what)
	}
	if size != r.head.size() {
		return r.damage(min(size, r.head.size()), "the snapshot has not the length that its head says")
	}
	b = make([]byte, r.head.front)
	if err := r.fill(b, 0); err != nil {
		return err
	}
	if what := r.head.whole(b); what != "" {
		return r.damage(0, what)
	}
	r.sums, r.next = r.head.blocks(), r.head.front
	return nil
}

func (r *SnapshotReader) fill(b []byte, off int64) error {
	if err := readFull(r.file, b, off); err != nil {
		return wrap("read snapshot "+r.name, err)
	}
	return nil
}

func (r *SnapshotReader) damage(off int64, what string) error {
	return &DamageError{File: r.name, Offset: off, Group: r.head.group, What: what}
}

// Base is where the snapshot stands.
func (r *SnapshotReader) Base() raft.Base { return r.head.base }

// Size is the length of the file.
func (r *SnapshotReader) Size() int64 { return r.head.size() }

// Data is the length of what Read gives in all.
func (r *SnapshotReader) Data() uint64 { return r.head.data }

// Read gives the next of the data. No byte comes out that was not checked: a bad
// block is an ErrDamaged that names its place.
func (r *SnapshotReader) Read(p []byte) (int, error) {
	if len(r.left) == 0 && r.err == nil {
		r.block, r.err = r.load(&r.sums, r.next, r.block)
		r.next += int64(len(r.block))
		r.left = r.block[:max(len(r.block)-blockSum, 0)]
	}
	if len(r.left) == 0 {
		return 0, r.err
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

// load reads the block at off into b, which may be nil, and checks it. The last
// one is good only if all checksums together are what the head says.
func (r *SnapshotReader) load(s *blocks, off int64, b []byte) ([]byte, error) {
	n := min(r.head.size()-off, blockBytes+blockSum)
	if n > 0 && b == nil {
		b = make([]byte, n)
	}
	b = b[:max(n, 0)]
	if n > 0 {
		if err := r.fill(b, off); err != nil {
			return nil, err
		}
		if !s.holds(b) {
			return nil, r.damage(off, "the checksum of a block of the snapshot is wrong")
		}
	}
	switch {
	case off+n < r.head.size():
	case s.chain != r.head.sum:
		return nil, r.damage(r.head.front, "the snapshot's blocks are not those of its head")
	case n == 0:
		return nil, io.EOF
	}
	return b, nil
}

// Verify reads and checks the whole file, and disturbs no Read.
func (r *SnapshotReader) Verify() error {
	s := r.head.blocks()
	var b []byte
	for off := r.head.front; ; off += int64(len(b)) {
		var err error
		if b, err = r.load(&s, off, b); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// ReadAt reads the bytes of the file as they stand, unchecked: for a peer, which
// checks what it received.
func (r *SnapshotReader) ReadAt(p []byte, off int64) (int, error) { return r.file.ReadAt(p, off) }

// Close lets the file go.
func (r *SnapshotReader) Close() error { return r.file.Close() }

var _ io.ReadCloser = (*SnapshotReader)(nil)
