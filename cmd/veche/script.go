package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// situation is one of the six that the script plays.
type situation struct {
	name     string
	expected string
	play     func(*script, context.Context) outcome
}

// outcome is what was seen of one situation. err names the first expectation
// that failed.
type outcome struct {
	leaderless time.Duration // 0: the cluster was never without a leader
	seen       string
	err        error
}

// situations are the mission's six, in its order.
func situations() []situation {
	return []situation{
		{"start of the cluster", "all follow one leader; the client is served", (*script).playStart},
		{"crash of a replica", "the same leader; no pause in the writes", (*script).playReplica},
		{"crash of the master", "the others elect a new leader", (*script).playMaster},
		{"net split", "the side with a majority serves, the other does not", (*script).playSplit},
		{"conflict of two masters", "the old one acknowledges nothing and steps down", (*script).playConflict},
		{"return of a node", "it catches up with everything", (*script).playReturn},
	}
}

// report is the outcome of a situation, as -o json prints it.
type report struct {
	Situation    string  `json:"situation"`
	OK           bool    `json:"ok"`
	LeaderlessMs float64 `json:"leaderless_ms"`
	Acked        int     `json:"acked"`
	Lost         int     `json:"lost"`
	Detail       string  `json:"detail"`

	expected string
}

// script plays the situations against a cluster while a client writes.
type script struct {
	cluster *cluster
	clients *clients
	writer  *writer
	extra   []*writer // clients of their own, whose promises count too
	referee *referee
	log     io.Writer // progress
	before  int       // acknowledged writes of earlier situations
}

// playScript plays everything and prints the table, or JSON lines, to out. The
// error is an exitError without text when an expectation failed.
func playScript(ctx context.Context, opts clusterOptions, out, progress io.Writer, asJSON bool) error {
	c, err := newCluster(opts)
	if err != nil {
		return err
	}
	defer c.close()
	dashboard, err := servePage(c, nil) // a fault of somebody else would spoil the script
	if err != nil {
		return err
	}
	defer dashboard.close()
	fmt.Fprintf(progress, "%d servers, data in %s\nIn a browser: %s\n", opts.Nodes, c.dir, dashboard.url)
	cl, err := dialClients(c.endpoints())
	if err != nil {
		return err
	}
	defer cl.close()
	s := &script{cluster: c, clients: cl, referee: newReferee(c), log: progress}
	s.writer = newWriter(cl, "demo/", allOf(opts.Nodes))
	s.referee.run(refereeEvery)
	defer s.referee.stop()
	s.writer.run()
	defer s.writer.stop()

	ok := true
	var reports []report
	for i, sit := range situations() {
		fmt.Fprintf(progress, "%d/6 %s …\n", i+1, sit.name)
		r := s.one(ctx, sit)
		ok = ok && r.OK
		reports = append(reports, r)
		if asJSON {
			if err := json.NewEncoder(out).Encode(r); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return &exitError{exitFailed, "the demo was interrupted; its servers are gone"}
		}
	}
	if !asJSON {
		io.WriteString(out, scriptTable(reports, wantsColour(out)))
	}
	if !ok {
		return &exitError{code: exitFailed}
	}
	return nil
}

// one plays a situation and reads back every promise made so far.
func (s *script) one(ctx context.Context, sit situation) report {
	ctx, cancel := context.WithTimeout(ctx, situationMax)
	defer cancel()
	o := sit.play(s, ctx)
	r := report{Situation: sit.name, expected: sit.expected, Detail: o.seen,
		LeaderlessMs: float64(o.leaderless.Microseconds()) / 1000}
	total, lost, what, err := s.verify(ctx)
	r.Acked, r.Lost = total-s.before, lost
	s.before = total
	foul := s.referee.verdict()
	switch {
	case o.err != nil:
		r.Detail = joinSentences(o.seen, "NOT as expected: "+o.err.Error())
	case err != nil:
		r.Detail = joinSentences(o.seen, "NOT as expected: "+err.Error())
	case lost > 0:
		r.Detail = joinSentences(o.seen, "LOST: "+what)
	case foul != "":
		r.Detail = joinSentences(o.seen, "BROKEN: "+foul)
	case r.Acked == 0:
		r.Detail = joinSentences(o.seen, "NOT as expected: no write was acknowledged")
	default:
		r.OK = true
	}
	fmt.Fprintf(s.log, "    %s\n", r.Detail)
	return r
}

