package wal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"veche/raft"
)

// TestMemFS_UnsyncedSectorsAreKeptOneByOne writes a sector three times and its
// neighbour once, and keeps them by choice: each holds one of its versions.
func TestMemFS_UnsyncedSectorsAreKeptOneByOne(t *testing.T) {
	for _, c := range []struct {
		name string
		keep string // newest first: b, then a at 3, 2, 1
		want string
	}{{"none", "----", "00"}, {"all", "xx", "3b"}, {"older version", "--x", "20"}, {"neighbour only", "x---", "0b"}, {"oldest", "---x", "10"}} {
		m := NewMemFS()
		ok(t, m.MkdirAll("d"))
		f, err := m.Create("d/f")
		ok(t, err)
		ok(t, fillWith(f, 0, '0', 2*sectorBytes))
		ok(t, f.Sync())
		ok(t, m.SyncDir("d"))
		for v := byte('1'); v <= '3'; v++ {
			ok(t, fillWith(f, 0, v, sectorBytes))
		}
		ok(t, fillWith(f, sectorBytes, 'b', sectorBytes))
		m.Crash(func(op int) bool { return c.keep[op] == 'x' })
		if _, err := f.WriteAt([]byte{1}, 0); !errors.Is(err, ErrCrashed) {
			t.Errorf("%s: a file of before the crash was written: %v", c.name, err)
		}
		f, err = m.Open("d/f")
		ok(t, err)
		b, err := readAll(f, 1<<20)
		ok(t, err)
		if len(b) != 2*sectorBytes || b[0] != c.want[0] || b[sectorBytes] != c.want[1] || b[sectorBytes-1] != b[0] {
			t.Errorf("%s: got %c%c of %d bytes, want %s", c.name, b[0], b[sectorBytes], len(b), c.want)
		}
	}
}

// Goal: a power cut in the middle of a write leaves half of what the newest one
// changes, and all of what came before. Method: two writes to one sector, one over
// two sectors, and none at all.
func TestMemFS_CrashInTheMiddleOfAWrite(t *testing.T) {
	write := func(from, n int, c byte) func(File) error {
		return func(f File) error { return fillWith(f, int64(from), c, n) }
	}
	for _, c := range []struct {
		name   string
		writes []func(File) error
		want   string // runs of bytes
		torn   bool
	}{
		{"the newest of two", []func(File) error{write(0, 100, 'a'), write(100, 60, 'b')}, "100a 30b 894-", true},
		{"one of two sectors", []func(File) error{write(412, 300, 'a')}, "412- 200a 412-", true},
		{"nothing was written", nil, "1024-", false},
	} {
		m := NewMemFS()
		ok(t, m.MkdirAll("d"))
		f, err := m.Create("d/f")
		ok(t, err)
		ok(t, fillWith(f, 0, '-', 2*sectorBytes))
		ok(t, f.Sync())
		ok(t, m.SyncDir("d"))
		for _, w := range c.writes {
			ok(t, w(f))
		}
		if torn := m.CrashMid(); torn != c.torn {
			t.Errorf("%s: torn is %v", c.name, torn)
		}
		f, err = m.Open("d/f")
		ok(t, err)
		b, err := readAll(f, 1<<20)
		ok(t, err)
		have := ""
		for from := 0; from < len(b); {
			n := 1
			for from+n < len(b) && b[from+n] == b[from] {
				n++
			}
			have += fmt.Sprintf(" %d%c", n, b[from])
			from += n
		}
		if have != " "+c.want {
			t.Errorf("%s: the file is%s, not %s", c.name, have, c.want)
		}
	}
}

func fillWith(f File, off int64, c byte, n int) error {
	b := make([]byte, n)
	for i := range b {
		b[i] = c
	}
	_, err := f.WriteAt(b, off)
	return err
}

