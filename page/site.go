package page

import (
	"bytes"
	_ "embed" // for unpack
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// unpackScript begins a page that is a single file.
//
//go:embed unpack.js
var unpackScript string

// Site writes the model into a folder, which is made if need be, for any web
// host: index.html and what it loads. All addresses are relative, and a host
// need not know gzip or WebAssembly. Files of that name are overwritten, others
// are left alone. It fails with ErrNotBuilt, or with what the disk says.
func Site(dir string) error { return site(content, dir) }

func site(files fs.FS, dir string) error {
	if !built(files) {
		return ErrNotBuilt
	}
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !served(name) {
			return nil
		}
		to := name
		switch name {
		case "web/model.html":
			to = "index.html"
		case "web/live.html":
			to = "replay.html" // without a server it opens recordings
		}
		b, err := read(files, name)
		if err != nil {
			return err
		}
		to = filepath.Join(dir, filepath.FromSlash(to))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o644)
	})
}

// OneFile is the model as a single HTML file, which also works when it is
// opened from a disk. It fails with ErrNotBuilt, or says what of model.html it
// cannot put into one file.
func OneFile() ([]byte, error) { return oneFile(content) }

// What of a page leads outside of it, in the forms that oneFile knows.
var (
	styleTag  = regexp.MustCompile(`<link rel="stylesheet" href="(web/[^"]+\.css)">`)
	iconTag   = regexp.MustCompile(`<link rel="icon" href="(web/[^"]+\.svg)">`)
	moduleTag = regexp.MustCompile(`<script type="module" src="web/([^"]+\.js)"></script>`)
	outside   = regexp.MustCompile(`(?i)(?:src|href)="?(?:web|built)/[^"> ]*`)
	atOnce    = regexp.MustCompile(`\b(?:from|import)\s*"\./([^"]+)"`)
	imported  = regexp.MustCompile(`\b(?:from\s*|import\s*|import\()"\./([^"]+)"`) // or when it is asked for
	comment   = regexp.MustCompile(`(?s)/\*.*?\*/`)                                // types are imported in them
	loose     = regexp.MustCompile("\\bimport\\([^\"]|\\b(?:import|export)\\b[^\"'`;]*\\bfrom\\s*['`]|\\bimport\\s*['`]")
)

func oneFile(files fs.FS) ([]byte, error) {
	if !built(files) {
		return nil, ErrNotBuilt
	}
	html, err := read(files, "web/model.html")
	if err != nil {
		return nil, err
	}
	page := string(html)
	if page, err = replaceFile(page, styleTag, files, func(b []byte) string { return "<style>" + string(b) + "</style>" }); err != nil {
		return nil, err
	}
	if page, err = replaceFile(page, iconTag, files, func(b []byte) string {
		return `<link rel="icon" href="data:image/svg+xml;base64,` + base64.StdEncoding.EncodeToString(b) + `">`
	}); err != nil {
		return nil, err
	}
	starts := moduleTag.FindAllStringSubmatch(page, -1)
	if len(starts) != 1 {
		return nil, fmt.Errorf("model.html has %d scripts of the form %s; one file needs exactly one", len(starts), moduleTag)
	}
	page = strings.Replace(page, starts[0][0], "", 1)
	if m := outside.FindString(page); m != "" {
		return nil, fmt.Errorf("model.html refers to another file by %q, in a form that one file cannot hold", m)
	}
	linked, err := linkedStyles(files)
	if err != nil {
		return nil, err
	}
	scripts, err := allParts(files, starts[0][1], linked)
	if err != nil {
		return nil, err
	}
	before, after, ok := strings.Cut(page, "</body>")
	if !ok {
		return nil, fmt.Errorf("model.html has no </body>")
	}
	return []byte(before + scripts + "</body>" + after), nil
}

// replaceFile puts what make says in the place of each tag that names a file.
func replaceFile(page string, tag *regexp.Regexp, files fs.FS, make func([]byte) string) (string, error) {
	for _, m := range tag.FindAllStringSubmatch(page, -1) {
		b, err := read(files, m[1])
		if err != nil {
			return "", fmt.Errorf("model.html names a file that does not exist: %w", err)
		}
		page = strings.Replace(page, m[0], make(b), 1)
	}
	return page, nil
}

// linkedStyles are the style sheets that some page names; the others are added
// when they are asked for.
func linkedStyles(files fs.FS) (map[string]bool, error) {
	pages, err := fs.Glob(files, "web/*.html")
	if err != nil {
		return nil, err
	}
	linked := map[string]bool{}
	for _, name := range pages {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		for _, m := range styleTag.FindAllStringSubmatch(string(b), -1) {
			linked[m[1]] = true
		}
	}
	return linked, nil
}

// allParts are the elements that hold everything which the page loads but the
// style sheets in it, and the script that unpacks them (unpack.js).
func allParts(files fs.FS, start string, linked map[string]bool) (string, error) {
	modules, err := modulesFrom(files, start, imported)
	if err != nil {
		return "", err
	}
	var parts struct {
		Modules [][2]string `json:"modules"` // name and text, each after those that it imports
		Files   [][2]string `json:"files"`   // path and text
		Start   string      `json:"start"`
	}
	parts.Modules, parts.Start = modules, start
	var models strings.Builder
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !served(name) {
			return err
		}
		switch ext := path.Ext(name); {
		case ext == ".json", ext == ".css" && !linked[name]:
			b, err := read(files, name)
			if err != nil {
				return err
			}
			parts.Files = append(parts.Files, [2]string{name, string(b)})
		case ext == ".gz":
			b, err := read(files, name)
			if err != nil {
				return err
			}
			fmt.Fprintf(&models, "<script type=\"text/plain\" data-path=\"%s\">%s</script>\n", name, base64.StdEncoding.EncodeToString(b))
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	packed, err := json.Marshal(parts)
	if err != nil {
		return "", err
	}
	return "<script type=\"text/plain\" id=\"parts\">" + base64.StdEncoding.EncodeToString(pack(packed)) + "</script>\n" +
		models.String() + "<script>\n" + unpackScript + "</script>\n", nil
}

// modulesFrom returns the modules that start needs, itself last, each after
// those that it imports in the given form.
func modulesFrom(files fs.FS, start string, form *regexp.Regexp) ([][2]string, error) {
	var sorted [][2]string
	var above []string // those whose imports are being looked at
	done := map[string]bool{}
	var visit func(name string) error
	visit = func(name string) error {
		if slices.Contains(above, name) {
			return fmt.Errorf("modules import each other in a circle: %s", strings.Join(append(above, name), ", "))
		}
		if done[name] {
			return nil
		}
		b, err := read(files, "web/"+name)
		if err != nil {
			return err
		}
		code := comment.ReplaceAll(b, nil)
		if m := loose.Find(code); m != nil {
			return fmt.Errorf("%s imports by %q; one file needs the form import … from \"./other.js\"", name, bytes.TrimSpace(m))
		}
		above = append(above, name)
		for _, m := range form.FindAllSubmatch(code, -1) {
			if err := visit(string(m[1])); err != nil {
				return err
			}
		}
		above = above[:len(above)-1]
		done[name] = true
		sorted = append(sorted, [2]string{name, string(b)})
		return nil
	}
	return sorted, visit(start)
}
