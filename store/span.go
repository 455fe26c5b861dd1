package store

import "bytes"

// A span is a half-open range of keys: start <= k < end, or start <= k if open.
type span struct {
	start, end []byte
	one        bool // the single key start; end is nil
	open       bool // no end
}

// spanOf reads key and end as every request of etcd means them.
func spanOf(key, end []byte) span {
	switch {
	case len(end) == 0:
		return span{start: key, one: true}
	case len(end) == 1 && end[0] == 0:
		return span{start: key, open: true}
	default:
		return span{start: key, end: end}
	}
}

// ends reports whether key, which is not before start, is beyond the span.
func (s *span) ends(key []byte) bool {
	return !s.open && bytes.Compare(key, s.end) >= 0
}

// empty reports whether no key can be inside, as in a range that runs backwards.
func (s *span) empty() bool {
	return !s.one && s.ends(s.start)
}
