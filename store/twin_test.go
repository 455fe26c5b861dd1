package store

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A twin is the store as one would write it for clarity alone: a list of all
// versions ever, searched from end to end. It forgets nothing; compaction only
// forbids.
type twin struct {
	revision, compacted Revision
	versions            []twinVersion
}

type twinVersion struct {
	KeyValue
	deleted bool
}

func newTwin() *twin { return &twin{revision: 1, compacted: -1} }

func (w *twin) clone() *twin {
	c := *w
	c.versions = slices.Clone(w.versions)
	return &c
}

func (w *twin) at(key string, rev Revision) *KeyValue {
	for i := len(w.versions) - 1; i >= 0; i-- {
		if v := w.versions[i]; string(v.Key) == key && v.ModRevision <= rev {
			if v.deleted {
				return nil
			}
			return &v.KeyValue
		}
	}
	return nil
}

func twinInside(key string, from, end []byte) bool {
	switch string(end) {
	case "":
		return key == string(from)
	case "\x00":
		return key >= string(from)
	default:
		return key >= string(from) && key < string(end)
	}
}

func (w *twin) list(from, end []byte, rev Revision) (kvs []KeyValue) {
	var keys []string
	for _, v := range w.versions {
		if twinInside(string(v.Key), from, end) {
			keys = append(keys, string(v.Key))
		}
	}
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if kv := w.at(key, rev); kv != nil {
			kvs = append(kvs, *kv)
		}
	}
	return kvs
}

func (w *twin) execute(c *Command) Result {
	next := w.clone()
	res := Result{Kind: c.Kind()}
	switch res.Kind {
	case KindPut:
		if res.Err = w.refusesPut(c.Put); res.Err == nil {
			res.Put = next.put(c.Put, w.revision)
		}
	case KindDeleteRange:
		if len(c.DeleteRange.Key) == 0 {
			res.Err = ErrKeyEmpty
			break
		}
		res.Delete = next.delete(c.DeleteRange, w.revision)
	case KindTxn:
		if res.Err = w.refusesTxn(c.Txn, 128, 4); res.Err == nil && twinDuplicate(c.Txn) {
			res.Err = ErrDuplicateKey
		}
		if res.Err == nil {
			res.Err = w.refusesBranch(c.Txn)
		}
		if res.Err == nil {
			res.Txn = next.txn(c.Txn, w)
			res.Txn.Revision = next.revision
		}
	case KindCompact:
		switch rev := c.Compact.Revision; {
		case rev <= w.compacted:
			res.Err = ErrCompacted
		case rev > w.revision:
			res.Err = ErrFutureRevision
		default:
			next.compacted = rev
			res.Compact.Revision = w.revision
		}
	}
	if res.Err == nil {
		*w = *next
	}
	return res
}

func (w *twin) put(p *Put, begin Revision) PutResult {
	rev := begin + 1
	kv := KeyValue{Key: p.Key, Value: p.Value, CreateRevision: rev, ModRevision: rev, Version: 1, Lease: p.Lease}
	prev := w.at(string(p.Key), rev)
	if prev != nil {
		kv.CreateRevision, kv.Version = prev.CreateRevision, prev.Version+1
		if p.IgnoreValue {
			kv.Value = prev.Value
		}
	}
	w.versions = append(w.versions, twinVersion{KeyValue: kv})
	w.revision = rev
	if !p.PrevKV {
		prev = nil
	}
	return PutResult{Revision: rev, Prev: prev}
}

func (w *twin) delete(d *DeleteRange, begin Revision) DeleteResult {
	var res DeleteResult
	for _, kv := range w.list(d.Key, d.End, begin+1) {
		w.versions = append(w.versions, twinVersion{KeyValue{Key: kv.Key, ModRevision: begin + 1}, true})
		w.revision = begin + 1
		res.Deleted++
		if d.PrevKV {
			res.Prevs = append(res.Prevs, kv)
		}
	}
	res.Revision = w.revision
	return res
}

