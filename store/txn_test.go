package store

import "testing"

func opPut(key, value string) Op { return Op{Put: &Put{Key: []byte(key), Value: []byte(value)}} }
func opDel(key, end string) Op {
	return Op{DeleteRange: &DeleteRange{Key: []byte(key), End: []byte(end)}}
}
func opGet(key, end string) Op { return Op{Range: &Range{Key: []byte(key), End: []byte(end)}} }
func opTxn(t Txn) Op           { return Op{Txn: &t} }

// exists is the compare that holds if the key exists.
func exists(key string) Compare {
	return Compare{Key: []byte(key), Target: CompareCreate, Result: CompareGreater}
}

// Goal: one transaction is one revision. Two puts and a delete in one.
func TestTxn_IsOneRevision(t *testing.T) {
	s := New()
	put(t, s, "c", "old")
	res := do(t, s, Command{Txn: &Txn{Then: []Op{opPut("a", "x"), opPut("b", "y"), opDel("c", "")}}})
	expect(t, show(res), `txn@3 true { put@3; put@3; delete@3 deleted 1:; }`)
	expect(t, read(t, s, all(Range{})), `range@3 count 2 more false: "a"="x"(create 3 mod 3 version 1 lease 0) "b"="y"(create 3 mod 3 version 1 lease 0)`)
}

// Goal: without a change there is no revision. Reads and an empty delete.
func TestTxn_WithoutChangeDoesNotAdvanceTheRevision(t *testing.T) {
	s := New()
	put(t, s, "a", "x")
	res := do(t, s, Command{Txn: &Txn{Then: []Op{opDel("z", ""), opGet("z", "")}}})
	expect(t, show(res), `txn@2 true { delete@2 deleted 0:; range@2 count 0 more false:; }`)
	expect(t, show(do(t, s, Command{Txn: &Txn{}})), `txn@2 true { }`)
	if s.Revision() != 2 {
		t.Errorf("revision %d, want 2", s.Revision())
	}
}

// Goal: a range sees what the operations before it wrote, and not those after. The
// same key is read around a put and a delete.
func TestTxn_RangeSeesEarlierWrites(t *testing.T) {
	s := New()
	put(t, s, "a", "x")
	res := do(t, s, Command{Txn: &Txn{Then: []Op{
		opGet("a", "\x00"), opPut("b", "y"), opGet("a", "\x00"), opDel("a", ""), opGet("a", "\x00"),
	}}})
	expect(t, show(res), `txn@3 true {`+
		` range@2 count 1 more false: "a"="x"(create 2 mod 2 version 1 lease 0);`+
		` put@3;`+
		` range@3 count 2 more false: "a"="x"(create 2 mod 2 version 1 lease 0) "b"="y"(create 3 mod 3 version 1 lease 0);`+
		` delete@3 deleted 1:;`+
		` range@3 count 1 more false: "b"="y"(create 3 mod 3 version 1 lease 0); }`)
}

// Goal: a read at an old revision inside a transaction sees none of its writes.
func TestTxn_RangeAtARevisionSeesThatRevision(t *testing.T) {
	s := New()
	put(t, s, "a", "x")
	old := Op{Range: &Range{Key: []byte{0}, End: []byte{0}, Revision: 2}}
	res := do(t, s, Command{Txn: &Txn{Then: []Op{opPut("a", "y"), opPut("b", "z"), old}}})
	expect(t, show(res), `txn@3 true { put@3; put@3; range@3 count 1 more false: "a"="x"(create 2 mod 2 version 1 lease 0); }`)
}

