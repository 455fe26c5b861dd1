//go:build browser

package browser

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// pause lets the page draw twice.
const pause = `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`

// clashes are texts of a drawing that lie on one another or stick out of it. A box
// is as tall as its letters, not as its line; what flies may
// meet anything, and the flag of the moment in Figure 5 may hide ticks, not cut them.
const clashes = `(() => {
	const out = [];
	for (const d of document.querySelectorAll(".v-drawing")) {
		const svg = d.querySelector("svg.v-sheet"), edge = d.getBoundingClientRect();
		if (!svg || !d.offsetParent) continue;
		const all = [...svg.querySelectorAll("text")].filter((e) => e.textContent.trim() && e.getClientRects().length && !e.closest(".v-flight, .v-tick, .v-now")).map((e) => {
			const b = e.getBoundingClientRect();
			return {e, x0: b.left, x1: b.right, y0: b.top + b.height / 5, y1: b.bottom - b.height / 5};
		});
		const flag = d.querySelector(".v-now path")?.getBoundingClientRect();
		for (const e of flag?.width ? d.querySelectorAll(".v-tick text") : []) {
			const b = e.getBoundingClientRect();
			if (b.width && (b.left < flag.left - 1 && b.right > flag.left + 1 || b.right > flag.right + 1 && b.left < flag.right - 1)) out.push(d.id + ": the flag cuts " + e.textContent);
		}
		all.forEach((a, i) => {
			if (d.id !== "logs" && (a.x0 < edge.left - 1 || a.x1 > edge.right + 1 || a.y0 < edge.top - 1 || a.y1 > edge.bottom + 1)) out.push(d.id + ": " + a.e.textContent + " is cut");
			for (const b of all.slice(i + 1))
				if (Math.min(a.x1, b.x1) - Math.max(a.x0, b.x0) > 1.5 && Math.min(a.y1, b.y1) - Math.max(a.y0, b.y0) > 1) out.push(d.id + ": " + a.e.textContent + " lies on " + b.e.textContent);
		});
	}
	return out;
})()`

// size gives the window a size.
func (b *tab) size(width, height int64) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(width, height)); err != nil {
		b.t.Fatal(err)
	}
	later[bool](b, pause)
}

// Goal: one can read every word of the drawings, also right after entries were
// thrown away, and when logs are not looked at while scenes change. Method: the
// boxes of all texts at the ends of scenes, in both languages, on a laptop and, one
// panel after the other, on a phone.
func TestDrawing_NoWordLiesOnAnother(t *testing.T) {
	b, origin := openModel(t, "#s=cluster-start")
	b.rest()
	look := func(where string) {
		t.Helper()
		later[bool](b, pause)
		if bad := js[[]string](b, `veche.frame(), `+clashes); len(bad) > 0 {
			t.Errorf("%s: %q", where, bad)
		}
	}
	tab := func(i int) {
		js[bool](b, fmt.Sprintf(`document.querySelectorAll("#tabs button")[%d].click(), true`, i))
	}
	for k, id := range []string{"master-crash", "two-masters", "figure-7", "figure-8", "even-sizes", "power-cut", "membership"} {
		for _, lang := range []string{"en", "ru"} {
			b.size(1280, 720)
			b.playThere(id, lang)
			look(id + " in " + lang)
			if lang == []string{"en", "ru"}[k%2] {
				b.size(390, 844)
				for i := range 4 {
					tab(i)
					look(fmt.Sprintf("%s in %s on a phone, panel %d", id, lang, i+1))
				}
			}
		}
	}
	for _, id := range []string{"figure-7", "figure-8"} { // the logs of the one are not seen to fall in the other
		tab(0)
		b.playThere(id, "en")
		tab(1)
		look(id + " after another scene, on a phone")
	}
	b.quietModel(origin)
}

