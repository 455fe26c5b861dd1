// Package mutants plants faults into a copy of the tree, one at a time, and
// shows that each is found: the exam of the exam.
//
// A fault is a patch, sim/mutants/NAME.patch, with a head that names it and says
// which case, or which public report of another implementation, it is taken from:
//
//	# fault: a vote is told before it is on disk
//	# idea: case 3: term and vote are durable before the reply leaves
//
// and a unified diff of which only the text counts, not the line numbers, so that
// it holds while the tree moves on. Its old lines must stand in the file exactly
// once: a patch that does not fit any more is an error. It can never be on in
// production: it is no code, only text.
//
// The layers that look for it, from cheap to dear: the unit tests of the room
// that is changed, the explorer, the stories, the storms of raft, the simulator.
// A row of the table tells which of them saw the fault, and after how many states
// or seeds; none may survive. What looks like a fault and is none, because nobody
// can see it, is not kept.
//
// What it must never do: change the tree itself, or count a fault as found
// because the copy does not build.
//
// Where to start reading: patch.go, then layers.go; exam/main.go runs inside the
// copy. `make mutants` plants all of them and prints the table; a plain test
// plants a few, and with -turn N (CI gives the day) a part, so that each has its
// turn.
package mutants
