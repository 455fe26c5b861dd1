package check

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"veche/raft"
	"veche/sim"
)

// A kept seed is a failure of the past in a file of its own, as small as it could
// be made, so that the tests run it for ever:
//
//	# what broke, and how
//	seed 4711
//	nodes 5
//	seconds 12.5
//	clients 2
//	storm 1.5 9.25
//	fault 17 3.125 full disks
//
// It names its storms and its faults itself, each with its number, its time and
// its class, so that it means the same when seeds draw other plans. All but the
// seed may be missing: then it is as in any other run, and without a storm and a
// fault it has the plan that the seed draws. What follows a # is for people.

// Text is the failure as a file to be kept.
func (f *Failure) Text() string {
	o := &f.Options
	var b strings.Builder
	for line := range strings.Lines(f.Broken.Error()) {
		fmt.Fprintf(&b, "# %s\n", strings.TrimRight(line, "\n"))
	}
	fmt.Fprintf(&b, "seed %d\n", o.Seed)
	if o.Nodes != 0 {
		fmt.Fprintf(&b, "nodes %d\n", o.Nodes)
	}
	if o.Run != 0 {
		fmt.Fprintf(&b, "seconds %s\n", seconds(o.Run))
	}
	if o.Clients != 0 {
		fmt.Fprintf(&b, "clients %d\n", o.Clients)
	}
	for _, s := range f.Plan.Storms {
		fmt.Fprintf(&b, "storm %s %s\n", seconds(raft.Duration(s.From)), seconds(raft.Duration(s.To)))
	}
	for _, p := range f.Plan.Faults {
		if o.Only == nil || slices.Contains(o.Only, p.Number) {
			fmt.Fprintf(&b, "fault %d %s %s\n", p.Number, seconds(raft.Duration(p.At)), p.Class)
		}
	}
	return b.String()
}

// Keep writes the failure into a directory and gives the name of the file.
func (f *Failure) Keep(dir string) (string, error) {
	words := strings.FieldsFunc(strings.ToLower(string(f.Broken.Invariant)), func(r rune) bool { return r < 'a' || r > 'z' })
	name := filepath.Join(dir, strings.Join(words[:min(len(words), 6)], "_")+"_"+strconv.FormatUint(f.Options.Seed, 10)+".txt")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return name, os.WriteFile(name, []byte(f.Text()), 0o644)
}

// Kept reads a file that Keep has written.
func Kept(text string) (sim.Options, error) {
	var o sim.Options
	seeded := false
	for k, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		err := keptLine(&o, words[0], words[1:])
		if err != nil {
			return o, fmt.Errorf("line %d: %w", k+1, err)
		}
		seeded = seeded || words[0] == "seed"
	}
	if !seeded {
		return o, fmt.Errorf("no line names the seed")
	}
	return o, nil
}

// keptLine reads one line of a kept seed.
func keptLine(o *sim.Options, what string, args []string) error {
	if what == "storm" || what == "fault" {
		if o.Plan == nil {
			o.Plan = &sim.Plan{}
		}
		return planLine(o.Plan, what, args)
	}
	if len(args) != 1 {
		return fmt.Errorf("%s takes one number", what)
	}
	var err error
	switch what {
	case "seed":
		o.Seed, err = strconv.ParseUint(args[0], 10, 64)
	case "nodes":
		o.Nodes, err = strconv.Atoi(args[0])
	case "clients":
		o.Clients, err = strconv.Atoi(args[0])
	case "seconds":
		o.Run, err = duration(args[0])
	default:
		return fmt.Errorf("%s is not known; there are seed, nodes, seconds, clients, storm, fault", what)
	}
	return err
}

// planLine reads "storm 1.5 9.25" or "fault 17 3.125 full disks".
func planLine(p *sim.Plan, what string, args []string) error {
	if what == "storm" && len(args) == 2 {
		from, err := duration(args[0])
		if err != nil {
			return err
		}
		to, err := duration(args[1])
		p.Storms = append(p.Storms, sim.Storm{From: raft.Time(from), To: raft.Time(to)})
		return err
	}
	if what == "storm" || len(args) < 3 {
		return fmt.Errorf("write storm 1.5 9.25, or fault 17 3.125 full disks")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 1 {
		return fmt.Errorf("%q is not the number of a fault", args[0])
	}
	at, err := duration(args[1])
	if err != nil {
		return err
	}
	words := strings.Join(args[2:], " ")
	class, ok := sim.ClassNamed(words)
	if !ok {
		return fmt.Errorf("%q is not a class of faults", words)
	}
	p.Faults = append(p.Faults, sim.Fault{Number: n, At: raft.Time(at), Class: class})
	return nil
}

// duration reads seconds, to the nanosecond.
func duration(text string) (raft.Duration, error) {
	s, err := strconv.ParseFloat(text, 64)
	return raft.Duration(math.Round(s * float64(raft.Second))), err
}

// Numbers reads "3,17,22" as numbers of faults; "0" is none at all.
func Numbers(text string) ([]int, error) {
	only := []int{}
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%q is not the number of a fault; write 3,17,22, or 0 for none", word)
		}
		if n > 0 {
			only = append(only, n)
		}
	}
	return only, nil
}
