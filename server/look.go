package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"veche/host"
	"veche/raft"
	"veche/store"
)

// lookPath is where a member tells, at its client port, all that can be seen of
// it. It asks nobody else, so that members who look at each other make no loop.
const lookPath = "/veche/v1/look"

// LookReport is what can be seen of one member at one moment. All its times
// since something are as of Now, which is on the member's own clock.
type LookReport struct {
	Now    time.Time    `json:"now"`
	Status StatusReport `json:"status"`
	// LeftMS is when the election timer fires, DrawnMS how long it was set to; on
	// the leader LeftMS is when its next heartbeat is due.
	LeftMS  int64 `json:"left_ms"`
	DrawnMS int64 `json:"drawn_ms"`
	// Transferee is to whom leadership is being handed over; 0 nobody.
	Transferee ID `json:"transferee"`
	// Ballots of the campaign that it runs; none otherwise.
	Ballots []BallotReport `json:"ballots,omitempty"`
	Log     []LogEntry     `json:"log"`   // the newest, the oldest of them first
	Heard   []HeardReport  `json:"heard"` // of the other members
	// Events are those after the one asked for, the oldest first; Last is the id
	// to ask with next. Missed is how many were forgotten before; -1: the process
	// was started anew since, and nobody knows.
	Events []SeenEvent `json:"events,omitempty"`
	Last   string      `json:"last"`
	Missed int64       `json:"missed,omitempty"`
}

// LogEntry is one entry of a log, without its value.
type LogEntry struct {
	Index uint64 `json:"index"`
	Term  uint64 `json:"term"`
	Kind  string `json:"kind"`           // command, noop, config, other
	Key   string `json:"text,omitempty"` // of a command: what it does to which key
}

// BallotReport is what a voter has said to a candidate.
type BallotReport struct {
	ID      ID     `json:"id"`
	Verdict string `json:"verdict"` // unknown, granted, refused
	Reason  string `json:"reason,omitempty"`
}

// HeardReport is what came from another member. Counters begin with the process.
type HeardReport struct {
	ID       ID     `json:"id"`
	AgoMS    int64  `json:"ago_ms"`
	Messages uint64 `json:"messages"`
	Appends  uint64 `json:"appends"` // messages that carried entries
	Entries  uint64 `json:"entries"`
}

// SeenEvent is an event of a member's journal, with its number there.
type SeenEvent struct {
	ID string `json:"id"`
	EventReport
}

// lookPage is GET /veche/v1/look, with ?after= the id of the last event seen.
func (s *Server) lookPage(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, s.look(r.URL.Query().Get("after")))
}

// look puts together what can be seen of this member.
func (s *Server) look(after string) *LookReport {
	p := s.cfg.Node.Picture()
	r := &LookReport{
		Now: time.Now().UTC(), Status: s.report(&p), Transferee: ID(p.Transferee),
		LeftMS: milliseconds(raft.Duration(max(p.Deadline-p.Now, 0))), DrawnMS: milliseconds(p.TimeoutDrawn),
		Log: make([]LogEntry, 0, len(p.Tail)), Heard: make([]HeardReport, 0, len(p.Heard)),
	}
	for k := range p.Tail {
		r.Log = append(r.Log, logEntry(&p.Tail[k]))
	}
	for _, h := range p.Heard {
		r.Heard = append(r.Heard, HeardReport{ID: ID(h.From), AgoMS: since(p.Now, h.At), Messages: h.Messages, Appends: h.Appends, Entries: h.Entries})
	}
	for _, b := range p.Ballots {
		r.Ballots = append(r.Ballots, BallotReport{ID(b.ID), verdictName(b.Verdict), b.Reason.Word()})
	}
	s.lookBack(r, p.names(), after)
	return r
}

func verdictName(v raft.Verdict) string {
	switch v {
	case raft.BallotGranted:
		return "granted"
	case raft.BallotRefused:
		return "refused"
	}
	return "unknown"
}