func (w *twin) read(r *Range) (res RangeResult, err error) {
	switch {
	case len(r.Key) == 0:
		return res, ErrKeyEmpty
	case r.SortOrder < 0 || r.SortOrder > 2 || r.SortTarget < 0 || r.SortTarget > 4:
		return res, ErrInvalidSortOption
	case r.Revision > w.revision:
		return res, ErrFutureRevision
	}
	rev := r.Revision
	if rev <= 0 {
		rev = w.revision
	}
	if rev < w.compacted {
		return res, ErrCompacted
	}
	kvs := w.list(r.Key, r.End, rev)
	res = RangeResult{Revision: w.revision, Count: int64(len(kvs))}
	if r.CountOnly {
		return res, nil
	}
	filters := r.MinMod != 0 || r.MaxMod != 0 || r.MinCreate != 0 || r.MaxCreate != 0
	if r.SortOrder == SortNone && !filters && r.Limit > 0 && len(kvs) > int(r.Limit)+1 {
		kvs = kvs[:r.Limit+1] // the quirk: cut in key order, then sort
	}
	for _, kv := range kvs {
		if kv.ModRevision >= r.MinMod && (r.MaxMod == 0 || kv.ModRevision <= r.MaxMod) &&
			kv.CreateRevision >= r.MinCreate && (r.MaxCreate == 0 || kv.CreateRevision <= r.MaxCreate) {
			res.KVs = append(res.KVs, kv)
		}
	}
	slices.SortStableFunc(res.KVs, func(a, b KeyValue) int {
		order := [5]int{
			bytes.Compare(a.Key, b.Key), cmp.Compare(a.Version, b.Version),
			cmp.Compare(a.CreateRevision, b.CreateRevision), cmp.Compare(a.ModRevision, b.ModRevision),
			bytes.Compare(a.Value, b.Value),
		}[r.SortTarget]
		if r.SortOrder == SortDescend {
			return -order
		}
		return order
	})
	if r.Limit > 0 && len(res.KVs) > int(r.Limit) {
		res.KVs, res.More = res.KVs[:r.Limit], true
	}
	for i := range res.KVs {
		if r.KeysOnly {
			res.KVs[i].Value = nil
		}
	}
	return res, nil
}

func (w *twin) refusesPut(p *Put) error {
	switch {
	case len(p.Key) == 0:
		return ErrKeyEmpty
	case p.IgnoreValue && len(p.Value) > 0:
		return ErrValueProvided
	case p.IgnoreLease && p.Lease != 0:
		return ErrLeaseProvided
	case p.Lease != 0:
		return ErrLeaseNotFound
	case (p.IgnoreValue || p.IgnoreLease) && w.at(string(p.Key), w.revision) == nil:
		return ErrKeyNotFound
	}
	return nil
}

