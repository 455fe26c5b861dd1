package server

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"
)

// WatchConfig is what a Watch is made with. Members must be given.
type WatchConfig struct {
	// Viewer is whose page it is, for people.
	Viewer string
	// Members tells who is to be looked at: the first watchedMax are.
	Members func() []Watched
	// Self is who is not asked over the network, but by Here; 0 nobody.
	Self ID
	Here func(after string) *LookReport
	// Faults is where faults can be asked for; empty: nowhere.
	Faults string
	// Stopping ends all readers when it is closed.
	Stopping <-chan struct{}
}

// Watched is a member that is looked at.
type Watched struct {
	ID      ID
	Name    string
	Client  string // where it serves clients; empty: it has not told
	Cluster string // 128 bits in hex
}

// Watch looks at all members, a few times a second, as long as somebody reads;
// and however many read, each member is asked once. What it has seen it keeps,
// with its age, also while a member does not answer.
type Watch struct {
	cfg       WatchConfig
	born      time.Time
	transport *http.Transport

	mu      sync.Mutex // guards: all below
	readers int
	end     context.CancelFunc // of the rounds; nil while nobody reads
	done    chan struct{}      // closed when the rounds have ended
	sights  map[ID]*sight
	shown   []*sight // of the newest frame, in its order
	number  uint64   // of the newest piece of news
	frame   []byte   // the newest, as JSON
	frames  uint64   // its number; 0 none
	whole   bool     // in it every member was asked since the rounds began
	round   uint64   // frames of the rounds under way; 0 none yet
	newer   chan struct{}
}

// sight is what is known of a member.
type sight struct {
	of      Watched
	busy    bool // it is being asked
	asked   bool // at least once since the rounds began
	look    *LookReport
	at      time.Time // when that was true; zero: it never answered
	trip    time.Duration
	clock   time.Duration // by how much its clock is ahead of ours
	trouble string        // why there is nothing newer
	last    string        // id of its newest event
	news    []news        // its newest events
}

// news is an event of some member, or a gap in its events.
type news struct {
	number uint64
	raw    []byte // as JSON
}

// FrameReport is one picture of all members.
type FrameReport struct {
	At      time.Time     `json:"at"` // on the clock of whoever shows the page
	Members []SightReport `json:"members"`
}

// SightReport is what is known of a member, and how old that is.
type SightReport struct {
	ID     ID     `json:"id"`
	Name   string `json:"name"`
	Client string `json:"client"`
	AgeMS  int64  `json:"age_ms"` // -1: it never answered
	// Trouble says why there is nothing newer, empty when it answered:
	// no_address, no_answer, not_in_time, not_understood, someone_else.
	Trouble     string      `json:"trouble,omitempty"`
	ClockMS     int64       `json:"clock_ms"`      // by how much its clock is ahead of the page's server
	RoundTripUS int64       `json:"round_trip_us"` // between the two; the clock is known that well
	Look        *LookReport `json:"look,omitempty"`
}

// gap is what the page is told instead of events that nobody has any more.
type gap struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"` // "gap"
	Node   Named     `json:"node"`
	Missed int64     `json:"missed"`
}

// NewWatch makes a Watch, which does nothing until somebody reads it. Close it.
func NewWatch(cfg WatchConfig) *Watch {
	return &Watch{cfg: cfg, born: time.Now(), sights: map[ID]*sight{}, newer: make(chan struct{}),
		transport: &http.Transport{MaxConnsPerHost: 1, IdleConnTimeout: httpIdleMax}}
}

// newWatch looks at the members of the configuration.
func (s *Server) newWatch() *Watch {
	cluster := hex.EncodeToString(s.cfg.ClusterID[:])
	return NewWatch(WatchConfig{
		Viewer: s.cfg.Name, Self: ID(s.cfg.Self), Here: s.look, Stopping: s.stopping,
		Members: func() (all []Watched) {
			p := s.cfg.Node.Picture()
			for _, m := range p.Config.Members {
				all = append(all, Watched{ID: ID(m.ID), Name: m.Name, Client: m.ClientAddr, Cluster: cluster})
			}
			return all
		},
	})
}

// now is the time that frames are dated by: it never goes back, also when the
// machine's clock is set.
func (w *Watch) now() time.Time { return w.born.Add(time.Since(w.born)) }

// Close closes what connections are left. No reader may be left, nor come.
func (w *Watch) Close() { w.transport.CloseIdleConnections() }

// join counts a reader; the first one begins the rounds. It says no when there
// are too many.
func (w *Watch) join() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.readers >= watchReadersMax {
		return false
	}
	if w.readers++; w.readers > 1 {
		return true
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.end, w.done = cancel, make(chan struct{})
	w.round = 0
	for _, s := range w.sights {
		s.asked = false
	}
	go w.rounds(ctx, w.done)
	return true
}

