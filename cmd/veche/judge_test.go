package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// leading is a member that leads in a term.
func leading(name string, term uint64, confirmed bool) memberView {
	return memberView{Name: name, ID: name, Role: roleLeader, Term: term, Confirmed: confirmed, LeaderID: name}
}

func TestReferee_SeesTwoLeadersOfOneTerm(t *testing.T) {
	// Election safety over samples: the same term with another leader is foul,
	// also when the samples are far apart.
	r := newReferee(nil)
	r.judge([]memberView{leading("n1", 3, true)})
	r.judge([]memberView{leading("n2", 4, true)})
	if foul := r.verdict(); foul != "" {
		t.Fatalf("a change of leader is called foul: %s", foul)
	}
	r.judge([]memberView{leading("n3", 3, false)})
	if foul := r.verdict(); !strings.Contains(foul, "both led in term 3") {
		t.Fatalf("got %q", foul)
	}
}

func TestReferee_FindsTwoConfirmedLeaders(t *testing.T) {
	// Two confirmed leaders in one sample are pointed out for a second look; an
	// old one that is not confirmed is normal after a split.
	r := newReferee(nil)
	if _, second := r.judge([]memberView{leading("n1", 3, false), leading("n2", 4, true)}); second >= 0 {
		t.Error("an unconfirmed old leader was counted")
	}
	if first, second := r.judge([]memberView{leading("n1", 3, true), {Err: "down"}, leading("n2", 4, true)}); first != 0 || second != 2 {
		t.Errorf("got %d and %d, want 0 and 2", first, second)
	}
	if _, changes := r.seen(); changes != 2 {
		t.Errorf("%d changes of leader, want 2: of term 3 and of term 4", changes)
	}
}

func TestAgreedLeader_NeedsConfirmationAndMajority(t *testing.T) {
	// One who says that it leads does not lead yet.
	follow := func(term uint64) memberView { return memberView{Role: roleFollower, Term: term, LeaderID: "n1"} }
	for _, c := range []struct {
		name  string
		views []memberView
		want  int
	}{
		{"all agree", []memberView{follow(3), leading("n1", 3, true), follow(3)}, 1},
		{"one is behind", []memberView{follow(2), leading("n1", 3, true), follow(3)}, 1},
		{"alone", []memberView{follow(2), leading("n1", 3, true), {Err: "down"}}, -1},
		{"not confirmed", []memberView{follow(3), leading("n1", 3, false), follow(3)}, -1},
	} {
		if got := agreedLeader(c.views, 2); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestWriter_FirstAckAndGap(t *testing.T) {
	// What the script measures, over acknowledgements at known times.
	at := func(ms int) time.Time { return screenTime.Add(time.Duration(ms) * time.Millisecond) }
	w := newWriter(nil, "k/", nil)
	for i, ms := range []int{10, 20, 80, 90} {
		w.acks = append(w.acks, ack{seq: uint64(i), term: uint64(3 + i/2), began: at(ms - 5), at: at(ms)})
	}
	if a, err := w.firstAck(t.Context(), at(0), 3); err != nil || !a.at.Equal(at(80)) {
		t.Errorf("first acknowledgement of a newer term: %v, %v", a.at, err)
	}
	if a, err := w.firstAck(t.Context(), at(80), 3); err != nil || !a.at.Equal(at(90)) {
		t.Errorf("first acknowledgement of a write begun later: %v, %v", a.at, err)
	}
	if got := w.longestGap(at(0), at(100)); got != 60*time.Millisecond {
		t.Errorf("longest gap %v, want 60ms", got)
	}
	if got := w.longestGap(at(0), at(300)); got != 210*time.Millisecond {
		t.Errorf("longest gap up to now %v, want 210ms", got)
	}
}

func TestFailovers_Quantiles(t *testing.T) {
	// Nearest rank, over an unsorted list.
	var f failovers
	var times []time.Duration
	for _, ms := range []int{50, 10, 40, 20, 30} {
		times = append(times, time.Duration(ms)*time.Millisecond)
	}
	f.summarize(times)
	if got := []float64{f.MinMs, f.P50Ms, f.P90Ms, f.MaxMs}; !slices.Equal(got, []float64{10, 30, 50, 50}) {
		t.Errorf("got %v", got)
	}
	want := "SETTING         KILLS    MIN  MEDIAN    P90    MAX  ACKED  LOST\nfast detection      5  10 ms   30 ms  50 ms  50 ms      0     0\n"
	f.Setting = "fast detection"
	if got := failoverTable([]failovers{f}, false); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestScriptTable_ShowsFailures(t *testing.T) {
	// One row a situation and the verdict, against a golden text.
	got := scriptTable([]report{
		{Situation: "start of the cluster", OK: true, LeaderlessMs: 214.2, Acked: 223, Detail: "n2 leads", expected: "all follow one leader"},
		{Situation: "net split", Acked: 40, Lost: 2, LeaderlessMs: 9.87, Detail: "LOST: k", expected: "the side with a majority serves"},
	}, false)
	want := `SITUATION             LEADERLESS  ACKED  LOST  OK  EXPECTED
start of the cluster      214 ms    223     0  ✓   all follow one leader
net split                 9.9 ms     40     2  ✗   the side with a majority serves

What was seen:
  1. n2 leads
  2. LOST: k

1 of 6 as expected; 263 writes acknowledged, 2 lost.
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
