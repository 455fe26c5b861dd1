package store

import "github.com/tidwall/btree"

// A Store holds keys, their revisions and their history. Make one with New or
// Restore; see the package comment for what may run in parallel.
type Store struct {
	present *btree.BTreeG[present]
	past    *btree.BTreeG[past]

	revision  Revision
	compacted Revision // -1 before the first Compact, so that Compact at 0 is one, as in etcd
	size      int64    // of all versions in both trees
}

// New returns an empty store at revision 1.
func New() *Store {
	return &Store{present: newPresent(), past: newPast(), revision: 1, compacted: -1}
}

// Apply decodes and executes one replicated command. It neither keeps nor changes
// its bytes. A command that is malformed (ErrMalformed) or that etcd would refuse
// changes nothing and gives the same Result.Err on every replica.
func (s *Store) Apply(command []byte) Result {
	c, err := Decode(command)
	if err != nil {
		return Result{Err: err}
	}
	return s.Execute(&c)
}

// Execute does what Apply does with a command that is already decoded.
func (s *Store) Execute(c *Command) Result {
	res := Result{Kind: c.Kind()}
	switch res.Kind {
	case KindPut:
		res.Put, res.Err = s.applyPut(c.Put)
	case KindDeleteRange:
		res.Delete, res.Err = s.applyDelete(c.DeleteRange)
	case KindTxn:
		res.Txn, res.Err = s.applyTxn(c.Txn)
	case KindCompact:
		res.Compact, res.Err = s.applyCompact(c.Compact)
	default:
		res.Err = ErrMalformed
	}
	return res
}

// Revision is the revision of the newest change; 1 if there was none.
func (s *Store) Revision() Revision { return s.revision }

// CompactRevision is the oldest revision that can still be read, as of the last
// Compact; 0 if there was none.
func (s *Store) CompactRevision() Revision { return max(s.compacted, 0) }

// Size is the approximate memory of all versions, past ones included, in bytes.
// It depends on the state alone, so replicas agree on it.
func (s *Store) Size() int64 { return s.size }

// Keys counts the keys that exist now.
func (s *Store) Keys() int { return s.present.Len() }

// Clone returns a copy in constant time: the two share their trees until one of
// them writes. It counts as a write to s.
func (s *Store) Clone() *Store {
	c := *s
	c.present = s.present.IsoCopy()
	c.past = s.past.IsoCopy()
	return &c
}

// must stops a store that has broken its own rules; going on would spread the
// damage to snapshots. No input from outside can get here.
func must(condition bool, broken string) {
	if !condition {
		panic("store: " + broken)
	}
}
