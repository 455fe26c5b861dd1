// Package wal is one durable log for all groups of a process, and the files of
// their snapshots.
//
// Every write of every core goes to one stream of frames, so that one fdatasync
// makes the writes of many groups durable. What it must never do: report a
// write as durable that a power cut can take back, go on after a failed sync,
// or take a damaged log for a short one.
//
// A data directory holds
//
//	LOCK                                held while a process has the directory
//	identity                            who this is; its boot grows with every Open
//	0000000000000001.wal …              segments, numbered in hexadecimal without a gap
//	<group>-<index>.snap                snapshots of state machines
//	<group>-<index>-<term>.part         a snapshot that is arriving from a peer
//	unfinished                          while Rewrite makes the directory out of another
//	*.tmp                               unfinished work, removed by the next Open
//
// A segment begins with a head frame that repeats the small state of every
// group (hard state, snapshot, cut, last index), so that a segment is needed
// only while it holds an entry that is not cut. Segments are filled with zeros
// before their first use and renamed when they are free, since the first write
// into an unwritten extent costs a journal commit.
//
// How a torn tail is told from bit rot. Every frame says up to where its
// segment was durable when the frame was written, and after every Sync a mark
// that says so is left where the next frame will stand. Its checksums are bound
// to the cluster, the directory, the segment and the position: no stale frame of
// a recycled file ever counts. Recovery stops at the first bad frame, at P. If
// any frame behind it proves that P was durable, the disk has lost what it
// confirmed: Open refuses, naming file, offset and group. If none does, what
// follows P was never confirmed to anyone, and is erased:
//
//	| head | frame | frame | bad at P | frame: durable up to < P |   torn: ends at P
//	| head | frame | bad at P | frame | frame: durable up to > P |   rot: refused
//
// A segment is sealed and synced before the next one is begun, so that damage
// in any segment but the last begun is always rot. What cannot be decided:
// rot in the very last batch before a power cut which also took the mark
// (Log.Proven names the place).
//
// What may be saved from rot. With Options.Salvage a log that would be refused is
// opened with the entries before the damage, if the newest term and vote of every
// group are certain all the same: the head of the last segment tells them, a
// frame tells its group's when they have changed since, and a tally in every
// frame tells whether any were written where something is missing. The server
// then takes no part in decisions until its log is whole again (raft.Damaged).
//
// Where to start reading: log.go, then recover.go for what happens at start and
// salvage.go for what is saved from damage; frame.go and snapshot.go for the
// bytes; memfs.go and memfault.go for the disk of the simulator.
package wal
