package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"veche/page"
	"veche/server"
)

// demoPage is the dashboard of a demo, on a loopback port of the demo's own
// process: so it stays when any server is killed. Only here faults can be asked
// for, and only by who knows the key, which stands in the address that the demo
// prints. A server has no such thing.
type demoPage struct {
	url    string // to be opened; with the key if faults can be asked for
	server *http.Server
	watch  *server.Watch
	ended  chan struct{} // closed when the page is to end
	served chan error

	harm func(act string, nodes []int) (saying, error) // nil: no faults
	key  string
	busy chan struct{} // holds one: faults happen one at a time
	all  []*node
}

// faultRequest is the body of POST /faults.
type faultRequest struct {
	Act   string   `json:"act"`   // kill, restart, cut, slow, heal, write
	Nodes []string `json:"nodes"` // names
}

// faultAnswer is what came of it.
type faultAnswer struct {
	Said string         `json:"said"`           // in English
	Key  string         `json:"key,omitempty"`  // of the same in the page's languages
	With map[string]any `json:"with,omitempty"` // what stands in it
}

// servePage opens the dashboard of a cluster. harm carries out faults, and says in
// a sentence what came of it; nil lets nobody ask. Close it before the cluster.
func servePage(c *cluster, harm func(act string, nodes []int) (saying, error)) (*demoPage, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a port for the dashboard: %w", err)
	}
	d := &demoPage{url: "http://" + l.Addr().String() + "/", ended: make(chan struct{}), served: make(chan error, 1),
		harm: harm, busy: make(chan struct{}, 1), all: c.nodes}
	cfg := server.WatchConfig{Viewer: "demo", Stopping: d.ended, Members: func() (all []server.Watched) {
		for _, n := range c.nodes {
			all = append(all, server.Watched{ID: server.ID(n.id), Name: n.name, Client: n.client, Cluster: hex.EncodeToString(c.id[:])})
		}
		return all
	}}
	mux := http.NewServeMux()
	if harm != nil {
		var key [16]byte
		rand.Read(key[:]) // never fails
		d.key = hex.EncodeToString(key[:])
		d.url += "#key=" + d.key
		cfg.Faults = "faults"
		mux.HandleFunc("POST /faults", d.faults)
	}
	d.watch = server.NewWatch(cfg)
	mux.Handle("GET /cluster", d.watch)
	mux.Handle("GET /", page.Handler())
	d.server = &http.Server{Handler: server.Guard(mux), ReadHeaderTimeout: pageReadMax, ReadTimeout: pageReadMax, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	go func() { d.served <- d.server.Serve(l) }()
	return d, nil
}

// close ends the page and everybody who reads it.
func (d *demoPage) close() {
	close(d.ended)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if d.server.Shutdown(ctx) != nil {
		d.server.Close()
	}
	<-d.served
	d.watch.Close()
}

// faults is POST /faults.
func (d *demoPage) faults(w http.ResponseWriter, r *http.Request) {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		tellFault(w, http.StatusForbidden, saying{text: "a page of another site may not ask for faults"})
		return
	}
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Veche-Key")), []byte(d.key)) != 1 {
		tellFault(w, http.StatusForbidden, say("key", nil))
		return
	}
	var q faultRequest
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxFaultBytes))
	body.DisallowUnknownFields()
	if kind := r.Header.Get("Content-Type"); kind != "application/json" || body.Decode(&q) != nil {
		tellFault(w, http.StatusBadRequest, saying{text: `send JSON like {"act":"kill","nodes":["n1"]}`})
		return
	}
	nodes, err := d.find(&q)
	if err != nil {
		tellFault(w, http.StatusBadRequest, saying{text: err.Error()})
		return
	}
	select {
	case d.busy <- struct{}{}:
		defer func() { <-d.busy }()
	default:
		tellFault(w, http.StatusTooManyRequests, say("busy", nil))
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(pageFaultMax))
	said, err := d.harm(q.Act, nodes)
	if known := (refusal{}); errors.As(err, &known) {
		tellFault(w, http.StatusConflict, known.saying)
		return
	}
	if err != nil {
		tellFault(w, http.StatusConflict, saying{text: err.Error()})
		return
	}
	tellFault(w, http.StatusOK, said)
}

// find checks a request and turns names into positions.
func (d *demoPage) find(q *faultRequest) (nodes []int, err error) {
	least, most := 1, 1
	switch q.Act {
	case "kill", "restart", "slow":
	case "cut":
		most = len(d.all) - 1
	case "heal", "write":
		least, most = 0, 0
	default:
		return nil, errors.New("there is no such fault; there are kill, restart, cut, slow, heal and write")
	}
	if len(q.Nodes) < least || len(q.Nodes) > most {
		return nil, fmt.Errorf("%s takes from %d to %d servers", q.Act, least, most)
	}
	for _, name := range q.Nodes {
		i := slices.IndexFunc(d.all, func(n *node) bool { return n.name == name })
		if i < 0 || slices.Contains(nodes, i) {
			return nil, errors.New("name each server once, by its name: n1, n2 …")
		}
		nodes = append(nodes, i)
	}
	return nodes, nil
}

// tellFault answers with one sentence, and with what it is made of.
func tellFault(w http.ResponseWriter, code int, said saying) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(faultAnswer{said.text, said.key, said.with}) // the page has gone
}

// harm carries out a fault for the page.
func (l *liveStage) harm(act string, nodes []int) (saying, error) {
	switch act {
	case "kill":
		if !l.cluster.up(nodes[0]) {
			return saying{}, refuse("kill.down", map[string]any{"name": l.cluster.nodes[nodes[0]].name})
		}
		return l.do(actKill, nodes)
	case "restart":
		return l.do(actRestart, nodes)
	case "cut":
		return l.do(actCut, nodes)
	case "slow":
		l.cluster.slow(nodes[0], slowedBy)
		return say("slow", map[string]any{"name": l.cluster.nodes[nodes[0]].name, "by": slowedBy.Milliseconds()}), nil
	case "write":
		return l.do(actWrite, nil)
	}
	return l.do(actHeal, nil)
}

// slow makes everything to and from node i take longer, until heal.
func (c *cluster) slow(i int, by time.Duration) {
	for _, n := range c.nodes {
		if n != c.nodes[i] {
			c.net.slow(link{c.nodes[i].name, n.name}, by)
			c.net.slow(link{n.name, c.nodes[i].name}, by)
		}
	}
}
