//go:build browser

package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// Goal: one sees how much of a snapshot has come, and that a member that was killed
// goes on where it was. Method: the bar below the laggard's log at the scene's beats,
// as a share of the folded entries that it is to replace.
func TestSnapshot_BarGrowsAndIsKept(t *testing.T) {
	b, origin := openModel(t, "#s=snapshot&l=en")
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(1600, 900)); err != nil {
		t.Fatal(err)
	}
	b.rest()
	js[bool](b, `veche.run.seek(2000), true`)
	for _, c := range []struct {
		beat        string
		least, most float64
	}{{"cut", 0, 0}, {"dropped", 0.05, 0.3}, {"chunks", 0.8, 1}, {"again", 0.6, 1}, {"stands", 0, 0}} {
		js[bool](b, `veche.run.seekTo(veche.run.branch.happenings.find((h) => h.text === "`+c.beat+`")), veche.frame(), true`)
		share := js[float64](b, `(() => {
			const bar = [...document.querySelectorAll("#logs .v-got")].find((e) => e.getAttribute("display") !== "none"), fold = document.querySelector("#logs .v-fold rect");
			return bar ? bar.getBoundingClientRect().width / fold.getBoundingClientRect().width : 0;
		})()`)
		if share < c.least || share > c.most {
			t.Errorf("at %s the bar is %.2f long, not from %.2f to %.2f", c.beat, share, c.least, c.most)
		}
	}
	b.quietModel(origin)
}
