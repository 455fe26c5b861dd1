package sim

import (
	"slices"

	"veche/raft"
)

// Fault is one line of a seed's plan: what comes, and when. To whom, how hard and
// for how long is drawn from a stream of its own when it strikes, so that one
// that is left out changes no other.
type Fault struct {
	Number int // its place in the plan, from 1; it names the stream
	At     raft.Time
	Class  Class
}

// Storm is a time in which faults strike; when it is over, what they did to links
// and disks is mended.
type Storm struct{ From, To raft.Time }

// Plan is the weather of a seed, known before it begins.
type Plan struct {
	Storms []Storm
	Faults []Fault // in order of Number, and of At
}

// storm is what is blowing, and how hard.
type storm struct {
	plan   Plan
	struck []int // the numbers of those that were let strike
	over   bool
	counts [classes]uint64

	drop, dup, delay, replay, reorder uint32
	delayMax                          raft.Duration
	downMax                           raft.Duration // the longest a node is down
	last                              raft.Duration // the longest a cut lasts
	epoch                             uint64        // of cuts: a mend of an older one is void
}

// Streams of a seed's randomness, one for each concern: what one draws moves no
// other. Those of nodes, links, clients and faults are numbered from these on.
const (
	streamWorld   = 1
	streamPlan    = 2
	streamNodes   = 1 << 16
	streamLinks   = 2 << 16
	streamClients = 3 << 16
	streamFaults  = 4 << 16
)

// prepare draws the weather of the seed, whatever becomes of it, and lets happen
// what the Options do not leave out.
func (w *World) prepare() {
	r, s := NewRand(w.opt.Seed, streamPlan), &w.storm
	s.drop = uint32(r.LogBetween(4, 600))
	s.dup = uint32(r.LogBetween(4, 600))
	s.replay = uint32(r.LogBetween(64, 4096))
	s.delay = uint32(r.LogBetween(4, 400))
	s.reorder = uint32(r.LogBetween(16, 2048))
	s.delayMax = raft.Duration(r.LogBetween(int64(5*raft.Millisecond), int64(2*raft.Second)))
	s.downMax = raft.Duration(r.LogBetween(int64(200*raft.Millisecond), int64(6*raft.Second)))
	s.last = raft.Duration(r.LogBetween(int64(200*raft.Millisecond), int64(6*raft.Second)))
	if s.plan = drawPlan(&r, raft.Time(w.opt.Run)); w.opt.Plan != nil {
		s.plan = *w.opt.Plan
	}
	for _, storm := range s.plan.Storms {
		w.at(storm.From, event{kind: evStorm, n: 1})
		w.at(storm.To, event{kind: evStorm})
	}
	for k := range s.plan.Faults {
		f := &s.plan.Faults[k]
		if w.opt.Only != nil && !slices.Contains(w.opt.Only, f.Number) || slices.Contains(w.opt.Without, f.Class) || f.At > raft.Time(w.opt.Run) {
			continue
		}
		s.struck = append(s.struck, f.Number)
		if f.At == 0 { // a property of the whole seed
			w.strike(f)
			continue
		}
		w.at(f.At, event{kind: evFault, n: uint64(k)})
	}
}

// drawPlan draws the storms that begin before end, and their faults. A longer
// plan of the same seed begins with a shorter one.
func drawPlan(r *Rand, end raft.Time) (p Plan) {
	var bag, rain []Class
	add := func(at raft.Time, c Class) {
		p.Faults = append(p.Faults, Fault{Number: len(p.Faults) + 1, At: at, Class: c})
	}
	for c := Class(0); c < classes; c++ {
		switch {
		case !r.Chance(1, 2):
		case c.ByChance():
			rain = append(rain, c)
		case c.Lasting():
			add(0, c)
		default:
			for range c.weight() {
				bag = append(bag, c)
			}
		}
	}
	every := r.LogBetween(int64(250*raft.Millisecond), int64(3*raft.Second))
	at := raft.Time(r.Between(int64(raft.Second/2), int64(2*raft.Second)))
	if r.Chance(1, 4) {
		at = 1 // the cluster begins in a storm
	}
	for at < end {
		storm := Storm{at, at + raft.Time(r.Between(int64(4*raft.Second), int64(14*raft.Second)))}
		p.Storms = append(p.Storms, storm)
		for _, c := range rain {
			add(at, c)
		}
		for t := at + raft.Time(r.Between(0, every)); len(bag) > 0 && t < storm.To; t += raft.Time(r.Between(every/2, every*3/2)) {
			add(t, bag[r.Intn(len(bag))])
		}
		at = storm.To + raft.Time(r.Between(int64(raft.Second), int64(4*raft.Second)))
	}
	return p
}

// Plan is all that was planned for the seed, also what Options.Only leaves out.
func (w *World) Plan() Plan { return w.storm.plan }

// Struck is the numbers of the faults that were let strike, or will be.
func (w *World) Struck() []int { return w.storm.struck }
