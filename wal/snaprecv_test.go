package wal

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"

	"veche/raft"
)

// sent is the file of a snapshot of n random bytes, as another member of the
// cluster has it, and its data.
func sent(t testing.TB, base raft.Base, n int) (file, data []byte) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(n), 2))
	data = make([]byte, n)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	m := NewMemFS()
	l := mustOpen(t, m, 512)
	ok(t, l.SaveSnapshot(3, base, data))
	return content(t, m, snapshotName(3, base.Index)), data
}

var arriving = raft.Base{Index: 7, Term: 2, Config: randomConfig(rand.New(rand.NewPCG(1, 1)))}

// TestReceive_FileArrivesInAnyPortions writes snapshots of sizes around those of
// blocks in random portions and reads them back in others: the data are the
// same, and the receiver says when it has everything.
func TestReceive_FileArrivesInAnyPortions(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, n := range []int{0, 1, blockBytes - 1, blockBytes, blockBytes + 1, 3 * blockBytes, 3*blockBytes + 100} {
		file, data := sent(t, arriving, n)
		l := mustOpen(t, NewMemFS(), 512)
		v, err := l.ReceiveSnapshot(3, 7, 2)
		ok(t, err)
		for off := 0; off < len(file); {
			if v.Complete() || v.Offset() != uint64(off) {
				t.Fatalf("%d bytes: at %d, it has %d", n, off, v.Offset())
			}
			k := min(len(file)-off, 1+r.IntN(100<<10))
			ok(t, v.Write(uint64(off), file[off:off+k]))
			off += k
		}
		if !v.Complete() {
			t.Fatalf("%d bytes: something is still missing", n)
		}
		base, err := v.Finish()
		ok(t, err)
		s, err := l.OpenSnapshot(3, 7)
		ok(t, err)
		got, err := io.ReadAll(io.LimitReader(s, 1<<30))
		ok(t, err)
		ok(t, s.Verify())
		if !bytes.Equal(got, data) || !sameBase(base, arriving) || !sameBase(s.Base(), arriving) || s.Size() != int64(len(file)) {
			t.Fatalf("%d bytes: another snapshot than was sent", n)
		}
		raw := make([]byte, len(file))
		_, err = s.ReadAt(raw, 0)
		ok(t, err)
		if !bytes.Equal(raw, file) {
			t.Fatalf("%d bytes: another file than was sent", n)
		}
		ok(t, s.Close())
	}
}

// TestReceive_MemoryIsBounded receives and reads 32 MiB: neither takes more than
// a few blocks.
func TestReceive_MemoryIsBounded(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(OS(), dir, me, options(512))
	ok(t, err)
	defer l.Close()
	chunk := make([]byte, 1<<20)
	used := allocated(func() {
		w, err := l.CreateSnapshot(3, arriving)
		ok(t, err)
		for range 32 {
			_, err := w.Write(chunk)
			ok(t, err)
		}
		ok(t, w.Commit())
	})
	used += allocated(func() {
		s, err := l.OpenSnapshot(3, 7)
		ok(t, err)
		ok(t, s.Verify())
		n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{s}, chunk)
		ok(t, err)
		if n != 32<<20 {
			t.Fatalf("%d bytes", n)
		}
		ok(t, s.Close())
	})
	other, err := Open(OS(), t.TempDir(), me, options(512))
	ok(t, err)
	defer other.Close()
	s, err := l.OpenSnapshot(3, 7)
	ok(t, err)
	defer s.Close()
	used += allocated(func() {
		v, err := other.ReceiveSnapshot(3, 7, 2)
		ok(t, err)
		for !v.Complete() {
			n, err := s.ReadAt(chunk, int64(v.Offset()))
			if err != nil && err != io.EOF {
				t.Fatal(err)
			}
			ok(t, v.Write(v.Offset(), chunk[:n]))
		}
		_, err = v.Finish()
		ok(t, err)
	})
	if used > 1<<20 {
		t.Fatalf("%d bytes were allocated", used)
	}
}

