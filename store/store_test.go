package store

import (
	"bytes"
	"errors"
	"sync"
	"testing"
)

// do executes a command that must succeed.
func do(t *testing.T, s *Store, c Command) Result {
	t.Helper()
	res := s.Apply(encode(&c))
	if res.Err != nil {
		t.Fatalf("%+v was refused: %v", c, res.Err)
	}
	return res
}

func put(t *testing.T, s *Store, key, value string) Revision {
	t.Helper()
	return do(t, s, Command{Put: &Put{Key: []byte(key), Value: []byte(value)}}).Put.Revision
}

func del(t *testing.T, s *Store, key, end string) DeleteResult {
	t.Helper()
	return do(t, s, Command{DeleteRange: &DeleteRange{Key: []byte(key), End: []byte(end), PrevKV: true}}).Delete
}

func compact(t *testing.T, s *Store, at Revision) {
	t.Helper()
	do(t, s, Command{Compact: &Compact{Revision: at}})
}

// read runs a range that must succeed and writes its answer down.
func read(t *testing.T, s *Store, r Range) string {
	t.Helper()
	res, err := s.Range(&r)
	if err != nil {
		t.Fatalf("%+v was refused: %v", r, err)
	}
	return show(Result{Kind: KindRange, Range: res})
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func expectErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func all(r Range) Range {
	r.Key, r.End = []byte{0}, []byte{0}
	return r
}

// Goal: nothing has happened at revision 1, as in etcd. A new store is asked.
func TestStore_EmptyHasRevisionOne(t *testing.T) {
	s := New()
	if s.Revision() != 1 || s.CompactRevision() != 0 || s.Size() != 0 || s.Keys() != 0 {
		t.Errorf("revision %d compact %d size %d keys %d", s.Revision(), s.CompactRevision(), s.Size(), s.Keys())
	}
	expect(t, read(t, s, all(Range{})), `range@1 count 0 more false:`)
	if rev := put(t, s, "a", "x"); rev != 2 {
		t.Errorf("the first write is at %d, want 2", rev)
	}
}

// Goal: a put says which version it is. Three puts and a delete between them.
func TestPut_VersionRestartsAfterDelete(t *testing.T) {
	s := New()
	put(t, s, "a", "x")
	put(t, s, "a", "y")
	expect(t, read(t, s, Range{Key: []byte("a")}), `range@3 count 1 more false: "a"="y"(create 2 mod 3 version 2 lease 0)`)
	del(t, s, "a", "")
	put(t, s, "a", "z")
	expect(t, read(t, s, Range{Key: []byte("a")}), `range@5 count 1 more false: "a"="z"(create 5 mod 5 version 1 lease 0)`)
}

// Goal: prev_kv is what was there. A put onto nothing, then onto something.
func TestPut_ReturnsThePreviousVersionWhenAsked(t *testing.T) {
	s := New()
	c := Command{Put: &Put{Key: []byte("a"), Value: []byte("x"), PrevKV: true}}
	expect(t, show(do(t, s, c)), `put@2`)
	expect(t, show(do(t, s, c)), `put@3 "a"="x"(create 2 mod 2 version 1 lease 0)`)
}

// Goal: ignore_value keeps the value and counts as a put. One existing key.
func TestPut_IgnoreValueKeepsTheValue(t *testing.T) {
	s := New()
	put(t, s, "a", "x")
	do(t, s, Command{Put: &Put{Key: []byte("a"), IgnoreValue: true}})
	expect(t, read(t, s, Range{Key: []byte("a")}), `range@3 count 1 more false: "a"="x"(create 2 mod 3 version 2 lease 0)`)
}

// Goal: every refusal of a put changes nothing. A table of bad puts on one store.
func TestPut_RefusalsChangeNothing(t *testing.T) {
	s := New()
	put(t, s, "a", "x")
	before := s.Hash()
	for _, c := range []struct {
		name string
		put  Put
		want error
	}{
		{"no key", Put{Value: []byte("x")}, ErrKeyEmpty},
		{"value and ignore_value", Put{Key: []byte("a"), Value: []byte("y"), IgnoreValue: true}, ErrValueProvided},
		{"lease and ignore_lease", Put{Key: []byte("a"), Lease: 7, IgnoreLease: true}, ErrLeaseProvided},
		{"unknown lease", Put{Key: []byte("a"), Lease: 7}, ErrLeaseNotFound},
		{"unknown lease before missing key", Put{Key: []byte("b"), Lease: 7, IgnoreValue: true}, ErrLeaseNotFound},
		{"ignore_value without key", Put{Key: []byte("b"), IgnoreValue: true}, ErrKeyNotFound},
		{"ignore_lease without key", Put{Key: []byte("b"), Value: []byte("y"), IgnoreLease: true}, ErrKeyNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			expectErr(t, s.Apply(EncodePut(nil, &c.put)).Err, c.want)
			if s.Hash() != before || s.Revision() != 2 {
				t.Error("the store has changed")
			}
		})
	}
}

