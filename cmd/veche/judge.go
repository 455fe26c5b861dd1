package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// referee looks at all members all the time, and notes what must never be: two
// leaders in one term, or two confirmed leaders at one moment.
type referee struct {
	cluster *cluster
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu      sync.Mutex // guards: all below
	leaders map[uint64]string
	foul    string
	samples int
	changes int // of leader or term
	last    string
	term    uint64
}

func newReferee(c *cluster) *referee {
	return &referee{cluster: c, leaders: map[uint64]string{}}
}

// run looks every now and then until stop.
func (r *referee) run(every time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.wg.Go(func() {
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			r.look(ctx)
			select {
			case <-t.C:
			case <-ctx.Done():
				return
			}
		}
	})
}

func (r *referee) stop() {
	r.cancel()
	r.wg.Wait()
}

// look takes one sample and judges it.
func (r *referee) look(ctx context.Context) {
	views := r.cluster.views(ctx)
	first, second := r.judge(views)
	if second < 0 {
		return
	}
	// The answers are some milliseconds apart, and a leader may have changed in
	// between. A leader of an older term that is confirmed after a younger one
	// was has been confirmed beside it.
	older := first
	if views[second].Term < views[first].Term {
		older = second
	}
	again := fetchView(ctx, views[older].Endpoint)
	if again.Err == "" && again.Role == roleLeader && again.Confirmed && again.Term == views[older].Term {
		r.mu.Lock()
		r.foul = fmt.Sprintf("%s (term %d) and %s (term %d) were confirmed as leaders at one moment",
			views[first].Name, views[first].Term, views[second].Name, views[second].Term)
		r.mu.Unlock()
	}
}

// judge notes the leaders of a sample, and gives the positions of two that are
// confirmed, or −1.
func (r *referee) judge(views []memberView) (first, second int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples++
	first, second = -1, -1
	for i, v := range views {
		if v.Err != "" || v.Role != roleLeader {
			continue
		}
		switch other, known := r.leaders[v.Term]; {
		case !known:
			r.leaders[v.Term] = v.Name
		case other != v.Name:
			r.foul = fmt.Sprintf("%s and %s both led in term %d", other, v.Name, v.Term)
		}
		if v.Term > r.term || v.Term == r.term && v.Name != r.last {
			r.term, r.last = v.Term, v.Name
			r.changes++
		}
		if !v.Confirmed {
			continue
		}
		if first < 0 {
			first = i
		} else {
			second = i
		}
	}
	return first, second
}

// verdict tells what was wrong, or "".
func (r *referee) verdict() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.foul
}

// seen counts samples and the changes of leader or term in them.
func (r *referee) seen() (samples, changes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.samples, r.changes
}
