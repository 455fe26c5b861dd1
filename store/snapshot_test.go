package store

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

// restore is Restore from bytes.
func restore(b []byte) (*Store, error) { return Restore(bytes.NewReader(b)) }

// history is a store with a present and a past, compacted once.
func history(t testing.TB) *Store {
	s := New()
	for _, kv := range []string{"a0", "b2", "c0", "a3", "c1", "c4"} {
		s.Apply(EncodePut(nil, &Put{Key: []byte(kv[:1]), Value: []byte(kv[1:])}))
	}
	s.Apply(EncodeDeleteRange(nil, &DeleteRange{Key: []byte("b")}))
	s.Apply(EncodeCompact(nil, &Compact{Revision: 4}))
	if s.Revision() != 8 || s.CompactRevision() != 4 {
		t.Fatal("the store of the test is not what it should be")
	}
	return s
}

// sealed replaces the checksum of a snapshot by the right one.
func sealed(b []byte) []byte {
	body := b[:len(b)-4]
	return binary.LittleEndian.AppendUint32(bytes.Clone(body), crc32.Checksum(body, castagnoli))
}

// Goal: a restored store goes on as the original. Both do the same afterwards.
func TestRestore_GoesOnAsTheOriginal(t *testing.T) {
	s := history(t)
	r, err := restore(s.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []*Store{s, r} {
		put(t, x, "c", "after")
		put(t, x, "b", "again")
		compact(t, x, 7)
	}
	if s.Hash() != r.Hash() || s.Size() != r.Size() || !bytes.Equal(s.Snapshot(), r.Snapshot()) {
		t.Error("original and restored store have parted")
	}
	expect(t, strings.Join(everything(r.Range, 10), "\n"), strings.Join(everything(s.Range, 10), "\n"))
}

// Goal: a snapshot streams. Values of all sizes about a piece are written; no
// Write may be much larger than a piece or a value, and what a reader gives in
// the smallest and oddest portions must come back whole.
func TestSnapshot_StreamsInPieces(t *testing.T) {
	s := history(t)
	for k := range 300 {
		put(t, s, strings.Repeat("k", k%40+1), strings.Repeat("v", k*40))
	}
	put(t, s, "large", strings.Repeat("w", 5*snapshotPiece+1))
	var all bytes.Buffer
	largest := 0
	if err := s.WriteSnapshot(writerFunc(func(b []byte) (int, error) {
		largest = max(largest, len(b))
		return all.Write(b)
	})); err != nil || largest > 7*snapshotPiece {
		t.Fatalf("%v; the largest piece has %d bytes", err, largest)
	}
	for name, r := range map[string]io.Reader{
		"at once":        bytes.NewReader(all.Bytes()),
		"byte by byte":   iotest.OneByteReader(bytes.NewReader(all.Bytes())),
		"half":           iotest.HalfReader(bytes.NewReader(all.Bytes())),
		"end with bytes": iotest.DataErrReader(bytes.NewReader(all.Bytes())),
	} {
		back, err := Restore(r)
		if err != nil || back.Hash() != s.Hash() || !bytes.Equal(back.Snapshot(), all.Bytes()) {
			t.Errorf("%s: %v, or another store came back", name, err)
		}
	}
}

// Goal: the errors of writer and reader come through as they are, and a writer
// that has failed is not asked again. They fail after each of many lengths.
func TestSnapshot_PassesErrorsOn(t *testing.T) {
	s := history(t)
	put(t, s, "large", strings.Repeat("w", 2*snapshotPiece))
	put(t, s, "larger", strings.Repeat("x", 2*snapshotPiece))
	b := s.Snapshot()
	for n := 0; n < len(b); n += 1 + n/9 {
		failed := 0
		room := n
		err := s.WriteSnapshot(writerFunc(func(p []byte) (int, error) {
			if room -= len(p); room < 0 {
				failed++
				return 0, io.ErrClosedPipe
			}
			return len(p), nil
		}))
		if err != io.ErrClosedPipe || failed != 1 {
			t.Fatalf("room for %d bytes: %v, failed %d times", n, err, failed)
		}
		r := io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(io.ErrClosedPipe))
		if _, err := Restore(r); err != io.ErrClosedPipe {
			t.Fatalf("an error after %d bytes: %v", n, err)
		}
	}
}

