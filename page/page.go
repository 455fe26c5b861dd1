package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
)

// content is what is written by hand (web) and what is made of it (built): the
// model as WebAssembly. The latter is not in the repository, so it may be missing.
//
//go:embed web built
var content embed.FS

// modelFile and labFile are the model, by the rules and with rules that can be
// left out, as gzip keeps them; buildFile names the program.
const (
	modelFile = "built/model.wasm.gz"
	labFile   = "built/lab.wasm.gz"
	buildFile = "built/build.json"
)

// ErrNotBuilt says that this program was built without the model.
var ErrNotBuilt = fmt.Errorf("this program was built without the model: run `make model` in the source tree, which needs Go alone, and build it again")

// kinds are the media types of what is served, by the ending of the name; what
// ends otherwise is not served.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json; charset=utf-8",
	".svg":  "image/svg+xml",
	".png":  "image/png",
	".gz":   "application/wasm", // it is unpacked on the way, or packed as its encoding says
}

// asset is one file in both forms in which it may be asked for.
type asset struct {
	kind   string
	packed bool // the file itself is gzip

	load func() (forms, error)
}

// forms are a file as it is, as gzip, and the name of exactly this content.
type forms struct {
	plain, gz []byte
	tag       string
}

// assetOf describes a file of a tree; it is read when it is first asked for.
func assetOf(files fs.FS, name string) (*asset, bool) {
	if !served(name) {
		return nil, false
	}
	a := &asset{kind: kinds[path.Ext(name)], packed: strings.HasSuffix(name, ".gz")}
	a.load = sync.OnceValues(func() (forms, error) {
		b, err := read(files, name)
		if err != nil {
			return forms{}, err
		}
		sum := sha256.Sum256(b)
		f := forms{tag: hex.EncodeToString(sum[:8])}
		if a.packed {
			f.gz = b
			f.plain, err = unpack(b)
		} else {
			f.plain, f.gz = b, pack(b)
		}
		if err != nil {
			return forms{}, fmt.Errorf("%s: %w", name, err)
		}
		return f, nil
	})
	return a, true
}

// pack is gzip at its densest.
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

func unpack(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// built says whether a tree has the model.
func built(files fs.FS) bool {
	_, err := fs.Stat(files, modelFile)
	return err == nil
}

// Built says whether this program was built with the model.
func Built() bool { return built(content) }

// Model returns the model's WebAssembly (with the rules of the lab if asked
// for), unpacked, or ErrNotBuilt.
func Model(lab bool) ([]byte, error) {
	name := modelFile
	if lab {
		name = labFile
	}
	b, err := fs.ReadFile(content, name)
	if err != nil {
		return nil, ErrNotBuilt
	}
	return unpack(b)
}