// Goal: a transaction whose read cannot be served writes nothing. Revisions that
// are refused, among them a negative one, which a plain range would allow.
func TestTxn_RefusedReadUndoesNothingBecauseNothingWasDone(t *testing.T) {
	s := New()
	put(t, s, "a", "x")
	put(t, s, "a", "y")
	compact(t, s, 3)
	before := s.Hash()
	for at, want := range map[Revision]error{4: ErrFutureRevision, 2: ErrCompacted, -2: ErrCompacted} {
		bad := Op{Range: &Range{Key: []byte("a"), Revision: at}}
		expectErr(t, s.Execute(&Command{Txn: &Txn{Then: []Op{opPut("a", "z"), bad}}}).Err, want)
		expectErr(t, s.Execute(&Command{Txn: &Txn{Then: []Op{opPut("b", "z"), opTxn(Txn{Then: []Op{bad}})}}}).Err, want)
		if s.Hash() != before {
			t.Fatalf("a read at %d left something behind", at)
		}
	}
	missing := Op{Put: &Put{Key: []byte("b"), IgnoreValue: true}}
	expectErr(t, s.Execute(&Command{Txn: &Txn{Then: []Op{opPut("a", "z"), missing}}}).Err, ErrKeyNotFound)
	leased := Op{Put: &Put{Key: []byte("b"), Lease: 1}}
	expectErr(t, s.Execute(&Command{Txn: &Txn{Then: []Op{opPut("a", "z"), leased}}}).Err, ErrLeaseNotFound)
	expectErr(t, s.Execute(&Command{Txn: &Txn{Compares: []Compare{exists("a")}, Else: []Op{missing}}}).Err, nil)
}

// Goal: inner transactions choose from the state before any write. The outer one
// creates the key that the inner one asks for.
func TestTxn_InnerBranchIsChosenBeforeAnyWrite(t *testing.T) {
	s := New()
	inner := opTxn(Txn{Compares: []Compare{exists("a")}, Then: []Op{opPut("b", "a was there")}, Else: []Op{opPut("b", "a was not there")}})
	res := do(t, s, Command{Txn: &Txn{Then: []Op{opPut("a", "x"), inner}}})
	expect(t, show(res), `txn@2 true { put@2; txn@0 false { put@2; }; }`)
	expect(t, read(t, s, Range{Key: []byte("b")}), `range@2 count 1 more false: "b"="a was not there"(create 2 mod 2 version 1 lease 0)`)
}

// Goal: each compare target and relation. One key with distinct numbers (create 2,
// mod 4, version 3, value m), one missing key, and ranges.
func TestCompare_Table(t *testing.T) {
	s := New()
	for _, v := range []string{"k", "l", "m"} {
		put(t, s, "a", v)
	}
	put(t, s, "b", "m")
	for _, c := range []struct {
		name string
		c    Compare
		want bool
	}{
		{"version", Compare{Key: []byte("a"), Target: CompareVersion, Number: 3}, true},
		{"create", Compare{Key: []byte("a"), Target: CompareCreate, Number: 2}, true},
		{"mod", Compare{Key: []byte("a"), Target: CompareMod, Number: 4}, true},
		{"lease", Compare{Key: []byte("a"), Target: CompareLease, Number: 0}, true},
		{"value", Compare{Key: []byte("a"), Target: CompareValue, Value: []byte("m")}, true},
		{"value, as bytes", Compare{Key: []byte("a"), Target: CompareValue, Result: CompareGreater, Value: []byte("lzz")}, true},
		{"less", Compare{Key: []byte("a"), Target: CompareMod, Result: CompareLess, Number: 5}, true},
		{"not less", Compare{Key: []byte("a"), Target: CompareMod, Result: CompareLess, Number: 4}, false},
		{"not equal", Compare{Key: []byte("a"), Target: CompareMod, Result: CompareNotEqual, Number: 4}, false},
		{"unknown relation holds", Compare{Key: []byte("a"), Result: 9}, true},
		{"unknown target is equal", Compare{Key: []byte("a"), Target: 9}, true},
		{"missing key has version 0", Compare{Key: []byte("z"), Target: CompareVersion}, true},
		{"missing key has mod 0", Compare{Key: []byte("z"), Target: CompareMod, Result: CompareLess, Number: 1}, true},
		{"missing key has no value", Compare{Key: []byte("z"), Target: CompareValue}, false},
		{"missing key has not even another value", Compare{Key: []byte("z"), Target: CompareValue, Result: CompareNotEqual, Value: []byte("x")}, false},
		{"range, all hold", Compare{Key: []byte("a"), End: []byte("c"), Target: CompareValue, Value: []byte("m")}, true},
		{"range, one does not", Compare{Key: []byte("a"), End: []byte("\x00"), Target: CompareVersion, Number: 3}, false},
		{"empty range is a missing key", Compare{Key: []byte("x"), End: []byte("\x00"), Target: CompareVersion}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := do(t, s, Command{Txn: &Txn{Compares: []Compare{c.c}}})
			if res.Txn.Succeeded != c.want {
				t.Errorf("holds: %v, want %v", res.Txn.Succeeded, c.want)
			}
		})
	}
}

