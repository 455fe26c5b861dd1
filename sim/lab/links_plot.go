package lab

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"veche/raft"
)

// The geometry of the picture, in pixels.
const (
	linkHead   = 96
	linkRow    = 104
	linkPlace  = 30  // where the drawings begin
	linkNames  = 150 // where the names begin
	linkCells  = 360 // where the cells begin
	linkCell   = 206
	linkFoot   = 58
	linkRadius = 34
)

// linkStyle makes the picture legible on light and on dark ground.
const linkStyle = `<style>
text{font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;font-size:12px;fill:#24292f}
.title{font-size:18px;font-weight:600}.head{font-size:13px;font-weight:600}.small{font-size:11px;fill:#57606a}
.ground{fill:#ffffff}.line{stroke:#57606a;stroke-width:1.4;fill:none}.tip{fill:#57606a}
.node{fill:#ffffff;stroke:#24292f;stroke-width:1.4}.leader{fill:#ffd33d}.down{stroke-dasharray:2 2;stroke:#8c959f}
.good{fill:#dafbe1;stroke:#4ac26b}.fair{fill:#fff8c5;stroke:#d4a72c}.poor{fill:#ffebe9;stroke:#ff8182}
.number{font-size:10px;text-anchor:middle}.onleader{fill:#24292f}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#adb6c0}.ground{fill:#0d1117}
.line{stroke:#9ea7b3}.tip{fill:#9ea7b3}.node{fill:#0d1117;stroke:#e6edf3}.leader{fill:#9e6a03}.down{stroke:#6e7681}
.good{fill:#12261e;stroke:#238636}.fair{fill:#272115;stroke:#9e6a03}.poor{fill:#2a1517;stroke:#da3633}.onleader{fill:#ffffff}}
</style>
`

// PlotLinks draws what became of the cluster: a row for each fault with a drawing
// of its links, a column for each of rules. results has them row by row.
func PlotLinks(faults []LinkFault, rules []Rules, results [][]LinkResult) string {
	var b strings.Builder
	wide, high := linkCells+len(rules)*linkCell+20, linkHead+len(faults)*linkRow+linkFoot
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="What becomes of five servers when links fail">`+"\n", wide, high, wide, high)
	b.WriteString(linkStyle)
	fmt.Fprintf(&b, `<rect class="ground" width="%d" height="%d"/>`+"\n", wide, high)
	text := func(x, y int, class, s string) {
		fmt.Fprintf(&b, `<text x="%d" y="%d" class="%s">%s</text>`+"\n", x, y, class, s)
	}
	text(linkPlace, 34, "title", "Links fail: what becomes of five servers in the next 60 s")
	text(linkPlace, 56, "small", "A proposal every 100 ms; the worst of all runs. Both PreVote and CheckQuorum always hold; a laboratory leaves them out.")
	for k, r := range rules {
		text(linkCells+k*linkCell, linkHead-12, "head", r.String())
	}
	for i := range faults {
		f, y := &faults[i], linkHead+i*linkRow
		drawFault(&b, f, linkPlace+linkRadius+10, y+linkRow/2-4)
		text(linkNames, y+44, "head", f.Name)
		for k, line := range wrapped(f.What, 30) {
			text(linkNames, y+62+15*k, "small", line)
		}
		for k := range rules {
			drawResult(&b, &results[i][k], linkCells+k*linkCell, y)
		}
	}
	text(linkPlace, high-30, "small", "A line is a link both ways, an arrow one way; yellow: the leader, where it stands at one place in all runs; dashed: no power.")
	text(linkPlace, high-12, "small", "Terms: used since the fault. Pause: the longest time without a commit.")
	b.WriteString("</svg>\n")
	return b.String()
}

// drawResult fills one cell.
func drawResult(b *strings.Builder, r *LinkResult, x, y int) {
	class := "poor"
	switch {
	case r.Verdict <= Recovered:
		class = "good"
	case r.Verdict == TermsGrow:
		class = "fair"
	}
	fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="6"/>`, class, x, y+4, linkCell-12, linkRow-14)
	lines := append(wrapped(r.Verdict.String(), 25),
		fmt.Sprintf("%d of %d committed", r.Committed, r.Proposed),
		fmt.Sprintf("terms %d, pause %.1f s", r.Terms, float64(r.Gap)/float64(raft.Second)))
	for k, line := range lines {
		kind := "head"
		if k >= len(lines)-2 {
			kind = "small"
		}
		fmt.Fprintf(b, `<text x="%d" y="%d" class="%s">%s</text>`+"\n", x+12, y+26+17*k, kind, line)
	}
}

// drawFault draws five servers on a circle, the first on top, and their links.
func drawFault(b *strings.Builder, f *LinkFault, cx, cy int) {
	at := func(place int) (x, y float64) {
		turn := 2*math.Pi*float64(place-1)/linkNodes - math.Pi/2
		return float64(cx) + linkRadius*math.Cos(turn), float64(cy) + linkRadius*math.Sin(turn)
	}
	for a := 1; a <= linkNodes; a++ {
		for c := a + 1; c <= linkNodes; c++ {
			there, back := f.lives(a, c), f.lives(c, a)
			x1, y1 := at(a)
			x2, y2 := at(c)
			if !there && back {
				x1, y1, x2, y2 = x2, y2, x1, y1
			}
			if there || back {
				fmt.Fprintf(b, `<path class="line" d="M%.1f %.1fL%.1f %.1f"/>`, x1, y1, x2, y2)
			}
			if there != back {
				drawTip(b, x1, y1, x2, y2)
			}
		}
	}
	for p := 1; p <= linkNodes; p++ {
		class, number := "node", "number"
		switch {
		case slices.Contains(f.down, p):
			class = "node down"
		case len(f.leaders) == 1 && f.leaders[0] == p:
			class, number = "node leader", "number onleader"
		}
		x, y := at(p)
		fmt.Fprintf(b, `<circle class="%s" cx="%.1f" cy="%.1f" r="8"/><text class="%s" x="%.1f" y="%.1f">%d</text>`, class, x, y, number, x, y+3.5, p)
	}
	b.WriteByte('\n')
}

// drawTip puts the head of an arrow before the server at its end.
func drawTip(b *strings.Builder, x1, y1, x2, y2 float64) {
	long := math.Hypot(x2-x1, y2-y1)
	dx, dy := (x2-x1)/long, (y2-y1)/long
	x, y := x2-8*dx, y2-8*dy
	fmt.Fprintf(b, `<path class="tip" d="M%.1f %.1fL%.1f %.1fL%.1f %.1fZ"/>`, x, y, x-8*dx-4*dy, y-8*dy+4*dx, x-8*dx+4*dy, y-8*dy-4*dx)
}

// lives says whether messages get from one place to another.
func (f *LinkFault) lives(a, b int) bool {
	if slices.Contains(f.down, a) || slices.Contains(f.down, b) || slices.Contains(f.dead, [2]int{a, b}) {
		return false
	}
	return f.alive == nil || slices.Contains(f.alive, [2]int{a, b}) || slices.Contains(f.alive, [2]int{b, a})
}

// wrapped breaks a text at spaces into lines of at most so many letters.
func wrapped(s string, most int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && len(line)+1+len(word) > most {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
