// Command counters replicates a bank over three processes, with Veche's host,
// wal and transport alone: the smallest program that brings a state machine of
// its own.
//
//	go run ./examples/counters
//
// starts three processes of itself, moves money between accounts through all of
// them, kills the one that leads with kill -9 in the middle, and shows that no
// money was made or lost. It ends within some seconds.
//
// Where to start reading: bank.go is the state machine, node.go what a process
// needs around it; main.go only tells the story.
package main
