package host

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"veche/raft"
)

// naiveSessions is the twin of sessions: it remembers everything for ever.
type naiveSessions struct {
	boot map[raft.NodeID]raft.Boot
	low  map[raft.NodeID]uint64
	seen map[stampName]bool
}

type stampName struct {
	member raft.NodeID
	boot   raft.Boot
	seq    uint64
}

func (n *naiveSessions) admit(s stamp) bool {
	if s.boot < n.boot[s.member] {
		return false
	}
	if s.boot > n.boot[s.member] {
		n.boot[s.member], n.low[s.member] = s.boot, 0
	}
	n.low[s.member] = max(n.low[s.member], s.low)
	name := stampName{s.member, s.boot, s.seq}
	if s.seq < n.low[s.member] || n.seen[name] {
		return false
	}
	n.seen[name] = true
	return true
}

// drawStamp draws stamps close to each other, so that they meet.
func drawStamp(t *rapid.T) stamp {
	low := rapid.Uint64Range(1, 30).Draw(t, "low")
	return stamp{
		member: raft.NodeID(rapid.IntRange(1, 3).Draw(t, "member")),
		boot:   raft.Boot(rapid.IntRange(1, 3).Draw(t, "boot")),
		low:    low, seq: low + rapid.Uint64Range(0, 20).Draw(t, "span"),
	}
}

// Goal: the table decides as one would that remembers everything. Method: random
// stamps to both, with the table going through its bytes now and then.
func TestSessions_DecideAsTheNaiveTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		naive := naiveSessions{map[raft.NodeID]raft.Boot{}, map[raft.NodeID]uint64{}, map[stampName]bool{}}
		var table sessions
		for range rapid.IntRange(1, 200).Draw(t, "n") {
			s := drawStamp(t)
			want, got := naive.admit(s), table.admit(s)
			if want != got {
				t.Fatalf("%+v: admitted %v, the twin says %v", s, got, want)
			}
			if rapid.IntRange(0, 9).Draw(t, "save") > 0 {
				continue
			}
			r := bytes.NewReader(append(table.append(nil), 'x'))
			in := scanner{in: bufio.NewReader(r)}
			restored, err := readSessions(&in)
			if err != nil || r.Len()+in.in.Buffered() != 1 {
				t.Fatalf("the table does not survive its bytes: %v, %d left", err, r.Len()+in.in.Buffered())
			}
			table = restored
		}
	})
}

// Goal: a row stays bounded. Method: the longest span that a stamp may have.
func TestSessions_RowIsBoundedByTheSpanOfStamps(t *testing.T) {
	var table sessions
	for seq := uint64(1); seq <= unsettledMax; seq++ {
		table.admit(stamp{member: 1, boot: 1, seq: seq, low: 1})
	}
	table.admit(stamp{member: 1, boot: 1, seq: 2 * unsettledMax, low: unsettledMax + 1})
	if n := len(table.rows[0].above); n != 1 {
		t.Fatalf("the row holds %d numbers, want 1", n)
	}
	if _, err := readSessions(&scanner{in: bufio.NewReader(bytes.NewReader(table.append(nil)))}); err != nil {
		t.Fatal(err)
	}
}

// Goal: stamps come back as they were. Method: random ones before random commands.
func TestStamp_SurvivesItsBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Uint64Range(1, 1<<60).Draw(t, "low")
		want := stamp{
			member: raft.NodeID(rapid.Uint64Range(1, 1<<63).Draw(t, "member")),
			boot:   raft.Boot(rapid.Uint64Range(1, 1<<63).Draw(t, "boot")),
			low:    low, seq: low + rapid.Uint64Range(0, unsettledMax-1).Draw(t, "span"),
		}
		command := rapid.SliceOf(rapid.Byte()).Draw(t, "command")
		head := want.append(nil)
		if len(head) > stampBytesMax {
			t.Fatalf("a stamp of %d bytes", len(head))
		}
		got, rest, err := splitStamp(append(head, command...))
		if err != nil || got != want || !bytes.Equal(rest, command) {
			t.Fatalf("%+v came back as %+v, %x, %v", want, got, rest, err)
		}
	})
}

