package sim

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"veche/raft"
)

// Player plays a story. Make one with Play, or with NewPlayer to see each line
// as it happens.
type Player struct {
	story   *Story
	opt     Options
	world   *World
	preset  map[int]raft.Restored
	members map[int]nodeSet // what some servers are told of them, if not all of the world's
	without []string        // rules that are left out
	teller  teller
	line    int
	ops     map[uint64]asked
	newest  [clientsMax]uint64 // by client: its latest request, 0 if it never asked
	emit    func(Told)
	watch   func(*Record) // of a player without a story
	trial   Trial
	tried   bool // the trial counts
}

// Told is one line of what happened in a story.
type Told struct {
	At      raft.Time
	Command string // a command that begins, or
	Prose   string // a paragraph of the story, or
	Text    string // a line of what happened
}

// asked is what a client asked for.
type asked struct {
	words string // "put x 1"
	where string // " at S1"
	brief string // of a write, to be put into a small box: "x=1"
	value string // of a read: what was there
	found bool   // of a read: something was there
}

// Play plays a story and gives what happened, as it stands behind the dashes.
// The error says which line cannot be carried out, or which expectation failed.
func Play(s *Story) (string, error) {
	var b strings.Builder
	p := NewPlayer(s, func(t Told) {
		switch {
		case t.Command != "":
			b.WriteString("> " + t.Command + "\n")
		case t.Text != "":
			b.WriteString(t.Text + "\n")
		}
	})
	err := p.Run()
	return b.String(), err
}

// NewPlayer prepares a story. Each line of what happens is given to emit.
func NewPlayer(s *Story, emit func(Told)) *Player {
	p := &Player{story: s, opt: Options{Story: true, Nodes: 5, Seed: 1}, emit: emit,
		preset: map[int]raft.Restored{}, members: map[int]nodeSet{}, ops: map[uint64]asked{}}
	p.teller.emit = emit
	return p
}

// Run plays the story to its end.
func (p *Player) Run() error {
	for _, l := range p.story.Lines {
		if l.Command == "" {
			p.emit(Told{At: p.now(), Prose: l.Prose})
			continue
		}
		p.line = l.Number
		words := strings.Fields(l.Command)
		if !setting[words[0]] && !silentCommands[words[0]] {
			p.emit(Told{At: p.now(), Command: l.Command})
		}
		if err := p.command(words); err != nil {
			p.teller.flush()
			return err
		}
		p.teller.flush()
		if p.world != nil && p.world.witness.broken != nil {
			return p.wrong(p.world.witness.broken.Error())
		}
	}
	return nil
}
func (p *Player) now() raft.Time {
	if p.world == nil {
		return 0
	}
	return p.world.now
}

// silentCommands are not repeated in what happened: one sees what they do.
var silentCommands = map[string]bool{"expect": true, "run": true, "elect": true, "draw": true, "logs": true,
	"hold": true, "drop": true, "double": true, "pass": true}

func (p *Player) wrong(what string) error {
	if p.story == nil {
		return errors.New(what)
	}
	return &StoryError{p.line, what}
}

func (p *Player) command(words []string) error {
	if setting[words[0]] {
		return p.set(words)
	}
	if p.world == nil {
		if err := p.begin(); err != nil {
			return err
		}
	}
	args := words[1:]
	switch words[0] {
	case "start", "restart":
		return p.eachIf(args, p.stopped, p.world.Start)
	case "crash":
		return p.eachIf(args, p.running, p.world.Crash)
	case "power-cut":
		return p.eachIf(args, p.running, p.world.PowerCut)
	case "tear":
		return p.eachIf(args, p.running, p.world.Tear)
	case "wipe":
		return p.each(args, func(i int) error { p.world.Wipe(i); return nil })
	case "pause":
		return p.pause(args)
	case "slow-disk":
		return p.slowDisk(args)
	case "draw":
		return p.draw(args)
	case "elect":
		return p.elect(args)
	case "run":
		return p.run(args)
	case "split":
		return p.split(args)
	case "cut":
		return p.cut(args)
	case "heal":
		return p.heal(args)
	case "slow-link":
		return p.slowLink(args)
	case "hold", "drop", "double":
		return p.rule(words)
	case "pass":
		p.world.script.rules = nil
		return nil
	case "release":
		n := p.world.script.release(p.world, len(args) > 0 && args[0] == "reversed")
		p.teller.say(p.world.now, count(uint64(n), "message goes", "messages go")+" on its way")
		return nil
	case "drop-message", "hold-message", "delay-message", "double-message", "release-message":
		return p.oneMessage(words)
	case "snapshot":
		return p.eachIf(args, p.running, func(i int) { p.world.nodes[i].group.SnapshotSoon() })
	case "timeout":
		return p.eachIf(args, p.timed, p.timeout)
	case "put", "put-bytes", "get", "delete", "local":
		return p.client(words)
	case "join":
		return p.eachIf(args, p.newcomer, p.join)
	case "change":
		return p.changeMembers(args)
	case "transfer":
		return p.transfer(args)
	case "rot":
		return p.one(args, p.rot)
	case "end":
		return p.endAt(args)
	case "expect":
		return p.expect(args)
	case "logs":
		p.logs()
		return nil
	}
	return p.rare(words)
}

