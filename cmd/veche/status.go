package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"

	"veche/server"
)

// Exit codes of veche status.
const (
	statusHealthy  = 0 // a majority agrees on one confirmed leader and every member answers
	statusDegraded = 1 // the same, but a member is down, behind or disagrees
	statusNoLeader = 2 // no leader that a majority agrees on
	statusNoAnswer = 3 // a wrong call, or nothing answered
)

const statusLong = `Ask members how they stand, and show the table of them all. Members that the
answers name are asked too.

LAG is how many committed entries a member has not applied yet. LAST-CONTACT is
how long ago a follower heard its leader, or a leader a majority. SEES is how many
of the other members a leader hears.

Exit codes, for scripts:
  0  a majority agrees on one confirmed leader, and every member answers
  1  there is such a leader, but a member is down, lags or disagrees
  2  there is no leader that a majority agrees on
  3  nothing answered, or the call was wrong`

func statusCommand() *cobra.Command {
	var endpoints, output string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show all members of a cluster as each sees it",
		Long:  statusLong,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return &exitError{statusNoAnswer, fmt.Sprintf("-o is %q; it must be text or json", output)}
			}
			if timeout <= 0 {
				return &exitError{statusNoAnswer, "--timeout must be a positive time, like 2s"}
			}
			asked, err := parseEndpoints(endpoints)
			if err != nil {
				return &exitError{statusNoAnswer, err.Error()}
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 2*timeout)
			defer cancel()
			s := survey(ctx, asked, timeout)
			out := cmd.OutOrStdout()
			if output == "json" {
				err = s.writeJSON(out)
			} else {
				err = s.writeText(out, wantsColour(out))
			}
			if err != nil {
				return &exitError{statusNoAnswer, fmt.Sprintf("print the status: %v", err)}
			}
			if code := s.exitCode(); code != statusHealthy {
				return &exitError{code: code}
			}
			return nil
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return &exitError{statusNoAnswer, err.Error()}
	})
	cmd.Flags().StringVar(&endpoints, "endpoints", "127.0.0.1:2379", "client addresses of members, with commas between")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	cmd.Flags().DurationVar(&timeout, "timeout", 2*time.Second, "how long to wait for each answer")
	return cmd
}

func parseEndpoints(s string) ([]string, error) {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		e := strings.TrimPrefix(strings.TrimSpace(part), "http://")
		host, port, err := splitAddr(e)
		switch {
		case err != nil:
			return nil, fmt.Errorf("the endpoint %q: %v", part, err)
		case host == "" || port == 0:
			return nil, fmt.Errorf("the endpoint %q: it must have the form host:port", part)
		}
		if !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	if len(out) > maxMembers {
		return nil, fmt.Errorf("%d endpoints are more than the %d members that a cluster can have", len(out), maxMembers)
	}
	return out, nil
}

// statusSurvey is what the members said, in the order of their names.
type statusSurvey struct {
	members []memberView
	leader  int // position of the leader that a majority agrees on, or -1
}

// survey asks the endpoints, then the members that their answers name.
func survey(ctx context.Context, endpoints []string, timeout time.Duration) *statusSurvey {
	views := fetchViews(ctx, endpoints, timeout)
	known := map[string]bool{} // ids of those who answered
	for _, v := range views {
		if v.Err == "" {
			known[v.ID] = true
		}
	}
	var more []string
	named := map[string]memberRef{} // by endpoint
	for _, v := range views {
		for _, m := range v.Members {
			if known[m.ID] || m.ClientAddr == "" {
				continue
			}
			if _, ok := named[m.ClientAddr]; !ok && len(named) < maxMembers {
				named[m.ClientAddr] = m
				if !slices.Contains(endpoints, m.ClientAddr) {
					more = append(more, m.ClientAddr)
				}
			}
		}
	}
	views = append(views, fetchViews(ctx, more, timeout)...)
	s := &statusSurvey{}
	seen := map[string]bool{}
	for _, v := range views {
		if m, ok := named[v.Endpoint]; ok && v.Err != "" {
			v.Name, v.ID = m.Name, m.ID
		}
		if v.ID != "" && seen[v.ID] {
			continue // one member under two addresses
		}
		seen[v.ID] = v.ID != ""
		s.members = append(s.members, v)
	}
	s.addUnreachable()
	slices.SortStableFunc(s.members, func(a, b memberView) int { return strings.Compare(a.label(), b.label()) })
	s.leader = agreedLeader(s.members, s.majority())
	return s
}

