// Veche is the command: it runs a server, shows what a cluster thinks, and
// plays with a cluster of its own.
//
// One file per subcommand: serve.go, status.go, member.go (with member_add.go and
// member_wait.go for newcomers), transfer.go, recover.go, demo.go, bench.go,
// version.go. serve_config.go gathers settings from flags, variables and a file;
// identity.go derives the ids that servers agree on without talking, origin.go
// keeps those that they were given, join.go asks a cluster for them.
// cluster.go runs many real server processes for the demo and the benchmarks,
// proxy.go is the network between them, writer.go the client that remembers
// what it was promised.
//
// What it must never do: report a write as kept that was not read back, leave a
// child process behind, or start a server on a setting it did not understand.
//
// Where to start reading: main.go, then serve.go.
package main
