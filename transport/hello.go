package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"veche/raft"
)

// Lane says which of the connections to a peer one is. Order is kept within a
// lane, and not promised across lanes.
type Lane uint8

const (
	// LaneControl carries what is small and must not wait: votes, heartbeats,
	// acknowledgements.
	LaneControl Lane = 1
	// LaneBulk carries entries.
	LaneBulk Lane = 2
	// LaneSnapshot carries the chunks of snapshots, behind which neither waits.
	LaneSnapshot Lane = 3
	lanesBound   Lane = 4
)

// String returns the lane's name.
func (l Lane) String() string {
	switch l {
	case LaneControl:
		return "control"
	case LaneBulk:
		return "bulk"
	case LaneSnapshot:
		return "snapshot"
	default:
		return "unknown"
	}
}

// laneOf says where a message belongs. All Appends go one way, with entries or
// without: an empty one that overtook its predecessor would look like a gap.
func laneOf(k raft.MessageKind) Lane {
	switch k {
	case raft.KindAppend, raft.KindPropose, raft.KindSnapshotFetch:
		return LaneBulk
	case raft.KindSnapshotChunk:
		return LaneSnapshot
	}
	return LaneControl
}

// Hello is what each side says first on a connection.
type Hello struct {
	Cluster     raft.ClusterID
	From, To    raft.NodeID
	Boot        raft.Boot        // of From's process
	Incarnation raft.Incarnation // of From's data directory
	Lane        Lane
	// Addr is where From accepts connections, or empty. It is only believed for
	// a member that SetPeer did not name.
	Addr string
}

// Refusal says why a hello was turned down.
type Refusal uint8

const (
	RefusedMagic     Refusal = 1 // not this protocol; closed without an answer
	RefusedVersion   Refusal = 2 // another version of this protocol
	RefusedCluster   Refusal = 3 // a member of another cluster
	RefusedReceiver  Refusal = 4 // meant for another member
	RefusedSelf      Refusal = 5 // the sender claims to be the receiver, or nobody
	RefusedLane      Refusal = 6 // a lane that the receiver does not know
	RefusedStrangers Refusal = 7 // too many members that the receiver does not know
	refusalsBound    Refusal = 8
)

// String returns the refusal in a few words.
func (r Refusal) String() string {
	switch r {
	case RefusedMagic:
		return "another protocol"
	case RefusedVersion:
		return "another protocol version"
	case RefusedCluster:
		return "another cluster"
	case RefusedReceiver:
		return "another receiver"
	case RefusedSelf:
		return "sender is receiver"
	case RefusedLane:
		return "unknown lane"
	case RefusedStrangers:
		return "too many strangers"
	default:
		return "unknown reason"
	}
}

// RefusedError is what a dialer sees when its hello was turned down.
type RefusedError struct {
	Refusal  Refusal
	Sentence string // the other side's words
}

// Error returns the other side's sentence.
func (e *RefusedError) Error() string { return "the peer refused us: " + e.Sentence }

var (
	// ErrMagic: the bytes are not this protocol's.
	ErrMagic = errors.New("the bytes are not a veche peer's: check that the address is a peer port")
	// ErrVersion: the hello is of another protocol version.
	ErrVersion = errors.New("the peer speaks another protocol version: run the same release on both")
	// ErrMalformed: the bytes cannot be decoded.
	ErrMalformed = errors.New("malformed bytes")
)

// A hello is a prefix of 8 bytes: magic, version, length of the body; then the
// body; then CRC-32C of both. A body begins with what it is: 0 for a hello,
// and the code of the refusal otherwise. Numbers are little endian.
const (
	helloMagic   = 0x50484356 // "VCHP"
	helloVersion = 1
	helloPrefix  = 8
	helloFixed   = 1 + 16 + 4*8 + 1 // what, cluster, from, to, boot, incarnation, lane; then the address
	crcBytes     = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendHello appends h as it goes over the wire. An address longer than 259
// bytes is left out.
func appendHello(dst []byte, h *Hello) []byte {
	addr := h.Addr
	if len(addr) > addrMax {
		addr = ""
	}
	start := len(dst)
	dst = appendPrefix(dst, helloFixed+len(addr))
	dst = append(dst, 0)
	dst = append(dst, h.Cluster[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.From))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.To))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.Boot))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.Incarnation))
	dst = append(dst, byte(h.Lane))
	dst = append(dst, addr...)
	return appendSum(dst, start)
}

