package main

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

const (
	roleLeader       = "leader"
	roleFollower     = "follower"
	roleCandidate    = "candidate"
	rolePreCandidate = "pre-candidate"
)

// roleStyle colours a role. Every colour comes with a word and a symbol.
func roleStyle(role string) lipgloss.Style {
	s := lipgloss.NewStyle()
	switch role {
	case roleLeader:
		return s.Foreground(lipgloss.Color("10")).Bold(true)
	case roleCandidate:
		return s.Foreground(lipgloss.Color("11"))
	case rolePreCandidate:
		return s.Foreground(lipgloss.Color("3"))
	case roleFollower:
		return s.Foreground(lipgloss.Color("12"))
	}
	return s.Foreground(lipgloss.Color("8"))
}

func roleSymbol(role string) string {
	switch role {
	case roleLeader:
		return "★"
	case roleCandidate:
		return "▲"
	case rolePreCandidate:
		return "△"
	case roleFollower:
		return "●"
	}
	return "·"
}

// termStyle gives neighbouring terms different colours; the number stands
// beside it for those who cannot tell them apart.
func termStyle(term uint64) lipgloss.Style {
	palette := [...]string{"39", "208", "141", "42", "203", "220", "45", "171"}
	return lipgloss.NewStyle().Foreground(lipgloss.Color(palette[term%uint64(len(palette))]))
}

// View draws the screen: every line at its place, so that nothing jumps.
func (m screen) View() tea.View {
	v := tea.NewView(m.content())
	v.AltScreen = true
	v.WindowTitle = "veche demo"
	return v
}

func (m screen) content() string {
	if m.quitting {
		return ""
	}
	lines := []string{m.titleLine(), m.pageLine()}
	lines = append(lines, m.serverLines()...)
	lines = append(lines, "", m.writerLine(), m.rule("what happened, and why"))
	lines = append(lines, m.headlineLines()...)
	if m.help {
		lines = append(lines, m.rule("keys"))
		lines = append(lines, helpLines()...)
	} else {
		lines = append(lines, m.rule("events"))
		room := m.height - len(lines) - 1
		lines = append(lines, m.eventLines(room)...)
	}
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	lines = append(lines[:max(0, m.height-1)], m.keyLine())
	for i, l := range lines {
		lines[i] = ansi.Truncate(l, m.width, "…")
	}
	return strings.Join(lines, "\n")
}

func (m screen) titleLine() string {
	name := lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("15")).Background(lipgloss.Color("4")).Render(" veche demo ")
	network := lipgloss.NewStyle().Foreground(lipgloss.Color("10")).Render("network whole")
	if m.last.sides != nil {
		network = lipgloss.NewStyle().Foreground(lipgloss.Color("9")).Bold(true).Render("network cut: " + m.sidesText())
	}
	left := fmt.Sprintf("%s  %d server processes  %s", name, len(m.last.views), network)
	return m.spread(left, dimStyle().Render(m.clock(m.now())))
}

// pageLine says where the dashboard is.
func (m screen) pageLine() string {
	if m.page == "" {
		return ""
	}
	return dimStyle().Render(" in a browser: ") + m.page
}

func (m screen) sidesText() string {
	var sides [2]string
	for i, s := range m.last.sides {
		sides[s&1] += " " + m.last.views[i].Name
	}
	return "A" + sides[0] + " │ B" + sides[1]
}

func dimStyle() lipgloss.Style { return lipgloss.NewStyle().Foreground(lipgloss.Color("8")) }

// spread puts left and right at the two ends of a line.
func (m screen) spread(left, right string) string {
	fill := max(1, m.width-lipgloss.Width(left)-lipgloss.Width(right)-1)
	return left + strings.Repeat(" ", fill) + right
}

func (m screen) rule(title string) string {
	text := "── " + title + " "
	return dimStyle().Render(text + strings.Repeat("─", max(0, m.width-lipgloss.Width(text))))
}

