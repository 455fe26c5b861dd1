package scenes

import "veche/model"

// All gives every scene in the order in which they are offered. A variant follows
// the scene that it varies.
func All() []model.Scene {
	groups := [...][]plot{
		start, crash, split, election, logs,
		partial, members, snapshots, lost, disks, slow, handovers,
		duplicates, reads, restarts, challenge,
		lab,
	}
	n := 0
	for _, plots := range groups {
		n += len(plots)
	}
	all := make([]model.Scene, 0, n)
	for _, plots := range groups {
		for k := range plots {
			all = append(all, plots[k].scene())
		}
	}
	return all
}

// eyes are the settings of most scenes: a message takes long enough to be watched,
// and election timeouts are those of the paper. Nobody is told that a process died:
// those who are compete within milliseconds, which is less than a message takes
// here, and whoever kills a leader by hand would see one split vote after another.
const eyes = "election 150ms 300ms; heartbeat 50ms; wire 10ms 15ms; fast off"

// elected starts all servers and lets the first of them stand before anybody else
// would, whatever is drawn; then it leads, and all logs are equal. Most scenes begin
// so.
const elected = "start; until admitted S1; timeout S1; until leader S1; until same logs\n"