// Goal: what cannot be a stamp is refused. Method: a table of damage.
func TestStamp_RefusesWhatNoMemberWrites(t *testing.T) {
	good := stamp{member: 2, boot: 3, seq: 9, low: 5}
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"empty", nil, errStamp},
		{"newer version", append([]byte{2}, good.append(nil)[1:]...), errStampVersion},
		{"cut short", good.append(nil)[:3], errStamp},
		{"nobody's", stamp{member: 0, boot: 3, seq: 9, low: 5}.append(nil), errStamp},
		{"no boot", stamp{member: 2, seq: 9, low: 5}.append(nil), errStamp},
		{"low is 0", stamp{member: 2, boot: 3, seq: 0, low: 0}.append(nil), errStamp},
		{"too wide", stamp{member: 2, boot: 3, seq: 5 + unsettledMax, low: 5}.append(nil), errStamp},
		{"overflow", stamp{member: 2, boot: 3, seq: 1, low: 1<<64 - 1}.append(nil), errStamp},
	} {
		if _, _, err := splitStamp(c.data); err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// Goal: no bytes make the decoder panic, and what it takes it can write again.
func FuzzStamp(f *testing.F) {
	f.Add([]byte{})
	f.Add(append(stamp{member: 1, boot: 2, seq: 3, low: 1}.append(nil), "command"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, command, err := splitStamp(data)
		if err != nil {
			return
		}
		again, rest, err := splitStamp(append(s.append(nil), command...))
		if err != nil || again != s || !bytes.Equal(rest, command) {
			t.Fatalf("%+v came back as %+v, %v", s, again, err)
		}
	})
}

// Goal: no bytes make the decoder panic or keep a table that cannot be written.
func FuzzSnapshot(f *testing.F) {
	a := Applier{machine: &tally{}, index: 7, term: 2}
	a.sessions.admit(stamp{member: 1, boot: 2, seq: 3, low: 1})
	a.sessions.admit(stamp{member: 3, boot: 1, seq: 1, low: 1})
	f.Add([]byte{})
	f.Add(a.head())
	f.Add(written(f, a.captureAt(raft.Base{Index: 7, Term: 2})))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := bufio.NewReader(bytes.NewReader(data))
		index, term, table, err := readHead(in)
		if err != nil {
			return
		}
		state, _ := io.ReadAll(in)
		b := Applier{index: index, term: term, sessions: table}
		in = bufio.NewReader(bytes.NewReader(append(b.head(), state...)))
		i2, t2, again, err := readHead(in)
		s2, _ := io.ReadAll(in)
		if err != nil || i2 != index || t2 != term || !bytes.Equal(s2, state) || len(again.rows) != len(table.rows) {
			t.Fatalf("the snapshot does not survive its bytes: %v", err)
		}
	})
}

// Goal: the errors of the stream come through, and what ends too early or is
// another one's is refused. Each length of a snapshot is cut, by its end and by
// an error; base and version are changed.
func TestApplier_RestoreTakesAWholeSnapshotOnly(t *testing.T) {
	a := Applier{machine: &tally{list: []string{"one", "two"}}, index: 7, term: 2}
	a.sessions.admit(stamp{member: 1, boot: 2, seq: 300, low: 1})
	base := raft.Base{Index: 7, Term: 2}
	good := written(t, a.captureAt(base))
	read := func(base raft.Base, r io.Reader) (*Applier, error) {
		b := &Applier{machine: &tally{}}
		return b, b.restore(&base, r)
	}
	if b, err := read(base, iotest.OneByteReader(bytes.NewReader(good))); err != nil || b.Hash() != a.Hash() || b.Index() != 7 {
		t.Fatalf("%v, or another state came back", err)
	}
	for n := range len(a.head()) {
		if _, err := read(base, bytes.NewReader(good[:n])); !errors.Is(err, errSnapshot) {
			t.Errorf("%d bytes of %d: %v", n, len(good), err)
		}
	}
	for n := range len(good) + 1 {
		if _, err := read(base, io.MultiReader(bytes.NewReader(good[:n]), iotest.ErrReader(io.ErrClosedPipe))); err != io.ErrClosedPipe {
			t.Errorf("an error after %d bytes of %d: %v", n, len(good), err)
		}
	}
	newer := append([]byte{snapshotVersion + 1}, good[1:]...)
	if _, err := read(base, bytes.NewReader(newer)); err != errSnapshotVersion {
		t.Errorf("a newer version: %v", err)
	}
	for _, other := range []raft.Base{{Index: 8, Term: 2}, {Index: 7, Term: 3}} {
		if _, err := read(other, bytes.NewReader(good)); err != errSnapshotBase {
			t.Errorf("restored at %v: %v", other, err)
		}
	}
	if _, err := read(base, nil); err != errSnapshotMissing {
		t.Errorf("no snapshot: %v", err)
	}
}
