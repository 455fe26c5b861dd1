package wal

import (
	"io"
	"slices"
	"testing"
	"time"

	"veche/raft"
)

const benchSegment = 64 << 20

// batchOf gives the records of n writers, each with one entry of 256 B.
func batchOf(n int) []Record {
	batch := make([]Record, n)
	for i := range batch {
		batch[i] = Record{raft.GroupID(i + 1), raft.Write{Entries: entries(1, 1, 256)}}
	}
	return batch
}

// advance gives each record the next index.
func advance(batch []Record) {
	for i := range batch {
		batch[i].Write.Entries[0].Index++
	}
}

// BenchmarkAppendSync appends the records of some writers and makes them
// durable, on the file system of the machine's temporary directory. Segments
// are prepared outside the timer, as a host does it in another goroutine.
// Compare it with BenchmarkBareFile of the same run.
func BenchmarkAppendSync(b *testing.B) {
	for _, c := range []struct {
		name    string
		writers int
	}{{"single", 1}, {"batch64", 64}} {
		b.Run(c.name, func(b *testing.B) {
			l, err := Open(OS(), b.TempDir(), me, options(benchSegment))
			ok(b, err)
			batch := batchOf(c.writers)
			start := l.Stats()
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if l.Unprepared() {
					b.StopTimer()
					ok(b, l.Prepare())
					b.StartTimer()
				}
				ok(b, l.Append(batch))
				ok(b, l.Sync())
				advance(batch)
			}
			b.StopTimer()
			end := l.Stats()
			b.ReportMetric(float64(end.Syncs-start.Syncs)/float64(b.N), "fsyncs/op")
			b.ReportMetric(float64(end.Appended-start.Appended)/float64(b.N), "bytes/op")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.writers), "ns/record")
			ok(b, l.Close())
		})
	}
}

// BenchmarkBareFile writes as many bytes as BenchmarkAppendSync to a bare file
// of zeros, with one write and one fdatasync each time: what the disk can do.
func BenchmarkBareFile(b *testing.B) {
	for _, c := range []struct {
		name    string
		writers int
	}{{"single", 1}, {"batch64", 64}} {
		b.Run(c.name, func(b *testing.B) {
			f, err := OS().Create(b.TempDir() + "/bare")
			ok(b, err)
			defer f.Close()
			ok(b, fill(f, 0, benchSegment))
			ok(b, f.Sync())
			batch := batchOf(c.writers)
			size := frameSize(len(raft.AppendWrite(nil, &batch[0].Write)))
			p := make([]byte, size*int64(c.writers))
			for i := range p {
				p[i] = byte(i)
			}
			off := int64(0)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if off+int64(len(p)) > benchSegment {
					off = 0
				}
				if _, err := f.WriteAt(p, off); err != nil {
					b.Fatal(err)
				}
				ok(b, f.Sync())
				off += int64(len(p))
			}
			b.StopTimer()
			b.ReportMetric(1, "fsyncs/op")
			b.ReportMetric(float64(len(p)), "bytes/op")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.writers), "ns/record")
		})
	}
}

// BenchmarkAppendBesideBare does both in turn, so that a busy machine disturbs
// both alike, and reports the medians and their ratio.
func BenchmarkAppendBesideBare(b *testing.B) {
	for _, c := range []struct {
		name    string
		writers int
	}{{"single", 1}, {"batch64", 64}} {
		b.Run(c.name, func(b *testing.B) {
			l, err := Open(OS(), b.TempDir(), me, options(benchSegment))
			ok(b, err)
			defer l.Close()
			f, err := OS().Create(b.TempDir() + "/bare")
			ok(b, err)
			defer f.Close()
			ok(b, fill(f, 0, benchSegment))
			ok(b, f.Sync())
			batch := batchOf(c.writers)
			p := make([]byte, frameSize(len(raft.AppendWrite(nil, &batch[0].Write)))*int64(c.writers))
			var ours, bare []time.Duration
			off := int64(0)
			for range b.N {
				if l.Unprepared() {
					ok(b, l.Prepare())
				}
				t0 := time.Now()
				ok(b, l.Append(batch))
				ok(b, l.Sync())
				t1 := time.Now()
				if off+int64(len(p)) > benchSegment {
					off = 0
				}
				if _, err := f.WriteAt(p, off); err != nil {
					b.Fatal(err)
				}
				ok(b, f.Sync())
				t2 := time.Now()
				ours, bare = append(ours, t1.Sub(t0)), append(bare, t2.Sub(t1))
				off += int64(len(p))
				advance(batch)
			}
			slices.Sort(ours)
			slices.Sort(bare)
			o, n := float64(ours[len(ours)/2]), float64(bare[len(bare)/2])
			b.ReportMetric(o, "ns/wal-median")
			b.ReportMetric(n, "ns/bare-median")
			b.ReportMetric(o/n, "wal/bare")
		})
	}
}

