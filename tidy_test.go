package veche

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// goFile is one parsed source file of the tree.
type goFile struct {
	path string // from the root, with slashes
	dir  string
	test bool
	set  *token.FileSet
	ast  *ast.File
	text string
}

// sources parses every Go file of this module.
func sources(t *testing.T) []goFile {
	t.Helper()
	var all []goFile
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || hasModule(p)) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, p, text, parser.ParseComments)
		if err != nil {
			return err
		}
		p = filepath.ToSlash(p)
		all = append(all, goFile{path: p, dir: path.Dir(p), test: strings.HasSuffix(p, "_test.go"), set: set, ast: f, text: string(text)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// hasModule says whether a folder is a module of its own, which this test leaves alone.
func hasModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil && dir != "."
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// lattice reads the lines of ARCHITECTURE.md that say which room may import
// which: `room room : room room`, between the markers.
func lattice(t *testing.T) map[string][]string {
	t.Helper()
	_, rest, ok := strings.Cut(read(t, "ARCHITECTURE.md"), "```imports\n")
	if !ok {
		t.Fatal("ARCHITECTURE.md has no block that begins with ```imports")
	}
	block, _, _ := strings.Cut(rest, "```")
	allowed := map[string][]string{}
	for line := range strings.Lines(block) {
		rooms, imports, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			t.Fatalf("ARCHITECTURE.md: %q is not `rooms : imports`", line)
		}
		if i := strings.Index(imports, "("); i >= 0 {
			imports = imports[:i]
		}
		for _, room := range strings.Fields(rooms) {
			allowed[room] = strings.Fields(imports)
		}
	}
	return allowed
}

// room is the part of the tree that a folder belongs to: the longest one that
// the lattice names.
func room(dir string, allowed map[string][]string) (string, bool) {
	for d := dir; d != "."; d = path.Dir(d) {
		if _, ok := allowed[d]; ok {
			return d, true
		}
	}
	return "", false
}

// Goal: nothing imports upwards. Method: every import of ours is one that
// ARCHITECTURE.md lists for the room; tests may import what they test with.
func TestTidy_ImportsAsArchitectureListsThem(t *testing.T) {
	allowed := lattice(t)
	seen := map[string]bool{}
	for _, f := range sources(t) {
		if f.dir == "." {
			continue // the tests of the whole tree
		}
		from, ok := room(f.dir, allowed)
		if !ok {
			t.Errorf("%s is in no room of ARCHITECTURE.md", f.path)
			continue
		}
		seen[from] = true
		for _, im := range f.ast.Imports {
			p := strings.Trim(im.Path.Value, `"`)
			rest, ours := strings.CutPrefix(p, "veche/")
			if !ours || f.test {
				continue
			}
			to, ok := room(rest, allowed)
			if !ok || to != from && !slices.Contains(allowed[from], to) {
				t.Errorf("%s imports %s, which ARCHITECTURE.md does not allow to %s", f.path, p, from)
			}
		}
	}
	for r := range allowed {
		if !seen[r] {
			t.Errorf("ARCHITECTURE.md lists the room %s, which does not exist", r)
		}
	}
}

// pureRooms have no clock, disk, net, lock or goroutine of their own.
var pureRooms = []string{"raft", "store", "sim", "host", "wal"}

// machineFiles of the pure rooms meet the machine; their build tag keeps them
// out of the browser.
var machineFiles = []string{"host/run.go", "host/workers.go", "host/client.go", "host/publish.go", "host/clock.go", "host/clock_linux.go", "host/clock_other.go", "wal/osfs.go", "wal/osfs_linux.go"}

// Goal: the pure rooms stay pure. Method: look at their direct imports and for
// `go` statements; files that meet the machine are few, named, and have a tag.
func TestTidy_PureRoomsArePure(t *testing.T) {
	forbidden := []string{"fmt", "encoding/json", "log", "log/slog", "net", "math/rand", "math/rand/v2", "crypto/rand",
		"time", "sync", "sync/atomic", "reflect", "os"}
	met := map[string]bool{}
	for _, f := range sources(t) {
		if f.test || !slices.Contains(pureRooms, f.dir) {
			continue
		}
		if slices.Contains(machineFiles, f.path) {
			met[f.path] = true
			if head, _, _ := strings.Cut(f.text, "package "); !strings.Contains(head, "!wasip1") && !strings.HasSuffix(f.path, "_linux.go") {
				t.Errorf("%s meets the machine and must begin with a build tag that keeps it out of the browser", f.path)
			}
			continue
		}
		for _, im := range f.ast.Imports {
			p := strings.Trim(im.Path.Value, `"`)
			if f.dir == "wal" && p == "sync" {
				continue // the keeper prepares a segment while the writer appends
			}
			if slices.Contains(forbidden, p) {
				t.Errorf("%s imports %s", f.path, p)
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%s starts a goroutine", f.set.Position(g.Pos()))
			}
			return true
		})
	}
	for _, p := range machineFiles {
		if !met[p] {
			t.Errorf("%s is listed as meeting the machine, but does not exist", p)
		}
	}
}

