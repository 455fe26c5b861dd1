package store

import (
	"bytes"
	"cmp"
	"math"
	"slices"
)

// Range reads. It fails with an error of Check, with ErrFutureRevision or with
// ErrCompacted; a range without keys is no error.
func (s *Store) Range(r *Range) (RangeResult, error) {
	if err := r.Check(); err != nil {
		return RangeResult{}, err
	}
	return s.rangeAt(r, s.revision)
}

// rangeAt reads with head as the present: inside a transaction that has written,
// the trees are one revision ahead of s.revision.
func (s *Store) rangeAt(r *Range, head Revision) (RangeResult, error) {
	at := r.Revision
	switch {
	case at > head:
		return RangeResult{}, ErrFutureRevision
	case at <= 0: // etcd takes a negative revision for the present, too
		at = head
	}
	if at < s.compacted {
		return RangeResult{}, ErrCompacted
	}
	in, now := spanOf(r.Key, r.End), at == head
	res := RangeResult{Revision: head}
	if r.CountOnly {
		res.Count = s.count(in, at, now)
		return res, nil
	}
	res.KVs, res.Count = s.collect(in, at, now, r.take())
	if r.filtered() {
		res.KVs = r.filter(res.KVs)
	}
	r.sort(res.KVs)
	if r.Limit > 0 && int64(len(res.KVs)) > r.Limit {
		res.KVs, res.More = res.KVs[:r.Limit:r.Limit], true
	}
	if r.KeysOnly {
		for i := range res.KVs {
			res.KVs[i].Value = nil
		}
	}
	return res, nil
}

// count counts the keys of a span at a revision.
func (s *Store) count(in span, at Revision, now bool) (n int64) {
	switch {
	case in.one && s.versionAt(in.start, at) != nil:
		return 1
	case in.one:
		return 0
	case now:
		return s.countNewest(in)
	}
	s.scanAt(in, at, func(*KeyValue) bool { n++; return true })
	return n
}

// collect returns the first versions of a span at a revision, at most take, and
// counts all of them.
func (s *Store) collect(in span, at Revision, now bool, take int64) (kvs []KeyValue, count int64) {
	if in.one {
		kv := s.versionAt(in.start, at)
		if kv == nil {
			return nil, 0
		}
		return []KeyValue{*kv}, 1
	}
	add := func(kv *KeyValue) {
		if kvs == nil {
			kvs = make([]KeyValue, 0, reserve(take))
		}
		kvs = append(kvs, *kv)
	}
	if !now {
		s.scanAt(in, at, func(kv *KeyValue) bool {
			if count < take {
				add(kv)
			}
			count++
			return true
		})
		return kvs, count
	}
	s.scanNewest(in, func(kv *KeyValue) bool {
		if len(kvs) == rangeGuess && cap(kvs) == rangeGuess { // a large one: ask how large
			kvs = slices.Grow(kvs, int(min(s.countNewest(in), take))-len(kvs))
		}
		add(kv)
		return int64(len(kvs)) < take
	})
	if int64(len(kvs)) < take {
		return kvs, int64(len(kvs))
	}
	return kvs, s.countNewest(in)
}

// reserve is the capacity to begin with when at most take versions will come.
func reserve(take int64) int64 {
	if take > rangeReserveMax {
		return rangeGuess
	}
	return take
}

// take is how many versions are needed in order of keys before filters and sort:
// one more than the limit, to know whether there are more, or all of them.
//
// A sort target without a sort order is etcd's quirk: the limit applies in order
// of keys, and only what it left is sorted.
func (r *Range) take() int64 {
	ordered := r.SortOrder == SortNone || r.SortOrder == SortAscend && r.SortTarget == SortByKey
	if r.filtered() || !ordered || r.Limit <= 0 || r.Limit == math.MaxInt64 {
		return math.MaxInt64
	}
	return r.Limit + 1
}

func (r *Range) filtered() bool {
	return r.MinMod != 0 || r.MaxMod != 0 || r.MinCreate != 0 || r.MaxCreate != 0
}

// filter keeps the versions between the bounds of the request, in place.
func (r *Range) filter(kvs []KeyValue) []KeyValue {
	outside := func(rev, low, high Revision) bool {
		return low != 0 && rev < low || high != 0 && rev > high
	}
	return slices.DeleteFunc(kvs, func(kv KeyValue) bool {
		return outside(kv.ModRevision, r.MinMod, r.MaxMod) ||
			outside(kv.CreateRevision, r.MinCreate, r.MaxCreate)
	})
}

// sort sorts versions that come in order of keys, and leaves those that are equal
// in that order.
func (r *Range) sort(kvs []KeyValue) {
	if r.SortTarget == SortByKey {
		if r.SortOrder == SortDescend {
			slices.Reverse(kvs)
		}
		return
	}
	sign := 1
	if r.SortOrder == SortDescend {
		sign = -1
	}
	slices.SortFunc(kvs, func(a, b KeyValue) int {
		c := 0
		switch r.SortTarget {
		case SortByVersion:
			c = cmp.Compare(a.Version, b.Version)
		case SortByCreate:
			c = cmp.Compare(a.CreateRevision, b.CreateRevision)
		case SortByMod:
			c = cmp.Compare(a.ModRevision, b.ModRevision)
		case SortByValue:
			c = bytes.Compare(a.Value, b.Value)
		}
		if c != 0 {
			return c * sign
		}
		return bytes.Compare(a.Key, b.Key)
	})
}
