//go:build browser

package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// Goal: a server's menu cuts its power in the middle of its next write, and the page
// tells that the record tore and was cut off. Method: the entry by its name in the
// follower's menu, a write, and a start; what the list of happenings says.
func TestTear_FromTheMenu(t *testing.T) {
	b, origin := openModel(t, "#s=replica-crash&l=en")
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(1600, 900)); err != nil {
		t.Fatal(err)
	}
	b.rest()
	js[bool](b, `veche.run.seek(400), veche.frame(), true`)
	js[bool](b, `document.querySelector('v-cluster [data-server="4"]').dispatchEvent(new MouseEvent("contextmenu", {bubbles: true, clientX: 200, clientY: 200})), true`)
	await(t, "the menu opens, and its entry is taken", shownMax*2, func() (bool, string) {
		return js[bool](b, `(() => { const e = [...document.querySelectorAll("#menu button")].find((e) => e.textContent === "Cut its power in the middle of a write"); e?.click(); return !!e; })()`),
			js[string](b, `document.getElementById("menu").textContent`)
	})
	b.rest()
	if !js[bool](b, `veche.run.state.servers[3].up`) {
		t.Error("S4 loses power before it writes")
	}
	js[bool](b, `veche.run.act("put t 1 @S1"), veche.run.seek(veche.run.state.now + 100), veche.frame(), true`)
	if js[bool](b, `veche.run.state.servers[3].up`) {
		t.Error("S4 has written and still runs")
	}
	js[bool](b, `veche.run.act("start S4"), veche.run.seek(veche.run.state.now + 200), veche.frame(), true`)
	for _, want := range []string{"S4 has half of its last record on disk", "S4 cut off the torn end of its log"} {
		if told := js[string](b, `veche.run.branch.happenings.filter((h) => h.what === "fault").map((h) => h.kind).join() + document.getElementById("events").textContent`); !strings.Contains(told, want) {
			t.Errorf("the page does not tell %q: %s", want, told)
		}
	}
	if !js[bool](b, `veche.run.state.servers[3].up && veche.run.state.servers[3].last === veche.run.state.servers[0].last`) {
		t.Error("S4 is not level again")
	}
	b.quietModel(origin)
}