// Goal: servers stand apart, whatever their number, and messages pass below crowns.
// Method: the circles of the rings of timers with seven and nine servers, and no
// ring on the words of another server; the order in the drawing.
func TestDrawing_ServersStandApart(t *testing.T) {
	b, origin := openModel(t, "#s=cluster-start")
	b.rest()
	for _, nodes := range []int{5, 7, 9} {
		later[bool](b, fmt.Sprintf(`veche.openFree({nodes: %d, seed: 3}).then(() => { veche.run.on(900); veche.run.act("put x 1 @S1"); veche.run.on(1500); return true; })`, nodes))
		for _, size := range [][2]int64{{1280, 720}, {1600, 900}, {390, 844}} {
			b.size(size[0], size[1])
			bad := js[[]string](b, `(() => {
				veche.frame();
				const all = [...document.querySelectorAll("v-cluster .v-node")].map((g) => {
					const [, x, y] = g.getAttribute("transform").match(/([-\d.]+),([-\d.]+)/).map(Number);
					return {id: g.dataset.server, x, y, r: g.querySelector("circle.v-disc").r.baseVal.value * 1.2, words: [...g.querySelectorAll(".v-label text")].filter((e) => e.getClientRects().length && e.textContent).map((e) => e.getBBox())};
				});
				const out = [];
				for (const a of all) for (const c of all) if (a !== c) {
					if (Math.hypot(a.x - c.x, a.y - c.y) < a.r + c.r) out.push("S" + a.id + " touches S" + c.id);
					for (const w of c.words) {
						const dx = a.x - Math.max(c.x + w.x, Math.min(a.x, c.x + w.x + w.width)), dy = a.y - Math.max(c.y + w.y, Math.min(a.y, c.y + w.y + w.height));
						if (Math.hypot(dx, dy) < a.r) out.push("S" + a.id + " touches the words of S" + c.id);
					}
				}
				return out;
			})()`)
			if len(bad) > 0 {
				t.Errorf("%d servers at %d×%d: %q", nodes, size[0], size[1], bad)
			}
		}
	}
	b.playThere("master-crash", "en")
	if !js[bool](b, `(() => { veche.run.seek(veche.run.branch.happenings.find((h) => h.kind === "became_leader").at); veche.frame();
		const bird = document.querySelector("v-cluster .v-flight"), crown = document.querySelector("v-cluster [data-as=leader] .v-crown");
		return !!bird && !!crown && !!(bird.compareDocumentPosition(crown) & Node.DOCUMENT_POSITION_FOLLOWING); })()`) {
		t.Error("a message is drawn over a crown")
	}
	b.quietModel(origin)
}

// Goal: however much was tried, Figure 5 keeps its height; the lanes scroll.
// Method: seven branches, and the figure measured before and after.
func TestDrawing_LanesLeaveRoomForFigure5(t *testing.T) {
	b, origin := openModel(t, "#s=master-crash")
	b.rest()
	b.size(1280, 720)
	b.playThere("master-crash", "en")
	later[bool](b, pause)
	before := js[int](b, `document.getElementById("figure5").offsetHeight`)
	js[bool](b, `(() => { for (let i = 1; i < 8; i++) { veche.run.seek(300 + i, veche.run.branches[0]); veche.run.act("power-cut S" + (2 + i % 4)); } veche.frame(); return true; })()`)
	await(t, "the lanes are there", shownMax, func() (bool, string) {
		js[bool](b, `veche.frame(), true`)
		return js[int](b, `document.querySelectorAll("#branches .lane").length`) == 8, js[string](b, `document.getElementById("branches").innerText`)
	})
	after := js[int](b, `document.getElementById("figure5").offsetHeight`)
	if after < before-8 {
		t.Errorf("Figure 5 was %d pixels high, and is %d beside eight lanes", before, after)
	}
	if !js[bool](b, `(() => { const e = document.getElementById("branches"); return e.scrollHeight > e.clientHeight && e.clientHeight > 40; })()`) {
		t.Error("the lanes do not scroll")
	}
	b.quietModel(origin)
}

// Goal: a finger, which cannot hover, sees what would come of an entry of the menu
// before it is done. Method: real touches: the first on an entry leaves the run as
// it is and tells the outcome, the second acts.
func TestDrawing_TouchShowsBeforeItActs(t *testing.T) {
	b, origin := openModel(t, "#s=master-crash")
	b.rest()
	b.playThere("master-crash", "en")
	tap := func() {
		t.Helper()
		at := js[[]float64](b, `(() => { const r = document.querySelector("#menu [role=menuitem]").getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]; })()`)
		if err := chromedp.Do(b.ctx, chromedp.TapXY(at[0], at[1])); err != nil {
			t.Fatal(err)
		}
	}
	js[bool](b, `document.getElementById("act").click(), true`)
	await(t, "the menu opens", shownMax, func() (bool, string) {
		return js[bool](b, `!!document.querySelector("#menu:not([hidden]) [role=menuitem]")`), "it is shut"
	})
	tap()
	said := ""
	await(t, "the first touch tells what would come of it, and how to do it", shownMax, func() (bool, string) {
		said = js[string](b, `document.querySelector("#menu aside").innerText`)
		return strings.Contains(said, "Two seconds later") && strings.Contains(said, "Tap once more"), said
	})
	if n := js[int](b, `veche.run.branches.length`); n != 1 {
		t.Fatalf("the first touch has acted: there are %d branches", n)
	}
	tap()
	await(t, "the second touch acts", shownMax, func() (bool, string) {
		return js[bool](b, `document.getElementById("menu").hidden && veche.run.branches.length === 2 || !veche.run.state.servers[0].up`), said
	})
	b.quietModel(origin)
}

