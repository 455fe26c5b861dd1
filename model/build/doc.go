// Build makes the model for the browser: it compiles model/wasm for wasip1 twice,
// as it is and with the rules that can be left out (tag lab), takes out what only
// traces of panics need, packs both with gzip into page/built, and prints what
// they weigh and why. Of the page's scripts and styles it makes smaller ones. It needs Go and nothing else:
//
//	go run ./model/build
//
// What it must never do: change what the model computes. What it takes out are
// names and line numbers; a run that fails in the browser fails with them
// natively, since the same seed and actions are the same run.
//
// Where to start reading: main.go, then shrink.go.
package main
