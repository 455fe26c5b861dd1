package store

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
)

// A source takes a snapshot apart while it arrives. It holds the last bytes of
// the stream back, since they are the checksum of all before. After the first
// mistake it is bad and gives only zeroes, so that callers check once.
type source struct {
	r    io.Reader
	buf  []byte // buf[at:end] has arrived and is not taken
	from int    // buf[from:at] was taken and is not in sum
	at   int
	end  int
	sum  uint32
	eof  bool
	err  error // r's, unless it is io.EOF
	bad  bool
}

func newSource(r io.Reader) *source { return &source{r: r, buf: make([]byte, snapshotPiece)} }

// ready is what can be taken without reading.
func (s *source) ready() []byte { return s.buf[s.at:max(s.at, s.end-snapshotSumSize)] }

// fill reads until n bytes can be taken, or all that is left of the stream. n is
// small, or 1.
func (s *source) fill(n int) []byte {
	for len(s.ready()) < n && !s.eof && s.err == nil {
		if s.end == len(s.buf) {
			s.add()
			s.end = copy(s.buf, s.buf[s.at:s.end])
			s.from, s.at = 0, 0
		}
		got, err := s.r.Read(s.buf[s.end:])
		s.end += got
		switch {
		case err == io.EOF:
			s.eof = true
		case err != nil:
			s.err, s.bad = err, true
		}
	}
	return s.ready()
}

// add sums up what was taken.
func (s *source) add() {
	s.sum = crc32.Update(s.sum, castagnoli, s.buf[s.from:s.at])
	s.from = s.at
}

// uvarint reads a number in its shortest form.
func (s *source) uvarint() uint64 {
	if s.bad {
		return 0
	}
	v, n := binary.Uvarint(s.fill(binary.MaxVarintLen64))
	if n <= 0 || n > 1 && s.buf[s.at+n-1] == 0 { // cut off, too long, or not the shortest form
		s.bad = true
		return 0
	}
	s.at += n
	return v
}

func (s *source) int() int64 { return int64(s.uvarint()) }

// bytes reads a byte string behind its length; nil if empty, and known itself
// if it equals it. Its memory grows with what arrives.
func (s *source) bytes(known []byte) []byte {
	n := s.uvarint()
	switch {
	case s.bad || n == 0:
		return nil
	case n > math.MaxInt:
		s.bad = true
		return nil
	case n == uint64(len(known)) && len(known) <= snapshotPiece/2 && bytes.HasPrefix(s.fill(len(known)), known):
		s.at += len(known)
		return known
	}
	return s.piece(int(n))
}

func (s *source) piece(n int) []byte {
	b := make([]byte, 0, min(n, snapshotPiece))
	for len(b) < n {
		got := s.fill(1)
		if len(got) == 0 {
			s.bad = true
			return nil
		}
		got = got[:min(len(got), n-len(b))]
		b = append(b, got...)
		s.at += len(got)
	}
	if n > snapshotPiece {
		return bytes.Clone(b) // without the room that it grew into
	}
	return b
}

// ended says whether everything before the checksum was taken.
func (s *source) ended() bool { return !s.bad && len(s.fill(1)) == 0 }

// verdict reads to the end. It gives r's error, ErrSnapshotCorrupt if the
// checksum is wrong, and else otherwise. What is too short for a checksum is
// malformed.
func (s *source) verdict(otherwise error) error {
	for len(s.fill(1)) > 0 {
		s.at += len(s.ready())
	}
	s.add()
	switch {
	case s.err != nil:
		return s.err
	case s.end-s.at < snapshotSumSize:
		return ErrSnapshotMalformed
	case binary.LittleEndian.Uint32(s.buf[s.at:s.end]) != s.sum:
		return ErrSnapshotCorrupt
	}
	return otherwise
}
