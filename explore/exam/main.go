package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"veche/explore"
)

func main() {
	states, names := 200_000, []string(nil)
	if len(os.Args) > 1 {
		n, err := strconv.Atoi(os.Args[1])
		if err != nil || n < 1 {
			fmt.Fprintln(os.Stderr, "exam: the argument is the number of states")
			os.Exit(2)
		}
		states, names = n, os.Args[2:]
	}
	r := explore.Exam(states, names...)
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
