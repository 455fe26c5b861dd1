package main

import "encoding/binary"

// A position in WebAssembly is a function's number times 65,536, and the index
// from positions to functions (findfuncbucket) has 16 entries of 20 bytes for
// each function, which all say its number. The runtime goes on from there to
// the function itself, one by one. Entries that are rounded down to a multiple
// of indexStep cost it indexStep/2 steps more and pack into a fraction.
const (
	indexStep   = 32
	bucketBytes = 20
	bucketSpan  = 4096
)

func (t *tables) coarsenIndex() error {
	b := t.at(t.find, t.buckets()*bucketBytes)
	if b == nil {
		return &unknownLayout{"the index of functions is beyond the memory"}
	}
	for i := 0; i < len(b); i += bucketBytes {
		v := binary.LittleEndian.Uint32(b[i:])
		if int(v) >= len(t.records) {
			return &unknownLayout{"the index of functions names one that does not exist"}
		}
		setU32(b[i:], v-v%indexStep)
	}
	return nil
}

func (t *tables) buckets() int { return (t.maxPC - t.minPC + bucketSpan - 1) / bucketSpan }
