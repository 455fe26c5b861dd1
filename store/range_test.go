package store

import (
	"math"
	"testing"
)

// sample has five keys whose values, revisions and versions all differ in order:
//
//	key  value  create  mod  version
//	a    3      2       7    2
//	b    2      3       3    1
//	c    1      4       9    3
//	d    5      5       5    1
//	e    4      6       6    1
func sample(t *testing.T) *Store {
	s := New()
	for _, kv := range []string{"a0", "b2", "c0", "d5", "e4", "a3", "c0", "c1"} {
		put(t, s, kv[:1], kv[1:])
	}
	return s
}

// keysOf reads and gives only the keys, with a + if there are more.
func keysOf(t *testing.T, s *Store, r Range) (keys string) {
	t.Helper()
	res, err := s.Range(&r)
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range res.KVs {
		keys += string(kv.Key)
	}
	if res.More {
		keys += "+"
	}
	return keys
}

// Goal: key and range_end mean what they mean in etcd. A table over one sample.
func TestRange_EndMeansWhatEtcdMeans(t *testing.T) {
	s := sample(t)
	for _, c := range []struct{ name, key, end, want string }{
		{"no end is one key", "b", "", "b"},
		{"no end and no key there", "bb", "", ""},
		{"end is excluded", "b", "d", "bc"},
		{"zero end is from the key on", "d", "\x00", "de"},
		{"zero key and zero end is everything", "\x00", "\x00", "abcde"},
		{"prefix is the key with its last byte plus one", "c", "d", "c"},
		{"end is the key", "b", "b", ""},
		{"backwards", "d", "b", ""},
		{"beyond the last key", "x", "\x00", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, at := range []Revision{0, 9, 8} { // now, now, and by way of the past
				expect(t, keysOf(t, s, Range{Key: []byte(c.key), End: []byte(c.end), Revision: at}), c.want)
			}
		})
	}
}

// Goal: a bad range is refused with etcd's reason. A table.
func TestRange_Refusals(t *testing.T) {
	s := sample(t)
	for _, c := range []struct {
		name string
		r    Range
		want error
	}{
		{"no key", Range{}, ErrKeyEmpty},
		{"future", Range{Key: []byte("a"), Revision: 10}, ErrFutureRevision},
		{"sort order", Range{Key: []byte("a"), SortOrder: 3}, ErrInvalidSortOption},
		{"sort target", Range{Key: []byte("a"), SortTarget: 5}, ErrInvalidSortOption},
		{"negative sort order", Range{Key: []byte("a"), SortOrder: -1}, ErrInvalidSortOption},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.Range(&c.r)
			expectErr(t, err, c.want)
		})
	}
}

// Goal: a negative revision is the present in a plain range. One read.
func TestRange_NegativeRevisionIsThePresent(t *testing.T) {
	expect(t, keysOf(t, sample(t), all(Range{Revision: -5})), "abcde")
}

// Goal: count tells of the whole range. Limits, filters, count_only, past and now.
func TestRange_CountIsRegardlessOfLimitAndFilters(t *testing.T) {
	s := sample(t)
	for _, r := range []Range{{}, {Limit: 1}, {Limit: 4}, {Limit: math.MaxInt64}, {CountOnly: true}, {MinMod: 6}, {CountOnly: true, MaxMod: 3}, {Limit: 2, SortOrder: SortDescend}} {
		for _, at := range []Revision{0, 8} {
			r.Revision = at
			r := all(r)
			res, err := s.Range(&r)
			if err != nil || res.Count != 5 || res.Revision != 9 {
				t.Errorf("%+v: count %d revision %d err %v", r, res.Count, res.Revision, err)
			}
			if r.CountOnly && (len(res.KVs) != 0 || res.More) {
				t.Errorf("%+v: count only brings keys", r)
			}
		}
	}
}