// Goal: what the browser will link stays small. Method: ask the go command what
// the simulator pulls in for WebAssembly.
func TestTidy_SimulatorLinksNothingHeavy(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "./sim")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, errs.String())
	}
	deps := strings.Fields(string(out))
	if len(deps) < 10 {
		t.Fatalf("go list gave only %q", deps)
	}
	for _, d := range deps {
		switch {
		case d == "fmt", d == "encoding/json", d == "log", d == "log/slog", d == "net", strings.HasPrefix(d, "net/"),
			d == "math/rand", d == "math/rand/v2", strings.HasPrefix(d, "crypto/"), strings.Contains(d, "protobuf"):
			t.Errorf("the simulator links %s", d)
		}
	}
}

// Goal: every package says what it is. Method: each folder with Go code has a
// doc.go with a package comment.
func TestTidy_EveryPackageHasADoc(t *testing.T) {
	has, needs := map[string]bool{}, map[string]bool{}
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		needs[f.dir] = true
		if path.Base(f.path) == "doc.go" && f.ast.Doc != nil {
			has[f.dir] = true
		}
	}
	for d := range needs {
		if !has[d] {
			t.Errorf("%s has no doc.go with a package comment", d)
		}
	}
}

// Goal: tests neither sleep nor skip, and nothing starts at import time. Method:
// look for the calls.
func TestTidy_NoSleepNoSkipNoInit(t *testing.T) {
	for _, f := range sources(t) {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				s, ok := n.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				x, _ := s.X.(*ast.Ident)
				switch {
				case x == nil:
				case f.test && x.Name == "time" && s.Sel.Name == "Sleep":
					t.Errorf("%s: a test sleeps", f.set.Position(n.Pos()))
				case f.test && x.Name == "t" && strings.HasPrefix(s.Sel.Name, "Skip"):
					t.Errorf("%s: a test skips", f.set.Position(n.Pos()))
				}
			case *ast.FuncDecl:
				if n.Name.Name == "init" && n.Recv == nil {
					t.Errorf("%s: an init function", f.set.Position(n.Pos()))
				}
			}
			return true
		})
		for _, g := range f.ast.Comments {
			if regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`).MatchString(g.Text()) && f.path != "tidy_test.go" {
				t.Errorf("%s: a comment leaves something undone", f.set.Position(g.Pos()))
			}
		}
	}
}

// documents are the pages whose names in backquotes must exist.
func documents(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("*.md")
	if err != nil || len(names) < 5 {
		t.Fatalf("found only the documents %q (%v)", names, err)
	}
	return names
}

var (
	fence = regexp.MustCompile("(?s)```.*?```")
	quote = regexp.MustCompile("`([^`\n]+)`")
	word  = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_./-]*[A-Za-z0-9]`)
)

// Goal: documents do not outlive what they name. Method: every word between
// backquotes is a path of the tree or occurs in its code.
func TestTidy_NamesInDocumentsExist(t *testing.T) {
	var tree strings.Builder
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p == ".git" || p == ".cache" {
				return filepath.SkipDir
			}
			return nil
		}
		switch ext := filepath.Ext(p); {
		case ext == ".go", ext == ".mod", ext == ".html", ext == ".js", ext == ".patch", ext == ".txt", filepath.Base(p) == "Makefile", p == filepath.Join(".ci", "run"):
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			tree.WriteString(filepath.ToSlash(p))
			tree.WriteByte('\n')
			tree.Write(b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	code := tree.String()
	for _, doc := range documents(t) {
		text := fence.ReplaceAllString(read(t, doc), "")
		for _, q := range quote.FindAllStringSubmatch(text, -1) {
			for _, w := range word.FindAllString(q[1], -1) {
				if !named(w, code) {
					t.Errorf("%s: `%s` names %q, which is nowhere in the tree", doc, q[1], w)
				}
			}
		}
	}
}

// named says whether a word from a document exists: as a path, in the code, or
// as its parts (wal.Open is Open).
func named(w, code string) bool {
	if _, err := os.Stat(filepath.FromSlash(strings.TrimSuffix(w, "/"))); err == nil {
		return true
	}
	if strings.Contains(code, w) {
		return true
	}
	for _, part := range strings.FieldsFunc(w, func(r rune) bool { return r == '.' || r == '/' }) {
		if !strings.Contains(code, part) {
			return false
		}
	}
	return true
}

// Goal: sizes are seen. Method: print files over 500 lines and functions over
// 70; a long one is a question, not an error.
func TestTidy_SizesArePrinted(t *testing.T) {
	lines := map[string]int{}
	for _, f := range sources(t) {
		n := strings.Count(f.text, "\n")
		if !f.test {
			r, _, _ := strings.Cut(f.path, "/")
			lines[r] += n
		}
		if n > 500 {
			t.Logf("%4d lines  %s", n, f.path)
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || f.test {
				continue
			}
			if n := f.set.Position(fn.End()).Line - f.set.Position(fn.Pos()).Line + 1; n > 70 {
				t.Logf("%4d lines  %s %s", n, f.path, fn.Name.Name)
			}
		}
	}
	for _, r := range slices.Sorted(func(yield func(string) bool) {
		for r := range lines {
			if !yield(r) {
				return
			}
		}
	}) {
		t.Logf("%6d lines in %s (tests apart)", lines[r], r)
	}
}
