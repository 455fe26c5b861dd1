//go:build lab

package scenes

import "testing"

// Goal: scenes in which a rule is left out show what it is good for. Method: play
// each of them.
func TestScene_WithoutARuleBreaksWhatItSays(t *testing.T) {
	for _, s := range All() {
		if len(s.Without) > 0 {
			t.Run(s.ID, func(t *testing.T) { plays(t, s) })
		}
	}
}
