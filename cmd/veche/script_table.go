package main

import (
	"fmt"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
)

// scriptTable lays the reports out for a person: one row a situation, and
// below it what was expected and what was seen.
func scriptTable(reports []report, colour bool) string {
	good := lipgloss.NewStyle().Foreground(lipgloss.Color("10")).Bold(true)
	bad := lipgloss.NewStyle().Foreground(lipgloss.Color("9")).Bold(true)
	t := table{header: []string{"SITUATION", "LEADERLESS", "ACKED", "LOST", "OK", "EXPECTED"}, colour: colour}
	acked, lost, failed := 0, 0, 0
	for _, r := range reports {
		mark, style, lostStyle := "✓", &good, &good
		if !r.OK {
			mark, style = "✗", &bad
			failed++
		}
		if r.Lost > 0 {
			lostStyle = &bad
		}
		t.rows = append(t.rows, []cell{
			{text: r.Situation},
			{text: leaderlessText(r.LeaderlessMs), right: true},
			{text: strconv.Itoa(r.Acked), right: true},
			{text: strconv.Itoa(r.Lost), style: lostStyle, right: true},
			{text: mark, style: style},
			{text: r.expected},
		})
		acked, lost = acked+r.Acked, max(lost, r.Lost)
	}
	var b strings.Builder
	b.WriteString(t.String())
	b.WriteString("\nWhat was seen:\n")
	for i, r := range reports {
		fmt.Fprintf(&b, "  %d. %s\n", i+1, r.Detail)
	}
	verdict := fmt.Sprintf("\n%d of %d as expected; %d writes acknowledged, %d lost.\n", len(reports)-failed, len(situations()), acked, lost)
	switch {
	case !colour:
	case failed > 0 || lost > 0:
		verdict = "\n" + bad.Render(strings.TrimSpace(verdict)) + "\n"
	default:
		verdict = "\n" + good.Render(strings.TrimSpace(verdict)) + "\n"
	}
	b.WriteString(verdict)
	return b.String()
}

func leaderlessText(ms float64) string {
	switch {
	case ms == 0:
		return "0 ms"
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}
