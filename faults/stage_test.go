//go:build faults && linux

package faults

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"text/tabwriter"
	"time"
)

// scenario is one way in which the world may fail.
type scenario struct {
	name     string
	nodes    int
	founders int           // of them; 0: all. The others join while it is played
	args     []string      // of every server
	race     bool          // servers built with the race detector
	gapMax   time.Duration // longest time without an acknowledged write that is all right
	play     func(s *stage) error
}

// stage is a cluster with its clients, while a scenario is played on it.
type stage struct {
	*cluster
	clients *clients
	note    string // what was measured, for the table
}

// row is what the table says of a scenario.
type row struct {
	name        string
	took        time.Duration
	acked, lost int
	gap         time.Duration
	ok          bool
	note        string
}

// perform sets a cluster up, plays the scenario while clients work, repairs
// everything, and then holds the cluster to its word.
func perform(t *testing.T, sc scenario, binary string, seed uint64) (r row) {
	r.name = sc.name
	began := time.Now()
	defer func() { r.took = time.Since(began) }()
	c := newCluster(t, binary, sc.nodes, sc.founders, seed)
	c.args = sc.args
	s := &stage{cluster: c}
	fail := func(err error) row {
		t.Errorf("%s: %v (seed %d: VECHE_FAULTS_SEED=%d go test -tags faults -v -run '%s' ./faults)", sc.name, err, seed, seed, t.Name())
		c.showLogs()
		return r
	}
	if err := c.startAll(); err != nil {
		return fail(err)
	}
	var err error
	if s.clients, err = newClients(c); err != nil {
		return fail(err)
	}
	defer s.clients.close()
	if err := s.allServe(); err != nil {
		return fail(fmt.Errorf("before anything failed: %w", err))
	}
	from := time.Now()
	if err := sc.play(s); err != nil {
		return fail(err)
	}
	r.note = s.note
	if err := s.repair(); err != nil {
		return fail(fmt.Errorf("after everything was repaired: %w", err))
	}
	r.gap = s.clients.gap(from, time.Now())
	s.clients.stop()
	r.acked = len(s.clients.acks)
	if r.lost, err = s.reckon(); err != nil {
		return fail(err)
	}
	if r.gap > sc.gapMax {
		return fail(fmt.Errorf("no write was acknowledged for %v; at most %v are all right", r.gap.Round(time.Millisecond), sc.gapMax))
	}
	r.ok = true
	return r
}

// everyone is the numbers of all members but some.
func (s *stage) everyone(but ...int) []int {
	var all []int
	for i := range s.nodes {
		if !slices.Contains(but, i) && !s.isAway(i) {
			all = append(all, i)
		}
	}
	return all
}

// allServe waits until every member acknowledges a new write.
func (s *stage) allServe() error {
	now := time.Now()
	for _, i := range s.everyone() {
		if _, err := s.clients.awaitAck(now, i); err != nil {
			return err
		}
	}
	return nil
}

// repair makes the wire good, starts whom the scenario left dead, and waits
// until all serve.
func (s *stage) repair() error {
	s.wire.clear()
	if err := s.startAll(); err != nil {
		return err
	}
	if err := s.allServe(); err != nil {
		return err
	}
	return s.health()
}

// reckon compares what was promised with what stands, on every member, and
// lets all of them leave.
func (s *stage) reckon() (lost int, err error) {
	first := s.everyone()[0]
	values, revisions, err := s.clients.everything(first, "own/", false)
	if err != nil {
		return 0, err
	}
	lost, what := s.clients.lost(values, revisions)
	if lost > 0 {
		return lost, fmt.Errorf("%d acknowledged writes are lost: %s", lost, what)
	}
	if err := s.clients.judge(); err != nil {
		return 0, err
	}
	whole, at, err := s.clients.everything(first, "", false)
	if err != nil {
		return 0, err
	}
	for _, i := range s.everyone() {
		var last error
		if err := await(fmt.Sprintf("%s holds the same as %s", s.nodes[i].name, s.nodes[first].name), settleMax, func() bool {
			v, rev, err := s.clients.everything(i, "", true)
			last = err
			return err == nil && maps.Equal(v, whole) && maps.Equal(rev, at)
		}); err != nil {
			return 0, fmt.Errorf("%w (%v)", err, last)
		}
	}
	if err := s.leave(); err != nil {
		return 0, err
	}
	return 0, s.health()
}

// ackedSince counts the writes begun after since that members acknowledged.
func (s *stage) ackedSince(since time.Time, members ...int) (n int) {
	l := s.clients
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.acks {
		if !a.began.Before(since) && slices.Contains(members, a.member) {
			n++
		}
	}
	return n
}

// between sets the link in both directions for every pair of a and b.
func (s *stage) between(a, b []int, l link) {
	for _, i := range a {
		for _, j := range b {
			s.wire.set(s.nodes[i].num, s.nodes[j].num, l)
			s.wire.set(s.nodes[j].num, s.nodes[i].num, l)
		}
	}
}

// oneWay sets the link from each of a to each of b.
func (s *stage) oneWay(a, b []int, l link) {
	for _, i := range a {
		for _, j := range b {
			s.wire.set(s.nodes[i].num, s.nodes[j].num, l)
		}
	}
}

// hold lets d of real time pass, and fails at once when a server ends that
// should not.
func (s *stage) hold(d time.Duration) error {
	over := time.After(d)
	for {
		if err := s.health(); err != nil {
			return err
		}
		select {
		case <-over:
			return nil
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// printTable shows what was seen.
func printTable(rows []row) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nscenario\tseconds\tacked\tlost\tmax gap ms\tok\tseen")
	for _, r := range rows {
		ok := "yes"
		if !r.ok {
			ok = "NO"
		}
		fmt.Fprintf(w, "%s\t%.1f\t%d\t%d\t%d\t%s\t%s\n", r.name, r.took.Seconds(), r.acked, r.lost, r.gap.Milliseconds(), ok, r.note)
	}
	w.Flush()
}
