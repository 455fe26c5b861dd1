package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"veche/server"
)

// fakeMember answers as a member's client port does.
func fakeMember(t *testing.T, r *server.StatusReport) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /veche/v1/status", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(r)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// deadEndpoint is an address where nobody listens.
func deadEndpoint(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// threeMembers are a healthy cluster of three, led by the first, and the
// addresses where they answer. change may spoil them before they do.
func threeMembers(t *testing.T, change func([]*server.StatusReport)) []string {
	t.Helper()
	reports := make([]*server.StatusReport, 3)
	for i := range reports {
		reports[i] = &server.StatusReport{Name: "n" + string(rune('1'+i)), ID: server.ID(0xa1 + i), Role: roleFollower, Term: 4,
			Leader: server.Named{ID: 0xa1, Name: "n1"}, Commit: 100, Applied: 100, LastContactMS: 12}
	}
	reports[0].Role, reports[0].Confirmed = roleLeader, true
	reports[0].Peers = []server.PeerReport{{ID: 0xa2, Name: "n2", LastContactMS: 7}, {ID: 0xa3, Name: "n3", LastContactMS: 30}}
	change(reports)
	var endpoints []string
	var members []server.MemberReport
	for _, r := range reports {
		addr := deadEndpoint(t)
		if r.Role != "" {
			addr = fakeMember(t, r)
		}
		endpoints = append(endpoints, addr)
		members = append(members, server.MemberReport{ID: r.ID, Name: r.Name, Client: addr})
	}
	for _, r := range reports {
		r.Members = members
	}
	return endpoints
}

func TestStatus_ExitCodesTellHowTheClusterIs(t *testing.T) {
	// Each state of a cluster, played by fake members, gives its own exit code
	// and sentence; only one endpoint is named, the others are discovered.
	for _, c := range []struct {
		name   string
		change func([]*server.StatusReport)
		code   int
		want   string
	}{
		{"healthy", func([]*server.StatusReport) {}, statusHealthy, "n1 leads in term 4; 3 of 3 members answer"},
		{"one down", func(r []*server.StatusReport) { r[2].Role = "" }, statusDegraded, "not all is well; 2 of 3"},
		{"one lags", func(r []*server.StatusReport) { r[0].Commit, r[0].Applied = 5000, 5000 }, statusDegraded, "not all is well"},
		{"one halted", func(r []*server.StatusReport) { r[2].Fault = "commit is beyond the log" }, statusDegraded, "not all is well"},
		{"one is of an older term", func(r []*server.StatusReport) { r[2].Term = 3 }, statusDegraded, "not all is well"},
		{"nobody leads", func(r []*server.StatusReport) { r[0].Role = roleFollower; r[0].Leader = server.Named{} }, statusNoLeader, "no leader"},
		{"a leader without majority", func(r []*server.StatusReport) { r[1].Role, r[2].Role = "", "" }, statusNoLeader, "no leader"},
		{"an unconfirmed leader", func(r []*server.StatusReport) { r[0].Confirmed = false }, statusNoLeader, "no leader"},
	} {
		t.Run(c.name, func(t *testing.T) {
			endpoints := threeMembers(t, c.change)
			var out, errs bytes.Buffer
			code := run(t.Context(), []string{"status", "--endpoints", endpoints[0]}, &out, &errs)
			if code != c.code || !strings.Contains(out.String(), c.want) || errs.Len() > 0 {
				t.Fatalf("exit code %d, want %d\n%s%s", code, c.code, out.String(), errs.String())
			}
		})
	}
}

func TestStatus_WrongCallsAndSilenceAreCode3(t *testing.T) {
	// A script must tell "no leader" from "asked wrongly" and "nothing there".
	notVeche := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(notVeche.Close)
	for _, args := range []string{
		"status --endpoints nonsense", "status --timeout 0s", "status -o xml", "status --nonsense",
		"status --endpoints " + deadEndpoint(t),
		"status --endpoints " + strings.TrimPrefix(notVeche.URL, "http://"),
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), strings.Fields(args), &out, &errs); code != statusNoAnswer {
			t.Errorf("%s: exit code %d, want %d", args, code, statusNoAnswer)
		}
		if out.Len()+errs.Len() == 0 {
			t.Errorf("%s: nothing was said", args)
		}
	}
}

