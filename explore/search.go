package explore

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Result is what became of a scope.
type Result struct {
	Scope       string
	States      int           // different ones, up to names
	Transitions int           // steps that were walked
	Skipped     int           // steps left out because another order of them is walked
	Depth       int           // steps of the deepest state
	Complete    bool          // every state within the bounds was reached
	Frontier    int           // states reached and not walked on from
	Locals      int           // different states of one server
	Messages    int           // different messages
	Took        time.Duration // by the clock
	Work        time.Duration // of all processors together
	Broken      string        // the promise that is broken, empty if none is
	Trace       []string      // the shortest way to it; Replay repeats it
}

// PerSecond is states per second of one processor.
func (r *Result) PerSecond() float64 {
	if r.Work <= 0 {
		return 0
	}
	return float64(r.States) / r.Work.Seconds()
}

// search is one walk under way.
type search struct {
	w       *world
	seen    *seen
	batch   []chunk // states to walk on from in this batch
	next    []chunk // what the next level walks on from
	claimed atomic.Int64
	full    atomic.Bool

	mu     sync.Mutex // guards: found
	found  *breach
	totals Result
}

// chunk is some encoded states.
type chunk struct {
	words  []uint32
	states int
}

// breach is a broken promise: the state before, and what happened there.
type breach struct {
	key    uint64
	act    action
	broken string
}

// Run walks a scope until it is complete, a promise is broken, or so many states
// were reached. workers is the number of goroutines; 0 means one for each
// processor. The error says that the scope itself is not possible.
func Run(scope Scope, states, workers int) (Result, error) {
	w, st, err := begin(&scope)
	if err != nil {
		return Result{}, err
	}
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	s := &search{w: w, seen: newSeen(1 << 16)}
	s.totals.Scope = scope.Name
	started, used := time.Now(), processorTime()
	s.seen.add(st.key, 0)
	s.next = []chunk{{words: w.encode(nil, st), states: 1}}
	for len(s.next) > 0 && s.found == nil && w.trouble == "" {
		if int(s.seen.count.Load()) >= states || s.full.Load() {
			break
		}
		level := s.next
		s.next = nil
		s.walkLevel(level, workers, states)
		if len(s.next) > 0 && s.found == nil {
			s.totals.Depth++
		}
	}
	s.totals.Took, s.totals.Work = time.Since(started), processorTime()-used
	if s.totals.Work == 0 {
		s.totals.Work = s.totals.Took * time.Duration(workers) // not told here
	}
	return s.finish()
}

// finish gives the result.
func (s *search) finish() (Result, error) {
	r := s.totals
	r.States, r.Locals, r.Messages = int(s.seen.count.Load()), int(s.w.locals.n), int(s.w.messages.n)
	for _, c := range s.next {
		r.Frontier += c.states
	}
	r.Complete = r.Frontier == 0 && s.found == nil && !s.full.Load()
	if s.w.trouble != "" {
		return r, fmt.Errorf("explore: %s: %s", r.Scope, s.w.trouble)
	}
	if s.found == nil {
		return r, nil
	}
	r.Broken = s.found.broken
	trace, err := s.trace()
	r.Trace = trace
	return r, err
}

// walkLevel walks on from all states of a level, batch by batch.
func (s *search) walkLevel(level []chunk, workers, states int) {
	for len(level) > 0 {
		n, k := 0, 0
		for k < len(level) && n < batchStates {
			n += level[k].states
			k++
		}
		if s.found != nil || s.w.trouble != "" || s.full.Load() || int(s.seen.count.Load()) >= states {
			s.next = append(s.next, level...) // cut short: they stay in the frontier
			return
		}
		s.seen.reserve(n * fanoutMax)
		s.batch = level[:k]
		level = level[k:]
		s.walkBatch(workers)
	}
}

func (s *search) walkBatch(workers int) {
	s.claimed.Store(0)
	all := make([]worker, workers)
	var wait sync.WaitGroup
	for k := range all {
		all[k].s = s
		if workers == 1 {
			all[k].work() // no goroutine: a panic reaches the caller
			break
		}
		wait.Add(1)
		go func() {
			defer wait.Done()
			all[k].work()
		}()
	}
	wait.Wait()
	for k := range all {
		x := &all[k]
		x.close()
		s.next = append(s.next, x.done...)
		s.totals.Transitions += x.transitions
		s.totals.Skipped += x.skipped
	}
}

