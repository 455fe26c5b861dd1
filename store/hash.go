package store

import (
	"encoding/binary"
	"math/bits"
)

// hashSeed and hashFactor are the fractional bits of the golden ratio and of the
// square root of two, made odd: numbers without a plan.
const (
	hashSeed   uint64 = 0x9e3779b97f4a7c15
	hashFactor uint64 = 0x6a09e667f3bcc909
)

// Hash digests all replicated state: revisions, keys, values and history. Two
// stores with the same state have the same Hash, however their trees came about.
// It reads everything: a fraction of a microsecond a version. It finds divergence, not forgery.
func (s *Store) Hash() uint64 {
	h := hashSeed
	rest := s.encode(nil, func(part []byte) ([]byte, bool) {
		h = hashBytes(h, part)
		return part[:0], true
	})
	return hashBytes(h, rest)
}

// hashBytes folds a byte string and its length into a hash, eight bytes a step.
func hashBytes(h uint64, b []byte) uint64 {
	n := uint64(len(b))
	for ; len(b) >= 8; b = b[8:] {
		h = hashWord(h, binary.LittleEndian.Uint64(b))
	}
	var rest [8]byte
	copy(rest[:], b)
	return hashWord(hashWord(h, binary.LittleEndian.Uint64(rest[:])), n)
}

// hashWord multiplies to 128 bits and folds the halves, so that each bit of the
// word reaches the whole result.
func hashWord(h, word uint64) uint64 {
	high, low := bits.Mul64(h^word, hashFactor)
	return bits.RotateLeft64(high^low, 29) + hashSeed
}
