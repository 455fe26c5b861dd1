package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// fakeStage notes what was asked of it.
type fakeStage struct {
	asked []action
	nodes [][]int
	err   error
}

func (f *fakeStage) sample() sampleMsg { return fiveServers() }

func (f *fakeStage) act(a action, nodes []int) (string, error) {
	f.asked, f.nodes = append(f.asked, a), append(f.nodes, nodes)
	return "done", f.err
}

// fiveServers is a look at a cluster that n2 leads and where n5 is down.
func fiveServers() sampleMsg {
	m := sampleMsg{pids: []int{101, 102, 103, 104, 0}, writer: writerStats{Acked: 12, Inflight: 3, LastAck: screenTime}}
	for i, name := range []string{"n1", "n2", "n3", "n4", "n5"} {
		v := memberView{Name: name, ID: "a" + name, Role: roleFollower, Term: 7, LeaderID: "an2", LeaderName: "n2", Commit: 500, Applied: 500}
		if i == 1 {
			v.Role, v.Confirmed = roleLeader, true
		}
		if i == 4 {
			v = memberView{Name: name, Err: "down"}
		}
		m.views = append(m.views, v)
	}
	return m
}

var screenTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// shownScreen is a screen that has seen one sample.
func shownScreen(s stage, width, height int) screen {
	m := newScreen(s, func() time.Time { return screenTime })
	m = feed(m, tea.WindowSizeMsg{Width: width, Height: height})
	return feed(m, fiveServers())
}

func feed(m screen, msg tea.Msg) screen {
	next, _ := m.Update(msg)
	return next.(screen)
}

// press presses a key and carries out what it caused.
func press(t *testing.T, m screen, k string) screen {
	t.Helper()
	next, cmd := m.Update(tea.KeyPressMsg{Code: []rune(k)[0], Text: k})
	m = next.(screen)
	if cmd != nil {
		if done, ok := cmd().(doneMsg); ok {
			m = feed(m, done)
		}
	}
	return m
}

func TestScreen_KeysReachTheStage(t *testing.T) {
	// Each key does its action, on the nodes that it should be about.
	for _, c := range []struct {
		name, keys string
		want       action
		nodes      []int
	}{
		{"kill the leader", "k", actKill, []int{1}},
		{"kill the selected", "3x", actKill, []int{2}},
		{"restart the selected", "5r", actRestart, []int{4}},
		{"cut off the leader alone while one is down", "c", actCut, []int{1}},
		{"cut off another side", "CC", actCut, []int{3}},
		{"heal", "h", actHeal, nil},
		{"write", "w", actWrite, nil},
		{"stop all", "s", actStopAll, nil},
		{"hand over", "t", actHandOver, []int{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeStage{}
			m := shownScreen(f, 100, 30)
			for _, k := range c.keys {
				m = press(t, m, string(k))
			}
			if len(f.asked) == 0 {
				t.Fatal("nothing was asked")
			}
			last := len(f.asked) - 1
			if f.asked[last] != c.want || !sameInts(f.nodes[last], c.nodes) {
				t.Fatalf("asked %d on %v, want %d on %v", f.asked[last], f.nodes[last], c.want, c.nodes)
			}
			if m.busy != 0 || m.headline != "done" {
				t.Errorf("afterwards busy is %d and the headline %q", m.busy, m.headline)
			}
		})
	}
}

