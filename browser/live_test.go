//go:build browser

package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"veche/page"
	"veche/server"
)

// scene is a cluster as a test wants it: five members who all answer, n1 leads
// term 4, and what adjust changes.
func scene(adjust func(m []server.SightReport)) []server.SightReport {
	var all []server.SightReport
	var list []server.MemberReport
	for k := range 5 {
		list = append(list, server.MemberReport{ID: server.ID(0xa1 + k), Name: fmt.Sprintf("n%d", k+1), Started: true})
	}
	for k := range 5 {
		l := &server.LookReport{DrawnMS: 200, LeftMS: 150, Now: time.Now(), Log: []server.LogEntry{{Index: 1, Term: 4, Kind: "noop"}}}
		l.Status = server.StatusReport{Name: list[k].Name, ID: list[k].ID, Cluster: "c", Role: "follower", Standing: "admitted", UptimeMS: 60_000, Term: 4,
			Leader: server.Named{ID: 0xa1, Name: "n1"}, LastContactMS: 10, Commit: 1, Applied: 1, Persisted: 1, LastIndex: 1, Members: list, ElectionTimeoutMS: [2]int64{150, 300}}
		for j := range 5 {
			if j != k && (j == 0 || k == 0) {
				l.Heard = append(l.Heard, server.HeardReport{ID: list[j].ID, AgoMS: 10, Messages: 5})
			}
		}
		all = append(all, server.SightReport{ID: list[k].ID, Name: list[k].Name, Client: "127.0.0.1:1", AgeMS: 20, Look: l})
	}
	lead(all, 0, 4)
	if adjust != nil {
		adjust(all)
	}
	return all
}

// lead makes a member the leader of a term, in its own eyes.
func lead(m []server.SightReport, k int, term uint64) {
	s := &m[k].Look.Status
	s.Role, s.Term, s.Confirmed, s.Leader = "leader", term, true, server.Named{ID: s.ID, Name: s.Name}
	for j := range m {
		if j != k {
			s.Peers = append(s.Peers, server.PeerReport{ID: m[j].ID, Name: m[j].Name, Match: 1, Next: 2, LastContactMS: 10})
		}
	}
}

// silence makes a member one that does not answer, since so many ms.
func silence(m *server.SightReport, ms int64, why string) { m.AgeMS, m.Trouble = ms, why }

// stagedPage serves the dashboard with frames that a test brings.
func stagedPage(t *testing.T) (url string, show func([]server.SightReport)) {
	t.Helper()
	var now atomic.Pointer[[]server.SightReport]
	mux := http.NewServeMux()
	mux.Handle("/", page.Handler())
	mux.HandleFunc("/cluster", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "event: hello\ndata: {\"viewer\":\"n2\",\"every_ms\":200}\n\n")
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			frame, err := json.Marshal(server.FrameReport{At: time.Now(), Members: *now.Load()})
			if err != nil {
				return
			}
			fmt.Fprintf(w, "event: frame\ndata: %s\n\n", frame)
			http.NewResponseController(w).Flush()
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
	})
	s := httptest.NewServer(server.Guard(mux))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	show = func(m []server.SightReport) { now.Store(&m) }
	show(scene(nil))
	return s.URL, show
}

