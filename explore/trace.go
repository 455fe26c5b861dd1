package explore

import (
	"errors"
	"fmt"
	"slices"
)

// trace finds the way to the breach: the keys lead back to the start, and the
// same keys forward again, step by step, from real states.
func (s *search) trace() ([]string, error) {
	var keys []uint64
	for k := s.found.key; k != 0; k = s.seen.origin(k) {
		keys = append(keys, k)
	}
	slices.Reverse(keys)
	w, st, err := begin(s.w.scope)
	if err != nil {
		return nil, err
	}
	if keys[0] != st.key {
		return nil, errors.New("explore: the trace does not lead back to the start")
	}
	var lines []string
	for _, key := range keys[1:] {
		line, next, _ := w.stepTo(st, func(to *state, broken string) bool { return broken == "" && to.key == key })
		if next == nil {
			return lines, errors.New("explore: the trace cannot be walked again")
		}
		lines = append(lines, line)
		st = next
	}
	line, next, _ := w.stepTo(st, func(_ *state, broken string) bool { return broken == s.found.broken })
	if next == nil {
		return lines, errors.New("explore: the last step of the trace cannot be walked again")
	}
	return append(lines, line), nil
}

// stepTo takes the first step from st that suits.
func (w *world) stepTo(st *state, suits func(to *state, broken string) bool) (line string, next *state, broken string) {
	w.actions(st, func(a action) {
		if next != nil {
			return
		}
		to := &state{}
		why := w.follow(st, &a, w.outcome(st.locals[a.slot], a.in), to)
		if suits(to, why) {
			line, next, broken = w.describe(&a), to, why
		}
	})
	return line, next, broken
}

func (w *world) describe(a *action) string {
	line := w.tell(a.slot, a.in)
	if a.costs && a.in.kind() == inReceive {
		line += ", and again later"
	}
	return line
}

// Replay repeats a trace and gives the promise that its last step breaks, or "".
// The error names the line that is not possible.
func Replay(scope Scope, trace []string) (broken string, err error) {
	w, st, err := begin(&scope)
	if err != nil {
		return "", err
	}
	for k, want := range trace {
		var next *state
		w.actions(st, func(a action) {
			if next == nil && w.describe(&a) == want {
				next = &state{}
				broken = w.follow(st, &a, w.outcome(st.locals[a.slot], a.in), next)
			}
		})
		if next == nil {
			return "", fmt.Errorf("explore: line %d of the trace is not possible: %s", k+1, want)
		}
		if broken != "" {
			return broken, nil
		}
		st = next
	}
	return "", nil
}
