package sim

import (
	"strings"

	"veche/raft"
)

// teller turns records of a trace into lines for a reader: who did what, when
// and why. Equal things that several servers do at about the same time become
// one line.
type teller struct {
	world *World
	emit  func(Told)
	lines []told
	mute  bool                   // nothing is told for now
	deaf  bool                   // no fault is: the command has said it
	said  map[string]nodeSet     // who has done what since the last command: told once
	asked func(id uint64) string // words for the end of a client's request
}

// told is a line that may still grow.
type told struct {
	at   raft.Time
	who  nodeSet
	text string // whole line if nobody is who
}

const (
	// togetherMax is how long a line stays open for others who do the same.
	togetherMax = 40 * raft.Millisecond
	// openMax is how many lines stay open.
	openMax = 8
)

// see takes a record that the world has made.
func (t *teller) see(r *Record) {
	if t.mute {
		return
	}
	switch r.Kind {
	case RecordEvent:
		t.event(int(r.Node)-1, r.Event)
	case RecordFault, RecordNote:
		if !t.deaf || r.Kind == RecordNote {
			t.fault(r.Note)
		}
	case RecordAnswer:
		if t.asked != nil {
			t.say(t.world.now, t.asked(r.B))
		}
	case RecordLost:
		if strings.HasPrefix(r.Note, "the story") {
			t.add(int(r.Node)-1, "sends "+messageName(r.Message)+", but "+r.Note)
		}
	}
}

// event tells what a core told, unless a reader learns nothing from it.
func (t *teller) event(i int, e raft.Event) {
	switch {
	case e.Kind == raft.EventConfigAppended:
		t.config(i)
	case silent[e.Kind]:
	case e.Kind == raft.EventBecameFollower && t.world.witness.leads[i] == 0:
		// What it follows, or whom it votes for, is told by itself.
	case e.Kind == raft.EventRefusedDisk:
		e.Peer = 0 // all of them refuse it: one line
		t.add(i, "is REFUSED: "+e.Reason.String())
	default:
		t.add(i, e.Sentence(Server))
	}
}

// config tells of a configuration in which others take part than in the one
// before.
func (t *teller) config(i int) {
	before := describeConfig(t.world.witness.mem[i].config().config)
	for _, c := range t.world.witness.coming {
		if now := describeConfig(c); now != before {
			t.add(i, "goes by the voters "+now)
			before = now
		}
	}
}

// silent events say what another line says better, or what no reader asks.
var silent = map[raft.EventKind]bool{
	raft.EventVoteReceived: true, raft.EventConfigAppended: true, raft.EventConfigCommitted: true,
	raft.EventMessageIgnored: true, raft.EventPeerLost: true, raft.EventPeerBack: true,
	raft.EventSnapshotRecorded: true, raft.EventStarted: true, raft.EventPreVoteReceived: true,
}

// fault takes "S1 is killed" apart, so that equal faults share a line.
func (t *teller) fault(note string) {
	who, what, found := strings.Cut(note, " ")
	for i := range t.world.nodes {
		if found && who == name(i) {
			t.add(i, what)
			return
		}
	}
	t.say(t.world.now, note)
}

// add notes that a server did something.
func (t *teller) add(i int, text string) {
	now := t.world.now
	if t.said[text].has(i) {
		return
	}
	if t.said == nil {
		t.said = map[string]nodeSet{}
	}
	t.said[text] |= 1 << i
	for k := len(t.lines) - 1; k >= 0; k-- {
		l := &t.lines[k]
		if l.text == text && l.who != 0 && now-l.at <= raft.Time(togetherMax) {
			l.who |= 1 << i
			return
		}
	}
	t.push(told{now, 1 << i, text})
}

// say adds a line about nobody in particular.
func (t *teller) say(at raft.Time, text string) { t.push(told{at, 0, text}) }

// raw adds a line without a time.
func (t *teller) raw(at raft.Time, text string) {
	t.flush()
	t.emit(Told{At: at, Text: text})
}

func (t *teller) push(l told) {
	t.lines = append(t.lines, l)
	for len(t.lines) > openMax || len(t.lines) > 0 && t.world.now-t.lines[0].at > raft.Time(togetherMax) {
		t.first()
	}
}

// flush ends what belongs to one command.
func (t *teller) flush() {
	clear(t.said)
	for len(t.lines) > 0 {
		t.first()
	}
}

// first emits the oldest line.
func (t *teller) first() {
	l := t.lines[0]
	t.lines = append(t.lines[:0], t.lines[1:]...)
	text := pad(Millis(l.at), 11) + "  "
	if l.who != 0 {
		text += t.world.names(l.who) + "  "
	}
	if l.who&(l.who-1) != 0 {
		l.text = plural(l.text)
	}
	t.emit(Told{At: l.at, Text: text + l.text})
}

// plural turns "votes for its friend" into "vote for their friend".
func plural(s string) string {
	verb, rest, _ := strings.Cut(s, " ")
	if many, ok := plurals[verb]; ok {
		verb = many
	}
	rest = strings.ReplaceAll(strings.ReplaceAll(rest, " for it:", " for them:"), " as itself", " as themselves")
	return strings.TrimSpace(strings.ReplaceAll(verb+" "+rest, " its ", " their "))
}

var plurals = map[string]string{
	"appends": "append", "goes": "go", "stops": "stop", "cannot": "cannot", "ends": "end", "offers": "offer",
	"asks": "ask", "commits": "commit", "follows": "follow", "forgets": "forget", "gets": "get", "has": "have", "hears": "hear",
	"is": "are", "knows": "know", "loses": "lose", "refuses": "refuse", "sends": "send", "stands": "stand", "starts": "start",
	"tells": "tell", "throws": "throw", "uses": "use", "votes": "vote",
}
