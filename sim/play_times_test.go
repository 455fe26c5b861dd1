package sim

import "testing"

// Goal: numbers with a point are read exactly, and nothing else is taken for one.
// Method: a table.
func TestMillionths_Exactly(t *testing.T) {
	for word, want := range map[string]int64{"0": 0, "1": 1e6, "1.5": 15e5, "0.000001": 1, "160": 160e6, "0.1": 1e5, "999999999.999999": 999999999999999} {
		if got, ok := millionths(word); !ok || got != want {
			t.Errorf("%q is %d (%v), want %d", word, got, ok, want)
		}
	}
	for _, word := range []string{"", ".", "1.", ".5", "-1", "+1", "1e3", "1.-5", "1.0000000", "1234567890", "x", "0x1", "1_0", "inf", "1.5.5"} {
		if got, ok := millionths(word); ok {
			t.Errorf("%q is taken for %d", word, got)
		}
	}
}
