package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

// leanFiles writes the page's scripts and styles without what only people need:
// out/lean/NAME, and in out/lean.json of which source each was made, so that the
// page never serves one that is older than its source. Each file stays a module
// of its own.
func leanFiles(web, out string) error {
	names, err := leanNames(web)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(out, "lean"), 0o755); err != nil {
		return err
	}
	sources := map[string]string{}
	for _, name := range names {
		source, err := os.ReadFile(filepath.Join(web, name))
		if err != nil {
			return err
		}
		small, err := lean(name, source)
		if err != nil {
			return err
		}
		if err := replaceChanged(filepath.Join(out, "lean", name), small); err != nil {
			return err
		}
		sum := sha256.Sum256(source)
		sources[name] = hex.EncodeToString(sum[:])
	}
	list, err := json.Marshal(sources)
	if err != nil {
		return err
	}
	return replaceChanged(filepath.Join(out, "lean.json"), list)
}

// leanNames are the scripts and styles of the page; types.js is only for people.
func leanNames(web string) (names []string, err error) {
	for _, pattern := range []string{"*.js", "*.css"} {
		found, err := filepath.Glob(filepath.Join(web, pattern))
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if name := filepath.Base(f); name != "types.js" {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no page in %s; run this in the root of the source tree", web)
	}
	return names, nil
}

// lean gives one script or style sheet as it is sent.
func lean(name string, source []byte) ([]byte, error) {
	loader := api.LoaderJS
	if filepath.Ext(name) == ".css" {
		loader = api.LoaderCSS
	}
	r := api.Transform(string(source), api.TransformOptions{
		Loader: loader, Sourcefile: name, Target: api.ES2022, Charset: api.CharsetUTF8, LegalComments: api.LegalCommentsNone,
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true,
	})
	var wrong []error
	for _, m := range r.Errors {
		where := ""
		if m.Location != nil {
			where = fmt.Sprintf(":%d", m.Location.Line)
		}
		wrong = append(wrong, fmt.Errorf("%s%s: %s", name, where, m.Text))
	}
	return r.Code, errors.Join(wrong...)
}

// replaceChanged writes a file unless it holds the same already.
func replaceChanged(name string, b []byte) error {
	if was, err := os.ReadFile(name); err == nil && bytes.Equal(was, b) {
		return nil
	}
	return replace(name, b)
}
