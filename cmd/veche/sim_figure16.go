package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"veche/raft"
	"veche/sim/lab"
)

const figure16Long = `Crash the leader of five servers again and again in virtual time, and measure how
long the others are without one: Figure 16 of the Raft paper (§9.3). As there, a
broadcast takes roughly 15 ms, heartbeats come at half of the smallest election
timeout, all followers have just heard one, the crash comes at any time until the
next, and two of the four that are left have logs too short to win. The time ends
when all others have heard the next leader.

The paper's own rules can be had in a laboratory build alone: make figure16. With
--real, what veche bench election --json has measured stands beside it.`

const (
	maxFigureCrashes = 1_000_000
	maxRealLine      = 16 << 20 // bytes: a million times
)

// figureOptions say what veche sim figure16 does.
type figureOptions struct {
	crashes, workers int
	seed             uint64
	svg, real        string
}

func simFigure16Command() *cobra.Command {
	var o figureOptions
	cmd := &cobra.Command{
		Use:   "figure16",
		Short: "Crash leaders as in Figure 16 of the Raft paper, and show the time without one",
		Long:  figure16Long,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.crashes < 1 || o.crashes > maxFigureCrashes:
				return usagef("--crashes is %d; it must be from 1 to %d", o.crashes, maxFigureCrashes)
			case o.workers < 0:
				return usagef("--workers is %d; it must not be negative", o.workers)
			case o.seed >= 1<<24:
				return usagef("--seed is %d; it must be below %d", o.seed, 1<<24)
			}
			if err := simFigure16(&o, cmd.OutOrStdout(), cmd.ErrOrStderr()); err != nil {
				return &exitError{exitFailed, err.Error()}
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&o.crashes, "crashes", 1000, "crashes for each range; fewer where all timeouts are equal")
	cmd.Flags().Uint64Var(&o.seed, "seed", 1, "of everything random")
	cmd.Flags().StringVar(&o.svg, "svg", "", "draw the distributions into this file")
	cmd.Flags().StringVar(&o.real, "real", "", "add what veche bench election --json has written to this file")
	cmd.Flags().IntVar(&o.workers, "workers", 0, "worlds at a time (default: one for each processor)")
	return cmd
}

func simFigure16(o *figureOptions, out, progress io.Writer) error {
	var measured []lab.Curve
	if o.real != "" { // before the long work
		var err error
		if measured, err = readElections(o.real); err != nil {
			return err
		}
	}
	f := lab.Figure16{Seed: o.seed, Crashes: o.crashes, Workers: o.workers}
	if isTerminal(progress) {
		f.Progress = func(done, of int) { fmt.Fprintf(progress, "\r\033[K%d of %d worlds", done, of) }
		defer fmt.Fprint(progress, "\r\033[K")
	}
	curves, err := f.Run()
	if err != nil {
		return err
	}
	curves = append(curves, measured...)
	io.WriteString(out, figureTable(curves, wantsColour(out)))
	if o.svg == "" {
		return nil
	}
	note := fmt.Sprintf("Five servers, %d crashes for each curve (fewer for 150–150 ms); a broadcast takes roughly 15 ms", o.crashes)
	if len(measured) > 0 {
		note += "; real: processes on one machine, its own network and disk, equal logs"
	}
	if err := os.WriteFile(o.svg, []byte(lab.Plot(curves, note+".")), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(out, "drawn into %s\n", o.svg)
	return nil
}

// figureTable has the modes of each range one below the other.
func figureTable(curves []lab.Curve, colour bool) string {
	t := table{header: []string{"TIMEOUT", "WHO", "CRASHES", "MIN", "MEDIAN", "MEAN", "P99", "MAX", "TERMS", "MOST", "THE PAPER SAYS"}, colour: colour}
	var ranges []lab.Range
	for _, c := range curves {
		if !slices.Contains(ranges, c.Range) {
			ranges = append(ranges, c.Range)
		}
	}
	for _, r := range ranges {
		first := true
		for _, c := range curves {
			if c.Range == r {
				t.rows = append(t.rows, figureRow(&c, first))
				first = false
			}
		}
	}
	return t.String() + figureNotes()
}

func figureRow(c *lab.Curve, first bool) []cell {
	row := []cell{{}, {text: c.Mode.String()}, {text: strconv.Itoa(len(c.Times)), right: true}}
	if first {
		row[0].text = c.Range.String()
	}
	for _, d := range []raft.Duration{c.Quantile(0), c.Quantile(0.5), c.Mean(), c.Quantile(0.99), c.Quantile(1)} {
		row = append(row, cell{text: figureTime(d), right: true})
	}
	if c.Quantile(0) < lab.GiveUp && c.Quantile(1) >= lab.GiveUp {
		row[5].text = "> " + row[5].text // some crashes were given up
	}
	terms, most, says := "", "", ""
	if len(c.Terms) > 0 {
		terms, most = strconv.FormatFloat(c.MeanTerms(), 'f', 2, 64), strconv.Itoa(c.Terms[len(c.Terms)-1])
	}
	if first {
		says = lab.PaperSays(c.Range)
	}
	return append(row, cell{text: terms, right: true}, cell{text: most, right: true}, cell{text: says})
}

// figureTime is in milliseconds.
func figureTime(d raft.Duration) string {
	if d >= lab.GiveUp {
		return "> 100 s"
	}
	return strconv.FormatFloat(float64(d)/float64(raft.Millisecond), 'f', 1, 64)
}

func figureNotes() string {
	notes := `
All times in milliseconds; TERMS, the mean number that a crash cost, and the MOST.
Veche asks who would vote before it raises its term (PreVote). That is a round trip
more, 5 ms here: see MIN. In return a server whose log is too short disturbs nobody,
and one that is refused draws a new timeout at once: see MEDIAN and MAX where
timeouts are much alike. Fast: the others see the dead process's connections close.
`
	if !raft.LabBuild {
		notes += "The paper's own rules stand beside it in a laboratory build: make figure16.\n"
	}
	return notes
}

// readElections reads what veche bench election --json wrote: one line for each
// range.
func readElections(name string) ([]lab.Curve, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var curves []lab.Curve
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxRealLine)
	for n := 1; lines.Scan(); n++ {
		var e electionTimes
		var low, high float64
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", name, n, err)
		}
		if _, err := fmt.Sscanf(e.Range, "%g-%g", &low, &high); err != nil || !(low > 0 && low <= high) || len(e.Ms) == 0 {
			return nil, fmt.Errorf("%s, line %d: it must have a range as 150-300, and times in ms", name, n)
		}
		c := lab.Curve{Mode: lab.Real, Range: lab.Range{Min: inMillis(low), Max: inMillis(high)}}
		if e.Fast {
			c.Mode = lab.RealFast
		}
		for _, ms := range e.Ms {
			if !(ms > 0) {
				return nil, fmt.Errorf("%s, line %d: %g ms is no time without a leader", name, n, ms)
			}
			c.Times = append(c.Times, inMillis(ms))
		}
		slices.Sort(c.Times)
		curves = append(curves, c)
	}
	return curves, lines.Err()
}

func inMillis(ms float64) raft.Duration { return raft.Duration(ms * float64(raft.Millisecond)) }
