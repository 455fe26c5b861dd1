package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"runtime"
	"testing"

	"veche/raft"
)

// allocated says how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// seedFrame is a good frame at off of a segment bound to seed.
func seedFrame(seed uint32, off int64, f frame, payload []byte) []byte {
	f.length = uint32(len(payload))
	b := make([]byte, frameSize(len(payload)))
	copy(b[frameHeaderSize:], payload)
	var scratch [32]byte
	putFrame(b, &scratch, seed, off, &f)
	return b
}

// FuzzFrame reads headers from any bytes: one that is accepted must be what is
// written again from its fields, at no other position and in no other segment.
func FuzzFrame(f *testing.F) {
	f.Add(seedFrame(7, 64, frame{kind: frameWrite, group: 3, synced: 64, boot: 1}, []byte("payload")), int64(64))
	f.Add(seedFrame(7, 0, frame{kind: frameMark}, nil), int64(0))
	f.Add([]byte{}, int64(0))
	f.Fuzz(func(t *testing.T, b []byte, off int64) {
		const seed = 7
		h, good := getHeader(b, seed, off)
		if !good {
			return
		}
		if _, other := getHeader(b, seed, off+8); other {
			t.Error("the header counts at another position")
		}
		if _, other := getHeader(b, seed+1, off); other {
			t.Error("the header counts in another segment")
		}
		if len(b) < frameHeaderSize+int(h.length) {
			return
		}
		payload := b[frameHeaderSize:][:h.length]
		if h.holds(payload) && !bytes.Equal(seedFrame(seed, off, h, payload)[:frameHeaderSize], b[:frameHeaderSize]) {
			t.Error("another header was written from the same fields")
		}
	})
}

// FuzzIdentity decodes any bytes: what is accepted must be what its fields
// encode to.
func FuzzIdentity(f *testing.F) {
	d := identity{me, 5, 6}
	f.Add(d.encode())
	f.Add([]byte(identityMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d identity
		if d.decode(b) == "" && !bytes.Equal(d.encode(), b) {
			t.Errorf("%+v is encoded otherwise", d)
		}
	})
}

// FuzzRecoverSegment opens a directory whose last segment holds any bytes, with
// checksums made good where a frame seems to be meant: no panic, no memory
// beyond the input, and what is accepted opens again to the same state.
func FuzzRecoverSegment(f *testing.F) {
	fs := NewMemFS()
	l := mustOpen(f, fs, 2048)
	ok(f, l.Append([]Record{{1, raft.Write{HardChanged: true, Hard: raft.HardState{Term: 2, Vote: 1}, Entries: entries(1, 2, 20)}},
		{2, raft.Write{Entries: entries(1, 1, 9), Snapshot: &raft.Base{Index: 1}, Cut: &raft.Base{Index: 1}}}}))
	ok(f, l.Sync())
	seed := l.seed
	ok(f, l.Close())
	good := content(f, fs, segmentName(1))
	f.Add(good, false)
	f.Add(good, true)
	f.Add(good[:100], true)
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, b []byte, mend bool) {
		if len(b) > 1<<16 {
			return
		}
		b = bytes.Clone(b)
		for off := int64(0); mend && off+frameHeaderSize <= int64(len(b)); {
			n := int64(len(b)) - off - frameHeaderSize
			length := int64(b[off]) | int64(b[off+1])<<8
			if b[off+4] == 0 || b[off+4] > byte(frameSeal) || length > n {
				break
			}
			h := frame{kind: frameKind(b[off+4]), group: raft.GroupID(b[off+8]), synced: uint32(min(off, int64(b[off+16])*8)), boot: uint32(b[off+20] % 2)}
			copy(b[off:], seedFrame(seed, off, h, b[off+frameHeaderSize:][:length])[:frameHeaderSize+length])
			off += frameSize(int(length))
		}
		hurt := fs.Clone()
		truncated(t, hurt, segmentName(1), 0)
		change(t, hurt, segmentName(1), 0, b)
		var l *Log
		var err error
		used := allocated(func() { l, err = Open(hurt, "data", me, options(2048)) })
		if limit := uint64(1<<20 + 64*len(b)); used > limit {
			t.Fatalf("%d bytes were allocated for %d", used, len(b))
		}
		if err != nil {
			return
		}
		want := twin{}
		for _, g := range l.Groups() {
			want[g] = l.Restored(g)
		}
		ok(t, l.Close())
		l, err = Open(hurt, "data", me, options(2048))
		ok(t, err)
		if what := want.differs(l); what != "" {
			t.Fatal("opened again, it is another: " + what)
		}
	})
}

