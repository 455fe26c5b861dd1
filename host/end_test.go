package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"veche/wal"
)

// Goal: however a Host is stopped, every call comes back, with one of the errors
// that api.go promises, and what was acknowledged is on the disk. Method: three
// Hosts under writes, reads, cancelled ones and handovers; two goroutines stop
// each Host while that goes on; goleak looks for what is left.
func TestHost_StopAmidEverything(t *testing.T) {
	ctx := timeLimit(t)
	v := newTown(t, 3, func(c *Config) { c.SnapshotBytes = 2000 })
	v.startAll()
	v.leader(ctx)

	var mu sync.Mutex // guards: acked
	acked := map[string]bool{}
	promised := func(err error) bool {
		for _, e := range []error{nil, ErrNoLeader, ErrOverloaded, ErrUnknown, ErrStopped, context.DeadlineExceeded} {
			if errors.Is(err, e) {
				return true
			}
		}
		return false
	}
	var calls sync.WaitGroup
	var busy sync.WaitGroup // until each caller has been answered some times
	for _, s := range v.seats {
		h := s.h
		busy.Add(4)
		for c := range 4 {
			calls.Go(func() {
				for k := 0; ; k++ {
					brief, cancel := context.WithTimeout(ctx, []time.Duration{time.Microsecond, time.Millisecond, time.Second}[k%3])
					command := fmt.Sprint(s.id, "-", c, "-", k)
					_, err := h.Propose(brief, []byte(command))
					if err == nil {
						mu.Lock()
						acked[command] = true
						mu.Unlock()
					}
					read := h.Read(brief, func(StateMachine) {})
					cancel()
					if !promised(err) || !promised(read) {
						t.Errorf("propose: %v, read: %v", err, read)
					}
					if k == 6 {
						busy.Done()
					}
					if errors.Is(err, ErrStopped) && k >= 6 {
						return
					}
				}
			})
		}
		calls.Go(func() {
			for {
				changed := h.Changed()
				_ = h.Transfer(ctx, 0) // most do not lead, or not any more
				select {
				case <-changed:
				case <-h.Done():
					return
				}
			}
		})
	}
	busy.Wait()
	var stops sync.WaitGroup
	for _, s := range v.seats {
		for range 2 {
			stops.Go(func() {
				if err := s.h.Stop(ctx); err != nil {
					t.Errorf("stop: %v", err)
				}
			})
		}
	}
	stops.Wait()
	calls.Wait()
	for _, s := range v.seats {
		_ = s.log.Close()
		v.start(s)
	}
	if err := v.leader(ctx).h.Read(ctx, func(sm StateMachine) {
		for command := range acked {
			if n := sm.(*tally).times(command); n != 1 {
				t.Errorf("%s was acknowledged and stands there %d times", command, n)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// Goal: a snapshot that does not fit the disk costs nothing but room: commands
// go on, and the next one that fits is recorded. Method: a disk that refuses
// snapshots for a while.
func TestHost_SnapshotThatDoesNotFitIsMadeLater(t *testing.T) {
	ctx := timeLimit(t)
	var full atomic.Bool
	refused := make(chan struct{}, 1)
	v := newTown(t, 1, func(c *Config) { c.SnapshotBytes = 1000 })
	fs := wal.NewMemFS()
	fs.Fail = func(op wal.Op, name string, _ int64) error {
		if full.Load() && op == wal.OpWrite && strings.HasSuffix(name, ".snap.tmp") {
			select {
			case refused <- struct{}{}:
			default:
			}
			return wal.ErrNoSpace
		}
		return nil
	}
	v.seats[0].fs = fs
	full.Store(true)
	v.startAll()
	h := v.seats[0].h
	propose := func(k int) {
		if _, err := h.Propose(ctx, fmt.Append(nil, "x", k)); err != nil {
			t.Fatal(err)
		}
	}
	k := 0
	for waiting := true; waiting; k++ {
		propose(k)
		select {
		case <-refused:
			waiting = false
		default:
		}
	}
	if s := h.Status(); s.Snapshot != 0 {
		t.Fatalf("a snapshot stands at %d, and none was saved", s.Snapshot)
	}
	full.Store(false)
	for ; h.Status().Snapshot == 0; k++ {
		propose(k)
	}
	v.stop(v.seats[0])
	v.start(v.seats[0])
	h = v.seats[0].h
	if err := h.Read(ctx, func(sm StateMachine) {
		if n := len(sm.(*tally).list); n != k {
			t.Errorf("%d commands after the restart, want %d", n, k)
		}
	}); err != nil {
		t.Fatal(err)
	}
}
