package store

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

var (
	someKey   = rapid.SampledFrom([]string{"a", "aa", "b", "b\x00", "c", "d", "\x00", "\xff", "a", "b", "c"})
	someEnd   = rapid.SampledFrom([]string{"", "", "", "\x00", "a", "b", "c", "e", "\xff"})
	someValue = rapid.SampledFrom([]string{"", "x", "y", "zz"})
	seldom    = rapid.SampledFrom([]bool{false, false, false, false, false, true})
)

func drawKey(t *rapid.T) []byte {
	if rapid.IntRange(0, 60).Draw(t, "no key") == 0 {
		return nil
	}
	return []byte(someKey.Draw(t, "key"))
}

func drawRevision(t *rapid.T, now Revision) Revision {
	return Revision(rapid.Int64Range(-2, int64(now)+1).Draw(t, "revision"))
}

func drawRange(t *rapid.T, now Revision) *Range {
	r := &Range{Key: drawKey(t), End: []byte(someEnd.Draw(t, "end"))}
	r.Limit = rapid.Int64Range(-1, 4).Draw(t, "limit")
	if rapid.Bool().Draw(t, "at a revision") {
		r.Revision = drawRevision(t, now)
	}
	if rapid.Bool().Draw(t, "sorted") {
		r.SortOrder = SortOrder(rapid.Int32Range(0, 2).Draw(t, "order"))
		r.SortTarget = SortTarget(rapid.Int32Range(0, 4).Draw(t, "target"))
	}
	r.KeysOnly, r.CountOnly = seldom.Draw(t, "keys only"), seldom.Draw(t, "count only")
	for _, bound := range []*Revision{&r.MinMod, &r.MaxMod, &r.MinCreate, &r.MaxCreate} {
		if seldom.Draw(t, "bounded") {
			*bound = max(0, drawRevision(t, now))
		}
	}
	return r
}

func drawPut(t *rapid.T) *Put {
	p := &Put{Key: drawKey(t), PrevKV: rapid.Bool().Draw(t, "prev"), IgnoreLease: seldom.Draw(t, "ignore lease")}
	if p.IgnoreValue = seldom.Draw(t, "ignore value"); !p.IgnoreValue {
		p.Value = []byte(someValue.Draw(t, "value"))
	}
	return p
}

func drawDelete(t *rapid.T) *DeleteRange {
	return &DeleteRange{Key: drawKey(t), End: []byte(someEnd.Draw(t, "end")), PrevKV: rapid.Bool().Draw(t, "prev")}
}

func drawTxn(t *rapid.T, now Revision, depth int) *Txn {
	x := &Txn{}
	for range rapid.IntRange(0, 2).Draw(t, "compares") {
		x.Compares = append(x.Compares, Compare{
			Key: drawKey(t), End: []byte(someEnd.Draw(t, "end")),
			Target: CompareTarget(rapid.Int32Range(0, 4).Draw(t, "target")),
			Result: CompareResult(rapid.Int32Range(0, 3).Draw(t, "result")),
			Number: rapid.Int64Range(0, int64(now)).Draw(t, "number"),
			Value:  []byte(someValue.Draw(t, "value")),
		})
	}
	for _, ops := range []*[]Op{&x.Then, &x.Else} {
		for range rapid.IntRange(0, 3).Draw(t, "ops") {
			*ops = append(*ops, drawOp(t, now, depth))
		}
	}
	return x
}

func drawOp(t *rapid.T, now Revision, depth int) Op {
	switch pick := rapid.IntRange(0, 7).Draw(t, "op"); {
	case pick >= 6 && depth < TxnDepthMax:
		return Op{Txn: drawTxn(t, now, depth+1)}
	case pick >= 4:
		return Op{Range: drawRange(t, now)}
	case pick == 3:
		return Op{DeleteRange: drawDelete(t)}
	default:
		return Op{Put: drawPut(t)}
	}
}

func drawCommand(t *rapid.T, now Revision) Command {
	switch pick := rapid.IntRange(0, 9).Draw(t, "command"); {
	case pick < 4:
		return Command{Put: drawPut(t)}
	case pick < 6:
		return Command{DeleteRange: drawDelete(t)}
	case pick < 9:
		return Command{Txn: drawTxn(t, now, 1)}
	default:
		return Command{Compact: &Compact{Revision: drawRevision(t, now)}}
	}
}

