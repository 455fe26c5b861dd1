package raft

// Two clocks. A server that waits, or has promised to wait, must not wait too
// short: it goes by the patient clock, c.now, which may stand still while the
// machine sleeps. A server that believes something because of what it heard a
// while ago must not believe it too long: it goes by the eager clock, c.eager,
// which counts every sleep. Neither ever goes back, and the eager one never goes
// slower than the patient one.
//
//	patient  election timers, stickiness, retries, promises, heartbeats
//	eager    Sent, CheckQuorum, Confirmed, leases
//
// The two show different times; only differences on one of them mean anything.

// tellTime takes over what the host's clocks show, and says for how long, on the
// eager one, no Step was taken.
func (c *Core) tellTime(now, eager Time) Duration {
	before := c.eager
	passed := max(now-c.now, 0)
	c.now += passed
	c.eager += passed
	switch {
	case eager == 0: // the host has one clock
	case !c.begun:
		c.eager = eager // nothing is believed yet: take it as it is
		return Duration(passed)
	default:
		c.eager = max(c.eager, eager)
	}
	return Duration(c.eager - before)
}

// patient gives a time on the patient clock by which the eager one will show
// at, or more, for it goes no slower.
func (c *Core) patient(at Time) Time { return c.now + at - c.eager }
