//go:build browser

package browser

import (
	"bufio"
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

// js computes an expression in the page, and waits for what it promises.
func js[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// facts are what the dashboard shows of the server that is selected, and of the
// cluster.
func (b *tab) facts() map[string]string {
	b.t.Helper()
	return js[map[string]string](b, `Object.fromEntries([...document.querySelectorAll("#facts dd")].map(d => [d.dataset.fact, d.textContent])
		.concat(["who", "role", "banner", "events", "elections", "sentence", "answer", "name"].map(id => [id, document.getElementById(id).innerText]),
			[["badge", document.getElementById("badge").dataset.as], ["title", document.title], ["rows", String(document.querySelectorAll("#members tr").length)],
			["old", [...document.querySelectorAll("#members tr.old td:first-child")].map(d => d.textContent).join()]]))`)
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

// Goal: who looks at the dashboard sees at once who leads, and sees it change,
// with the reason; who does not answer ages; without a majority it says what is
// missing. Method: open a follower's page, compare it with the status, kill the
// leader, then the other.
func TestPage_ShowsWhoLeadsAndThatItChanges(t *testing.T) {
	c := startCluster(t)
	b := open(t)
	leader, report := c.leader(t)
	here := (leader + 1) % members
	origin := "http://" + c.http[here]
	b.visit(origin + "/")
	took := await(t, "the page shows role, term and leader", shownMax, func() (bool, string) {
		f := b.facts()
		return f["who"] == fmt.Sprintf("n%d", here+1) && f["role"] == "follower" && f["leader"] == report.Name &&
			f["term"] == fmt.Sprint(report.Term) && f["badge"] == "live" && f["rows"] == fmt.Sprint(members), fmt.Sprint(f)
	})
	t.Logf("shown after %v", took.Round(time.Millisecond))
	if js[bool](b, `!document.getElementById("faults").hidden || document.querySelectorAll("#faults button").length > 0`) {
		t.Error("a server offers faults")
	}
	if texts := js[string](b, `[...document.querySelectorAll("#cluster, #logs, #figure4, #figure5, #matrix")].map(e => e.textContent.includes("`+report.Name+`")).join()`); strings.Contains(texts, "false") {
		t.Errorf("of ring, logs, Figures 4 and 5 and matrix these show %s: %s", report.Name, texts)
	}
	b.quiet(origin)

	c.kill(leader)
	took = await(t, "the page shows the new leader and why, and that the old one is silent", 3*shownMax, func() (bool, string) {
		f := b.facts()
		return f["leader"] != report.Name && strings.HasPrefix(f["leader"], "n") && strings.Contains(f["elections"], f["leader"]+" leads term "+f["term"]) &&
			strings.Contains(f["elections"], "closed its connections") && strings.Contains(f["events"], report.Name) && f["old"] == report.Name && f["banner"] == "", fmt.Sprint(f)
	})
	t.Logf("new leader shown, and the old one old, %v after it was killed", took.Round(time.Millisecond))
	dir := artifacts(t)
	b.picture(dir, "leader-killed", "light", 1400)

	b.press("#elections li") // a click on an election looks back at it
	await(t, "the page shows the past", shownMax, func() (bool, string) { f := b.facts(); return f["badge"] == "past", fmt.Sprint(f) })
	b.press("#badge")
	await(t, "the page shows what is now", shownMax, func() (bool, string) { f := b.facts(); return f["badge"] == "live", fmt.Sprint(f) })
	b.quiet(origin)

	other := 3 - leader - here
	c.kill(other)
	await(t, "the page says that the majority is gone", 3*shownMax, func() (bool, string) {
		f := b.facts()
		return strings.Contains(f["banner"], "1 of 3 answer; 2 are needed.") && strings.Contains(f["banner"], fmt.Sprintf("n%d", other+1)) && f["answer"] == "1 of 3", fmt.Sprint(f)
	})
	b.pictures(dir, "quorum-lost")
	light := b.ground("light")
	await(t, "the page is dark where the system is", shownMax, func() (bool, string) { dark := b.ground("dark"); return dark != light, dark })
	b.quiet(origin)
	t.Logf("the pictures are in %s", dir)
	c.kill(here)
	await(t, "the page says that its server is gone", 4*shownMax, func() (bool, string) {
		f := b.facts()
		return f["badge"] == "lost", fmt.Sprint(f)
	})
}

// press clicks the first element of a selector.
func (b *tab) press(selector string) {
	b.t.Helper()
	if !js[bool](b, fmt.Sprintf(`(e => { if (e) e.click(); return !!e; })(document.querySelector(%q))`, selector)) {
		b.t.Fatalf("there is no %s", selector)
	}
}

// pictures saves the page in both languages, light and dark, wide and narrow, and
// fails where it is wider than its window.
func (b *tab) pictures(dir, name string) {
	b.t.Helper()
	for _, language := range []string{"en", "ru"} {
		for _, p := range []struct {
			name, scheme string
			width        int64
		}{{"light", "light", 1400}, {"dark", "dark", 1400}, {"tablet", "light", 820}, {"phone", "light", 390}} {
			b.picture(dir, name+"-"+language+"-"+p.name, p.scheme, p.width)
			if over := js[int](b, `document.documentElement.scrollWidth - window.innerWidth`); over > 0 {
				b.t.Errorf("in %s at %d pixels the page is %d wider than the window", language, p.width, over)
			}
			// What scrolls or ends in an ellipsis is meant to; the rest has to fit.
			cut := js[string](b, `[...document.querySelectorAll("button, h1, h2, p, dt, dd, label, .gauge, th")].filter(e => e.offsetParent && e.scrollWidth > e.clientWidth + 1 && e.clientWidth && !e.closest(".scroll")).map(e => e.id || e.textContent).join()`)
			if cut != "" {
				b.t.Errorf("in %s at %d pixels this does not fit: %s", language, p.width, cut)
			}
		}
		was := js[string](b, `document.documentElement.lang`)
		b.press("#lang")
		await(b.t, "the language changes", shownMax, func() (bool, string) {
			now := js[string](b, `document.documentElement.lang`)
			return now != was, now
		})
	}
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
// into every name, role, address, key, and event.
func TestPage_ShowsMarkupAsText(t *testing.T) {
	c := startCluster(t)
	b := open(t)
	c.put(t, "a-key")
	behind := tamperingProxy(t, "http://"+c.http[0], nil, func(kind string, data any) any { return taint(data, "") })
	b.visit(behind + "/")
	await(t, "the page shows the hostile name, key and event", shownMax, func() (bool, string) {
		text := js[string](b, `document.body.innerText`)
		shows := js[[]bool](b, fmt.Sprintf(`["name", "who", "members", "events", "view"].map(id => document.getElementById(id).textContent.includes(%q))`, hostile))
		for _, ok := range shows {
			if !ok {
				return false, fmt.Sprint(shows, text)
			}
		}
		return len(shows) > 0, text
	})
	if n := js[int](b, `document.querySelectorAll("img, script:not([src='web/live.js'])").length`); n != 0 {
		t.Errorf("%d elements were made of text", n)
	}
	if js[bool](b, `"owned" in window`) {
		t.Error("a script of a name ran")
	}
	b.quiet(behind)
	b.picture(artifacts(t), "hostile", "light", 1200)
}

// Goal: fault buttons are there where faults are offered, work only with the key,
// and the key does not stay in the address. Method: the real page behind a proxy
// that offers faults, without the key and with it.
func TestPage_FaultButtons(t *testing.T) {
	c := startCluster(t)
	b := open(t)
	asked := make(chan string, 10)
	behind := tamperingProxy(t, "http://"+c.http[0], func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		asked <- r.Method + " " + r.Header.Get("X-Veche-Key") + " " + string(body)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"said":"You cut <b>n1</b> off."}`)
	}, func(kind string, data any) any {
		if m, ok := data.(map[string]any); ok && kind == "hello" {
			m["faults"] = "faults"
		}
		return data
	})
	b.visit(behind + "/")
	await(t, "the buttons are there, and locked", shownMax, func() (bool, string) {
		n := js[string](b, `[...document.querySelectorAll("#faults button")].map(b => b.textContent + b.disabled).join()`)
		return strings.Contains(n, "kill n1true") && !strings.Contains(n, "false"), n
	})
	const key = "0123456789abcdef0123456789abcdef"
	b.visit("about:blank")
	b.visit(behind + "/#key=" + key)
	await(t, "the buttons can be used", shownMax, func() (bool, string) {
		n := js[string](b, `location.href + [...document.querySelectorAll("#faults button")].map(b => b.textContent + b.disabled).join()`)
		return strings.Contains(n, "cut n1 offfalse") && !strings.Contains(n, key), n
	})
	b.press("#faults [data-act=cut]")
	if got, want := <-asked, `POST `+key+` {"act":"cut","nodes":["n1"]}`; got != want {
		t.Errorf("asked for %s, want %s", got, want)
	}
	await(t, "what came of it is told", shownMax, func() (bool, string) {
		said := js[string](b, `document.querySelector("#faults .said").textContent`)
		return said == "You cut <b>n1</b> off.", said
	})
}

// Goal: a recording is opened and looked at moment by moment, and what is none is
// refused with a sentence. Method: files made of what a cluster says.
func TestPage_OpensARecording(t *testing.T) {
	c := startCluster(t)
	b := open(t)
	_, report := c.leader(t)
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.jsonl"), filepath.Join(dir, "bad.jsonl")
	lines := `{"veche-recording":1,"viewer":"n9"}` + "\n"
	for range 3 {
		resp, err := http.Get("http://" + c.http[0] + "/cluster?once")
		if err != nil {
			t.Fatal(err)
		}
		frame, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		lines += `{"frame":` + string(frame) + "}\n"
	}
	for name, text := range map[string]string{good: lines + `{"cut sho`, bad: "%PDF"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	origin := "http://" + c.http[0]
	b.visit(origin + "/")
	await(t, "the page is live", shownMax, func() (bool, string) { f := b.facts(); return f["badge"] == "live", fmt.Sprint(f) })
	upload := func(file string) {
		if err := chromedp.Do(b.ctx, chromedp.SetUploadFiles("#file", []string{file})); err != nil {
			t.Fatal(err)
		}
	}
	upload(bad)
	await(t, "the page refuses what is no recording", shownMax, func() (bool, string) {
		f := b.facts()
		return strings.Contains(f["banner"], "no recording") && f["badge"] == "live", fmt.Sprint(f)
	})
	upload(good)
	await(t, "the page shows the recording", shownMax, func() (bool, string) {
		f := b.facts()
		return f["badge"] == "rec" && strings.Contains(f["banner"], "not branched") && f["leader"] == report.Name && f["rows"] == fmt.Sprint(members), fmt.Sprint(f)
	})
	b.visit(origin + "/replay.html")
	await(t, "the page waits for a recording", shownMax, func() (bool, string) {
		text := js[string](b, `document.getElementById("badge").textContent`)
		return strings.Contains(text, "open a recording"), text
	})
	upload(good)
	await(t, "the page shows the recording without a cluster", shownMax, func() (bool, string) {
		f := b.facts()
		return f["badge"] == "rec" && f["leader"] == report.Name, fmt.Sprint(f)
	})
	b.picture(artifacts(t), "recording", "light", 1200)
	b.quiet(origin)
}

// tamperingProxy passes a server's pages on, and changes what the stream of the
// cluster says; faults, if not nil, answers /faults.
func tamperingProxy(t *testing.T, server string, faults http.HandlerFunc, change func(kind string, data any) any) string {
	t.Helper()
	to, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", httputil.NewSingleHostReverseProxy(to))
	if faults != nil {
		mux.HandleFunc("/faults", faults)
	}
	mux.HandleFunc("/cluster", func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), "GET", server+"/cluster", nil)
		if err != nil {
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		w.Header().Set("Content-Type", "text/event-stream")
		in := bufio.NewScanner(resp.Body)
		in.Buffer(nil, 8<<20)
		kind := ""
		for in.Scan() {
			line := in.Text()
			if k, ok := strings.CutPrefix(line, "event: "); ok {
				kind = k
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				var v any
				if json.Unmarshal([]byte(data), &v) != nil {
					return
				}
				out, err := json.Marshal(change(kind, v))
				if err != nil {
					return
				}
				line = "data: " + string(out)
			}
			fmt.Fprintln(w, line)
			if line == "" {
				http.NewResponseController(w).Flush()
			}
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.URL
}

// taint replaces every text but the ids, by which rows are matched, and times.
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
		switch key {
		case "id", "vote", "at", "now", "transferee", "trouble", "kind":
			if key != "kind" || v != "command" {
				return v
			}
		}
		return hostile
	}
	return v
}
