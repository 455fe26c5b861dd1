package lab

import (
	"runtime"
	"slices"
	"sync"

	"veche/raft"
	"veche/sim"
)

// Mode says by which rules the servers of Figure 16 find a new leader.
type Mode uint8

const (
	// AsPaper: by the paper's rules alone (§5.2). A server that times out begins
	// an election; one that is refused waits for its next timeout. Only in a
	// build with the tag lab.
	AsPaper Mode = iota
	// Veche: as it serves, without fast detection. A server that times out asks
	// who would vote for it (PreVote) before it does, and one that is refused
	// draws a new timeout at once.
	Veche
	// VecheFast: and with fast detection. The others see the connections of the
	// dead process close.
	VecheFast
	// Real: real processes, measured by veche bench election.
	Real
	// RealFast: with fast detection.
	RealFast
)

// String names the mode.
func (m Mode) String() string {
	return [...]string{"paper's rules", "Veche", "Veche, fast", "real", "real, fast"}[m]
}

// Range is one of election timeouts.
type Range struct{ Min, Max raft.Duration }

// Randomness gives the ranges of the upper graph of Figure 16, and Scale those of
// the lower.
func Randomness() []Range {
	return ranges(150, 150, 150, 151, 150, 155, 150, 175, 150, 200, 150, 300)
}

// Scale gives the ranges of the lower graph.
func Scale() []Range { return ranges(12, 24, 25, 50, 50, 100, 100, 200, 150, 300) }

func ranges(ms ...int) []Range {
	out := make([]Range, 0, len(ms)/2)
	for i := 0; i < len(ms); i += 2 {
		out = append(out, Range{raft.Duration(ms[i]) * raft.Millisecond, raft.Duration(ms[i+1]) * raft.Millisecond})
	}
	return out
}

// The hardware. In the paper a broadcast, which is a round trip on the network and
// a write to disk (thesis §9.3), takes roughly 15 ms; here it is 12 on average and 13
// to all four. How much of it is the network decides how often votes split, and
// is not told: this much gives the paper's median for 150–155 ms.
const (
	WireMin, WireMax = 2200 * raft.Microsecond, 2700 * raft.Microsecond // one way
	SyncMin, SyncMax = 6 * raft.Millisecond, 8 * raft.Millisecond

	crashNodes = 5
	// GiveUp is how long a crash may leave the cluster without a leader before
	// the experiment goes on without it; the axis of the paper ends there.
	GiveUp = 100 * raft.Second
	// crashesPerWorld is how often a leader is crashed in one world: few, so that
	// worlds can run side by side.
	crashesPerWorld = 25
	// allEqualMin is how many crashes there are at least where all timeouts are
	// equal. Beyond it they are a tenth, as in the paper: each takes very long.
	allEqualMin = 10
)

// Curve is the distribution of the times without a leader for one range.
type Curve struct {
	Mode  Mode
	Range Range
	Times []raft.Duration // from the shortest; GiveUp and more: no leader came
	Terms []int           // that were used, from the fewest; nil for real processes
}

// Quantile is the time within which q of the crashes had a new leader.
func (c *Curve) Quantile(q float64) raft.Duration {
	if len(c.Times) == 0 {
		return 0
	}
	return c.Times[min(len(c.Times)-1, int(q*float64(len(c.Times))))]
}

// Mean is the average time.
func (c *Curve) Mean() raft.Duration {
	sum := raft.Duration(0)
	for _, t := range c.Times {
		sum += t
	}
	return sum / raft.Duration(max(1, len(c.Times)))
}

// MeanTerms is the average number of terms.
func (c *Curve) MeanTerms() float64 {
	sum := 0
	for _, t := range c.Terms {
		sum += t
	}
	return float64(sum) / float64(max(1, len(c.Terms)))
}

// Figure16 says what to measure.
type Figure16 struct {
	Seed     uint64
	Crashes  int // for each range; fewer where timeouts are all equal
	Workers  int // worlds at a time; 0: one for each processor
	Progress func(done, of int)
}

