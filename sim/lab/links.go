package lab

import (
	"runtime"
	"slices"
	"sync"

	"veche/raft"
	"veche/sim"
)

// The course of an experiment with links.
const (
	linkNodes    = 5
	proposeEvery = 100 * raft.Millisecond
	watchFor     = 60 * raft.Second // after the fault
	calmFor      = 30 * raft.Second // the end of that, in which it must be over
	isolateFor   = 60 * raft.Second

	// termsFew is how many terms a cluster may use to come through one fault of
	// links: the election, and some votes that split. Beyond it terms grow.
	termsFew = 8
	// gapShort is the longest pause between two commits that is no outage: less
	// than the smallest election timeout.
	gapShort = 150*raft.Millisecond + proposeEvery
)

// LinkFault is a way in which links between five servers fail. Its places are
// numbered from 1 to 5; which servers stand there depends on who leads.
type LinkFault struct {
	Name    string
	What    string   // in a sentence
	leaders []int    // the places at which the leader may stand
	alive   [][2]int // nil: all but dead; both ways
	dead    [][2]int // one way, from and to
	down    []int    // places that lose power
	isolate int      // place that is cut off for a long time and comes back, 0 none
}

// LinkFaults gives all of them.
func LinkFaults() []LinkFault {
	return []LinkFault{
		{Name: "tails", What: "4 hears only 2, 5 hears only 3", leaders: []int{1, 2, 4},
			alive: [][2]int{{1, 2}, {1, 3}, {2, 3}, {2, 4}, {3, 5}}},
		{Name: "hub", What: "everyone hears only 1, which does not lead", leaders: []int{2},
			alive: [][2]int{{1, 2}, {1, 3}, {1, 4}, {1, 5}}},
		{Name: "chain of three", What: "1 hears 2, 2 hears 3; 4 and 5 have no power", leaders: []int{1, 2, 4},
			alive: [][2]int{{1, 2}, {2, 3}}, down: []int{4, 5}},
		{Name: "deaf leader", What: "nothing reaches the leader", leaders: []int{1},
			dead: [][2]int{{2, 1}, {3, 1}, {4, 1}, {5, 1}}},
		{Name: "mute leader", What: "nothing comes from the leader", leaders: []int{1},
			dead: [][2]int{{1, 2}, {1, 3}, {1, 4}, {1, 5}}},
		{Name: "long-isolated rejoins", What: "5 was cut off for a minute and is back", leaders: []int{1, 5}, isolate: 5},
		{Name: "one dead link", What: "the leader and 2 do not hear each other", leaders: []int{1},
			dead: [][2]int{{1, 2}, {2, 1}}},
	}
}

// cuts gives the directions of links that die, from and to.
func (f *LinkFault) cuts() (all [][2]int) {
	for a := 1; a <= linkNodes; a++ {
		for b := 1; b <= linkNodes; b++ {
			l := [2]int{a, b}
			lives := f.alive == nil || slices.Contains(f.alive, l) || slices.Contains(f.alive, [2]int{b, a})
			if a != b && (!lives || a == f.isolate || b == f.isolate || slices.Contains(f.dead, l)) {
				all = append(all, l)
			}
		}
	}
	return all
}

// Rules says which of the two rules hold that keep a cluster calm.
type Rules struct{ PreVote, CheckQuorum bool }

// String names them.
func (r Rules) String() string {
	switch r {
	case Rules{true, true}:
		return "both"
	case Rules{PreVote: true}:
		return "PreVote alone"
	case Rules{CheckQuorum: true}:
		return "CheckQuorum alone"
	}
	return "neither"
}

// AllRules gives the combinations that this build can show, production's first.
func AllRules() []Rules {
	if !raft.LabBuild {
		return []Rules{{true, true}}
	}
	return []Rules{{true, true}, {PreVote: true}, {CheckQuorum: true}, {}}
}

// Verdict is what became of a cluster.
type Verdict uint8

// From good to bad.
const (
	Stable     Verdict = iota // nobody who writes noticed
	Recovered                 // there was a pause, and it is over
	TermsGrow                 // it works, but somebody's term grows without end
	Restless                  // it works between ever new elections
	Split                     // nobody wins, again and again
	Leaderless                // stuck: nobody leads, nobody tries
	Powerless                 // stuck: somebody leads and commits nothing
)

// String says it in words.
func (v Verdict) String() string {
	return [...]string{"stable", "recovered", "works, but terms grow", "livelock: ever new leaders",
		"livelock: terms grow, nobody wins", "stuck: nobody leads", "stuck: a leader commits nothing"}[v]
}

// LinkResult is what was seen after the fault. Of several runs it is the worst of
// each.
type LinkResult struct {
	Verdict   Verdict
	Changes   int       // of the leader, in the last 30 s
	Terms     raft.Term // used since the fault began
	Proposed  int
	Committed int
	Gap       raft.Duration // the longest time without a commit
	Runs      int
	Broken    *sim.Broken // a promise that did not hold; nil
}

// RunAllLinks gives the results of all faults, row by row, with a column for each
// of AllRules. It runs on all processors.
func RunAllLinks(seeds int) [][]LinkResult {
	faults, rules := LinkFaults(), AllRules()
	results := make([][]LinkResult, len(faults))
	var wait sync.WaitGroup
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range faults {
		results[i] = make([]LinkResult, len(rules))
		for k := range rules {
			wait.Go(func() {
				turns <- struct{}{}
				results[i][k] = RunLinks(&faults[i], rules[k], seeds)
				<-turns
			})
		}
	}
	wait.Wait()
	return results
}

