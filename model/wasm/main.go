//go:build wasip1

package main

import (
	"unsafe"

	"veche/model"
	"veche/model/scenes"
	"veche/raft"
)

// One session at a time, the scenes, which are read when one is first begun, and the
// texts that go in and out.
var (
	session *model.Session
	known   []model.Scene
	in, out []byte
)

// inMax bounds a text that comes in.
const inMax = 1 << 16

func main() {}

// input makes room for a text of n bytes and says where; 0: that is too long.
//
//go:wasmexport input
func input(n uint32) uint32 {
	if n > inMax {
		return 0
	}
	if int(n) >= len(in) {
		in = make([]byte, n+1)
	}
	return address(in)
}

// begin makes a session from the first n bytes of the input. It gives 0, or the
// length of a sentence in the output that says why not: then the session that
// was there goes on.
//
//go:wasmexport begin
func begin(n uint32) uint32 {
	if known == nil {
		known = scenes.All()
	}
	s, err := model.Begin(known, string(in[:min(int(n), len(in))]))
	if err == nil {
		session = s
	}
	return failed(err)
}

// run is Session.Run; a time beyond all times means that there is no end.
//
//go:wasmexport run
func run(until float64, steps uint32) uint32 {
	if session == nil || until != until { // not a number
		return 0
	}
	at := raft.Never
	if until < float64(1<<62) {
		at = raft.Time(until)
	}
	return uint32(session.Run(at, uint64(steps)))
}

// act is Session.Do with the first n bytes of the input; it returns as begin does.
//
//go:wasmexport act
func act(n uint32) uint32 {
	if session == nil {
		return 0
	}
	return failed(session.Do(string(in[:min(int(n), len(in))])))
}

//go:wasmexport state
func state() uint32 {
	out = out[:0]
	if session != nil {
		out = session.AppendState(out)
	}
	return uint32(len(out))
}

//go:wasmexport happenings
func happenings() uint32 {
	out = out[:0]
	if session != nil {
		out = session.AppendHappenings(out)
	}
	return uint32(len(out))
}

//go:wasmexport scenes
func all() uint32 {
	out = model.AppendScenes(out[:0], scenes.All())
	return uint32(len(out))
}

//go:wasmexport out
func output() uint32 { return address(out) }

//go:wasmexport hash
func hash() uint64 {
	if session == nil {
		return 0
	}
	return session.Hash()
}

func failed(err error) uint32 {
	out = out[:0]
	if err != nil {
		out = append(out, err.Error()...)
	}
	return uint32(len(out))
}

func address(b []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