// Goal: the store owns its memory. The command's bytes are wiped after Apply.
func TestApply_DoesNotKeepTheCommand(t *testing.T) {
	s := New()
	command := EncodePut(nil, &Put{Key: []byte("key"), Value: []byte("value")})
	s.Apply(command)
	clear(command)
	expect(t, read(t, s, Range{Key: []byte("key")}), `range@2 count 1 more false: "key"="value"(create 2 mod 2 version 1 lease 0)`)
}

// Goal: bytes that are no command change nothing. A table of broken commands.
func TestApply_MalformedCommandChangesNothing(t *testing.T) {
	s := New()
	put(t, s, "a", "x")
	before := s.Hash()
	good := EncodePut(nil, &Put{Key: []byte("a"), Value: []byte("y")})
	for _, c := range []struct {
		name    string
		command []byte
	}{
		{"empty", nil},
		{"unknown version", append([]byte{99}, good[1:]...)},
		{"unknown kind", []byte{commandVersion, 99}},
		{"a read is no command", []byte{commandVersion, byte(KindRange)}},
		{"cut off", good[:len(good)-1]},
		{"trailing byte", append(bytes.Clone(good), 0)},
		{"unknown flag", []byte{commandVersion, byte(KindPut), 8, 1, 'a', 0, 0}},
		{"length beyond the end", []byte{commandVersion, byte(KindPut), 0, 200, 1, 'a', 0, 0}},
		{"a longer form of a varint", []byte{commandVersion, byte(KindCompact), 0x82, 0}},
		{"more operations than allowed", []byte{commandVersion, byte(KindTxn), 0, 0xff, 0x7f, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			expectErr(t, s.Apply(c.command).Err, ErrMalformed)
			if s.Hash() != before {
				t.Error("the store has changed")
			}
		})
	}
}

// Goal: only a change makes a revision. Deletes with and without a match.
func TestDelete_WithoutMatchDoesNotAdvanceTheRevision(t *testing.T) {
	s := New()
	put(t, s, "a", "x")
	put(t, s, "b", "y")
	expect(t, show(Result{Kind: KindDeleteRange, Delete: del(t, s, "c", "")}), `delete@3 deleted 0:`)
	expect(t, show(Result{Kind: KindDeleteRange, Delete: del(t, s, "b", "a")}), `delete@3 deleted 0:`)
	expect(t, show(Result{Kind: KindDeleteRange, Delete: del(t, s, "a", "\x00")}),
		`delete@4 deleted 2: "a"="x"(create 2 mod 2 version 1 lease 0) "b"="y"(create 3 mod 3 version 1 lease 0)`)
	expectErr(t, s.Apply(EncodeDeleteRange(nil, &DeleteRange{})).Err, ErrKeyEmpty)
}

// Goal: each revision since the last compaction can be read. The history of the
// package comment is read at each of its revisions.
func TestRange_ReadsEveryRevision(t *testing.T) {
	s := New()
	put(t, s, "a", "x")
	do(t, s, Command{Txn: &Txn{Then: []Op{
		{Put: &Put{Key: []byte("a"), Value: []byte("y")}},
		{Put: &Put{Key: []byte("b"), Value: []byte("z")}},
	}}})
	del(t, s, "a", "")
	put(t, s, "a", "w")
	for at, want := range map[Revision]string{
		1: `range@5 count 0 more false:`,
		2: `range@5 count 1 more false: "a"="x"(create 2 mod 2 version 1 lease 0)`,
		3: `range@5 count 2 more false: "a"="y"(create 2 mod 3 version 2 lease 0) "b"="z"(create 3 mod 3 version 1 lease 0)`,
		4: `range@5 count 1 more false: "b"="z"(create 3 mod 3 version 1 lease 0)`,
		5: `range@5 count 2 more false: "a"="w"(create 5 mod 5 version 1 lease 0) "b"="z"(create 3 mod 3 version 1 lease 0)`,
	} {
		expect(t, read(t, s, all(Range{Revision: at})), want)
	}
}

