package store

const (
	// TxnOpsMax bounds each list of a Txn (compares, then, else). A nested Txn
	// may have as many operations as its parent left unused: this is etcd's
	// default of --max-txn-ops, which clients already live with.
	TxnOpsMax = 128

	// TxnDepthMax bounds how deeply a Txn may be nested; a Txn without an inner
	// one has depth 1. Recursion over input from the wire needs a bound, and no
	// known client goes beyond 2.
	TxnDepthMax = 4

	// recordOverhead is what a version costs in memory beside its key and value
	// bytes: the KeyValue itself, its place in a tree node, allocator rounding.
	recordOverhead = 144

	// rangeGuess is the first capacity of a range result: enough for most lists
	// of members or candidates, and cheap to throw away. A range of the present
	// that outgrows it is counted, and the result gets its exact size.
	rangeGuess = 16

	// rangeReserveMax bounds the capacity reserved from a limit that a client
	// chose, so that a huge limit on a small store costs nothing.
	rangeReserveMax = 1024

	// snapshotPiece is what a snapshot keeps in memory on its way, beside the
	// one version that it is at: a write or read of this size costs a disk or a
	// socket little more than its bytes.
	snapshotPiece = 32 << 10
)
