package host

import (
	"encoding/binary"
	"errors"

	"veche/raft"
)

// stamp names a command for ever: the member that accepted it, the boot of that
// member's process, and its number within the boot, from 1. Low is the smallest
// number of the boot that had no end yet when the stamp was made: nothing below
// it is sent any more.
//
// In an entry the stamp stands before the command:
//
//	version 1 byte · member · boot · sequence − low · low   (unsigned varints)
type stamp struct {
	member raft.NodeID
	boot   raft.Boot
	seq    uint64
	low    uint64
}

// stampVersion is the first byte of every command entry.
const stampVersion = 1

// stampBytesMax is the longest stamp.
const stampBytesMax = 1 + 3*binary.MaxVarintLen64 + 3

var (
	errStampVersion = errors.New("a command in the log was written by a newer version of this program; update this server")
	errStamp        = errors.New("a command in the log has no readable stamp")
)

// append puts the stamp behind b.
func (s stamp) append(b []byte) []byte {
	b = append(b, stampVersion)
	b = binary.AppendUvarint(b, uint64(s.member))
	b = binary.AppendUvarint(b, uint64(s.boot))
	b = binary.AppendUvarint(b, s.seq-s.low)
	return binary.AppendUvarint(b, s.low)
}

// splitStamp takes the data of an entry apart. The command is a part of data.
func splitStamp(data []byte) (s stamp, command []byte, err error) {
	if len(data) == 0 {
		return stamp{}, nil, errStamp
	}
	if data[0] != stampVersion {
		return stamp{}, nil, errStampVersion
	}
	r := reader{b: data[1:]}
	s.member = raft.NodeID(r.uvarint())
	s.boot = raft.Boot(r.uvarint())
	span := r.uvarint()
	s.low = r.uvarint()
	s.seq = s.low + span
	switch {
	case r.bad, s.member == 0, s.boot == 0, s.low == 0, span >= unsettledMax, s.seq < s.low:
		return stamp{}, nil, errStamp
	}
	return s, r.b, nil
}

// reader takes varints from the front of b; bad stays set after the first that
// is not there.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}