func (m screen) serverLines() []string {
	t := table{header: []string{"  SERVER", "ROLE            ", "TERM", "LEADER", "COMMIT ", "APPLIED", "LOG     ", "PID    ", "STATE"}, colour: true, gap: 1}
	t.header[4] = fmt.Sprintf("%7s", "COMMIT")
	t.header[7] = fmt.Sprintf("%7s", "PID")
	highest := uint64(0)
	for _, v := range m.last.views {
		highest = max(highest, v.Commit)
	}
	for i, v := range m.last.views {
		t.rows = append(t.rows, m.serverRow(i, v, highest))
	}
	return strings.Split(strings.TrimSuffix(t.String(), "\n"), "\n")
}

func (m screen) serverRow(i int, v memberView, highest uint64) []cell {
	mark := "  "
	strong := lipgloss.NewStyle()
	if i == m.selected {
		mark = "▸ "
		strong = strong.Bold(true).Reverse(true)
	}
	name := cell{text: fmt.Sprintf("%s%d %s", mark, i+1, v.Name), style: &strong}
	state, stateStyle := m.state(i, v)
	if v.Err != "" {
		role := roleStyle("")
		return []cell{name, {text: "· " + downWord(v, m.running(i)), style: &role}, {right: true}, {}, {right: true}, {right: true}, {}, m.pidCell(i), {text: state, style: &stateStyle}}
	}
	role := roleStyle(v.Role)
	tint := termStyle(v.Term)
	roleText := roleSymbol(v.Role) + " " + v.Role
	if v.Role == roleLeader && !v.Confirmed {
		roleText += " ?"
	}
	leader := cell{text: v.LeaderName}
	if v.LeaderID == "" {
		leader.text = "nobody"
		d := dimStyle()
		leader.style = &d
	} else {
		leader.style = &tint
	}
	lag := highest - min(highest, v.Commit)
	bar := barStyle(lag)
	return []cell{
		name,
		{text: roleText, style: &role},
		{text: strconv.FormatUint(v.Term, 10), style: &tint, right: true},
		leader,
		{text: strconv.FormatUint(v.Commit, 10), right: true},
		{text: strconv.FormatUint(v.Applied, 10), right: true},
		{text: barText(lag), style: &bar},
		m.pidCell(i),
		{text: state, style: &stateStyle},
	}
}

func downWord(v memberView, running bool) string {
	if running {
		return "starting"
	}
	return "down"
}

func (m screen) pidCell(i int) cell {
	if !m.running(i) {
		return cell{text: "-", right: true}
	}
	return cell{text: strconv.Itoa(m.last.pids[i]), right: true}
}

func (m screen) state(i int, v memberView) (string, lipgloss.Style) {
	s := lipgloss.NewStyle()
	switch {
	case !m.running(i):
		return "✗ down", s.Foreground(lipgloss.Color("9"))
	case v.Fault != "":
		return "✗ halted", s.Foreground(lipgloss.Color("9"))
	case m.last.sides != nil && m.last.sides[i] == 0:
		return "side A", s.Foreground(lipgloss.Color("14"))
	case m.last.sides != nil:
		return "side B", s.Foreground(lipgloss.Color("13"))
	case v.Err != "":
		return "… silent", s.Foreground(lipgloss.Color("11"))
	}
	return "✓ up", s.Foreground(lipgloss.Color("10"))
}

// barText is full when nothing is lacking and loses a step with every doubling
// of the entries that are.
func barText(lag uint64) string {
	const full = 8
	have := max(0, full-bits.Len64(lag)/2)
	return strings.Repeat("█", have) + strings.Repeat("░", full-have)
}

func barStyle(lag uint64) lipgloss.Style {
	colour := "10"
	switch {
	case lag > maxHealthyLag:
		colour = "9"
	case lag > 16:
		colour = "11"
	}
	return lipgloss.NewStyle().Foreground(lipgloss.Color(colour))
}