// lookBack adds the events after an id.
func (s *Server) lookBack(r *LookReport, names map[raft.NodeID]string, after string) {
	from, known := s.cfg.Journal.resume(after)
	if after != "" && !known {
		r.Missed = -1
	}
	r.Last = s.cfg.Journal.id(from)
	for len(r.Events) < lookEventsMax {
		entries, missed, _ := s.cfg.Journal.after(from)
		if len(entries) == 0 {
			return
		}
		if after != "" && r.Missed == 0 {
			r.Missed = int64(missed)
		}
		for _, e := range entries {
			from, r.Last = e.Number, s.cfg.Journal.id(e.Number)
			r.Events = append(r.Events, SeenEvent{r.Last, eventReport(e, names)})
		}
	}
}

// logEntry puts an entry into words. A command shows its key, and never a value.
func logEntry(e *raft.Entry) LogEntry {
	l := LogEntry{Index: uint64(e.Index), Term: uint64(e.Term), Kind: "other"}
	switch e.Kind {
	case raft.EntryCommand:
		l.Kind, l.Key = "command", commandKey(e.Data)
	case raft.EntryNoop:
		l.Kind = "noop"
	case raft.EntryConfig:
		l.Kind = "config"
	}
	return l
}

// commandKey says what a command does to which key: "put a", "delete b …".
func commandKey(data []byte) string {
	if len(data) > lookCommandMax {
		return "…" // it would cost more to read than it tells
	}
	command, err := host.Command(data)
	if err != nil {
		return ""
	}
	c, err := store.Decode(command)
	if err != nil {
		return ""
	}
	switch {
	case c.Put != nil:
		return "put " + shortKey(c.Put.Key)
	case c.DeleteRange != nil && len(c.DeleteRange.End) > 0:
		return "delete " + shortKey(c.DeleteRange.Key) + " …"
	case c.DeleteRange != nil:
		return "delete " + shortKey(c.DeleteRange.Key)
	case c.Txn != nil:
		return "txn"
	case c.Compact != nil:
		return "compact"
	}
	return ""
}

// shortKey is a key made fit to be read: its end counts more than its beginning.
func shortKey(key []byte) string {
	s := []rune(string(key[max(0, len(key)-keyBytesShown):]))
	if cut := len(key) > keyBytesShown || len(s) > keyShown; cut {
		s = append([]rune{'…'}, s[max(0, len(s)-keyShown):]...)
	}
	return cleanName(string(s))
}

// Why nothing new is known of a member; the page has a sentence for each.
var (
	errNoAddress   = errors.New("no_address")     // it has not told where it serves clients
	errNoAnswer    = errors.New("no_answer")      // nothing is there, or nothing comes through
	errLate        = errors.New("not_in_time")    // it was asked, and says nothing
	errGarbage     = errors.New("not_understood") // it answers something else
	errSomeoneElse = errors.New("someone_else")   // another member, or another cluster
)

// fetchLook asks a member at its client address. The error is one of the above.
func fetchLook(ctx context.Context, tr http.RoundTripper, at *Watched, after string) (*LookReport, error) {
	if at.Client == "" {
		return nil, errNoAddress
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at.Client+lookPath, nil)
	if err != nil {
		return nil, errNoAddress
	}
	q := req.URL.Query()
	q.Set("after", after)
	req.URL.RawQuery = q.Encode()
	res, err := tr.RoundTrip(req) // follows no redirect
	if err != nil {
		return nil, lookError(ctx)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, lookBytesMax))
	if err != nil {
		return nil, lookError(ctx)
	}
	var r LookReport
	if res.StatusCode != http.StatusOK || json.Unmarshal(body, &r) != nil {
		return nil, errGarbage
	}
	if r.Status.Cluster != at.Cluster || r.Status.ID != at.ID {
		return nil, errSomeoneElse
	}
	if len(r.Events) > lookEventsMax+streamBatch || len(r.Log) > lookRowsMax || len(r.Heard) > lookRowsMax || len(r.Status.Members) > lookRowsMax {
		return nil, errGarbage
	}
	return &r, nil
}

func lookError(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errLate
	}
	return errNoAnswer
}
