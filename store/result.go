package store

// A RangeResult answers a Range.
type RangeResult struct {
	Revision Revision   // of the store now, also when the read was of the past
	KVs      []KeyValue // shares memory with the store
	Count    int64      // keys in the range, regardless of limit and filters
	More     bool       // the limit cut KVs short
}

// A PutResult answers a Put.
type PutResult struct {
	Revision Revision
	Prev     *KeyValue // nil unless asked for and existing; shares memory with the store
}

// A DeleteResult answers a DeleteRange.
type DeleteResult struct {
	Revision Revision
	Deleted  int64
	Prevs    []KeyValue // only if asked for; shares memory with the store
}

// A TxnResult answers a Txn.
type TxnResult struct {
	Revision  Revision // 0 in an inner transaction, as in etcd
	Succeeded bool     // the compares held and Then was done
	Responses []Result // one for each Op of the branch that was done
}

// A CompactResult answers a Compact.
type CompactResult struct {
	Revision Revision
}

// A Result answers one Command or one Op. Kind says which field is set; if Err is
// not nil none is, and nothing has changed. The Responses of a Txn have no Err of
// their own: the whole Txn is refused or none of it.
type Result struct {
	Kind    Kind
	Err     error
	Range   RangeResult
	Put     PutResult
	Delete  DeleteResult
	Txn     TxnResult
	Compact CompactResult
}
