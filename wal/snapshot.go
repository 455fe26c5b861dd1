package wal

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strconv"

	"veche/raft"
)

// A snapshot file holds: magic, format, checksum of all that follows it in the
// head, checksum of the data, length of the base, length of the data, cluster,
// group, index; then the base as a raft.Write, then the data.
const (
	snapshotMagic = "veche/sn"
	snapshotFixed = 8 + 4 + 4 + 4 + 4 + 8 + 16 + 8 + 8
)

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

// SaveSnapshot makes the state machine's snapshot of group g at base durable in
// a file of its own. Only a later Write whose Snapshot is that base makes it the
// one to start from; older files stay until such a write is durable, and are
// then removed by Prepare. Any goroutine may call it, one at a time for a group.
//
// After an error nothing is recorded, and the log lives on: a snapshot may be
// saved again.
func (l *Log) SaveSnapshot(g raft.GroupID, base raft.Base, data []byte) error {
	if err := l.alive(); err != nil {
		return err
	}
	front := snapshotFront(l.id.Cluster, g, base, data)
	if len(front) > snapshotHeadMax {
		return wrap("save a snapshot of group "+hex(uint64(g)), optionError("its configuration is larger than 1 MiB"))
	}
	if err := replace(l.fs, l.dir, snapshotName(g, base.Index), front, data); err != nil {
		return err
	}
	l.mu.Lock()
	l.stats.Snapshots++
	l.mu.Unlock()
	return nil
}

// snapshotFront is what stands before the data.
func snapshotFront(cluster raft.ClusterID, g raft.GroupID, base raft.Base, data []byte) []byte {
	b := make([]byte, snapshotFixed)
	b = raft.AppendWrite(b, &raft.Write{Snapshot: &base})
	copy(b, snapshotMagic)
	binary.LittleEndian.PutUint32(b[8:], 1)
	sum := uint32(0)
	for piece := range slices.Chunk(data, fillBytes) { // all at once could not be interrupted, and would hold others up
		sum = crc32.Update(sum, castagnoli, piece)
	}
	binary.LittleEndian.PutUint32(b[16:], sum)
	binary.LittleEndian.PutUint32(b[20:], uint32(len(b)-snapshotFixed))
	binary.LittleEndian.PutUint64(b[24:], uint64(len(data)))
	copy(b[32:], cluster[:])
	binary.LittleEndian.PutUint64(b[48:], uint64(g))
	binary.LittleEndian.PutUint64(b[56:], uint64(base.Index))
	binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b[16:], castagnoli))
	return b
}

// LoadSnapshot reads the snapshot of group g at index, and checks it. A file
// that is missing or damaged is an ErrDamaged, since it was durable before it
// was recorded. Memory is bounded by the size of the file.
func (l *Log) LoadSnapshot(g raft.GroupID, index raft.Index) (raft.Base, []byte, error) {
	name := l.dir + "/" + snapshotName(g, index)
	f, err := l.fs.Open(name)
	if missing(err) {
		return raft.Base{}, nil, &DamageError{File: name, Group: g, What: "the snapshot is missing"}
	}
	if err != nil {
		return raft.Base{}, nil, wrap("open snapshot "+name, err)
	}
	defer f.Close()
	s := snapshotReader{file: f, cluster: l.id.Cluster, group: g, index: index}
	base, data, err := s.read()
	if err != nil {
		return raft.Base{}, nil, wrap("read snapshot "+name, err)
	}
	if s.what != "" {
		return raft.Base{}, nil, &DamageError{File: name, Offset: s.off, Group: g, What: s.what}
	}
	return base, data, nil
}

// snapshotReader reads one file and says where it is bad.
type snapshotReader struct {
	file    File
	cluster raft.ClusterID
	group   raft.GroupID
	index   raft.Index
	off     int64
	what    string // what is wrong, or ""
}

func (s *snapshotReader) read() (raft.Base, []byte, error) {
	var none raft.Base
	size, err := s.file.Size()
	if err != nil {
		return none, nil, err
	}
	fixed := make([]byte, min(size, snapshotFixed))
	if err := readFull(s.file, fixed, 0); err != nil {
		return none, nil, err
	}
	if s.what = s.fixed(fixed, size); s.what != "" {
		return none, nil, nil
	}
	front := make([]byte, snapshotFixed+int(binary.LittleEndian.Uint32(fixed[20:])))
	if err := readFull(s.file, front, 0); err != nil {
		return none, nil, err
	}
	var w raft.Write
	switch {
	case crc32.Checksum(front[16:], castagnoli) != binary.LittleEndian.Uint32(front[12:]):
		s.what = "the checksum of the snapshot's head is wrong"
		return none, nil, nil
	case raft.DecodeWrite(front[snapshotFixed:], &w) != nil || w.Snapshot == nil || w.Snapshot.Index != s.index:
		s.off, s.what = snapshotFixed, "the snapshot's base cannot be decoded"
		return none, nil, nil
	}
	data := make([]byte, size-int64(len(front)))
	if err := readFull(s.file, data, int64(len(front))); err != nil {
		return none, nil, err
	}
	if crc32.Checksum(data, castagnoli) != binary.LittleEndian.Uint32(front[16:]) {
		s.off, s.what = int64(len(front)), "the checksum of the snapshot's data is wrong"
		return none, nil, nil
	}
	return *w.Snapshot, data, nil
}

// fixed checks the part of the head whose size is always the same.
func (s *snapshotReader) fixed(b []byte, size int64) string {
	switch {
	case len(b) < snapshotFixed:
		return "the snapshot is too short"
	case string(b[:8]) != snapshotMagic:
		return "it does not begin as a snapshot does"
	case binary.LittleEndian.Uint32(b[8:]) != 1:
		return "its format is number " + strconv.FormatUint(uint64(binary.LittleEndian.Uint32(b[8:])), 10) + ", and this program knows only 1"
	case raft.ClusterID(b[32:48]) != s.cluster:
		return "the snapshot is of another cluster"
	case raft.GroupID(binary.LittleEndian.Uint64(b[48:])) != s.group || raft.Index(binary.LittleEndian.Uint64(b[56:])) != s.index:
		return "the snapshot is of another group or index than its name says"
	case binary.LittleEndian.Uint32(b[20:]) > snapshotHeadMax || binary.LittleEndian.Uint64(b[24:]) > uint64(size) ||
		uint64(size) != snapshotFixed+uint64(binary.LittleEndian.Uint32(b[20:]))+binary.LittleEndian.Uint64(b[24:]):
		return "the snapshot has not the length that its head says"
	}
	return ""
}
