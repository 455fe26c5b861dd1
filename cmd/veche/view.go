package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"veche/server"
)

// memberView is how one member says that it stands, or why it does not say.
// Ids are in hex; an empty one is nobody.
type memberView struct {
	Endpoint string
	Err      string // not empty: it did not answer, and only Name and ID may be known
	Name, ID string

	Role                 string
	Confirmed            bool
	Fault                string
	Term                 uint64
	LeaderID, LeaderName string
	Commit, Applied      uint64
	Persisted, LastIndex uint64
	Elections            uint64
	LastContact          time.Duration // of a follower with its leader, of a leader with a majority; negative: never
	Voters               int
	Members              []memberRef
	Peers                []peerView // on a leader

	Report *server.StatusReport // the whole of what it said; nil: it did not answer
}

// memberRef is a member that another one names.
type memberRef struct {
	ID, Name, ClientAddr string
	Learner              bool
}

// peerView is what a leader knows of another member.
type peerView struct {
	Name        string
	Match       uint64
	LastContact time.Duration
}

// label is what a person calls the member.
func (v *memberView) label() string {
	switch {
	case v.Name != "":
		return v.Name
	case v.ID != "":
		return v.ID
	}
	return "?"
}

// damaged says whether the member's disk lost entries.
func (v *memberView) damaged() bool { return v.Report != nil && v.Report.Standing == "damaged" }

// hears counts the others of whom a leader has heard lately.
func (v *memberView) hears() int {
	n := 0
	for _, p := range v.Peers {
		if p.LastContact >= 0 && p.LastContact < peerHeardMax {
			n++
		}
	}
	return n
}

// fetchView asks one member, at its client address.
func fetchView(ctx context.Context, endpoint string) memberView {
	r, err := fetchReport(ctx, endpoint)
	if err != nil {
		return memberView{Endpoint: endpoint, Err: plainNetError(ctx, err)}
	}
	return viewOf(endpoint, r)
}

func fetchReport(ctx context.Context, endpoint string) (*server.StatusReport, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+endpoint+"/veche/v1/status", nil)
	if err != nil {
		return nil, err
	}
	// No proxy of the environment: these are addresses of a cluster.
	tr := &http.Transport{DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxStatusBytes))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %q; is it the client port of a veche?", resp.Status)
	}
	var r server.StatusReport
	if err := json.Unmarshal(body, &r); err != nil || r.ID == 0 {
		return nil, errors.New("its answer is not a status; is it the client port of a veche?")
	}
	return &r, nil
}

func viewOf(endpoint string, r *server.StatusReport) memberView {
	v := memberView{
		Endpoint: endpoint, Name: printable(r.Name), ID: r.ID.String(),
		Role: printable(r.Role), Confirmed: r.Confirmed, Fault: printable(r.Fault), Term: r.Term,
		LeaderName: printable(r.Leader.Name),
		// The member counts what it applied a moment later than what is committed.
		Commit: max(r.Commit, r.Applied), Applied: r.Applied, Persisted: r.Persisted, LastIndex: r.LastIndex,
		Elections: r.Elections, LastContact: milliseconds(r.LastContactMS), Report: r,
	}
	if r.Leader.ID != 0 {
		v.LeaderID = r.Leader.ID.String()
		if v.LeaderName == "" {
			v.LeaderName = v.LeaderID
		}
	}
	for _, m := range r.Members {
		v.Members = append(v.Members, memberRef{ID: m.ID.String(), Name: printable(m.Name), ClientAddr: printable(m.Client), Learner: m.Learner})
		if !m.Learner {
			v.Voters++
		}
	}
	for _, p := range r.Peers {
		v.Peers = append(v.Peers, peerView{Name: printable(p.Name), Match: p.Match, LastContact: milliseconds(p.LastContactMS)})
	}
	if v.Role == roleLeader {
		v.LastContact = v.majorityContact()
	}
	return v
}

// majorityContact is how long ago the last of the others that a majority takes
// was heard.
func (v *memberView) majorityContact() time.Duration {
	need := (v.Voters/2 + 1) - 1 // itself counts
	if need == 0 {
		return 0
	}
	worst := time.Duration(-1)
	for _, p := range v.Peers {
		heard := 0
		for _, q := range v.Peers {
			if q.LastContact >= 0 && q.LastContact <= p.LastContact {
				heard++
			}
		}
		if p.LastContact >= 0 && heard >= need && (worst < 0 || p.LastContact < worst) {
			worst = p.LastContact
		}
	}
	return worst
}

func milliseconds(ms int64) time.Duration {
	if ms < 0 {
		return -1
	}
	return time.Duration(ms) * time.Millisecond
}

// msText spells a time in milliseconds, as precisely as it is worth.
func msText(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	default:
		return fmt.Sprintf("%.0f ms", ms)
	}
}

// printable keeps what a member says from steering a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, s)
}

// plainNetError says in words for a person why nobody answered.
func plainNetError(ctx context.Context, err error) string {
	var ne net.Error
	switch {
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it closed the connection"
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return printable(e.Err.Error())
	}
	return printable(err.Error())
}
