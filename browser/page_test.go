//go:build browser

package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// testMax bounds a test with its browser; shownMax is how soon the page shows
// what there is, as a person expects it.
const (
	testMax  = 2 * time.Minute
	shownMax = 2 * time.Second
)

// tab is one page in a browser of its own, with what it said and asked for.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex // guards: said, asked, headers
	said     []string   // on the console
	asked    []string   // URLs
	policies map[string]string
}

// open starts Chromium with a fresh profile.
func open(t *testing.T) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("the page is tested in a real browser: install Debian's package chromium (%v)", err)
	}
	bounded, cancel := context.WithTimeout(context.Background(), testMax)
	t.Cleanup(cancel)
	alloc, cancel := chromedp.NewExecAllocator(bounded, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-pings", true), chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, policies: map[string]string{}}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	t.Cleanup(func() { chromedp.Cancel(ctx) })
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return // the browser has ended
			}
			b.mu.Lock()
			b.said = append(b.said, m.String())
			b.mu.Unlock()
		}
	}()
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	return b
}

// note keeps what the browser asks the network for.
func (b *tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.asked = append(b.asked, e.Request.URL)
	case *network.EventResponseReceived:
		for k, v := range e.Response.Headers {
			if strings.EqualFold(k, "Content-Security-Policy") {
				b.policies[e.Response.URL] = fmt.Sprint(v)
			}
		}
	}
}

// visit opens a page.
func (b *tab) visit(url string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Navigate(url)); err != nil {
		b.t.Fatalf("open %s: %v", url, err)
	}
}

// js computes an expression in the page.
func js[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// facts are what the page shows of its member.
func (b *tab) facts() map[string]string {
	b.t.Helper()
	return js[map[string]string](b, `Object.fromEntries([...document.querySelectorAll("#facts dt")].map(d => [d.textContent, d.nextElementSibling.textContent])
		.concat([["name", document.getElementById("name").textContent], ["role", document.getElementById("role").textContent],
			["link", document.getElementById("link").textContent], ["title", document.title]]))`)
}

// picture saves the whole page in a colour scheme and a width.
func (b *tab) picture(dir, name, scheme string, width int64) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	if err == nil {
		err = chromedp.Do(b.ctx, chromedp.EmulateViewport(width, 900))
	}
	var png []byte
	if err == nil {
		png, err = chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
	}
	if err != nil {
		b.t.Fatalf("take a picture: %v", err)
	}
}

