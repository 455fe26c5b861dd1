package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"

	"veche/raft"
	"veche/sim"
	"veche/sim/check"
)

// The bounds of a simulation from the command line: beyond them a number is a
// slip of the finger.
const (
	maxSimSeeds   = 100_000_000
	maxSimNodes   = 9
	maxSimSeconds = 86_400
	maxSimClients = 16

	simShrinkWorlds = 400 // some tens of seconds
)

func simCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Run the real cluster in virtual time, with a hostile network and hostile disks",
	}
	cmd.AddCommand(simRunCommand(), simPlayCommand(), simLinksCommand(), simFigure16Command(), simExploreCommand())
	return cmd
}

// simOptions say what veche sim run runs.
type simOptions struct {
	first   uint64
	seed    uint64
	seeds   int
	nodes   int
	seconds float64
	workers int
	clients int
	only    string
	without []string
	keep    string
	full    bool
	kept    string
	verbose bool
}

func simRunCommand() *cobra.Command {
	var o simOptions
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run seeds, and check every promise after every step",
		Long: "Run seeds: each is a cluster with clients in a world of its own, where messages are lost, delayed and doubled,\n" +
			"links are cut, processes die, machines lose power and disks are slow. Every promise of the protocol is checked after\n" +
			"every step, and the histories of the clients for linearizability. A seed that fails is repeated exactly by --seed, and\n" +
			"made as small as it can be: the faults that do not matter are left out, then clients and servers.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.seeds < 1 || o.seeds > maxSimSeeds:
				return usagef("--seeds is %d; it must be from 1 to %d", o.seeds, maxSimSeeds)
			case o.nodes < 1 || o.nodes > maxSimNodes:
				return usagef("--nodes is %d; it must be from 1 to %d", o.nodes, maxSimNodes)
			case !(o.seconds > 0 && o.seconds <= maxSimSeconds):
				return usagef("--seconds is %g; it must be above 0 and at most %d", o.seconds, maxSimSeconds)
			case o.workers < 0:
				return usagef("--workers is %d; it must not be negative", o.workers)
			case o.verbose && !cmd.Flags().Changed("seed") && o.kept == "":
				return usagef("--verbose shows one seed; name it with --seed or --kept")
			case o.clients < 0 || o.clients > maxSimClients:
				return usagef("--clients is %d; it must be from 1 to %d", o.clients, maxSimClients)
			case (o.only != "" || o.clients != 0) && !cmd.Flags().Changed("seed"):
				return usagef("--only and --clients make one seed smaller; name it with --seed")
			}
			if cmd.Flags().Changed("seed") || o.kept != "" {
				return simOne(&o, cmd.OutOrStdout())
			}
			return simMany(&o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().IntVar(&o.seeds, "seeds", 200, "how many seeds")
	cmd.Flags().Uint64Var(&o.first, "first", 1, "the first of them")
	cmd.Flags().Uint64Var(&o.seed, "seed", 0, "run only this seed")
	cmd.Flags().BoolVar(&o.verbose, "verbose", false, "print everything that happens in the seed")
	cmd.Flags().IntVar(&o.nodes, "nodes", 5, "how many servers")
	cmd.Flags().Float64Var(&o.seconds, "seconds", 60, "simulated seconds of faults and load for each seed")
	cmd.Flags().StringVar(&o.only, "only", "", "of the faults of the seed, let strike only those with these numbers: 3,17,22 (0: none)")
	cmd.Flags().StringSliceVar(&o.without, "without", nil, "classes of faults that do not strike, as the table names them: \"partitions,full disks\"")
	cmd.Flags().IntVar(&o.clients, "clients", 0, "how many clients (default: as the seed draws)")
	cmd.Flags().BoolVar(&o.full, "full", false, "fail as well if the seeds did too little: every fault, every named point, 20 operations a second …")
	cmd.Flags().StringVar(&o.keep, "keep", "", "a directory where a seed that fails is kept in a file")
	cmd.Flags().StringVar(&o.kept, "kept", "", "run the seed that was kept in this file")
	cmd.Flags().IntVar(&o.workers, "workers", 0, "worlds at a time (default: one for each processor)")
	return cmd
}

func (o *simOptions) duration() raft.Duration { return raft.Duration(o.seconds * float64(raft.Second)) }

// classes are those that are not to strike.
func (o *simOptions) classes() ([]sim.Class, error) {
	var all []sim.Class
	for _, words := range o.without {
		c, ok := sim.ClassNamed(words)
		if !ok {
			return nil, usagef("--without: there is no class of faults %q", words)
		}
		all = append(all, c)
	}
	return all, nil
}

// simOne runs one seed and, if asked, prints its trace.
func simOne(o *simOptions, out io.Writer) error {
	var watch func(*sim.Record)
	if o.verbose {
		watch = func(r *sim.Record) { fmt.Fprintln(out, r.String()) }
	}
	without, err := o.classes()
	if err != nil {
		return err
	}
	opt := sim.Options{Seed: o.seed, Nodes: o.nodes, Run: o.duration(), Clients: o.clients, Without: without}
	if o.kept != "" {
		text, err := os.ReadFile(o.kept)
		if err == nil {
			opt, err = check.Kept(string(text))
		}
		if err != nil {
			return usagef("%s: %v", o.kept, err)
		}
	}
	opt.Watch = watch
	if o.only != "" {
		only, err := check.Numbers(o.only)
		if err != nil {
			return usagef("--only: %v", err)
		}
		opt.Only = only
	}
	start := time.Now()
	totals, hash, failure := check.Seed(opt)
	if failure != nil {
		return &exitError{exitFailed, failure.Error()}
	}
	totals.Took = time.Since(start)
	totals.Processor = totals.Took // one world is one thread
	fmt.Fprint(out, simTable(&totals, wantsColour(out)))
	fmt.Fprintf(out, "seed %d holds; the hash of its trace is %016x\n", opt.Seed, hash)
	return nil
}

