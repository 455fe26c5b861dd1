package store

// A Revision numbers the states of the whole store. The empty store is at 1, and
// each command that changes something makes the next one.
type Revision int64

// A Lease names a lease; 0 is no lease.
type Lease int64

// A KeyValue is one version of a key. Those that the store hands out share memory
// with it and must not be modified.
type KeyValue struct {
	Key            []byte
	Value          []byte   // nil when empty
	CreateRevision Revision // of the put that made the key exist
	ModRevision    Revision // of the put that made this version
	Version        int64    // puts since the key came to exist, this one included
	Lease          Lease
}

// size is the approximate memory that the version takes, in bytes.
func (kv *KeyValue) size() int64 {
	return int64(len(kv.Key)) + int64(len(kv.Value)) + recordOverhead
}