// Goal: what is wrong with a cluster is said in a sentence and seen in its place.
// Method: stage one trouble after another before one page.
func TestPage_TellsWhatIsWrong(t *testing.T) {
	url, show := stagedPage(t)
	b := open(t)
	b.visit(url + "/")
	await(t, "the page is calm", 2*shownMax, func() (bool, string) {
		f := b.facts()
		return f["badge"] == "live" && f["who"] == "n2" && f["leader"] == "n1" && f["banner"] == "" && f["answer"] == "5 of 5", fmt.Sprint(f)
	})
	cell := func(row, column int) string {
		return js[string](b, fmt.Sprintf(`document.querySelectorAll("#matrix tbody tr")[%d].querySelectorAll("td")[%d].dataset.as`, row, column))
	}
	for _, c := range []struct {
		name   string
		scene  []server.SightReport
		banner []string // what it says; none: nothing
		also   func() (bool, string)
	}{
		{"two leaders", scene(func(m []server.SightReport) { lead(m, 2, 5) }), []string{"n1 in term 4, n3 in term 5", "Different terms: safe", "leader of term 5"}, nil},
		{"two leaders of a term", scene(func(m []server.SightReport) { lead(m, 2, 4) }), []string{"THE SAME TERM"}, nil},
		{"a leader that was, and does not answer", scene(func(m []server.SightReport) { lead(m, 2, 5); silence(&m[0], 900, "no_answer") }), nil, nil},
		{"no majority", scene(func(m []server.SightReport) {
			for _, k := range []int{0, 2, 4} {
				silence(&m[k], 4000, "no_answer")
			}
		}), []string{"2 of 5 answer; 3 are needed.", "Start 1 more of n1, n3, n5"}, func() (bool, string) { f := b.facts(); return f["old"] == "n1,n3,n5", f["old"] }},
		{"half of a joint configuration", scene(func(m []server.SightReport) {
			for k := range m {
				m[k].Look.Status.Changing = &server.ChangingReport{Old: []server.Named{{ID: 0xa1}, {ID: 0xa2}, {ID: 0xa3}}, New: []server.Named{{ID: 0xa3}, {ID: 0xa4}, {ID: 0xa5}}}
			}
			silence(&m[3], 4000, "not_in_time")
			silence(&m[4], 4000, "not_in_time")
		}), []string{"1 of 3 answer; 2 are needed."}, func() (bool, string) {
			hint := js[string](b, `document.getElementById("hint").textContent`)
			return strings.Contains(hint, "n4: it is there, but does not answer in time"), hint
		}},
		{"deaf one way", scene(func(m []server.SightReport) { m[3].Look.Heard[0].AgoMS = 9000 }), nil, func() (bool, string) {
			return cell(3, 0) == "silent" && cell(0, 3) == "fresh" && cell(1, 0) == "fresh" && cell(1, 2) == "quiet", cell(3, 0) + cell(0, 3) + cell(1, 0) + cell(1, 2)
		}},
		{"nobody leads", scene(func(m []server.SightReport) {
			for k := range m {
				m[k].Look.Status.Role, m[k].Look.Status.Leader, m[k].Look.Status.Peers = "follower", server.Named{}, nil
			}
		}), []string{"Nobody has led for", "although a majority answers"}, nil},
		{"damaged and halted", scene(func(m []server.SightReport) { m[1].Look.Status.Fault = "an invariant is broken" }), nil, func() (bool, string) {
			fault := js[string](b, `document.getElementById("fault").innerText`)
			return fault == "an invariant is broken", fault
		}},
	} {
		show(c.scene)
		await(t, c.name+" is told", 3*shownMax, func() (bool, string) {
			f := b.facts()
			ok := (f["banner"] == "") == (c.banner == nil)
			for _, says := range c.banner {
				ok = ok && strings.Contains(f["banner"], says)
			}
			seen := ""
			if ok && c.also != nil {
				ok, seen = c.also()
			}
			return ok, f["banner"] + " / " + seen
		})
	}
	b.quiet(url)
}

// Goal: with one member's eyes the page shows no more than that member knows.
// Method: choose a follower's view, then the leader's; compare the drawn state.
func TestPage_AsOneMemberSeesIt(t *testing.T) {
	url, show := stagedPage(t)
	show(scene(func(m []server.SightReport) { m[2].Look.Status.Term, m[2].Look.Status.Commit = 9, 7 }))
	b := open(t)
	b.visit(url + "/")
	view := func(id string) string {
		return js[string](b, fmt.Sprintf(`(() => { const v = document.getElementById("view"); v.value = %q; v.dispatchEvent(new Event("change"));
			return document.getElementById("cluster").state?.servers.map(s => s.name + ":" + (s.age >= 2000 ? "unknown" : s.role + s.term + "/" + s.commit)).join(" ") ?? ""; })()`, id))
	}
	for _, c := range []struct{ name, id, want string }{
		{"each of itself", "0", "n1:leader4/1 n2:follower4/1 n3:follower9/7 n4:follower4/1 n5:follower4/1"},
		{"a follower", "2", "n1:leader4/0 n2:follower4/1 n3:unknown n4:unknown n5:unknown"},
		{"the leader", "1", "n1:leader4/1 n2:follower4/1 n3:follower4/1 n4:follower4/1 n5:follower4/1"},
	} {
		await(t, "the view of "+c.name, 2*shownMax, func() (bool, string) { got := view(c.id); return got == c.want, got })
	}
}

