package wal

import (
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// world is a log on a faulty disk beside its twin.
type world struct {
	t       *testing.T
	seed    uint64
	r       *rand.Rand
	fs      *MemFS
	log     *Log
	size    int64
	durable twin     // what was confirmed
	pending []Record // what was appended since
	cuts    int
}

func (w *world) fatal(what string) {
	w.t.Helper()
	w.t.Fatalf("seed %d: %s\nrun: VECHE_SEED=%d go test ./wal -run TestCrash_", w.seed, what, w.seed)
}

// reopen opens the log after its process ended, and finds what may be lost.
func (w *world) reopen(all bool) {
	w.t.Helper()
	l, err := Open(w.fs, "data", me, Options{SegmentBytes: w.size, Random: w.r.Uint64})
	if err != nil {
		w.fatal(err.Error())
	}
	w.log = l
	state := w.durable.clone()
	for i := 0; ; i++ {
		rest := len(w.pending) - i
		if what := state.differs(l); what == "" && (!all || rest == 0) {
			break
		} else if rest == 0 {
			w.fatal("the log is not a prefix of what was written that holds all that was confirmed: " + what)
		}
		state.apply(w.pending[i])
	}
	w.durable, w.pending = state, nil
}

func (w *world) current() twin {
	t := w.durable.clone()
	for _, rec := range w.pending {
		t.apply(rec)
	}
	return t
}

func (w *world) append() {
	state := w.current()
	var batch []Record
	for n := 1 + w.r.IntN(4); n > 0; n-- {
		rec := state.randomRecord(w.r)
		state.apply(rec)
		batch = append(batch, rec)
	}
	if err := w.log.Append(batch); err != nil {
		w.fatal(err.Error())
	}
	w.pending = append(w.pending, batch...)
}

func (w *world) sync() {
	if err := w.log.Sync(); err != nil {
		w.fatal(err.Error())
	}
	w.durable, w.pending = w.current(), nil
}

// crash cuts the power, with a random share of the sectors kept, perhaps also
// while the next Open is at work.
func (w *world) crash() {
	w.cuts++
	for {
		w.powerCut()
		if w.r.IntN(3) != 0 {
			break
		}
		left := w.r.IntN(30)
		w.fs.Fail = func(Op, string, int64) error {
			if left--; left < 0 {
				return ErrIO
			}
			return nil
		}
		if l, err := Open(w.fs, "data", me, Options{SegmentBytes: w.size, Random: w.r.Uint64}); err == nil {
			_ = l
		} else if errors.Is(err, ErrDamaged) {
			w.fatal(err.Error())
		}
		w.fs.Fail = nil
	}
	w.reopen(false)
}

// powerCut keeps a random share of the sectors; some are torn.
func (w *world) powerCut() {
	share, torn := w.r.IntN(101), w.r.IntN(3) == 0
	w.fs.CrashTorn(func(int) int {
		switch k := w.r.IntN(100); {
		case torn && k%8 == 0:
			return w.r.IntN(sectorBytes)
		case k < share:
			return sectorBytes
		}
		return 0
	})
}

func (w *world) step() {
	switch k := w.r.IntN(100); {
	case k < 60:
		w.append()
	case k < 80:
		w.sync()
	case k < 88:
		if err := w.log.Prepare(); err != nil {
			w.fatal(err.Error())
		}
	case k < 90:
		w.fs.Kill()
		w.reopen(true) // a kill takes nothing
	case k < 92:
		w.sync()
		if err := w.log.Close(); err != nil {
			w.fatal(err.Error())
		}
		w.reopen(true)
	case k < 93: // a disk that fails, and a process that starts again
		w.fs.Fail = func(op Op, _ string, _ int64) error {
			if op == OpSync {
				return ErrIO
			}
			return nil
		}
		if len(w.pending) > 0 && w.log.Sync() == nil {
			w.fatal("a failed sync was reported as done")
		}
		w.fs.Fail = nil
		if w.r.IntN(2) == 0 {
			w.fs.Kill()
		} else {
			w.fs.Crash(func(int) bool { return w.r.IntN(2) == 0 })
		}
		w.reopen(false)
		w.crash()
	default:
		w.crash()
	}
}

// TestCrash_LogIsAPrefixThatHoldsAllConfirmed writes at random, cuts the power
// at random with random loss of sectors, and compares what is recovered with a
// naive twin cut somewhere behind the last confirmed Sync.
func TestCrash_LogIsAPrefixThatHoldsAllConfirmed(t *testing.T) {
	first, seeds := uint64(1), uint64(120)
	if s, err := strconv.ParseUint(os.Getenv("VECHE_SEED"), 10, 64); err == nil {
		first, seeds = s, 1
	}
	cuts := 0
	for seed := first; seed < first+seeds; seed++ {
		w := &world{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 7)), fs: NewMemFS(), durable: twin{}}
		w.size = []int64{512, 2048, 8192, 64 << 10}[w.r.IntN(4)]
		w.reopen(true)
		for range 150 {
			w.step()
		}
		cuts += w.cuts
	}
	t.Logf("%d power cuts", cuts)
}
