package wal

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"strconv"

	"veche/raft"
)

// A snapshot file is a head, then the data in blocks of 64 KiB (the last may be
// shorter), each followed by its checksum. The head, in little endian:
//
//	 0  magic                            8 bytes
//	 8  format                           u32
//	12  checksum of the head from 16 on  u32   CRC-32C, and of all that follows
//	16  length of the base               u32
//	20  checksum of the blocks' own      u32   so that no block of another file fits in
//	24  length of the data               u64
//	32  cluster                          16 bytes
//	48  group                            u64
//	56  index                            u64
//	64  term                             u64
//	72  base, as a raft.Write
//
// A block's checksum also covers the cluster, the group, the index, the term and
// the block's number. The head is written last: what it says comes last.
const (
	snapshotMagic  = "veche/sn"
	snapshotFormat = 2
	snapshotFixed  = 72
	blockBytes     = 64 << 10
	blockSum       = 4
)

// snapshotHead is what a snapshot file says of itself.
type snapshotHead struct {
	cluster raft.ClusterID
	group   raft.GroupID
	base    raft.Base
	sum     uint32 // of the blocks' checksums
	data    uint64 // bytes
	front   int64  // where the first block begins
}

// append writes the head at the end of an empty b.
func (h *snapshotHead) append(b []byte) []byte {
	b = append(b, make([]byte, snapshotFixed)...)
	b = raft.AppendWrite(b, &raft.Write{Snapshot: &h.base})
	copy(b, snapshotMagic)
	binary.LittleEndian.PutUint32(b[8:], snapshotFormat)
	binary.LittleEndian.PutUint32(b[16:], uint32(len(b)-snapshotFixed))
	binary.LittleEndian.PutUint32(b[20:], h.sum)
	binary.LittleEndian.PutUint64(b[24:], h.data)
	copy(b[32:], h.cluster[:])
	binary.LittleEndian.PutUint64(b[48:], uint64(h.group))
	binary.LittleEndian.PutUint64(b[56:], uint64(h.base.Index))
	binary.LittleEndian.PutUint64(b[64:], uint64(h.base.Term))
	binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b[16:], castagnoli))
	return b
}

// fixed reads the part of the head whose length is always the same, and returns
// what is wrong with it in a few words, or "". Cluster, group and index of h say
// what the file should be, and its base's term too unless it is 0.
func (h *snapshotHead) fixed(b []byte) string {
	switch {
	case len(b) < snapshotFixed:
		return "the snapshot is too short"
	case string(b[:8]) != snapshotMagic:
		return "it does not begin as a snapshot does"
	case binary.LittleEndian.Uint32(b[8:]) != snapshotFormat:
		return "its format is number " + strconv.FormatUint(uint64(binary.LittleEndian.Uint32(b[8:])), 10) +
			", and this program knows only " + strconv.Itoa(snapshotFormat)
	case raft.ClusterID(b[32:48]) != h.cluster:
		return "the snapshot is of another cluster"
	case raft.GroupID(binary.LittleEndian.Uint64(b[48:])) != h.group || raft.Index(binary.LittleEndian.Uint64(b[56:])) != h.base.Index:
		return "the snapshot is of another group or index than its name says"
	case h.base.Term != 0 && raft.Term(binary.LittleEndian.Uint64(b[64:])) != h.base.Term:
		return "the snapshot is of another term than was asked for"
	case binary.LittleEndian.Uint32(b[16:]) > snapshotHeadMax-snapshotFixed || binary.LittleEndian.Uint64(b[24:]) > snapshotDataMax:
		return "the lengths in the snapshot's head make no sense"
	}
	h.front = snapshotFixed + int64(binary.LittleEndian.Uint32(b[16:]))
	h.sum = binary.LittleEndian.Uint32(b[20:])
	h.data = binary.LittleEndian.Uint64(b[24:])
	return ""
}

