package main

import (
	"time"

	"github.com/spf13/cobra"
)

// burnCommand keeps one core busy for a while: the load beside which a cluster
// must stay calm. It is for veche bench.
func burnCommand() *cobra.Command {
	var d time.Duration
	cmd := &cobra.Command{
		Use:    "burn",
		Short:  "Keep one core busy for a while",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if d <= 0 || d > burnMax {
				return usagef("--for must be a positive time of at most %v", burnMax)
			}
			burn(time.Now().Add(d))
			return nil
		},
	}
	cmd.Flags().DurationVar(&d, "for", time.Minute, "how long")
	return cmd
}

// burn computes until the given time, and gives what it computed so that no
// compiler leaves it out.
func burn(until time.Time) uint64 {
	x := uint64(1)
	for time.Now().Before(until) {
		for range 1 << 16 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
	}
	return x
}
