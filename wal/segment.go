package wal

import (
	"encoding/binary"
	"strconv"

	"veche/raft"
)

const (
	segmentSuffix  = ".wal"
	snapshotSuffix = ".snap"
)

// sealed is a segment that is complete: nothing is written to it any more.
type sealed struct {
	number uint64
	tops   []top
}

// top is the highest index of a group's entries in a segment.
type top struct {
	group *group
	index raft.Index
}

// needed says whether the segment holds an entry that is not cut.
func (s *sealed) needed() bool {
	for _, t := range s.tops {
		if t.index > t.group.cut.Index {
			return true
		}
	}
	return false
}

func segmentName(number uint64) string { return hex(number) + segmentSuffix }

// segmentNumber is the opposite of segmentName.
func segmentNumber(name string) (uint64, bool) {
	n := len(name) - len(segmentSuffix)
	if n < 0 || name[n:] != segmentSuffix {
		return 0, false
	}
	return unhex(name[:n])
}

// head is the payload of a segment's first frame.
type head struct {
	size     int64  // of the segment's file
	previous int64  // where the segment before it ends; 0 for the first
	oldest   uint64 // the first segment that is needed
	groups   []*group
}

const headFixed = 8 + 8 + 8 + 4

// append writes h at the end of b: size, previous, oldest, number of groups,
// and for each its id, last index, length of a raft.Write, and the write.
func (h *head) append(b []byte) []byte {
	n := len(b)
	b = append(b, make([]byte, headFixed)...)
	binary.LittleEndian.PutUint64(b[n:], uint64(h.size))
	binary.LittleEndian.PutUint64(b[n+8:], uint64(h.previous))
	binary.LittleEndian.PutUint64(b[n+16:], h.oldest)
	binary.LittleEndian.PutUint32(b[n+24:], uint32(len(h.groups)))
	for _, g := range h.groups {
		n := len(b)
		b = append(b, make([]byte, 20)...)
		w := g.small()
		b = raft.AppendWrite(b, &w)
		binary.LittleEndian.PutUint64(b[n:], uint64(g.id))
		binary.LittleEndian.PutUint64(b[n+8:], uint64(g.last))
		binary.LittleEndian.PutUint32(b[n+16:], uint32(len(b)-n-20))
	}
	return b
}

// decode returns what is wrong with b in a few words, or "".
func (h *head) decode(b []byte) string {
	const short = "the head of the segment is too short"
	if len(b) < headFixed {
		return short
	}
	h.size, h.previous, h.oldest = int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:])), binary.LittleEndian.Uint64(b[16:])
	count := int(binary.LittleEndian.Uint32(b[24:]))
	b = b[headFixed:]
	if h.size < 0 || h.previous < 0 || count > groupsMax || count > len(b)/20 {
		return "the head of the segment makes no sense"
	}
	h.groups = make([]*group, 0, count)
	for range count {
		if len(b) < 20 {
			return short
		}
		g := &group{id: raft.GroupID(binary.LittleEndian.Uint64(b)), last: raft.Index(binary.LittleEndian.Uint64(b[8:]))}
		n := int(binary.LittleEndian.Uint32(b[16:]))
		if n > len(b)-20 {
			return short
		}
		var w raft.Write
		if err := raft.DecodeWrite(b[20:20+n], &w); err != nil {
			return "the head of the segment: " + err.Error()
		}
		b = b[20+n:]
		g.hard = w.Hard
		if w.Snapshot != nil {
			g.snapshot = *w.Snapshot
		}
		if w.Cut != nil {
			g.cut = *w.Cut
		}
		if k := len(h.groups); k > 0 && h.groups[k-1].id >= g.id {
			return "the groups in the head of the segment are not in order"
		}
		h.groups = append(h.groups, g)
	}
	return ""
}

// fill writes zeros from one position of f to another.
func fill(f File, from, to int64) error {
	zeros := make([]byte, min(fillBytes, to-from))
	for from < to {
		n := min(int64(len(zeros)), to-from)
		if _, err := f.WriteAt(zeros[:n], from); err != nil {
			return err
		}
		from += n
	}
	return nil
}

// makeSegment makes the file of a segment, full of zeros and durable.
func makeSegment(fs FS, dir string, number uint64, size int64) (File, error) {
	name := dir + "/" + segmentName(number)
	tmp := name + tmpSuffix
	if err := fs.Remove(tmp); err != nil && !missing(err) {
		return nil, wrap("remove what is left of "+tmp, err)
	}
	f, err := fs.Create(tmp)
	if err != nil {
		return nil, wrap("create segment "+tmp, err)
	}
	if err = fill(f, 0, size); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = fs.Rename(tmp, name)
	}
	if err != nil {
		_ = f.Close()
		_ = fs.Remove(tmp)
		return nil, wrap("make segment "+name+" of "+strconv.FormatInt(size, 10)+" bytes", err)
	}
	return f, nil
}
