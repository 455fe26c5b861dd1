package raft

import "slices"

// log holds the entries since the cut in memory (§5.3). Entries are never
// changed in place: slices of them may be handed out and kept.
//
//	index    1 … base | base+1 … last
//	          (cut)   | entries[0] … entries[len-1]
type log struct {
	base     Index // everything up to here was cut
	baseTerm Term
	entries  []Entry
	bytes    int
}

func (l *log) last() Index { return l.base + Index(len(l.entries)) }

func (l *log) lastTerm() Term {
	t, _ := l.term(l.last())
	return t
}

// term gives the term of the entry at i; false when i is cut or beyond the end.
func (l *log) term(i Index) (Term, bool) {
	switch {
	case i == l.base:
		return l.baseTerm, true
	case i < l.base || i > l.last():
		return 0, false
	}
	return l.entries[i-l.base-1].Term, true
}

// matches says whether the log holds an entry of that term at i (§5.3).
func (l *log) matches(i Index, t Term) bool {
	have, ok := l.term(i)
	return ok && have == t
}

// slice gives the entries from first up to and with last; both must be held.
func (l *log) slice(first, last Index) []Entry {
	if last < first {
		return nil
	}
	return l.entries[first-l.base-1 : last-l.base : last-l.base]
}

// upTo gives entries from first on, at most max bytes of them, but at least one.
func (l *log) upTo(first Index, max int) []Entry {
	all := l.slice(first, l.last())
	sum := 0
	for k := range all {
		sum += entryBytes(&all[k])
		if sum > max && k > 0 {
			return all[:k:k]
		}
	}
	return all
}

// after gives the smallest index behind which the log holds at most max bytes.
func (l *log) after(max int) Index {
	over := l.bytes - max
	k := 0
	for ; over > 0; k++ {
		over -= entryBytes(&l.entries[k])
	}
	return l.base + Index(k)
}

// append adds e behind the last entry.
func (l *log) append(e Entry) {
	l.entries = append(l.entries, e)
	l.bytes += entryBytes(&e)
}

// truncate drops everything from first on. What was handed out stays as it was,
// because the next append moves to a new array.
func (l *log) truncate(first Index) {
	k := int(first - l.base - 1)
	for i := k; i < len(l.entries); i++ {
		l.bytes -= entryBytes(&l.entries[i])
	}
	l.entries = l.entries[:k:k]
}

// cut forgets everything up to and with i.
func (l *log) cut(i Index) {
	t, ok := l.term(i)
	if !ok || i == l.base {
		return // already cut, or not held: nothing to forget
	}
	k := int(i - l.base)
	for j := 0; j < k; j++ {
		l.bytes -= entryBytes(&l.entries[j])
	}
	l.base, l.baseTerm = i, t
	l.entries = slices.Clone(l.entries[k:]) // lets the old array go
}

// agreement gives the largest index not above i whose term is not above t: no
// later entry can agree with a log that holds term t at i (§5.3, the
// optimization at its end).
func (l *log) agreement(i Index, t Term) (Index, Term) {
	i = min(i, l.last())
	for i > l.base {
		have, _ := l.term(i)
		if have <= t {
			return i, have
		}
		i--
	}
	return l.base, l.baseTerm
}

// entryOverhead is what an entry costs in memory besides its data, in bytes.
// Counting it keeps a flood of empty commands bounded.
const entryOverhead = 48

func entryBytes(e *Entry) int { return len(e.Data) + entryOverhead }
