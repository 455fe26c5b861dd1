package wal

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"veche/raft"
)

// TestFault_AfterAnyFailureTheLogIsDeadAndHoldsAllConfirmed lets the disk fail
// once, at each operation of a run in turn: with an error, a short write, or for
// want of space. A log whose Append or Sync failed stays dead for ever. The next
// process opens a prefix that holds everything confirmed; nothing of it, nor of
// what it confirms itself, is lost with a power cut later.
func TestFault_AfterAnyFailureTheLogIsDeadAndHoldsAllConfirmed(t *testing.T) {
	deaths := 0
	for stop := 0; ; stop++ {
		w := &world{t: t, seed: uint64(stop), r: rand.New(rand.NewPCG(9, 9)), fs: NewMemFS(), durable: twin{}, size: 2048}
		w.reopen(true)
		left := stop
		w.fs.Fail = func(op Op, _ string, _ int64) error {
			if left--; left != -1 {
				return nil
			}
			return []error{ErrIO, &ShortWrite{40, ErrIO}, ErrNoSpace}[stop%3]
		}
		if err := w.busy(); err != nil {
			deaths++
			for _, again := range []error{w.log.Append([]Record{{1, raft.Write{HardChanged: true}}}), w.log.Sync(), w.log.Prepare(), w.log.Close()} {
				if !errors.Is(again, ErrDead) {
					t.Fatalf("stopped at operation %d by %v: the log goes on with %v", stop, err, again)
				}
			}
		}
		w.fs.Fail = nil
		if stop%2 == 0 {
			w.fs.Kill() // what the disk has dropped can be read still
		} else {
			w.powerCut()
		}
		w.reopen(false)
		for range stop % 4 {
			w.append()
			w.sync()
		}
		w.fs.Crash(nil)
		w.reopen(true)
		if left >= 0 {
			break
		}
	}
	if deaths < 50 {
		t.Fatalf("only %d failures were final", deaths)
	}
}

// busy writes, syncs, prepares and takes snapshots until the log dies.
func (w *world) busy() error {
	for range 60 {
		state := w.current()
		rec := state.randomRecord(w.r)
		w.pending = append(w.pending, rec)
		if err := w.log.Append([]Record{rec}); err != nil {
			return err
		}
		if w.r.IntN(2) == 0 {
			if err := w.log.Sync(); err != nil {
				return err
			}
			w.durable, w.pending = w.current(), nil
		}
		if w.r.IntN(4) == 0 {
			if err := w.log.Prepare(); errors.Is(err, ErrDead) {
				return err
			}
		}
		if w.r.IntN(8) == 0 {
			_ = w.log.SaveSnapshot(9, raft.Base{Index: 3, Term: 1}, make([]byte, 900)) // its failures are harmless
		}
	}
	return nil
}

// TestFault_FullDiskSaysSoAndLosesNothing fills the disk: writing goes on in the
// room that was prepared, then the error names the cause; with room again, all
// that was confirmed is there.
func TestFault_FullDiskSaysSoAndLosesNothing(t *testing.T) {
	m := NewMemFS()
	l := mustOpen(t, m, 4096)
	ok(t, l.Prepare())
	m.SetSpace(m.Used())
	if err := l.SaveSnapshot(1, raft.Base{Index: 1, Term: 1}, make([]byte, 100)); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("a snapshot: %v", err)
	}
	last := raft.Index(0)
	var err error
	for err == nil {
		if err = l.Append([]Record{{1, raft.Write{Entries: entries(last+1, last+1, 500)}}}); err == nil {
			ok(t, l.Sync())
			last++
		}
		if e := l.Prepare(); e != nil && !errors.Is(e, ErrNoSpace) {
			t.Fatal(e)
		}
	}
	if !errors.Is(err, ErrNoSpace) || !errors.Is(err, ErrDead) || !strings.Contains(err.Error(), "make room") || last < 8 {
		t.Fatalf("after %d entries: %v", last, err)
	}
	m.Crash(nil)
	if _, err := Open(m, "data", me, options(4096)); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("opened on a full disk: %v", err)
	}
	m.SetSpace(0)
	if n := len(mustOpen(t, m, 4096).Restored(1).Entries); n != int(last) {
		t.Fatalf("%d entries are left of %d", n, last)
	}
}

// TestFault_ReadErrorAtStartIsNoDamage fails each operation of Open in turn: the
// error is the disk's, never a verdict about the log, and the next Open finds
// everything.
func TestFault_ReadErrorAtStartIsNoDamage(t *testing.T) {
	m, want := smallLog(t, 14)
	for stop := 0; ; stop++ {
		left := stop
		m.Fail = func(Op, string, int64) error {
			if left--; left == -1 {
				return ErrIO
			}
			return nil
		}
		l, err := Open(m, "data", me, options(2048))
		m.Fail = nil
		if err == nil {
			if what := want.differs(l); what != "" {
				t.Fatal(what)
			}
			ok(t, l.Close())
			if left >= 0 {
				break
			}
			continue
		}
		if errors.Is(err, ErrDamaged) || !errors.Is(err, ErrIO) {
			t.Fatalf("operation %d failed: %v", stop, err)
		}
		m.Kill()
	}
}

// install is one case of a snapshot that comes from the leader.
type install struct {
	name string
	base raft.Base
	want int // entries left of 1 to 12
}

