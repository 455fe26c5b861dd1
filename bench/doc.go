// Package bench is a module of its own, so that what it compares Veche with
// stays out of Veche's own dependencies: the real etcdctl and the real etcd.
// Both are built from their modules, which go.mod pins as tools.
//
//	cd bench && go test -v .
//
// The test runs one script of etcdctl commands against every member of a
// cluster of Veche and of a cluster of etcd, and compares what is printed, field
// by field. Another plays a crash of the leader on both, and prints how long it
// takes until a write is acknowledged again. A third, in virtual time, shows
// that a lease read of etcd's raft is stale where Veche's is not.
//
// What it must never do: call two outputs equal by masking what a program could
// act on, or compare clusters that were not run side by side.
//
// Where to start reading: etcdctl_test.go.
package bench