// appendRefusal appends a refusal as it goes over the wire.
func appendRefusal(dst []byte, r Refusal, sentence string) []byte {
	if len(sentence) > sentenceMax {
		sentence = sentence[:sentenceMax]
	}
	start := len(dst)
	dst = appendPrefix(dst, 1+len(sentence))
	dst = append(dst, byte(r))
	dst = append(dst, sentence...)
	return appendSum(dst, start)
}

func appendPrefix(dst []byte, body int) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, helloMagic)
	dst = binary.LittleEndian.AppendUint16(dst, helloVersion)
	return binary.LittleEndian.AppendUint16(dst, uint16(body))
}

func appendSum(dst []byte, start int) []byte {
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// PeekHello reads the hello that opens a connection, and nothing beyond it.
// raw are the bytes it took from r, also when it fails, so that a proxy can
// pass them on. The error is ErrMagic, ErrVersion, ErrMalformed, a
// *RefusedError when the bytes are a refusal, or r's own (io.EOF when r ended
// before the first byte, io.ErrUnexpectedEOF in the middle).
func PeekHello(r io.Reader) (h Hello, raw []byte, err error) {
	raw = make([]byte, helloPrefix, helloPrefix+helloFixed+64)
	n, err := io.ReadFull(r, raw)
	if err != nil {
		return h, raw[:n], err
	}
	if binary.LittleEndian.Uint32(raw) != helloMagic {
		return h, raw, ErrMagic
	}
	if v := binary.LittleEndian.Uint16(raw[4:]); v != helloVersion {
		return h, raw, fmt.Errorf("%w: theirs is %d, ours %d", ErrVersion, v, helloVersion)
	}
	size := int(binary.LittleEndian.Uint16(raw[6:]))
	if size < 1 || size > helloBytesMax {
		return h, raw, fmt.Errorf("%w: a hello of %d bytes", ErrMalformed, size)
	}
	raw = append(raw, make([]byte, size+crcBytes)...)
	n, err = io.ReadFull(r, raw[helloPrefix:])
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // the prefix was there
	}
	if err != nil {
		return h, raw[:helloPrefix+n], err
	}
	end := helloPrefix + size
	if crc32.Checksum(raw[:end], castagnoli) != binary.LittleEndian.Uint32(raw[end:]) {
		return h, raw, fmt.Errorf("%w: the hello's checksum is wrong", ErrMalformed)
	}
	h, err = decodeHello(raw[helloPrefix:end])
	return h, raw, err
}

// decodeHello decodes a body whose checksum was right.
func decodeHello(b []byte) (h Hello, err error) {
	if b[0] != 0 {
		return h, &RefusedError{Refusal(b[0]), printable(b[1:])}
	}
	if len(b) < helloFixed || len(b) > helloFixed+addrMax {
		return h, fmt.Errorf("%w: a hello's body of %d bytes", ErrMalformed, len(b))
	}
	b = b[1:]
	b = b[copy(h.Cluster[:], b):]
	h.From = raft.NodeID(binary.LittleEndian.Uint64(b))
	h.To = raft.NodeID(binary.LittleEndian.Uint64(b[8:]))
	h.Boot = raft.Boot(binary.LittleEndian.Uint64(b[16:]))
	h.Incarnation = raft.Incarnation(binary.LittleEndian.Uint64(b[24:]))
	h.Lane = Lane(b[32])
	h.Addr = string(b[33:])
	return h, nil
}

// printable keeps a stranger's words from steering a terminal.
func printable(b []byte) string {
	out := make([]byte, len(b))
	for i, c := range b {
		if c < ' ' || c > '~' {
			c = '?'
		}
		out[i] = c
	}
	return string(out)
}

// judge says whether the owner of mine listens to h, and if not, why.
func judge(mine *Hello, h *Hello) (Refusal, string) {
	switch {
	case h.Cluster != mine.Cluster:
		return RefusedCluster, fmt.Sprintf("you belong to cluster %x, this is a member of %x; check the initial cluster and the token", h.Cluster[:4], mine.Cluster[:4])
	case h.To != mine.From:
		return RefusedReceiver, fmt.Sprintf("you asked for member %x, this is %x; check the peer addresses", uint64(h.To), uint64(mine.From))
	case h.From == mine.From || h.From == 0:
		return RefusedSelf, fmt.Sprintf("you say that you are member %x, and that is the one you asked; check that every member has a name of its own", uint64(h.From))
	case h.Lane == 0 || h.Lane >= lanesBound:
		return RefusedLane, fmt.Sprintf("lane %d is not known here; run the same release on both", h.Lane)
	}
	return 0, ""
}
