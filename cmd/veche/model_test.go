package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"veche/page"
)

// Goal: veche model says where it is, shows it there to its own hosts alone, and
// ends when it is told to. Method: serve on a free port, ask, cancel.
func TestModel_ServesUntilItIsTold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	defer w.Close()
	done := make(chan error, 1)
	go func() { done <- serveModel(ctx, &modelOptions{listen: "127.0.0.1:0"}, w) }()
	lines := bufio.NewScanner(r)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "http://127.0.0.1:") {
		t.Fatalf("it says %q", lines.Text())
	}
	url := lines.Text()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	go func() { _, _ = io.Copy(io.Discard, r) }() // whatever else it says
	for host, want := range map[string]int{"": 200, "localhost": 200, "evil.example": http.StatusMisdirectedRequest} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", strings.TrimSuffix(url, "model")+"web/files.js", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("Host %q: %d, want %d", host, res.StatusCode, want)
		}
	}
	res, err := client.Get(strings.TrimSuffix(url, "model"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.Request.URL.String() != url {
		t.Errorf("the root leads to %s", res.Request.URL)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// Goal: a wrong address is the caller's mistake. Method: an impossible one.
func TestModel_RefusesABadAddress(t *testing.T) {
	err := serveModel(t.Context(), &modelOptions{listen: "127.0.0.1:99999"}, io.Discard)
	if e, ok := errors.AsType[*exitError](err); !ok || e.code != exitUsage || !strings.Contains(e.text, "99999") {
		t.Errorf("%v", err)
	}
}

// Goal: the model is written where it is wanted, or a sentence says why not.
// Method: write both forms; without the model nothing may be written.
func TestModel_Writes(t *testing.T) {
	dir := t.TempDir()
	site, file := filepath.Join(dir, "site"), filepath.Join(dir, "veche-model.html")
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"model", "--site", site, "--file", file}, &out, &errs)
	if !page.Built() {
		if code != exitFailed || !strings.Contains(errs.String(), "make model") {
			t.Errorf("code %d, %s", code, errs.String())
		}
		return
	}
	if code != exitOK {
		t.Fatalf("code %d, %s", code, errs.String())
	}
	for _, name := range []string{filepath.Join(site, "index.html"), filepath.Join(site, "built", "model.wasm.gz"), file} {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
}
