package mutants

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	root = "../.."
	// promised is how many faults there are at least.
	promised = 45
	// parts is in how many turns all faults are planted, a part at each.
	parts = 8
	// states is how many of each scope the explorer walks.
	states = 200_000
)

// plant is for `make mutants`, which plants all faults, and for whoever writes one.
var (
	plant = flag.String("plant", "", "plant all faults (all), or those whose names have this in them")
	turn  = flag.Int("turn", -1, "plant the part of the faults whose turn it is; any number, CI gives the day")
	first = flag.Bool("first", false, "end with the first layer that finds a fault")
	seeds = flag.Int("seeds", 300, "how many seeds of the simulator a fault may survive that nothing else found")
)

// chosen gives the faults that are to be planted this time, and how hard to look.
func chosen(t *testing.T, all []*Mutant) ([]*Mutant, Effort) {
	part := func(of, which int) (some []*Mutant) {
		for k := which; k < len(all); k += of {
			some = append(some, all[k])
		}
		return some
	}
	quick := Effort{States: states, Seeds: *seeds, First: true}
	switch {
	case *plant == "all":
		return all, Effort{States: states, Seeds: *seeds, More: min(*seeds, 40), First: *first}
	case *plant != "":
		some := slices.DeleteFunc(slices.Clone(all), func(m *Mutant) bool { return !strings.Contains(m.Name, *plant) })
		return some, Effort{States: states, Seeds: *seeds, More: *seeds, First: *first}
	case *turn >= 0:
		t.Logf("the turn of part %d of %d; again with: go test -v ./sim/mutants -args -turn %d", *turn%parts+1, parts, *turn%parts)
		return part(parts, *turn%parts), quick
	case testing.Short():
		return part(len(all), 0), quick
	}
	return part((len(all)+2)/3, 0), quick
}

// TestMutants_AreFound plants faults into copies of the tree and wants some layer
// to find each; and none to find one where there is none. Only with -plant all
// every fault is planted, otherwise a few; but every patch must fit.
func TestMutants_AreFound(t *testing.T) {
	all, err := Load(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < promised {
		t.Fatalf("there are %d planted faults; %d were promised", len(all), promised)
	}
	copies := []string{t.TempDir(), t.TempDir()}[:min(2, runtime.GOMAXPROCS(0))]
	for _, c := range copies {
		if err := Copy(root, c); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range all {
		heal, err := m.plant(copies[0])
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		if err := heal(); err != nil {
			t.Fatal(err)
		}
	}
	some, effort := chosen(t, all)
	var tested []string
	if *plant == "all" {
		tested = []string{"raft", "wal", "host", "store"} // or make test has just run them
	}
	if v, err := Judge(copies[0], tested, Effort{States: 1000, Seeds: 5}); err != nil || v.Killed() {
		t.Fatalf("the tree as it is does not pass: %+v, %v", v, err)
	}
	verdicts := examineAll(t, some, copies, effort)
	t.Logf("%d planted faults:\n%s", len(some), table(some, verdicts))
}

// examineAll shares the mutants among the copies, and complains of survivors.
func examineAll(t *testing.T, some []*Mutant, copies []string, effort Effort) []Verdict {
	verdicts := make([]Verdict, len(some))
	next := make(chan int)
	var all sync.WaitGroup
	for _, c := range copies {
		all.Go(func() {
			for k := range next {
				m := some[k]
				v, err := Examine(m, c, effort)
				verdicts[k] = v
				switch {
				case err != nil:
					t.Errorf("%s: %v", m.Name, err)
				case !v.Killed():
					t.Errorf("%s survives: %s", m.Name, m.Fault)
				default:
					t.Logf("%s: %s", m.Name, strings.Join(v.words(), ", "))
				}
			}
		})
	}
	for k := range some {
		next <- k
	}
	close(next)
	all.Wait()
	return verdicts
}

// words tells what each layer saw.
func (v *Verdict) words() (all []string) {
	for _, layer := range Layers {
		f := v.Find(layer)
		switch {
		case f == nil:
			all = append(all, "-")
		case f.After > 0:
			all = append(all, fmt.Sprintf("%s %d: %s", layer, f.After, f.How))
		default:
			all = append(all, fmt.Sprintf("%s %s", layer, f.How))
		}
	}
	return all
}

// table says of each fault which layers killed it, after how many states or seeds.
func table(some []*Mutant, verdicts []Verdict) string {
	rows := [][]string{{"fault", "killed by", "test", "explorer, after states", "story", "storm, after seeds", "simulator, after seeds"}}
	for k, m := range some {
		v := &verdicts[k]
		row := []string{m.Name, "nobody", "-", "-", "-", "-", "-"}
		if v.Ran > 0 {
			row[len(row)-1] = fmt.Sprintf("not in %d", v.Ran)
		}
		if v.Killed() {
			row[1] = string(v.Finds[0].Layer)
		}
		for at, layer := range Layers {
			if f := v.Find(layer); f != nil && f.After > 0 {
				row[2+at] = fmt.Sprintf("%d %s", f.After, f.How)
			} else if f != nil {
				row[2+at] = f.How
			}
		}
		rows = append(rows, row)
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for at, cell := range row {
			widths[at] = max(widths[at], len(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		line := ""
		for at, cell := range row {
			line += fmt.Sprintf("%-*s  ", widths[at], cell)
		}
		fmt.Fprintln(&b, strings.TrimRight(line, " "))
	}
	return b.String()
}