// artifacts is the folder of the pictures; it outlives the test.
func artifacts(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("VECHE_ARTIFACTS")
	var err error
	if dir == "" {
		dir, err = os.MkdirTemp("", "veche-page-")
	} else {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// quiet fails when the page complained, or asked anybody but its own server.
func (b *tab) quiet(origin string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.said {
		b.t.Errorf("the console says: %s", m)
	}
	if len(b.asked) < 4 {
		b.t.Errorf("the browser asked only for %q", b.asked)
	}
	for _, u := range b.asked {
		if !strings.HasPrefix(u, origin+"/") {
			b.t.Errorf("the page asked for %s, which is not of %s", u, origin)
		}
	}
	if p := b.policies[origin+"/"]; !strings.Contains(p, "default-src 'self'") {
		b.t.Errorf("the page came with the Content-Security-Policy %q", p)
	}
}

// Goal: who looks at the page sees at once who leads, and sees it change.
// Method: open a follower's page, compare it with the status, kill the leader.
func TestPage_ShowsWhoLeadsAndThatItChanges(t *testing.T) {
	c := startCluster(t)
	b := open(t)
	leader, report := c.leader(t)
	here := (leader + 1) % members
	origin := "http://" + c.http[here]
	b.visit(origin + "/")
	took := await(t, "the page shows role, term and leader", shownMax, func() (bool, string) {
		f := b.facts()
		return f["name"] == fmt.Sprintf("n%d", here+1) && f["role"] == "follower" && f["leader"] == report.Name &&
			f["term"] == fmt.Sprint(report.Term) && f["link"] == "live", fmt.Sprint(f)
	})
	t.Logf("shown after %v", took.Round(time.Millisecond))
	if rows := js[int](b, `document.querySelectorAll("#members tr").length`); rows != members {
		t.Errorf("the page lists %d members of %d", rows, members)
	}
	b.quiet(origin)

	c.kill(leader)
	took = await(t, "the page shows the new leader", 2*shownMax, func() (bool, string) {
		f := b.facts()
		return f["leader"] != report.Name && strings.HasPrefix(f["leader"], "n") && f["term"] > fmt.Sprint(report.Term), fmt.Sprint(f)
	})
	t.Logf("new leader shown %v after the old one was killed", took.Round(time.Millisecond))
	if events := js[string](b, `document.getElementById("events").textContent`); !strings.Contains(events, report.Name) {
		t.Errorf("the list of events does not speak of %s: %q", report.Name, events)
	}
	b.quiet(origin)

	now, _ := c.leader(t)
	b.visit("http://" + c.http[now] + "/")
	await(t, "the leader's page says so", shownMax, func() (bool, string) {
		f := b.facts()
		return f["role"] == "leader" && f["link"] == "live", fmt.Sprint(f)
	})
	dir := artifacts(t)
	for _, p := range []struct {
		name, scheme string
		width        int64
	}{{"light", "light", 1200}, {"dark", "dark", 1200}, {"phone", "light", 390}} {
		b.picture(dir, p.name, p.scheme, p.width)
		if over := js[int](b, `document.documentElement.scrollWidth - window.innerWidth`); over > 0 {
			t.Errorf("at %d pixels the page is %d wider than the window", p.width, over)
		}
	}
	if light, dark := b.ground("light"), b.ground("dark"); light == dark {
		t.Errorf("light and dark have the same ground %s", light)
	}
	t.Logf("the pictures are in %s", dir)
	c.kill(now)
	await(t, "the page says that its server is gone", 3*shownMax, func() (bool, string) {
		f := b.facts()
		return strings.Contains(f["link"], "no answer"), fmt.Sprint(f)
	})
}

// ground is the page's background in a colour scheme.
func (b *tab) ground(scheme string) string {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
		b.t.Fatal(err)
	}
	return js[string](b, `getComputedStyle(document.body).backgroundColor`)
}

// hostile would run if it were ever taken for markup.
const hostile = `"><img src=x onerror="window.owned=1"><script>window.owned=1</script>&amp;`

// Goal: nothing that a cluster says can run in the browser, even where names
// are checked elsewhere. Method: the real page behind a proxy that puts markup
// into every name, role, address and event.
func TestPage_ShowsMarkupAsText(t *testing.T) {
	c := startCluster(t)
	b := open(t)
	behind := hostileProxy(t, "http://"+c.http[0])
	b.visit(behind + "/")
	await(t, "the page shows the hostile name and event", shownMax, func() (bool, string) {
		text := js[string](b, `document.body.innerText`)
		return js[string](b, `document.getElementById("name").textContent`) == hostile &&
			strings.Contains(js[string](b, `document.getElementById("events").textContent`), hostile) &&
			strings.Contains(js[string](b, `document.getElementById("members").textContent`), hostile), text
	})
	if n := js[int](b, `document.querySelectorAll("img, script:not([src='page.js'])").length`); n != 0 {
		t.Errorf("%d elements were made of text", n)
	}
	if js[bool](b, `"owned" in window`) {
		t.Error("a script of a name ran")
	}
	b.quiet(behind)
	b.picture(artifacts(t), "hostile", "light", 1200)
}

// hostileProxy passes a server's pages on, and puts markup into what it says.
func hostileProxy(t *testing.T, server string) string {
	t.Helper()
	to, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.URL.Path != "/status" {
			return nil
		}
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		var status any
		if err := json.Unmarshal(raw, &status); err != nil {
			return err
		}
		out, err := json.Marshal(taint(status, ""))
		if err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(out))
		r.ContentLength = int64(len(out))
		r.Header.Set("Content-Length", fmt.Sprint(len(out)))
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("/", proxy)
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		event, err := json.Marshal(map[string]any{"at": time.Now().UTC(), "kind": hostile, "reason": hostile, "text": hostile})
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "id: 1\ndata: %s\n\n", event)
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	s := httptest.NewServer(mux)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.URL
}

// taint replaces every text of a status but the ids, by which rows are matched.
func taint(v any, key string) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			v[k] = taint(x, k)
		}
		return v
	case []any:
		for i := range v {
			v[i] = taint(v[i], key)
		}
		return v
	case string:
		if key == "id" || key == "vote" {
			return v
		}
		return hostile
	}
	return v
}