func TestStatus_TableIsAligned(t *testing.T) {
	// The whole table against a golden text, with a member that is down. The
	// survey is made by hand, so that addresses are fixed.
	s := &statusSurvey{leader: 0, members: []memberView{
		{Endpoint: "127.0.0.1:1", Name: "n1", ID: "a1", Role: roleLeader, Confirmed: true, Term: 12, LeaderID: "a1", LeaderName: "n1",
			Commit: 1234, Applied: 1234, Voters: 3, LastContact: 7e6, Peers: []peerView{{Name: "n2", LastContact: 7e6}, {Name: "n3", LastContact: -1}}},
		{Endpoint: "127.0.0.1:2", Name: "n2", ID: "a2", Role: roleFollower, Term: 12, LeaderID: "a1", LeaderName: "n1", Commit: 1230, Applied: 1229, LastContact: 45e6},
		{Endpoint: "127.0.0.1:3", Name: "n3", ID: "a3", Err: "nobody listens there"},
	}}
	var out bytes.Buffer
	if err := s.writeText(&out, false); err != nil {
		t.Fatal(err)
	}
	want := `NAME  ID  ROLE      TERM  LEADER  COMMIT  APPLIED  LAG  LAST-CONTACT  SEES    ENDPOINT
n1    a1  leader      12  n1        1234     1234    0           7ms  1 of 2  127.0.0.1:1
n2    a2  follower    12  n1        1230     1229    5          45ms  n1      127.0.0.1:2
n3    a3  —            —  —            —        —    —             —  —       127.0.0.1:3  nobody listens there
n1 leads in term 12, and not all is well; 2 of 3 members answer
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestStatus_FactsThatNoTableHolds(t *testing.T) {
	// What is under way, what is set and what is not well is said below the table,
	// also in JSON; a damaged member is not healthy.
	endpoints := threeMembers(t, func(r []*server.StatusReport) {
		r[0].Level, r[0].ElectionTimeoutMS, r[0].HeartbeatMS, r[0].AutoTiming, r[0].LeaseReads, r[0].Lease = 1, [2]int64{40, 80}, 13, true, true, true
		r[0].Peers[0].OtherTiming = true
		r[0].Changing = &server.ChangingReport{Old: []server.Named{{ID: 0xa1, Name: "n1"}, {ID: 0xa2, Name: "n2"}}, New: []server.Named{{ID: 0xa1, Name: "n1"}, {ID: 0xa3}}}
		r[1].Standing = "damaged"
		r[2].Learner, r[2].Fetching = true, &server.FetchReport{From: server.Named{ID: 0xa1, Name: "n1"}, Bytes: 3 << 20, Total: 1 << 30}
	})
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"status", "--endpoints", endpoints[0]}, &out, &errs); code != statusDegraded {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{
		"  learner  ", "\nn2 lost entries that its disk had confirmed", "\nn3 receives a snapshot of n1: 3.0 MiB of 1.0 GiB\n",
		"\nthe election timing of n2 differs", "\nthe voters change from n1, n2 to n1, a3; until",
		"\nelection timeout 40-80 ms, heartbeat 13 ms (tuned to what is measured); the leader holds a lease for reads; feature level 1\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	l := &server.StatusReport{Level: 1, Members: []server.MemberReport{{ID: 1, Name: "n1", Level: 2, Priority: 3}, {ID: 2, Name: "n2", Level: 1}}}
	if got := settingsText(l); !strings.HasSuffix(got, "feature level 1, because of n2; priorities n1 3") {
		t.Error(got)
	}
}

func TestStatus_JSONHasEveryMember(t *testing.T) {
	// A script reads one object with the verdict and a row for each member.
	endpoints := threeMembers(t, func(r []*server.StatusReport) { r[1].Role = "" })
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"status", "-o", "json", "--endpoints", strings.Join(endpoints, ",")}, &out, &errs)
	var doc statusJSON
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if code != statusDegraded || doc.Code != code || doc.Leader != "n1" || doc.Term != 4 || len(doc.Members) != 3 {
		t.Fatalf("exit code %d, %+v", code, doc)
	}
	if m := doc.Members[1]; m.Name != "n2" || m.ID != "a2" || m.Error != "nobody listens there" || m.LastContactMs != -1 {
		t.Errorf("the member that is down is shown as %+v", m)
	}
}

func TestStatus_NothingOfAMemberSteersTheTerminal(t *testing.T) {
	// A member that lies about its name may not move the cursor.
	endpoints := threeMembers(t, func(r []*server.StatusReport) { r[1].Name = "\x1b[2Jn2\u202e" })
	s := survey(context.Background(), endpoints[1:2], sampleMax)
	var out bytes.Buffer
	s.writeText(&out, false)
	if strings.ContainsAny(out.String(), "\x1b\u202e") {
		t.Fatalf("the table holds control characters: %q", out.String())
	}
}

func TestMajorityContact_IsTheSlowestThatAMajorityNeeds(t *testing.T) {
	// Of five voters two others are needed; the second newest contact counts.
	v := memberView{Voters: 5, Peers: []peerView{{LastContact: 30}, {LastContact: -1}, {LastContact: 10}, {LastContact: 90}}}
	if got := v.majorityContact(); got != 30 {
		t.Errorf("got %d, want 30", got)
	}
	v = memberView{Voters: 5, Peers: []peerView{{LastContact: 30}, {LastContact: -1}, {LastContact: -1}, {LastContact: -1}}}
	if got := v.majorityContact(); got >= 0 {
		t.Errorf("got %d without a majority, want never", got)
	}
	if got := (&memberView{Voters: 1}).majorityContact(); got != 0 {
		t.Errorf("got %d for a cluster of one, want 0", got)
	}
}
