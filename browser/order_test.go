//go:build browser

package browser

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"veche/page"
)

// openBroken opens the model's page from a server that does not have these files.
func openBroken(t *testing.T, behind string, missing ...string) *tab {
	t.Helper()
	whole := page.Handler()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.ContainsFunc(missing, func(m string) bool { return strings.HasSuffix(r.URL.Path, "/"+m) }) {
			http.Error(w, "it is away for now", http.StatusServiceUnavailable)
			return
		}
		whole.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	b := open(t)
	b.visit(s.URL + "/model" + behind)
	return b
}

// at awaits a scene that rests at a moment.
func (b *tab) at(title, beat string) {
	b.t.Helper()
	await(b.t, "the scene "+title+" rests at its beat "+beat, 10*time.Second, func() (bool, string) {
		return js[bool](b, `document.getElementById("scene-title").textContent === "`+title+`" && veche.run.state.beat === "`+beat+`" && document.getElementById("play").getAttribute("aria-pressed") === "false"`),
			js[string](b, `document.getElementById("scene-title").textContent + ", " + (globalThis.veche?.run?.state.beat ?? "no run")`)
	})
}

// Goal: what does not load is told, with what to do, and nothing else breaks.
// Method: a server without the model, without the lab, and without a module that is
// loaded on demand.
func TestOrder_WhatDoesNotLoadIsTold(t *testing.T) {
	told := func(b *tab, id string) {
		t.Helper()
		await(t, "it is told, with what to do", 10*time.Second, func() (bool, string) {
			text := js[string](b, `document.getElementById("`+id+`").textContent`)
			return strings.HasPrefix(text, "This could not be loaded: ") && strings.HasSuffix(text, "Reload the page."), text
		})
	}
	t.Run("the model", func(t *testing.T) {
		b := openBroken(t, "#l=en", "model.wasm.gz")
		told(b, "beat-text")
		if js[bool](b, `!document.getElementById("toast").hidden`) {
			t.Errorf("something else failed: %s", js[string](b, `document.getElementById("toast").textContent`))
		}
	})
	t.Run("the lab, and a module", func(t *testing.T) {
		b := openBroken(t, "#s=figure-8&l=en", "lab.wasm.gz", "find.js")
		b.at("Why a majority is not enough (Figure 8)", "a")
		js[bool](b, `location.hash = "#s=two-masters-one-term&l=en", true`)
		told(b, "beat-text")
		if now := js[float64](b, `document.getElementById("play").getAttribute("aria-pressed") === "true" ? -1 : veche.run.state.now`); now != 220.5 {
			t.Errorf("the scene before goes on, or is at %v ms", now)
		}
		b.key("q")
		told(b, "toast")
	})
	t.Run("scenes beside one that is there", func(t *testing.T) {
		b := openBroken(t, "#s=disruptive-return-beside&l=en", "lab.wasm.gz")
		told(b, "toast")
		if js[int](b, `document.getElementById("cluster").offsetHeight`) < 50 {
			t.Error("the page is empty: the scene that is there is not shown")
		}
	})
}

// Goal: the scene that was asked for last is the one that is shown, whole, and
// nothing of what was open before lies over it. Method: an address that changes
// while a dialog is open, and while a scene that needs the lab is still loaded; the
// beats are those of the last one.
func TestOrder_TheLastOneIsShown(t *testing.T) {
	b, origin := openModel(t, "#s=two-masters&t=900&l=en")
	for _, key := range []string{"o", "?", "q", "r"} {
		b.key(key)
		await(t, "a dialog opens", shownMax*2, func() (bool, string) { return js[bool](b, `document.getElementById("box").open`), key })
		js[bool](b, `location.hash = "#s=two-masters-one-term&l=en", location.hash = "#s=figure-8&l=en", true`)
		b.at("Why a majority is not enough (Figure 8)", "a")
		if js[bool](b, `document.getElementById("box").open`) {
			t.Errorf("the dialog of the key %s lies over another scene", key)
		}
		if have := js[string](b, `document.getElementById("beat-count").textContent`); !strings.HasPrefix(have, "1 / ") {
			t.Errorf("the beat is %q: it is counted among another scene's", have)
		}
		js[bool](b, `location.hash = "#s=two-masters&t=900&l=en", true`)
		await(t, "the first scene is back", shownMax*2, func() (bool, string) {
			return js[bool](b, `veche.run.state.now === 900`), js[string](b, `String(veche.run.state.now)`)
		})
	}
	b.quietModel(origin)
}

