// Package wal is one durable log for all groups of a process, and the files of
// their snapshots.
//
// Every write of every core goes to one stream of frames, so that one fdatasync
// makes the writes of many groups durable. What it must never do: report a
// write as durable that a power cut can take back, go on after a failed sync,
// or take a damaged log for a short one.
//
// Where to start reading: log.go, then recover.go for what happens at start.
package wal
