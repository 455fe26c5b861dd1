package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// small is a page with every kind of part, and a model of four bytes.
func small() fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"web/live.html":    "<!doctype html><p>live",
		"web/model.html":   "<!doctype html><head><link rel=\"stylesheet\" href=\"web/m.css\"><link rel=\"icon\" href=\"web/icon.svg\"><script type=\"module\" src=\"web/model.js\"></script></head><body></body>",
		"web/model.js":     "import {b} from \"./b.js\";\nimport \"./a.js\";\nb();\n",
		"web/b.js":         "import {a} from \"./a.js\";\nexport const b = a;\n",
		"web/a.js":         "export const a = () => 1; // </script>\n",
		"web/m.css":        "p{color:red}",
		"web/later.css":    "b{color:red}",
		"web/icon.svg":     "<svg/>",
		"web/text/en.json": "{}",
		"web/types.txt":    "not served",
		modelFile:          string(pack([]byte("\x00asm"))),
		labFile:            string(pack([]byte("\x00lab"))),
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

func ask(t *testing.T, h http.Handler, method, target string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), w.Body.Bytes()
}

// Goal: each part is served as what it is. Method: a table of addresses.
func TestHandler_Kinds(t *testing.T) {
	h := newHandler(small())
	for _, c := range []struct {
		path, kind, starts string
		code               int
	}{
		{"/", "text/html; charset=utf-8", "<!doctype html><p>live", 200},
		{"/replay.html", "text/html; charset=utf-8", "<!doctype html><p>live", 200},
		{"/model", "text/html; charset=utf-8", "<!doctype html><head>", 200},
		{"/web/model.js", "text/javascript; charset=utf-8", "import", 200},
		{"/web/m.css", "text/css; charset=utf-8", "p{", 200},
		{"/web/icon.svg", "image/svg+xml", "<svg", 200},
		{"/web/text/en.json", "application/json; charset=utf-8", "{}", 200},
		{"/built/model.wasm.gz", "application/wasm", "\x00asm", 200},
		{"/web/types.txt", "text/plain; charset=utf-8", "404", 404},
		{"/web/", "text/plain; charset=utf-8", "404", 404},
		{"/web/../page.go", "", "", 307},
		{"/none", "text/plain; charset=utf-8", "404", 404},
	} {
		res, body := ask(t, h, "GET", c.path)
		if res.StatusCode != c.code || c.code < 300 && res.Header.Get("Content-Type") != c.kind || !strings.HasPrefix(string(body), c.starts) {
			t.Errorf("%s: %d %s %.20q", c.path, res.StatusCode, res.Header.Get("Content-Type"), body)
		}
	}
	if res, _ := ask(t, h, "POST", "/model"); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST is answered %d", res.StatusCode)
	}
}

// Goal: gzip goes to whoever accepts it, the plain bytes to everybody else.
// Method: ask in every way for a file that is stored plain and one stored as gzip.
func TestHandler_Encodings(t *testing.T) {
	h := newHandler(small())
	for _, c := range []struct {
		accept string
		gz     bool
	}{
		{"", false}, {"gzip", true}, {"deflate, gzip;q=1.0, *;q=0.5", true}, {"br", false}, {"gzip;q=0", false},
		{"*", true}, {"*;q=0", false}, {"gzip;q=0, *", false}, {"GZIP ; q=0.2", true}, {"gzip;q=x", false}, {"identity", false},
	} {
		for target, want := range map[string]string{"/built/model.wasm.gz": "\x00asm", "/web/m.css": "p{color:red}"} {
			res, body := ask(t, h, "GET", target, "Accept-Encoding", c.accept)
			if gz := res.Header.Get("Content-Encoding") == "gzip"; gz != c.gz {
				t.Errorf("%s with Accept-Encoding %q: gzip is %v", target, c.accept, gz)
			} else if gz {
				body, _ = unpack(body)
			}
			if string(body) != want || res.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s with Accept-Encoding %q: %q, Vary %q", target, c.accept, body, res.Header.Get("Vary"))
			}
		}
	}
}

