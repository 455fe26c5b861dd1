package mutants

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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

// Goal: a change of the code never leaves a planted fault without its place. Method:
// what each patch wants to replace stands in its file once.
func TestPatches_HaveTheirPlace(t *testing.T) {
	names, err := filepath.Glob("*.patch")
	if err != nil || len(names) < 10 {
		t.Fatalf("there are %d patches (%v)", len(names), err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(name, string(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, p := range m.Files {
			source, err := os.ReadFile(filepath.Join("..", "..", p.Path))
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range p.Hunks {
				if n := strings.Count(string(source), h.Old); n != 1 {
					t.Errorf("%s: what it replaces stands in %s %d times", name, p.Path, n)
				}
			}
		}
	}
}
