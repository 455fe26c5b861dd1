package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// errCut is a file that ends too early, or a number that is too long.
var errCut = errors.New("the WebAssembly file is damaged")

// The kinds of sections that matter here.
const (
	sectionCustom = 0
	sectionImport = 2
	sectionCode   = 10
	sectionData   = 11
)

// section is one part of a WebAssembly module.
type section struct {
	kind byte
	body []byte
}

// sections takes a module apart.
func sections(wasm []byte) ([]section, error) {
	rest, ok := bytes.CutPrefix(wasm, []byte("\x00asm\x01\x00\x00\x00"))
	if !ok {
		return nil, errors.New("this is no WebAssembly file")
	}
	var all []section
	r := reader{b: rest}
	for len(r.b) > 0 && !r.bad {
		kind := r.take(1)
		body := r.take(r.number())
		if !r.bad {
			all = append(all, section{kind[0], body})
		}
	}
	return all, r.err()
}

// join puts a module together.
func join(all []section) []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range all {
		out = append(out, s.kind)
		out = binary.AppendUvarint(out, uint64(len(s.body)))
		out = append(out, s.body...)
	}
	return out
}

// reader reads from the front of b; after the first mistake it is bad for good.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) err() error {
	if r.bad {
		return errCut
	}
	return nil
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad = true
		return make([]byte, max(0, min(n, 16))) // for callers that look before they check
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

// number reads an unsigned number (LEB128), as lengths and counts are written.
func (r *reader) number() int {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > 1<<32-1 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return int(v)
}

// signed reads a signed number (LEB128), as constants are written.
func (r *reader) signed() int64 {
	var v int64
	for shift := 0; shift < 64; shift += 7 {
		b := r.take(1)[0]
		v |= int64(b&0x7f) << shift
		if b&0x80 == 0 {
			if b&0x40 != 0 && shift+7 < 64 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
	r.bad = true
	return 0
}

func appendSigned(out []byte, v int64) []byte {
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

// memory is the linear memory as a module sets it up, and where that begins.
type memory struct {
	base int
	data []byte
}

// imageBytesMax bounds the memory that a module may fill: ours fills 2 MB.
const imageBytesMax = 64 << 20

// memoryOf reads the section of data: pieces, each with its place.
func memoryOf(body []byte) (memory, error) {
	r := reader{b: body}
	type piece struct {
		at   int
		data []byte
	}
	var pieces []piece
	low, high := imageBytesMax, 0
	for range r.number() {
		if how := r.number(); how != 0 {
			return memory{}, fmt.Errorf("a piece of data of kind %d, which Go never wrote before", how)
		}
		op := r.take(1)[0]
		at := int(r.signed())
		end := r.take(1)[0]
		data := r.take(r.number())
		if r.bad || op != 0x41 || end != 0x0b || at < 0 || at+len(data) > imageBytesMax {
			return memory{}, errCut
		}
		pieces = append(pieces, piece{at, data})
		low, high = min(low, at), max(high, at+len(data))
	}
	if r.bad || len(r.b) > 0 || len(pieces) == 0 {
		return memory{}, errCut
	}
	m := memory{base: low, data: make([]byte, high-low)}
	for _, p := range pieces {
		copy(m.data[p.at-low:], p.data)
	}
	return m, nil
}

// gapMin is how many zeros end a piece of data: a piece costs about 8 bytes, and
// gzip packs a short run of zeros into less.
const gapMin = 64

// section writes the memory as pieces without the long runs of zeros, which
// memory holds anyway.
func (m memory) section() []byte {
	var out []byte
	count := 0
	for i := 0; i < len(m.data); {
		if m.data[i] == 0 {
			i++
			continue
		}
		end, zeros := i, 0
		for j := i; j < len(m.data) && zeros < gapMin; j++ {
			if m.data[j] == 0 {
				zeros++
			} else {
				end, zeros = j+1, 0
			}
		}
		out = append(out, 0, 0x41)
		out = appendSigned(out, int64(m.base+i))
		out = append(out, 0x0b)
		out = binary.AppendUvarint(out, uint64(end-i))
		out = append(out, m.data[i:end]...)
		i = end
		count++
	}
	return append(binary.AppendUvarint(nil, uint64(count)), out...)
}

// at returns n bytes at an address; nil when the memory does not hold them.
func (m memory) at(address, n int) []byte {
	i := address - m.base
	if i < 0 || n < 0 || i+n > len(m.data) {
		return nil
	}
	return m.data[i : i+n]
}
