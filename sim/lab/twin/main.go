package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"veche/raft"
	"veche/sim/lab"
)

func main() {
	if err := print(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "twin:", err)
		os.Exit(1)
	}
}

// print takes a directory of stories and a number of seeds.
func print(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("give a directory of stories and a number of seeds")
	}
	seeds, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	names, err := filepath.Glob(filepath.Join(args[0], "*.txt"))
	if err != nil {
		return err
	}
	stories := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		stories[name] = string(text)
	}
	text, err := lab.Traces(stories, names, seeds, 20*raft.Second)
	if err != nil {
		return err
	}
	fmt.Printf("%s%d stories and %d seeds\n", text, len(names), seeds)
	return nil
}