var installs = []install{
	{"beyond the end", raft.Base{Index: 20, Term: 2}, 0},
	{"at the end, another term", raft.Base{Index: 12, Term: 2}, 0},
	{"at the end, same term", raft.Base{Index: 12, Term: 1}, 0},
	{"inside, another term", raft.Base{Index: 8, Term: 2}, 0},
	{"inside, same term", raft.Base{Index: 8, Term: 1}, 4},
	{"in what is not durable, another term", raft.Base{Index: 11, Term: 2}, 0},
	{"in what is not durable, same term", raft.Base{Index: 11, Term: 1}, 1},
}

// run is the whole way of an install: the file arrives, is recorded in one write
// with the cut while two entries wait to be synced, and the log goes on. It
// returns what was appended and how much of it was confirmed.
func (c *install) run(l *Log, file []byte) (records []Record, confirmed int) {
	hard := raft.HardState{Term: 3, Vote: 1, Standing: raft.Admitted}
	next := raft.Index(c.base.Index) + 1 + raft.Index(c.want)
	steps := []Record{
		{3, raft.Write{HardChanged: true, Hard: hard, Entries: entries(1, 10, 90)}},
		{3, raft.Write{Entries: entries(11, 12, 700)}},
		{3, raft.Write{Snapshot: &c.base, Cut: &c.base}},
		{3, raft.Write{Entries: []raft.Entry{{Index: next, Term: 3, Kind: raft.EntryNoop}}}},
	}
	for i, rec := range steps {
		if i == 2 {
			v, err := l.ReceiveSnapshot(3, c.base.Index, c.base.Term)
			if err == nil {
				err = v.Write(0, file)
			}
			if err == nil {
				_, err = v.Finish()
			}
			if err != nil {
				return records, confirmed
			}
		}
		records = append(records, rec)
		if l.Append(steps[i:i+1]) != nil {
			return records, confirmed
		}
		if i == 1 { // pending when the install comes
			continue
		}
		if l.Sync() != nil {
			return records, confirmed
		}
		confirmed = len(records)
		_ = l.Prepare() // the disk may fail
	}
	return records, confirmed
}

// crashImages are the ways in which the power may go: which of the unsynced
// sectors are kept, and how much of each.
func crashImages() (keeps []func(op int) int) {
	for k := range 10 {
		keeps = append(keeps, func(op int) int { return map[bool]int{op == k: sectorBytes}[true] })
	}
	for _, torn := range []int{0, 20, 256, 511, sectorBytes} {
		keeps = append(keeps, func(int) int { return torn })
		keeps = append(keeps, func(op int) int { return []int{torn, sectorBytes}[op%2] })
	}
	return keeps
}

// TestInstall_IsAtomicAcrossEveryCrash cuts the power at each operation of an
// install in each case, with many choices of what was written: the log is what
// it was before the install or after it, the core takes it, and the snapshot
// that it names is whole.
func TestInstall_IsAtomicAcrossEveryCrash(t *testing.T) {
	images := 0
	for _, c := range installs {
		file, data := sent(t, c.base, 600)
		for stop := 0; ; stop++ {
			m := NewMemFS()
			l := mustOpen(t, m, 2048)
			left := stop
			m.Fail = func(Op, string, int64) error {
				if left--; left < 0 {
					return ErrIO
				}
				return nil
			}
			records, confirmed := c.run(l, file)
			m.Fail = nil
			for _, keep := range crashImages() {
				image := m.Clone()
				image.CrashTorn(keep)
				c.check(t, stop, image, records, confirmed, data)
				images++
			}
			if left >= 0 {
				break
			}
		}
	}
	t.Logf("%d crash images", images)
}

// check opens what a crash has left.
func (c *install) check(t *testing.T, stop int, m *MemFS, records []Record, confirmed int, data []byte) {
	t.Helper()
	l, err := Open(m, "data", me, options(2048))
	if err != nil {
		t.Fatalf("%s, stopped at %d: %v", c.name, stop, err)
	}
	state, what := twin{}, ""
	for i := 0; ; i++ {
		if i >= confirmed {
			if what = state.differs(l); what == "" {
				break
			}
		}
		if i == len(records) {
			t.Fatalf("%s, stopped at %d: %s", c.name, stop, what)
		}
		state.apply(records[i])
	}
	got := l.Restored(3)
	if n := len(got.Entries); got.Cut.Index == c.base.Index && n != c.want && n != c.want+1 {
		t.Fatalf("%s, stopped at %d: %d entries are left", c.name, stop, n)
	}
	if _, err := raft.New(coreConfig(), got, 0); err != nil {
		t.Fatalf("%s, stopped at %d: the core refuses it: %v", c.name, stop, err)
	}
	if got.Snapshot.Index == 0 {
		return
	}
	s, err := l.OpenSnapshot(3, got.Snapshot.Index)
	ok(t, err)
	if b, err := io.ReadAll(s); err != nil || string(b) != string(data) || !sameBase(s.Base(), c.base) {
		t.Fatalf("%s, stopped at %d: the snapshot: %v", c.name, stop, err)
	}
}

func coreConfig() raft.Config {
	initial := raft.Configuration{Members: []raft.Member{{ID: 1, Name: "n1", PeerAddr: "a:1"}}, Voters: []raft.NodeID{1}}
	return raft.Config{Group: 3, Self: 1, Boot: 1, Incarnation: 1, Initial: initial,
		ElectionMin: 150 * raft.Millisecond, ElectionMax: 300 * raft.Millisecond, Heartbeat: 50 * raft.Millisecond}
}
