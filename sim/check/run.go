package check

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"veche/raft"
	"veche/sim"
)

// Options say which seeds to run, and how.
type Options struct {
	First   uint64 // the first seed
	Seeds   int
	Nodes   int           // of each world; 0 means 5
	Run     raft.Duration // of each world before its liveness phase; 0 means 60 s
	Workers int           // 0 means one for each processor
	// Without names classes of faults that do not strike.
	Without []sim.Class
	// Repeat runs one seed in so many a second time and compares the hashes;
	// 0 means never.
	Repeat int
	// Progress is told of the totals after each seed, one call at a time; it may
	// be nil.
	Progress func(Totals)
}

// Seed runs one seed and checks its history. It gives the hash of the trace.
func Seed(opt sim.Options) (t Totals, hash uint64, f *Failure) {
	w := sim.New(opt)
	broken := runWorld(w)
	c := w.Counts()
	t = Totals{Seeds: 1, Simulated: raft.Duration(w.Now()), Events: w.Steps(), Messages: c.Messages, Faults: w.Faults(), Ends: w.Ends(),
		Elections: c.Terms, Committed: c.Committed, Done: c.Done, Refused: c.Refused, Unknown: c.Unknown, Changed: c.Changed, Leased: c.Leased, Expired: c.Expired}
	if broken == nil {
		var err error
		if t.Checked, t.Keys, err = Linearizable(w.History()); err != nil {
			broken = &sim.Broken{Invariant: sim.Linearizability, How: err.Error()}
		}
	}
	if broken == nil {
		return t, w.Hash(), nil
	}
	f = &Failure{Options: w.Options(), Step: w.Steps(), At: w.Now(), Broken: broken,
		Plan: w.Plan(), Struck: w.Struck(), Clients: c.Clients, Tail: w.Tail(tailLines)}
	f.Options.Watch = nil
	return t, w.Hash(), f
}

// runWorld lets a seed happen. A panic in it breaks a promise as well, and is to
// be repeated and made smaller like any other.
func runWorld(w *sim.World) (broken *sim.Broken) {
	defer func() {
		if r := recover(); r != nil {
			broken = &sim.Broken{Invariant: "No Panic", How: fmt.Sprint(r)}
		}
	}()
	return w.Run()
}

// Run runs the seeds until all are done or one fails: then it gives the failure
// of the smallest seed that was found, and the totals of those that held.
func Run(opt Options) (Totals, *Failure) {
	if opt.Workers <= 0 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	start, used := time.Now(), processorTime()
	var (
		mu    sync.Mutex // guards: total, worst, next
		total Totals
		worst *Failure
		next  int
	)
	spent := func(t *Totals) {
		t.Took = time.Since(start)
		if t.Processor = processorTime() - used; t.Processor <= 0 {
			t.Processor = t.Took * time.Duration(opt.Workers)
		}
	}
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		if worst != nil || next >= opt.Seeds {
			return 0, false
		}
		next++
		return opt.First + uint64(next-1), true
	}
	give := func(t *Totals, f *Failure) {
		mu.Lock()
		defer mu.Unlock()
		if f != nil {
			if worst == nil || f.Options.Seed < worst.Options.Seed {
				worst = f
			}
			return
		}
		total.add(t)
		spent(&total)
		if opt.Progress != nil {
			opt.Progress(total)
		}
	}
	var all sync.WaitGroup
	for range opt.Workers {
		all.Go(func() {
			for seed, more := take(); more; seed, more = take() {
				o := sim.Options{Seed: seed, Nodes: opt.Nodes, Run: opt.Run, Without: opt.Without}
				t, hash, f := Seed(o)
				if f == nil && opt.Repeat > 0 && seed%uint64(opt.Repeat) == 0 {
					f = again(o, hash)
					t.Repeated++
				}
				give(&t, f)
			}
		})
	}
	all.Wait()
	spent(&total)
	return total, worst
}

// again runs a seed a second time and compares the hash of its trace.
func again(o sim.Options, hash uint64) *Failure {
	_, second, f := Seed(o)
	if f == nil && second != hash {
		f = &Failure{Options: o, Broken: &sim.Broken{Invariant: "Determinism",
			How: fmt.Sprintf("two runs of the seed gave the hashes %016x and %016x", hash, second)}}
	}
	return f
}
