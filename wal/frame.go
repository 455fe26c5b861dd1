package wal

import (
	"encoding/binary"
	"hash/crc32"

	"veche/raft"
)

// A frame is what stands in a segment, at a multiple of 8:
//
//	 0  length of the payload      u32   (all numbers little endian)
//	 4  kind                       u8
//	 5  version of this layout     u8
//	 6  tally                      u16
//	 8  group                      u64
//	16  synced                     u32   this segment was durable up to here
//	20  boot                       u32   of the process that wrote it, low half
//	24  checksum of the payload    u32   CRC-32C, and of all that follows
//	28  checksum of the header     u32   CRC-32C, and of all that follows
//	32  payload, then zeros up to a multiple of 8
//
// Both checksums also cover the cluster, the directory's incarnation, the
// segment's number and the frame's position. The header has its own, so that a
// damaged payload still tells its group, and a search for later frames does not
// have to read what every eight bytes might claim to be.
type frame struct {
	kind   frameKind
	length uint32
	group  raft.GroupID
	synced uint32
	boot   uint32
	tally  tally
	sum    uint32 // of the payload
	want   uint32 // state of the checksum before the payload
}

// tally counts, up to and with a frame, what must not be lost unnoticed: which
// changes of a group's hard state, and how many new groups, its segment holds.
// Two intact frames with the same tally have none of them in between, whatever
// else is missing there. Beyond the bounds it stays, and tells nothing.
type tally struct {
	changes uint16
	created uint16
}

const (
	changesMax = 1<<12 - 1
	createdMax = 1<<4 - 1
)

func (t *tally) add(changed, created bool) {
	if changed {
		t.changes = min(t.changes+1, changesMax)
	}
	if created {
		t.created = min(t.created+1, createdMax)
	}
}

type frameKind uint8

const (
	frameHead  frameKind = 1 // begins a segment: the small state of all groups
	frameWrite frameKind = 2 // one raft.Write
	frameReset frameKind = 3 // the same, and nothing after its Cut remains
	frameMark  frameKind = 4 // everything before it is durable; the next frame takes its place
	frameSeal  frameKind = 5 // ends a segment: the size of the next
)

const (
	frameVersion    = 2
	frameHeaderSize = 32
	frameAlign      = 8
	sealSize        = frameHeaderSize + 8 // a mark is smaller
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// bind begins every checksum of a segment.
func bind(cluster raft.ClusterID, incarnation raft.Incarnation, segment uint64) uint32 {
	var b [32]byte
	copy(b[:], cluster[:])
	binary.LittleEndian.PutUint64(b[16:], uint64(incarnation))
	binary.LittleEndian.PutUint64(b[24:], segment)
	return crc32.Update(0, castagnoli, b[:])
}

// putFrame fills in the header at the front of b, whose payload of f.length
// bytes stands behind it. The scratch space is the checksum's input.
func putFrame(b []byte, scratch *[32]byte, seed uint32, off int64, f *frame) {
	binary.LittleEndian.PutUint32(b[0:], f.length)
	b[4], b[5] = byte(f.kind), frameVersion
	binary.LittleEndian.PutUint16(b[6:], f.tally.created<<12|f.tally.changes)
	binary.LittleEndian.PutUint64(b[8:], uint64(f.group))
	binary.LittleEndian.PutUint32(b[16:], f.synced)
	binary.LittleEndian.PutUint32(b[20:], f.boot)
	binary.LittleEndian.PutUint64(scratch[:], uint64(off))
	copy(scratch[8:], b[:24])
	state := crc32.Update(seed, castagnoli, scratch[:])
	binary.LittleEndian.PutUint32(b[24:], crc32.Update(state, castagnoli, b[frameHeaderSize:frameHeaderSize+int(f.length)]))
	binary.LittleEndian.PutUint32(b[28:], crc32.Update(state, castagnoli, b[24:28]))
}

// getHeader reads the header at the front of b, and says whether it is one
// that was written there: at off of the segment that seed is bound to.
func getHeader(b []byte, seed uint32, off int64) (frame, bool) {
	var f frame
	if len(b) < frameHeaderSize || b[4] == 0 || b[4] > byte(frameSeal) || b[5] != frameVersion {
		return f, false
	}
	var scratch [32]byte
	binary.LittleEndian.PutUint64(scratch[:], uint64(off))
	copy(scratch[8:], b[:24])
	state := crc32.Update(seed, castagnoli, scratch[:])
	if crc32.Update(state, castagnoli, b[24:28]) != binary.LittleEndian.Uint32(b[28:]) {
		return f, false
	}
	f = frame{
		kind: frameKind(b[4]), length: binary.LittleEndian.Uint32(b), group: raft.GroupID(binary.LittleEndian.Uint64(b[8:])),
		tally:  tally{binary.LittleEndian.Uint16(b[6:]) & changesMax, binary.LittleEndian.Uint16(b[6:]) >> 12},
		synced: binary.LittleEndian.Uint32(b[16:]), boot: binary.LittleEndian.Uint32(b[20:]), sum: binary.LittleEndian.Uint32(b[24:]), want: state,
	}
	return f, int64(f.synced) <= off && f.length <= frameBytesMax
}

// holds says whether payload is what the header was written for.
func (f *frame) holds(payload []byte) bool {
	return crc32.Update(f.want, castagnoli, payload) == f.sum
}

// size is what a frame with a payload of n bytes takes up.
func frameSize(n int) int64 {
	return int64(frameHeaderSize+n+frameAlign-1) &^ (frameAlign - 1)
}
