package sim

import "veche/raft"

// clocks is what a node's machine measures time with, from a start of the process
// on: a patient clock and an eager one (see raft.Input). Both drift; the patient
// one stands still while the machine sleeps.
//
//	patient: start + d·(1 + rate/10⁶)              d is what has passed since origin
//	eager:   ahead + d·(1 + fast/10⁶)
type clocks struct {
	origin raft.Time
	start  raft.Time
	rate   int64
	ahead  raft.Time
	fast   int64 // not below rate
	draws  drawn
}

// set starts the clocks of a process anew.
func (w *World) set(c *clocks, r *Rand) {
	*c = clocks{origin: w.now, start: raft.Time(r.Between(int64(raft.Second), int64(1000*raft.Second))), draws: c.draws}
	if w.drift > 0 {
		a, b := r.Between(-w.drift, w.drift), r.Between(-w.drift, w.drift)
		c.rate, c.fast = min(a, b), max(a, b)
	}
	c.ahead = 2 * c.start // it shows something else
}

// clock is what the patient clock shows now.
func (c *clocks) clock(now raft.Time) raft.Time { return c.draws.bend(now, c.raw(now)) }

// raw is the patient clock before a story bends it.
func (c *clocks) raw(now raft.Time) raft.Time { return c.start + drifted(now-c.origin, c.rate) }

// eager is what the eager clock shows now.
func (c *clocks) eager(now raft.Time) raft.Time { return c.ahead + drifted(now-c.origin, c.fast) }

func drifted(d raft.Time, rate int64) raft.Time { return d + raft.Time(int64(d)*rate/1_000_000) }

// slept sets the patient clock back by what it went on since a moment at which
// the machine fell asleep.
func (c *clocks) slept(since, now raft.Time) { c.start -= c.raw(now) - c.raw(since) }

// when is the first simulated time at which the patient clock shows t.
func (c *clocks) when(t raft.Time) raft.Time {
	if t == raft.Never {
		return raft.Never
	}
	if c.rate == 0 {
		return c.origin + t - c.start
	}
	d := int64(t - c.start)
	return c.origin + raft.Time(d*1_000_000/(1_000_000+c.rate)) + 1 // divisions round down
}

// eagerNow is what a node's eager clock shows; 0 in stories, whose clocks may be
// bent: then both go equally.
func (w *World) eagerNow(i int) raft.Time {
	if w.opt.Story {
		return 0
	}
	return w.nodes[i].eager(w.now)
}
