package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"veche/sim"
	"veche/sim/check"
	"veche/sim/mutants"
)

// enough is how many seeds a fault gets that a story has found already.
const enough = 20

func main() {
	seeds := 100
	if len(os.Args) > 1 {
		n, err := strconv.Atoi(os.Args[1])
		if err != nil {
			fmt.Fprintln(os.Stderr, "exam: the argument is the number of seeds")
			os.Exit(2)
		}
		seeds = n
	}
	var v mutants.Verdict
	playAll(&v)
	if v.Killed() {
		seeds = min(seeds, enough)
	}
	runAll(&v, seeds)
	if err := json.NewEncoder(os.Stdout).Encode(v); err != nil {
		os.Exit(1)
	}
}

// playAll plays the stories, and notes the first that fails.
func playAll(v *mutants.Verdict) {
	names, _ := filepath.Glob("stories/*.txt")
	for _, name := range names {
		title := strings.TrimSuffix(filepath.Base(name), ".txt")
		how, differs := play(name)
		if how != "" {
			v.Story, v.StoryHow = title, how
			return
		}
		if differs && v.Told == "" {
			v.Told = title
		}
	}
}

// play plays one story; how is why it failed.
func play(name string) (how string, differs bool) {
	defer func() {
		if r := recover(); r != nil {
			how = fmt.Sprint("panic: ", r)
		}
	}()
	text, err := os.ReadFile(name)
	if err != nil {
		return err.Error(), false
	}
	story, err := sim.ParseStory(string(text))
	if err != nil {
		return err.Error(), false
	}
	told, err := sim.Play(story)
	if err != nil {
		return err.Error(), false
	}
	return "", told != story.Told
}

// runAll runs seeds until one fails.
func runAll(v *mutants.Verdict, seeds int) {
	for seed := 1; seed <= seeds; seed++ {
		v.Ran = seed
		if broken := one(uint64(seed)); broken != "" {
			v.Seeds, v.Invariant = seed, broken
			return
		}
	}
}

func one(seed uint64) (broken string) {
	defer func() {
		if r := recover(); r != nil {
			broken = fmt.Sprint("panic: ", r)
		}
	}()
	if _, _, f := check.Seed(sim.Options{Seed: seed}); f != nil {
		return string(f.Broken.Invariant)
	}
	return ""
}
