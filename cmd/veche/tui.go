package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// action is something the person asked the demo to do.
type action int

const (
	actKill action = iota + 1
	actRestart
	actCut
	actHeal
	actWrite
	actStopAll
	actStartAll
	actHandOver
)

// stage is what the screen plays on: the real cluster, or a fake in tests.
type stage interface {
	// sample tells how everything stands now.
	sample() sampleMsg
	// act carries out an action on the nodes at the given positions, and says
	// in a sentence what happened and why.
	act(a action, nodes []int) (string, error)
}

// sampleMsg is one look at the whole demo.
type sampleMsg struct {
	views  []memberView
	pids   []int // 0: not running
	sides  []int // nil: the network is whole
	writer writerStats
	lost   int
	twice  string // not empty: two servers led at once, which must never be
}

// eventMsg is one line for the list of events.
type eventMsg struct {
	at   time.Time
	node string
	kind string // as the server names it; empty for what the person did
	text string
	why  string // the second half of the sentence, if it has one

	times int // how often it was said, when more than once
}

// doneMsg reports the end of an action, or something worth a headline.
type doneMsg struct {
	text string
	err  error
}

type tickMsg struct{}

// screen is the demo for a person at a terminal.
type screen struct {
	stage    stage
	page     string // where the dashboard is; empty: nowhere
	began    time.Time
	now      func() time.Time
	width    int
	height   int
	last     sampleMsg
	selected int
	cutShape int // which minority the next cut takes
	headline string
	bad      bool // the headline is an error
	events   []eventMsg
	// campaigns is why each server stood for election the last time.
	campaigns map[string]string
	help      bool
	stopped   bool // the whole cluster, by the person
	busy      int  // actions under way
	quitting  bool
}

func newScreen(s stage, now func() time.Time) screen {
	return screen{stage: s, began: now(), now: now, width: 80, height: 24,
		headline: "The servers are starting; the first to time out asks the others for their votes."}
}

// Init begins the regular sampling.
func (m screen) Init() tea.Cmd { return m.sample() }

func (m screen) sample() tea.Cmd {
	return func() tea.Msg { return m.stage.sample() }
}

// Update takes in one thing that happened.
func (m screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case sampleMsg:
		m.last = msg
		return m, tea.Tick(screenEvery, func(time.Time) tea.Msg { return tickMsg{} })
	case tickMsg:
		return m, m.sample()
	case eventMsg:
		m = m.note(msg)
	case doneMsg:
		m.busy = max(0, m.busy-1)
		m.headline, m.bad = msg.text, msg.err != nil
		if msg.err != nil {
			m.headline = msg.err.Error()
		}
		m = m.note(eventMsg{at: m.now(), node: "you", text: m.headline})
	case tea.KeyPressMsg:
		return m.key(msg.String())
	}
	return m, nil
}

// note adds an event to the list, in the order of time: the servers' streams
// arrive a little apart. What a server repeats is counted instead.
func (m screen) note(e eventMsg) screen {
	e.times = 1
	recent := max(0, len(m.events)-repeatWindow)
	list := append([]eventMsg(nil), m.events...)
	for i := len(list) - 1; i >= recent; i-- {
		if list[i].node == e.node && list[i].text == e.text && e.kind != "" {
			e.times += list[i].times
			list = append(list[:i], list[i+1:]...)
			break
		}
	}
	at := len(list)
	for at > recent && at > 0 && list[at-1].at.After(e.at) {
		at--
	}
	list = slices.Insert(list, at, e)
	m.events = list[max(0, len(list)-maxScreenEvents):]

	switch e.kind {
	case "became_candidate":
		m.campaigns = maps.Clone(m.campaigns)
		if m.campaigns == nil {
			m.campaigns = map[string]string{}
		}
		m.campaigns[e.node] = e.why
	case "became_leader":
		m.headline, m.bad = e.text+".", false
		if why := m.campaigns[e.node]; why != "" {
			leads, _, _ := strings.Cut(e.text, ":")
			m.headline = fmt.Sprintf("%s: it stood because %s, and a majority voted for it.", leads, why)
		}
	}
	return m
}

