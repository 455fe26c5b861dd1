package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/status"

	"veche/page"
	"veche/raft"
	"veche/store"
)

// newHTTP makes a server with our bounds around what it serves.
func (s *Server) newHTTP(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           s.guarded(h),
		ReadHeaderTimeout: httpHeaderMax,
		ReadTimeout:       httpBodyMax,
		WriteTimeout:      httpWriteMax,
		IdleTimeout:       httpIdleMax,
		MaxHeaderBytes:    headerBytesMax,
		ErrorLog:          quietLog(s.log),
	}
}

// clientPages is HTTP on the client port: the gateway, health, versions.
func (s *Server) clientPages() (http.Handler, error) {
	gateway, err := s.newGateway()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	s.healthPages(mux)
	mux.HandleFunc("GET "+lookPath, s.lookPage)
	mux.Handle("POST "+changePath, bodyBounded(sameOrigin(http.HandlerFunc(s.changePage))))
	mux.Handle("POST "+transferPath, bodyBounded(sameOrigin(http.HandlerFunc(s.transferPage))))
	mux.Handle("/v3/", bodyBounded(sameOrigin(gateway)))
	return mux, nil
}

// peoplePages is the http listener: the page, events, metrics, who leads.
func (s *Server) peoplePages() http.Handler {
	mux := http.NewServeMux()
	s.healthPages(mux)
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("GET /leader", s.leaderPage)
	mux.HandleFunc("GET /status", s.statusPage)
	mux.HandleFunc("GET /events", s.eventsPage)
	mux.Handle("GET /cluster", s.watch)
	pages := page.Handler()
	for _, path := range []string{"/{$}", "/replay.html", "/model", "/web/", "/built/"} {
		mux.Handle("GET "+path, pages)
	}
	return mux
}

// healthPages are those of both ports.
func (s *Server) healthPages(mux *http.ServeMux) {
	mux.HandleFunc("GET /health", s.healthPage)
	mux.HandleFunc("GET /livez", s.livePage)
	mux.HandleFunc("GET /readyz", s.readyPage)
	mux.HandleFunc("GET /version", s.versionPage)
	mux.HandleFunc("GET /veche/v1/status", s.statusPage)
}

// answer writes JSON that is never cached.
func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	e := json.NewEncoder(w) // it escapes <, > and &
	_ = e.Encode(v)         // the client has gone, and nobody is left to tell
}

// healthy says in etcd's words why this member is of no use to clients; empty
// when it is. A serializable check is content with the member itself.
func (s *Server) healthy(ctx context.Context, local bool) string {
	p := s.cfg.Node.Picture()
	if p.trouble() != "" {
		return "HALTED" // the status tells why
	}
	if !local && p.leading() == 0 {
		return "RAFT NO LEADER"
	}
	if !local && p.LogFull {
		return "ALARM NOSPACE" // the events tell up to where the newest snapshot goes
	}
	select {
	case <-s.stopping:
		return "STOPPING"
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	if err := s.read(ctx, local, func(*store.Store) error { return nil }); err != nil {
		return "RANGE ERROR:" + status.Convert(err).Message()
	}
	return ""
}

// healthPage is etcd's /health: 200 when a linearizable read works, 503 when
// not; with ?serializable=true a local one is enough.
func (s *Server) healthPage(w http.ResponseWriter, r *http.Request) {
	why := s.healthy(r.Context(), r.URL.Query().Get("serializable") == "true")
	code := http.StatusOK
	if why != "" {
		code = http.StatusServiceUnavailable
	}
	answer(w, code, struct {
		Health string `json:"health"`
		Reason string `json:"reason"`
	}{strconv.FormatBool(why == ""), why})
}

// livePage says whether the process answers at all; readyPage whether it is of
// use to clients.
func (s *Server) livePage(w http.ResponseWriter, r *http.Request) {
	checked(w, r, "serializable_read", s.healthy(r.Context(), true))
}

func (s *Server) readyPage(w http.ResponseWriter, r *http.Request) {
	if p := s.cfg.Node.Picture(); p.learner(s.cfg.Self) {
		checked(w, r, "non_learner", "this member is a learner")
		return
	}
	checked(w, r, "linearizable_read", s.healthy(r.Context(), false))
}

func checked(w http.ResponseWriter, r *http.Request, what, why string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if why != "" {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "[-]"+what+" failed: "+why+"\n")
		return
	}
	if r.URL.Query().Has("verbose") {
		_, _ = io.WriteString(w, "[+]"+what+" ok\n")
	}
	_, _ = io.WriteString(w, "ok\n")
}

// versionPage tells the version of the API, and of the program.
func (s *Server) versionPage(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, struct {
		Server  string `json:"etcdserver"`
		Cluster string `json:"etcdcluster"`
		Veche   string `json:"veche"`
	}{apiVersion, clusterVersion, s.cfg.Version})
}

