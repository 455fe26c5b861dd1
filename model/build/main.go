package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// sizeMax is what each model may weigh as gzip, in bytes: it loads within a
// second over a slow link (10 Mbit/s).
const sizeMax = 900_000

// models are what is built: the name of the file, and the build tags.
var models = []struct{ name, tags string }{{"model", ""}, {"lab", "lab"}}

func main() {
	out := flag.String("o", filepath.Join("page", "built"), "the folder for what is made")
	web := flag.String("web", filepath.Join("page", "web"), "where the page's scripts and styles are")
	pkg := flag.String("package", "./model/wasm", "what to compile")
	account := flag.Bool("account", false, "build anew, and print what the weight is made of")
	flag.Parse()
	err := leanFiles(*web, *out)
	if err == nil {
		err = run(*out, *pkg, *account, os.Stdout)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "model/build: %v\n", err)
		os.Exit(1)
	}
}

// run builds both models into a folder, unless they were built from the same
// inputs, and tells what they weigh.
func run(out, pkg string, account bool, say io.Writer) error {
	inputs, err := inputsOf(pkg)
	if err != nil {
		return err
	}
	stamp := filepath.Join(out, ".inputs") // the page leaves out names that begin with a dot
	if was, err := os.ReadFile(stamp); err == nil && string(was) == inputs && !account && allThere(out) {
		return nil
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	id := ""
	for _, m := range models {
		b, err := build(pkg, m.tags)
		if err != nil {
			return err
		}
		if account {
			if err := b.account(say); err != nil {
				return err
			}
		}
		if id == "" {
			id = b.id()
		}
		fmt.Fprintf(say, "%s.wasm.gz: %d bytes of at most %d (%d unpacked; %d before names and lines were taken out)\n",
			m.name, len(b.gz), sizeMax, len(b.wasm), b.before)
		if err := replace(filepath.Join(out, m.name+".wasm.gz"), b.gz); err != nil {
			return err
		}
	}
	if err := replace(filepath.Join(out, "build.json"), fmt.Appendf(nil, "{\"id\":%q}\n", id)); err != nil {
		return err
	}
	return replace(stamp, []byte(inputs))
}

// allThere says whether everything that run writes exists.
func allThere(out string) bool {
	for _, name := range []string{"model.wasm.gz", "lab.wasm.gz", "build.json"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			return false
		}
	}
	return true
}

// replace writes a file so that another build at the same time, or a reader,
// sees all of it or the one before.
func replace(name string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it is of no use, and the error is told
	}
	return err
}
