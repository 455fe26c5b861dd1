// Package scenes holds what the model can play: 28 things that happen to a
// cluster, and their variants. Each is a model.Scene, written as text: settings, a
// script in the commands of stories, and what holds in the end. What the page says
// about them, in each language, is in page/web/scenes, by the same ids.
//
// What it must never do: wait for so many milliseconds where it could wait for
// what is to be seen. A scene that counts time breaks when the core gets faster.
//
// Where to start reading: plot.go says how scenes are written, start.go has the
// shortest ones. scenes_test.go plays them all.
package scenes