// mended makes the checksums of a snapshot file good, as far as its lengths
// let it.
func mended(b []byte, h snapshotHead) []byte {
	b = bytes.Clone(b)
	if h.fixed(b) != "" || h.front > int64(len(b)) {
		return b
	}
	h.base.Term = raft.Term(binary.LittleEndian.Uint64(b[64:]))
	s := h.blocks()
	for off := h.front; off < int64(len(b)); off += blockBytes + blockSum {
		if block := b[off:min(int64(len(b)), off+blockBytes+blockSum)]; len(block) > blockSum {
			s.seal(block)
		}
	}
	binary.LittleEndian.PutUint32(b[20:], s.chain)
	binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b[16:h.front], castagnoli))
	return b
}

// FuzzSnapshotFile reads any bytes as a snapshot and receives them in portions,
// perhaps with the checksums made good: no panic, no memory beyond a block and
// the input, and both take or refuse the same files.
func FuzzSnapshotFile(f *testing.F) {
	fs := NewMemFS()
	l := mustOpen(f, fs, 512)
	base := raft.Base{Index: 7, Term: 2}
	ok(f, l.SaveSnapshot(3, base, []byte("data")))
	good := content(f, fs, snapshotName(3, 7))
	f.Add(good, true, uint8(3))
	f.Add(good[:40], false, uint8(0))
	ok(f, l.SaveSnapshot(3, base, make([]byte, blockBytes+9)))
	f.Add(content(f, fs, snapshotName(3, 7)), false, uint8(200))
	f.Fuzz(func(t *testing.T, b []byte, mend bool, portion uint8) {
		if len(b) > 1<<18 {
			return
		}
		if mend {
			b = mended(b, snapshotHead{cluster: me.Cluster, group: 3, base: raft.Base{Index: 7}})
		}
		name := "data/" + snapshotName(3, 7)
		if err := fs.Remove(name); err != nil && !missing(err) {
			t.Fatal(err)
		}
		file, err := fs.Create(name)
		ok(t, err)
		_, err = file.WriteAt(b, 0)
		ok(t, err)
		ok(t, file.Sync()) // so that the memory disk has nothing to remember
		ok(t, fs.SyncDir("data"))
		var data []byte
		used := allocated(func() { _, data, err = l.LoadSnapshot(3, 7) })
		if limit := uint64(160<<10 + 8*len(b)); used > limit {
			t.Fatalf("%d bytes were allocated for %d", used, len(b))
		}
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		ok(t, fs.Remove(name))
		arrived := receive(t, l, b, 1+int(portion)*97)
		if arrived != (err == nil) && (len(b) < 72 || b[64] == 2) {
			t.Fatalf("received: %v, but read: %v", arrived, err)
		}
		if arrived {
			_, again, err := l.LoadSnapshot(3, 7)
			if err != nil || !bytes.Equal(again, data) {
				t.Fatal("what was received is not what was sent", err)
			}
		}
	})
}

// receive hands a file to a receiver, n bytes at a time, and says whether it
// took it.
func receive(t *testing.T, l *Log, b []byte, n int) bool {
	t.Helper()
	r, err := l.ReceiveSnapshot(3, 7, 2)
	ok(t, err)
	for off := 0; off < len(b); off += n {
		if err := r.Write(uint64(off), b[off:min(len(b), off+n)]); err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return false
		}
	}
	if !r.Complete() {
		r.Discard()
		return false
	}
	_, err = r.Finish()
	return err == nil
}

// FuzzSalvage writes any bytes over some place of a log's segments: whatever is
// opened then knows the newest vote, and opens again to the same. Bytes over all
// that proves the end of the log make it an older one, which nobody can tell.
func FuzzSalvage(f *testing.F) {
	h := makeHistory(f, 61, 2, 18, 2)
	names := files(f, h.fs)
	f.Add([]byte{0}, uint8(1), uint16(40))
	f.Add(make([]byte, 600), uint8(2), uint16(300))
	f.Add([]byte("veche"), uint8(3), uint16(2000))
	f.Fuzz(func(t *testing.T, b []byte, which uint8, off uint16) {
		name := names[int(which)%len(names)]
		n, _ := h.fs.Length("data/" + name)
		if n == 0 || len(b) > 2048 {
			return
		}
		m := h.fs.Clone()
		at := int64(off) % n
		b = b[:min(int64(len(b)), n-at)]
		change(t, m, name, at, b)
		seen := "data/"+name < h.current || "data/"+name == h.current && at+int64(len(b)) <= h.proven
		l, err := Open(m, "data", me, salvaging(2048))
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) {
				t.Fatal(err)
			}
			return
		}
		if what := h.check(t, l); what != "" && seen {
			t.Fatalf("%s, from %d on: %s", name, at, what)
		}
		again := twin{}
		for _, g := range l.Groups() {
			again[g] = l.Restored(g)
		}
		m.Crash(nil)
		l, err = Open(m, "data", me, options(2048))
		ok(t, err)
		if what := again.differs(l); what != "" {
			t.Fatal("opened again: " + what)
		}
	})
}
