// Fuzz is a command for `make fuzz`: it finds every fuzz target of this module
// and runs each for a while, one after another, since the go command fuzzes one
// target at a time.
//
//	go run ./internal/fuzz -time 5s
//
// What it must never do: call a target fine that did not run.
//
// Where to start reading: main.go.
package main