// TestMemFS_DirectoryOperationsAreKeptAsAPrefix creates, renames over another
// and removes, and keeps the first k operations.
func TestMemFS_DirectoryOperationsAreKeptAsAPrefix(t *testing.T) {
	for k, want := range []string{"[a=1 b=2]", "[a=1 b=2 c=]", "[b=1 c=]", "[b=1]"} {
		m := NewMemFS()
		ok(t, m.MkdirAll("d"))
		for name, c := range map[string]byte{"a": '1', "b": '2'} {
			f, err := m.Create("d/" + name)
			ok(t, err)
			ok(t, fillWith(f, 0, c, 1))
			ok(t, f.Sync())
		}
		ok(t, m.SyncDir("d"))
		_, err := m.Create("d/c")
		ok(t, err)
		ok(t, m.Rename("d/a", "d/b"))
		ok(t, m.Remove("d/c"))
		m.Crash(func(op int) bool { return op < k })
		names, err := m.List("d")
		ok(t, err)
		var got []string
		for _, name := range names {
			f, err := m.Open("d/" + name)
			ok(t, err)
			b, err := readAll(f, 10)
			ok(t, err)
			got = append(got, name+"="+string(b))
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%d operations kept: got %v, want %s", k, got, want)
		}
	}
}

// TestMemFS_FailedSyncDropsWhatWasWritten fails a sync, lets the next succeed
// and cuts the power: only what was written again survives.
func TestMemFS_FailedSyncDropsWhatWasWritten(t *testing.T) {
	m := NewMemFS()
	ok(t, m.MkdirAll("d"))
	f, err := m.Create("d/f")
	ok(t, err)
	ok(t, fillWith(f, 0, '0', 2*sectorBytes))
	ok(t, f.Sync())
	ok(t, m.SyncDir("d"))
	ok(t, fillWith(f, 0, '1', 2*sectorBytes))
	m.Fail = func(op Op, _ string, _ int64) error {
		if op == OpSync {
			return ErrIO
		}
		return nil
	}
	if f.Sync() == nil {
		t.Fatal("the sync did not fail")
	}
	m.Fail = nil
	ok(t, fillWith(f, 0, '1', sectorBytes))
	ok(t, f.Sync())
	m.Crash(func(int) bool { return true })
	f, err = m.Open("d/f")
	ok(t, err)
	b, err := readAll(f, 1<<20)
	ok(t, err)
	if b[0] != '1' || b[sectorBytes] != '0' {
		t.Fatalf("got %c%c, want 10", b[0], b[sectorBytes])
	}
}

// TestMemFS_TornSectorsKeepTheirFirstBytes writes two sectors of a longer file
// twice and tears both versions at chosen bytes: the newer version's first bytes
// stand, then the older one's, then what was durable.
func TestMemFS_TornSectorsKeepTheirFirstBytes(t *testing.T) {
	for _, c := range []struct {
		keep []int // of b's second sector and first, then of a's
		want string
	}{
		{[]int{0, 100, 0, 300}, strings.Repeat("b", 100) + strings.Repeat("a", 200) + strings.Repeat("0", 724)},
		{[]int{511, 512, 0}, strings.Repeat("b", 1023) + "0"},
		{[]int{0, 300, 512, 100}, strings.Repeat("b", 300) + strings.Repeat("0", 212) + strings.Repeat("a", 512)},
	} {
		m := NewMemFS()
		ok(t, m.MkdirAll("d"))
		f, err := m.Create("d/f")
		ok(t, err)
		ok(t, fillWith(f, 0, '0', 2*sectorBytes))
		ok(t, f.Sync())
		ok(t, m.SyncDir("d"))
		ok(t, fillWith(f, 0, 'a', 2*sectorBytes))
		ok(t, fillWith(f, 0, 'b', 2*sectorBytes))
		m.CrashTorn(func(op int) int { return c.keep[op] })
		f, err = m.Open("d/f")
		ok(t, err)
		if b, err := readAll(f, 1<<20); err != nil || string(b) != c.want {
			t.Errorf("%v: got %s %v", c.keep, b, err)
		}
	}
}

// TestMemFS_TornEndOfAFileIsItsEnd tears the last sector of a file that grew:
// the file ends there.
func TestMemFS_TornEndOfAFileIsItsEnd(t *testing.T) {
	m := NewMemFS()
	ok(t, m.MkdirAll("d"))
	f, err := m.Create("d/f")
	ok(t, err)
	ok(t, m.SyncDir("d"))
	ok(t, fillWith(f, 0, 'a', 2*sectorBytes))
	m.CrashTorn(func(op int) int { return []int{88, 0}[op] })
	if n, _ := m.Length("d/f"); n != 600 || m.Used() != 600 {
		t.Fatalf("%d bytes, %d used", n, m.Used())
	}
}

