package server

import (
	"strings"
	"testing"

	"veche/host"
	"veche/raft"
	"veche/store"
)

// stamped is a command as a host puts it into its log.
func stamped(command []byte) []byte { return append([]byte{1, 7, 1, 0, 1}, command...) }

// Goal: a look shows the log's tail with keys and never a value, whom the member
// hears, and a candidate's ballots. Method: a picture with each of them, and
// keys that are markup, long, and no text at all.
func TestLook_TellsWhatCanBeSeen(t *testing.T) {
	r := newRig(t, nil)
	markup := `<img src=x onerror=alert(1)>`
	put := func(key string) []byte {
		return stamped(store.EncodePut(nil, &store.Put{Key: []byte(key), Value: []byte("secret")}))
	}
	r.node.change(func(n *fakeNode) {
		p := &n.picture
		p.Role, p.Leader, p.Now = raft.Candidate, 0, 100*raft.Time(raft.Millisecond)
		p.Deadline, p.TimeoutDrawn, p.Transferee = p.Now+raft.Time(30*raft.Millisecond), 160*raft.Millisecond, 0xa2
		p.Heard = []host.Heard{{From: 0xa2, At: 60 * raft.Time(raft.Millisecond), Messages: 9, Appends: 4, Entries: 40}}
		p.Ballots = []raft.BallotStatus{{ID: 0xa1, Verdict: raft.BallotGranted}, {ID: 0xa2, Verdict: raft.BallotRefused, Reason: raft.ReasonStaleLog}, {ID: 0xa3}}
		p.Tail = []raft.Entry{
			{Index: 3, Term: 6, Kind: raft.EntryNoop}, {Index: 4, Term: 6, Kind: raft.EntryConfig, Data: []byte("x")},
			{Index: 5, Term: 7, Kind: raft.EntryCommand, Data: put(markup)},
			{Index: 6, Term: 7, Kind: raft.EntryCommand, Data: put(strings.Repeat("k", 100) + "end")},
			{Index: 7, Term: 7, Kind: raft.EntryCommand, Data: put("a\n\u202e\xff")},
			{Index: 8, Term: 7, Kind: raft.EntryCommand, Data: stamped(store.EncodeDeleteRange(nil, &store.DeleteRange{Key: []byte("a"), End: []byte("b")}))},
			{Index: 9, Term: 7, Kind: raft.EntryCommand, Data: stamped(store.EncodeTxn(nil, &store.Txn{}))},
			{Index: 10, Term: 7, Kind: raft.EntryCommand, Data: []byte("of a future version")},
			{Index: 11, Term: 7, Kind: raft.EntryCommand, Data: put(strings.Repeat("v", lookCommandMax))},
		}
	})
	_, text := r.ask("GET", r.clientURL(lookPath), "")
	if strings.Contains(text, "secret") || strings.Contains(text, "<img") {
		t.Errorf("the look shows a value, or markup: %s", text)
	}
	l := decode[LookReport](t, text)
	if l.Status.Role != "candidate" || l.LeftMS != 30 || l.DrawnMS != 160 || l.Transferee != 0xa2 || l.Now.IsZero() {
		t.Errorf("the look is %+v", l)
	}
	if len(l.Heard) != 1 || l.Heard[0] != (HeardReport{0xa2, 40, 9, 4, 40}) {
		t.Errorf("it hears %+v", l.Heard)
	}
	if len(l.Ballots) != 3 || l.Ballots[0].Verdict != "granted" || l.Ballots[1] != (BallotReport{0xa2, "refused", "stale_log"}) || l.Ballots[2].Verdict != "unknown" {
		t.Errorf("its ballots are %+v", l.Ballots)
	}
	want := []LogEntry{{3, 6, "noop", ""}, {4, 6, "config", ""}, {5, 7, "command", "put " + markup},
		{6, 7, "command", "put …" + strings.Repeat("k", keyShown-3) + "end"}, {7, 7, "command", "put a???"},
		{8, 7, "command", "delete a …"}, {9, 7, "command", "txn"}, {10, 7, "command", ""}, {11, 7, "command", "…"}}
	for k, e := range want {
		if k >= len(l.Log) || l.Log[k] != e {
			t.Errorf("entry %d is told as %+v, want %+v", k, l.Log[k:min(k+1, len(l.Log))], e)
		}
	}
}

// Goal: who comes back gets the events since, once; who was away for too long,
// or knew another run, is told so. Method: ask with the id of the last answer,
// after more events than the journal keeps, and with a foreign id.
func TestLook_EventsGoOnWhereTheyEnded(t *testing.T) {
	j := NewJournal()
	r := newRig(t, func(c *Config) { c.Journal = j })
	ask := func(after string) LookReport {
		_, text := r.ask("GET", r.clientURL(lookPath+"?after="+after), "")
		return decode[LookReport](t, text)
	}
	j.Record(event(5))
	first := ask("")
	if len(first.Events) != 1 || first.Events[0].Term != 5 || first.Events[0].ID != first.Last || first.Missed != 0 {
		t.Fatalf("at first: %+v, last %s, missed %d", first.Events, first.Last, first.Missed)
	}
	if l := ask(first.Last); len(l.Events) != 0 || l.Last != first.Last {
		t.Errorf("nothing happened, and it tells %+v", l.Events)
	}
	for n := range journalRing + 3 {
		j.Record(event(n))
	}
	l := ask(first.Last)
	if l.Missed != 3 || len(l.Events) < lookEventsMax || len(l.Events) >= lookEventsMax+streamBatch || l.Last != l.Events[len(l.Events)-1].ID {
		t.Errorf("after the ring: %d events, missed %d", len(l.Events), l.Missed)
	}
	if l := ask("elsewhere-1"); l.Missed != -1 || len(l.Events) == 0 {
		t.Errorf("after another run: %d events, missed %d", len(l.Events), l.Missed)
	}
}
