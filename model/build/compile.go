package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// compileFlags make a module that exports functions to whoever loads it. Ours is
// compiled without inlining: it is smaller by 70 kB as gzip, and no slower, since
// a browser compiles less of it.
var compileFlags = []string{"-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-gcflags=veche/...=-l"}

// result is one model, and what it was before.
type result struct {
	name     string
	wasm, gz []byte
	sections []section // with the names of functions
	before   int       // bytes as gzip, as the go command made it
}

// goCommand runs the go command for WebAssembly; its complaint is the error.
func goCommand(args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s for WebAssembly: %v\n%s", strings.Join(args, " "), err, bytes.TrimSpace(errs.Bytes()))
	}
	return out, nil
}

// build compiles a package with build tags, takes out what the browser does not
// need, and packs it.
func build(pkg, tags string) (*result, error) {
	dir, err := os.MkdirTemp("", "veche-model-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "model.wasm")
	args := append([]string{"build"}, compileFlags...)
	if _, err := goCommand(append(args, "-tags", tags, "-o", file, pkg)...); err != nil {
		return nil, err
	}
	wasm, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return finish(wasm)
}

// finish takes out of a module what the browser does not need, and packs it.
func finish(wasm []byte) (*result, error) {
	all, err := sections(wasm)
	if err != nil {
		return nil, err
	}
	r := &result{before: len(pack(wasm)), sections: slices.Clone(all)}
	if _, err := cutOut(all); err != nil {
		return nil, err
	}
	var kept []section
	for _, s := range all {
		if s.kind != sectionCustom { // names of functions, and who made it
			kept = append(kept, s)
		}
	}
	if err := showGlobals(kept); err != nil {
		return nil, err
	}
	if err := shrink(kept); err != nil {
		if _, other := errors.AsType[*unknownLayout](err); !other {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "model/build: %v; the model is larger than it could be\n", err)
	}
	r.wasm = join(kept)
	r.gz = pack(r.wasm)
	return r, nil
}

// id is a short name of exactly this model.
func (r *result) id() string {
	sum := sha256.Sum256(r.wasm)
	return hex.EncodeToString(sum[:4])
}

// pack is gzip at its densest, without a time: the same model is the same file.
func pack(b []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant of the package
	}
	_, _ = w.Write(b) // into memory, which does not fail
	_ = w.Close()
	return out.Bytes()
}

// inputsOf is a name of everything that decides what is built: the release of
// Go, this program, and every file of ours and of other modules.
func inputsOf(pkg string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), compileFlags)
	for _, tags := range []string{"", "lab"} {
		list, err := goCommand("list", "-deps", "-tags", tags, "-json=ImportPath,Dir,Standard,GoFiles,SFiles,EmbedFiles", pkg)
		if err != nil {
			return "", err
		}
		if err := addSources(sum, list); err != nil {
			return "", err
		}
	}
	own, err := filepath.Glob(filepath.Join("model", "build", "*.go"))
	if err != nil {
		return "", err
	}
	for _, name := range own {
		if err := addFile(sum, name); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)) + "\n", nil
}

// addSources adds the files of all packages that are not Go's own.
func addSources(sum io.Writer, list []byte) error {
	for d := json.NewDecoder(bytes.NewReader(list)); d.More(); {
		var p struct {
			ImportPath, Dir             string
			Standard                    bool
			GoFiles, SFiles, EmbedFiles []string
		}
		if err := d.Decode(&p); err != nil {
			return fmt.Errorf("go list: %w", err)
		}
		if p.Standard {
			continue
		}
		fmt.Fprintln(sum, p.ImportPath)
		for _, files := range [][]string{p.GoFiles, p.SFiles, p.EmbedFiles} {
			for _, f := range files {
				if err := addFile(sum, filepath.Join(p.Dir, f)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func addFile(sum io.Writer, name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	fmt.Fprintln(sum, filepath.Base(name), len(b))
	_, err = sum.Write(b)
	return err
}