// RunLinks lets the fault happen with the leader at each place where it may
// stand, with as many seeds, and gives the worst of all.
func RunLinks(f *LinkFault, r Rules, seeds int) LinkResult {
	var all LinkResult
	for _, place := range f.leaders {
		for seed := range uint64(seeds) {
			one := runLink(f, r, place, seed+1)
			if all.Runs == 0 || one.Committed < all.Committed {
				all.Committed = one.Committed
			}
			all.Runs++
			all.Proposed = one.Proposed
			all.Verdict = max(all.Verdict, one.Verdict)
			all.Changes = max(all.Changes, one.Changes)
			all.Terms = max(all.Terms, one.Terms)
			all.Gap = max(all.Gap, one.Gap)
			if all.Broken == nil {
				all.Broken = one.Broken
			}
		}
	}
	return all
}

// linkRun is one world with one fault.
type linkRun struct {
	world   *sim.World
	fault   *LinkFault
	node    [linkNodes + 1]int // by place
	watched bool
	began   raft.Time // of the watch
	elected []raft.Time
	done    uint64
	doneAt  raft.Time
	res     LinkResult
}

// newLinkWorld makes five servers with quick links and disks, not started.
func newLinkWorld(seed uint64, r Rules, watch func(*sim.Record)) *sim.World {
	return sim.New(sim.Options{Seed: seed, Nodes: linkNodes, Watch: watch, Trial: &sim.Trial{
		WireMin: raft.Millisecond / 2, WireMax: 3 * raft.Millisecond / 2,
		SyncMin: raft.Millisecond / 2, SyncMax: 2 * raft.Millisecond,
		Lab: raft.LabWithout(!r.PreVote, !r.CheckQuorum, false)}})
}

func runLink(f *LinkFault, r Rules, place int, seed uint64) LinkResult {
	x := &linkRun{fault: f}
	x.world = newLinkWorld(seed, r, x.see)
	w := x.world
	for i := range linkNodes {
		w.Start(i)
	}
	for _, _, led := w.Leader(); !led || !w.Leveled(); _, _, led = w.Leader() {
		if !w.RunUntil(w.Now()+raft.Time(10*raft.Millisecond)) || w.Now() > raft.Time(watchFor) {
			x.res.Verdict, x.res.Broken = Leaderless, w.Broken()
			return x.res
		}
	}
	x.work(2*raft.Second + raft.Duration(seed)*7*raft.Millisecond)
	before := x.highestTerm()
	x.placeLeader(place)
	x.strike()
	x.watch()
	x.res.Terms = x.highestTerm() - before
	x.res.Broken = w.Broken()
	x.judge()
	return x.res
}

// placeLeader gives every place a server: the one that leads stands at place.
func (x *linkRun) placeLeader(place int) {
	leader, _, _ := x.world.Leader()
	x.node[place] = leader
	at := 1
	for i := range linkNodes {
		if i == leader {
			continue
		}
		if at == place {
			at++
		}
		x.node[at] = i
		at++
	}
}

// strike does what the fault says.
func (x *linkRun) strike() {
	f, w := x.fault, x.world
	for _, l := range f.cuts() {
		w.Cut(x.node[l[0]], x.node[l[1]])
	}
	for _, p := range f.down {
		w.PowerCut(x.node[p])
	}
	if f.isolate != 0 {
		x.work(isolateFor)
		w.Mend()
	}
}

// work proposes something every 100 ms, to whoever leads.
func (x *linkRun) work(d raft.Duration) {
	w := x.world
	end := w.Now() + raft.Time(d)
	for w.Now() < end {
		if i, _, led := w.Leader(); led {
			w.Put(i)
		}
		x.res.Proposed++
		if !w.RunUntil(min(end, w.Now()+raft.Time(proposeEvery))) {
			return
		}
	}
}

// see notes leaders and answers as they come.
func (x *linkRun) see(r *sim.Record) {
	switch {
	case r.Kind == sim.RecordEvent && r.Event.Kind == raft.EventBecameLeader:
		x.elected = append(x.elected, r.At)
	case r.Kind == sim.RecordAnswer && x.watched && x.world.Counts().Done > x.done:
		x.done = x.world.Counts().Done
		x.res.Committed++
		x.res.Gap = max(x.res.Gap, raft.Duration(r.At-x.doneAt))
		x.doneAt = r.At
	}
}

// watch works on after the fault, and measures.
func (x *linkRun) watch() {
	w := x.world
	x.watched, x.began, x.doneAt, x.done = true, w.Now(), w.Now(), w.Counts().Done
	x.res.Proposed = 0
	x.work(watchFor)
	x.res.Gap = max(x.res.Gap, raft.Duration(w.Now()-x.doneAt))
	calm := x.began + raft.Time(watchFor-calmFor)
	for _, at := range x.elected {
		if at >= calm {
			x.res.Changes++
		}
	}
}

func (x *linkRun) highestTerm() raft.Term {
	highest := raft.Term(0)
	for i := range linkNodes {
		if s, up := x.world.Status(i); up {
			highest = max(highest, s.Term)
		}
	}
	return highest
}

// judge says in a word what was seen.
func (x *linkRun) judge() {
	_, _, led := x.world.Leader()
	silent := raft.Duration(x.world.Now()-x.doneAt) >= calmFor
	r := &x.res
	switch {
	case silent && r.Changes == 0 && led:
		r.Verdict = Powerless
	case silent && r.Changes == 0 && r.Terms > termsFew:
		r.Verdict = Split
	case silent && r.Changes == 0:
		r.Verdict = Leaderless
	case r.Changes > 0:
		r.Verdict = Restless
	case r.Terms > termsFew:
		r.Verdict = TermsGrow
	case r.Gap > gapShort:
		r.Verdict = Recovered
	default:
		r.Verdict = Stable
	}
}
