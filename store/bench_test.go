package store

import (
	"encoding/binary"
	"io"
	"testing"
)

const benchKeys = 100_000

func benchKey(dst []byte, i int) []byte {
	return binary.BigEndian.AppendUint64(append(dst[:0], "/registry/"...), uint64(i))
}

func benchStore(b *testing.B) *Store {
	s, value := New(), make([]byte, 128)
	for i := range benchKeys {
		s.Apply(EncodePut(nil, &Put{Key: benchKey(nil, i*7919%benchKeys), Value: value}))
	}
	b.ReportAllocs()
	b.ResetTimer()
	return s
}

func BenchmarkApply_Put(b *testing.B) {
	s := benchStore(b)
	p := Put{Value: make([]byte, 128)}
	var command []byte
	for i := 0; b.Loop(); i++ {
		p.Key = benchKey(p.Key, i*7919%benchKeys)
		command = EncodePut(command[:0], &p)
		s.Apply(command)
		if i%benchKeys == benchKeys-1 {
			s.Apply(EncodeCompact(nil, &Compact{Revision: s.Revision()}))
		}
	}
}

// A compare-and-swap as Kubernetes and elections send it.
func BenchmarkApply_TxnCompareAndPut(b *testing.B) {
	s := benchStore(b)
	value := make([]byte, 128)
	for i := 0; b.Loop(); i++ {
		key := benchKey(nil, i*7919%benchKeys)
		s.Apply(EncodeTxn(nil, &Txn{
			Compares: []Compare{{Key: key, Target: CompareMod, Result: CompareGreater}},
			Then:     []Op{{Put: &Put{Key: key, Value: value}}},
			Else:     []Op{{Range: &Range{Key: key}}},
		}))
		if i%benchKeys == benchKeys-1 {
			s.Apply(EncodeCompact(nil, &Compact{Revision: s.Revision()}))
		}
	}
}

func BenchmarkRange_Get(b *testing.B) {
	s := benchStore(b)
	var r Range
	for i := 0; b.Loop(); i++ {
		r.Key = benchKey(r.Key, i*7919%benchKeys)
		if res, _ := s.Range(&r); res.Count != 1 {
			b.Fatal("a key is missing")
		}
	}
}

func BenchmarkRange_100Keys(b *testing.B) {
	s := benchStore(b)
	var r Range
	for i := 0; b.Loop(); i++ {
		at := i * 7919 % (benchKeys - 100)
		r.Key, r.End = benchKey(r.Key, at), benchKey(r.End, at+100)
		if res, _ := s.Range(&r); res.Count != 100 {
			b.Fatal("keys are missing")
		}
	}
}

// A page of a long list, which carries the count of all the list.
func BenchmarkRange_PageOf100Keys(b *testing.B) {
	s := benchStore(b)
	r := Range{Key: []byte("/registry/"), End: []byte("/registry0"), Limit: 100}
	for b.Loop() {
		if res, _ := s.Range(&r); res.Count != benchKeys {
			b.Fatal("keys are missing")
		}
	}
}

func BenchmarkClone_ThenPut(b *testing.B) {
	s := benchStore(b)
	command := EncodePut(nil, &Put{Key: benchKey(nil, 5), Value: make([]byte, 128)})
	for b.Loop() {
		s.Clone().Apply(command)
	}
}

func BenchmarkHash(b *testing.B) {
	s := benchStore(b)
	for b.Loop() {
		s.Hash()
	}
}

func BenchmarkSnapshot(b *testing.B) {
	s := benchStore(b)
	b.SetBytes(int64(len(s.Snapshot())))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.WriteSnapshot(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRestore(b *testing.B) {
	s := benchStore(b)
	snapshot := s.Snapshot()
	b.SetBytes(int64(len(snapshot)))
	for b.Loop() {
		if _, err := restore(snapshot); err != nil {
			b.Fatal(err)
		}
	}
}