// Goal: a menu that is closed shows nothing ahead any more, and gives the focus
// back. Method: the menu by its key, until its preview is drawn; then Escape.
func TestOrder_TheMenuTakesItsPreviewAlong(t *testing.T) {
	b, origin := openModel(t, "#s=two-masters&t=900&l=en")
	js[bool](b, `document.getElementById("speed").focus(), true`)
	b.key("a")
	await(t, "what would come is drawn", shownMax*2, func() (bool, string) {
		return js[bool](b, `document.getElementById("cluster").ghost !== null`), "no ghost"
	})
	b.key(kb.Escape)
	await(t, "the picture is the present again", shownMax, func() (bool, string) {
		return js[bool](b, `document.getElementById("menu").hidden && document.getElementById("cluster").ghost === null && document.activeElement.id === "speed"`),
			js[string](b, `document.activeElement.outerHTML.slice(0, 80)`)
	})
	b.quietModel(origin)
}

// Goal: another language is spoken everywhere at once. Method: the strip of odds
// while it is drawn and once it was stopped, the mark of left out rules, and messages
// that fly, in Russian; then the language's key, and no Russian letter is left but
// the name of the language.
func TestOrder_AnotherLanguageEverywhere(t *testing.T) {
	b, origin := openModel(t, "#s=two-masters-one-term&t=250&l=ru")
	if n := js[int](b, `veche.frame(), veche.run.state.flights.length`); n == 0 {
		t.Fatal("no message flies at that moment")
	}
	b.key("q")
	await(t, "the dialog opens", shownMax*4, func() (bool, string) { return js[bool](b, `!!document.querySelector("#box[open] .others button")`), "" })
	js[bool](b, `document.querySelector("#box .others button").click(), true`)
	await(t, "the odds are drawn", 20*time.Second, func() (bool, string) {
		return js[bool](b, `document.querySelectorAll("#odds .odd").length > 0`), js[string](b, `document.getElementById("odds")?.innerText ?? "no strip"`)
	})
	left := func(letters string) string {
		return js[string](b, `(() => {
			const all = [...document.querySelectorAll("body *")].filter((e) => e.id !== "language" && !e.closest("dialog:not([open]), [hidden]")), is = new RegExp("`+letters+`");
			const texts = all.flatMap((e) => [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data));
			return texts.concat(all.flatMap((e) => ["title", "aria-label", "aria-valuetext"].map((a) => e.getAttribute(a) ?? ""))).filter((x) => is.test(x)).join("; ");
		})()`)
	}
	for _, stop := range []bool{false, true} {
		if stop {
			js[bool](b, `document.querySelector("#odds button").click(), true`)
		}
		b.key("l")
		await(t, "nothing is left in Russian", shownMax*2, func() (bool, string) {
			text := left("[а-яё]")
			return text == "" && js[string](b, `document.documentElement.lang`) == "en", text
		})
		b.key("l")
		await(t, "it is Russian again", shownMax*2, func() (bool, string) {
			text := js[string](b, `document.getElementById("odds").innerText + document.getElementById("stripes").innerText`)
			return strings.Contains(text, "вариантов будущего") && strings.Contains(text, "Один голос в терме"), text
		})
	}
	b.quietModel(origin)
}

// Goal: of scenes side by side none is acted on unseen, and rules that are left out
// are left out of all. Method: the keys for acting, splitting and searching; a link
// without a rule.
func TestOrder_NothingIsDoneToManyAtOnce(t *testing.T) {
	b, origin := openModel(t, "#s=even-sizes&t=900&w=checkquorum&l=en")
	b.besides(4)
	if have := later[string](b, `import("./web/multiples.js").then((m) => [...m.runs().values()].map((r) => r.state.without.join()).join(" "))`); have != "checkquorum checkquorum checkquorum checkquorum" {
		t.Errorf("the rules that are left out are %q", have)
	}
	for _, key := range []string{"a", "x", "q"} {
		js[bool](b, `document.getElementById("toast").hidden = true`)
		b.key(key)
		await(t, "the key "+key+" says that one is to be opened by itself", shownMax*2, func() (bool, string) {
			text := js[string](b, `document.getElementById("toast").hidden ? "" : document.getElementById("toast").textContent`)
			return strings.Contains(text, "by itself"), text
		})
	}
	if js[bool](b, `!document.getElementById("menu").hidden || document.getElementById("box").open || document.getElementById("cluster").cutting === true`) {
		t.Error("something opened all the same")
	}
	b.quietModel(origin)
}