// Goal: a copy that is still right is not sent again, and another encoding or
// another content is another name. Method: ask with the names that came.
func TestHandler_AsksForTheNewest(t *testing.T) {
	files := small()
	h := newHandler(files)
	res, _ := ask(t, h, "GET", "/web/m.css")
	tag := res.Header.Get("ETag")
	if res.Header.Get("Cache-Control") != "no-cache" || len(tag) < 10 {
		t.Fatalf("headers %v", res.Header)
	}
	for value, code := range map[string]int{tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, "": 200} {
		if res, body := ask(t, h, "GET", "/web/m.css", "If-None-Match", value); res.StatusCode != code || code == 304 && len(body) > 0 {
			t.Errorf("If-None-Match %s: %d with %d bytes", value, res.StatusCode, len(body))
		}
	}
	if res, _ := ask(t, h, "GET", "/web/m.css", "If-None-Match", tag, "Accept-Encoding", "gzip"); res.StatusCode != 200 {
		t.Error("the packed form has the plain one's name")
	}
	files["web/m.css"] = &fstest.MapFile{Data: []byte("p{color:blue}")}
	if res, _ := ask(t, newHandler(files), "GET", "/web/m.css", "If-None-Match", tag); res.StatusCode != 200 {
		t.Error("another content has the same name")
	}
}

// Goal: only the model's page may run WebAssembly, and nothing may load from
// elsewhere or from inside the markup. Method: read the policies.
func TestHandler_Policy(t *testing.T) {
	h := newHandler(small())
	res, _ := ask(t, h, "GET", "/model")
	p := res.Header.Get("Content-Security-Policy")
	if !strings.Contains(p, "default-src 'self'") || !strings.Contains(p, "script-src 'self' 'wasm-unsafe-eval'") || strings.Contains(p, "unsafe-inline") ||
		strings.Contains(p, "'unsafe-eval'") || strings.Contains(p, "http") {
		t.Errorf("/model has the policy %q", p)
	}
	if res, _ := ask(t, h, "GET", "/"); res.Header.Get("Content-Security-Policy") != "" {
		t.Error("the dashboard's policy is its server's, but it is overwritten")
	}
}

// Goal: who has not built the model is told how. Method: leave it out.
func TestModel_NotBuilt(t *testing.T) {
	files := small()
	delete(files, modelFile)
	res, body := ask(t, newHandler(files), "GET", "/model")
	if res.StatusCode != http.StatusServiceUnavailable || !bytes.Contains(body, []byte("make model")) {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	files[buildFile] = &fstest.MapFile{Data: []byte(`{"id":"stale"}`)}
	if res, body := ask(t, newHandler(files), "GET", "/"+buildFile); res.StatusCode != 200 || string(body) != `{"id":""}` {
		t.Errorf("the dashboard is told %d %s", res.StatusCode, body)
	}
	if err := site(files, t.TempDir()); !errors.Is(err, ErrNotBuilt) {
		t.Errorf("the site: %v", err)
	}
	if _, err := oneFile(files); !errors.Is(err, ErrNotBuilt) {
		t.Errorf("one file: %v", err)
	}
}

// Goal: the site is whole, and needs nothing of its host. Method: write it, look
// at every file and every address in the page.
func TestSite_Whole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	files := small()
	if err := site(files, dir); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"web/model.html": "index.html", "web/a.js": "web/a.js", modelFile: modelFile, "web/text/en.json": "web/text/en.json", "web/live.html": "replay.html"} {
		want, err := read(files, from)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, to))
		if err != nil || !bytes.Equal(b, want) {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// Goal: one file holds everything, in an order in which it can be started, and
// no text of it ends its script early. Method: take it apart again.
func TestOneFile_HoldsEverything(t *testing.T) {
	b, err := oneFile(small())
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`(src|href)="(?:web|http)`).Find(b); m != nil {
		t.Errorf("it refers to %s", m)
	}
	held := regexp.MustCompile(`id="parts">([^<]*)<`).FindSubmatch(b)
	packed, err := base64.StdEncoding.DecodeString(string(held[1]))
	if err != nil {
		t.Fatal(err)
	}
	text, err := unpack(packed)
	if err != nil {
		t.Fatal(err)
	}
	var parts struct {
		Modules, Files [][2]string
		Start          string
	}
	if err := json.Unmarshal(text, &parts); err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, m := range parts.Modules {
		order = append(order, m[0])
	}
	if got := strings.Join(order, " "); got != "a.js b.js model.js" || parts.Start != "model.js" || len(parts.Files) != 2 || parts.Files[0][0] != "web/later.css" {
		t.Errorf("modules %s, start %s, files %v", got, parts.Start, parts.Files)
	}
	for _, s := range []string{`data-path="built/model.wasm.gz"`, `data-path="built/lab.wasm.gz"`, "<style>p{color:red}</style>", "data:image/svg+xml;base64,"} {
		if !bytes.Contains(b, []byte(s)) {
			t.Errorf("it lacks %s", s)
		}
	}
	if n := bytes.Count(b, []byte("</script>")); n != 4 {
		t.Errorf("%d scripts end, want 4", n)
	}
}

