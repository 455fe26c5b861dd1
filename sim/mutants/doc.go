// Package mutants plants faults into a copy of the tree, one at a time, and
// shows that the stories and the seeds of the simulator find each: the exam of
// the exam.
//
// A fault is a patch, sim/mutants/NAME.patch, with a head that names it:
//
//	# fault: a vote leaves before it is on disk
//	# idea: cases 3 and 4 of the design's list
//
// and a unified diff of which only the text counts, not the line numbers, so that
// it holds while the tree moves on. It can never be on in production: it is no
// code, only text.
//
// What it must never do: change the tree itself, or count a fault as found
// because the copy does not build.
//
// Where to start reading: mutants.go, then exam/main.go, which runs inside the
// copy. `make mutants` plants all of them and prints the table.
package mutants
