package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"veche/server"
)

// followEvents hands every event of node i to tell, over its restarts, until
// ctx ends.
func followEvents(ctx context.Context, c *cluster, i int, tell func(eventMsg)) {
	last := ""
	for ctx.Err() == nil {
		if c.up(i) {
			last = streamEvents(ctx, c.nodes[i], last, tell)
		}
		t := time.NewTimer(redialMax)
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// streamEvents reads one stream of events after the id last, until it ends. It
// returns the id of the last event read.
func streamEvents(ctx context.Context, n *node, last string, tell func(eventMsg)) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.http+"/events", nil)
	if err != nil {
		return last
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	tr := &http.Transport{DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return last
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 0, 4096), maxEventBytes)
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			last = id
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var e server.EventReport
		if json.Unmarshal([]byte(data), &e) != nil || e.Text == "" || !shownEvents[e.Kind] {
			continue
		}
		text := printable(e.Text)
		_, why, _ := strings.Cut(text, ": ")
		tell(eventMsg{at: e.At.Local(), node: n.name, kind: e.Kind, text: text, why: why})
	}
	return last
}

// shownEvents are those that a person can follow; what each says about the
// messages of an election is too much for a list that scrolls.
var shownEvents = map[string]bool{
	"started": true, "became_follower": true, "became_pre_candidate": true, "became_candidate": true,
	"became_leader": true, "vote_granted": true, "vote_refused": true, "truncated": true, "admitted": true,
	"refused_disk": true, "transfer_started": true, "transfer_sent": true, "transfer_aborted": true,
	"leader_gone": true, "fault": true, "peer_lost": true, "peer_back": true, "log_full": true,
	"snapshot_installed": true, "removed": true, "damaged": true, "repaired": true, "disk_stalled": true,
	"timing_differs": true, "caught_up": true,
}

// putOne writes a value for the person at the keys.
func (l *liveStage) putOne(n uint64) (saying, error) {
	ctx, cancel := context.WithTimeout(l.ctx, writeMax)
	defer cancel()
	began := time.Now()
	var err error
	for i := range l.cluster.nodes {
		if !l.cluster.up(i) {
			continue
		}
		var r *pb.PutResponse
		r, err = l.clients.kv[i].Put(ctx, &pb.PutRequest{Key: []byte("hello"), Value: fmt.Appendf(nil, "world %d", n)})
		if err == nil {
			return say("write", map[string]any{"value": fmt.Sprint("world ", n), "name": l.cluster.nodes[i].name,
				"took": tookMS(time.Since(began)), "revision": r.Header.GetRevision()}), nil
		}
	}
	if err == nil {
		return saying{}, refuse("write.none", nil)
	}
	return saying{}, refuse("write.unknown", map[string]any{"why": printable(err.Error())})
}
