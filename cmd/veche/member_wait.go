package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"veche/server"
)

// catchUp is how far a newcomer is, as the leader and itself tell.
type catchUp struct {
	started      bool   // its server has told of itself
	led          bool   // somebody leads
	heard        bool   // the leader hears it
	done         bool   // the leader says that it has caught up
	match, last  uint64 // entries it holds, and the leader
	bytes, total uint64 // of a snapshot on its way; total 0: none is
}

// awaitCaughtUp waits until the leader says that a learner may be promoted, and
// shows how far it is. It ends with ctx's error.
func (m *memberCall) awaitCaughtUp(ctx context.Context, x *server.MemberReport) error {
	var rate rateMeter
	line := progressLine{to: m, name: nameOrID(x.Name, x.ID)}
	defer line.end()
	t := time.NewTicker(memberPause)
	defer t.Stop()
	for {
		c, err := m.progressOf(ctx, x, &line)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			line.show(changeText(err))
		case c.done:
			return nil
		default:
			line.show(c.text(&rate, time.Now()))
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// progressOf asks the leader, and the newcomer once its address is known.
func (m *memberCall) progressOf(ctx context.Context, x *server.MemberReport, line *progressLine) (c catchUp, err error) {
	r, err := m.look(ctx)
	if err != nil {
		return c, err
	}
	now, err := findMember(r, x.ID.String())
	if err != nil {
		return c, errors.New("somebody has removed it again")
	}
	c.started = now.Started
	line.name = nameOrID(now.Name, now.ID)
	if !now.Learner {
		c.done = true // somebody was quicker
		return c, nil
	}
	leader := slices.IndexFunc(r.Members, func(m server.MemberReport) bool { return m.ID == r.Leader.ID })
	if leader < 0 || r.Members[leader].Client == "" {
		return c, nil
	}
	brief, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	if r.ID != r.Leader.ID {
		if r, err = fetchReport(brief, r.Members[leader].Client); err != nil {
			return c, nil // it has just died, most likely
		}
	}
	c.led, c.last = r.Role == roleLeader, r.LastIndex
	for _, p := range r.Peers {
		if p.ID == x.ID {
			c.match, c.done = p.Match, p.CaughtUp && r.Confirmed
			c.heard = p.LastContactMS >= 0 && milliseconds(p.LastContactMS) < peerHeardMax
		}
	}
	if now.Client == "" {
		return c, nil
	}
	if own, err := fetchReport(brief, now.Client); err == nil && own.Fetching != nil {
		c.bytes, c.total = own.Fetching.Bytes, own.Fetching.Total
	}
	return c, nil
}

// text says how far it is, how quick, and how long it will take.
func (c *catchUp) text(rate *rateMeter, now time.Time) string {
	switch {
	case !c.started:
		return "waits for its server to be started"
	case !c.led:
		return "nobody leads; waiting"
	case !c.heard:
		return "the leader does not hear it; is its server still running?"
	case c.total > 0:
		speed := rate.note("bytes", c.bytes, now)
		s := fmt.Sprintf("snapshot, %s of %s", sizeText(c.bytes), sizeText(c.total))
		if speed > 0 {
			s += fmt.Sprintf(", %s/s, %s left", sizeText(uint64(speed)), leftText(float64(c.total-min(c.bytes, c.total))/speed))
		}
		return s
	}
	speed := rate.note("entries", c.match, now)
	s := fmt.Sprintf("entry %s of %s", grouped(c.match), grouped(c.last))
	if speed > 0 && c.last > c.match {
		s += fmt.Sprintf(", %s entries/s, %s left", grouped(uint64(speed)), leftText(float64(c.last-c.match)/speed))
	}
	return s
}

// rateMeter smooths the growth of a number. Another kind of number begins anew.
type rateMeter struct {
	kind  string
	value uint64
	at    time.Time
	speed float64
}

// note takes the number as it is now, and gives its growth in a second.
func (r *rateMeter) note(kind string, value uint64, now time.Time) float64 {
	if kind != r.kind || value < r.value {
		*r = rateMeter{kind: kind, value: value, at: now}
		return 0
	}
	d := now.Sub(r.at).Seconds()
	if d < rateEvery.Seconds() {
		return r.speed
	}
	fresh := float64(value-r.value) / d
	if r.speed == 0 {
		r.speed = fresh
	}
	r.speed += (fresh - r.speed) * 0.3
	r.value, r.at = value, now
	return r.speed
}

// progressLine shows one line again and again: on a screen in its place, in a
// file as a line now and then, and whenever the kind of news changes.
type progressLine struct {
	to    *memberCall
	name  string
	shown string
	kind  string
	at    time.Time
}

func (p *progressLine) show(text string) {
	text = p.name + ": " + text
	kind, _, _ := strings.Cut(text, ",")
	kind = strings.TrimRight(kind, "0123456789 _of")
	switch {
	case p.to.tty:
		fmt.Fprintf(p.to.progress, "\r%s\x1b[K", text)
	case kind != p.kind || time.Since(p.at) >= plainEvery:
		fmt.Fprintln(p.to.progress, text)
		p.at = time.Now()
	}
	p.kind, p.shown = kind, text
}

// end leaves the line.
func (p *progressLine) end() {
	if p.to.tty && p.shown != "" {
		fmt.Fprint(p.to.progress, "\r\x1b[K")
	}
}

// sizeText spells bytes in a unit that fits.
func sizeText(n uint64) string {
	for _, u := range byteUnits {
		if n >= uint64(u.factor) {
			return strconv.FormatFloat(float64(n)/float64(u.factor), 'f', 1, 64) + " " + u.name
		}
	}
	return strconv.FormatUint(n, 10) + " bytes"
}

// grouped spells a number in groups of three digits: 1 234 567.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for k := len(s) - 3; k > 0; k -= 3 {
		s = s[:k] + "_" + s[k:]
	}
	return s
}

// leftText spells how long something will take.
func leftText(seconds float64) string {
	if seconds > (24 * time.Hour).Seconds() {
		return "more than a day"
	}
	return max(time.Second, time.Duration(seconds*float64(time.Second)).Round(time.Second)).String()
}

// isNotReady says that a learner has not caught up.
func isNotReady(err error) bool { return errors.Is(err, rpctypes.ErrGRPCLearnerNotReady) }
