package store

import (
	"bytes"
	"cmp"
)

// ReadTxn serves a transaction that writes nothing, however deep, at the present
// revision. The answer is the one it would get as a replicated command.
// Beside the errors of a replicated one it gives ErrNotReadOnly.
func (s *Store) ReadTxn(t *Txn) (TxnResult, error) {
	if err := t.Check(); err != nil {
		return TxnResult{}, err
	}
	if !t.ReadOnly() {
		return TxnResult{}, ErrNotReadOnly
	}
	return s.runTxn(t)
}

// applyTxn executes a replicated transaction.
func (s *Store) applyTxn(t *Txn) (TxnResult, error) {
	if err := t.Check(); err != nil {
		return TxnResult{}, err
	}
	return s.runTxn(t)
}

// runTxn decides every branch, then admits every operation, both against the
// state before any write, and only then writes: from there nothing can fail, so
// nothing ever has to be undone.
func (s *Store) runTxn(t *Txn) (TxnResult, error) {
	c := s.choose(t)
	if err := s.admit(&c); err != nil {
		return TxnResult{}, err
	}
	w := s.write()
	res := w.execute(&c)
	res.Revision = w.head()
	if w.changed { // a read must not store even the same number: others may be reading
		w.done()
	}
	return res, nil
}

// A choice is a transaction whose branches are decided.
type choice struct {
	succeeded bool
	ops       []Op
	inner     []choice // one for each Op that is a Txn, in order
}

func (s *Store) choose(t *Txn) choice {
	c := choice{succeeded: s.holds(t.Compares), ops: t.Else}
	if c.succeeded {
		c.ops = t.Then
	}
	for i := range c.ops {
		if t := c.ops[i].Txn; t != nil {
			c.inner = append(c.inner, s.choose(t))
		}
	}
	return c
}

// holds reports whether every compare holds now.
func (s *Store) holds(compares []Compare) bool {
	for i := range compares {
		if !s.compare(&compares[i]) {
			return false
		}
	}
	return true
}

func (s *Store) compare(c *Compare) bool {
	found, holds := false, true
	check := func(kv *KeyValue) bool {
		found, holds = true, c.holds(kv)
		return holds
	}
	if in := spanOf(c.Key, c.End); !in.one {
		s.scanNewest(in, check)
	} else if kv := s.newest(c.Key); kv != nil {
		check(kv)
	}
	switch {
	case found:
		return holds
	case c.Target == CompareValue:
		return false // no value is not an empty value
	default:
		return c.holds(&KeyValue{})
	}
}

// holds compares one version.
func (c *Compare) holds(kv *KeyValue) bool {
	order := 0
	switch c.Target {
	case CompareVersion:
		order = cmp.Compare(kv.Version, c.Number)
	case CompareCreate:
		order = cmp.Compare(int64(kv.CreateRevision), c.Number)
	case CompareMod:
		order = cmp.Compare(int64(kv.ModRevision), c.Number)
	case CompareLease:
		order = cmp.Compare(int64(kv.Lease), c.Number)
	case CompareValue:
		order = bytes.Compare(kv.Value, c.Value)
	}
	switch c.Result {
	case CompareEqual:
		return order == 0
	case CompareGreater:
		return order > 0
	case CompareLess:
		return order < 0
	case CompareNotEqual:
		return order != 0
	}
	return true
}

// admit says whether the state allows the chosen operations, in their order.
func (s *Store) admit(c *choice) error {
	inner := c.inner
	for i := range c.ops {
		var err error
		switch o := &c.ops[i]; o.Kind() {
		case KindRange:
			err = s.admitRange(o.Range)
		case KindPut:
			err = s.admitPut(o.Put)
		case KindTxn:
			err = s.admit(&inner[0])
			inner = inner[1:]
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// admitRange checks the revision of a read inside a transaction. Unlike a read of
// its own, it may not ask for a revision below zero: etcd calls that compacted.
func (s *Store) admitRange(r *Range) error {
	switch {
	case r.Revision == 0:
		return nil
	case r.Revision > s.revision:
		return ErrFutureRevision
	case r.Revision < s.compacted:
		return ErrCompacted
	}
	return nil
}

// execute does the chosen operations in order; each sees what those before wrote.
func (w *writer) execute(c *choice) TxnResult {
	res := TxnResult{Succeeded: c.succeeded}
	if len(c.ops) > 0 {
		res.Responses = make([]Result, len(c.ops))
	}
	inner := c.inner
	for i := range c.ops {
		o, r := &c.ops[i], &res.Responses[i]
		r.Kind = o.Kind()
		switch r.Kind {
		case KindRange:
			var err error
			r.Range, err = w.s.rangeAt(o.Range, w.head())
			must(err == nil, "a read inside a transaction failed after it was admitted")
		case KindPut:
			r.Put = w.put(o.Put)
		case KindDeleteRange:
			r.Delete = w.deleteRange(o.DeleteRange)
		case KindTxn:
			r.Txn = w.execute(&inner[0])
			inner = inner[1:]
		}
	}
	return res
}