// whole reads a head of h.front bytes that fixed has found good.
func (h *snapshotHead) whole(b []byte) string {
	var w raft.Write
	switch {
	case crc32.Checksum(b[16:], castagnoli) != binary.LittleEndian.Uint32(b[12:]):
		return "the checksum of the snapshot's head is wrong"
	case raft.DecodeWrite(b[snapshotFixed:], &w) != nil || w.Snapshot == nil || w.Snapshot.Index != h.base.Index ||
		w.Snapshot.Term != raft.Term(binary.LittleEndian.Uint64(b[64:])):
		return "the snapshot's base cannot be decoded"
	}
	h.base = *w.Snapshot
	return ""
}

// size of the whole file.
func (h *snapshotHead) size() int64 {
	return h.front + int64(h.data) + blockSum*int64((h.data+blockBytes-1)/blockBytes)
}

// blocks checks or makes the blocks of one file in their order.
type blocks struct {
	seed   uint32
	number uint64
	chain  uint32 // checksum of the checksums so far
}

func (h *snapshotHead) blocks() blocks {
	var b [40]byte
	copy(b[:], h.cluster[:])
	binary.LittleEndian.PutUint64(b[16:], uint64(h.group))
	binary.LittleEndian.PutUint64(b[24:], uint64(h.base.Index))
	binary.LittleEndian.PutUint64(b[32:], uint64(h.base.Term))
	return blocks{seed: crc32.Checksum(b[:], castagnoli)}
}

// seal puts the checksum into the last bytes of a block.
func (s *blocks) seal(block []byte) {
	n := len(block) - blockSum
	binary.LittleEndian.PutUint32(block[n:], s.sum(block[:n]))
	s.pass(block[n:])
}

// holds says whether a block's checksum, its last bytes, is right.
func (s *blocks) holds(block []byte) bool {
	n := len(block) - blockSum
	if n <= 0 || s.sum(block[:n]) != binary.LittleEndian.Uint32(block[n:]) {
		return false
	}
	s.pass(block[n:])
	return true
}

func (s *blocks) sum(data []byte) uint32 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], s.number)
	return crc32.Update(crc32.Update(s.seed, castagnoli, b[:]), castagnoli, data)
}

func (s *blocks) pass(sum []byte) {
	s.chain = crc32.Update(s.chain, castagnoli, sum)
	s.number++
}

func snapshotName(g raft.GroupID, index raft.Index) string {
	return hex(uint64(g)) + "-" + hex(uint64(index)) + snapshotSuffix
}

// snapshotParts is the opposite of snapshotName.
func snapshotParts(name string) (raft.GroupID, raft.Index, bool) {
	if len(name) != 33+len(snapshotSuffix) || name[16] != '-' || name[33:] != snapshotSuffix {
		return 0, 0, false
	}
	g, ok := unhex(name[:16])
	index, ok2 := unhex(name[17:33])
	return raft.GroupID(g), raft.Index(index), ok && ok2
}

// SnapshotWriter writes one snapshot file. It holds one block in memory.
type SnapshotWriter struct {
	log   *Log
	file  File
	name  string
	head  snapshotHead
	sums  blocks
	block []byte // the data of the next block
	off   int64  // where it will stand
	dirty int64  // bytes written since the last sync
	err   error  // the first; or that it is over
}

var errSnapshotOver = optionError("the snapshot is committed or aborted already")

// CreateSnapshot begins the file of the state machine's snapshot of group g at
// base. What is written counts for nothing before Commit; every writer must be
// ended by Commit or Abort. Any goroutine may call it, one at a time for a group.
//
// After an error, here or later, nothing is recorded, and the log lives on: a
// snapshot may be made again.
func (l *Log) CreateSnapshot(g raft.GroupID, base raft.Base) (*SnapshotWriter, error) {
	if err := l.alive(); err != nil {
		return nil, err
	}
	w := &SnapshotWriter{log: l, name: snapshotName(g, base.Index),
		head: snapshotHead{cluster: l.id.Cluster, group: g, base: cloneBase(&base)}}
	w.head.front = int64(len(w.head.append(nil)))
	if w.head.front > snapshotHeadMax {
		return nil, wrap("save a snapshot of group "+hex(uint64(g)), optionError("its configuration is larger than 256 KiB"))
	}
	tmp := l.dir + "/" + w.name + tmpSuffix
	if err := l.fs.Remove(tmp); err != nil && !missing(err) {
		return nil, wrap("remove what is left of "+tmp, err)
	}
	f, err := l.fs.Create(tmp)
	if err != nil {
		return nil, wrap("create "+tmp, err)
	}
	w.file, w.sums, w.off = f, w.head.blocks(), w.head.front
	w.block = make([]byte, 0, blockBytes+blockSum)
	return w, nil
}