// Goal: what a transaction may contain. A table of shapes, refused or not.
func TestTxnCheck_Shapes(t *testing.T) {
	many := func(n int) (ops []Op) {
		for range n {
			ops = append(ops, opGet("a", ""))
		}
		return ops
	}
	nest := func(depth int) Txn {
		x := Txn{Then: many(1)}
		for range depth - 1 {
			x = Txn{Then: []Op{opTxn(x)}}
		}
		return x
	}
	for _, c := range []struct {
		name string
		t    Txn
		want error
	}{
		{"empty", Txn{}, nil},
		{"as many operations as allowed, in each list", Txn{Then: many(128), Else: many(128)}, nil},
		{"one too many", Txn{Else: many(129)}, ErrTooManyOps},
		{"too many compares", Txn{Compares: make([]Compare, 129)}, ErrTooManyOps},
		{"an inner one may have what is left", Txn{Then: append(many(63), opTxn(Txn{Then: many(64)}))}, nil},
		{"and no more", Txn{Then: append(many(63), opTxn(Txn{Then: many(65)}))}, ErrTooManyOps},
		{"the longest list of the outer one counts", Txn{Then: []Op{opTxn(Txn{Then: many(65)})}, Else: many(64)}, ErrTooManyOps},
		{"as deep as allowed", nest(TxnDepthMax), nil},
		{"too deep", nest(TxnDepthMax + 1), ErrTooManyOps},
		{"empty operation", Txn{Then: []Op{{}}}, ErrKeyNotFound},
		{"two operations in one", Txn{Then: []Op{{Put: &Put{Key: []byte("a")}, Range: &Range{Key: []byte("a")}}}}, ErrKeyNotFound},
		{"compare without key", Txn{Compares: []Compare{{}}}, ErrKeyEmpty},
		{"put without key", Txn{Else: []Op{opPut("", "x")}}, ErrKeyEmpty},
		{"range without key", Txn{Then: []Op{opGet("", "")}}, ErrKeyEmpty},
		{"delete without key, inside", Txn{Then: []Op{opTxn(Txn{Else: []Op{opDel("", "b")}})}}, ErrKeyEmpty},
		{"value and ignore_value", Txn{Then: []Op{{Put: &Put{Key: []byte("a"), Value: []byte("x"), IgnoreValue: true}}}}, ErrValueProvided},
	} {
		t.Run(c.name, func(t *testing.T) {
			expectErr(t, c.t.Check(), c.want)
		})
	}
}

