package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// leanFolder holds scripts and styles as model/build has made them smaller, and
// leanList of which source each was made.
const (
	leanFolder = "built/lean"
	leanList   = "built/lean.json"
)

// read gives a file of the page as it is sent: scripts and styles as model/build
// has made them if it did so from this very source, and otherwise as they were
// written; texts without blanks.
func read(files fs.FS, name string) ([]byte, error) {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	switch path.Ext(name) {
	case ".js", ".css":
		if small, ok := leanOf(files, path.Base(name), b); ok {
			return small, nil
		}
	case ".json":
		var out bytes.Buffer
		if err := json.Compact(&out, b); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return out.Bytes(), nil
	}
	return b, nil
}

// leanOf gives what was made of a source, if that was this one.
func leanOf(files fs.FS, name string, source []byte) ([]byte, bool) {
	list, err := fs.ReadFile(files, leanList)
	if err != nil {
		return nil, false // it is not built
	}
	var sources map[string]string
	sum := sha256.Sum256(source)
	if json.Unmarshal(list, &sources) != nil || sources[name] != hex.EncodeToString(sum[:]) {
		return nil, false
	}
	b, err := fs.ReadFile(files, leanFolder+"/"+name)
	return b, err == nil
}

// served says whether a file of the tree is sent under its own name: what is made
// of a source is sent under the name of that.
func served(name string) bool {
	_, ok := kinds[path.Ext(name)]
	return ok && name != leanList && !strings.HasPrefix(name, leanFolder+"/")
}
