package server

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
	"time"

	"veche/raft"
)

// Journal keeps the newest events of a process for people to read. It is made
// before the host, whose events it records, and outlives it. It is safe for
// concurrent use, and Record never blocks.
type Journal struct {
	run string // names this process, so that a reader notices a restart

	mu      sync.Mutex // guards what follows
	ring    []Entry    // the entry numbered n is at (n-1) % len
	last    uint64     // number of the newest entry; 0 is none
	tally   [eventKindsShown]uint64
	unknown uint64
	leader  raft.NodeID
	term    raft.Term
	changes uint64        // of the leader, as this member saw them
	news    chan struct{} // closed at the next entry, if someone waits
	lead    chan struct{} // closed when the next leader is known, if someone waits
}

// eventKindsShown bounds the kinds that are counted by name.
const eventKindsShown = raft.EventKinds

// Entry is one event of the journal.
type Entry struct {
	Number uint64 // from 1, without a gap
	At     time.Time
	Event  raft.Event
}

// NewJournal returns an empty journal.
func NewJournal() *Journal {
	var run [4]byte
	_, _ = rand.Read(run[:]) // it never fails (crypto/rand)
	return &Journal{run: hex.EncodeToString(run[:]), ring: make([]Entry, 0, journalRing)}
}

// Record adds an event. Commits are counted and not kept: they would push out
// in a second what explains the last election.
func (j *Journal) Record(e raft.Event) {
	at := time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	if int(e.Kind) < len(j.tally) {
		j.tally[e.Kind]++
	} else {
		j.unknown++
	}
	j.followLeader(e)
	if e.Kind == raft.EventCommitted {
		return
	}
	j.last++
	entry := Entry{Number: j.last, At: at, Event: e}
	if len(j.ring) < journalRing {
		j.ring = append(j.ring, entry)
	} else {
		j.ring[(j.last-1)%journalRing] = entry
	}
	if j.news != nil {
		close(j.news)
		j.news = nil
	}
}

// followLeader counts changes of the leader and wakes those who wait for one.
func (j *Journal) followLeader(e raft.Event) {
	leader := raft.NodeID(0)
	switch e.Kind {
	case raft.EventBecameLeader:
		leader = e.Node
	case raft.EventLeaderKnown:
		leader = e.Peer
	case raft.EventBecameFollower:
		leader = e.Peer
	}
	if leader == 0 {
		return
	}
	if leader != j.leader || e.Term != j.term {
		j.leader, j.term = leader, e.Term
		j.changes++
	}
	if j.lead != nil {
		close(j.lead)
		j.lead = nil
	}
}

// leaderNews gives a channel that is closed when a leader becomes known after
// this call.
func (j *Journal) leaderNews() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lead == nil {
		j.lead = make(chan struct{})
	}
	return j.lead
}

// leaderChanges is how often a leader was seen to change, the first included.
func (j *Journal) leaderChanges() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.changes
}

// counts copies how many events of each kind were recorded.
func (j *Journal) counts() ([eventKindsShown]uint64, uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.tally, j.unknown
}

// after copies up to streamBatch entries with numbers beyond n, the oldest
// first. missed is how many of them the ring has already forgotten. When there
// is nothing new, more is closed at the next entry; otherwise it is nil.
func (j *Journal) after(n uint64) (entries []Entry, missed uint64, more <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n >= j.last {
		if j.news == nil {
			j.news = make(chan struct{})
		}
		return nil, 0, j.news
	}
	if oldest := j.last - uint64(len(j.ring)) + 1; n+1 < oldest {
		missed = oldest - 1 - n
		n = oldest - 1
	}
	for ; n < j.last && len(entries) < streamBatch; n++ {
		entries = append(entries, j.ring[n%journalRing])
	}
	return entries, missed, nil
}

// id names an entry across restarts.
func (j *Journal) id(n uint64) string { return j.run + "-" + strconv.FormatUint(n, 10) }

// resume turns the last id that a reader has seen into the number to go on
// after. known is false when the id is from another run, or none at all.
func (j *Journal) resume(id string) (n uint64, known bool) {
	run, number, ok := strings.Cut(id, "-")
	if !ok || run != j.run {
		return 0, false
	}
	n, err := strconv.ParseUint(number, 10, 64)
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil || n > j.last {
		return 0, false
	}
	return n, true
}
