// Package lab makes experiments in worlds of package sim: the same thing many
// times, measured. Figure 16 of the Raft paper is one, faults of links another.
//
// In a build with the tag lab some rules of the core can be left out, so that a
// table shows what they are good for; otherwise every core is as it serves.
//
// What it must never do: give another result for the same seed, however many
// worlds run at a time.
//
// Where to start reading: links.go and figure16.go.
package lab
