// Command exam judges the tree that it was built from: it plays all stories until
// one fails, or runs seeds until one fails, and prints a mutants.Find as JSON, or
// null. It is run by package mutants in a copy of the tree with a planted fault;
// the arguments are the layer and the number of seeds.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"veche/sim"
	"veche/sim/check"
	"veche/sim/mutants"
)

func main() {
	f, err := look(os.Args[1:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "exam:", err)
		os.Exit(1)
	}
}

// look lets the layer that the arguments name look for a fault.
func look(args []string) (*mutants.Find, error) {
	if len(args) != 2 {
		return nil, errors.New("give the layer and the number of seeds")
	}
	seeds, err := strconv.Atoi(args[1])
	if err != nil {
		return nil, fmt.Errorf("the number of seeds: %w", err)
	}
	switch mutants.Layer(args[0]) {
	case mutants.Story:
		return playAll()
	case mutants.Simulator:
		return runAll(seeds), nil
	}
	return nil, fmt.Errorf("there is no layer %q here", args[0])
}

// playAll plays the stories, and gives the first that fails.
func playAll() (*mutants.Find, error) {
	names, err := filepath.Glob("stories/*.txt")
	if err != nil || len(names) == 0 {
		return nil, errors.New("there are no stories here")
	}
	for _, name := range names {
		if !holds(name) {
			return &mutants.Find{Layer: mutants.Story, How: strings.TrimSuffix(filepath.Base(name), ".txt")}, nil
		}
	}
	return nil, nil
}

// holds plays one story, and says whether what it expects happens.
func holds(name string) (well bool) {
	defer func() {
		if recover() != nil {
			well = false
		}
	}()
	text, err := os.ReadFile(name)
	if err != nil {
		return false
	}
	story, err := sim.ParseStory(string(text))
	if err != nil {
		return false
	}
	_, err = sim.Play(story)
	return err == nil
}

// runAll runs seeds until one fails.
func runAll(seeds int) *mutants.Find {
	for seed := 1; seed <= seeds; seed++ {
		if _, _, f := check.Seed(sim.Options{Seed: uint64(seed)}); f != nil {
			return &mutants.Find{Layer: mutants.Simulator, After: seed, How: string(f.Broken.Invariant)}
		}
	}
	return nil
}
