package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Go's runtime keeps tables of all functions (the pclntab, cmd/link's pcln.go and
// runtime/symtab.go). It needs some of them to run: where each function begins,
// how large its frames are (pcsp), which of their slots are pointers, how to run
// deferred calls. The others only tell a person where a panic was: names, files,
// lines, arguments, and what was inlined where. In the browser nobody reads
// them, and they are a third of the file. They become zeros, which weigh nothing.
// Addresses and lengths stay as they are, so nothing else has to change.

// What a function's record holds beside its tables (runtime2.go, _func).
const (
	funcBytes  = 44
	pcFrame    = 16 // offsets in the record
	pcFile     = 20
	pcLine     = 24
	pcCount    = 28
	unitOffset = 32
	startLine  = 36
	dataCount  = 43

	noData = 1<<32 - 1
)

// The tables by number (internal/abi/symtab.go).
const (
	pcInlined     = 2
	dataInlined   = 3
	dataArguments = 5
	argumentsEnd  = 0xff // ends the bytes that say how arguments are printed
	argumentsMax  = 256
)

// pcUnneeded are the tables by position that are for printing (inlined calls,
// live arguments) or for signals, which WebAssembly does not have.
var pcUnneeded = []int{0, pcInlined, 3}

// The fields of runtime.moduledata that are used here, in words from its begin.
const (
	wordNames   = 1 // slices: address, length, capacity
	wordUnits   = 4
	wordFiles   = 7
	wordPC      = 10
	wordFuncs   = 13
	wordIndex   = 16
	wordFind    = 19
	wordMinPC   = 20
	wordMaxPC   = 21
	wordData    = 24
	wordGofunc  = 40
	moduleWords = 48
)

// unknownLayout says that this is not the Go that the pass was written for.
type unknownLayout struct{ what string }

// Error names what was not found as expected.
func (e *unknownLayout) Error() string {
	return "the tables of this Go release are laid out otherwise than those of Go 1.26 (" + e.what + "); model/build/shrink.go has to learn it"
}

// tables are the runtime's tables in a memory.
type tables struct {
	memory
	names, units, files, pcs, funcs, index []byte

	gofunc       int // address that the data of functions is counted from
	find         int // address of the index from positions to functions
	variables    int // address where variables begin
	minPC, maxPC int
	records      [][]byte // one for each function
	erased       [][]byte
}

// findTables looks for the head of the tables, and for runtime.moduledata, which
// refers to all of them; both must agree.
func findTables(m memory) (*tables, error) {
	magic := []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8}
	found := bytes.Index(m.data, magic)
	if found < 0 || bytes.Index(m.data[found+1:], magic) >= 0 {
		return nil, &unknownLayout{"the head of the function tables is not there once"}
	}
	head := m.base + found
	pointer := binary.LittleEndian.AppendUint64(nil, uint64(head))
	for i := -m.base & 7; i+8*moduleWords <= len(m.data); i += 8 { // it is aligned
		if !bytes.Equal(m.data[i:i+8], pointer) {
			continue
		}
		word := func(n int) int { return int(binary.LittleEndian.Uint64(m.data[i+8*n:])) }
		slice := func(n, size int) []byte { return m.at(word(n), word(n+1)*size) }
		t := &tables{memory: m, names: slice(wordNames, 1), units: slice(wordUnits, 4), files: slice(wordFiles, 1),
			pcs: slice(wordPC, 1), funcs: slice(wordFuncs, 1), index: slice(wordIndex, 8), gofunc: word(wordGofunc),
			find: word(wordFind), minPC: word(wordMinPC), maxPC: word(wordMaxPC), variables: word(wordData)}
		agree := true
		for k, n := range []int{wordNames, wordUnits, wordFiles, wordPC, wordFuncs} {
			agree = agree && word(n) == head+int(binary.LittleEndian.Uint64(m.at(head+32+8*k, 8)))
		}
		if !agree || t.names == nil || t.units == nil || t.files == nil || t.pcs == nil || t.funcs == nil || t.index == nil {
			continue // something else that has the same number
		}
		return t, t.readRecords(int(binary.LittleEndian.Uint64(m.at(head+8, 8))))
	}
	return nil, &unknownLayout{"there is no runtime.moduledata that refers to the function tables"}
}

// readRecords finds each function's record by the index.
func (t *tables) readRecords(count int) error {
	if len(t.index) != 8*(count+1) {
		return &unknownLayout{fmt.Sprintf("%d functions, but an index of %d bytes", count, len(t.index))}
	}
	for i := range count {
		at := int(binary.LittleEndian.Uint32(t.index[8*i+4:]))
		if at+funcBytes > len(t.funcs) {
			return &unknownLayout{"a function's record is beyond its table"}
		}
		r := t.funcs[at:]
		size := funcBytes + 4*int(binary.LittleEndian.Uint32(r[pcCount:])) + 4*int(r[dataCount])
		if size > len(r) || size > funcBytes+4*16 || !bytes.Equal(r[:4], t.index[8*i:8*i+4]) {
			return &unknownLayout{"a function's record is not as expected"}
		}
		t.records = append(t.records, r[:size])
	}
	return nil
}

func u32(b []byte) int          { return int(binary.LittleEndian.Uint32(b)) }
func setU32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }

// pcTable and dataTable are the n-th references of a record; nil: it has none.
func pcTable(r []byte, n int) []byte {
	if n >= u32(r[pcCount:]) {
		return nil
	}
	return r[funcBytes+4*n:]
}

func dataTable(r []byte, n int) []byte {
	if n >= int(r[dataCount]) {
		return nil
	}
	return r[funcBytes+4*u32(r[pcCount:])+4*n:]
}
