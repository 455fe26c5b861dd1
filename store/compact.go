package store

// applyCompact forgets the past up to a revision, which stays readable itself.
func (s *Store) applyCompact(c *Compact) (CompactResult, error) {
	switch {
	case c.Revision <= s.compacted:
		return CompactResult{}, ErrCompacted
	case c.Revision > s.revision:
		return CompactResult{}, ErrFutureRevision
	}
	s.compacted = c.Revision
	kept := newPast()
	s.past.Scan(func(p past) bool {
		if p.until > s.compacted {
			kept.Load(p)
		} else {
			s.size -= p.kv.size()
		}
		return true
	})
	s.past = kept
	return CompactResult{Revision: s.revision}, nil
}
