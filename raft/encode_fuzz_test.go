package raft

import (
	"bytes"
	"errors"
	"reflect"
	"runtime"
	"testing"
)

// fuzzDecoder checks what holds for each decoder, whatever the bytes: no panic,
// an error that wraps ErrMalformed and leaves zero, or a value that encodes to
// the very same bytes; and memory of at most four times the input and 64 KiB.
func fuzzDecoder[T any](t *testing.T, b []byte, decode func([]byte, *T) error, encode func([]byte, *T) []byte) {
	var v T
	var err error
	limit := 4*uint64(len(b)) + 64<<10
	used := limit + 1
	for range 3 { // another goroutine of the runtime may allocate meanwhile
		used = min(used, allocated(func() { err = decode(b, &v) }))
		if used <= limit {
			break
		}
	}
	if used > limit {
		t.Fatalf("decoding %d bytes allocated %d; at most %d were to be", len(b), used, limit)
	}
	if err != nil {
		if !errors.Is(err, ErrMalformed) {
			t.Fatalf("the error does not wrap ErrMalformed: %v", err)
		}
		if !reflect.ValueOf(v).IsZero() {
			t.Fatalf("an error left something behind: %+v", v)
		}
		return
	}
	again := encode(nil, &v)
	if !bytes.Equal(again, b) {
		t.Fatalf("%x decodes, but encodes to %x", b, again)
	}
	var w T
	if err := decode(again, &w); err != nil || !reflect.DeepEqual(v, w) {
		t.Fatalf("decoded again: %+v, %v\nwant %+v", w, err, v)
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func FuzzDecodeMessage(f *testing.F) {
	// Goal: a peer, or whoever claims to be one, cannot harm the process.
	for _, s := range samples() {
		f.Add(AppendMessage(nil, &s.m))
	}
	m := appendOf16()
	f.Add(AppendMessage(nil, &m))
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzDecoder(t, b, DecodeMessage, AppendMessage) })
}

func FuzzDecodeWrite(f *testing.F) {
	// Goal: a damaged disk cannot harm the process.
	w := sampleWrite()
	f.Add(AppendWrite(nil, &w))
	f.Add(AppendWrite(nil, &Write{Seq: 1}))
	f.Add(AppendWrite(nil, &Write{Seq: 2, Entries: make([]Entry, 4000)})) // entry kind 0: refused
	f.Fuzz(func(t *testing.T, b []byte) { fuzzDecoder(t, b, DecodeWrite, AppendWrite) })
}

func FuzzDecodeConfiguration(f *testing.F) {
	// Goal: an EntryConfig from elsewhere is either one to count with or refused.
	x := sampleConfiguration()
	f.Add(AppendConfiguration(nil, &x))
	f.Add([]byte{configurationVersion, 0, 64})
	f.Fuzz(func(t *testing.T, b []byte) { fuzzDecoder(t, b, DecodeConfiguration, AppendConfiguration) })
}
