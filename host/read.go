package host

import "veche/raft"

// reads are the linearizable reads of a group (thesis §6.4). All reads that
// arrive in one turn share one question to the core:
//
//	next → rounds (asked, by tag) → ready (answered) → a batch
//
// A question that fails, or was asked under a leader that is gone, is asked
// again: a read may be repeated at no harm, since its index only grows.
type reads struct {
	next    []*Request
	nextAt  raft.Time // not before, after a failure
	rounds  []readRound
	ready   []readyReads
	count   int    // that have no end yet and are not handed out
	ended   int    // cancelled ones that still stand in some list
	tag     uint64 // of the latest question
	lease   bool   // ask for one
	pause   raft.Duration
	timeout raft.Duration
}

type readRound struct {
	tag      uint64
	until    raft.Time // asked again after it: an answer may be lost
	requests []*Request
}

type readyReads struct {
	index    raft.Index
	expiry   raft.Time // of the lease that it rests upon; 0 none
	requests []*Request
}

// ask opens a round for the reads that wait. It gives its tag, and whether a
// lease will do for all of them.
func (q *reads) ask(led bool, now raft.Time) (tag uint64, lease, ok bool) {
	for len(q.rounds) > 0 && now >= q.rounds[0].until {
		q.again(0)
	}
	if !led || len(q.next) == 0 || len(q.rounds) >= readRoundsMax || now < q.nextAt {
		return 0, false, false
	}
	q.tag++
	lease = q.lease
	for k := 0; lease && k < len(q.next); k++ {
		lease = !q.next[k].Round
	}
	q.rounds = append(q.rounds, readRound{tag: q.tag, until: now + raft.Time(q.timeout), requests: q.next})
	q.next = nil
	return q.tag, lease, true
}

// wake is when ask has something to do.
func (q *reads) wake(led bool) raft.Time {
	w := raft.Never
	if led && len(q.next) > 0 && len(q.rounds) < readRoundsMax {
		w = q.nextAt
	}
	if len(q.rounds) > 0 {
		w = min(w, q.rounds[0].until)
	}
	return w
}

// again takes the reads of a round back.
func (q *reads) again(at int) {
	q.next = append(q.rounds[at].requests, q.next...)
	q.rounds = append(q.rounds[:at], q.rounds[at+1:]...)
}

// allAgain takes the reads of all rounds back: there is another leader.
func (q *reads) allAgain() {
	for len(q.rounds) > 0 {
		q.again(len(q.rounds) - 1)
	}
	q.nextAt = 0
}

// answer takes the core's word for a round.
func (q *reads) answer(o *raft.Outcome, now raft.Time) {
	for k := range q.rounds {
		if q.rounds[k].tag != o.Tag {
			continue
		}
		if o.Kind == raft.ReadFailed {
			q.again(k)
			q.nextAt = now + raft.Time(q.pause)
			return
		}
		q.ready = append(q.ready, readyReads{index: o.Index, expiry: o.Expiry, requests: q.rounds[k].requests})
		q.rounds = append(q.rounds[:k], q.rounds[k+1:]...)
		return
	}
}

// anyReady says whether takeReady would give something.
func (q *reads) anyReady(handed raft.Index) bool {
	for k := range q.ready {
		if q.ready[k].index <= handed {
			return true
		}
	}
	return false
}

// takeReady gives the reads that may be served behind the entry at handed.
func (q *reads) takeReady(handed raft.Index) []*Request {
	var taken []*Request
	keep := q.ready[:0]
	for _, y := range q.ready {
		if y.index > handed {
			keep = append(keep, y)
			continue
		}
		for _, r := range y.requests {
			if r.state == requestEnded {
				q.ended--
				continue
			}
			r.state, r.expiry = requestHanded, y.expiry
			q.count--
			taken = append(taken, r)
		}
	}
	clear(q.ready[len(keep):])
	q.ready = keep
	return taken
}

// forget notes that one read was cancelled, and sweeps when many were.
func (q *reads) forget() {
	q.count--
	q.ended++
	if q.ended <= 64 || q.ended <= q.count {
		return
	}
	q.ended = 0
	q.next = withoutEnded(q.next)
	for k := range q.rounds {
		q.rounds[k].requests = withoutEnded(q.rounds[k].requests)
	}
	for k := range q.ready {
		q.ready[k].requests = withoutEnded(q.ready[k].requests)
	}
}

func withoutEnded(rs []*Request) []*Request {
	keep := rs[:0]
	for _, r := range rs {
		if r.state != requestEnded {
			keep = append(keep, r)
		}
	}
	clear(rs[len(keep):])
	return keep
}

// all calls f for every read that has no end.
func (q *reads) all(f func(*Request)) {
	each := func(rs []*Request) {
		for _, r := range rs {
			if r.state == requestWaiting {
				f(r)
			}
		}
	}
	each(q.next)
	for k := range q.rounds {
		each(q.rounds[k].requests)
	}
	for k := range q.ready {
		each(q.ready[k].requests)
	}
}