// BenchmarkAppendMemory is the log's own work for 64 records of 256 B, on the
// memory file system that the simulator uses.
func BenchmarkAppendMemory(b *testing.B) {
	l := mustOpen(b, NewMemFS(), 1<<20)
	batch := batchOf(64)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if i%100 == 99 {
			for j := range batch {
				base := raft.Base{Index: batch[j].Write.Entries[0].Index - 1, Term: 1}
				ok(b, l.Append([]Record{{batch[j].Group, raft.Write{Snapshot: &base, Cut: &base}}}))
			}
		}
		ok(b, l.Append(batch))
		ok(b, l.Sync())
		advance(batch)
	}
}

// BenchmarkCrashRecovery writes a batch, cuts the power and opens again, in
// memory: what a simulated crash costs.
func BenchmarkCrashRecovery(b *testing.B) {
	fs := NewMemFS()
	for i := range b.N {
		l := mustOpen(b, fs, 64<<10)
		if i%100 == 0 {
			ok(b, fs.Remove("data/"+identityName))
			for _, name := range files(b, fs) {
				ok(b, fs.Remove("data/"+name))
			}
			fs.Kill()
			l = mustOpen(b, fs, 64<<10)
		}
		last, _ := lastOf(l.Restored(1))
		ok(b, l.Append([]Record{{1, raft.Write{Entries: entries(last+1, last+4, 100)}}}))
		fs.Crash(func(op int) bool { return (op+i)%3 != 0 })
	}
}

// BenchmarkCrashImages cuts the power at each operation of an install, with many
// choices of what was written, and recovers: images per second of one processor.
func BenchmarkCrashImages(b *testing.B) {
	c := installs[3]
	file, _ := sent(b, c.base, 600)
	var stopped []*MemFS
	for stop, left := 0, -1; left < 0; stop++ {
		m := NewMemFS()
		l := mustOpen(b, m, 2048)
		left = stop
		m.Fail = func(Op, string, int64) error {
			if left--; left < 0 {
				return ErrIO
			}
			return nil
		}
		c.run(l, file)
		m.Fail = nil
		stopped = append(stopped, m)
	}
	keeps := crashImages()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		image := stopped[i/len(keeps)%len(stopped)].Clone()
		image.CrashTorn(keeps[i%len(keeps)])
		_ = mustOpen(b, image, 2048)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
}

// BenchmarkSnapshot streams a snapshot of 64 MiB on the file system of the
// machine's temporary directory: writes it, reads it with all checks, sends it
// to a receiver.
func BenchmarkSnapshot(b *testing.B) {
	const size = 64 << 20
	l, err := Open(OS(), b.TempDir(), me, options(4096))
	ok(b, err)
	defer l.Close()
	peer, err := Open(OS(), b.TempDir(), me, options(4096))
	ok(b, err)
	defer peer.Close()
	chunk := make([]byte, 256<<10)
	base := raft.Base{Index: 7, Term: 2}
	b.Run("write", func(b *testing.B) {
		b.SetBytes(size)
		for range b.N {
			w, err := l.CreateSnapshot(3, base)
			ok(b, err)
			for range size / len(chunk) {
				_, err := w.Write(chunk)
				ok(b, err)
			}
			ok(b, w.Commit())
		}
	})
	s, err := l.OpenSnapshot(3, 7)
	ok(b, err)
	defer s.Close()
	b.Run("read", func(b *testing.B) {
		b.SetBytes(size)
		for range b.N {
			ok(b, s.Verify())
		}
	})
	b.Run("receive", func(b *testing.B) {
		b.SetBytes(size)
		for i := range b.N {
			if i > 0 {
				ok(b, OS().Remove(peer.dir+"/"+snapshotName(3, 7)))
			}
			v, err := peer.ReceiveSnapshot(3, 7, 2)
			ok(b, err)
			for !v.Complete() {
				n, err := s.ReadAt(chunk, int64(v.Offset()))
				if err != nil && err != io.EOF {
					b.Fatal(err)
				}
				ok(b, v.Write(v.Offset(), chunk[:n]))
			}
			_, err = v.Finish()
			ok(b, err)
		}
		_ = OS().Remove(peer.dir + "/" + snapshotName(3, 7))
	})
}