// leave takes a reader back; the last one ends the rounds, and waits for that.
func (w *Watch) leave() {
	w.mu.Lock()
	w.readers--
	last, done := w.readers == 0, w.done
	if last {
		w.end()
	}
	w.mu.Unlock()
	if last {
		<-done
	}
}

// rounds asks all members again and again, until ctx ends.
func (w *Watch) rounds(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	var asking sync.WaitGroup
	defer asking.Wait()
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	for {
		for _, m := range w.begin() {
			asking.Go(func() { w.ask(ctx, m) })
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		w.show(w.now())
	}
}

// question is a member to be asked, and after which event.
type question struct {
	of    Watched
	after string
}

// begin takes the members as they are now, and says who is to be asked: those
// who are not being asked still.
func (w *Watch) begin() (asks []question) {
	members := w.cfg.Members()
	members = members[:min(len(members), watchedMax)]
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shown = w.shown[:0]
	for _, m := range members {
		s := w.sights[m.ID]
		if s == nil {
			s = &sight{}
			w.sights[m.ID] = s
		}
		s.of = m
		w.shown = append(w.shown, s)
		if !s.busy {
			s.busy = true
			asks = append(asks, question{m, s.last})
		}
	}
	for id := range w.sights { // who has left the cluster is forgotten
		if !slices.ContainsFunc(members, func(m Watched) bool { return m.ID == id }) {
			delete(w.sights, id)
		}
	}
	return asks
}

// ask looks at one member and notes what it sees.
func (w *Watch) ask(ctx context.Context, q question) {
	began := w.now()
	var r *LookReport
	var err error
	if q.of.ID == w.cfg.Self && w.cfg.Here != nil {
		r = w.cfg.Here(q.after)
	} else {
		r, err = fetchLook(ctx, w.transport, &q.of, q.after)
	}
	ended := w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.sights[q.of.ID]
	if s == nil {
		return // it has left meanwhile
	}
	s.busy = false
	if ctx.Err() != nil {
		return // nobody reads any more: that it did not answer means nothing
	}
	s.asked = true
	if err != nil {
		s.trouble = err.Error()
		return
	}
	s.trip = ended.Sub(began)
	s.at, s.trouble = ended.Add(-s.trip/2), ""
	s.clock = r.Now.Sub(s.at)
	w.tell(s, r)
	s.last = r.Last
	r.Events = nil
	s.look = r
}

// tell adds a look's events to what readers are told.
func (w *Watch) tell(s *sight, r *LookReport) {
	add := func(v any) {
		raw, err := json.Marshal(v)
		if err != nil {
			return // strings and numbers always marshal
		}
		w.number++
		s.news = append(s.news, news{w.number, raw})
	}
	if r.Missed != 0 {
		add(gap{ID: r.Last + "-gap", At: r.Now, Kind: "gap", Node: Named{s.of.ID, s.of.Name}, Missed: r.Missed})
	}
	for _, e := range r.Events {
		add(e)
	}
	if over := len(s.news) - watchNewsMax; over > 0 {
		s.news = append(s.news[:0:0], s.news[over:]...)
	}
}

// show makes a frame and wakes the readers.
func (w *Watch) show(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := FrameReport{At: now.UTC(), Members: make([]SightReport, 0, len(w.shown))}
	for _, s := range w.shown {
		m := SightReport{ID: s.of.ID, Name: cleanName(s.of.Name), Client: s.of.Client, AgeMS: -1, Trouble: s.trouble,
			ClockMS: s.clock.Milliseconds(), RoundTripUS: s.trip.Microseconds(), Look: s.look}
		if s.look != nil {
			m.AgeMS = max(now.Sub(s.at).Milliseconds(), 0)
		}
		f.Members = append(f.Members, m)
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return // as above
	}
	w.frame = raw
	w.whole = !slices.ContainsFunc(w.shown, func(s *sight) bool { return !s.asked })
	w.frames++
	w.round++
	close(w.newer)
	w.newer = make(chan struct{})
}

// full gives the newest frame if in it every member has answered, or failed to,
// since the rounds began, and a channel that is closed at the next one.
func (w *Watch) full() (frame []byte, more <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.round > 0 && w.whole {
		frame = w.frame
	}
	return frame, w.newer
}

// after gives the news after a number, oldest first, the newest frame if it is
// not the one numbered frame, and a channel that is closed at the next frame.
func (w *Watch) after(number, frame uint64) (all []news, newest []byte, n uint64, more <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.shown {
		k, _ := slices.BinarySearchFunc(s.news, number+1, func(a news, b uint64) int { return cmp.Compare(a.number, b) })
		all = append(all, s.news[k:]...)
	}
	slices.SortFunc(all, func(a, b news) int { return cmp.Compare(a.number, b.number) })
	if w.round > 0 && w.frames != frame {
		newest = w.frame
	}
	return all, newest, w.frames, w.newer
}
