package model

import (
	"veche/raft"
	"veche/sim"
)

// Scene is something that happens to a cluster, told in beats. Its words, in
// each language, are in page/web/scenes, by the ids that stand here.
type Scene struct {
	ID       string   // "two-masters": its name in links, and in its texts
	Of       string   // the scene that it varies, by ID; empty: it stands for itself
	Settings []string // commands of stories that say how the world is: "nodes 5"
	Steps    []Step

	// Ends are conditions, as stories have them, that hold at the end.
	Ends []string
	// Breaks is the promise that is broken in the end; empty: none may be.
	Breaks sim.Invariant
	// Without names the rules that are left out; they need a build with the tag
	// lab. Empty: it is played by the rules.
	Without []string

	Tries []Try

	// Beside names scenes that a page shows side by side, at the same times; this
	// one tells the beats. Empty: it is shown by itself.
	Beside []string
}

// Step is one line of a scene's script. The zero value of a field means that it
// does not take part; exactly one of Do, Until, Wait, At and Beat is set.
type Step struct {
	Do     string        // a command of stories: "put x 1 @S1"
	Until  string        // the script goes on when this condition holds
	Within raft.Duration // with Until: or else the scene has failed
	Wait   raft.Duration // simulated time that passes
	At     raft.Duration // the script goes on at this time, or at once if it is later
	Beat   string        // a place to stop and explain, named as in the texts
	Look   []Panel       // with Beat: where to look
}

// Panel is a part of the page.
type Panel string

// The panels.
const (
	Cluster Panel = "cluster"
	Logs    Panel = "logs"
	Figure4 Panel = "figure4"
	Figure5 Panel = "figure5"
	Clients Panel = "clients"
)

// Try is something that a reader may do at a beat: "what if …". It makes a branch.
type Try struct {
	ID   string   // of its words
	Beat string   // where it is offered
	Do   []string // commands
}

// withinMax is how long a scene waits for a condition unless it says otherwise.
const withinMax = 10 * raft.Second

// Do is a step that carries out a command.
func Do(command string) Step { return Step{Do: command} }

// Until is a step that waits for a condition, for ten simulated seconds at most.
func Until(condition string) Step { return Step{Until: condition, Within: withinMax} }

// Wait is a step that lets simulated time pass.
func Wait(d raft.Duration) Step { return Step{Wait: d} }

// At is a step that waits for a time since the run began.
func At(d raft.Duration) Step { return Step{At: d} }

// Beat is a place to stop and explain, and where to look meanwhile.
func Beat(id string, look ...Panel) Step { return Step{Beat: id, Look: look} }
