package mutants

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const (
	root = "../.."
	// seedsMax is how many seeds a fault may survive.
	seedsMax = 300
)

// plant is for `make mutants`, which plants all faults, and for whoever writes one.
var plant = flag.String("plant", "", "plant all faults (all), or the one of that name")

// TestMutants_AreFound plants faults into a copy of the tree and wants a story or
// a seed to fail; and nothing to fail without a fault. Only with -plant all
// every fault is planted, otherwise a few, but every patch must fit.
func TestMutants_AreFound(t *testing.T) {
	all, err := Load(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 12 {
		t.Fatalf("there are %d planted faults; at least 12 were promised", len(all))
	}
	copied := t.TempDir()
	if err := Copy(root, copied); err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		heal, err := m.plant(copied)
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		if err := heal(); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := Examine(nil, copied, 5); err != nil || v.Killed() {
		t.Fatalf("the tree as it is does not pass: %+v, %v", v, err)
	}
	switch {
	case *plant == "all":
	case *plant != "":
		all = slices.DeleteFunc(all, func(m *Mutant) bool { return m.Name != *plant })
	case testing.Short():
		all = all[:1]
	default:
		all = slices.Collect(func(yield func(*Mutant) bool) {
			for k := 0; k < len(all); k += 8 {
				yield(all[k])
			}
		})
	}
	var table strings.Builder
	for _, m := range all {
		v, err := Examine(m, copied, seedsMax)
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		if !v.Killed() {
			t.Errorf("%s is not found: %s", m.Name, m.Fault)
		}
		t.Log(row(m, &v)) // progress
		fmt.Fprintln(&table, row(m, &v))
	}
	t.Logf("%d planted faults:\n%s", len(all), table.String())
}

// row is a line of the table.
func row(m *Mutant, v *Verdict) string {
	story, seeds := "-", fmt.Sprintf("not in %d seeds", v.Ran)
	if v.Story != "" {
		story = "story " + v.Story
	}
	if v.Seeds > 0 {
		seeds = fmt.Sprintf("seed %d: %s", v.Seeds, v.Invariant)
	}
	return fmt.Sprintf("%-26s %-46s %-50s %s", m.Name, story, seeds, m.Fault)
}

// TestParse_RefusesWhatIsNoPatch gives patches that are wrong in one way each.
func TestParse_RefusesWhatIsNoPatch(t *testing.T) {
	const head = "# fault: f\n# idea: i\n"
	for _, c := range []struct{ name, text, want string }{
		{"no head", "--- a/x\n+++ b/x\n@@\n-a\n+b\n", "must begin"},
		{"no change", head, "changes nothing"},
		{"hunk without a file", head + "@@\n-a\n", "before its file"},
		{"line of another kind", head + "+++ b/x\n@@\n!a\n", "neither"},
	} {
		if _, err := Parse("m", c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestFilePatch_AppliesByTextAlone moves a patch's place in the file, and wants
// it to fit there, but not where its lines stand twice or not at all.
func TestFilePatch_AppliesByTextAlone(t *testing.T) {
	m, err := Parse("m", "# fault: f\n# idea: i\n--- a/x\n+++ b/x\n@@ -7,2 +7,2 @@\n one\n-two\n+three\n")
	if err != nil {
		t.Fatal(err)
	}
	f := &m.Files[0]
	if got, err := f.Apply("zero\none\ntwo\nfour\n"); err != nil || got != "zero\none\nthree\nfour\n" {
		t.Errorf("%q, %v", got, err)
	}
	for _, text := range []string{"one\nthree\n", "one\ntwo\none\ntwo\n"} {
		if _, err := f.Apply(text); err == nil {
			t.Errorf("it fits %q", text)
		}
	}
}