// addUnreachable adds the members that nobody told an address of.
func (s *statusSurvey) addUnreachable() {
	have := map[string]bool{}
	for _, v := range s.members {
		have[v.ID] = true
	}
	for _, v := range s.members {
		for _, m := range v.Members {
			if !have[m.ID] {
				have[m.ID] = true
				s.members = append(s.members, memberView{Name: m.Name, ID: m.ID, Err: "it has told no client address yet"})
			}
		}
	}
}

// majority of the voters, by the largest configuration that anyone has.
func (s *statusSurvey) majority() int {
	voters := 0
	for _, v := range s.members {
		voters = max(voters, v.Voters)
	}
	if voters == 0 {
		voters = len(s.members)
	}
	return voters/2 + 1
}

func (s *statusSurvey) exitCode() int {
	answered := 0
	for _, v := range s.members {
		if v.Err == "" {
			answered++
		}
	}
	switch {
	case answered == 0:
		return statusNoAnswer
	case s.leader < 0:
		return statusNoLeader
	}
	leader := s.members[s.leader]
	for _, v := range s.members {
		if v.Err != "" || v.Fault != "" || v.damaged() || v.LeaderID != leader.ID || v.Term != leader.Term || s.lag(v) > maxHealthyLag {
			return statusDegraded
		}
	}
	return statusHealthy
}

// lag is how many entries that someone knows to be committed v has not applied.
func (s *statusSurvey) lag(v memberView) uint64 {
	highest := uint64(0)
	for _, o := range s.members {
		highest = max(highest, o.Commit)
	}
	return highest - min(highest, v.Applied)
}

func (s *statusSurvey) writeText(w io.Writer, colour bool) error {
	t := table{header: []string{"NAME", "ID", "ROLE", "TERM", "LEADER", "COMMIT", "APPLIED", "LAG", "LAST-CONTACT", "SEES", "ENDPOINT"}, colour: colour}
	for _, v := range s.members {
		t.rows = append(t.rows, s.row(v))
	}
	for i := range t.rows {
		for _, c := range []int{3, 5, 6, 7, 8} {
			t.rows[i][c].right = true
		}
	}
	text := t.String()
	for _, fact := range s.facts() {
		if fact != "" {
			text += fact + "\n"
		}
	}
	_, err := io.WriteString(w, text+s.summary()+"\n")
	return err
}

func (s *statusSurvey) row(v memberView) []cell {
	bad := lipgloss.NewStyle().Foreground(lipgloss.Color("1"))
	if v.Err != "" {
		row := make([]cell, 11)
		row[0], row[1] = cell{text: v.label()}, cell{text: v.ID}
		row[2] = cell{text: "—", style: &bad}
		for i := 3; i < 10; i++ {
			row[i] = cell{text: "—"}
		}
		row[10] = cell{text: strings.TrimSpace(v.Endpoint + "  " + v.Err), style: &bad}
		return row
	}
	role := roleStyle(v.Role)
	tint := termStyle(v.Term)
	lag := cell{text: strconv.FormatUint(s.lag(v), 10)}
	if s.lag(v) > maxHealthyLag {
		lag.style = &bad
	}
	roleText := v.Role
	if v.Role == roleLeader && !v.Confirmed {
		roleText += "?"
	}
	switch {
	case v.Fault != "":
		roleText, role = "halted", bad
	case v.Report != nil && v.Report.Learner:
		roleText = "learner"
	}
	leader := v.LeaderName
	if v.LeaderID == "" {
		leader = "nobody"
	}
	sees := ""
	if v.Role == roleLeader && len(v.Peers) > 0 {
		sees = fmt.Sprintf("%d of %d", v.hears(), len(v.Peers))
	} else if v.Role == roleLeader {
		sees = "itself"
	} else if v.LeaderID != "" {
		sees = leader
	}
	return []cell{
		{text: v.label()}, {text: v.ID}, {text: roleText, style: &role},
		{text: strconv.FormatUint(v.Term, 10), style: &tint}, {text: leader},
		{text: strconv.FormatUint(v.Commit, 10)}, {text: strconv.FormatUint(v.Applied, 10)}, lag,
		{text: agoText(v.LastContact)}, {text: sees}, {text: strings.TrimSpace(v.Endpoint + "  " + v.Fault)},
	}
}