func encode(c *Command) []byte {
	switch c.Kind() {
	case KindPut:
		return EncodePut(nil, c.Put)
	case KindDeleteRange:
		return EncodeDeleteRange(nil, c.DeleteRange)
	case KindTxn:
		return EncodeTxn(nil, c.Txn)
	default:
		return EncodeCompact(nil, c.Compact)
	}
}

// everything reads all keys at every revision that can be asked for.
func everything(read func(*Range) (RangeResult, error), now Revision) (lines []string) {
	for rev := Revision(0); rev <= now+1; rev++ {
		res, err := read(&Range{Key: []byte{0}, End: []byte{0}, Revision: rev})
		lines = append(lines, show(Result{Kind: KindRange, Range: res, Err: err}))
	}
	return lines
}

func same(t *rapid.T, about string, got, want any) {
	t.Helper()
	if g, ok := got.([]string); ok {
		for i, w := range want.([]string) {
			if g[i] != w {
				t.Fatalf("%s: line %d\n got %s\nwant %s", about, i, g[i], w)
			}
		}
		return
	}
	if got != want {
		t.Fatalf("%s:\n got %v\nwant %v", about, got, want)
	}
}

// Goal: the store does what its naive twin does. Random commands and reads go to
// both; now and then the store is swapped for its restored snapshot or its clone,
// and in the end all readable history is compared.
func TestStore_AgreesWithItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, w := New(), newTwin()
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch pick := rapid.IntRange(0, 19).Draw(t, "step"); {
			case pick < 12:
				c := drawCommand(t, s.Revision())
				command := encode(&c)
				before := s.Hash()
				got := s.Apply(command)
				same(t, "command", show(got), show(w.execute(&c)))
				if got.Err != nil {
					same(t, "hash after a refusal", s.Hash(), before)
				}
			case pick < 18:
				r := drawRange(t, s.Revision())
				got, err := s.Range(r)
				want, wantErr := w.read(r)
				same(t, "range", show(Result{Kind: KindRange, Range: got, Err: err}), show(Result{Kind: KindRange, Range: want, Err: wantErr}))
			case pick == 18:
				s = swapForSnapshot(t, s)
			default:
				old := s
				s = s.Clone()
				old.Apply(EncodePut(nil, &Put{Key: []byte("a"), Value: []byte("only in the original")}))
				old.Apply(EncodeDeleteRange(nil, &DeleteRange{Key: []byte{0}, End: []byte{0}}))
			}
			same(t, "revision", s.Revision(), w.revision)
		}
		same(t, "history", everything(s.Range, s.Revision()), everything(w.read, w.revision))
		same(t, "keys", s.Keys(), len(w.list([]byte{0}, []byte{0}, w.revision)))
	})
}

func swapForSnapshot(t *rapid.T, s *Store) *Store {
	b := s.Snapshot()
	restored, err := restore(b)
	if err != nil {
		t.Fatalf("restore: %v", err)
	}
	same(t, "hash of the restored", restored.Hash(), s.Hash())
	same(t, "size of the restored", restored.Size(), s.Size())
	same(t, "snapshot of the restored", bytes.Equal(restored.Snapshot(), b), true)
	return restored
}

// Goal: a read-only transaction served as a read answers as a replicated one. The
// same random transaction goes both ways.
func TestReadTxn_AnswersAsAReplicatedTxn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New()
		for range rapid.IntRange(0, 10).Draw(t, "steps") {
			c := drawCommand(t, s.Revision())
			s.Execute(&c)
		}
		x := drawTxn(t, s.Revision(), 1)
		got, err := s.ReadTxn(x)
		if err == ErrNotReadOnly {
			same(t, "read only", x.ReadOnly(), false)
			return
		}
		want := s.Execute(&Command{Txn: x})
		same(t, "txn", show(Result{Kind: KindTxn, Txn: got, Err: err}), show(want))
	})
}

// Goal: a command survives its encoding. Random commands are decoded and encoded
// again, byte for byte.
func TestCommand_RoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCommand(t, 10)
		b := encode(&c)
		d, err := Decode(b)
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if !bytes.Equal(encode(&d), b) {
			t.Fatalf("%x came back as %x", b, encode(&d))
		}
	})
}