// node takes "S3" or "S3," to the index 2.
func (p *Player) node(word string) (int, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSuffix(word, ","), "S"))
	last := min(p.opt.Nodes+p.opt.Spares, nodesMax)
	if err != nil || !strings.HasPrefix(word, "S") || n < 1 || n > last {
		return 0, p.wrong(word + " is not a server; they are S1 to S" + num(uint64(last)))
	}
	return n - 1, nil
}

// each does something to each server that is named; to all if none is. Nothing
// is done if one of the names is none.
func (p *Player) each(args []string, do func(int) error) error {
	who, err := p.named(args)
	if err != nil {
		return err
	}
	for _, i := range who {
		if err := do(i); err != nil {
			return err
		}
	}
	return nil
}

// one does something to the one server that is named.
func (p *Player) one(args []string, do func(int) error) error {
	if len(args) != 1 {
		return p.wrong("it takes one server")
	}
	i, err := p.node(args[0])
	if err != nil {
		return err
	}
	return do(i)
}

// named gives the servers that are named; all if none is.
func (p *Player) named(args []string) (who []int, err error) {
	if len(args) == 0 || args[0] == "all" {
		for i := range p.opt.Nodes {
			who = append(who, i)
		}
		return who, nil
	}
	for _, word := range args {
		i, err := p.node(word)
		if err != nil {
			return nil, err
		}
		if slices.Contains(who, i) {
			return nil, p.wrong(name(i) + " is named twice")
		}
		who = append(who, i)
	}
	return who, nil
}

// eachIf does something to each server that is named, if all of them pass a check.
func (p *Player) eachIf(args []string, check func(int) error, do func(int)) error {
	who, err := p.named(args)
	for _, i := range who {
		if err == nil {
			err = check(i)
		}
	}
	if err != nil {
		return err
	}
	for _, i := range who {
		do(i)
	}
	return nil
}

// stopped is a check: the server can be started.
func (p *Player) stopped(i int) error {
	n := &p.world.nodes[i]
	switch {
	case n.up:
		return p.wrong(name(i) + " runs already")
	case n.part == partUnused:
		return p.wrong(name(i) + " was never added; write join " + name(i))
	case n.part != partIn:
		return p.wrong(name(i) + " was told to stop for good")
	}
	return nil
}

// running is a check.
func (p *Player) running(i int) error {
	if !p.world.nodes[i].up {
		return p.wrong(name(i) + " does not run")
	}
	return nil
}

func (p *Player) pause(args []string) error {
	i, d, err := p.nodeAndTime(args, "pause takes a server and a time: pause S1 500ms")
	if err == nil {
		err = p.running(i)
	}
	if err == nil {
		p.world.Pause(i, d)
	}
	return err
}

// nodeAndTime reads the two arguments of a command, or says how it is written.
func (p *Player) nodeAndTime(args []string, usage string) (int, raft.Duration, error) {
	if len(args) != 2 {
		return 0, 0, p.wrong(usage)
	}
	i, err := p.node(args[0])
	if err != nil {
		return 0, 0, err
	}
	d, err := p.duration(args[1])
	return i, d, err
}

