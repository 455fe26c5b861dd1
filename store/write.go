package store

import "bytes"

// A writer makes the changes of one command. All of them belong to the revision
// after that of the store, which moves there only when the writer is done, and
// only if something changed.
type writer struct {
	s       *Store
	at      Revision // of the changes
	changed bool
}

func (s *Store) write() writer {
	return writer{s: s, at: s.revision + 1}
}

// head is the revision that a read in the middle of the command is at.
func (w *writer) head() Revision {
	if w.changed {
		return w.at
	}
	return w.s.revision
}

// done makes the changes the present.
func (w *writer) done() {
	must(w.at == w.s.revision+1, "two commands were executed at once")
	w.s.revision = w.head()
}

// applyPut executes a Put that is a command of its own.
func (s *Store) applyPut(p *Put) (PutResult, error) {
	if err := p.Check(); err != nil {
		return PutResult{}, err
	}
	if err := s.admitPut(p); err != nil {
		return PutResult{}, err
	}
	w := s.write()
	res := w.put(p)
	w.done()
	return res, nil
}

// applyDelete executes a DeleteRange that is a command of its own.
func (s *Store) applyDelete(d *DeleteRange) (DeleteResult, error) {
	if err := d.Check(); err != nil {
		return DeleteResult{}, err
	}
	w := s.write()
	res := w.deleteRange(d)
	w.done()
	return res, nil
}

// admitPut says whether the state allows the put. Within a transaction this is
// asked before its first write: Txn.Check has made sure that no other operation
// of it deletes the key first.
func (s *Store) admitPut(p *Put) error {
	if p.Lease != 0 {
		return ErrLeaseNotFound // leases are not here yet, so none can be found
	}
	if (p.IgnoreValue || p.IgnoreLease) && s.newest(p.Key) == nil {
		return ErrKeyNotFound
	}
	return nil
}

func (w *writer) put(p *Put) PutResult {
	prev := w.s.newest(p.Key)
	kv := &KeyValue{CreateRevision: w.at, ModRevision: w.at, Version: 1, Lease: p.Lease}
	if prev != nil {
		kv.Key, kv.CreateRevision, kv.Version = prev.Key, prev.CreateRevision, prev.Version+1
		w.retire(prev)
	} else {
		kv.Key = bytes.Clone(p.Key)
	}
	must(prev != nil || !p.IgnoreValue && !p.IgnoreLease, "an admitted put found no version to keep a part of")
	switch {
	case p.IgnoreValue:
		kv.Value = prev.Value
	case len(p.Value) > 0:
		kv.Value = bytes.Clone(p.Value)
	}
	if p.IgnoreLease {
		kv.Lease = prev.Lease
	}
	w.s.present.Set(present{key: kv.Key, kv: kv})
	w.s.size += kv.size()
	w.changed = true
	if !p.PrevKV {
		prev = nil
	}
	return PutResult{Revision: w.at, Prev: prev}
}

func (w *writer) deleteRange(d *DeleteRange) DeleteResult {
	var found []*KeyValue
	if in := spanOf(d.Key, d.End); !in.one {
		w.s.scanNewest(in, func(kv *KeyValue) bool { found = append(found, kv); return true })
	} else if kv := w.s.newest(d.Key); kv != nil {
		found = append(found, kv)
	}
	var res DeleteResult
	for _, kv := range found {
		w.s.present.Delete(present{key: kv.Key})
		w.retire(kv)
		w.changed = true
		if d.PrevKV {
			res.Prevs = append(res.Prevs, *kv)
		}
	}
	res.Deleted, res.Revision = int64(len(found)), w.head()
	return res
}

// retire moves a version to the past: from w.at on it is not true any more. A
// version of this very command was never true at any revision.
func (w *writer) retire(kv *KeyValue) {
	if kv.ModRevision == w.at {
		w.s.size -= kv.size()
		return
	}
	w.s.past.Set(past{key: kv.Key, mod: kv.ModRevision, until: w.at, kv: kv})
}