// refusesTxn asks only what needs no state.
func (w *twin) refusesTxn(t *Txn, opsMax, depthMax int) error {
	ops := max(len(t.Compares), len(t.Then), len(t.Else))
	if ops > opsMax || depthMax == 0 {
		return ErrTooManyOps
	}
	for _, c := range t.Compares {
		if len(c.Key) == 0 {
			return ErrKeyEmpty
		}
	}
	for _, o := range slices.Concat(t.Then, t.Else) {
		var err error
		switch {
		case o.Range != nil:
			if _, err = w.read(o.Range); err == ErrCompacted || err == ErrFutureRevision {
				err = nil
			}
		case o.Put != nil:
			if err = w.refusesPut(o.Put); err == ErrLeaseNotFound || err == ErrKeyNotFound {
				err = nil
			}
		case o.DeleteRange != nil && len(o.DeleteRange.Key) == 0:
			err = ErrKeyEmpty
		case o.DeleteRange != nil:
		case o.Txn != nil:
			err = w.refusesTxn(o.Txn, opsMax-ops, depthMax-1)
		default:
			err = ErrKeyNotFound
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *twin) branch(t *Txn) (bool, []Op) {
	for _, c := range t.Compares {
		kvs := w.list(c.Key, c.End, w.revision)
		if len(kvs) == 0 {
			if c.Target == CompareValue {
				return false, t.Else
			}
			kvs = []KeyValue{{}}
		}
		for _, kv := range kvs {
			order := [5]int{
				cmp.Compare(kv.Version, c.Number), cmp.Compare(int64(kv.CreateRevision), c.Number),
				cmp.Compare(int64(kv.ModRevision), c.Number), bytes.Compare(kv.Value, c.Value),
				cmp.Compare(int64(kv.Lease), c.Number),
			}[c.Target]
			if ![4]bool{order == 0, order > 0, order < 0, order != 0}[c.Result] {
				return false, t.Else
			}
		}
	}
	return true, t.Then
}

func (w *twin) refusesBranch(t *Txn) error {
	_, ops := w.branch(t)
	for _, o := range ops {
		var err error
		switch {
		case o.Put != nil:
			err = w.refusesPut(o.Put)
		case o.Txn != nil:
			err = w.refusesBranch(o.Txn)
		case o.Range != nil && o.Range.Revision < 0 && o.Range.Revision < w.compacted:
			err = ErrCompacted
		case o.Range != nil:
			_, err = w.read(o.Range)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *twin) txn(t *Txn, before *twin) TxnResult {
	succeeded, ops := before.branch(t)
	res := TxnResult{Succeeded: succeeded}
	for _, o := range ops {
		r := Result{Kind: o.Kind()}
		switch {
		case o.Range != nil:
			r.Range, _ = w.read(o.Range)
		case o.Put != nil:
			r.Put = w.put(o.Put, before.revision)
		case o.DeleteRange != nil:
			r.Delete = w.delete(o.DeleteRange, before.revision)
		case o.Txn != nil:
			r.Txn = w.txn(o.Txn, before)
		}
		res.Responses = append(res.Responses, r)
	}
	return res
}

// A twinWrite is one write of a transaction and the way to it from the top.
type twinWrite struct {
	put  *Put
	del  *DeleteRange
	path []twinStep
}

type twinStep struct {
	branch string
	op     int
}

func twinWrites(t *Txn, path []twinStep) (all []twinWrite) {
	for _, b := range []struct {
		name string
		ops  []Op
	}{{"then", t.Then}, {"else", t.Else}} {
		for i, o := range b.ops {
			way := append(slices.Clone(path), twinStep{b.name, i})
			switch {
			case o.Put != nil:
				all = append(all, twinWrite{put: o.Put, path: way})
			case o.DeleteRange != nil:
				all = append(all, twinWrite{del: o.DeleteRange, path: way})
			case o.Txn != nil:
				all = append(all, twinWrites(o.Txn, way)...)
			}
		}
	}
	return all
}

// twinDuplicate compares each put with each other write, where their ways part.
func twinDuplicate(t *Txn) bool {
	all := twinWrites(t, nil)
	for i, a := range all {
		for j, b := range all {
			if i == j || a.put == nil {
				continue
			}
			key, n := string(a.put.Key), 0
			for a.path[n] == b.path[n] {
				n++
			}
			sameList := a.path[n].branch == b.path[n].branch
			bothInner := len(a.path) > n+1 && len(b.path) > n+1
			switch {
			case !sameList:
			case b.put != nil && string(b.put.Key) == key:
				return true
			case b.del != nil && twinInside(key, b.del.Key, b.del.End):
				if !bothInner || b.path[n].op < a.path[n].op {
					return true
				}
			}
		}
	}
	return false
}

// show writes a result down so that equal ones look equal.
func show(r Result) string {
	var b strings.Builder
	if r.Err != nil {
		return fmt.Sprintf("%d refused: %v", r.Kind, r.Err)
	}
	switch r.Kind {
	case KindRange:
		fmt.Fprintf(&b, "range@%d count %d more %v:", r.Range.Revision, r.Range.Count, r.Range.More)
		showKVs(&b, r.Range.KVs)
	case KindPut:
		fmt.Fprintf(&b, "put@%d", r.Put.Revision)
		if r.Put.Prev != nil {
			showKVs(&b, []KeyValue{*r.Put.Prev})
		}
	case KindDeleteRange:
		fmt.Fprintf(&b, "delete@%d deleted %d:", r.Delete.Revision, r.Delete.Deleted)
		showKVs(&b, r.Delete.Prevs)
	case KindTxn:
		fmt.Fprintf(&b, "txn@%d %v {", r.Txn.Revision, r.Txn.Succeeded)
		for _, inner := range r.Txn.Responses {
			b.WriteString(" " + show(inner) + ";")
		}
		b.WriteString(" }")
	case KindCompact:
		fmt.Fprintf(&b, "compact@%d", r.Compact.Revision)
	}
	return b.String()
}

func showKVs(b *strings.Builder, kvs []KeyValue) {
	for _, kv := range kvs {
		fmt.Fprintf(b, " %q=%q(create %d mod %d version %d lease %d)",
			kv.Key, kv.Value, kv.CreateRevision, kv.ModRevision, kv.Version, kv.Lease)
	}
}
