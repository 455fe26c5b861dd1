// Package sim is a world in one thread: a cluster, its network, its disks, its
// clients and everything that can go wrong with them, in virtual time.
//
// A node of it is the real thing: host.Loop with its raft.Core, wal.Log on a
// disk in memory, store.Store, and every message encoded and decoded. World does
// what the goroutines of a server do, in an order that a seed decides. A witness
// watches Figure 3's promises after every step, and more: what was acknowledged
// is on disk, a vote is given once, a command is applied once.
//
// What goes wrong is planned before a seed begins (plan.go): storms, and in them
// faults of links, processes, clocks, disks and of the membership, each a line
// with a number and a stream of its own. So a failing seed can be made smaller by
// leaving lines out. At most as many disks are lost or damaged at a time as the
// others can do without; then everything must recover. A server may also end at a
// named point (points.go), found from outside by what it wants done.
//
// A Story is a scenario in plain text that is played in such a world and tells
// what happened, and why.
//
// What it must never do: read a clock, draw randomness that the seed did not
// give, start a goroutine, or let the order of a map reach an output: the same
// Options give the same World.Hash on every machine.
//
// Where to start reading: world.go (events), carry.go (what a server's goroutines
// do), plan.go and storm.go (what goes wrong), witness.go (what must hold), then
// settle.go (what must come right in the end); story.go and player.go.
//
// Linearizability of the clients' histories is checked by package sim/check,
// which needs goroutines and porcupine and runs many seeds at once. It is a
// package of its own so that a browser need not link it. sim/mutants plants
// faults into the tree and shows that seeds and stories see them.
package sim
