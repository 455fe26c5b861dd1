package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// namesKept are names by which the runtime decides something (stkframe.go), and
// runtimeName is what is left of all of its own: it tells its goroutines from
// ours by that (traceback.go, isSystemGoroutine).
var namesKept = []string{"reflect.makeFuncStub", "reflect.methodValueCall"}

const runtimeName = "runtime."

// shrink takes out of a module what only traces of panics need.
func shrink(all []section) error {
	for i, s := range all {
		if s.kind != sectionData {
			continue
		}
		m, err := memoryOf(s.body)
		if err != nil {
			return err
		}
		t, err := findTables(m)
		if err != nil {
			return err
		}
		if err := t.strip(); err != nil {
			return err
		}
		all[i].body = m.section()
		return nil
	}
	return fmt.Errorf("the module sets up no memory")
}

// strip makes zeros of everything that only tells a person where a panic was.
func (t *tables) strip() error {
	if err := t.stripNames(); err != nil {
		return err
	}
	clear(t.units)
	clear(t.files)
	if err := t.stripData(); err != nil {
		return err
	}
	if err := t.stripLines(); err != nil {
		return err
	}
	t.clearPowers()
	return t.coarsenIndex()
}

// stripNames leaves the names that mean something to the runtime. The first two
// strings of the table are the empty one and "runtime.".
func (t *tables) stripNames() error {
	kept := append([]byte{0}, runtimeName...)
	kept = append(kept, 0)
	place := map[string]uint32{}
	for _, r := range t.records {
		at := u32(r[4:])
		if at >= len(t.names) {
			return &unknownLayout{"a name is beyond the table of names"}
		}
		name, _, ok := bytes.Cut(t.names[at:], []byte{0})
		if !ok {
			return &unknownLayout{"a name has no end"}
		}
		switch {
		case bytes.HasPrefix(name, []byte(runtimeName)):
			place[string(name)] = 1
		default:
			place[string(name)] = 0
		}
	}
	for _, name := range namesKept {
		if _, ok := place[name]; ok {
			place[name] = uint32(len(kept))
			kept = append(append(kept, name...), 0)
		}
	}
	if len(kept) > len(t.names) {
		return &unknownLayout{"the table of names is too small"}
	}
	for _, r := range t.records {
		name, _, _ := bytes.Cut(t.names[u32(r[4:]):], []byte{0})
		setU32(r[4:], place[string(name)])
	}
	clear(t.names)
	copy(t.names, kept)
	return nil
}

// stripData clears the trees of inlined calls and the shapes of arguments, where
// nothing that is needed lies in the same place: equal bytes are stored once.
func (t *tables) stripData() error {
	needed := map[int]bool{}
	for _, r := range t.records {
		for n := range int(r[dataCount]) {
			if n != dataInlined && n != dataArguments {
				needed[u32(dataTable(r, n))] = true
			}
		}
	}
	erase := func(r []byte, n, size int) error {
		ref := dataTable(r, n)
		at := u32(ref)
		b := t.at(t.gofunc+at, size)
		if b == nil {
			return &unknownLayout{"what a function refers to is beyond the memory"}
		}
		setU32(ref, noData)
		for i := range size {
			if needed[at+i] {
				return nil
			}
		}
		t.erased = append(t.erased, b)
		return nil
	}
	for _, r := range t.records {
		if ref := dataTable(r, dataInlined); ref != nil && u32(ref) != noData {
			calls, err := t.inlinedCalls(r)
			if err != nil {
				return err
			}
			if err := erase(r, dataInlined, 16*calls); err != nil {
				return err
			}
		}
		if ref := dataTable(r, dataArguments); ref != nil && u32(ref) != noData {
			b := t.at(t.gofunc+u32(ref), 0)
			end := bytes.IndexByte(t.data[len(t.data)-cap(b):], argumentsEnd)
			if b == nil || end < 0 || end > argumentsMax {
				return &unknownLayout{"the shape of a function's arguments has no end"}
			}
			if err := erase(r, dataArguments, end+1); err != nil {
				return err
			}
		}
	}
	for _, b := range t.erased {
		clear(b)
	}
	return nil
}

// inlinedCalls counts the entries of a function's tree by the numbers that its
// table of positions uses.
func (t *tables) inlinedCalls(r []byte) (int, error) {
	ref := pcTable(r, pcInlined)
	if ref == nil || u32(ref) == 0 {
		return 0, nil
	}
	values, _, err := t.pcValues(u32(ref))
	if err != nil {
		return 0, err
	}
	most := -1
	for _, v := range values {
		most = max(most, int(v))
	}
	return most + 1, nil
}

// pcValues reads a table of values by position (runtime, symtab.go: step), and
// how many bytes it takes.
func (t *tables) pcValues(at int) (values []int32, size int, err error) {
	if at >= len(t.pcs) {
		return nil, 0, &unknownLayout{"a table of positions is beyond its end"}
	}
	b := t.pcs[at:]
	value := int32(-1)
	for i := 0; ; {
		change, n := binary.Uvarint(b[i:])
		if n <= 0 {
			return nil, 0, &unknownLayout{"a table of positions has no end"}
		}
		if change == 0 && i > 0 {
			return values, i + n, nil
		}
		i += n
		value += int32(-(uint32(change) & 1) ^ uint32(change)>>1)
		values = append(values, value)
		if _, n = binary.Uvarint(b[i:]); n <= 0 {
			return nil, 0, &unknownLayout{"a table of positions has no end"}
		}
		i += n
	}
}

// stripLines drops the tables of files and lines and those of pcUnneeded, and
// clears the bytes that no other table uses.
func (t *tables) stripLines() error {
	used := make([]bool, len(t.pcs))
	for _, r := range t.records {
		setU32(r[pcFile:], 0)
		setU32(r[pcLine:], 0)
		setU32(r[unitOffset:], 0)
		setU32(r[startLine:], 0)
		for _, n := range pcUnneeded {
			if ref := pcTable(r, n); ref != nil {
				setU32(ref, 0)
			}
		}
		keep := []int{u32(r[pcFrame:])}
		for n := range u32(r[pcCount:]) {
			keep = append(keep, u32(pcTable(r, n)))
		}
		for _, at := range keep {
			if at == 0 || used[at] {
				continue
			}
			_, size, err := t.pcValues(at)
			if err != nil {
				return err
			}
			for i := range size {
				used[at+i] = true
			}
		}
	}
	for i := range t.pcs {
		if !used[i] {
			t.pcs[i] = 0
		}
	}
	return nil
}

// clearPowers clears the table of powers of ten (internal/strconv, pow10Tab),
// which only fractions need, whose functions are cut out. It cannot be packed.
// Where it is not found as it is known, it stays.
func (t *tables) clearPowers() {
	const entry, count, one = 16, 696, 348 // the powers go from -348 to 347
	first := binary.LittleEndian.AppendUint64(nil, 0xfa8fd5a0081c0288)
	first = binary.LittleEndian.AppendUint64(first, 0x1732c869cd60e453)
	from := bytes.Index(t.data, first)
	if from < 0 || from+count*entry > len(t.data) {
		return
	}
	powers := t.data[from : from+count*entry]
	if bytes.Equal(powers[one*entry:(one+1)*entry], append(binary.LittleEndian.AppendUint64(nil, 1<<63), make([]byte, 8)...)) {
		clear(powers)
	}
}