// Modes are those that this build can simulate.
func Modes() []Mode {
	if raft.LabBuild {
		return []Mode{AsPaper, Veche, VecheFast}
	}
	return []Mode{Veche, VecheFast}
}

// batch is the crashes of one world.
type batch struct {
	curve   int
	seed    uint64
	crashes int
	times   []raft.Duration
	terms   []int
	broken  *sim.Broken
}

// Run crashes leaders for every range and mode. The curves come mode by mode,
// the ranges of Randomness before those of Scale; 150–300 ms is measured once.
// The error is the first promise that was broken.
func (f Figure16) Run() ([]Curve, error) {
	var curves []Curve
	for _, m := range Modes() {
		all := append(Randomness(), Scale()...)
		for _, r := range all[:len(all)-1] {
			curves = append(curves, Curve{Mode: m, Range: r})
		}
	}
	return f.measure(curves)
}

// measure gives the curves with what was measured for each.
func (f Figure16) measure(curves []Curve) ([]Curve, error) {
	curves = slices.Clone(curves)
	var batches []batch
	for k := range curves {
		crashes := f.Crashes
		if r := curves[k].Range; r.Min == r.Max && crashes > allEqualMin {
			crashes = max(allEqualMin, crashes/10)
		}
		for ; crashes > 0; crashes -= crashesPerWorld {
			batches = append(batches, batch{curve: k, seed: f.Seed<<32 + uint64(len(batches)), crashes: min(crashes, crashesPerWorld)})
		}
	}
	f.work(curves, batches)
	for k := range batches {
		b := &batches[k]
		if b.broken != nil {
			return nil, b.broken
		}
		c := &curves[b.curve]
		c.Times, c.Terms = append(c.Times, b.times...), append(c.Terms, b.terms...)
	}
	for k := range curves {
		slices.Sort(curves[k].Times)
		slices.Sort(curves[k].Terms)
	}
	return curves, nil
}

// work runs the batches on all processors. Each writes only its own results.
func (f Figure16) work(curves []Curve, batches []batch) {
	workers := f.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	next := make(chan *batch)
	done := make(chan struct{})
	var wait sync.WaitGroup
	for range workers {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for b := range next {
				b.run(curves[b.curve].Mode, curves[b.curve].Range)
				done <- struct{}{}
			}
		}()
	}
	go func() {
		for k := range batches {
			next <- &batches[k]
		}
		close(next)
		wait.Wait()
		close(done)
	}()
	n := 0
	for range done {
		n++
		if f.Progress != nil {
			f.Progress(n, len(batches))
		}
	}
}

// run crashes the leader of one world until it has b.crashes; a world that finds
// no leader any more is replaced by another.
func (b *batch) run(m Mode, r Range) {
	for world := uint64(0); len(b.times) < b.crashes; world++ {
		before := len(b.times)
		x := newCrashes(b.seed<<8+world, m, r)
		for len(b.times) < b.crashes && x.prepare() {
			x.crash()
			b.times, b.terms = append(b.times, x.took), append(b.terms, x.terms)
			if x.took >= GiveUp {
				break
			}
		}
		b.broken = x.world.Broken()
		if b.broken == nil && len(b.times) == before {
			b.broken = &sim.Broken{Invariant: sim.Liveness, How: "five servers without a fault do not become ready for a crash"}
		}
		if b.broken != nil {
			return
		}
	}
}

// crashes is one world whose leader is crashed again and again.
type crashes struct {
	world     *sim.World
	rand      sim.Rand
	heartbeat raft.Duration
	old       int // the leader that is crashed

	// What is seen after the crash:
	crashed bool
	term    raft.Term // of the latest leader
	knows   [crashNodes]bool
	known   int
	at      raft.Time

	took  raft.Duration
	terms int
}