// Write adds data. After an error the snapshot can only be aborted.
func (w *SnapshotWriter) Write(data []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n := 0
	for n < len(data) {
		k := min(blockBytes-len(w.block), len(data)-n)
		w.block = append(w.block, data[n:n+k]...)
		n += k
		if len(w.block) == blockBytes {
			if w.err = w.flush(); w.err != nil {
				return n, w.err
			}
		}
	}
	return n, nil
}

// flush writes the block that is filled so far.
func (w *SnapshotWriter) flush() error {
	n := len(w.block)
	if n == 0 {
		return nil
	}
	if w.head.data += uint64(n); w.head.data > snapshotDataMax {
		return wrap("write snapshot "+w.path(), optionError("it is larger than 1 EiB"))
	}
	w.block = w.block[:n+blockSum]
	w.sums.seal(w.block)
	if _, err := w.file.WriteAt(w.block, w.off); err != nil {
		return wrap("write snapshot "+w.path(), err)
	}
	w.off += int64(len(w.block))
	w.dirty += int64(len(w.block))
	w.block = w.block[:0]
	if w.dirty < snapshotSyncBytes {
		return nil
	}
	w.dirty = 0
	return w.sync()
}

func (w *SnapshotWriter) sync() error {
	if err := w.file.Sync(); err != nil {
		return wrap("sync snapshot "+w.path(), err)
	}
	return nil
}

func (w *SnapshotWriter) path() string { return w.log.dir + "/" + w.name }

// Commit makes the snapshot durable under its name. Only a later raft.Write
// whose Snapshot is its base makes it the one to start from; older files stay
// until such a write is durable, and are then removed by Prepare. After an error
// there is no need of Abort.
func (w *SnapshotWriter) Commit() error {
	if w.err == nil {
		w.err = w.flush()
	}
	if w.err == nil {
		w.err = w.log.alive()
	}
	if w.err == nil {
		w.head.sum = w.sums.chain
		if _, err := w.file.WriteAt(w.head.append(nil), 0); err != nil {
			w.err = wrap("write snapshot "+w.path(), err)
		}
	}
	if w.err == nil {
		w.err = w.sync()
	}
	if w.err != nil {
		err := w.err
		w.Abort()
		return err
	}
	w.err = errSnapshotOver
	if err := publish(w.log, w.file, w.name+tmpSuffix, w.name); err != nil {
		return err
	}
	w.log.mu.Lock()
	w.log.stats.Snapshots++
	w.log.mu.Unlock()
	return nil
}

// Abort throws away what was written. After Commit it does nothing.
func (w *SnapshotWriter) Abort() {
	if w.file == nil || w.err == errSnapshotOver {
		return
	}
	w.err = errSnapshotOver
	_ = w.file.Close()
	_ = w.log.fs.Remove(w.path() + tmpSuffix) // its room is better free; Open removes it otherwise
}

// publish gives a file that is synced its name for good.
func publish(l *Log, f File, from, to string) error {
	err := f.Close()
	if err == nil {
		err = l.fs.Rename(l.dir+"/"+from, l.dir+"/"+to)
	}
	if err != nil {
		_ = l.fs.Remove(l.dir + "/" + from)
		return wrap("write snapshot "+l.dir+"/"+to, err)
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return wrap("sync directory "+l.dir, err)
	}
	return nil
}

var _ io.Writer = (*SnapshotWriter)(nil)
