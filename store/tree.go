package store

import (
	"bytes"
	"sort"

	"github.com/tidwall/btree"
)

// A tree of the present: the newest version of each key that exists.
// The key is beside the pointer so that a search compares without following it.
type present struct {
	key []byte
	kv  *KeyValue
}

func presentLess(a, b present) bool { return bytes.Compare(a.key, b.key) < 0 }

func newPresent() *btree.BTreeG[present] {
	return btree.NewBTreeGOptions(presentLess, btree.Options{NoLocks: true})
}

// A tree of the past: the version kv of key was the newest one at the revisions
// mod <= r < until. The versions of one key never overlap.
type past struct {
	key        []byte
	mod, until Revision
	kv         *KeyValue
}

func pastLess(a, b past) bool {
	if c := bytes.Compare(a.key, b.key); c != 0 {
		return c < 0
	}
	return a.mod < b.mod
}

func newPast() *btree.BTreeG[past] {
	return btree.NewBTreeGOptions(pastLess, btree.Options{NoLocks: true})
}

func (p *past) visible(at Revision) bool { return p.mod <= at && at < p.until }

// newest returns the version of key that exists now, or nil.
func (s *Store) newest(key []byte) *KeyValue {
	e, _ := s.present.Get(present{key: key})
	return e.kv
}

// versionAt returns the version of key that existed at a revision, or nil.
func (s *Store) versionAt(key []byte, at Revision) *KeyValue {
	if kv := s.newest(key); kv != nil && kv.ModRevision <= at {
		return kv
	}
	var found *KeyValue
	s.past.Descend(past{key: key, mod: at}, func(p past) bool {
		if bytes.Equal(p.key, key) && p.visible(at) {
			found = p.kv
		}
		return false // only the last one that began by then can be true at it
	})
	return found
}

// scanNewest yields the versions that exist now in a span of many keys, in order.
func (s *Store) scanNewest(in span, yield func(*KeyValue) bool) {
	s.present.Ascend(present{key: in.start}, func(e present) bool {
		return !in.ends(e.key) && yield(e.kv)
	})
}

// scanAt yields the versions that existed at a revision in a span of many keys, in
// order of keys: it merges the present with the past, walking all the history
// that the span has. At most one version of a key is visible, so the versions of
// the past that are not after a key of the present may go first.
func (s *Store) scanAt(in span, at Revision, yield func(*KeyValue) bool) {
	old := s.past.Iter()
	defer old.Release()
	more := old.Seek(past{key: in.start})
	going := true
	upTo := func(key []byte) { // a nil key is the end of the span
		for ; going && more; more = old.Next() {
			p := old.Item()
			if key != nil && bytes.Compare(p.key, key) > 0 || in.ends(p.key) {
				return
			}
			if p.visible(at) {
				going = yield(p.kv)
			}
		}
	}
	s.present.Ascend(present{key: in.start}, func(e present) bool {
		if in.ends(e.key) {
			return false
		}
		upTo(e.key)
		if going && e.kv.ModRevision <= at {
			going = yield(e.kv)
		}
		return going
	})
	upTo(nil)
}

// countNewest counts the keys that exist now in a span of many keys. It asks the
// tree for positions instead of walking: a limited list of a large range stays
// cheap although it carries the count of all.
func (s *Store) countNewest(in span) int64 {
	if in.empty() {
		return 0
	}
	to := s.present.Len()
	if !in.open {
		to = s.position(in.end)
	}
	return int64(to - s.position(in.start))
}

// position counts the keys before key.
func (s *Store) position(key []byte) int {
	return sort.Search(s.present.Len(), func(i int) bool {
		e, _ := s.present.GetAt(i)
		return bytes.Compare(e.key, key) >= 0
	})
}
