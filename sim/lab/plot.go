package lab

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"

	"veche/raft"
)

// The geometry of the plot, in pixels.
const (
	panelWide, panelHigh = 300, 230
	panelGap             = 30
	marginLeft           = 70
	marginRight          = 30
	headHigh             = 74
	rowHigh              = panelHigh + 118
	footHigh             = 66
)

// plotStyle makes the plot legible on light and on dark ground.
const plotStyle = `<style>
text{font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;font-size:12px;fill:#24292f}
.title{font-size:18px;font-weight:600}.head{font-size:13px;font-weight:600}.small{font-size:11px;fill:#57606a}
.halo{paint-order:stroke;stroke:#ffffff;stroke-width:3px}.ground{fill:#ffffff}.frame{fill:none;stroke:#8c959f}.grid{stroke:#d8dee4}.fine{stroke:#eef1f4}
.line{fill:none;stroke-width:1.9;stroke-linejoin:round}.mark{stroke-width:1.6}
.c0{stroke:#6e4b9e}.c1{stroke:#b8428c}.c2{stroke:#cf4a1f}.c3{stroke:#b98500}.c4{stroke:#2c8a4b}.c5{stroke:#1668b8}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9ea7b3}.ground{fill:#0d1117}.halo{stroke:#0d1117}
.frame{stroke:#6e7681}.grid{stroke:#30363d}.fine{stroke:#1c2128}
.c0{stroke:#b392f0}.c1{stroke:#f087c0}.c2{stroke:#ff8f66}.c3{stroke:#e3b341}.c4{stroke:#56d37f}.c5{stroke:#62b0ff}}
</style>
`

// fact is one figure that the text of the paper states (§9.3).
type fact struct {
	Range Range
	At    raft.Duration
	Share float64 // of the crashes that are over by then
	Text  string
}

func facts() []fact {
	ms := raft.Millisecond
	return []fact{
		{Range{150 * ms, 155 * ms}, 287 * ms, 0.5, "paper: median 287"},
		{Range{150 * ms, 200 * ms}, 513 * ms, 1, "paper: worst 513"},
		{Range{12 * ms, 24 * ms}, 152 * ms, 1, "paper: worst 152"},
	}
}

// PaperSays is what the text of the paper states of a range, or nothing.
func PaperSays(r Range) string {
	ms := raft.Millisecond
	switch r {
	case Range{150 * ms, 150 * ms}:
		return "longer than 10 s"
	case Range{150 * ms, 155 * ms}:
		return "median 287"
	case Range{150 * ms, 200 * ms}:
		return "worst 513"
	case Range{12 * ms, 24 * ms}:
		return "mean 35, worst 152"
	}
	return ""
}

// plot is the picture as it grows.
type plot struct {
	strings.Builder
	curves []Curve
	modes  []Mode
}

// row is one row of panels.
type row struct {
	title    string
	ranges   []Range
	low, end float64 // of the axis, as powers of ten of a millisecond
	y        int
}

// Plot draws the curves as in Figure 16: how many of the crashes had a new leader
// after how long; above the ranges of Randomness, below those of Scale, and a
// column for each mode. note says in a line what was measured.
func Plot(curves []Curve, note string) string {
	p := &plot{curves: curves}
	for _, c := range curves {
		if !slices.Contains(p.modes, c.Mode) {
			p.modes = append(p.modes, c.Mode)
		}
	}
	slices.Sort(p.modes)
	rows := []row{
		{title: "more and more random timeouts", ranges: Randomness(), y: headHigh},
		{title: "longer and longer timeouts", ranges: Scale(), y: headHigh + rowHigh},
	}
	wide := marginLeft + len(p.modes)*(panelWide+panelGap) - panelGap + marginRight
	high := headHigh + len(rows)*rowHigh + footHigh
	fmt.Fprintf(p, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="The time without a leader after a crash">`+"\n", wide, high, wide, high)
	p.WriteString(plotStyle)
	fmt.Fprintf(p, `<rect class="ground" width="%d" height="%d"/>`+"\n", wide, high)
	p.text(marginLeft, 30, "title", "start", "Time without a leader after its crash")
	p.text(marginLeft, 50, "small", "start", note)
	for k := range rows {
		rows[k].low, rows[k].end = p.span(rows[k].ranges)
		p.row(&rows[k])
	}
	p.text(marginLeft, high-36, "small", "start", "After D. Ongaro and J. Ousterhout, In Search of an Understandable Consensus Algorithm (extended version), Figure 16; drawn anew.")
	p.text(marginLeft, high-18, "small", "start", "Circles: what the text of the paper states, in milliseconds. With 150–150 ms it says that elections took longer than 10 s.")
	p.WriteString("</svg>\n")
	return p.String()
}

func (p *plot) text(x, y int, class, anchor, s string) {
	fmt.Fprintf(p, `<text x="%d" y="%d" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(s))
}

// span gives the ends of the axis that the curves of those ranges need, as powers
// of ten; they lie at 1, 2 or 5 times a decade.
func (p *plot) span(ranges []Range) (low, end float64) {
	least, most := 100*raft.Millisecond, 100*raft.Millisecond
	for _, c := range p.curves {
		if slices.Contains(ranges, c.Range) && len(c.Times) > 0 {
			least = min(least, max(c.Times[0], raft.Millisecond))
			most = max(most, min(c.Times[len(c.Times)-1], GiveUp))
		}
	}
	low, end = math.Floor(math.Log10(millis(least))), math.Ceil(math.Log10(millis(most)))
	for _, step := range []float64{math.Log10(5), math.Log10(2)} {
		if low+step <= math.Log10(millis(least)) {
			low += step
			break
		}
	}
	for _, step := range []float64{math.Log10(2), math.Log10(5)} {
		if end-1+step >= math.Log10(millis(most)) {
			end += step - 1
			break
		}
	}
	return low, end
}