// key carries out one key press.
func (m screen) key(k string) (tea.Model, tea.Cmd) {
	if m.help && k != "q" && k != "ctrl+c" {
		m.help = false
		return m, nil
	}
	n := len(m.last.views)
	leader := m.leader()
	switch k {
	case "q", "ctrl+c":
		m.quitting = true
		return m, tea.Quit
	case "?":
		m.help = true
	case "up":
		m.selected = max(0, m.selected-1)
	case "down":
		m.selected = max(0, min(n-1, m.selected+1))
	case "k":
		if leader < 0 {
			return m.say("Nobody leads at the moment, so there is no leader to kill.")
		}
		return m.do(actKill, leader)
	case "x":
		if !m.running(m.selected) {
			return m.say("The selected server does not run; r starts it.")
		}
		return m.do(actKill, m.selected)
	case "r":
		if m.running(m.selected) {
			return m.say("The selected server runs already; x kills it.")
		}
		return m.do(actRestart, m.selected)
	case "c":
		m.cutShape = 0
		return m.do(actCut, m.minority()...)
	case "C":
		m.cutShape++
		return m.do(actCut, m.minority()...)
	case "h":
		return m.do(actHeal)
	case "w":
		return m.do(actWrite)
	case "s":
		if m.anyRunning() {
			m.stopped = true
			return m.do(actStopAll)
		}
		m.stopped = false
		return m.do(actStartAll)
	case "t":
		if leader < 0 {
			return m.say("Nobody leads at the moment, so there is nothing to hand over.")
		}
		return m.do(actHandOver, leader)
	default:
		if len(k) == 1 && k[0] >= '1' && int(k[0]-'1') < n {
			m.selected = int(k[0] - '1')
		}
	}
	return m, nil
}

func (m screen) say(text string) (tea.Model, tea.Cmd) {
	m.headline, m.bad = text, false
	return m, nil
}

func (m screen) do(a action, nodes ...int) (tea.Model, tea.Cmd) {
	if m.busy >= maxScreenActions {
		return m.say("One thing at a time: the last keys are still being carried out.")
	}
	m.busy++
	m.headline, m.bad = m.announce(a, nodes), false
	return m, func() tea.Msg {
		text, err := m.stage.act(a, nodes)
		return doneMsg{text, err}
	}
}

// announce says what has begun, until its end is known.
func (m screen) announce(a action, nodes []int) string {
	who := ""
	for _, i := range nodes {
		who += " " + m.last.views[i].Name
	}
	switch a {
	case actKill:
		return "Killing" + who + " with SIGKILL: it can tell nobody, only its sockets close …"
	case actRestart:
		return "Starting" + who + " …"
	case actCut:
		return "Cutting" + who + " off from the others …"
	case actHeal:
		return "Healing the network …"
	case actWrite:
		return "Writing a value …"
	case actStopAll:
		return "Stopping all servers …"
	case actStartAll:
		return "Starting all servers …"
	}
	return "Asking" + who + " to leave, with SIGTERM …"
}

// minority picks who is cut off next: the leader and as many running servers
// after it as leave the others a majority; each further shape begins one server
// later.
func (m screen) minority() []int {
	n := len(m.last.views)
	if n < 2 {
		return nil
	}
	running := 0
	for i := range n {
		if m.running(i) {
			running++
		}
	}
	size := max(1, running-(n/2+1))
	var out []int
	for i := range n {
		j := (max(0, m.leader()) + m.cutShape + i) % n
		if m.running(j) && len(out) < size {
			out = append(out, j)
		}
	}
	return out
}

// leader gives the position of the leader with the highest term, or -1.
func (m screen) leader() int {
	best := -1
	for i, v := range m.last.views {
		if v.Err == "" && v.Role == roleLeader && (best < 0 || v.Term > m.last.views[best].Term) {
			best = i
		}
	}
	return best
}

func (m screen) running(i int) bool { return i < len(m.last.pids) && m.last.pids[i] != 0 }

func (m screen) anyRunning() bool {
	for _, pid := range m.last.pids {
		if pid != 0 {
			return true
		}
	}
	return false
}

// clock spells the time since the demo began.
func (m screen) clock(at time.Time) string {
	d := at.Sub(m.began)
	return fmt.Sprintf("%02d:%04.1f", int(d.Minutes()), d.Seconds()-60*float64(int(d.Minutes())))
}
