package page

import (
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
)

// modelPolicy is the Content-Security-Policy of the model's page. Against the
// server's own it allows WebAssembly to be compiled, pictures that the page has
// made itself (data:, blob:), and nothing else.
const modelPolicy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data: blob:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves the dashboard at /, the same for recordings at /replay.html, the
// model at /model, and their parts below /web/ and /built/. It answers GET and HEAD. Of the headers that protect a
// reader it sets the Content-Security-Policy of the model's page, which needs
// more than others; the rest, and the check of the Host, are its caller's.
func Handler() http.Handler { return newHandler(content) }

func newHandler(files fs.FS) http.Handler {
	mux := http.NewServeMux()
	if !built(files) {
		mux.HandleFunc("GET /"+buildFile, func(w http.ResponseWriter, _ *http.Request) { // the dashboard asks whether there is a model
			w.Header().Set("Content-Type", kinds[".json"])
			w.Header().Set("Cache-Control", "no-store")
			fmt.Fprint(w, `{"id":""}`)
		})
	}
	_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		a, ok := assetOf(files, name)
		switch {
		case !ok, name == buildFile && !built(files):
		case name == "web/live.html":
			mux.Handle("GET /{$}", a)
			mux.Handle("GET /replay.html", a)
		case name == "web/model.html" && built(files):
			mux.Handle("GET /model", widened(a))
		case name == "web/model.html":
			mux.HandleFunc("GET /model", notBuilt)
		default:
			mux.Handle("GET /"+name, a)
		}
		return nil
	}) // the tree is in memory, and reading its names does not fail
	return mux
}

// widened lets a page run the model.
func widened(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", modelPolicy)
		next.ServeHTTP(w, r)
	})
}

// notBuilt is the model's page where there is no model.
func notBuilt(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", kinds[".html"])
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprint(w, `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>Veche</title>
<h1>The model is not in this program</h1>
<p>It was built without it. In the source tree, with Go alone:</p>
<pre>make model
make build</pre>
<p>Then start it again. The <a href=".">dashboard</a> works without the model.</p>
</html>
`)
}

// ServeHTTP sends the file, as gzip to whoever accepts that. A browser asks each
// time whether its copy is still the newest, since another version of this
// program may run tomorrow.
func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, err := a.load()
	if err != nil {
		http.Error(w, "this file of the page cannot be read: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	body, tag := f.plain, `"`+f.tag+`"`
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body, tag = f.gz, `"`+f.tag+`-gz"`
	}
	h.Set("ETag", tag)
	if matches(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the reader has gone, and nobody is left to tell
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3): gzip or * is named, and
// not with a weight of zero; what names gzip itself counts.
func acceptsGzip(values []string) bool {
	any := false
	for v := range strings.SplitSeq(strings.Join(values, ","), ",") {
		coding, params, _ := strings.Cut(v, ";")
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q="); ok {
			var err error
			if weight, err = strconv.ParseFloat(strings.TrimSpace(q), 64); err != nil {
				weight = 0
			}
		}
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return weight > 0
		case "*":
			any = weight > 0
		}
	}
	return any
}

// matches reads If-None-Match; a weak name is as good as a strong one here.
func matches(values []string, tag string) bool {
	for v := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if v = strings.TrimSpace(v); v == "*" || strings.TrimPrefix(v, "W/") == tag {
			return true
		}
	}
	return false
}
