package transport

import (
	"sync"

	"veche/raft"
)

// run names one run of a peer's process.
type run struct {
	peer raft.NodeID
	boot raft.Boot
}

// presence counts the connections with each run of each peer, and tells when
// the first opens and the last closes. Its callers make the calls themselves,
// so that no other goroutine has to be scheduled first; when several change
// something at once, the first of them makes the calls of all, one at a time
// and without the lock.
type presence struct {
	up, down func(raft.NodeID, raft.Boot)

	mu      sync.Mutex       // guards: all below
	runs    map[run]*counted // an entry lives while open > 0, told or pending
	pending []run            // whose state may differ from what was told; each once
	calling bool             // somebody is at it
	muted   bool             // the transport is closing
}

type counted struct {
	open    int
	told    bool // up was called, and down not since
	pending bool
}

// join counts a connection whose hellos are complete.
func (p *presence) join(r run) { p.change(r, 1) }

// leave takes a connection back. It must follow one join.
func (p *presence) leave(r run) { p.change(r, -1) }

// mute ends all calls but one that is under way.
func (p *presence) mute() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.muted = true
}

func (p *presence) change(r run, by int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.runs[r]
	if c == nil {
		c = &counted{}
		p.runs[r] = c
	}
	c.open += by
	if !c.pending && (c.open > 0) != c.told {
		c.pending = true
		p.pending = append(p.pending, r)
	}
	if p.calling {
		return // whoever is calling will see it
	}
	p.calling = true
	for len(p.pending) > 0 {
		p.tell()
	}
	p.calling = false
}

// tell settles the first pending run. The caller holds mu, and holds it again
// afterwards. What closed and opened again before it was told is not told.
func (p *presence) tell() {
	r := p.pending[0]
	p.pending = append(p.pending[:0], p.pending[1:]...)
	c := p.runs[r]
	c.pending = false
	open := c.open > 0
	call := p.down
	if open {
		call = p.up
	}
	changed := open != c.told
	c.told = open
	if !open {
		delete(p.runs, r)
	}
	if !changed || call == nil || p.muted {
		return
	}
	p.mu.Unlock()
	defer p.mu.Lock()
	call(r.peer, r.boot)
}