// TestReceive_EveryFlippedByteIsSeen changes each byte of a small file on its
// way, and leaves out or adds one: the receiver never finishes, its part is
// gone, and the right file arrives afterwards.
func TestReceive_EveryFlippedByteIsSeen(t *testing.T) {
	file, _ := sent(t, arriving, 100)
	m := NewMemFS()
	l := mustOpen(t, m, 512)
	for i := range file {
		hurt := bytes.Clone(file)
		hurt[i] ^= 1 << (i % 8)
		if receive(t, l, hurt, 50) {
			t.Fatalf("byte %d was changed, and the snapshot was taken", i)
		}
	}
	if receive(t, l, file[:len(file)-1], 50) || receive(t, l, append(bytes.Clone(file), 0), 50) {
		t.Fatal("a file of another length was taken")
	}
	for _, name := range files(t, m) {
		if strings.HasSuffix(name, partSuffix) || strings.HasSuffix(name, snapshotSuffix) {
			t.Fatalf("%s is left", name)
		}
	}
	if !receive(t, l, file, 50) {
		t.Fatal("the right file was not taken")
	}
}

// TestReceive_ResumesAfterEveryCrash stops the disk at each operation, cuts the
// power with half of the sectors kept or kills the process, and goes on: the
// snapshot arrives, and what was durable is not sent again.
func TestReceive_ResumesAfterEveryCrash(t *testing.T) {
	const size = 9 << 20 // two syncs on the way
	file, data := sent(t, arriving, size)
	resumed := 0
	for stop := 0; ; stop += 11 { // so that kinds of failures mix
		m := NewMemFS()
		l := mustOpen(t, m, 512)
		left, sync := stop, stop%2 == 0
		m.Fail = func(op Op, _ string, _ int64) error {
			if left--; left < 0 || sync && op == OpSync && left < 30 { // a failed sync, and the end soon after
				return ErrIO
			}
			return nil
		}
		v, err := l.ReceiveSnapshot(3, 7, 2)
		for err == nil && !v.Complete() {
			off := v.Offset()
			err = v.Write(off, file[off:min(uint64(len(file)), off+100_000)])
		}
		if err == nil {
			_, err = v.Finish()
		}
		m.Fail = nil
		if stop%3 == 0 {
			m.Kill()
		} else {
			m.Crash(func(op int) bool { return (op*7+stop)%2 == 0 })
		}
		l = mustOpen(t, m, 512)
		ok(t, l.Prepare())
		v, e := l.ReceiveSnapshot(3, 7, 2)
		ok(t, e)
		if v.Offset() > 0 {
			resumed++
		}
		for !v.Complete() {
			off := v.Offset()
			ok(t, v.Write(off, file[off:min(uint64(len(file)), off+100_000)]))
		}
		base, e := v.Finish()
		ok(t, e)
		m.Crash(nil)
		l = mustOpen(t, m, 512)
		if _, got, e := l.LoadSnapshot(3, 7); e != nil || !bytes.Equal(got, data) || !sameBase(base, arriving) {
			t.Fatalf("stopped after %d operations: %v", stop, e)
		}
		if err == nil {
			break // the disk did not stop in time
		}
	}
	if resumed < 3 {
		t.Fatalf("only %d were resumed", resumed)
	}
}

// TestReceive_FilesOfTwoSendersDoNotMix sends the first half of one file and the
// rest of another of the same base and length, whose blocks are each good: the
// receiver sees it at the end, and begins anew.
func TestReceive_FilesOfTwoSendersDoNotMix(t *testing.T) {
	file, data := sent(t, arriving, 4*blockBytes)
	m := NewMemFS()
	other := mustOpen(t, m, 512)
	ok(t, other.SaveSnapshot(3, arriving, make([]byte, len(data))))
	half := len(file) - 2*(blockBytes+blockSum)
	mixed := append(bytes.Clone(file[:half]), content(t, m, snapshotName(3, 7))[half:]...)
	l := mustOpen(t, NewMemFS(), 512)
	if receive(t, l, mixed, 10_000) {
		t.Fatal("a mixed file was taken")
	}
	v, err := l.ReceiveSnapshot(3, 7, 2)
	ok(t, err)
	if v.Offset() != 0 {
		t.Fatalf("the mixed part is still there: %d bytes", v.Offset())
	}
	v.Discard()
	if !receive(t, l, file, 10_000) {
		t.Fatal("the right file was not taken")
	}
}