// writerFunc makes a function an io.Writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// Goal: neither side of a snapshot takes memory in proportion to it. Only what
// is not part of the store is counted.
func TestSnapshot_TakesBoundedMemory(t *testing.T) {
	s := New()
	value := strings.Repeat("v", 10_000)
	for k := range 1000 {
		put(t, s, strconv.Itoa(k), value)
	}
	if n := allocated(func() { _ = s.WriteSnapshot(io.Discard) }); n > 8*snapshotPiece {
		t.Errorf("to write 10 MB took %d bytes", n)
	}
	b := s.Snapshot()
	if n := allocated(func() { _, _ = Restore(bytes.NewReader(b)) }); n > uint64(len(b))+uint64(len(b))/8 {
		t.Errorf("to restore %d bytes took %d", len(b), n)
	}
}

// Goal: Restore does not keep its input. The bytes are wiped afterwards.
func TestRestore_DoesNotKeepTheSnapshot(t *testing.T) {
	s := history(t)
	b := s.Snapshot()
	r, err := restore(b)
	clear(b)
	if err != nil || r.Hash() != s.Hash() {
		t.Error("the restored store has changed with the bytes", err)
	}
}

// Goal: no damaged byte gets through. Every single one is changed, every length cut.
func TestRestore_RefusesEveryDamage(t *testing.T) {
	good := history(t).Snapshot()
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		if _, err := restore(bad); err == nil {
			t.Errorf("byte %d of %d may be changed", i, len(good))
		}
		if _, err := restore(good[:i]); err == nil {
			t.Errorf("the first %d bytes of %d are enough", i, len(good))
		}
	}
	bad := bytes.Clone(good)
	bad[len(bad)/2] ^= 1
	_, err := restore(bad)
	expectErr(t, err, ErrSnapshotCorrupt)
}

// Goal: a right checksum does not make a wrong state acceptable. Snapshots of
// states that no store can be in are written by hand.
func TestRestore_RefusesImpossibleStates(t *testing.T) {
	version := func(key string, create, mod Revision, version int64) *KeyValue {
		return &KeyValue{Key: []byte(key), CreateRevision: create, ModRevision: mod, Version: version}
	}
	for _, c := range []struct {
		name                string
		revision, compacted Revision
		present             []*KeyValue
		past                []past
		want                error
	}{
		{"possible", 9, 3, []*KeyValue{version("a", 2, 8, 2)}, []past{{until: 8, kv: version("a", 2, 4, 1)}}, nil},
		{"revision zero", 0, -1, nil, nil, ErrSnapshotMalformed},
		{"compacted in the future", 9, 10, nil, nil, ErrSnapshotMalformed},
		{"compacted before the beginning", 9, -2, nil, nil, ErrSnapshotMalformed},
		{"keys out of order", 9, 3, []*KeyValue{version("b", 2, 2, 1), version("a", 3, 3, 1)}, nil, ErrSnapshotMalformed},
		{"a key twice", 9, 3, []*KeyValue{version("a", 2, 2, 1), version("a", 3, 3, 1)}, nil, ErrSnapshotMalformed},
		{"no key", 9, 3, []*KeyValue{version("", 2, 2, 1)}, nil, ErrSnapshotMalformed},
		{"changed before it was made", 9, 3, []*KeyValue{version("a", 3, 2, 1)}, nil, ErrSnapshotMalformed},
		{"changed in the future", 9, 3, []*KeyValue{version("a", 3, 10, 1)}, nil, ErrSnapshotMalformed},
		{"never put", 9, 3, []*KeyValue{version("a", 3, 3, 0)}, nil, ErrSnapshotMalformed},
		{"past beyond the present", 9, 3, []*KeyValue{version("a", 2, 5, 2)}, []past{{until: 6, kv: version("a", 2, 4, 1)}}, ErrSnapshotMalformed},
		{"past versions overlap", 9, 3, nil, []past{{until: 6, kv: version("a", 2, 4, 1)}, {until: 7, kv: version("a", 2, 5, 1)}}, ErrSnapshotMalformed},
		{"past ends before it begins", 9, 3, nil, []past{{until: 4, kv: version("a", 2, 4, 1)}}, ErrSnapshotMalformed},
		{"past ends in the future", 9, 3, nil, []past{{until: 10, kv: version("a", 2, 4, 1)}}, ErrSnapshotMalformed},
		{"past that compaction forgets", 9, 5, nil, []past{{until: 5, kv: version("a", 2, 4, 1)}}, ErrSnapshotMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := appendInt(appendInt([]byte(snapshotMagic), c.revision), c.compacted+1)
			b = binary.AppendUvarint(b, uint64(len(c.present)))
			for _, kv := range c.present {
				b = appendVersion(b, kv)
			}
			b = binary.AppendUvarint(b, uint64(len(c.past)))
			for _, p := range c.past {
				b = appendInt(appendVersion(b, p.kv), p.until)
			}
			_, err := restore(sealed(append(b, 0, 0, 0, 0)))
			expectErr(t, err, c.want)
		})
	}
}

