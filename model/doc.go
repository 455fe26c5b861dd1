// Package model is a cluster to be looked at: a world of package sim, a scene
// that is played in it, whoever touches it meanwhile, and a picture of all of it
// at any moment. A page in a browser shows it; the same bytes come out natively.
//
// What it must never do: what sim must never do (no clock, no randomness of its
// own, no order of a map in an output), and link what a browser need not load:
// it stays free of fmt, JSON, reflection and logs.
//
// Where to start reading: scene.go says what a scene is, session.go plays one.
// The scenes are in model/scenes; model/wasm is what the browser loads.
package model
