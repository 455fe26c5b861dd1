//go:build wasip1

// Command wasm is the model as a browser loads it: a library without a main
// loop, whose exported functions page/web/core.js calls. Nothing blocks, and
// between two calls all of the state is in the linear memory.
//
// What it must never do: ask the host for anything but memory.
//
// Where to start reading: main.go has the calls; model/session.go says what they mean.
package main