func millis(d raft.Duration) float64 { return float64(d) / float64(raft.Millisecond) }

// x is where a time lies in a panel of the row.
func (r *row) x(left int, d raft.Duration) float64 {
	share := (math.Log10(millis(d)) - r.low) / (r.end - r.low)
	return float64(left) + share*panelWide
}

// row draws the panels of a row, its axes and its legend.
func (p *plot) row(r *row) {
	top := r.y + 22
	for k, m := range p.modes {
		left := marginLeft + k*(panelWide+panelGap)
		p.text(left, r.y+12, "head", "start", m.String())
		p.axes(r, left, top, k == 0)
		for _, c := range p.curves {
			if c.Mode == m && slices.Contains(r.ranges, c.Range) && len(c.Times) > 0 {
				p.curve(r, &c, left, top)
			}
		}
		if k == 0 {
			p.facts(r, left, top)
		}
	}
	middle := marginLeft + (len(p.modes)*(panelWide+panelGap)-panelGap)/2
	p.text(middle, top+panelHigh+38, "", "middle", "time without a leader (logarithmic)")
	fmt.Fprintf(p, `<text transform="translate(20 %d) rotate(-90)" text-anchor="middle">crashes with a new leader (%%)</text>`+"\n", top+panelHigh/2)
	p.legend(r, top+panelHigh+64)
}

func (p *plot) axes(r *row, left, top int, numbers bool) {
	for k := 0; k <= 4; k++ {
		y := top + panelHigh - k*panelHigh/4
		fmt.Fprintf(p, `<path class="grid" d="M%d %dh%d"/>`, left, y, panelWide)
		if numbers {
			p.text(left-8, y+4, "", "end", fmt.Sprint(25*k))
		}
	}
	for e := int(math.Floor(r.low)); e <= int(r.end); e++ {
		decade := raft.Duration(math.Pow10(e) * float64(raft.Millisecond))
		for m := raft.Duration(1); m <= 9; m++ {
			x := r.x(left, m*decade)
			if x < float64(left)-0.1 || x > float64(left+panelWide)+0.1 {
				continue
			}
			class := "fine"
			if m == 1 {
				class = "grid"
				p.text(int(x), top+panelHigh+18, "", "middle", decades(e))
			}
			fmt.Fprintf(p, `<path class="%s" d="M%.1f %dv%d"/>`, class, x, top, panelHigh)
		}
	}
	fmt.Fprintf(p, "\n"+`<rect class="frame" x="%d" y="%d" width="%d" height="%d"/>`+"\n", left, top, panelWide, panelHigh)
}

// decades writes a power of ten of milliseconds: 10 s.
func decades(e int) string {
	if e >= 3 {
		return fmt.Sprintf("%.0f s", math.Pow10(e-3))
	}
	return fmt.Sprintf("%.0f ms", math.Pow10(e))
}

// colour is the same for a range wherever it is drawn.
func colour(r Range) int {
	if i := slices.Index(Randomness(), r); i >= 0 {
		return i
	}
	return slices.Index(Scale(), r)
}

// curve draws steps; those smaller than half a pixel are left out.
func (p *plot) curve(r *row, c *Curve, left, top int) {
	if c.Times[0] >= GiveUp {
		p.text(left+panelWide-8, top+panelHigh-26, "small", "end", c.Range.String()+" ms:")
		p.text(left+panelWide-8, top+panelHigh-10, "small", "end", "none in 100 s")
		return
	}
	fmt.Fprintf(p, `<path class="line c%d" d="`, colour(c.Range))
	lastX, lastY, n := -1.0, float64(top+panelHigh), len(c.Times)
	for k, t := range c.Times {
		if t >= GiveUp {
			break
		}
		x := r.x(left, t)
		y := float64(top+panelHigh) - float64(k+1)/float64(n)*panelHigh
		switch {
		case lastX < 0:
			fmt.Fprintf(p, "M%.1f %.1fV%.1f", x, lastY, y)
		case x-lastX < 0.5 && lastY-y < 0.5 && k < n-1:
			continue
		default:
			fmt.Fprintf(p, "H%.1fV%.1f", x, y)
		}
		lastX, lastY = x, y
	}
	fmt.Fprintf(p, `"><title>%s, %s ms</title></path>`+"\n", c.Mode, c.Range)
}

// facts marks what the paper states.
func (p *plot) facts(r *row, left, top int) {
	for _, f := range facts() {
		if !slices.Contains(r.ranges, f.Range) {
			continue
		}
		x, y := r.x(left, f.At), float64(top+panelHigh)-f.Share*panelHigh
		fmt.Fprintf(p, `<circle class="mark ground c%d" cx="%.1f" cy="%.1f" r="4.5"/>`, colour(f.Range), x, y)
		if int(x) > left+panelWide-104 {
			p.text(int(x)-9, int(y)+15, "small halo", "end", f.Text)
		} else {
			p.text(int(x)+9, int(y)+15, "small halo", "start", f.Text)
		}
	}
}

func (p *plot) legend(r *row, y int) {
	x := marginLeft
	p.text(x, y, "small", "start", r.title+":")
	x += 190
	for _, one := range r.ranges {
		fmt.Fprintf(p, `<path class="line c%d" d="M%d %dh22"/>`, colour(one), x, y-4)
		p.text(x+28, y, "", "start", one.String()+" ms")
		x += 124
	}
}

// String writes a range as the paper does: 150–300.
func (r Range) String() string { return fmt.Sprintf("%g–%g", millis(r.Min), millis(r.Max)) }
