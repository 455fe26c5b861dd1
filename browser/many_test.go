//go:build browser

package browser

import (
	"cmp"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// manyMax is how long many runs may take on a machine that does something else.
const manyMax = 3 * time.Minute

// question opens the dialog of many runs by its key.
func (b *tab) question() {
	b.t.Helper()
	b.rest()
	if err := chromedp.Do(b.ctx, chromedp.KeyEvent("q")); err != nil {
		b.t.Fatal(err)
	}
	await(b.t, "the dialog opens", 20*time.Second, func() (bool, string) {
		return js[bool](b, `document.querySelector("#box[open] .find") !== null`), js[string](b, `document.body.innerText`)
	})
}

// Goal: a run with two split votes in a row is found by its seed, it opens at that
// moment, and its link shows the same; the same search finds the same. Method: a
// scene with narrow timeouts; the votes are counted in the page's happenings anew.
// A search that can find nothing is cancelled.
func TestMany_FindsARun(t *testing.T) {
	b, origin := openModel(t, "#s=split-vote-narrow&l=en&t=0")
	find := func() (link string) {
		b.question()
		js[bool](b, `document.querySelector("#box .primary").click(), true`)
		await(t, "a seed is found", manyMax, func() (bool, string) {
			return js[bool](b, `!document.getElementById("box").open && !document.getElementById("toast").hidden`), js[string](b, `document.querySelector("#box .said")?.textContent ?? ""`)
		})
		link = js[string](b, `veche.link()`)
		return link[strings.Index(link, "#"):]
	}
	link := find()
	if !regexp.MustCompile(`&seed=[1-9]\d*&.*t=[1-9]`).MatchString(link) {
		t.Fatalf("the link of what was found is %s", link)
	}
	row := js[int](b, `(() => {
		const stood = new Map(), won = new Set(), heard = veche.run.branch.happenings.slice(0, veche.run.heard);
		for (const h of heard) {
			if (h.kind === "became_candidate") stood.set(h.term, (stood.get(h.term) ?? 0) + 1);
			if (h.kind === "became_leader") won.add(h.term);
		}
		let n = 0;
		for (let term = heard.at(-1).term - 1; stood.get(term) > 1 && !won.has(term); term--) n++;
		return heard.at(-1).kind === "became_candidate" ? n : -1;
	})()`)
	if row != 2 {
		t.Errorf("the run that was found stands after %d split votes in a row, not 2: %s", row, link)
	}
	hash := js[string](b, `veche.run.hash()`)
	b.visit("about:blank")
	b.visit(origin + "/model" + link)
	await(t, "the link gives the same moment", 20*time.Second, func() (bool, string) {
		now := js[string](b, `globalThis.veche?.run?.hash?.() ?? ""`)
		return now == hash, now + " instead of " + hash
	})
	b.visit("about:blank")
	b.visit(origin + "/model#s=split-vote-narrow&l=en&t=0")
	await(t, "the page is there again", 20*time.Second, func() (bool, string) {
		return js[bool](b, `globalThis.veche?.measures.firstState > 0`), "nothing yet"
	})
	if again := find(); again != link {
		t.Errorf("the same search finds %s, and then %s", link, again)
	}

	// A log that nobody writes to loses nothing: in vain, until it is cancelled.
	b.question()
	js[bool](b, `(() => {
		const box = document.getElementById("box");
		box.querySelector("input[value=two]").click();
		box.querySelector(".find>p select").value = "10000";
		box.querySelector(".primary").click();
		return true;
	})()`)
	tried := func() int {
		n, _ := strconv.Atoi(strings.Fields(js[string](b, `document.querySelector("#box .said").textContent + " -"`))[0])
		return n
	}
	await(t, "it says how many seeds it tried", manyMax, func() (bool, string) { return tried() > 3, "none yet" })
	js[bool](b, `document.querySelector("#box .go button:not(.primary)").click(), true`)
	await(t, "it says that it was cancelled", shownMax, func() (bool, string) {
		said := js[string](b, `document.querySelector("#box .said").textContent`)
		return strings.Contains(said, "Cancelled"), said
	})
	if n := tried(); later[bool](b, `new Promise((done) => setTimeout(() => done(true), 300))`) && tried() != n {
		t.Errorf("it goes on after it was cancelled: %d seeds, then %d", n, tried())
	}
	b.quietModel(origin)
}

// Goal: each question finds what it asks for, at the moment of it, and what never
// happens is not found. Method: scenes in which it comes about; the page goes to the
// moment that was found, and its state there, and just before, is asked.
func TestMany_EveryQuestion(t *testing.T) {
	b, origin := openModel(t, "#s=two-masters&l=en&t=0")
	for _, c := range []struct {
		scene, question string
		number          int
		is              string // of the state s at the moment, and h, what happened last
		yet             bool   // it holds just before as well
	}{
		{"split-vote-narrow", "split", 1, `h.kind === "became_candidate" && h.term > 1`, true},
		{"master-crash", "gap", 150, `s.leaderless >= 149.9 && s.leaderless <= 150.1`, false},
		{"split-minority", "lost", 0, `h.kind === "truncated"`, false},
		{"cluster-start", "leads", 3, `s.servers[2].role === "leader"`, true},
		{"two-masters", "two", 0, `s.servers.filter((v) => v.up && v.role === "leader").length === 2`, false},
		{"break-step-down", "breaks", 0, `s.broken.length > 0`, false},
		{"cluster-start", "two", 0, "", false},
	} {
		found := later[[]bool](b, fmt.Sprintf(`(async () => {
			await veche.open(%q);
			const { search, questions } = await import(new URL("web/find.js", location.href));
			const { read } = await import(new URL("web/links.js", location.href));
			const link = veche.link(), l = { ...read(link.slice(link.indexOf("#"))), actions: [], at: null };
			const work = search(veche.run.another(), l, { watch: () => questions[%q].watch(%d), most: 20, length: 3000 }, { seed: 0, at: 0, tried: 0, skipped: 0, simulated: 0 });
			let step = work.next();
			while (!step.done) step = work.next();
			const f = step.value;
			if (!f.seed) return [];
			await veche.open(%[1]q, { seed: f.seed });
			const ask = (at) => {
				veche.run.seek(at);
				const s = veche.run.state, h = veche.run.branch.happenings[veche.run.heard - 1];
				return %[4]s;
			};
			const it = ask(f.at), before = ask(f.at - 1);
			return [it, before];
		})()`, c.scene, c.question, c.number, cmp.Or(c.is, "false")))
		switch {
		case c.is == "" && len(found) > 0:
			t.Errorf("%s: %s is found where it never happens", c.scene, c.question)
		case c.is != "" && len(found) == 0:
			t.Errorf("%s: %s is not found", c.scene, c.question)
		case c.is != "" && (!found[0] || found[1] && !c.yet):
			t.Errorf("%s: %s %d: at the moment it holds: %v, a ms before: %v", c.scene, c.question, c.number, found[0], found[1])
		}
	}
	b.quietModel(origin)
}

// Goal: the odds end where the run ended, and are the same each time; the strip
// under Figure 5 shows them and is cancelled. Method: a free world whose leader is
// killed, so that chance says who leads next; twice in full with fewer futures, then
// the strip.
func TestMany_WhenItBecameInevitable(t *testing.T) {
	b, origin := openModel(t, "#s=free&seed=3&n=5&l=en&t=0")
	later[bool](b, `veche.openFree({nodes: 5, seed: 3}).then(() => {
		const run = veche.run;
		run.seek(600);
		run.act("crash S" + run.state.servers.find((s) => s.role === "leader").id);
		run.seek(1200);
		veche.frame();
		return true;
	})`)
	odds := func() (out struct {
		Shares []float64
		Since  float64
		Open   float64
		Led    int
		Hash   string
	}) {
		out.Shares = later[[]float64](b, `(async () => {
			const { Odds } = await import(new URL("web/odds.js", location.href));
			const { read } = await import(new URL("web/links.js", location.href));
			const run = veche.run, link = veche.link();
			const o = new Odds(run.another(), { ...read(link.slice(link.indexOf("#"))), at: null }, run.branch.end, 25);
			for (const work of [o.past(), o.all()]) for (const _ of work);
			const q = globalThis.question = "lead " + o.end.lead;
			for (const _ of o.closer(q));
			globalThis.settled = o.settled(q);
			globalThis.led = o.end.lead;
			return [...o.points.map((p) => o.share(p, q)), ...o.extra.map((p) => p.at)];
		})()`)
		out.Since, out.Open = js[float64](b, `settled.since`), js[float64](b, `settled.open`)
		out.Led, out.Hash = js[int](b, `led`), js[string](b, `veche.run.hash()`)
		return out
	}
	first, again := odds(), odds()
	if fmt.Sprint(first) != fmt.Sprint(again) {
		t.Errorf("the same question has two answers:\n%+v\n%+v", first, again)
	}
	if len(first.Shares) <= 20 || first.Shares[0] > 0.6 || first.Shares[19] != 1 {
		t.Errorf("chance had no say in who leads after the crash, or had one when all was over: %v", first.Shares)
	}
	if first.Since <= 400 || first.Since >= 1000 || first.Open >= first.Since || first.Since-first.Open > 10 {
		t.Errorf("it was decided between %.1f and %.1f ms; the leader died at 600", first.Open, first.Since)
	}
	t.Logf("S%d leads in the end, decided between %.1f and %.1f ms: %v", first.Led, first.Open, first.Since, first.Shares[:20])

	b.question()
	js[bool](b, `document.querySelectorAll("#box .others button")[0].click(), true`)
	await(t, "the strip draws the first odds", manyMax, func() (bool, string) {
		return js[bool](b, `document.querySelectorAll("#odds .bar").length > 2`), js[string](b, `document.getElementById("odds")?.innerText ?? ""`)
	})
	js[bool](b, `document.querySelector("#odds .row button").click(), true`)
	await(t, "it says that it was cancelled", shownMax, func() (bool, string) {
		said := js[string](b, `document.querySelector("#odds p").textContent`)
		return strings.Contains(said, "Cancelled"), said
	})
	js[bool](b, `document.querySelector("#odds .odd").dispatchEvent(new MouseEvent("click")), true`)
	if acts := js[string](b, `veche.run.branch.actions.map((a) => a.command).join("; ")`); !regexp.MustCompile(`^start; luck \d+; crash S\d$`).MatchString(acts) {
		t.Errorf("a click on the odds opens a branch with %q", acts)
	}
	later[bool](b, `veche.open("master-crash").then(() => true)`)
	if js[bool](b, `document.getElementById("odds") !== null`) {
		t.Error("the odds of another run stay under Figure 5")
	}
	b.quietModel(origin)
}

// Goal: the chart shows what the paper's Figure 16 does: without a spread nobody
// leads for long, with 150 ms hardly anybody waits; one such run can be watched.
// Method: from the scene's button, until ten runs of each are in; then cancel.
func TestMany_SpreadOfTimeouts(t *testing.T) {
	b, origin := openModel(t, "#s=split-vote&l=en&t=0")
	js[bool](b, `document.querySelector("#tries button").click(), true`)
	await(t, "ten runs of each spread are in", manyMax, func() (bool, string) {
		return js[float64](b, `document.querySelector("#box .spreads progress")?.value ?? 0`) >= 90, js[string](b, `document.getElementById("box").innerText`)
	})
	js[bool](b, `document.querySelector("#box .go button:not(.primary)").click(), true`)
	await(t, "it is cancelled", shownMax, func() (bool, string) {
		return js[bool](b, `document.querySelector("#box .go button:not(.primary)").disabled`), "it goes on"
	})
	median := map[string]time.Duration{}
	label := js[string](b, `document.querySelector("#box svg").getAttribute("aria-label")`)
	for _, m := range regexp.MustCompile(`(\d+) ms: >? ?([\d.]+) (ms|s)`).FindAllStringSubmatch(label, -1) {
		d, err := time.ParseDuration(m[2] + m[3])
		if err != nil {
			t.Fatal(err)
		}
		median[m[1]] = d
	}
	if len(median) != 9 || median["0"] < 3*median["150"] || median["150"] < 150*time.Millisecond || median["150"] > 400*time.Millisecond {
		t.Errorf("the medians are %v by %q", median, label)
	}
	t.Log(label)
	js[bool](b, `(() => {
		const slider = document.querySelector("#box .spreads input");
		slider.value = "0";
		slider.dispatchEvent(new Event("input"));
		document.querySelector("#box .primary").click();
		return true;
	})()`)
	await(t, "such a run plays, with all timeouts alike, until votes are split", manyMax, func() (bool, string) {
		link := js[string](b, `veche.link()`)
		stood := js[int](b, `veche.run.branch.happenings.filter((h) => h.kind === "became_candidate" && h.term === 2).length`)
		return strings.Contains(link, "s=free") && strings.Contains(link, "election+150ms+150ms") && stood > 1, fmt.Sprint(stood, " ", link)
	})
	b.quietModel(origin)
}

// Goal: many runs work in the one file from a laptop's disk as well.
func TestMany_InOneFile(t *testing.T) {
	dir := t.TempDir()
	write := exec.Command("go", "run", "./cmd/veche", "model", "--file", dir+"/veche-model.html")
	write.Dir = ".."
	if out, err := write.CombinedOutput(); err != nil {
		t.Fatalf("write the file: %v\n%s", err, out)
	}
	b := open(t)
	b.visit("file://" + dir + "/veche-model.html#s=split-vote-narrow&t=0&l=ru")
	await(t, "the file shows a state", 20*time.Second, func() (bool, string) {
		return js[bool](b, `typeof veche === "object" && veche.measures.firstState > 0`), js[string](b, `document.body.innerText`)
	})
	b.question()
	js[bool](b, `document.querySelector("#box .primary").click(), true`)
	await(t, "a seed is found", manyMax, func() (bool, string) {
		return js[bool](b, `!document.getElementById("box").open && veche.run.state.now > 0`), js[string](b, `document.querySelector("#box .said")?.textContent ?? ""`)
	})
}