// Goal: on a phone what would come does not lie on what may be chosen, and what may be
// chosen stays where it is. Method: the menu of a server on a narrow page; where its
// parts are before a preview and after.
func TestOrder_TheMenuOnAPhone(t *testing.T) {
	b, origin := openModel(t, "#s=split-vote&t=700&l=ru")
	b.size(390, 844)
	b.key("a")
	top := `(document.querySelector("#menu .items")?.getBoundingClientRect().top ?? 0)`
	await(t, "the menu opens", shownMax*2, func() (bool, string) { return js[bool](b, top+` > 0`), "" })
	was := js[float64](b, top)
	await(t, "what would come is told", shownMax*2, func() (bool, string) {
		return js[int](b, `document.querySelectorAll("#menu aside p").length`) > 2, js[string](b, `document.querySelector("#menu aside").innerText`)
	})
	if now := js[float64](b, top); now != was {
		t.Errorf("the entries were at %v and are at %v: a finger misses them", was, now)
	}
	over := js[float64](b, `(() => {
		const aside = document.querySelector("#menu aside"), clips = getComputedStyle(aside).overflowY !== "visible";
		return (clips ? aside : aside.lastElementChild).getBoundingClientRect().bottom - `+top+`;
	})()`)
	if over > 1 {
		t.Errorf("what would come reaches %v px into the entries", over)
	}
	b.quietModel(origin)
}

// Goal: servers with the longest names leave room for everything else. Method: a
// recording whose names have 128 letters; what is wider than where it stands, or
// pushes others out.
func TestOrder_LongNamesInARecording(t *testing.T) {
	b, origin := openModel(t, "#s=figure-8&l=en")
	b.wide()
	long := strings.NewReplacer(`"n1"`, `"`+strings.Repeat("x", 128)+`"`, `"n2"`, `"`+strings.Repeat("<b>y", 32)+`"`, `"n3"`, `"`+strings.Repeat("ж", 128)+`"`)
	b.drop(long.Replace(stagedRecording(t)))
	await(t, "it is shown", shownMax*4, func() (bool, string) { r := b.replay("window"); return r.Is, r.Toast })
	js[bool](b, `veche.run.seek(veche.run.recording.end), veche.frame(), true`)
	bad := js[string](b, `[...document.querySelectorAll("#top > *, #recorded *, .panel > h2 > *, #events li > *")].filter((e) => e.offsetParent).filter((e) => {
		const r = e.getBoundingClientRect(), on = e.closest(".panel, #top, #recorded").getBoundingClientRect();
		return r.right > on.right + 1 || r.left < on.left - 1;
	}).map((e) => e.outerHTML.slice(0, 80)).join("; ")`)
	if bad != "" {
		t.Errorf("beyond its edge: %s", bad)
	}
	if have := js[string](b, `document.getElementById("beat-text").textContent`); len([]rune(have)) > 250 {
		t.Errorf("the line has %d letters: %s", len([]rune(have)), have)
	}
	b.quietModel(origin)
}

// Goal: the focus stays where somebody works by keyboard. Method: a search that is
// begun and cancelled with Enter; a bar of the odds while others are still drawn, and
// after Enter on it.
func TestOrder_TheFocusStays(t *testing.T) {
	b, origin := openModel(t, "#s=split-vote&t=700&l=en")
	focus := func(what, selector string) {
		t.Helper()
		await(t, "the focus is on "+what, shownMax*2, func() (bool, string) {
			return js[bool](b, `document.activeElement.matches("`+selector+`")`), js[string](b, `document.activeElement.outerHTML.slice(0, 100)`)
		})
	}
	b.question()
	js[bool](b, `document.querySelector("#box .questions input[value=two]").click(), document.querySelector("#box .go .primary").focus(), true`)
	b.key(kb.Enter)
	focus("what cancels the search", "#box .go button:not(.primary):enabled")
	b.key(kb.Enter)
	focus("what begins it", "#box .go .primary:enabled")
	js[bool](b, `document.querySelector("#box .others button").click(), true`)
	bars := `document.querySelectorAll("#odds .odd").length`
	await(t, "the first bars are drawn", 20*time.Second, func() (bool, string) { return js[int](b, bars) > 0, "none" })
	n := js[int](b, `document.querySelector("#odds .odd").focus(), `+bars)
	await(t, "more of them are drawn", 20*time.Second, func() (bool, string) { return js[int](b, bars) > n, "none" })
	focus("the first bar", "#odds .odd:first-of-type")
	b.key(kb.Enter)
	await(t, "a future is a branch", shownMax*4, func() (bool, string) { return js[int](b, `veche.run.branches.length`) > 1, "none" })
	focus("the first bar", "#odds .odd")
	b.quietModel(origin)
}
