package raft

import "math/bits"

// Election timing. Every member is told the others' settings, and tells of those
// that differ from its own. With Config.AutoTiming a leader derives the smallest
// election timeout and the heartbeat from what it measures, as Dynatune does
// (arXiv 2507.15154): a short timeout finds a dead leader soon, and what it may
// be depends on the network of the day. The followers take it over from the
// heartbeats; none goes below AutoFloor or above what is configured. Timing
// decides when servers stand for election and never who wins, so what is
// measured wrongly costs availability, not safety.

const (
	// linkSamples is how many rounds a link must have been measured before that
	// counts, and linkMemory how many the smoothed loss remembers.
	linkSamples = 32
	linkMemory  = 128
	// beatFloor is the shortest heartbeat that automatic timing chooses: 200 in
	// a second to each member.
	beatFloor = 5 * Millisecond
	// tunedFor is for how many configured election timeouts without a leader a
	// server keeps its tuned timing. Then it goes by the configured one, so that
	// votes split by a timeout that is too short settle.
	tunedFor = 2
	// calmFor is for how many configured election timeouts a smaller timeout must
	// have been enough before it is put in force.
	calmFor = 10
)

// link is what a leader measures of the way to a member and back, by the
// answers to its heartbeats.
type link struct {
	trip    Duration // smoothed round trip
	dev     Duration // smoothed deviation from it
	loss    int      // smoothed, of the rounds, in millionths
	round   uint64   // the latest that was answered
	samples int      // rounds, up to linkMemory
	boot    Boot     // of the process that answers
	told    bool     // that process told its timing to this leader
}

// tuning is the timing that is in force instead of the configured one.
type tuning struct {
	least Duration // smallest election timeout; 0: as configured
	beat  Duration // heartbeat; 0: as configured

	// Of the leader that tunes.
	peak   Duration // the largest timeout that was needed since peakAt
	peakAt Time
}

// toldTiming is what another member told of its timing.
type toldTiming struct {
	id                NodeID
	least, most, beat Duration
}

// measure takes an answer to a heartbeat of round, sent at sent.
func (c *Core) measure(p *peer, m *Message) {
	r, l := &m.HeartbeatRep, &p.link
	if m.Boot != l.boot {
		l.boot, l.told = m.Boot, false
	}
	if r.Round <= l.round || r.Round > c.round {
		return // overtaken: it counts as lost
	}
	if l.round != 0 { // what came before the first answer was for others
		for range min(r.Round-l.round-1, linkMemory) {
			l.count(million)
		}
	}
	l.round = r.Round
	l.count(0)
	trip := min(Duration(c.eager-min(r.Sent, c.eager)), c.cfg.ElectionMax)
	if l.trip == 0 {
		l.trip, l.dev = trip, trip/2
	} else { // as TCP does (RFC 6298)
		l.dev += (max(l.trip-trip, trip-l.trip) - l.dev) / 4
		l.trip += (trip - l.trip) / 8
	}
}

// count smooths the loss: the mean of the first rounds, and of all later ones
// with the weight that the memory leaves them.
func (l *link) count(lost int) {
	l.samples = min(l.samples+1, linkMemory)
	l.loss += (lost - l.loss) / l.samples
}

const million = 1_000_000

// beatsPerTimeout is how many heartbeats an election timeout must hold, so that
// about one in 100,000 timeouts fires although the leader lives, if loss, in
// millionths, is that of a way there and back; 0: too much is lost.
func beatsPerTimeout(loss int) Duration {
	for _, row := range [...]struct {
		loss  int
		beats Duration
	}{{20_000, 3}, {100_000, 4}, {200_000, 5}, {400_000, 8}, {600_000, 12}} {
		if loss <= row.loss {
			return row.beats
		}
	}
	return 0
}

// tune looks, with every heartbeat, whether the timing fits what is measured. It
// follows a growing need at once, and a shrinking one if it is a quarter less all
// the time for a while.
func (c *Core) tune() {
	if !c.cfg.AutoTiming {
		return
	}
	need, beats, known := c.neededTiming()
	t := c.tuned
	now := c.electionMin()
	switch {
	case !known:
		t = tuning{}
	case t.peakAt == 0:
		t.peak, t.peakAt = need, c.now
	case need > now:
		t.least = need
	case c.now-t.peakAt > Time(calmFor*c.cfg.ElectionMax):
		if 4*t.peak <= 3*now {
			t.least = t.peak
		}
		t.peak, t.peakAt = need, c.now
	}
	t.peak = max(t.peak, need)
	t.beat = 0
	if t.least != 0 {
		t.beat = min(c.cfg.Heartbeat, t.least/beats)
	}
	c.setTuning(t)
}

