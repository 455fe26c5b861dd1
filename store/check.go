package store

import (
	"bytes"
	"slices"
)

// Check refuses a Range before it is proposed or served: ErrKeyEmpty,
// ErrInvalidSortOption.
func (r *Range) Check() error {
	switch {
	case len(r.Key) == 0:
		return ErrKeyEmpty
	case r.SortOrder < SortNone || r.SortOrder > SortDescend:
		return ErrInvalidSortOption
	case r.SortTarget < SortByKey || r.SortTarget > SortByValue:
		return ErrInvalidSortOption
	}
	return nil
}

// Check refuses a Put before it is proposed: ErrKeyEmpty, ErrValueProvided,
// ErrLeaseProvided.
func (p *Put) Check() error {
	switch {
	case len(p.Key) == 0:
		return ErrKeyEmpty
	case p.IgnoreValue && len(p.Value) != 0:
		return ErrValueProvided
	case p.IgnoreLease && p.Lease != 0:
		return ErrLeaseProvided
	}
	return nil
}

// Check refuses a DeleteRange before it is proposed: ErrKeyEmpty.
func (d *DeleteRange) Check() error {
	if len(d.Key) == 0 {
		return ErrKeyEmpty
	}
	return nil
}

// Check refuses a Txn before it is proposed: ErrTooManyOps, ErrKeyNotFound for an
// Op that is not exactly one thing, ErrDuplicateKey, and the errors of what it is
// made of. Apply and ReadTxn check again.
func (t *Txn) Check() error {
	if err := t.checkShape(TxnOpsMax, TxnDepthMax); err != nil {
		return err
	}
	if _, err := writesOf(t.Then); err != nil {
		return err
	}
	_, err := writesOf(t.Else)
	return err
}

func (t *Txn) checkShape(opsMax, depthMax int) error {
	ops := max(len(t.Compares), len(t.Then), len(t.Else))
	if ops > opsMax || depthMax == 0 {
		return ErrTooManyOps
	}
	for i := range t.Compares {
		if len(t.Compares[i].Key) == 0 {
			return ErrKeyEmpty
		}
	}
	for _, list := range [2][]Op{t.Then, t.Else} {
		for i := range list {
			if err := list[i].checkShape(opsMax-ops, depthMax-1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *Op) checkShape(opsMax, depthMax int) error {
	switch o.Kind() {
	case KindRange:
		return o.Range.Check()
	case KindPut:
		return o.Put.Check()
	case KindDeleteRange:
		return o.DeleteRange.Check()
	case KindTxn:
		return o.Txn.checkShape(opsMax, depthMax)
	default:
		return ErrKeyNotFound // etcd's answer to an empty operation
	}
}

// writes is what a list of operations may write, with all its inner transactions.
type writes struct {
	puts [][]byte // sorted
	dels []span   // sorted, not overlapping, none of a single key
}

// writesOf gathers what a list may write and gives ErrDuplicateKey if a key could
// be put twice, or be deleted by one operation and put by another. The two
// branches of an inner transaction exclude each other and may overlap. A put of an
// inner transaction that a later one deletes is allowed, as in etcd; the other way
// round is refused.
//
// In one thing this is stricter than etcd 3.7, whose check overlooks a delete with
// the end "\0": there such a delete and a put of a key that it covers pass, and
// crash the server if the put asks to keep a value that is gone by then.
func writesOf(ops []Op) (writes, error) {
	var all writes
	var puts [][]byte
	for i := range ops {
		switch o := &ops[i]; {
		case o.DeleteRange != nil:
			all.dels = append(all.dels, closedSpan(o.DeleteRange.Key, o.DeleteRange.End))
		case o.Put != nil:
			puts = append(puts, o.Put.Key)
		}
	}
	all.dels = normalize(all.dels)
	for i := range ops {
		if ops[i].Txn == nil {
			continue
		}
		if err := all.addInner(ops[i].Txn); err != nil {
			return writes{}, err
		}
	}
	slices.SortFunc(puts, bytes.Compare)
	for i, key := range puts {
		if i > 0 && bytes.Equal(puts[i-1], key) || all.contains(key) {
			return writes{}, ErrDuplicateKey
		}
	}
	all.puts = mergeKeys(all.puts, puts)
	return all, nil
}

// addInner adds what either branch of an inner transaction may write.
func (w *writes) addInner(t *Txn) error {
	then, err := writesOf(t.Then)
	if err != nil {
		return err
	}
	other, err := writesOf(t.Else)
	if err != nil {
		return err
	}
	both := mergeKeys(then.puts, other.puts)
	if slices.ContainsFunc(both, w.contains) {
		return ErrDuplicateKey
	}
	w.puts = mergeKeys(w.puts, both)
	if len(then.dels)+len(other.dels) > 0 {
		w.dels = normalize(slices.Concat(w.dels, then.dels, other.dels))
	}
	return nil
}

// contains reports whether key is put or deleted.
func (w *writes) contains(key []byte) bool {
	if _, put := slices.BinarySearchFunc(w.puts, key, bytes.Compare); put {
		return true
	}
	// The only span that can hold key is the last one that does not start after it.
	i, _ := slices.BinarySearchFunc(w.dels, key, func(s span, key []byte) int {
		if bytes.Compare(s.start, key) <= 0 {
			return -1
		}
		return 1
	})
	return i > 0 && !w.dels[i-1].ends(key)
}

// mergeKeys unites two sorted sets of keys.
func mergeKeys(a, b [][]byte) [][]byte {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	all := slices.Concat(a, b)
	slices.SortFunc(all, bytes.Compare)
	return slices.CompactFunc(all, bytes.Equal)
}

// closedSpan is spanOf with a single key written as a range of one.
func closedSpan(key, end []byte) span {
	s := spanOf(key, end)
	if s.one {
		s = span{start: key, end: append(bytes.Clone(key), 0)}
	}
	return s
}

// normalize sorts spans and unites those that touch, in place.
func normalize(spans []span) []span {
	spans = slices.DeleteFunc(spans, func(s span) bool { return s.empty() })
	slices.SortFunc(spans, func(a, b span) int { return bytes.Compare(a.start, b.start) })
	out := spans[:0]
	for _, s := range spans {
		if len(out) == 0 {
			out = append(out, s)
			continue
		}
		last := &out[len(out)-1]
		switch {
		case !last.open && bytes.Compare(s.start, last.end) > 0:
			out = append(out, s)
		case last.open:
		case s.open || bytes.Compare(s.end, last.end) > 0:
			last.end, last.open = s.end, s.open
		}
	}
	return out
}
