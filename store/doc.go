// Package store is the replicated state machine of Veche: keys with revisions,
// as the KV service of etcd v3 defines them.
//
// Every command that changes something makes one new revision of the whole
// store, and the store remembers what each key held at every revision since the
// last compaction:
//
//	revision  command                 a            b
//	       1  (empty store)           -            -
//	       2  put a=x                 x (ver 1)    -
//	       3  txn: put a=y, put b=z   y (ver 2)    z (ver 1)
//	       4  delete a                -            z
//	       5  put a=w                 w (ver 1)    z
//
// The state lives in two ordered trees. The first holds the newest version of
// every key that exists; reads of the present touch nothing else. The second
// holds the past: each version that was overwritten or deleted, with the two
// revisions between which it was true. A read at revision r picks from both the
// versions with mod <= r < until, so a deletion needs no tombstone, and Compact
// simply forgets every version whose until has been reached.
//
// What this package must never do: look at a clock, a disk, a network or
// randomness, take a lock, start a goroutine, or let the order of a map reach its
// output. The same commands in the same order give the same results, the same
// Snapshot bytes and the same Hash on every replica. It imports nothing else of
// this module.
//
// A Store has one owner. Range, ReadTxn, Hash, WriteSnapshot and the plain
// getters may run in parallel with each other; Apply and Clone may not run in
// parallel with anything on the same Store.
//
// What it does not do yet: leases (a Put with one is refused) and watches.
//
// Start reading at store.go, then range.go and txn.go; command.go and snapshot.go
// are the two byte formats.
package store