// Goal: equal states have equal hashes however they came about, and different ones
// differ. The same history is reached directly, restored, and on a clone.
func TestHash_DependsOnTheStateAlone(t *testing.T) {
	a, b := history(t), history(t)
	restored, _ := restore(a.Snapshot())
	if a.Hash() != b.Hash() || a.Hash() != restored.Hash() || a.Hash() != a.Clone().Hash() {
		t.Error("the same state has different hashes")
	}
	compact(t, b, 5)
	if a.Hash() == b.Hash() {
		t.Error("compaction is not in the hash")
	}
}

// allocated runs f and tells how many bytes it has allocated.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Goal: no bytes make Restore panic or take memory out of proportion, and what it
// accepts is canonical. The checksum is put right, or the fuzzer would never pass.
func FuzzRestore(f *testing.F) {
	f.Add(history(f).Snapshot())
	f.Add(New().Snapshot())
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 4 {
			return
		}
		b = sealed(b)
		var s *Store
		if n := allocated(func() { s, _ = restore(b) }); n > 256*uint64(len(b))+1<<17 {
			t.Fatalf("%d bytes took %d bytes of memory", len(b), n)
		}
		if s != nil && !bytes.Equal(s.Snapshot(), b) {
			t.Fatal("the restored store has another snapshot")
		}
	})
}

// Goal: no bytes make Decode panic or take memory out of proportion, what it
// accepts is canonical, and applying it does not panic either.
func FuzzDecode(f *testing.F) {
	f.Add(EncodePut(nil, &Put{Key: []byte("a"), Value: []byte("x"), PrevKV: true}))
	f.Add(EncodeDeleteRange(nil, &DeleteRange{Key: []byte("a"), End: []byte{0}}))
	f.Add(EncodeCompact(nil, &Compact{Revision: 5}))
	f.Add(EncodeTxn(nil, &Txn{
		Compares: []Compare{exists("a")},
		Then:     []Op{opGet("a", "b"), opTxn(Txn{Then: []Op{opPut("b", "y")}})},
		Else:     []Op{opDel("c", ""), {}},
	}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Command
		var err error
		if n := allocated(func() { c, err = Decode(b) }); n > 256*uint64(len(b))+1<<16 {
			t.Fatalf("%d bytes took %d bytes of memory", len(b), n)
		}
		if err == nil && !bytes.Equal(encode(&c), b) {
			t.Fatalf("%x is not the encoding of what it means", b)
		}
		s := history(t)
		before := s.Hash()
		if res := s.Apply(b); (err != nil || res.Err != nil) && s.Hash() != before {
			t.Fatal("a refused command has changed the store")
		}
	})
}