// TestReceive_PartsThatAreOfNoUseAreRemoved begins another snapshot of the
// group, and records one: the parts go, those of other groups stay.
func TestReceive_PartsThatAreOfNoUseAreRemoved(t *testing.T) {
	m := NewMemFS()
	l := mustOpen(t, m, 4096)
	parts := func() (n int) {
		for _, name := range files(t, m) {
			if strings.HasSuffix(name, partSuffix) {
				n++
			}
		}
		return n
	}
	file, _ := sent(t, arriving, 10)
	for _, c := range []struct {
		g     raft.GroupID
		index raft.Index
		want  int
	}{{3, 7, 1}, {4, 7, 2}, {3, 9, 2}, {3, 7, 2}} {
		v, err := l.ReceiveSnapshot(c.g, c.index, 2)
		ok(t, err)
		if c.g == 3 && c.index == 7 {
			ok(t, v.Write(0, file[:20]))
			if err := v.Write(21, file[21:22]); err == nil || errors.Is(err, ErrDamaged) {
				t.Fatalf("a gap: %v", err)
			}
		}
		if _, err := v.Finish(); err == nil {
			t.Fatal("finished before it was complete")
		}
		v.Close()
		if n := parts(); n != c.want {
			t.Fatalf("%d parts after %+v", n, c)
		}
	}
	base := raft.Base{Index: 7, Term: 2}
	ok(t, l.Append([]Record{{3, raft.Write{Entries: entries(1, 7, 1), Snapshot: &base}}}))
	ok(t, l.Sync())
	ok(t, l.Prepare())
	if n := parts(); n != 1 {
		t.Fatalf("%d parts are left, want that of the other group", n)
	}
}

// TestSnapshot_OpenReaderOutlivesItsFile reads a snapshot while a newer one is
// recorded and Prepare removes its file.
func TestSnapshot_OpenReaderOutlivesItsFile(t *testing.T) {
	for _, c := range []struct {
		name string
		fs   FS
		dir  string
	}{{"machine", OS(), t.TempDir()}, {"memory", NewMemFS(), "data"}} {
		l, err := Open(c.fs, c.dir, me, options(4096))
		ok(t, err)
		ok(t, l.SaveSnapshot(1, raft.Base{Index: 1, Term: 1}, []byte("one")))
		s, err := l.OpenSnapshot(1, 1)
		ok(t, err)
		two := raft.Base{Index: 2, Term: 1}
		ok(t, l.SaveSnapshot(1, two, []byte("two")))
		ok(t, l.Append([]Record{{1, raft.Write{Entries: entries(1, 2, 5), Snapshot: &two}}}))
		ok(t, l.Sync())
		ok(t, l.Prepare())
		if _, err := l.OpenSnapshot(1, 1); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, ErrDamaged) {
			t.Fatalf("%s: the old snapshot is still there: %v", c.name, err)
		}
		got, err := io.ReadAll(s)
		if err != nil || string(got) != "one" || s.Verify() != nil {
			t.Fatalf("%s: %q %v", c.name, got, err)
		}
		ok(t, s.Close())
		ok(t, l.Close())
	}
}

// TestSnapshot_AbortLeavesNothing aborts a writer, and fails one at each
// operation: no file is left but the earlier one, and the log goes on.
func TestSnapshot_AbortLeavesNothing(t *testing.T) {
	for stop := 0; ; stop++ {
		m := NewMemFS()
		l := mustOpen(t, m, 4096)
		before := len(files(t, m))
		w, err := l.CreateSnapshot(1, arriving)
		ok(t, err)
		left := stop
		m.Fail = func(op Op, _ string, _ int64) error {
			if left--; left < 0 && op != OpRemove {
				return ErrNoSpace
			}
			return nil
		}
		_, err = w.Write(make([]byte, 2*blockBytes))
		if err == nil && stop%2 == 1 {
			err = w.Commit()
		} else {
			w.Abort()
		}
		m.Fail = nil
		if err == nil && stop%2 == 1 {
			break
		}
		if n := len(files(t, m)); n != before && !strings.Contains(err.Error(), "sync directory") {
			t.Fatalf("stopped after %d operations: files %v", stop, files(t, m))
		}
		ok(t, l.Append([]Record{{1, raft.Write{Entries: entries(1, 1, 5)}}}))
		ok(t, l.Sync())
	}
}
