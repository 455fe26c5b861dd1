package scenes

import "veche/model"

// All gives every scene in the order in which they are offered. A variant follows
// the scene that it varies.
func All() []model.Scene {
	var all []model.Scene
	for _, plots := range [...][]plot{
		start, crash, split, election, logs,
		partial, members, snapshots, lost, disks, slow, handovers,
		duplicates, reads, restarts, challenge,
		lab,
	} {
		for k := range plots {
			all = append(all, plots[k].scene())
		}
	}
	return all
}

// eyes are the settings of most scenes: a message takes long enough to be watched,
// and election timeouts are those of the paper.
const eyes = "election 150ms 300ms; heartbeat 50ms; wire 10ms 15ms"

// elected starts all servers and waits until the first of them leads and all logs
// are equal: what most scenes begin with. Its timeout is shorter than any that
// another draws, whatever the seed.
const elected = "draw S1 100ms; start; until leader S1; until same logs\n"
