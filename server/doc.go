// Package server is the edge that meets clients: the etcd v3 API over gRPC, the
// same as JSON over HTTP, and pages, metrics and health for people.
//
// One client port carries both kinds: split.go looks at the first bytes of a
// connection and hands it to gRPC or to net/http. A second listener carries
// what people and machines watch: metrics, the leader check, the status, the
// live list of events, and the dashboard of the whole cluster.
//
// What it must never do: answer a linearizable read from local memory, say that
// a write succeeded before it was applied, let a request hang beyond its
// deadline, use an error text of its own where etcd has one, trust a Host
// header, or let one client's connections keep another client out.
//
// Where to start reading: server.go (what listens and how it ends), kv.go (one
// request, from the check to the reply), guard.go (what is refused before it
// costs anything), failure.go (which error a client is told), then split.go,
// pages.go and journal.go. change.go takes changes of the membership on any
// member, judge.go says what is wrong with them, relay.go passes them on to the
// leader. look.go tells what can be seen of this member, watch.go looks at all of
// them for the dashboard. machine.go is the seam between store and host.
package server
