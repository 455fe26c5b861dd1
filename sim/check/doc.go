// Package check runs many seeds of the simulator on all processors, checks the
// histories of their clients for linearizability with porcupine, and adds up
// what was done.
//
// It is apart from sim because it needs goroutines, a clock (to say how fast it
// was) and porcupine, none of which belongs into a world or into a browser.
//
// What it must never do: change what a seed does. One world is one thread; seeds
// share nothing.
//
// Where to start reading: run.go, then linear.go.
package check
