//go:build browser

package browser

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// besides awaits so many rings that stand side by side.
func (b *tab) besides(n int) {
	b.t.Helper()
	await(b.t, "the scenes stand side by side", shownMax*4, func() (bool, string) {
		return js[int](b, `document.querySelectorAll("#side v-ring").length`) == n, js[string](b, `document.body.innerText.slice(0, 300)`)
	})
}

// ringHashes are the runs that are shown side by side, each with its hash.
func (b *tab) ringHashes() (all map[string]string) {
	b.t.Helper()
	text := later[string](b, `import("./web/multiples.js").then((m) => JSON.stringify(Object.fromEntries([...m.runs()].map(([id, r]) => [id, r.hash()]))))`)
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		b.t.Fatal(err)
	}
	return all
}

// Goal: scenes that stand side by side are the real runs, all at one moment, there
// and back; and their table says what came of them. Method: every ring's hash
// against a native run at three moments, the last one earlier than the one before;
// the table at the end, in both languages.
func TestMultiples_AreRunsAtOneMoment(t *testing.T) {
	b, origin := openModel(t, "#s=even-sizes&l=en")
	b.rest()
	b.besides(4)
	for _, at := range []float64{1500, 4800, 700} {
		js[bool](b, `dispatchEvent(new CustomEvent("seek", {detail: {at: `+num(at)+`}})), veche.frame(), true`)
		for id, hash := range b.ringHashes() {
			if here := playHere(t, id, at); here != hash {
				t.Errorf("%s at %v ms: the ring's run has the hash %s, the native one %s", id, at, hash, here)
			}
		}
	}
	js[bool](b, `dispatchEvent(new CustomEvent("seek", {detail: {at: 4800}})), veche.frame(), true`)
	table := `[...document.querySelectorAll("#side tbody tr")].map((r) => [...r.children].slice(1, 4).map((c) => c.innerText).join(", ")).join("; ")`
	if have, want := js[string](b, table), "2, 1, goes on; 3, 1, stops; 3, 2, goes on; 4, 2, stops"; have != want {
		t.Errorf("the table says %q, not %q", have, want)
	}
	js[bool](b, `document.getElementById("language").click(), true`)
	await(t, "the table is in Russian", shownMax, func() (bool, string) {
		have := js[string](b, table)
		return strings.HasPrefix(have, "2, 1, работает; 3, 1, стоит"), have
	})
	js[bool](b, `veche.open("two-masters", {}), true`)
	await(t, "another scene has all panels again", shownMax*2, func() (bool, string) {
		return js[bool](b, `!document.getElementById("side") && document.getElementById("cluster").offsetHeight > 50`), js[string](b, `document.body.className`)
	})
	b.quietModel(origin)
}

// Goal: scenes that leave rules out stand beside those that do not, and a promise
// that one of them breaks is shown. Method: the other groups, opened and played to
// their end; what their tables say.
func TestMultiples_CompareRulesAndReads(t *testing.T) {
	b, origin := openModel(t, "#s=disruptive-return-beside&t=3300&l=en")
	b.besides(3)
	table := `[...document.querySelectorAll("#side tbody tr")].map((r) => [...r.children].slice(1).map((c) => c.innerText).join(", ")).join("; ")`
	await(t, "two of three clusters have lost their leader", shownMax, func() (bool, string) {
		have := js[string](b, table)
		return have == "1 / 1, 1, 1, 0 ms; 1 / 1, 2, 14, 267 ms; 1 / 1, 2, 14, 267 ms", have
	})
	if text := js[string](b, `document.body.innerText`); strings.Contains(text, "MODIFIED RAFT") {
		t.Error("the page's own run keeps all rules, and is marked")
	}
	js[bool](b, `veche.open("reads-beside", {lang: "en"}).then(() => veche.run.seek(950)), true`)
	b.besides(4)
	await(t, "two reads are stale, and two wait", shownMax*2, func() (bool, string) {
		js[bool](b, `veche.frame(), true`)
		have := js[string](b, table)
		return strings.HasPrefix(have, "x = 1, 0 ms, x = 1: stale, 0 ms; x = 1, 0 ms, x = 1: stale, 0 ms; x = 1, 0 ms, waits,"), have
	})
	if bad := js[int](b, `document.querySelectorAll("#side .sign.broken").length`); bad != 2 {
		t.Errorf("%d rings show a broken promise, not 2", bad)
	}
	for scene, want := range map[string]string{"deaf-leader-beside": "1 / 2, 2; 1 / 2, 2; 0 / 2, 1; 0 / 2, 1", "partial-hub-beside": "1 / 1, 2; 1 / 1, 2; 0 / 1, 1; 1 / 1, 2"} {
		js[bool](b, `veche.open("`+scene+`", {lang: "en"}).then(() => veche.run.seek(1150)), true`)
		await(t, scene+" tells what each setting is good for", shownMax*4, func() (bool, string) {
			js[bool](b, `veche.frame(), true`)
			have := js[string](b, `[...document.querySelectorAll("#side tbody tr")].map((r) => [...r.children].slice(1, 3).map((c) => c.innerText).join(", ")).join("; ")`)
			return have == want, have
		})
	}
	b.quietModel(origin)
}

func num(v float64) string { b, _ := json.Marshal(v); return string(b) }

