package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"veche/server"
)

// facts are sentences about a cluster that no table has room for: what is under
// way, what is set, and what is not as it should be.
func (s *statusSurvey) facts() []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, v := range s.members {
		r := v.Report
		if r == nil {
			continue
		}
		switch {
		case r.Removed:
			say("%s was removed from the cluster and serves no more", v.label())
		case r.Standing == "damaged":
			say("%s lost entries that its disk had confirmed; it does not vote until its log is whole again", v.label())
		case r.Standing == "fresh":
			say("%s has an empty disk that nobody has admitted yet", v.label())
		}
		if f := r.Fetching; f != nil && f.Total > 0 {
			say("%s receives a snapshot of %s: %s of %s", v.label(), nameOrID(f.From.Name, f.From.ID), sizeText(f.Bytes), sizeText(f.Total))
			if f.Error != "" {
				say("  and rests: %s", printable(f.Error))
			}
		} else if f != nil {
			say("%s waits for a snapshot of %s", v.label(), nameOrID(f.From.Name, f.From.ID))
		}
	}
	if s.leader < 0 || s.members[s.leader].Report == nil {
		return out
	}
	l := s.members[s.leader].Report
	for _, p := range l.Peers {
		if p.OtherTiming {
			say("the election timing of %s differs from the leader's; give all members the same", nameOrID(p.Name, p.ID))
		}
	}
	switch {
	case l.Changing != nil:
		out = append(out, changingText(l.Changing))
	case l.Pending:
		say("a change of the members waits for a majority")
	}
	return append(out, settingsText(l))
}

// settingsText is one line of what the leader goes by; empty for a program that
// does not tell.
func settingsText(l *server.StatusReport) string {
	if l.Level == 0 {
		return ""
	}
	var parts []string
	timing := fmt.Sprintf("election timeout %d-%d ms, heartbeat %d ms", l.ElectionTimeoutMS[0], l.ElectionTimeoutMS[1], l.HeartbeatMS)
	if l.AutoTiming {
		timing += " (tuned to what is measured)"
	}
	parts = append(parts, timing)
	switch {
	case l.Lease:
		parts = append(parts, "the leader holds a lease for reads")
	case l.LeaseReads:
		parts = append(parts, "lease reads are on, and there is no lease now")
	}
	level := "feature level " + strconv.Itoa(l.Level)
	var older []string
	for _, m := range l.Members {
		if m.Level == l.Level && slices.ContainsFunc(l.Members, func(o server.MemberReport) bool { return o.Level > l.Level }) {
			older = append(older, nameOrID(m.Name, m.ID))
		}
	}
	if len(older) > 0 {
		level += ", because of " + strings.Join(older, ", ")
	}
	parts = append(parts, level)
	var preferred []string
	for _, m := range l.Members {
		if m.Priority > 0 {
			preferred = append(preferred, fmt.Sprintf("%s %d", nameOrID(m.Name, m.ID), m.Priority))
		}
	}
	if len(preferred) > 0 {
		parts = append(parts, "priorities "+strings.Join(preferred, ", "))
	}
	return strings.Join(parts, "; ")
}