// worker walks on from states that it claims.
type worker struct {
	s           *search
	st, to      state
	out         chunk
	done        []chunk
	transitions int
	skipped     int
}

func (x *worker) work() {
	for {
		k := int(x.s.claimed.Add(1)) - 1
		if k >= len(x.s.batch) {
			break
		}
		c := &x.s.batch[k]
		for words := c.words; len(words) > 0; {
			words = x.s.w.decode(words, &x.st)
			x.expand()
		}
		c.words = nil
	}
}

func (x *worker) close() {
	if x.out.states > 0 {
		x.done = append(x.done, x.out)
	}
	x.out = chunk{}
}

// expand walks all steps from x.st.
func (x *worker) expand() {
	w := x.s.w
	w.actions(&x.st, func(a action) {
		l := x.st.locals[a.slot]
		r := w.outcome(l, a.in)
		if r.idle {
			return // a delivery that does nothing is as a loss, which needs no step
		}
		if a.remove != nil && w.skips(&x.st, a.remove, l, r) {
			x.skipped++
			return
		}
		x.transitions++
		if broken := w.follow(&x.st, &a, r, &x.to); broken != "" {
			x.s.report(&breach{key: x.st.key, act: a, broken: broken})
			return
		}
		isNew, full := x.s.seen.add(x.to.key, x.st.key)
		if full {
			x.s.full.Store(true)
		}
		if isNew {
			x.out.words = w.encode(x.out.words, &x.to)
			x.out.states++
			if x.out.states == claimStates {
				x.close()
			}
		}
	})
}

// follow puts into to what the action makes of st, and gives the broken promise.
func (w *world) follow(st *state, a *action, r *result, to *state) string {
	to.locals, to.committed, to.ghost, to.budget = st.locals, st.committed, st.ghost, st.budget
	to.messages = append(to.messages[:0], st.messages...)
	if a.remove != nil {
		if k, found := slices.BinarySearchFunc(to.messages, a.remove, byNumber); found {
			to.messages = slices.Delete(to.messages, k, k+1)
		}
	}
	if a.costs {
		to.budget = to.budget.spent(a.spends)
	}
	if a.in.kind() == inRead {
		to.ghost = to.ghost.beginRead(int(a.in.arg()))
	}
	l := st.locals[a.slot]
	to.locals[a.slot] = r.next
	broken := w.judge(to, a.slot, l, r.told)
	var quiet bool
	to.messages, quiet = w.mail(to.messages, r.sends, to, a.slot)
	to.last = lastStep{}
	if a.remove != nil && quiet && !r.shows(l) {
		to.last.message = a.remove
	}
	w.identify(to)
	return broken
}

// report keeps a breach; on one level all traces are equally long.
func (s *search) report(b *breach) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found == nil || b.key < s.found.key {
		s.found = b
	}
}

// begin makes the world of a scope and its start.
func begin(scope *Scope) (*world, *state, error) {
	w, err := newWorld(scope)
	if err != nil {
		return nil, nil, err
	}
	all, err := w.first()
	if err != nil {
		return nil, nil, err
	}
	st := &state{committed: w.root, budget: w.budget}
	copy(st.locals[:], all)
	w.identify(st)
	if err := w.guide(st); err != nil {
		return nil, nil, err
	}
	for g := range w.renamings {
		for k := range w.servers {
			t := st.locals[k].twins[g]
			if t != st.locals[t.s.slot] {
				return nil, nil, fmt.Errorf("explore: %s: its start tells servers apart that it calls alike", scope.Name)
			}
		}
		for _, m := range st.messages {
			if !slices.Contains(st.messages, m.twins[g]) {
				return nil, nil, fmt.Errorf("explore: %s: the messages of its start tell servers apart that it calls alike", scope.Name)
			}
		}
	}
	return w, st, nil
}
