//go:build browser

package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"veche/server"
)

// replayed is what the model shows of a recording.
type replayed struct {
	Is      bool    `json:"is"`
	Now     float64 `json:"now"`
	Heard   int     `json:"heard"`
	All     int     `json:"all"`
	Leader  string  `json:"leader"` // of the highest term
	Title   string  `json:"title"`
	Mark    string  `json:"mark"`
	Toast   string  `json:"toast"`
	Playing bool    `json:"playing"`
	Ended   bool    `json:"ended"`
}

// replay looks at the model's page, or at the window that an expression gives.
func (b *tab) replay(window string) (r replayed) {
	b.t.Helper()
	out := js[string](b, `((w) => {
		const run = w?.veche?.run, text = (id) => { const e = w?.document.getElementById(id); return e && !e.hidden ? e.textContent : ""; };
		const led = [...(run?.state.servers ?? [])].filter((s) => s.role === "leader" && s.up).sort((a, b) => b.term - a.term)[0];
		return JSON.stringify({is: !!run?.recording, now: run?.state.now ?? 0, heard: run?.heard ?? 0, all: run?.all?.length ?? 0, leader: led?.name ?? "",
			title: text("scene-title"), mark: text("recorded"), toast: text("toast"), playing: w?.document.getElementById("play")?.getAttribute("aria-pressed") === "true", ended: !!run?.state.ended});
	})(`+window+`)`)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		b.t.Fatalf("%v in %s", err, out)
	}
	return r
}

// drop lets a file fall onto the page.
func (b *tab) drop(text string) {
	b.t.Helper()
	js[bool](b, fmt.Sprintf(`(() => {
		document.getElementById("toast").hidden = true;
		const d = new DataTransfer();
		d.items.add(new File([%q], "file.jsonl"));
		window.dispatchEvent(new DragEvent("drop", {dataTransfer: d, bubbles: true, cancelable: true}));
		return true;
	})()`, text))
}

// handOver presses the dashboard's button, and waits until a tab of its own has the
// model with what the dashboard knows.
func (b *tab) handOver(leader string) {
	b.t.Helper()
	js[bool](b, `(() => { const open = window.open; window.open = (...a) => (window.tab = open.apply(window, a)); return true; })()`)
	if err := chromedp.Do(b.ctx, chromedp.Click("#hand")); err != nil {
		b.t.Fatal(err)
	}
	await(b.t, "the model has what the dashboard knows", readyMax, func() (bool, string) {
		r := b.replay("window.tab")
		return r.Is && r.All > 0 && strings.Contains(r.Title, leader) && strings.Contains(r.Mark, "RECORDING"), fmt.Sprintf("%+v", r)
	})
	if led := js[bool](b, fmt.Sprintf(`window.tab.veche.run.recording.reel.frames.some((f) => { window.tab.veche.run.seek(f.at); return window.tab.veche.run.state.servers.some((s) => s.role === "leader" && s.name === %q); })`, leader)); !led {
		b.t.Errorf("at no moment of it %s leads", leader)
	}
	js[bool](b, `window.tab.close(), true`)
}

// key presses keys.
func (b *tab) key(keys string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.KeyEvent(keys)); err != nil {
		b.t.Fatal(err)
	}
}

// wide gives the page room for all panels.
func (b *tab) wide() {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(1600, 900)); err != nil {
		b.t.Fatal(err)
	}
}

// stagedRecording has n1 lead in term 4 and then n3 in term 5, with the event of
// each, a second apart; it is what a dashboard would have saved.
func stagedRecording(t *testing.T) string {
	t.Helper()
	began := time.Date(2026, 5, 4, 12, 30, 0, 0, time.UTC)
	lines := []any{map[string]any{"veche-recording": 1, "viewer": "n2"}}
	for k := range 40 {
		m := scene(func(m []server.SightReport) {
			if k >= 10 {
				silence(&m[0], int64(k-10)*200+900, "no_answer")
				lead(m, 2, 5)
			}
		})
		lines = append(lines, map[string]any{"frame": server.FrameReport{At: began.Add(time.Duration(k) * 200 * time.Millisecond), Members: m}})
	}
	n3 := server.Named{ID: 0xa3, Name: "n3"}
	var events []any
	for k, kind := range []string{"became_candidate", "became_leader"} {
		events = append(events, map[string]any{"id": fmt.Sprint("e", k), "at": began.Add(time.Duration(1800+k*100) * time.Millisecond), "kind": kind, "node": n3, "term": 5})
	}
	lines = append(lines, map[string]any{"events": events})
	var all strings.Builder
	for _, l := range lines {
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(append(text, '\n'))
	}
	return all.String()
}

