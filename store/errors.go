package store

import "errors"

// The refusals of etcd's KV service, one sentinel each, so that a server maps
// them one to one to the texts of etcd's rpctypes.
var (
	ErrKeyEmpty          = errors.New("the request names no key")
	ErrKeyNotFound       = errors.New("the key does not exist, or an operation of the transaction is empty")
	ErrValueProvided     = errors.New("the put brings a value although it asks to keep the old one")
	ErrLeaseProvided     = errors.New("the put brings a lease although it asks to keep the old one")
	ErrLeaseNotFound     = errors.New("the lease does not exist")
	ErrTooManyOps        = errors.New("the transaction has too many operations or is nested too deeply")
	ErrDuplicateKey      = errors.New("the transaction writes the same key twice")
	ErrInvalidSortOption = errors.New("the sort order or the sort target is unknown")
	ErrCompacted         = errors.New("the revision has been compacted away")
	ErrFutureRevision    = errors.New("the revision is in the future")
)

// The refusals of this package itself, which no client of etcd knows.
var (
	// ErrMalformed says that bytes given to Decode or Apply are no command.
	ErrMalformed = errors.New("the command is malformed")
	// ErrNotReadOnly says that a Txn given to ReadTxn may write.
	ErrNotReadOnly = errors.New("the transaction writes and cannot be served as a read")
	// ErrSnapshotMalformed says that bytes given to Restore are no snapshot, or
	// one of an unknown format version.
	ErrSnapshotMalformed = errors.New("the snapshot is malformed")
	// ErrSnapshotCorrupt says that the checksum of a snapshot does not match.
	ErrSnapshotCorrupt = errors.New("the snapshot is corrupt: its checksum does not match")
)