func (p *Player) slowDisk(args []string) error {
	i, d, err := p.nodeAndTime(args, "slow-disk takes a server and the time of a sync: slow-disk S1 400ms")
	if err == nil {
		p.world.nodes[i].syncMin, p.world.nodes[i].syncMax = d, d
	}
	return err
}

func (p *Player) draw(args []string) error {
	if len(args) < 2 {
		return p.wrong("draw takes servers and their next election timeout: draw S3 160ms")
	}
	d, err := p.duration(args[len(args)-1])
	if err != nil {
		return err
	}
	return p.each(args[:len(args)-1], func(i int) error {
		n := &p.world.nodes[i]
		n.draws = drawn{want: d}
		if n.up {
			n.draws.look(n, p.world.now)
			p.world.planWake(i)
		}
		return nil
	})
}

// elect starts all servers that do not run, with the one that is named first to
// stand, and waits until it leads and all logs are equal. It tells only that:
// other stories tell how it comes about.
func (p *Player) elect(args []string) error {
	if len(args) != 1 {
		return p.wrong("elect takes the server that is to lead: elect S1")
	}
	i, err := p.node(args[0])
	if err != nil {
		return err
	}
	w := p.world
	p.teller.mute = true
	defer func() { p.teller.mute = false }()
	w.nodes[i].draws = drawn{want: 160 * raft.Millisecond}
	for k := range w.nodes {
		if !w.nodes[k].up {
			w.Start(k)
		}
	}
	deadline := w.now + raft.Time(5*raft.Second)
	for w.now < deadline && !(w.leader() == i && w.leveled()) {
		if !w.Step() {
			break
		}
	}
	if w.leader() != i || !w.leveled() {
		return p.wrong(name(i) + " was not elected: " + w.picture())
	}
	p.teller.mute = false
	p.teller.say(w.now, w.names(all(p.opt.Nodes))+started(w.opt.Nodes)+name(i)+" leads term "+num(uint64(w.witness.leads[i]))+", and all logs are equal")
	return nil
}

func started(nodes int) string {
	if nodes == 1 {
		return "  has started; "
	}
	return "  have started; "
}

// duration takes "160ms", "2s" or "1.5s".
func (p *Player) duration(word string) (raft.Duration, error) {
	unit, digits := raft.Millisecond, strings.TrimSuffix(word, "ms")
	if digits == word {
		unit, digits = raft.Second, strings.TrimSuffix(word, "s")
	}
	v, ok := millionths(digits)
	if !ok || digits == word || v > 1e12 {
		return 0, p.wrong(word + " is not a time; write 160ms or 2s")
	}
	return raft.Duration(v * int64(unit/1e6)), nil
}

// millionths reads "1.5" as 1,500,000: up to nine digits, a point, six digits.
// Numbers with a point are few here, and the browser need not load what reads
// all that there are.
func millionths(word string) (int64, bool) {
	whole, part, pointed := strings.Cut(word, ".")
	if len(whole) > 9 || len(part) > 6 || pointed && part == "" {
		return 0, false
	}
	v, err := strconv.ParseUint(whole+(part + "000000")[:6], 10, 63)
	return int64(v), err == nil && whole != ""
}

// run takes "2s" or "until CONDITION [within 5s]".
func (p *Player) run(args []string) error {
	if len(args) == 0 {
		return p.wrong("run takes a time, or until and a condition")
	}
	w := p.world
	if args[0] != "until" {
		d, err := p.duration(args[0])
		if err != nil {
			return err
		}
		w.RunUntil(w.now + raft.Time(d))
		return nil
	}
	args = args[1:]
	within := 10 * raft.Second
	if n := len(args); n > 2 && args[n-2] == "within" {
		d, err := p.duration(args[n-1])
		if err != nil {
			return err
		}
		within, args = d, args[:n-2]
	}
	deadline := w.now + raft.Time(within)
	for {
		ok, err := p.holds(args)
		if ok || err != nil {
			return err
		}
		if b := w.witness.broken; b != nil {
			return p.wrong(b.Error())
		}
		if w.queue.next() > deadline || !w.Step() {
			return p.wrong("it does not come about within " + Millis(raft.Time(within)) + ": " + strings.Join(args, " ") + "; " + w.picture())
		}
	}
}