// statusPage is the StatusReport.
func (s *Server) statusPage(w http.ResponseWriter, _ *http.Request) {
	p := s.cfg.Node.Picture()
	answer(w, http.StatusOK, s.report(&p))
}

// LeaderReport is what /leader answers.
type LeaderReport struct {
	Here   bool   `json:"here"`   // this member leads, and a majority said so a moment ago
	ID     ID     `json:"id"`     // who leads; 0 when nobody is known to
	Name   string `json:"name"`   //
	Client string `json:"client"` // where it serves clients, host:port
	Term   uint64 `json:"term"`
}

// leaderPage answers 200 on the leader and 503 elsewhere, so that a load
// balancer sends its traffic there. It is a hint: for more than a moment only
// writes and linearizable reads are sure.
func (s *Server) leaderPage(w http.ResponseWriter, _ *http.Request) {
	p := s.cfg.Node.Picture()
	m, _ := p.member(p.leading())
	l := LeaderReport{
		Here: p.leads(s.cfg.Heartbeat),
		ID:   ID(p.leading()), Name: m.Name, Client: m.ClientAddr, Term: uint64(p.Term),
	}
	code := http.StatusServiceUnavailable
	if l.Here {
		code = http.StatusOK
	}
	answer(w, code, l)
}

// EventReport is one event as /events sends it.
type EventReport struct {
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`
	Reason string    `json:"reason,omitempty"`
	Node   Named     `json:"node"`
	Peer   *Named    `json:"peer,omitempty"`
	Term   uint64    `json:"term,omitempty"`
	Index  uint64    `json:"index,omitempty"`
	Text   string    `json:"text"` // the event as one sentence
}

func eventReport(e Entry, names map[raft.NodeID]string) EventReport {
	r := EventReport{
		At: e.At.UTC().Truncate(time.Millisecond), Kind: e.Event.Kind.Word(), Reason: e.Event.Reason.Word(),
		Node: Named{ID(e.Event.Node), cleanName(names[e.Event.Node])},
		Term: uint64(e.Event.Term), Index: uint64(e.Event.Index), Text: Describe(e.Event, names),
	}
	if e.Event.Peer != 0 {
		r.Peer = &Named{ID(e.Event.Peer), cleanName(names[e.Event.Peer])}
	}
	return r
}

// eventsPage sends the journal as server-sent events: first what it still
// holds after Last-Event-ID (or ?after=), then what happens. A reader that was
// away for too long is told with an event named "gap" how many it missed; one
// that cannot keep up is dropped, and comes back by itself.
func (s *Server) eventsPage(w http.ResponseWriter, r *http.Request) {
	if s.subscribers.Add(1) > subscribersMax {
		s.subscribers.Add(-1)
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many readers follow the events of this member; close one or ask another member", http.StatusServiceUnavailable)
		return
	}
	defer s.subscribers.Add(-1)
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{}) // the stream has no end; each write has its own deadline
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)

	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.URL.Query().Get("after")
	}
	from, known := s.cfg.Journal.resume(last)
	ping := time.NewTicker(streamPing)
	defer ping.Stop()
	var text strings.Builder
	if last != "" && !known {
		text.WriteString("event: gap\ndata: {\"missed\":-1}\n\n") // the process was started anew meanwhile
	}
	text.WriteString("retry: 1000\n\n")
	for {
		entries, missed, more := s.cfg.Journal.after(from)
		if missed > 0 {
			text.WriteString("event: gap\ndata: {\"missed\":" + strconv.FormatUint(missed, 10) + "}\n\n")
		}
		if len(entries) > 0 {
			p := s.cfg.Node.Picture()
			names := p.names()
			for _, e := range entries {
				writeEvent(&text, s.cfg.Journal.id(e.Number), eventReport(e, names))
				from = e.Number
			}
		}
		if text.Len() > 0 {
			if sendText(w, out, text.String()) != nil {
				return // the reader has gone, or is too slow
			}
			text.Reset()
		}
		if more == nil {
			continue
		}
		select {
		case <-more:
		case <-ping.C:
			text.WriteString(": still here\n\n")
		case <-r.Context().Done():
			return
		case <-s.stopping:
			return
		}
	}
}

func writeEvent(text *strings.Builder, id string, e EventReport) {
	data, err := json.Marshal(e)
	if err != nil {
		return // a struct of strings and numbers always marshals
	}
	text.WriteString("id: " + id + "\ndata: ")
	text.Write(data) // JSON has no line breaks
	text.WriteString("\n\n")
}

func sendText(w io.Writer, out *http.ResponseController, text string) error {
	if err := out.SetWriteDeadline(time.Now().Add(streamWriteMax)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	return out.Flush()
}