// neededTiming gives the smallest election timeout that fits the links to all
// voters that answer, and how many heartbeats it must hold. Not known: too little
// was measured yet, or so much is lost that the configured timing must do.
func (c *Core) neededTiming() (least, beats Duration, known bool) {
	least, beats = min(AutoFloor, c.cfg.ElectionMin), 3
	for k := range c.peers {
		p := &c.peers[k]
		if !c.config().votes(p.id) || p.lost {
			continue
		}
		n := beatsPerTimeout(p.link.loss)
		if p.link.samples < linkSamples || n == 0 {
			return 0, 0, false
		}
		beats = max(beats, n)
		least = max(least, 2*(p.link.trip+4*p.link.dev), n*beatFloor)
	}
	return min(least, c.cfg.ElectionMin), beats, true
}

// setTuning puts a timing in force, and tells of another timeout.
func (c *Core) setTuning(t tuning) {
	before := c.electionMin()
	c.tuned = t
	if c.electionMin() != before {
		c.event(EventTimingTuned, 0, 0, ReasonNone)
	}
}

// adoptTiming takes over what the leader has tuned, and says whether that
// changed the timing in force.
func (c *Core) adoptTiming(least Duration) bool {
	if !c.cfg.AutoTiming {
		return false
	}
	if least != 0 {
		least = min(max(least, AutoFloor), c.cfg.ElectionMin)
	}
	if least == c.tuned.least {
		return false
	}
	c.setTuning(tuning{least: least})
	return true
}

// isTuned: automatic timing is in force.
func (c *Core) isTuned() bool {
	return c.tuned.least != 0 && (c.role == Leader || c.heardEver && c.now-c.heardAt < Time(tunedFor*c.cfg.ElectionMax))
}

// electionMin is the smallest election timeout in force.
func (c *Core) electionMin() Duration {
	if c.isTuned() {
		return min(c.tuned.least, c.cfg.ElectionMin)
	}
	return c.cfg.ElectionMin
}

// electionMax is the largest, in the configured proportion.
func (c *Core) electionMax() Duration {
	least := c.electionMin()
	hi, lo := bits.Mul64(uint64(c.cfg.ElectionMax-c.cfg.ElectionMin), uint64(least))
	spread, _ := bits.Div64(hi, lo, uint64(c.cfg.ElectionMin)) // least is not above ElectionMin
	return least + Duration(spread)
}

// heartbeat is the time between two rounds of a leader.
func (c *Core) heartbeat() Duration {
	if c.tuned.beat != 0 && c.role == Leader {
		return c.tuned.beat
	}
	return c.cfg.Heartbeat
}

// toldElectionMin is what a leader's heartbeats say.
func (c *Core) toldElectionMin() Duration { return c.tuned.least }

// askTiming greets members that have not told this leader their timing since
// their processes began; they greet back.
func (c *Core) askTiming() {
	if c.round%8 != 0 {
		return // an answer may be on its way
	}
	for k := range c.peers {
		if p := &c.peers[k]; p.link.round != 0 && !p.link.told {
			c.greet(p.id)
		}
	}
}

// noteTiming takes what a member tells of its timing. A difference is told once.
// The leader's greeting asks for the same.
func (c *Core) noteTiming(m *Message) {
	g := &m.Greet
	if g.ElectionMin == 0 || !c.config().has(m.From) {
		return
	}
	if p := c.peer(m.From); c.role == Leader && p != nil && p.link.boot == m.Boot && !p.link.told {
		p.link.told = true
		c.greet(m.From) // it asked of its own accord, and does not know this leader's
	}
	if c.role == Follower && c.leader == m.From && c.hard.Standing == Admitted {
		c.greet(m.From)
	}
	t := toldTiming{id: m.From, least: g.ElectionMin, most: g.ElectionMax, beat: g.Heartbeat}
	known := c.timingOf(m.From)
	if known == nil {
		c.timings = append(c.timings, toldTiming{id: m.From, least: c.cfg.ElectionMin, most: c.cfg.ElectionMax, beat: c.cfg.Heartbeat})
		known = &c.timings[len(c.timings)-1]
	}
	if *known == t {
		return
	}
	*known = t
	if c.timingDiffers(m.From) {
		c.event(EventTimingDiffers, m.From, 0, ReasonNone)
	}
}

func (c *Core) timingOf(id NodeID) *toldTiming {
	for k := range c.timings {
		if c.timings[k].id == id {
			return &c.timings[k]
		}
	}
	return nil
}

// timingDiffers says whether a member told another timing than this server's.
func (c *Core) timingDiffers(id NodeID) bool {
	t := c.timingOf(id)
	return t != nil && (t.least != c.cfg.ElectionMin || t.most != c.cfg.ElectionMax || t.beat != c.cfg.Heartbeat)
}