// Goal: they are driven together by the keyboard, and each opens by itself at the
// same moment, with a way back. Method: beats and the time line by keys; a ring's
// button by Enter, a ring by a click, and the browser's way back.
func TestMultiples_ByKeysAndClicks(t *testing.T) {
	b, origin := openModel(t, "#s=even-sizes&l=en")
	b.rest()
	b.besides(4)
	js[bool](b, `veche.run.seek(0), veche.frame(), true`)
	press := func(keys string) {
		t.Helper()
		if err := chromedp.Do(b.ctx, chromedp.KeyEvent(keys)); err != nil {
			t.Fatal(err)
		}
	}
	press("n")
	await(t, "the next beat is reached by all", shownMax*4, func() (bool, string) {
		return js[bool](b, `veche.run.state.beat === "whole" && document.getElementById("play").getAttribute("aria-pressed") === "false"`), js[string](b, `String(veche.run.state.now)`)
	})
	js[bool](b, `document.querySelector("#side [role=slider]").focus(), true`)
	for range 10 {
		press(kb.ArrowRight)
	}
	await(t, "the time line is at 800 ms", shownMax, func() (bool, string) {
		now := js[float64](b, `Number(document.querySelector("#side [role=slider]").getAttribute("aria-valuenow"))`)
		return now == 800, num(now)
	})
	alone := func(how, scene string, act func()) {
		t.Helper()
		act()
		await(t, how+" opens "+scene+" by itself", shownMax*2, func() (bool, string) {
			return js[bool](b, `!document.getElementById("side") && location.hash.startsWith("#s=`+scene+`&") && veche.run.state.now === 800`), js[string](b, `location.hash`)
		})
		js[bool](b, `history.back(), true`)
		b.besides(4)
		await(t, "they are at the same moment again", shownMax*2, func() (bool, string) {
			return js[bool](b, `veche.run.state.now === 800`), js[string](b, `location.hash`)
		})
	}
	alone("Enter on its name", "even-sizes-5", func() {
		js[bool](b, `document.querySelectorAll("#side figcaption button")[2].focus(), true`)
		press(kb.Enter)
	})
	alone("a click on its ring", "even-sizes-3", func() {
		at := js[[]float64](b, `(() => { const r = document.querySelector("#side v-ring").getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]; })()`)
		if err := chromedp.Do(b.ctx, chromedp.MouseClickXY(at[0], at[1])); err != nil {
			t.Fatal(err)
		}
	})
	b.quietModel(origin)
}

// Goal: it fits a projector, a talk and a phone. Method: nothing is wider than the
// screen at each size, and every ring has room; pictures to look at.
func TestMultiples_FitEveryScreen(t *testing.T) {
	b, origin := openModel(t, "#s=even-sizes&l=ru")
	b.rest()
	b.besides(4)
	dir := artifacts(t)
	js[bool](b, `veche.run.seek(3900), veche.frame(), true`)
	for _, size := range []struct {
		name          string
		width, height int64
		scheme        string
		ring          float64
		talk          bool
	}{{"wide", 1600, 900, "light", 250, false}, {"laptop", 1280, 720, "dark", 150, false}, {"phone", 390, 844, "light", 90, false}, {"talk", 1920, 1080, "dark", 250, true}} {
		if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(size.width, size.height)); err != nil {
			t.Fatal(err)
		}
		if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: size.scheme}}}); err != nil {
			t.Fatal(err)
		}
		if size.talk {
			if err := chromedp.Do(b.ctx, chromedp.KeyEvent("p")); err != nil {
				t.Fatal(err)
			}
			await(t, "the talk begins", shownMax, func() (bool, string) {
				return js[bool](b, `document.documentElement.classList.contains("talk")`), "it has not begun"
			})
		}
		later[bool](b, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
		bad := js[[]string](b, `[...document.querySelectorAll("#side button, #side th, #side td, #side .sign")]
			.filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0).map((e) => e.outerHTML.slice(0, 100))
			.concat(document.documentElement.scrollWidth > innerWidth ? ["the page: " + document.documentElement.scrollWidth] : [])
			.concat([...document.querySelectorAll("#side v-ring")].filter((e) => e.clientHeight < `+num(size.ring)+`).map((e) => "a ring is " + e.clientHeight + " high"))`)
		bad = append(bad, js[[]string](b, `[...document.querySelectorAll("#side v-ring")].flatMap((ring) => {
			const middle = (e) => { const r = e.getBoundingClientRect(); return {x: r.left + r.width / 2, y: r.top + r.height / 2, r: r.width / 2}; };
			const discs = [...ring.querySelectorAll("circle.v-track")].map(middle);
			return [...ring.querySelectorAll("text.v-name")].map((e) => [e, middle(e)]).filter(([, m]) => {
				return m.r > 0 && discs.some((d) => Math.hypot(d.x - m.x, d.y - m.y) < d.r);
			}).map(([e]) => "a server lies on the name " + e.textContent + " of " + ring.parentElement.innerText.split("\n")[0]);
		})`)...)
		if len(bad) > 0 {
			t.Errorf("%s: %q", size.name, bad)
		}
		png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err == nil {
			err = os.WriteFile(dir+"/multiples-"+size.name+".png", png, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b.quietModel(origin)
	t.Logf("the pictures are in %s", dir)
}
