// Package host drives cores: it carries out what they ask for.
//
// A Loop owns the groups of one process and is synchronous: its Turn gives the
// cores what arrived and returns what is to be written, sent and applied. The
// simulator calls Turn directly; in a server a Host surrounds one Loop with
// goroutines: the loop itself, one writer of the log, one applier, one writer of
// snapshots.
//
// The path of a command:
//
//	Host.Propose → inbox → Loop.Turn → Effects.Records → Log ⇒ Persisted
//	                                 → Effects.Send    → Network ⇒ Receive
//	                                 → Effects.Apply   → Applier → Completion → reply
//
// Every command is stamped by the member that accepts it: (member, boot,
// sequence). While it has no end it is sent again to whoever leads, with the
// same stamp; the session table beside the state machine drops all but the
// first. So a command survives the death of a leader in mid-flight and is
// applied exactly once.
//
// What it must never do: let a request end in two ways, acknowledge a command
// that was not applied, say that a command was refused when a copy of it may
// stand in some log, or read a clock outside run.go.
//
// Where to start reading: loop.go (one turn), group.go (what waits for what),
// apply.go and session.go (exactly once), then run.go (goroutines, clock) which
// with the other files that carry its build tag is left out of the browser.
package host