// Goal: what cannot be put into one file is refused, with its reason. Method:
// one such mistake at a time.
func TestOneFile_Refuses(t *testing.T) {
	for _, c := range []struct{ name, file, text, want string }{
		{"a circle", "web/a.js", `import "./b.js";`, "circle: model.js, b.js, a.js, b.js"},
		{"a loose import", "web/a.js", "import(`./${b}.js`)", "a.js imports by"},
		{"no such module", "web/a.js", `import "./none.js";`, "web/none.js"},
		{"two scripts", "web/model.html", strings.Repeat(`<script type="module" src="web/a.js"></script>`, 2), "2 scripts"},
		{"another tag", "web/model.html", `<img src="web/icon.svg"><script type="module" src="web/a.js"></script></body>`, "web/icon.svg"},
	} {
		files := small()
		files[c.file] = &fstest.MapFile{Data: []byte(c.text)}
		if _, err := oneFile(files); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Goal: what was made of a source is sent, and never what was made of another.
// Method: with the list, with a source that has changed since, and without.
func TestRead_LeanOfThisSourceAlone(t *testing.T) {
	files := small()
	sum := sha256.Sum256(files["web/a.js"].Data)
	list, err := json.Marshal(map[string]string{"a.js": hex.EncodeToString(sum[:])})
	if err != nil {
		t.Fatal(err)
	}
	files["built/lean/a.js"] = &fstest.MapFile{Data: []byte("export const a=()=>1;")}
	want := func(when, want string) {
		t.Helper()
		if _, got := ask(t, newHandler(files), "GET", "/web/a.js"); string(got) != want {
			t.Errorf("%s: %q", when, got)
		}
	}
	source := string(files["web/a.js"].Data)
	want("without a list", source)
	files[leanList] = &fstest.MapFile{Data: list}
	want("with the list", "export const a=()=>1;")
	for _, path := range []string{"/built/lean/a.js", "/built/lean.json"} {
		if res, _ := ask(t, newHandler(files), "GET", path); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s is served", path)
		}
	}
	files["web/a.js"] = &fstest.MapFile{Data: []byte("export const a = () => 2;")}
	want("of a source that has changed", "export const a = () => 2;")
}

// Goal: the page's own files can be served and put into one file. Method: do it
// with the real ones, and with a stand-in for a model that is not built.
func TestPage_RealFilesFit(t *testing.T) {
	files := fstest.MapFS{modelFile: &fstest.MapFile{Data: pack([]byte("\x00asm"))}}
	err := fs.WalkDir(content, "web", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(content, name)
		files[name] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := oneFile(files); err != nil {
		t.Error(err)
	}
	elsewhere := regexp.MustCompile(`(?i)(?:https?:)?//[a-z0-9-]+\.[a-z]`)
	unsafe := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function|javascript:`)
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:\s[^>]*)?>[^<]`)
	for name, f := range files {
		switch path.Ext(name) {
		case ".html", ".js", ".css":
		default:
			continue
		}
		if m := unsafe.Find(f.Data); m != nil {
			t.Errorf("%s has %q", name, m)
		}
		if m := elsewhere.Find(bytes.ReplaceAll(f.Data, []byte("http://www.w3.org/"), nil)); m != nil {
			t.Errorf("%s refers to %q", name, m)
		}
		if m := inline.Find(f.Data); m != nil && path.Ext(name) == ".html" {
			t.Errorf("%s has %q, which the policy forbids", name, m)
		}
	}
}

// Goal: what is stored as gzip was made by the build and unpacks. Method: read
// whatever is there.
func TestPage_BuiltFilesUnpack(t *testing.T) {
	names, err := fs.Glob(content, "built/*.gz")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(content, name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(r); err != nil || !bytes.HasPrefix(plain, []byte("\x00asm")) {
			t.Errorf("%s: %v, begins %.8q", name, err, plain)
		}
	}
}