// Goal: what real servers did, saved by the real dashboard or handed over by it,
// is looked at in the model moment by moment, and cannot be acted on. Method: kill
// a leader, save, open both ways; scrub, step, jump, play; try to act; leave.
func TestReplay_ARealRunInTheModel(t *testing.T) {
	c := startCluster(t)
	b := open(t)
	first, _ := c.leader(t)
	here := (first + 1) % members
	origin := "http://" + c.http[here]
	b.visit(origin + "/")
	name := func(i int) string { return fmt.Sprintf("n%d", i+1) }
	await(t, "the dashboard is live", readyMax, func() (bool, string) {
		f := b.facts()
		return f["badge"] == "live" && f["leader"] == name(first), fmt.Sprint(f)
	})
	c.kill(first)
	second := ""
	await(t, "the dashboard shows the new leader", 5*shownMax, func() (bool, string) {
		f := b.facts()
		second = f["leader"]
		return strings.HasPrefix(second, "n") && second != name(first) && strings.Contains(f["elections"], second+" leads term"), fmt.Sprint(f)
	})
	js[bool](b, `(() => {
		const url = URL.createObjectURL;
		URL.createObjectURL = (blob) => { blob.text().then((text) => (window.saved = text)); return url.call(URL, blob); };
		return true;
	})()`)
	b.press("#save")
	saved := ""
	await(t, "the recording is saved", shownMax, func() (bool, string) { saved = js[string](b, `window.saved ?? ""`); return saved != "", "nothing" })

	b.handOver(second)

	// From the file, by the help's button.
	file := filepath.Join(t.TempDir(), "saved.jsonl")
	if err := os.WriteFile(file, []byte(saved), 0o600); err != nil {
		t.Fatal(err)
	}
	b.wide()
	b.visit(origin + "/model#s=cluster-start")
	await(t, "the model shows a state", readyMax, func() (bool, string) { return js[bool](b, `globalThis.veche?.measures.firstState > 0`), "nothing yet" })
	b.drop("%PDF-1.7 a letter")
	await(t, "what is no recording is refused", shownMax, func() (bool, string) {
		r := b.replay("window")
		return strings.Contains(r.Toast, "no recording") && !r.Is && r.Mark == "", fmt.Sprintf("%+v", r)
	})
	scene := b.replay("window").Title
	for _, step := range []string{"#help", "[data-do=recording]"} {
		await(t, step+" is there", shownMax, func() (bool, string) { return js[bool](b, fmt.Sprintf(`!!document.querySelector(%q)`, step)), "" })
		if err := chromedp.Do(b.ctx, chromedp.Click(step)); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the page asks for a file", shownMax, func() (bool, string) { return js[bool](b, `!!document.getElementById("recording-file")`), "" })
	if err := chromedp.Do(b.ctx, chromedp.SetUploadFiles("#recording-file", []string{file})); err != nil {
		t.Fatal(err)
	}
	await(t, "the model shows the recording from its beginning", readyMax, func() (bool, string) {
		r := b.replay("window")
		return r.Is && strings.Contains(r.Title, "Recording") && !r.Playing && r.Heard == 0, fmt.Sprintf("%+v", r)
	})
	if !js[bool](b, `veche.run.recording.reel.frames.some((f) => veche.run.recording.state(f.at).servers.some((s) => s.role === "leader" && s.name === "`+name(first)+`"))`) {
		t.Errorf("in no frame %s leads", name(first))
	}
	if texts := js[string](b, `(veche.frame(), [...document.querySelectorAll("#cluster, #logs, #figure4, #figure5")].map((e) => e.textContent.includes("`+second+`")).join())`); strings.Contains(texts, "false") {
		t.Errorf("of ring, logs, Figures 4 and 5 these show %s: %s", second, texts)
	}
	if same := js[bool](b, `(() => {
		const run = veche.run, { start, end } = run.recording, at = [0, .2, .4, .6, .8, 1].map((x) => start + x * (end - start));
		const look = (ms) => { run.seek(ms); return JSON.stringify(run.state); };
		const there = at.map(look), back = at.toReversed().map(look).toReversed();
		return new Set(there).size === at.length && there.every((s, k) => s === back[k]);
	})()`); !same {
		t.Error("the same moment looks different on the way back")
	}
	if r := b.replay("window"); r.Leader == "" {
		t.Errorf("%+v", r)
	}
	b.key(kb.End)
	await(t, "the end has the second leader", shownMax, func() (bool, string) {
		r := b.replay("window")
		return r.Ended && r.Leader == second, fmt.Sprintf("%+v", r)
	})

	// Event by event, there and back.
	js[bool](b, `document.activeElement.blur(), true`) // a button would take the arrows
	b.key(kb.Home)
	all := b.replay("window").All
	for k := 1; k <= all; k++ {
		b.key(kb.ArrowRight)
		if r := b.replay("window"); r.Heard != k || r.Now != js[float64](b, fmt.Sprintf(`veche.run.all[%d].at`, k-1)) {
			t.Fatalf("step %d: %+v", k, r)
		}
	}
	for k := all - 1; k >= 0; k-- {
		b.key(kb.ArrowLeft)
		if r := b.replay("window"); r.Heard != k {
			t.Fatalf("back to %d: %+v", k, r)
		}
	}
	if all < 3 {
		t.Errorf("an election in %d events", all)
	}
	for key, at := range map[string]string{
		"e": `veche.run.all[veche.run.heard - 1].kind === "became_candidate"`,
		"n": `veche.run.all[veche.run.heard - 1].kind === "became_leader" && veche.run.state.servers.some((s) => s.role === "leader" && s.name === "` + second + `")`,
		"t": `veche.run.all[veche.run.heard - 1].term > 1`,
		"c": `veche.run.recording.reel.frames.some((f) => f.at === veche.run.state.now)`,
	} {
		b.key(kb.Home)
		b.key(key)
		await(t, "the key "+key+" finds it", shownMax, func() (bool, string) {
			return js[bool](b, `veche.run.state.now > veche.run.recording.start && `+at), fmt.Sprintf("%+v", b.replay("window"))
		})
	}

	// Nothing can be done to it, and each way says so.
	for _, act := range []string{"#act", "#cut", "#lab", "#seed", "#free", "key a", "key x", "key r", "line"} {
		js[bool](b, `document.getElementById("toast").hidden = true`)
		if keys, ok := strings.CutPrefix(act, "key "); ok {
			b.key(keys)
		} else if act == "line" {
			js[bool](b, `document.getElementById("cluster").dispatchEvent(new CustomEvent("act", {bubbles: true, detail: {command: "split {n1}|{n2}"}}))`)
		} else {
			b.press(act)
		}
		r := b.replay("window")
		if !strings.Contains(r.Toast, "replayed, not branched") || !r.Is || js[bool](b, `!document.getElementById("menu").hidden || document.getElementById("box").open || !!document.getElementById("cluster").cutting || veche.run.branches.length > 1`) {
			t.Errorf("%s: %+v", act, r)
		}
	}

	// It plays to its end and rests there; where nothing happens it hurries.
	b.key(kb.Home)
	b.key(" ")
	length := js[float64](b, `veche.run.recording.end - veche.run.recording.start`)
	took := await(t, "it has played to its end", testMax, func() (bool, string) { r := b.replay("window"); return r.Ended && !r.Playing, fmt.Sprintf("%+v", r) })
	t.Logf("%d events in %.1f s, played in %v", all, length/1000, took.Round(100*time.Millisecond))
	b.picture(artifacts(t), "replay", "light", 1600)

	// A scene leaves it; Back comes to it again.
	b.visit(origin + "/model#s=cluster-start")
	await(t, "the scene is back", readyMax, func() (bool, string) {
		r := b.replay("window")
		return !r.Is && r.Title == scene && r.Mark == "" && js[bool](b, `document.getElementById("figure5").clock === null`), fmt.Sprintf("%+v", r)
	})
	js[bool](b, `history.back(), true`)
	await(t, "the recording is back", readyMax, func() (bool, string) { r := b.replay("window"); return r.Is && r.Mark != "", fmt.Sprintf("%+v", r) })
	b.visit("about:blank")
	b.visit(origin + "/model#recording")
	await(t, "an address alone has no recording", readyMax, func() (bool, string) {
		r := b.replay("window")
		return strings.Contains(r.Toast, "not here any more") && !r.Is, fmt.Sprintf("%+v", r)
	})
	b.quietModel(origin)
}

// Goal: the one file opens recordings from a laptop's disk, without any server,
// also one that was cut short, and in Russian. Method: drop them onto it.
func TestReplay_InTheOneFile(t *testing.T) {
	dir := t.TempDir()
	write := exec.Command("go", "run", "./cmd/veche", "model", "--file", dir+"/veche-model.html")
	write.Dir = ".."
	if out, err := write.CombinedOutput(); err != nil {
		t.Fatalf("write the file: %v\n%s", err, out)
	}
	b := open(t)
	b.wide()
	b.visit("file://" + dir + "/veche-model.html#s=master-crash")
	await(t, "the file shows a state", readyMax, func() (bool, string) {
		return js[bool](b, `globalThis.veche?.measures.firstState > 0`), js[string](b, `document.body.innerText`)
	})
	whole := stagedRecording(t)
	for _, c := range []struct{ name, text, says string }{
		{"none", "%PDF", "no recording"},
		{"of another program", `{"log":[]}` + "\n", "no recording"},
		{"without a picture", whole[:strings.Index(whole, "\n")+40], "no picture"},
		{"that cannot be drawn", `{"veche-recording":1}` + "\n" + `{"frame":{"at":"2026-05-04T12:30:00Z","members":[{"id":"a","look":{"status":{"role":"follower","members":7}}}]}}` + "\n", "no recording"},
	} {
		b.drop(c.text)
		await(t, c.name+" is refused", 2*shownMax, func() (bool, string) {
			r := b.replay("window")
			return strings.Contains(r.Toast, c.says) && !r.Is && r.Mark == "", fmt.Sprintf("%+v", r)
		})
	}
	b.drop(whole[:len(whole)-30])
	await(t, "one that was cut short is shown as far as it goes", 2*shownMax, func() (bool, string) {
		r := b.replay("window")
		return r.Is && r.Leader == "n1" && strings.Contains(r.Toast, "ends in the middle"), fmt.Sprintf("%+v", r)
	})
	b.drop(whole)
	await(t, "the whole one is shown", 2*shownMax, func() (bool, string) {
		r := b.replay("window")
		return r.Is && r.All == 2 && r.Leader == "n1", fmt.Sprintf("%+v", r)
	})
	b.key("n")
	await(t, "n3 leads after its election, although no frame has seen it yet", shownMax, func() (bool, string) {
		r := b.replay("window")
		return r.Leader == "n3" && r.Heard == 2, fmt.Sprintf("%+v", r)
	})
	if moved := js[[]float64](b, `[true, false].map((fast) => {
		const stops = document.getElementById("stops"), run = veche.run;
		if (stops.checked !== fast) stops.click();
		run.seek(run.recording.start + 3600);
		run.on(run.state.now + 100);
		return run.state.now - run.recording.start - 3600;
	})`); len(moved) != 2 || moved[0] != 1000 || moved[1] != 100 {
		t.Errorf("where nothing happens 100 ms take it on by %v ms, if it may hurry and if not", moved)
	}
	b.key("l")
	await(t, "it is told in Russian", shownMax, func() (bool, string) {
		text := js[string](b, `document.body.innerText`)
		return strings.Contains(text, "Запись: n1, n2, n3, n4, n5") && strings.Contains(text, "n3 — ЛИДЕР терма 5") && strings.Contains(text, "не разветвить"), text
	})
	dirs := artifacts(t)
	for _, width := range []int64{1600, 390} {
		b.picture(dirs, fmt.Sprint("replay-file-", width), "dark", width)
		if over := js[int](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("at %d pixels the page is %d wider than the window", width, over)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.said {
		t.Errorf("the console says: %s", m)
	}
	for _, u := range b.asked {
		if !strings.HasPrefix(u, "file:") && !strings.HasPrefix(u, "blob:") && !strings.HasPrefix(u, "data:") {
			t.Errorf("the file asked for %s", u)
		}
	}
}