func sameInts(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestScreen_SaysWhyNothingHappens(t *testing.T) {
	// A key that makes no sense now asks nothing of the stage and explains.
	f := &fakeStage{}
	m := press(t, shownScreen(f, 100, 30), "r") // n1 runs
	if len(f.asked) != 0 || !strings.Contains(m.headline, "runs already") {
		t.Fatalf("asked %v, headline %q", f.asked, m.headline)
	}
	leaderless := fiveServers()
	leaderless.views[1].Role = roleFollower
	m = press(t, feed(m, leaderless), "k")
	if len(f.asked) != 0 || !strings.Contains(m.headline, "Nobody leads") {
		t.Fatalf("asked %v, headline %q", f.asked, m.headline)
	}
}

func TestScreen_ShowsFailures(t *testing.T) {
	// An action that failed is the headline, and stands in the list.
	m := press(t, shownScreen(&fakeStage{err: errors.New("the port is taken")}, 100, 30), "w")
	if !strings.Contains(ansi.Strip(m.content()), "the port is taken") || !m.bad {
		t.Fatal(ansi.Strip(m.content()))
	}
}

func TestScreen_FitsAnySize(t *testing.T) {
	// No line is wider than the terminal and there are exactly as many as it
	// has rows, with many events, a cut and the help.
	for _, size := range [][2]int{{80, 24}, {120, 35}, {200, 60}} {
		m := shownScreen(&fakeStage{}, size[0], size[1])
		for i := range 100 {
			m = feed(m, eventMsg{at: screenTime, node: "n1", kind: "vote_granted", text: strings.Repeat("a long event ", 20) + string(rune('a'+i%26))})
		}
		cut := fiveServers()
		cut.sides = []int{0, 1, 1, 0, 0}
		m = feed(m, cut)
		for _, help := range []bool{false, true} {
			m.help = help
			lines := strings.Split(m.content(), "\n")
			if len(lines) != size[1] {
				t.Errorf("%v: %d lines", size, len(lines))
			}
			for _, l := range lines {
				if lipgloss.Width(l) > size[0] {
					t.Errorf("%v: a line of %d columns: %q", size, lipgloss.Width(l), l)
				}
			}
		}
	}
}

func TestScreen_RendersTheServers(t *testing.T) {
	// The table of servers against a golden text, without its colours.
	m := shownScreen(&fakeStage{}, 80, 24)
	got := ansi.Strip(strings.Join(m.serverLines(), "\n"))
	want := `  SERVER ROLE             TERM LEADER  COMMIT APPLIED LOG          PID STATE
▸ 1 n1   ● follower          7 n2         500     500 ████████     101 ✓ up
  2 n2   ★ leader            7 n2         500     500 ████████     102 ✓ up
  3 n3   ● follower          7 n2         500     500 ████████     103 ✓ up
  4 n4   ● follower          7 n2         500     500 ████████     104 ✓ up
  5 n5   · down                                                      - ✗ down`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestScreen_OrdersAndCountsEvents(t *testing.T) {
	// Streams of several servers arrive a little apart, and a server without a
	// majority repeats itself: the list is in order of time, and counts.
	m := shownScreen(&fakeStage{}, 100, 30)
	asks := func(s int) eventMsg {
		return eventMsg{at: screenTime.Add(time.Duration(s) * time.Second), node: "n1", kind: "became_pre_candidate", text: "n1 asks"}
	}
	m = feed(feed(m, asks(1)), asks(3))
	m = feed(m, eventMsg{at: screenTime.Add(2 * time.Second), node: "n2", kind: "leader_gone", text: "n2 lost its leader"})
	if len(m.events) != 2 || m.events[0].node != "n2" || m.events[1].times != 2 {
		t.Fatalf("got %+v", m.events)
	}
}

func TestScreen_ExplainsAnElection(t *testing.T) {
	// The headline joins what the winner did with why it stood.
	m := shownScreen(&fakeStage{}, 100, 30)
	m = feed(m, eventMsg{at: screenTime, node: "n3", kind: "became_candidate", text: "n3 stands", why: "no leader was heard"})
	m = feed(m, eventMsg{at: screenTime, node: "n3", kind: "became_leader", text: "n3 LEADS term 8: a majority voted for it; its first entry is 9"})
	if want := "n3 LEADS term 8: it stood because no leader was heard, and a majority voted for it."; m.headline != want {
		t.Errorf("got %q, want %q", m.headline, want)
	}
}

func TestScreen_BarLosesAStepWithEveryOtherDoubling(t *testing.T) {
	// Full means that nothing is lacking; it never runs over either end.
	for lag, want := range map[uint64]string{0: "████████", 1: "████████", 3: "███████░", 1 << 20: "░░░░░░░░", 1<<64 - 1: "░░░░░░░░"} {
		if got := barText(lag); got != want {
			t.Errorf("lag %d: %s, want %s", lag, got, want)
		}
	}
}
