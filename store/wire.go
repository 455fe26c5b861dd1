package store

import (
	"encoding/binary"
	"math"
)

// Both byte formats of this package are made of: single bytes, unsigned varints in
// their shortest form, 64-bit integers as the varint of their two's complement,
// and byte strings led by their length.

func appendInt[T ~int64](dst []byte, v T) []byte {
	return binary.AppendUvarint(dst, uint64(v))
}

func appendBytes(dst, b []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

func appendFlags(dst []byte, flags ...bool) []byte {
	var b byte
	for i, set := range flags {
		if set {
			b |= 1 << i
		}
	}
	return append(dst, b)
}

// A reader takes a format apart. After the first mistake it is bad and gives only
// zeroes, so that callers check once, at the end. It never allocates.
type reader struct {
	b   []byte // what is left
	bad bool
}

func (r *reader) fail() {
	r.b, r.bad = nil, true
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	b := r.b[0]
	r.b = r.b[1:]
	return b
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || n > 1 && r.b[n-1] == 0 { // cut off, too long, or not the shortest form
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) int() int64 { return int64(r.uvarint()) }

// enum reads a number of 32 bits, which may be one that nobody knows.
func (r *reader) enum() int32 {
	v := r.uvarint()
	if v > math.MaxUint32 {
		r.fail()
		return 0
	}
	return int32(uint32(v))
}

// bytes returns a byte string that shares memory with the input; nil if empty.
func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	if n == 0 {
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

// flags reads as many flags as there are places for them; no other bit may be set.
func (r *reader) flags(flags ...*bool) {
	b := r.byte()
	if b>>len(flags) != 0 {
		r.fail()
		return
	}
	for i, set := range flags {
		*set = b>>i&1 == 1
	}
}

// count reads the length of a list of at most itemsMax items that take at least
// itemMin bytes each, so that no list longer than the input can be announced.
func (r *reader) count(itemMin, itemsMax int) int {
	n := r.uvarint()
	if n > uint64(itemsMax) || n > uint64(len(r.b)/itemMin) {
		r.fail()
		return 0
	}
	return int(n)
}