func newCrashes(seed uint64, m Mode, r Range) *crashes {
	x := &crashes{rand: sim.NewRand(seed, 16), heartbeat: r.Min / 2, old: -1}
	paper := m == AsPaper
	x.world = sim.New(sim.Options{Seed: seed, Nodes: crashNodes, Watch: x.see, Trial: &sim.Trial{
		ElectionMin: r.Min, ElectionMax: r.Max, Heartbeat: x.heartbeat,
		WireMin: WireMin, WireMax: WireMax, SyncMin: SyncMin, SyncMax: SyncMax,
		Slow: m != VecheFast, Lab: raft.LabWithout(paper, paper, paper)}})
	for i := range crashNodes { // one after another, or equal timeouts never find a first leader
		x.world.Start(i)
		x.world.RunUntil(x.world.Now() + raft.Time(r.Min/crashNodes))
	}
	return x
}

// see notes who learns of a new leader.
func (x *crashes) see(r *sim.Record) {
	if !x.crashed || r.Kind != sim.RecordEvent || r.Event.Term < x.term {
		return
	}
	switch r.Event.Kind {
	case raft.EventBecameLeader:
		x.term, x.known, x.knows = r.Event.Term, 0, [crashNodes]bool{}
	case raft.EventLeaderKnown:
		if r.Event.Term == x.term && !x.knows[r.Node-1] {
			x.knows[r.Node-1] = true
			x.known++
			x.at = r.At
		}
	}
}

// prepare waits for a leader that everybody follows, gives the servers logs of
// different length, and stops in the middle of a heartbeat. False: there is no
// leader, or not for long enough.
func (x *crashes) prepare() bool {
	w := x.world
	if x.old >= 0 {
		w.Start(x.old)
	}
	for tries := 0; tries < 5; tries++ {
		leader, term, ready := x.settle()
		if !ready {
			return false
		}
		x.spread(leader)
		// Two writes and a beat later everybody has what it was sent. The crash
		// comes at any time until the next beat.
		w.RunUntil(w.Now() + raft.Time(2*SyncMax+WireMax))
		w.RunUntil(w.NextBeat(leader))
		w.RunUntil(w.Now() + raft.Time(x.rand.Between(0, int64(x.heartbeat)-1)))
		w.Pass()
		if i, t, led := w.Leader(); led && i == leader && t == term {
			x.old, x.term = leader, term
			return true
		}
	}
	return false
}

// settle waits until all servers have equal logs and follow one leader.
func (x *crashes) settle() (int, raft.Term, bool) {
	w := x.world
	for until := w.Now() + raft.Time(GiveUp); w.Now() < until; {
		if i, t, led := w.Leader(); led && w.Leveled() {
			return i, t, true
		}
		if !w.RunUntil(w.Now() + raft.Time(5*raft.Millisecond)) {
			break
		}
	}
	return 0, 0, false
}

// spread gives every follower a log of another length: two of them are too short
// to find a majority.
func (x *crashes) spread(leader int) {
	var followers []int
	for i := range crashNodes {
		if i != leader {
			followers = append(followers, i)
		}
	}
	for k := len(followers) - 1; k > 0; k-- {
		j := x.rand.Intn(k + 1)
		followers[k], followers[j] = followers[j], followers[k]
		x.world.Drop(raft.KindAppend, leader, followers[k])
		x.world.Put(leader)
	}
}

// crash kills the leader, and measures until all others have heard the next.
func (x *crashes) crash() {
	w := x.world
	from, before := w.Now(), x.term
	x.crashed, x.known, x.term = true, 0, before+1
	w.Crash(x.old)
	for x.known < crashNodes-2 && w.Now() < from+raft.Time(GiveUp) {
		if !w.Step() {
			break
		}
	}
	x.crashed = false
	x.took, x.terms = GiveUp, int(x.term-before)
	if x.known == crashNodes-2 {
		x.took = min(GiveUp, raft.Duration(x.at-from))
		return
	}
	for i := range crashNodes {
		if s, up := w.Status(i); up {
			x.terms = max(x.terms, int(s.Term-before))
		}
	}
}
