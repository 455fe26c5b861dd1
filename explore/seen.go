package explore

import "sync/atomic"

// seen is a set of keys with the key of the state that each was reached from:
// open addressing, no deletion. Several may add at a time; it grows while nobody
// does.
type seen struct {
	keys  []uint64
	from  []uint64
	count atomic.Int64
}

func newSeen(size int) *seen { return &seen{keys: make([]uint64, size), from: make([]uint64, size)} }

// add says whether key is new. full: there is no room.
func (s *seen) add(key, from uint64) (isNew, full bool) {
	mask := uint64(len(s.keys) - 1)
	at := key * 0x9e3779b97f4a7c15 >> 7 & mask
	for range s.keys {
		have := atomic.LoadUint64(&s.keys[at])
		if have == 0 && atomic.CompareAndSwapUint64(&s.keys[at], 0, key) {
			s.from[at] = from
			s.count.Add(1)
			return true, false
		}
		if atomic.LoadUint64(&s.keys[at]) == key {
			return false, false
		}
		at = (at + 1) & mask
	}
	return false, true
}

// origin gives the key from which key was reached. Nobody may be adding.
func (s *seen) origin(key uint64) uint64 {
	mask := uint64(len(s.keys) - 1)
	for at := key * 0x9e3779b97f4a7c15 >> 7 & mask; s.keys[at] != 0; at = (at + 1) & mask {
		if s.keys[at] == key {
			return s.from[at]
		}
	}
	return 0
}

// reserve makes room for more keys.
func (s *seen) reserve(more int) {
	size := len(s.keys)
	for (int(s.count.Load())+more)*4 > size*3 {
		size *= 2
	}
	if size == len(s.keys) {
		return
	}
	n := newSeen(size)
	for k, key := range s.keys {
		if key != 0 {
			n.add(key, s.from[k])
		}
	}
	s.keys, s.from = n.keys, n.from
}
