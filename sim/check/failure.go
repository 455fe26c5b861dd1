package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"veche/raft"
	"veche/sim"
)

// Failure is a seed that broke a promise.
type Failure struct {
	Options sim.Options // that repeat it
	Step    uint64
	At      raft.Time
	Broken  *sim.Broken
	Plan    sim.Plan // of the seed
	Struck  []int    // the numbers of those that were let strike
	Clients int      // how many the world had
	Tail    []sim.Record
}

// tailLines is how much of the trace a failure shows.
const tailLines = 40

// Error tells the seed, the promise, what happened last, and how to see it again.
func (f *Failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, step %d, %s: %s\n", f.Options.Seed, f.Step, sim.Millis(f.At), f.Broken)
	for _, r := range f.Tail {
		fmt.Fprintf(&b, "  %s\n", r)
	}
	if f.Options.Only != nil {
		fmt.Fprintf(&b, "its faults:\n%s", f.faults("  "))
	}
	fmt.Fprintf(&b, "repeat it with: %s", f.Command())
	return b.String()
}

// Command is what a person types to see the failure again.
func (f *Failure) Command() string {
	o := &f.Options
	if o.Plan != nil {
		return "veche sim run --verbose --kept and the file that it is kept in"
	}
	c := fmt.Sprintf("veche sim run --seed %d --verbose", o.Seed)
	if o.Nodes != 0 && o.Nodes != 5 {
		c += fmt.Sprintf(" --nodes %d", o.Nodes)
	}
	if o.Run != 0 && o.Run != 60*raft.Second {
		c += " --seconds " + seconds(o.Run)
	}
	if o.Clients != 0 {
		c += fmt.Sprintf(" --clients %d", o.Clients)
	}
	if o.Only != nil {
		c += " --only " + numbers(o.Only, ",")
	}
	return c
}

// faults lists those that strike, one to a line.
func (f *Failure) faults(indent string) string {
	var b strings.Builder
	for _, p := range f.Plan.Faults {
		if slices.Contains(f.Options.Only, p.Number) {
			fmt.Fprintf(&b, "%s%d, at %s: %s\n", indent, p.Number, sim.Millis(p.At), p.Class)
		}
	}
	return b.String()
}

// seconds writes a duration so that it reads back to the nanosecond.
func seconds(d raft.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(raft.Second), 'f', -1, 64)
}

// numbers writes "3,17,22"; "0" stands for none at all, since faults count from 1.
func numbers(ns []int, between string) string {
	if len(ns) == 0 {
		return "0"
	}
	words := make([]string, len(ns))
	for i, n := range ns {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, between)
}