// Goal: more says that the limit cut something off. Limits around the number.
func TestRange_MoreOnlyWhenTheLimitCut(t *testing.T) {
	s := sample(t)
	for limit, want := range map[int64]string{-1: "abcde", 0: "abcde", 1: "a+", 4: "abcd+", 5: "abcde", 6: "abcde", math.MaxInt64: "abcde"} {
		for _, at := range []Revision{0, 8} {
			expect(t, keysOf(t, s, all(Range{Limit: limit, Revision: at})), want)
		}
	}
}

// Goal: sorting by each target in each order. A table over the sample.
func TestRange_SortsByEveryTarget(t *testing.T) {
	s := sample(t)
	for _, c := range []struct {
		name   string
		target SortTarget
		order  SortOrder
		limit  int64
		want   string
	}{
		{"key down", SortByKey, SortDescend, 0, "edcba"},
		{"key down, limited after the sort", SortByKey, SortDescend, 2, "ed+"},
		{"version up, ties in order of keys", SortByVersion, SortAscend, 0, "bdeac"},
		{"version down, ties in order of keys", SortByVersion, SortDescend, 0, "cabde"},
		{"create down", SortByCreate, SortDescend, 1, "e+"},
		{"mod up", SortByMod, SortAscend, 0, "bdeac"},
		{"mod down", SortByMod, SortDescend, 2, "ca+"},
		{"value up", SortByValue, SortAscend, 0, "cbaed"},
		{"no order means up", SortByValue, SortNone, 0, "cbaed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := all(Range{SortTarget: c.target, SortOrder: c.order, Limit: c.limit})
			expect(t, keysOf(t, s, r), c.want)
		})
	}
}

// Goal: etcd's quirk. With a target but no order, limit+1 versions are taken in
// order of keys (a, b, c), sorted (c1, b2, a3), and cut; with an order all are.
func TestRange_SortTargetWithoutOrderLimitsFirst(t *testing.T) {
	s := sample(t)
	expect(t, keysOf(t, s, all(Range{SortTarget: SortByValue, Limit: 2})), "cb+")
	expect(t, keysOf(t, s, all(Range{SortTarget: SortByMod, Limit: 2})), "ba+")
	expect(t, keysOf(t, s, all(Range{SortTarget: SortByMod, SortOrder: SortAscend, Limit: 2})), "bd+")
}

// Goal: filters come before the limit. A table over the sample.
func TestRange_FiltersBeforeLimit(t *testing.T) {
	s := sample(t)
	for _, c := range []struct {
		name string
		r    Range
		want string
	}{
		{"min mod", Range{MinMod: 6}, "ace"},
		{"max mod", Range{MaxMod: 6}, "bde"},
		{"both ends included", Range{MinMod: 5, MaxMod: 7}, "ade"},
		{"create", Range{MinCreate: 3, MaxCreate: 4}, "bc"},
		{"limit after the filter", Range{MinMod: 6, Limit: 2}, "ac+"},
		{"limit that is enough", Range{MinMod: 6, Limit: 3}, "ace"},
		{"a single key", Range{Key: []byte("a"), MinMod: 8}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.r.Key == nil {
				c.r = all(c.r)
			}
			expect(t, keysOf(t, s, c.r), c.want)
		})
	}
}

// Goal: keys_only leaves the values out, after a sort by value, and leaves the
// store as it was. Two reads.
func TestRange_KeysOnlyLeavesTheValuesOut(t *testing.T) {
	s := sample(t)
	expect(t, read(t, s, Range{Key: []byte("a"), End: []byte("c"), KeysOnly: true, SortTarget: SortByValue}),
		`range@9 count 2 more false: "b"=""(create 3 mod 3 version 1 lease 0) "a"=""(create 2 mod 7 version 2 lease 0)`)
	expect(t, read(t, s, Range{Key: []byte("a")}), `range@9 count 1 more false: "a"="3"(create 2 mod 7 version 2 lease 0)`)
}
