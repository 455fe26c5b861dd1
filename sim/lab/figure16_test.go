package lab

import (
	"encoding/xml"
	"io"
	"reflect"
	"strings"
	"testing"

	"veche/raft"
)

const ms = raft.Millisecond

// crashed gives the curve of a range and mode after so many crashes.
func crashed(t *testing.T, m Mode, r Range, crashes int) *Curve {
	t.Helper()
	curves, err := Figure16{Seed: 1, Crashes: crashes}.measure([]Curve{{Mode: m, Range: r}})
	if err != nil {
		t.Fatal(err)
	}
	c := &curves[0]
	if len(c.Times) != crashes || len(c.Terms) != crashes {
		t.Fatalf("%v, %v: %d times and %d terms of %d crashes", m, r, len(c.Times), len(c.Terms), crashes)
	}
	return c
}

// Goal: at the paper's conservative timeouts a new leader is there within two of
// them, never before half of the smallest, and seldom costs more than a term.
// Method: 100 crashes with the worst logs; the bounds follow from the set-up.
func TestFigure16_ConservativeTimeouts(t *testing.T) {
	c := crashed(t, Veche, Range{150 * ms, 300 * ms}, 100)
	if c.Times[0] < 75*ms || c.Quantile(0.5) > 300*ms || c.Quantile(1) > 1500*ms {
		t.Errorf("min %v, median %v, max %v", c.Times[0], c.Quantile(0.5), c.Quantile(1))
	}
	if c.Terms[0] < 1 || c.MeanTerms() > 1.5 {
		t.Errorf("terms from %d, %.2f on average", c.Terms[0], c.MeanTerms())
	}
}

// Goal: fast detection makes the time independent of the timeouts. Method: the
// median with timeouts six times as long is about the same, and far below them;
// even the worst is below the smallest, since hardly any crash costs two terms.
func TestFigure16_FastDetection(t *testing.T) {
	short := crashed(t, VecheFast, Range{50 * ms, 100 * ms}, 50).Quantile(0.5)
	long := crashed(t, VecheFast, Range{300 * ms, 600 * ms}, 50).Quantile(0.5)
	if short > 50*ms || long > 50*ms || long > 2*short {
		t.Errorf("the median is %d µs with short timeouts, %d with long ones", short/raft.Microsecond, long/raft.Microsecond)
	}
	if c := crashed(t, VecheFast, Range{300 * ms, 600 * ms}, 200); c.Quantile(1) > 300*ms || c.MeanTerms() > 1.1 {
		t.Errorf("at most %d µs, and %.2f terms on average: who voted let another depose the one it voted for",
			c.Quantile(1)/raft.Microsecond, c.MeanTerms())
	}
}

// Goal: aggressive timeouts work as in the paper, where 12–24 ms took 35 ms on
// average and 152 at most. Method: 100 crashes, bounds a little wider.
func TestFigure16_AggressiveTimeouts(t *testing.T) {
	c := crashed(t, Veche, Range{12 * ms, 24 * ms}, 100)
	if c.Mean() > 50*ms || c.Quantile(1) > 250*ms {
		t.Errorf("mean %v, max %v", c.Mean(), c.Quantile(1))
	}
}

// Goal: a seed is a result, however many worlds run at a time. Method: the same
// with one worker and with three.
func TestFigure16_SameSeedSameResult(t *testing.T) {
	want := []Curve{{Mode: Veche, Range: Range{25 * ms, 50 * ms}}, {Mode: VecheFast, Range: Range{25 * ms, 50 * ms}}}
	a, err := Figure16{Seed: 7, Crashes: 60, Workers: 1}.measure(want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Figure16{Seed: 7, Crashes: 60, Workers: 3}.measure(want)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Error("one worker and three measure differently")
	}
	c, _ := Figure16{Seed: 8, Crashes: 60, Workers: 3}.measure(want)
	if reflect.DeepEqual(a, c) {
		t.Error("another seed measures the same")
	}
}

// Goal: all ranges of both graphs are measured in every mode, once each. Method:
// a run of one crash.
func TestFigure16_AllRanges(t *testing.T) {
	curves, err := Figure16{Seed: 1, Crashes: 1}.Run()
	if err != nil {
		t.Fatal(err)
	}
	if want := 10 * len(Modes()); len(curves) != want {
		t.Errorf("%d curves, not %d", len(curves), want)
	}
	for _, r := range append(Randomness(), Scale()...) {
		n := 0
		for _, c := range curves {
			if c.Range == r && len(c.Times) == 1 {
				n++
			}
		}
		if n != len(Modes()) {
			t.Errorf("%v is measured %d times", r, n)
		}
	}
}

// Goal: quantiles are those of the definition. Method: four times.
func TestCurve_Quantiles(t *testing.T) {
	c := Curve{Times: []raft.Duration{1, 2, 3, 4}, Terms: []int{1, 2}}
	if c.Quantile(0) != 1 || c.Quantile(0.5) != 3 || c.Quantile(1) != 4 || c.Mean() != 2 || c.MeanTerms() != 1.5 {
		t.Errorf("%v %v %v %v %v", c.Quantile(0), c.Quantile(0.5), c.Quantile(1), c.Mean(), c.MeanTerms())
	}
	if none := (&Curve{}); none.Quantile(0.5) != 0 || none.Mean() != 0 || none.MeanTerms() != 0 {
		t.Error("a curve without times has some")
	}
}

// Goal: the plot is well-formed, tells where it comes from, and draws each curve
// in its rows. Method: made-up curves; read the XML to its end.
func TestPlot_DrawsEveryCurve(t *testing.T) {
	curves := []Curve{
		{Mode: Veche, Range: Range{150 * ms, 300 * ms}, Times: []raft.Duration{100 * ms, 200 * ms, 300 * ms}},
		{Mode: Veche, Range: Range{150 * ms, 150 * ms}, Times: []raft.Duration{GiveUp}},
		{Mode: Real, Range: Range{12 * ms, 24 * ms}, Times: []raft.Duration{30 * ms}},
		{Mode: Real, Range: Range{7 * ms, 8 * ms}, Times: []raft.Duration{30 * ms}}, // of no graph
	}
	svg := Plot(curves, "Tom & Jerry <test>")
	wellFormed(t, svg)
	for text, times := range map[string]int{
		"<title>Veche, 150–300 ms</title>": 2, "<title>real, 12–24 ms</title>": 1, "7–8 ms": 0,
		"none in 100 s": 1, "Ongaro": 1, "Tom &amp; Jerry": 1, "prefers-color-scheme:dark": 1, "paper: median 287": 1,
	} {
		if n := strings.Count(svg, text); n != times {
			t.Errorf("%q stands in the plot %d times, not %d", text, n, times)
		}
	}
}

func wellFormed(t *testing.T, svg string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := dec.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
