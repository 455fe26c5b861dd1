package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"
)

// target is one fuzz function.
type target struct {
	dir, name string
}

// outcome is what its run showed.
type outcome struct {
	target
	execs, found string // as the go command printed them last
	took         time.Duration
	err          error
	out          []byte
}

func main() {
	per := flag.Duration("time", 5*time.Second, "how long each target runs")
	only := flag.String("run", "", "only targets whose name matches this pattern")
	flag.Parse()
	if err := run(*per, *only); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

// run fuzzes every target and prints the table. The error says what was found.
func run(per time.Duration, only string) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	targets, err := find()
	if err != nil {
		return err
	}
	var outcomes []outcome
	for _, t := range targets {
		if pattern.MatchString(t.name) {
			fmt.Fprintf(os.Stderr, "%s %s …\n", t.dir, t.name)
			outcomes = append(outcomes, fuzz(t, per))
		}
	}
	if len(outcomes) == 0 {
		return fmt.Errorf("no fuzz target matches; there are %d", len(targets))
	}
	failed := 0
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "package\ttarget\texecs\tnew interesting\tseconds\tok")
	for _, o := range outcomes {
		ok := "yes"
		if o.err != nil {
			ok = "NO"
			failed++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.1f\t%s\n", o.dir, o.name, o.execs, o.found, o.took.Seconds(), ok)
	}
	w.Flush()
	for _, o := range outcomes {
		if o.err != nil {
			fmt.Printf("\n%s %s: %v\n%s", o.dir, o.name, o.err, o.out)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d targets failed; the inputs are in their testdata: add them with the repair", failed, len(outcomes))
	}
	return nil
}

// list is one line of go list: a folder, and whether it has tests.
const list = `{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{"\t"}}{{.ImportPath}}{{end}}`

// find asks the go command for the fuzz functions of all packages.
func find() ([]target, error) {
	out, err := exec.Command("go", "list", "-f", list, "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("list the packages: %w", explain(err))
	}
	var targets []target
	for line := range strings.Lines(string(out)) {
		dir, _, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok {
			continue
		}
		names, err := exec.Command("go", "test", "-list", "^Fuzz", dir).Output()
		if err != nil {
			return nil, fmt.Errorf("list the fuzz targets of %s: %w", dir, explain(err))
		}
		for name := range strings.Lines(string(names)) {
			if name = strings.TrimSpace(name); strings.HasPrefix(name, "Fuzz") {
				targets = append(targets, target{relative(dir), name})
			}
		}
	}
	return targets, nil
}

// relative shortens a folder to its path from here.
func relative(dir string) string {
	if here, err := os.Getwd(); err == nil {
		if rest, ok := strings.CutPrefix(dir, here+string(os.PathSeparator)); ok {
			return "./" + rest
		}
	}
	return dir
}

// explain adds what a command wrote to its error.
func explain(err error) error {
	if e, ok := err.(*exec.ExitError); ok {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(e.Stderr))
	}
	return err
}

var progress = regexp.MustCompile(`execs: (\d+).*new interesting: (\d+)`)

// fuzz runs one target. A run that reports no execution has not run.
func fuzz(t target, per time.Duration) outcome {
	o := outcome{target: t, execs: "0", found: "0"}
	begin := time.Now()
	cmd := exec.Command("go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", per.String(), "-fuzzminimizetime", "200x", t.dir)
	o.out, o.err = cmd.CombinedOutput()
	o.took = time.Since(begin)
	if o.err != nil && bytes.Contains(o.out, []byte("context deadline exceeded")) && !bytes.Contains(o.out, []byte("Failing input")) {
		// The go command calls it a failure when the time runs out in the middle of
		// an input; a crash or a hang leaves the input behind.
		o.err = nil
	}
	for s := bufio.NewScanner(bytes.NewReader(o.out)); s.Scan(); {
		if m := progress.FindStringSubmatch(s.Text()); m != nil {
			o.execs, o.found = m[1], m[2]
		}
	}
	if o.err == nil && o.execs == "0" {
		o.err = fmt.Errorf("the go command reported no execution")
	}
	return o
}
