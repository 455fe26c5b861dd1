package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// budget is what somebody who opens the model loads as gzip beside the model
// itself, in one language.
const budget = 60_000

// pageFolder is where the page's sources are.
const pageFolder = "../../page/web"

// Goal: the page stays small. Method: make every file as it is sent, and pack it;
// count what one visitor of /model loads at first, and print the rest.
func TestLean_WithinTheBudget(t *testing.T) {
	file := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(pageFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	size := func(names ...string) (sum int) {
		for _, name := range names {
			b := file(name)
			if ext := filepath.Ext(name); ext == ".js" || ext == ".css" {
				small, err := lean(name, b)
				if err != nil {
					t.Fatal(err)
				}
				b = small
			}
			sum += len(pack(b))
		}
		return sum
	}
	atOnce := regexp.MustCompile(`\b(?:from|import)\s*"\./([^"]+)"`)
	styles := regexp.MustCompile(`<link rel="stylesheet" href="web/([^"]+)">`)
	modules := func(start string) []string {
		all := []string{start}
		for i := 0; i < len(all); i++ {
			b, err := lean(all[i], file(all[i]))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range atOnce.FindAllSubmatch(b, -1) {
				if name := string(m[1]); !slices.Contains(all, name) {
					all = append(all, name)
				}
			}
		}
		return all
	}
	page := func(name string) []string {
		all := []string{name, "icon.svg"}
		for _, m := range styles.FindAllSubmatch(file(name), -1) {
			all = append(all, string(m[1]))
		}
		return all
	}
	scripts, looks := modules("model.js"), page("model.html")
	language := max(size("text/en.json"), size("text/ru.json"))
	total := size(scripts...) + size(looks...) + language
	t.Logf("at first, as gzip: %d bytes of %d: %d modules %d, page and styles %d, one language %d", total, budget, len(scripts), size(scripts...), size(looks...), language)

	var own, later []string // of the dashboard; of neither page at first
	for _, name := range append(modules("live.js"), page("live.html")...) {
		if !slices.Contains(scripts, name) && !slices.Contains(looks, name) {
			own = append(own, name)
		}
	}
	names, err := leanNames(pageFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !slices.Contains(slices.Concat(scripts, looks, own), name) {
			later = append(later, name)
		}
	}
	scenes, texts := 0, 0
	for _, pattern := range []string{"*.json", "*/*.json"} {
		found, err := filepath.Glob(filepath.Join(pageFolder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			name, err := filepath.Rel(pageFolder, f)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(name, "scenes") {
				scenes += size(name)
			} else {
				texts += size(name)
			}
		}
	}
	t.Logf("when they are asked for: modules %d, other texts in two languages %d, texts of all scenes %d; the dashboard's own files %d; all in all %d",
		size(later...), texts-language, scenes, size(own...), total+size(later...)+texts-language+scenes+size(own...))
	if total > budget {
		t.Errorf("the page weighs %d bytes as gzip at first, more than %d", total, budget)
	}
}

// Goal: what is sent does the same as what was written. Method: every file is
// made; what a module gives and takes stays; calls keep their order, which other
// tools did not leave alone; and a mistake is told with its place.
func TestLean_KeepsWhatModulesMean(t *testing.T) {
	names, err := leanNames(pageFolder)
	if err != nil || len(names) < 15 {
		t.Fatalf("%q: %v", names, err)
	}
	for _, name := range names {
		source, err := os.ReadFile(filepath.Join(pageFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		small, err := lean(name, source)
		if err != nil || len(small) == 0 || len(small) > len(source) {
			t.Errorf("%s becomes %d bytes of %d: %v", name, len(small), len(source), err)
		}
	}
	b, err := lean("x.js", []byte("/** no */\nimport { a as b } from \"./y.js\";\nexport function f() {\n  const x = b(1), z = b(2);\n  const [u] = b(3);\n  let { v } = b(4);\n  return [x, z, u, v];\n}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^import\{a as \w\}from"\./y\.js";export function f\(\)\{.*\(1\).*\(2\).*\(3\).*\(4\).*\}\n$`).Match(b) {
		t.Errorf("it becomes %s", b)
	}
	if _, err := lean("x.js", []byte("let a;\nlet a = ;\n")); err == nil || !strings.Contains(err.Error(), "x.js:2") {
		t.Errorf("a mistake is told as %v", err)
	}
}
