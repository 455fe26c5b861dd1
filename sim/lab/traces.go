package lab

import (
	"fmt"
	"hash/fnv"
	"strings"

	"veche/raft"
	"veche/sim"
)

// Traces plays stories and runs seeds, each for so long, and gives a line with the
// digest of all that happened in each. Two builds whose lines are equal did the
// same, byte for byte. It fails if a story cannot be played or a promise breaks.
func Traces(stories map[string]string, names []string, seeds int, run raft.Duration) (string, error) {
	var b strings.Builder
	for _, name := range names {
		s, err := sim.ParseStory(stories[name])
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		told := fnv.New64a()
		p := sim.NewPlayer(s, func(t sim.Told) { fmt.Fprintf(told, "%d %s\n%s\n", t.At, t.Command, t.Text) })
		if err := p.Run(); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		w := p.World()
		fmt.Fprintf(&b, "%s: %d steps, trace %016x, told %016x\n", name, w.Steps(), w.Hash(), told.Sum64())
	}
	for seed := range uint64(seeds) {
		w := sim.New(sim.Options{Seed: seed + 1, Run: run})
		if broken := w.Run(); broken != nil {
			return "", fmt.Errorf("seed %d: %w", seed+1, broken)
		}
		fmt.Fprintf(&b, "seed %d: %d steps, trace %016x\n", seed+1, w.Steps(), w.Hash())
	}
	return b.String(), nil
}