// Goal: compaction forbids what is before it and nothing else. Reads around it.
func TestCompact_ReadAtTheCompactRevisionWorks(t *testing.T) {
	s := New()
	for _, v := range []string{"u", "v", "w", "x"} {
		put(t, s, "a", v) // revisions 2 to 5
	}
	size := s.Size()
	compact(t, s, 3)
	if s.CompactRevision() != 3 || s.Revision() != 5 {
		t.Errorf("compact revision %d, revision %d", s.CompactRevision(), s.Revision())
	}
	if s.Size() >= size {
		t.Error("compaction has freed nothing")
	}
	_, err := s.Range(&Range{Key: []byte("a"), Revision: 2})
	expectErr(t, err, ErrCompacted)
	expect(t, read(t, s, Range{Key: []byte("a"), Revision: 3}), `range@5 count 1 more false: "a"="v"(create 2 mod 3 version 2 lease 0)`)
	expect(t, read(t, s, Range{Key: []byte("a"), Revision: 4}), `range@5 count 1 more false: "a"="w"(create 2 mod 4 version 3 lease 0)`)
}

// Goal: a key keeps its birth and its count through compaction. Compact, then put.
func TestCompact_KeepsVersionAndCreateRevision(t *testing.T) {
	s := New()
	put(t, s, "a", "x")
	put(t, s, "a", "y")
	compact(t, s, 3)
	put(t, s, "a", "z")
	expect(t, read(t, s, Range{Key: []byte("a")}), `range@4 count 1 more false: "a"="z"(create 2 mod 4 version 3 lease 0)`)
}

// Goal: Compact refuses as etcd does, also at zero. A sequence on one store.
func TestCompact_RefusesThePastAndTheFuture(t *testing.T) {
	s := New()
	put(t, s, "a", "x")
	for _, c := range []struct {
		at   Revision
		want error
	}{{-1, ErrCompacted}, {0, nil}, {0, ErrCompacted}, {3, ErrFutureRevision}, {2, nil}, {2, ErrCompacted}, {1, ErrCompacted}} {
		expectErr(t, s.Apply(EncodeCompact(nil, &Compact{Revision: c.at})).Err, c.want)
	}
	if s.Revision() != 2 {
		t.Errorf("revision %d, want 2: compaction is no change of keys", s.Revision())
	}
}

// Goal: all memory comes back. Everything is deleted and compacted.
func TestStore_SizeReturnsToZero(t *testing.T) {
	s := New()
	put(t, s, "a", "x")
	put(t, s, "a", "yy")
	put(t, s, "b", "z")
	del(t, s, "a", "\x00")
	if s.Size() == 0 {
		t.Error("history takes no memory")
	}
	compact(t, s, s.Revision())
	if s.Size() != 0 || s.Keys() != 0 {
		t.Errorf("size %d keys %d, want none", s.Size(), s.Keys())
	}
}

// Goal: a clone and its original do not see each other's writes. Both go on.
func TestClone_IsIndependent(t *testing.T) {
	s := New()
	put(t, s, "a", "x")
	c := s.Clone()
	put(t, s, "a", "original")
	put(t, c, "b", "clone")
	expect(t, read(t, s, all(Range{})), `range@3 count 1 more false: "a"="original"(create 2 mod 3 version 2 lease 0)`)
	expect(t, read(t, c, all(Range{})), `range@3 count 2 more false: "a"="x"(create 2 mod 2 version 1 lease 0) "b"="clone"(create 3 mod 3 version 1 lease 0)`)
}

// Goal: everything that reads may run in parallel, as the package comment promises.
// The race detector watches while several readers do all of it.
func TestStore_ReadsMayRunInParallel(t *testing.T) {
	s := history(t)
	want := s.Hash()
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			everything(s.Range, s.Revision())
			if _, err := s.ReadTxn(&Txn{Compares: []Compare{exists("a")}, Then: []Op{opGet("a", "\x00")}}); err != nil {
				t.Error(err)
			}
			if _, err := restore(s.Snapshot()); err != nil || s.Hash() != want || s.Size() == 0 || s.Keys() != 2 {
				t.Error("a reader saw another store", err)
			}
		})
	}
	readers.Wait()
}