// Goal: what the page says about a scene goes with it; the gauge does not call a
// cluster stuck of which only a cut off minority waits; our own promises stand apart from
// the paper's. Method: a wrong link's toast and the next scene; a client that
// asked beyond a cut; a scene that breaks promises of both kinds.
func TestDrawing_SaysWhatIsTrueHere(t *testing.T) {
	b, origin := openModel(t, "#s=master-crash")
	b.rest()
	later[bool](b, `veche.open("no-such-scene").then(() => true)`)
	toast := `document.getElementById("toast").hidden ? "" : document.getElementById("toast").textContent`
	await(t, "the page says that there is no such scene", shownMax, func() (bool, string) {
		return js[string](b, toast) != "", "nothing is said"
	})
	later[bool](b, `veche.open("split-majority", {lang: "en"}).then(() => true)`)
	if said := js[string](b, toast); said != "" {
		t.Errorf("over the next scene one still reads %q", said)
	}
	gauge := `(veche.frame(), document.getElementById("gauge").hidden ? "" : document.getElementById("gauge").textContent)`
	state := js[string](b, `(() => { const run = veche.run;
		for (let at = 0; at < 60000; ) {
			run.on((at += 10));
			const s = run.state, led = s.servers.some((v) => v.role === "leader" && v.confirmed);
			const waits = s.clients.filter((c) => c.outcome === "waiting" && s.now - c.since > 320);
			if (led && waits.length && s.links.some((l) => l.cut)) return "split";
		}
		return "never"; })()`)
	if said := js[string](b, gauge); state != "split" || said != "" {
		t.Errorf("%s: while only the minority waits, the gauge says %q", state, said)
	}
	b.playThere("break-step-down", "en")
	await(t, "our own promise is told apart from the paper's", shownMax, func() (bool, string) {
		return js[bool](b, `(veche.frame(), (() => { const e = document.querySelector(".v-also"); return !e.hidden && e.textContent.startsWith("also: ") && e.title.includes("paper") && e.tabIndex === 0; })())`),
			js[string](b, `document.querySelector(".v-promises").innerText`)
	})
	b.playThere("master-crash", "en")
	if js[bool](b, `(veche.frame(), !document.querySelector(".v-also").hidden)`) {
		t.Error("the promise of another scene is still called broken")
	}
	b.quietModel(origin)
}

// Goal: a link to a late moment tells how far it has come, and the page lives
// meanwhile. Method: a link to half an hour; what is said and how many frames the
// page draws are noted on the way.
func TestDrawing_LateMomentTellsItsProgress(t *testing.T) {
	b, origin := openModel(t, "#s=master-crash")
	b.rest()
	js[bool](b, `(() => {
		globalThis.noted = {said: [], frames: 0};
		new MutationObserver(() => noted.said.push(document.getElementById("toast").textContent)).observe(document.getElementById("toast"), {childList: true});
		const frame = () => { noted.frames++; requestAnimationFrame(frame); };
		frame();
		location.hash = "#s=master-crash&t=1800000";
		return true;
	})()`)
	await(t, "the moment is reached", 60*time.Second, func() (bool, string) {
		return js[bool](b, `veche.run.state.now === 1800000`), js[string](b, toastNow)
	})
	if n := js[int](b, `new Set(noted.said.filter((x) => /\d+ %/.test(x))).size`); n < 2 {
		t.Errorf("on the way one reads %q", js[[]string](b, `noted.said`))
	}
	t.Logf("%d frames on the way; said: %q", js[int](b, `noted.frames`), js[[]string](b, `[...new Set(noted.said)]`))
	if n := js[int](b, `noted.frames`); n < 3 {
		t.Errorf("the page drew %d frames on the way", n)
	}
	b.quietModel(origin)
}

const toastNow = `document.getElementById("toast").textContent`
