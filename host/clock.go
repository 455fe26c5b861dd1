//go:build !wasip1 && !js

package host

import (
	"sync"
	"time"

	"veche/raft"
)

// clocks are the two by which a Host lives. Both count nanoseconds since the
// start, plus one, since the core takes 0 for "never".
//
//	patient  how long this server has waited, or kept a promise: never too fast.
//	         The slower of the kernel's steered and unsteered clock, step by
//	         step, and neither counts while the machine is suspended
//	eager    how long it may still believe that it leads: never too slow. The
//	         faster of the unsteered clock and the one that goes on in suspend
//
// They are read with the kernel's clocks only where a promise or a lease may rest
// upon them; that costs half a microsecond. Else both are Go's clock.
type clocks struct {
	start time.Time
	exact bool

	mu      sync.Mutex // guards: all below
	last    kernelClocks
	patient int64
	eager   int64
}

// kernelClocks is what the kernel's clocks show, in nanoseconds.
type kernelClocks struct{ steered, raw, boot int64 }

func newClocks(exact bool) *clocks {
	c := &clocks{start: time.Now()}
	var ok bool
	c.last, ok = readKernel()
	c.exact = exact && ok
	return c
}

// now reads both clocks.
func (c *clocks) now() (patient, eager raft.Time) {
	if !c.exact {
		t := raft.Time(time.Since(c.start)) + 1
		return t, t
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if k, ok := readKernel(); ok { // else they stand still for this once
		c.advance(k)
	}
	return raft.Time(c.patient) + 1, raft.Time(c.eager) + 1
}

// advance adds what passed since the last reading. No clock of these goes back;
// if one does all the same, it does not count.
func (c *clocks) advance(k kernelClocks) {
	steered, raw, boot := k.steered-c.last.steered, k.raw-c.last.raw, k.boot-c.last.boot
	c.patient += max(0, min(steered, raw))
	c.eager += max(0, raw, boot, min(steered, raw))
	c.last = k
}
