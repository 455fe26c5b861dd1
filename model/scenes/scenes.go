package scenes

import (
	"slices"

	"veche/model"
)

// All gives every scene in the order in which they are offered. A variant follows
// the scene that it varies.
func All() []model.Scene {
	return slices.Concat(
		start(), crash(), split(), election(), logs(),
		partial(), members(), snapshots(), lost(), disks(), slow(), handovers(),
		duplicates(), reads(), restarts(), challenge(),
		lab(),
	)
}

// eyes are the settings of most scenes: a message takes long enough to be watched,
// and election timeouts are those of the paper.
func eyes(more ...string) []string {
	return slices.Concat([]string{"election 150ms 300ms", "heartbeat 50ms", "wire 10ms 15ms"}, more)
}

// elected starts all servers and waits until the first of them leads and all logs
// are equal: what most scenes begin with.
func elected(more ...model.Step) []model.Step {
	return slices.Concat([]model.Step{
		model.Do("draw S1 160ms"), model.Do("start"),
		model.Until("leader S1"), model.Until("same logs"),
	}, more)
}
