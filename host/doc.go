// Package host drives cores: it carries out what they ask for.
//
// A Loop owns the groups of one process and is synchronous: its Turn gives the
// cores what arrived and returns what is to be written, sent and applied. The
// simulator calls Turn directly; in a server a Host surrounds one Loop with
// goroutines: the loop itself, one writer of the log, one applier.
//
// What it must never do: let a request end in two ways, acknowledge a command
// that was not applied, or read a clock outside run.go.
//
// Where to start reading: loop.go (one turn), group.go (what waits for what),
// then run.go (goroutines, clock) which alone is left out of the browser.
package host