// agoText spells a time since something; negative means never.
func agoText(d time.Duration) string {
	switch {
	case d < 0:
		return "never"
	case d < 10*time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// summary says in one sentence how the cluster is.
func (s *statusSurvey) summary() string {
	answered := 0
	for _, v := range s.members {
		if v.Err == "" {
			answered++
		}
	}
	all := fmt.Sprintf("%d of %d members answer", answered, len(s.members))
	switch s.exitCode() {
	case statusNoAnswer:
		return "nothing answered: check the endpoints, and that a server listens there"
	case statusNoLeader:
		return "there is no leader that a majority agrees on; " + all
	case statusDegraded:
		return fmt.Sprintf("%s leads in term %d, and not all is well; %s", s.members[s.leader].label(), s.members[s.leader].Term, all)
	}
	return fmt.Sprintf("%s leads in term %d; %s", s.members[s.leader].label(), s.members[s.leader].Term, all)
}

// statusJSON is what -o json prints: one object.
type statusJSON struct {
	Leader  string       `json:"leader"` // a name, or empty
	Term    uint64       `json:"term"`
	Code    int          `json:"code"` // the exit code
	Summary string       `json:"summary"`
	Facts   []string     `json:"facts"`
	Members []memberJSON `json:"members"`
}

type memberJSON struct {
	Name          string  `json:"name"`
	ID            string  `json:"id"`
	Endpoint      string  `json:"endpoint"`
	Error         string  `json:"error,omitempty"`
	Role          string  `json:"role,omitempty"`
	Confirmed     bool    `json:"confirmed"`
	Term          uint64  `json:"term"`
	Leader        string  `json:"leader"`
	Commit        uint64  `json:"commit"`
	Applied       uint64  `json:"applied"`
	Lag           uint64  `json:"lag"`
	LastContactMs float64 `json:"last_contact_ms"` // -1: never
	Sees          int     `json:"sees"`
	Fault         string  `json:"fault,omitempty"`
	// Report is the whole of what the member said; null when it said nothing.
	Report *server.StatusReport `json:"report,omitempty"`
}

func (s *statusSurvey) writeJSON(w io.Writer) error {
	doc := statusJSON{Code: s.exitCode(), Summary: s.summary(), Facts: []string{}, Members: []memberJSON{}}
	for _, fact := range s.facts() {
		if fact != "" {
			doc.Facts = append(doc.Facts, fact)
		}
	}
	if s.leader >= 0 {
		doc.Leader, doc.Term = s.members[s.leader].label(), s.members[s.leader].Term
	}
	for _, v := range s.members {
		m := memberJSON{Name: v.Name, ID: v.ID, Endpoint: v.Endpoint, Error: v.Err, LastContactMs: -1}
		if v.Err == "" {
			m.Role, m.Confirmed, m.Term, m.Leader = v.Role, v.Confirmed, v.Term, v.LeaderName
			m.Commit, m.Applied, m.Lag, m.Sees, m.Fault = v.Commit, v.Applied, s.lag(v), v.hears(), v.Fault
			m.Report = v.Report
			if v.LastContact >= 0 {
				m.LastContactMs = float64(v.LastContact.Microseconds()) / 1000
			}
		}
		doc.Members = append(doc.Members, m)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}

// fetchViews asks all endpoints at once.
func fetchViews(ctx context.Context, endpoints []string, timeout time.Duration) []memberView {
	views := make([]memberView, len(endpoints))
	var all sync.WaitGroup
	for i, e := range endpoints {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			views[i] = fetchView(ctx, e)
		})
	}
	all.Wait()
	return views
}
