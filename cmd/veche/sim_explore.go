package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"veche/explore"
)

// maxExploreStates is what fits into the memory of a large machine, at 32 bytes
// for each state that was seen.
const maxExploreStates = 2_000_000_000

func simExploreCommand() *cobra.Command {
	var names []string
	states, workers := 20_000_000, 0
	cmd := &cobra.Command{
		Use:   "explore",
		Short: "Walk through every state that a few servers can reach within bounds",
		Long: "Walk through every state that a few servers can reach within the bounds of a scope, breadth first, and check every\n" +
			"promise after every step. A scope that is complete holds no breach; otherwise its frontier says how many states were\n" +
			"not walked on from. A breach is told with the shortest way to it.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if states < 1 || states > maxExploreStates {
				return usagef("--states is %d; it must be from 1 to %d", states, maxExploreStates)
			}
			if workers < 0 {
				return usagef("--workers is %d; it must not be negative", workers)
			}
			scopes := explore.Scopes()
			if len(names) > 0 {
				scopes = scopes[:0]
				for _, name := range names {
					s, ok := explore.Find(name)
					if !ok {
						return usagef("--scope: there is no scope %q; there are: %s", name, scopeNames())
					}
					scopes = append(scopes, s)
				}
			}
			return exploreAll(scopes, states, workers, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringSliceVar(&names, "scope", nil, "only these scopes: "+scopeNames())
	cmd.Flags().IntVar(&states, "states", states, "stop each scope after so many states")
	cmd.Flags().IntVar(&workers, "workers", workers, "walkers at a time (default: one for each processor)")
	return cmd
}

func scopeNames() string {
	var names []string
	for _, s := range explore.Scopes() {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

// exploreAll walks scopes one after the other, and prints what became of each.
func exploreAll(scopes []explore.Scope, states, workers int, out io.Writer) error {
	rows := table{header: []string{"SCOPE", "STATES", "STEPS", "LEFT OUT", "DEPTH", "COMPLETE", "FRONTIER", "SERVER STATES", "SECONDS", "STATES/CPU-S"}, colour: wantsColour(out)}
	total, work := 0, 0.0
	for _, s := range scopes {
		r, err := explore.Run(s, states, workers)
		if err != nil {
			return err
		}
		if r.Broken != "" {
			return &exitError{exitFailed, fmt.Sprintf("scope %s, after %d states: %s\n\n%s", r.Scope, r.States, r.Broken, strings.Join(r.Trace, "\n"))}
		}
		complete := "no"
		if r.Complete {
			complete = "yes"
		}
		n := func(v int) cell { return cell{text: strconv.Itoa(v), right: true} }
		f := func(v float64, digits int) cell {
			return cell{text: strconv.FormatFloat(v, 'f', digits, 64), right: true}
		}
		rows.rows = append(rows.rows, []cell{{text: r.Scope}, n(r.States), n(r.Transitions), n(r.Skipped), n(r.Depth), {text: complete},
			n(r.Frontier), n(r.Locals), f(r.Took.Seconds(), 1), f(r.PerSecond(), 0)})
		total += r.States
		work += r.Work.Seconds()
	}
	fmt.Fprint(out, rows.String())
	fmt.Fprintf(out, "%d states in %.0f processor seconds, no promise broken\n", total, work)
	return nil
}
