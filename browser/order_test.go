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
