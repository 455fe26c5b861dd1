package check

import (
	"fmt"
	"runtime"
	"strings"
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
	// Repeat runs one seed in so many a second time and compares the hashes;
	// 0 means never.
	Repeat int
	// Progress is told of the totals after each seed, one call at a time; it may
	// be nil.
	Progress func(Totals)
}

// Failure is a seed that broke a promise.
type Failure struct {
	Seed   uint64
	Nodes  int
	Run    raft.Duration
	Step   uint64
	At     raft.Time
	Broken *sim.Broken
	Tail   []sim.Record
}

// tailLines is how much of the trace a failure shows.
const tailLines = 40

// Error tells the seed, the promise, what happened last, and how to see it again.
func (f *Failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, step %d, %s: %s\n", f.Seed, f.Step, sim.Millis(f.At), f.Broken)
	for _, r := range f.Tail {
		fmt.Fprintf(&b, "  %s\n", r)
	}
	fmt.Fprintf(&b, "repeat it with: %s", f.Command())
	return b.String()
}

// Command is what a person types to see the failure again.
func (f *Failure) Command() string {
	c := fmt.Sprintf("veche sim run --seed %d --verbose", f.Seed)
	if f.Nodes != 0 && f.Nodes != 5 {
		c += fmt.Sprintf(" --nodes %d", f.Nodes)
	}
	if f.Run != 0 && f.Run != 60*raft.Second {
		c += fmt.Sprintf(" --seconds %g", float64(f.Run)/float64(raft.Second))
	}
	return c
}

// Totals is what some seeds did.
type Totals struct {
	Seeds     int
	Simulated raft.Duration
	Events    uint64
	Messages  uint64
	Faults    [sim.Classes]uint64
	Elections uint64 // terms that had a leader
	Committed uint64 // entries
	Done      uint64 // operations that were carried out
	Refused   uint64
	Unknown   uint64
	Checked   int // operations checked for linearizability
	Keys      int // histories checked for linearizability
	Repeated  int // seeds that were run twice with the same hash
	Took      time.Duration
}

// SeedsPerSecond is how fast it went.
func (t *Totals) SeedsPerSecond() float64 { return float64(t.Seeds) / max(t.Took.Seconds(), 1e-9) }

// Struck adds up the faults that were done to a server or a link, apart from
// those that messages met by chance.
func (t *Totals) Struck() uint64 {
	n := uint64(0)
	for c, k := range t.Faults {
		if !sim.Class(c).ByChance() {
			n += k
		}
	}
	return n
}

// String is the closing line of a run.
func (t *Totals) String() string {
	return fmt.Sprintf("%d seeds, %.1f simulated hours, %d events, %d messages, %d faults, %d terms with a leader, %d entries committed; "+
		"operations: %d done, %d refused, %d unknown; linearizability: %d operations on %d keys; %d seeds run twice; %.1f seeds/s\nfaults: %s",
		t.Seeds, float64(t.Simulated)/float64(3600*raft.Second), t.Events, t.Messages, t.Struck(), t.Elections, t.Committed,
		t.Done, t.Refused, t.Unknown, t.Checked, t.Keys, t.Repeated, t.SeedsPerSecond(), t.faults())
}

func (t *Totals) faults() string {
	parts := make([]string, 0, sim.Classes)
	for c, n := range t.Faults {
		parts = append(parts, fmt.Sprintf("%s %d", sim.Class(c), n))
	}
	return strings.Join(parts, ", ")
}

func (t *Totals) add(o *Totals) {
	t.Seeds += o.Seeds
	t.Simulated += o.Simulated
	t.Events += o.Events
	t.Messages += o.Messages
	for c := range t.Faults {
		t.Faults[c] += o.Faults[c]
	}
	t.Elections += o.Elections
	t.Committed += o.Committed
	t.Done += o.Done
	t.Refused += o.Refused
	t.Unknown += o.Unknown
	t.Checked += o.Checked
	t.Keys += o.Keys
	t.Repeated += o.Repeated
}

// Seed runs one seed and checks its history. It gives the hash of the trace.
// watch, if it is not nil, sees each record as it is made.
func Seed(seed uint64, nodes int, run raft.Duration, watch func(*sim.Record)) (Totals, uint64, *Failure) {
	w := sim.New(sim.Options{Seed: seed, Nodes: nodes, Run: run, Watch: watch})
	broken := w.Run()
	c := w.Counts()
	t := Totals{Seeds: 1, Simulated: raft.Duration(w.Now()), Events: w.Steps(), Messages: c.Messages, Faults: w.Faults(),
		Elections: c.Terms, Committed: c.Committed, Done: c.Done, Refused: c.Refused, Unknown: c.Unknown}
	if broken == nil {
		var err error
		if t.Checked, t.Keys, err = Linearizable(w.History()); err != nil {
			broken = &sim.Broken{Invariant: sim.Linearizability, How: err.Error()}
		}
	}
	if broken != nil {
		return t, w.Hash(), &Failure{seed, nodes, run, w.Steps(), w.Now(), broken, w.Tail(tailLines)}
	}
	return t, w.Hash(), nil
}

// Run runs the seeds until all are done or one fails: then it gives the failure
// of the smallest seed that was found, and the totals of those that held.
func Run(opt Options) (Totals, *Failure) {
	if opt.Workers <= 0 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	start := time.Now()
	var (
		mu    sync.Mutex // guards: total, worst, next
		total Totals
		worst *Failure
		next  int
	)
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
			if worst == nil || f.Seed < worst.Seed {
				worst = f
			}
			return
		}
		total.add(t)
		total.Took = time.Since(start)
		if opt.Progress != nil {
			opt.Progress(total)
		}
	}
	var all sync.WaitGroup
	for range opt.Workers {
		all.Go(func() {
			for seed, more := take(); more; seed, more = take() {
				t, hash, f := Seed(seed, opt.Nodes, opt.Run, nil)
				if f == nil && opt.Repeat > 0 && seed%uint64(opt.Repeat) == 0 {
					f = again(seed, &opt, hash)
					t.Repeated++
				}
				give(&t, f)
			}
		})
	}
	all.Wait()
	total.Took = time.Since(start)
	return total, worst
}

// again runs a seed a second time and compares the hash of its trace.
func again(seed uint64, opt *Options, hash uint64) *Failure {
	_, second, f := Seed(seed, opt.Nodes, opt.Run, nil)
	if f == nil && second != hash {
		f = &Failure{Seed: seed, Nodes: opt.Nodes, Run: opt.Run, Broken: &sim.Broken{Invariant: "Determinism",
			How: fmt.Sprintf("two runs of the seed gave the hashes %016x and %016x", hash, second)}}
	}
	return f
}