func joinSentences(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// verify reads back what any client of the script was promised, from a member
// at random.
func (s *script) verify(ctx context.Context) (acked, lost int, what string, err error) {
	for _, w := range append([]*writer{s.writer}, s.extra...) {
		target := s.anyUp()
		n, l, text, e := w.verify(ctx, target, false)
		acked, lost = acked+n, lost+l
		if what == "" {
			what = text
		}
		err = errors.Join(err, e)
	}
	return acked, lost, what, err
}

func (s *script) anyUp() int {
	for _, i := range rand.Perm(len(s.cluster.nodes)) {
		if s.cluster.up(i) {
			return i
		}
	}
	return 0
}

func allOf(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func (s *script) name(i int) string { return s.cluster.nodes[i].name }

// let time pass while the client writes.
func (s *script) let(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// followers gives the nodes other than leader that run, in order after it.
func (s *script) followers(leader int) []int {
	var out []int
	for i := 1; i < len(s.cluster.nodes); i++ {
		if j := (leader + i) % len(s.cluster.nodes); s.cluster.up(j) {
			out = append(out, j)
		}
	}
	return out
}

// awaitAll waits until every node follows one confirmed leader and has applied
// what that one had committed when it was first seen.
func (s *script) awaitAll(ctx context.Context, what string) ([]memberView, int, error) {
	var goal uint64
	views, err := s.cluster.await(ctx, what, func(v []memberView) bool {
		leader := agreedLeader(v, len(v))
		if leader < 0 {
			return false
		}
		if goal == 0 {
			goal = v[leader].Commit
		}
		for _, m := range v {
			if m.Applied < goal {
				return false
			}
		}
		return true
	})
	return views, agreedLeader(views, len(views)), err
}

func (s *script) playStart(ctx context.Context) outcome {
	began := time.Now()
	if err := s.cluster.startAll(); err != nil {
		return outcome{err: err}
	}
	a, err := s.writer.firstAck(ctx, began.Add(-time.Minute), 0)
	if err != nil {
		return outcome{err: err}
	}
	views, leader, err := s.awaitAll(ctx, "all servers follow one leader")
	if err != nil {
		return outcome{leaderless: a.at.Sub(began), err: err}
	}
	s.let(ctx, restBetween)
	return outcome{
		leaderless: a.at.Sub(began),
		seen:       fmt.Sprintf("%s leads in term %d, all %d follow it", s.name(leader), views[leader].Term, len(views)),
	}
}

func (s *script) playReplica(ctx context.Context) outcome {
	leader, before, err := s.cluster.awaitLeader(ctx)
	if err != nil {
		return outcome{err: err}
	}
	victim := s.followers(leader)[0]
	at := s.cluster.kill(victim)
	s.let(ctx, lookAtFault)
	gap := s.writer.longestGap(at, time.Now())
	still, after, err := s.cluster.awaitLeader(ctx)
	o := outcome{seen: fmt.Sprintf("killed %s; %s went on in term %d, longest pause %s", s.name(victim), s.name(leader), before.Term, msText(gap))}
	switch {
	case err != nil:
		o.err = err
	case still != leader || after.Term != before.Term:
		o.err = fmt.Errorf("the leader changed to %s in term %d", s.name(still), after.Term)
	case gap > pauseMax:
		o.err = fmt.Errorf("the writes paused for %s, more than %s", msText(gap), msText(pauseMax))
	}
	return s.bringBack(ctx, victim, o)
}

// bringBack restarts a node and waits until it follows, with everything.
func (s *script) bringBack(ctx context.Context, i int, o outcome) outcome {
	if err := s.cluster.start(i); err != nil {
		o.err = errors.Join(o.err, err)
		return o
	}
	if _, _, err := s.awaitAll(ctx, s.name(i)+" is back and has caught up"); err != nil {
		o.err = errors.Join(o.err, err)
	}
	return o
}

func (s *script) playMaster(ctx context.Context) outcome {
	old, before, err := s.cluster.awaitLeader(ctx)
	if err != nil {
		return outcome{err: err}
	}
	at := s.cluster.kill(old)
	a, err := s.writer.firstAck(ctx, at, before.Term)
	if err != nil {
		return outcome{err: err}
	}
	o := outcome{leaderless: a.at.Sub(at)}
	s.let(ctx, lookAtFault)
	leader, after, err := s.cluster.awaitLeader(ctx)
	if err != nil {
		o.err = err
		return o
	}
	o.seen = fmt.Sprintf("killed %s (term %d); %s leads in term %d", s.name(old), before.Term, s.name(leader), after.Term)
	if leader == old || after.Term <= before.Term {
		o.err = errors.New("the dead one is still said to lead")
	}
	return s.bringBack(ctx, old, o)
}

// playSplit cuts a minority of followers off: the leader keeps its majority.
// Then it cuts a minority off that holds the leader: the majority elects.
func (s *script) playSplit(ctx context.Context) outcome {
	old, before, err := s.cluster.awaitLeader(ctx)
	if err != nil {
		return outcome{err: err}
	}
	away := s.followers(old)
	minority := away[:(len(s.cluster.nodes)-1)/2]
	s.cluster.split(minority)
	at := time.Now()
	lone := s.besiege(minority)
	s.let(ctx, lookAtFault)
	inMinority := lone.stats().Acked
	gap := s.writer.longestGap(at, time.Now())
	s.release(lone)
	views, leader, err := s.awaitAll(ctx, "all servers follow one leader after the first heal")
	o := outcome{seen: fmt.Sprintf("%d followers cut off: %s stayed", len(minority), s.name(old))}
	switch {
	case err != nil:
		o.err = err
	case inMinority > 0:
		o.err = fmt.Errorf("the minority acknowledged %d writes", inMinority)
	case leader != old || views[leader].Term != before.Term:
		o.err = fmt.Errorf("the leader changed to %s in term %d, though it kept its majority", s.name(leader), views[leader].Term)
	case gap > pauseMax:
		o.err = fmt.Errorf("the writes paused for %s, more than %s", msText(gap), msText(pauseMax))
	}
	if o.err != nil {
		return o
	}

	minority = append([]int{old}, s.followers(old)[:(len(s.cluster.nodes)-1)/2-1]...)
	s.cluster.split(minority)
	at = time.Now()
	lone = s.besiege(minority)
	a, err := s.writer.firstAck(ctx, at, before.Term)
	if err != nil {
		s.release(lone)
		o.err = err
		return o
	}
	o.leaderless = a.at.Sub(at)
	s.let(ctx, lookAtFault)
	inMinority = lone.stats().Acked
	s.release(lone)
	views, leader, err = s.awaitAll(ctx, "all servers follow one leader after the second heal")
	switch {
	case err != nil:
		o.err = err
	case inMinority > 0:
		o.err = fmt.Errorf("the minority acknowledged %d writes", inMinority)
	default:
		o.seen += fmt.Sprintf("; with its leader cut off the majority elected %s in term %d, and all follow", s.name(leader), views[leader].Term)
	}
	return o
}

// besiege gives the cut-off nodes a client of their own.
func (s *script) besiege(nodes []int) *writer {
	w := newWriter(s.clients, fmt.Sprintf("lone%d/", len(s.extra)), nodes)
	w.timeout, w.every = loneWriteMax, loneWriteEvery
	s.extra = append(s.extra, w)
	w.run()
	return w
}

// release heals the network and ends the client of the cut-off nodes.
func (s *script) release(w *writer) {
	s.cluster.heal()
	w.stop()
}

func (s *script) playConflict(ctx context.Context) outcome {
	old, before, err := s.cluster.awaitLeader(ctx)
	if err != nil {
		return outcome{err: err}
	}
	s.cluster.split([]int{old})
	at := time.Now()
	lone := s.besiege([]int{old})
	a, err := s.writer.firstAck(ctx, at, before.Term)
	if err != nil {
		s.release(lone)
		return outcome{err: err}
	}
	o := outcome{leaderless: a.at.Sub(at)}
	stale := s.readFrom(ctx, old, s.writer.key(a.seq))
	s.let(ctx, lookAtFault)
	st := lone.stats()
	s.release(lone)
	views, leader, err := s.awaitAll(ctx, "the old leader follows the new one")
	switch {
	case err != nil:
		o.err = err
	case st.Acked > 0:
		o.err = fmt.Errorf("the isolated leader acknowledged %d writes", st.Acked)
	case stale != "":
		o.err = errors.New(stale)
	case leader == old && views[leader].Term == before.Term:
		o.err = fmt.Errorf("%s still leads in term %d", s.name(old), before.Term)
	}
	if o.err == nil {
		o.seen = fmt.Sprintf("%s alone acknowledged 0 of %d writes and answered no read; %s leads in term %d and %s follows",
			s.name(old), int(st.Failed)+st.Inflight, s.name(leader), views[leader].Term, s.name(old))
	}
	return o
}

// readFrom asks the isolated leader for what the majority has written since. A
// linearizable read must not be answered at all.
func (s *script) readFrom(ctx context.Context, node int, key []byte) (wrong string) {
	ctx, cancel := context.WithTimeout(ctx, loneWriteMax)
	defer cancel()
	r, err := s.clients.kv[node].Range(ctx, &pb.RangeRequest{Key: key})
	switch {
	case err != nil:
		return ""
	case len(r.Kvs) == 0:
		return "the isolated leader answered a linearizable read with stale data"
	}
	return "the isolated leader answered a linearizable read that it cannot know the answer of"
}

func (s *script) playReturn(ctx context.Context) outcome {
	leader, _, err := s.cluster.awaitLeader(ctx)
	if err != nil {
		return outcome{err: err}
	}
	victim := s.followers(leader)[0]
	s.cluster.kill(victim)
	missedFrom := s.writer.stats().Acked
	s.let(ctx, lookAtFault)
	missed := s.writer.stats().Acked - missedFrom
	at := time.Now()
	o := s.bringBack(ctx, victim, outcome{})
	took := time.Since(at)
	switch {
	case o.err != nil:
		return o
	case missed == 0:
		o.err = fmt.Errorf("nothing was written while %s was down, so its return shows nothing", s.name(victim))
		return o
	}
	// Now without traffic: it must stand where the leader stands, to the entry.
	s.writer.stop()
	views, err := s.cluster.await(ctx, s.name(victim)+" stands where the leader stands", func(v []memberView) bool {
		leader := agreedLeader(v, len(v))
		return leader >= 0 && v[victim].Commit == v[leader].Commit && v[victim].Applied == v[leader].Applied
	})
	if err != nil {
		o.err = err
		return o
	}
	if _, lost, what, err := s.writer.verify(ctx, victim, true); err != nil || lost > 0 {
		o.err = fmt.Errorf("%d acknowledged writes are missing from %s: %s", lost, s.name(victim), what)
		if err != nil {
			o.err = err
		}
		return o
	}
	o.seen = fmt.Sprintf("%s missed %d writes, caught up %s after its start, and stands at commit %d like the leader",
		s.name(victim), missed, msText(took), views[victim].Commit)
	return o
}
