package check

import (
	"slices"

	"veche/raft"
	"veche/sim"
)

// Shrink looks for a smaller world that breaks the same promise: one that ends
// sooner, then one with fewer classes of faults, fewer faults, fewer clients and
// fewer servers. It runs at most so many worlds, and gives the smallest failure
// that it found: at worst the one it was given.
//
// It works because each fault, client, link and server draws from a stream of its
// own: what is left out leaves the rest as it was, as far as the rest is not a
// consequence of it.
func Shrink(f *Failure, worlds int) *Failure {
	s := shrinker{best: f, left: worlds, run: func(o sim.Options) *Failure {
		_, _, failed := Seed(o)
		return failed
	}}
	s.shrink()
	return s.best
}

type shrinker struct {
	best *Failure
	left int // worlds that may still be run
	run  func(sim.Options) *Failure
}

// try runs a changed world, and takes it over if it breaks the same promise.
func (s *shrinker) try(change func(*sim.Options)) bool {
	if s.left == 0 {
		return false
	}
	s.left--
	o := s.best.Options
	change(&o)
	f := s.run(o)
	if f == nil || f.Broken.Invariant != s.best.Broken.Invariant {
		return false
	}
	s.best = f
	return true
}

func (s *shrinker) shrink() {
	// What comes after the failure does not matter: a run that ends there is the same.
	at := raft.Duration(s.best.At) + raft.Millisecond
	s.try(func(o *sim.Options) { o.Run = min(o.Run, at) })
	s.shorten()
	only := slices.Clone(s.best.Struck)
	s.try(func(o *sim.Options) { o.Only = only })
	if s.best.Options.Only == nil {
		return // not even the same faults break it again
	}
	s.dropClasses()
	s.dropFaults()
	for n := 1; n < s.best.Clients; n++ {
		if s.try(func(o *sim.Options) { o.Clients = n }) {
			break
		}
	}
	for n := 1; n < s.best.Options.Nodes; n++ {
		if s.try(func(o *sim.Options) { o.Nodes = n }) {
			break
		}
	}
	s.dropFaults()
	s.shorten()
}

// shorten halves the time before the liveness phase while that breaks it too.
func (s *shrinker) shorten() {
	for s.best.Options.Run > raft.Second && s.try(func(o *sim.Options) { o.Run /= 2 }) {
	}
}

// dropClasses leaves out one class of faults after another.
func (s *shrinker) dropClasses() {
	for c := range sim.Class(sim.Classes) {
		all := s.best.Options.Only
		rest := make([]int, 0, len(all))
		for _, n := range all {
			if s.class(n) != c {
				rest = append(rest, n)
			}
		}
		if len(rest) < len(all) {
			s.try(func(o *sim.Options) { o.Only = rest })
		}
	}
}

// class is that of the fault with this number.
func (s *shrinker) class(n int) sim.Class {
	for _, f := range s.best.Plan.Faults {
		if f.Number == n {
			return f.Class
		}
	}
	return sim.Class(sim.Classes)
}

// dropFaults leaves out pieces of the list of faults: halves, quarters, and in
// the end each one (delta debugging).
func (s *shrinker) dropFaults() {
	for piece := (len(s.best.Options.Only) + 1) / 2; piece > 0; {
		dropped := false
		for from := 0; from < len(s.best.Options.Only); {
			all := s.best.Options.Only
			rest := slices.Concat(all[:from], all[min(from+piece, len(all)):])
			if s.try(func(o *sim.Options) { o.Only = rest }) {
				dropped = true
			} else {
				from += piece
			}
		}
		switch {
		case piece > 1:
			piece = (piece + 1) / 2
		case !dropped:
			return
		}
		if s.left == 0 {
			return
		}
	}
}