// Goal: no key is written twice, as etcd draws the line. A table of lists.
func TestTxnCheck_DuplicateKeys(t *testing.T) {
	then := func(ops ...Op) Op { return opTxn(Txn{Then: ops}) }
	for _, c := range []struct {
		name string
		ops  []Op
		want error
	}{
		{"two keys", []Op{opPut("a", ""), opPut("b", "")}, nil},
		{"the same key", []Op{opPut("a", ""), opPut("b", ""), opPut("a", "")}, ErrDuplicateKey},
		{"put and delete", []Op{opPut("a", ""), opDel("a", "")}, ErrDuplicateKey},
		{"put inside a deleted range", []Op{opDel("a", "c"), opPut("b", "")}, ErrDuplicateKey},
		{"put at the end of a deleted range", []Op{opDel("a", "c"), opPut("c", "")}, nil},
		{"put before a deleted range", []Op{opDel("b", "c"), opPut("a", "")}, nil},
		{"put in a range without end", []Op{opDel("a", "\x00"), opPut("b", "")}, ErrDuplicateKey},
		{"put in the second of two ranges", []Op{opDel("a", "c"), opDel("d", "f"), opPut("e", "")}, ErrDuplicateKey},
		{"put between two ranges", []Op{opDel("a", "c"), opDel("d", "f"), opPut("c", "")}, nil},
		{"put in a range within a range", []Op{opDel("a", "f"), opDel("b", "c"), opPut("e", "")}, ErrDuplicateKey},
		{"put in a backward range", []Op{opDel("c", "a"), opPut("b", "")}, nil},
		{"deletes may overlap", []Op{opDel("a", "c"), opDel("b", "d")}, nil},
		{"reads do not count", []Op{opPut("a", ""), opGet("a", "")}, nil},
		{"inner put of an outer put", []Op{opPut("a", ""), then(opPut("a", ""))}, ErrDuplicateKey},
		{"inner put of an outer delete", []Op{then(opPut("a", "")), opDel("a", "")}, ErrDuplicateKey},
		{"inner delete of an outer put", []Op{opPut("a", ""), then(opDel("a", ""))}, ErrDuplicateKey},
		{"two inner puts", []Op{then(opPut("a", "")), then(opPut("a", ""))}, ErrDuplicateKey},
		{"inner delete, then inner put", []Op{then(opDel("a", "")), then(opPut("a", ""))}, ErrDuplicateKey},
		{"inner put, then inner delete", []Op{then(opPut("a", "")), then(opDel("a", ""))}, nil},
		{"branches exclude each other", []Op{opTxn(Txn{Then: []Op{opPut("a", "")}, Else: []Op{opPut("a", "")}})}, nil},
		{"also put and delete", []Op{opTxn(Txn{Then: []Op{opPut("a", "")}, Else: []Op{opDel("a", "")}})}, nil},
		{"within a branch", []Op{opTxn(Txn{Else: []Op{opPut("a", ""), opPut("a", "")}})}, ErrDuplicateKey},
		{"one branch and outside", []Op{opTxn(Txn{Else: []Op{opPut("a", "")}}), opPut("a", "")}, ErrDuplicateKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			expectErr(t, (&Txn{Then: c.ops}).Check(), c.want)
			expectErr(t, (&Txn{Else: c.ops}).Check(), c.want)
			if got := twinDuplicate(&Txn{Then: c.ops}); got != (c.want != nil) {
				t.Errorf("the twin says %v", got)
			}
		})
	}
}

// Goal: a version that was never true at any revision leaves nothing behind. An
// inner put whose key a later inner transaction deletes.
func TestTxn_PutAndDeletedAgainLeavesNoHistory(t *testing.T) {
	s := New()
	put(t, s, "a", "x")
	do(t, s, Command{Txn: &Txn{Then: []Op{opTxn(Txn{Then: []Op{opPut("a", "y")}}), opTxn(Txn{Then: []Op{opDel("a", "")}})}}})
	expect(t, read(t, s, Range{Key: []byte("a")}), `range@3 count 0 more false:`)
	expect(t, read(t, s, Range{Key: []byte("a"), Revision: 2}), `range@3 count 1 more false: "a"="x"(create 2 mod 2 version 1 lease 0)`)
	compact(t, s, 3)
	if s.Size() != 0 {
		t.Errorf("size %d, want 0", s.Size())
	}
}

// Goal: ReadTxn serves what cannot write and refuses what could. A table.
func TestReadTxn_RefusesWhatCouldWrite(t *testing.T) {
	s := New()
	put(t, s, "a", "x")
	for _, c := range []struct {
		name string
		t    Txn
		want error
	}{
		{"reads", Txn{Then: []Op{opGet("a", "")}, Else: []Op{opTxn(Txn{Then: []Op{opGet("b", "")}})}}, nil},
		{"a put in a branch that is not taken", Txn{Then: []Op{opGet("a", "")}, Else: []Op{opPut("a", "")}}, ErrNotReadOnly},
		{"an inner delete", Txn{Then: []Op{opTxn(Txn{Else: []Op{opDel("a", "")}})}}, ErrNotReadOnly},
		{"no key", Txn{Then: []Op{opGet("", "")}}, ErrKeyEmpty},
		{"the future", Txn{Then: []Op{{Range: &Range{Key: []byte("a"), Revision: 9}}}}, ErrFutureRevision},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.ReadTxn(&c.t)
			expectErr(t, err, c.want)
		})
	}
}
