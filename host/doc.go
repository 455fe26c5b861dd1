// Package host drives cores: it carries out what they ask for.
//
// A Loop owns the groups of one process and is synchronous: its Turn gives the
// cores what arrived and returns what is to be written, sent and applied. The
// simulator calls Turn directly; in a server a Host surrounds one Loop with
// goroutines: the loop itself, one writer of the log, one applier, one saver of
// snapshots, one keeper that reads snapshots for peers and writes down theirs.
//
// To replicate a state machine of your own, see StateMachine, the example below,
// and examples/counters.
//
// The path of a command:
//
//	Host.Propose → inbox → Loop.Turn → Effects.Records → Log ⇒ Persisted
//	                                 → Effects.Send    → Network ⇒ Receive
//	                                 → Effects.Apply   → Applier → Completion → reply
//
// The path of a snapshot, to a member that lacks what the leader has cut: its
// core says Output.Fetch; its Group asks the leader's for one chunk after another
// (fetch.go), which answers what its Keeper has read (serve.go); the receiver's
// Keeper writes them down, checks the whole and makes it durable; the core says
// Output.Restore, and a batch makes the Applier begin again from it.
//
//	Fetch → KindSnapshotFetch → Effects.Snapshots → Keeper ⇒ Kept
//	      ← KindSnapshotChunk ← Effects.Send ←
//	Effects.Snapshots → Keeper ⇒ Kept → InputInstalled → Effects.Apply (Restore)
//
// Every command is stamped by the member that accepts it: (member, boot,
// sequence). While it has no end it is sent again to whoever leads, with the
// same stamp; the session table beside the state machine drops all but the
// first. So a command survives the death of a leader in mid-flight and is
// applied exactly once.
//
// What it must never do: let a request end in two ways, acknowledge a command
// that was not applied, say that a command was refused when a copy of it may
// stand in some log, or read a clock outside clock.go.
//
// Where to start reading: loop.go (one turn), group.go (what waits for what),
// apply.go and session.go (exactly once), then run.go and workers.go (goroutines)
// and clock.go, which with the other files that carry their build tag are left
// out of the browser.
package host
