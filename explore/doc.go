// Package explore walks through every state that a few servers can reach within
// bounds: the real core of package raft, its disk, and the messages on their way,
// breadth first. After every step the promises of the paper's Figure 3 are
// checked, so a bound that was walked to its end holds no breach; and the first
// breach found has the shortest trace.
//
// What makes it fast:
//
//   - A server's step depends on that server alone. So each server's state is
//     kept once, under a number, with a table of what every input makes of it;
//     the core runs once for each pair. A state of the whole is then a dozen
//     numbers, and a step of the whole is a look into a table.
//   - States that differ only in the servers' names are one state (symmetry). The
//     twin of a server under other names is found by running its history with the
//     names changed, so the core need not know of it; that the twin behaves as the
//     names say is checked at every step.
//   - Of two steps at different servers that commute, one order is walked.
//   - Messages that can have no effect any more are dropped at once, and writes
//     are confirmed at once, except in scopes that are about them.
//   - What was seen is kept as 64-bit hashes: with n states the chance that any
//     two share one is below n²/2^65.
//
// Time is abstracted: a step takes none; a server that campaigns has waited until
// its deadline, and a voter that would refuse because it heard its leader a moment
// ago hears the candidate later. Loss needs no step: a message may stay on its way
// for ever.
//
// What it must never do: report a scope as complete that was cut short.
//
// Where to start reading: scope.go, then server.go, then search.go.
package explore