// simMany runs seeds on all processors.
func simMany(o *simOptions, out, progress io.Writer) error {
	without, err := o.classes()
	if err != nil {
		return err
	}
	live := isTerminal(progress)
	var shown time.Time
	totals, failure := check.Run(check.Options{First: o.first, Seeds: o.seeds, Nodes: o.nodes, Run: o.duration(), Workers: o.workers, Repeat: 50, Without: without,
		Progress: func(t check.Totals) {
			if !live || time.Since(shown) < 200*time.Millisecond {
				return
			}
			shown = time.Now()
			fmt.Fprintf(progress, "\r\033[K%d of %d seeds, %.1f seeds/s, %d faults, %d operations checked", t.Seeds, o.seeds, t.SeedsPerSecond(), t.Struck(), t.Checked)
		}})
	if live {
		fmt.Fprint(progress, "\r\033[K")
	}
	fmt.Fprint(out, simTable(&totals, wantsColour(out)))
	if failure != nil {
		return &exitError{exitFailed, simFailure(failure, o.keep, progress)}
	}
	fmt.Fprintf(out, "%d seeds, no promise broken\n", totals.Seeds)
	if wants := totals.Wants(); o.full && len(wants) > 0 {
		return &exitError{exitFailed, "the seeds did too little: " + strings.Join(wants, "; ")}
	}
	return nil
}

// simFailure makes a failing seed smaller, keeps it if asked, and tells of it.
func simFailure(failure *check.Failure, keep string, progress io.Writer) string {
	fmt.Fprintf(progress, "seed %d fails: %s\nmaking it smaller …\n", failure.Options.Seed, failure.Broken)
	failure = check.Shrink(failure, simShrinkWorlds)
	if keep == "" {
		return failure.Error()
	}
	name, err := failure.Keep(keep)
	if err != nil {
		return failure.Error() + "\nit could not be kept: " + err.Error()
	}
	return failure.Error() + "\nit is kept in " + name
}

// simTable is the closing table of a run.
func simTable(t *check.Totals, colour bool) string {
	rows := table{header: []string{"WHAT", "HOW MUCH"}, colour: colour}
	add := func(what, much string) {
		rows.rows = append(rows.rows, []cell{{text: what}, {text: much, right: true}})
	}
	n := func(v uint64) string { return strconv.FormatUint(v, 10) }
	add("seeds", strconv.Itoa(t.Seeds))
	add("seeds run twice, same hash", strconv.Itoa(t.Repeated))
	add("simulated hours", strconv.FormatFloat(float64(t.Simulated)/float64(3600*raft.Second), 'f', 2, 64))
	add("events", n(t.Events))
	add("messages", n(t.Messages))
	add("terms with a leader", n(t.Elections))
	add("entries committed", n(t.Committed))
	add("operations done", n(t.Done))
	add("operations refused", n(t.Refused))
	add("operations of unknown outcome", n(t.Unknown))
	add("changes of the membership done", n(t.Changed))
	add("reads upon a lease", n(t.Leased))
	add("reads whose lease ended too soon", n(t.Expired))
	add("operations checked for linearizability", strconv.Itoa(t.Checked))
	add("histories checked for linearizability", strconv.Itoa(t.Keys))
	for c, k := range t.Faults {
		add("fault: "+sim.Class(c).String(), n(k))
	}
	for p, k := range t.Ends {
		add("ended at: "+sim.PointName(p), n(k))
	}
	f := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	add("operations in a simulated second", f(t.OperationsPerSecond()))
	add("faults in a simulated minute, by chance apart", f(t.FaultsPerMinute()))
	add("simulated hours in a processor's minute", f(t.HoursPerProcessorMinute()))
	add("events in a processor's second", f(t.EventsPerProcessorSecond()))
	add("seeds per second", f(t.SeedsPerSecond()))
	return rows.String()
}

func simPlayCommand() *cobra.Command {
	var speed float64
	cmd := &cobra.Command{
		Use:   "play STORY...",
		Short: "Play stories and tell what happens, and why",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if speed < 0 {
				return usagef("--speed is %g; it must not be negative", speed)
			}
			for _, name := range args {
				if err := playStory(name, speed, cmd.OutOrStdout()); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().Float64Var(&speed, "speed", 0, "simulated seconds for each real one; 0 does not wait")
	return cmd
}

// playStory prints a story as it happens.
func playStory(name string, speed float64, out io.Writer) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return &exitError{exitFailed, err.Error()}
	}
	story, err := sim.ParseStory(string(text))
	if err != nil {
		return &exitError{exitFailed, name + ": " + err.Error()}
	}
	var title, prose, command lipgloss.Style
	if wantsColour(out) {
		title = lipgloss.NewStyle().Bold(true)
		prose = lipgloss.NewStyle().Italic(true)
		command = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("6"))
	}
	fmt.Fprintf(out, "%s\n\n", title.Render(story.Title))
	told := raft.Time(0)
	err = sim.NewPlayer(story, func(t sim.Told) {
		if speed > 0 && t.At > told {
			time.Sleep(time.Duration(float64(t.At-told) / speed))
		}
		told = max(told, t.At)
		switch {
		case t.Prose != "":
			fmt.Fprintf(out, "\n%s\n\n", prose.Render(t.Prose))
		case t.Command != "":
			fmt.Fprintf(out, "%s\n", command.Render("> "+t.Command))
		default:
			fmt.Fprintln(out, t.Text)
		}
	}).Run()
	fmt.Fprintln(out)
	if err != nil {
		return &exitError{exitFailed, name + ": " + err.Error()}
	}
	return nil
}
