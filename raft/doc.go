// Package raft is the algorithm: inputs in, outputs out.
//
// A Core is one replica of one group. It has no clock, no disk, no network, no
// lock and no goroutine; it is told what happened through Step and answers
// what should be done. The same Core runs in a server, in the simulator and in
// the browser, and given the same inputs it gives the same outputs, bit for bit.
//
// What it must never do: block, panic, read a clock, draw randomness that was
// not seeded, or let the order of a map reach an output.
//
// Where to start reading: core.go holds the state of Figure 2 of the Raft paper
// and Step, the dispatcher. Then the files follow the paper's table of contents:
// election.go (§5.2, §5.4.1), replication.go (§5.3, §5.4.2), membership.go (§6),
// read.go (thesis §6.4), transfer.go (thesis §3.10), durable.go (thesis §3.8),
// admission.go (who may take part after its disk came up empty) and
// invariant.go (Figure 3).
//
// "The paper" is Ongaro and Ousterhout, In Search of an Understandable Consensus
// Algorithm (extended version, 2014); "the thesis" is Ongaro's, 2014.
package raft