func (m screen) writerLine() string {
	w := m.last.writer
	num := lipgloss.NewStyle().Bold(true)
	good := lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("10"))
	bad := lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("9"))
	lost := good.Render("0")
	if m.last.lost > 0 {
		lost = bad.Render(strconv.Itoa(m.last.lost))
	}
	pulse := good.Render("●")
	if m.now().Sub(w.LastAck) > quietWriter {
		pulse = bad.Render("○")
	}
	// Fixed widths, so that growing numbers move nothing.
	return fmt.Sprintf("%s client  acked %s  in flight %s  not acked %s  last %s  lost %s", pulse,
		num.Render(fmt.Sprintf("%-7d", w.Acked)), num.Render(fmt.Sprintf("%-3d", w.Inflight)),
		num.Render(fmt.Sprintf("%-6d", w.Failed)), num.Render(fmt.Sprintf("%-7s", msText(w.Latency))), lost)
}

func (m screen) headlineLines() []string {
	style := lipgloss.NewStyle().Bold(true)
	text := m.headline
	if m.bad {
		style = style.Foreground(lipgloss.Color("9"))
	}
	if m.last.twice != "" {
		style, text = style.Foreground(lipgloss.Color("9")), "BROKEN: "+m.last.twice
	}
	wrapped := strings.Split(ansi.Wordwrap(text, max(20, m.width-2), ""), "\n")
	lines := make([]string, headlineRows)
	for i := range lines {
		if i < len(wrapped) {
			lines[i] = " " + style.Render(wrapped[i])
		}
	}
	return lines
}

// eventLines gives the newest events, the newest at the bottom.
func (m screen) eventLines(room int) []string {
	shown := m.events[max(0, len(m.events)-max(0, room)):]
	lines := make([]string, len(shown))
	for i, e := range shown {
		who := fmt.Sprintf("%-4s", e.node)
		if e.node == "you" {
			who = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("13")).Render(who)
		} else {
			who = dimStyle().Render(who)
		}
		text := strings.TrimPrefix(e.text, e.node+" ") // the column before it says who
		if e.times > 1 {
			text = fmt.Sprintf("%s (%d times)", text, e.times)
		}
		text = eventStyle(e.kind).Render(text)
		lines[i] = fmt.Sprintf(" %s %s %s", dimStyle().Render(m.clock(e.at)), who, text)
	}
	return lines
}

// eventStyle gives an event the colour of the role that it is about.
func eventStyle(kind string) lipgloss.Style {
	switch kind {
	case "became_leader":
		return roleStyle(roleLeader)
	case "became_candidate":
		return roleStyle(roleCandidate)
	case "became_pre_candidate":
		return roleStyle(rolePreCandidate)
	case "leader_gone", "peer_lost", "fault", "refused_disk":
		return lipgloss.NewStyle().Foreground(lipgloss.Color("9"))
	case "vote_refused", "became_follower":
		return dimStyle()
	}
	return lipgloss.NewStyle()
}

func (m screen) keyLine() string {
	keys := []struct{ key, what string }{
		{"k", "kill leader"}, {"1-" + strconv.Itoa(max(1, len(m.last.views))), "select"}, {"x", "kill"}, {"r", "restart"}, {"c", "cut"}, {"h", "heal"},
		{"w", "write"}, {"t", "hand over"}, {"s", "stop all"}, {"?", "help"}, {"q", "quit"},
	}
	if !m.anyRunning() {
		keys[8].what = "start all"
	}
	if m.width < 100 { // room for the shorter words only
		keys[0].what, keys[1].what, keys[7].what = "kill ★", "", "hand"
		keys[8].what = strings.TrimSuffix(keys[8].what, " all")
	}
	key := lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("14"))
	var parts []string
	for _, k := range keys {
		parts = append(parts, strings.TrimSuffix(key.Render(k.key)+" "+k.what, " "))
	}
	return strings.Join(parts, " ")
}

func helpLines() []string {
	return []string{
		" k    kill -9 the leader            t    SIGTERM to the leader: it hands over",
		" 1-9  select a server (also ↑ ↓)    s    stop the whole cluster, or start it",
		" x    kill -9 the selected one      c    cut the leader and a minority off",
		" r    restart the selected one      C    cut again, with other sides",
		" w    write one value               h    heal the network",
		" ★ leader  ● follower  △ asks whether it would be elected  ▲ stands for election",
		" ? beside a leader: no majority confirms it.  LOG: full when nothing is lacking.",
		" not acked: also counts what the client asked of servers that are down.",
		" Any key closes this.",
	}
}
