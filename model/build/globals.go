package main

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// Sections that showGlobals reads and changes.
const (
	sectionGlobal = 6
	sectionExport = 7
)

// showGlobals adds the variables that live beside the memory to what a module
// exports, as g0, g1 …: one of them is Go's stack pointer. They and the memory
// are all that a copy of a running model must have.
func showGlobals(all []section) error {
	var shown []byte
	count := 0
	for k := range all {
		s := &all[k]
		switch s.kind {
		case sectionGlobal:
			r := reader{b: s.body}
			for i := range r.number() {
				r.take(1) // its type
				changes := r.take(1)[0] == 1
				if op := r.take(1)[0]; op != 0x41 && op != 0x42 { // a constant of 32 or 64 bits
					return errors.New("a global begins with what Go never wrote before")
				}
				r.signed()
				if r.take(1)[0] != 0x0b || r.bad {
					return errCut
				}
				if changes {
					name := "g" + strconv.Itoa(i)
					shown = append(binary.AppendUvarint(shown, uint64(len(name))), name...)
					shown = binary.AppendUvarint(append(shown, 3), uint64(i))
					count++
				}
			}
		case sectionExport: // behind the globals
			r := reader{b: s.body}
			n := r.number()
			if r.bad {
				return errCut
			}
			s.body = append(append(binary.AppendUvarint(nil, uint64(n+count)), r.b...), shown...)
		}
	}
	if count == 0 {
		return errors.New("the model has no globals, but Go has a stack pointer")
	}
	return nil
}
