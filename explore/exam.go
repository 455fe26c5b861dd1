package explore

import (
	"fmt"
	"slices"
)

// examFirst is how many states of each scope an exam walks first: most faults
// show early, in some scope.
const examFirst = 20_000

// Exam walks all scopes, or those named, until one shows a broken promise: first a little of each,
// then ten times as much, up to so many states each. The Result is of the scope
// that shows it, with States and Transitions of all that was walked; a core that
// panics, or cannot be brought to a scope's start, has broken one too. With Broken
// empty nothing was found.
func Exam(states int, names ...string) Result {
	var sum Result
	for n := min(examFirst, states); ; n = min(10*n, states) {
		for _, scope := range Scopes() {
			if len(names) > 0 && !slices.Contains(names, scope.Name) {
				continue
			}
			r, err := runGuarded(scope, n)
			if err != nil {
				r.Broken = err.Error() // the unharmed core can walk every scope
			}
			sum.States += r.States
			sum.Transitions += r.Transitions
			if r.Broken != "" {
				r.States, r.Transitions = sum.States, sum.Transitions
				return r
			}
		}
		if n == states {
			return sum
		}
	}
}

// runGuarded is Run with one worker, so that what it finds is always the same,
// and takes a panic for a broken promise.
func runGuarded(scope Scope, states int) (r Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = Result{Scope: scope.Name, Broken: fmt.Sprint("panic: ", p)}, nil
		}
	}()
	return Run(scope, states, 1)
}