// Goal: an hour of frames is kept in bounded room, finely where it is new, and
// what is derived of them is right. Method: feed a reel by hand.
func TestPage_ReelIsBoundedAndExact(t *testing.T) {
	url, _ := stagedPage(t)
	b := open(t)
	b.visit(url + "/")
	got := js[map[string]float64](b, `import(location.origin + "/web/recording.js").then(async ({ Reel, Recording, lines }) => {
		const reel = new Reel(), zero = Date.parse("2026-01-01T00:00:00Z"), at = (ms) => new Date(zero + ms).toISOString();
		const member = (id, role, index, age = 0, trouble) => ({ id, name: id, age_ms: age, clock_ms: id === "b" ? 5000 : 0, trouble, look: { log: [], heard: [],
			status: { role, term: 3, commit: index, last_index: index, members: [], election_timeout_ms: [150, 300], leader: { id: "a", name: "a" } } } });
		for (let k = 0; k < 18000; k++) reel.add({ at: at(k * 200), members: [member("a", "leader", k), member("b", "follower", k)] });
		const end = reel.end, out = { frames: reel.frames.length, rate: reel.rate(end), behind: reel.behind(end, 17990) };
		reel.tell([{ id: "b1", at: at(3590000 + 5000), kind: "became_candidate", reason: "timeout", node: { id: "b" }, term: 4 },
			{ id: "b2", at: at(3590030 + 5000), kind: "vote_received", node: { id: "b" }, peer: { id: "a" }, term: 4 },
			{ id: "b3", at: at(3590040 + 5000), kind: "became_leader", node: { id: "b" }, term: 4 }, { id: "b3", at: at(0), kind: "became_leader", node: { id: "b" }, term: 4 }]);
		const e = reel.elections(end);
		Object.assign(out, { elections: e.length, took: e[0].took, votes: e[0].votes, timeout: e[0].reason === "timeout" ? 1 : 0, at: e[0].at - end, events: reel.events.length });
		const back = (await Recording.from(new File([lines(reel, "a").join("")], "x.jsonl"))), was = (r, t) => JSON.stringify([r.state(t).servers, r.elections(t).length, r.events.length]);
		const named = (...list) => { const r = new Reel(); r.add({ at: at(0), members: list.map((name, k) => ({ id: "m" + k, name, age_ms: -1 })) }); return list.map((_, k) => r.name(k + 1)).join(); };
		out.names = [named("n1", "n2"), named("eu-1-node-2.example", "eu-1-node-10.example"), named("frankfurt-database", "frankfurt-cache-1"), named("same-long-name-here", "same-long-name-here"), named("ab-cdefghijklm", "ab-cdxfghijklm")]
			.join(" ") === "n1,n2 node-2,node-10 cache-1,database here,here cdefghijklm,cdxfghijklm" ? 1 : 0;
		const again = back.reel;
		out.roundtrip = was(again, again.end) === was(reel, end) && JSON.stringify(again.wall(again.end)) === JSON.stringify(reel.wall(end)) ? 1 : 0;
		reel.add({ at: at(3599800 - 7200000), members: [member("a", "leader", 17999), member("b", "follower", 17999)] });
		out.setback = reel.end - end; // the clock of the page's server was set back by two hours
		for (let k = 0; k < 9000; k++) reel.tell([{ id: "x" + k, at: at(3590000 + k), kind: "started", node: { id: "a" }, term: 4 }]);
		out.bounded = reel.events.length;
		out.rows = reel.history.rows.reduce((n, r) => n + r.stretches.length, 0);
		reel.add({ at: at(3600200), members: [member("a", "leader", 9, 3000, "no_answer"), member("b", "follower", 9)] });
		out.unknown = reel.history.rows[0].stretches.at(-1).as === "unknown" ? 1 : 0;
		return out;
	})`)
	for name, want := range map[string][2]float64{"frames": {700, 900}, "rate": {5, 5}, "behind": {1800, 1800}, "elections": {1, 1}, "took": {40, 40}, "votes": {2, 2}, "timeout": {1, 1},
		"at": {-9760, -9760}, "events": {3, 3}, "bounded": {1, 4000}, "rows": {3, 3100}, "unknown": {1, 1}, "roundtrip": {1, 1}, "names": {1, 1}, "setback": {1, 1}} {
		if v, ok := got[name]; !ok || v < want[0] || v > want[1] {
			t.Errorf("%s is %v, want from %v to %v", name, v, want[0], want[1])
		}
	}
}