// TestMemFS_RotChangesWhatIsDurable flips a bit below an unsynced write: it shows
// now, and after the write is lost.
func TestMemFS_RotChangesWhatIsDurable(t *testing.T) {
	m := NewMemFS()
	ok(t, m.MkdirAll("d"))
	f, err := m.Create("d/f")
	ok(t, err)
	ok(t, fillWith(f, 0, 'a', 10))
	ok(t, f.Sync())
	ok(t, m.SyncDir("d"))
	ok(t, fillWith(f, 0, 'b', 5))
	if !m.Rot("d/f", 7, 3) || !m.Rot("d/f", 2, 3) || m.Rot("d/f", 10, 3) || m.Rot("d/g", 0, 3) {
		t.Fatal("Rot does not say whether there is such a byte")
	}
	b, err := readAll(f, 99)
	if err != nil || string(b) != "bbabbaabaa" {
		t.Fatalf("%s %v", b, err)
	}
	m.Crash(nil)
	f, err = m.Open("d/f")
	ok(t, err)
	if b, err = readAll(f, 99); err != nil || string(b) != "aabaaaabaa" {
		t.Fatalf("%s %v", b, err)
	}
}

// TestMemFS_FullDiskWritesWhatFits writes beyond the space, over what is there,
// and again after a file was removed.
func TestMemFS_FullDiskWritesWhatFits(t *testing.T) {
	m := NewMemFS()
	ok(t, m.MkdirAll("d"))
	f, err := m.Create("d/f")
	ok(t, err)
	g, err := m.Create("d/g")
	ok(t, err)
	m.SetSpace(100)
	ok(t, fillWith(g, 0, 'g', 40))
	if n, err := f.WriteAt(make([]byte, 70), 0); n != 60 || !errors.Is(err, ErrNoSpace) {
		t.Fatal(n, err)
	}
	ok(t, fillWith(f, 0, 'f', 60))
	if err := fillWith(f, 60, 'f', 1); !errors.Is(err, ErrNoSpace) {
		t.Fatal(err)
	}
	ok(t, m.Remove("d/g"))
	ok(t, fillWith(f, 60, 'f', 40))
	if m.Used() != 100 {
		t.Fatal(m.Used())
	}
}

// TestMemFS_SameCallsGiveTheSameDisk runs a log over two file systems with the
// same choices: every byte of every file is the same afterwards.
func TestMemFS_SameCallsGiveTheSameDisk(t *testing.T) {
	run := func() string {
		m, r, state := NewMemFS(), rand.New(rand.NewPCG(8, 8)), twin{}
		for range 10 {
			l := mustOpen(t, m, 1024)
			state = twin{}
			for _, g := range l.Groups() {
				state[g] = l.Restored(g)
			}
			for range 10 {
				rec := state.randomRecord(r)
				state.apply(rec)
				ok(t, l.Append([]Record{rec}))
			}
			m.Crash(func(int) bool { return r.IntN(3) > 0 })
		}
		all := ""
		for _, name := range files(t, m) {
			all += name + string(content(t, m, name))
		}
		return all
	}
	if run() != run() {
		t.Fatal("two runs of one seed differ")
	}
}

// A log is opened, written, made durable, and opened again.
func ExampleOpen() {
	fs := NewMemFS() // OS() in a process
	id := Identity{Member: 1, Name: "n1"}
	opt := Options{Random: func() uint64 { return 4 }, SegmentBytes: 4096}
	l, err := Open(fs, "data", id, opt)
	if err != nil {
		fmt.Println(err)
		return
	}
	write := raft.Write{
		HardChanged: true, Hard: raft.HardState{Term: 3, Vote: 2, Standing: raft.Admitted},
		Entries: []raft.Entry{{Index: 1, Term: 3, Kind: raft.EntryNoop}},
	}
	fmt.Println(l.Append([]Record{{Group: 1, Write: write}}), l.Sync(), l.Close())
	l, err = Open(fs, "data", id, opt)
	if err != nil {
		fmt.Println(err)
		return
	}
	r := l.Restored(1)
	fmt.Println("boot", l.Boot(), "term", r.Hard.Term, "entries", len(r.Entries))
	// Output:
	// <nil> <nil> <nil>
	// boot 2 term 3 entries 1
}
