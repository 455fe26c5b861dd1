package sim

import (
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
	emit    func(Told)
}

// Told is one line of what happened in a story.
type Told struct {
	At      raft.Time
	Command string // a command that begins, or
	Prose   string // a paragraph of the story, or
	Text    string // a line of what happened
}

// asked is what a story's client asked for.
type asked struct{ words string }

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

// setting are the commands that only say how the world is, before it begins.
var setting = map[string]bool{"nodes": true, "seed": true, "fast": true, "append-bytes": true, "snapshot-bytes": true, "disk": true,
	"spares": true, "trail-bytes": true, "lease": true, "without": true, "config": true, "chunk-bytes": true}

// silentCommands are not repeated in what happened: one sees what they do.
var silentCommands = map[string]bool{"expect": true, "run": true, "elect": true, "draw": true, "logs": true,
	"hold": true, "drop": true, "double": true, "pass": true}

func (p *Player) wrong(what string) error { return &StoryError{p.line, what} }

func (p *Player) command(words []string) error {
	if setting[words[0]] {
		return p.set(words)
	}
	if p.world == nil {
		p.begin()
	}
	args := words[1:]
	switch words[0] {
	case "start", "restart":
		return p.each(args, p.start)
	case "crash":
		return p.each(args, p.mustBeUp(p.world.Crash))
	case "power-cut":
		return p.each(args, p.mustBeUp(p.world.PowerCut))
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
		p.world.net.heal()
		return nil
	case "hold", "drop", "double":
		return p.rule(words)
	case "pass":
		p.world.script.rules = nil
		return nil
	case "release":
		n := p.world.script.release(p.world, len(args) > 0 && args[0] == "reversed")
		p.teller.say(p.world.now, count(uint64(n), "message goes", "messages go")+" on its way")
		return nil
	case "put", "get", "delete", "local":
		return p.client(words)
	case "join":
		return p.each(args, p.join)
	case "change":
		return p.changeMembers(args)
	case "transfer":
		return p.transfer(args)
	case "rot":
		return p.each(args, p.rot)
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

func (p *Player) set(words []string) error {
	if p.world != nil {
		return p.wrong(words[0] + " must stand before the first start")
	}
	switch words[0] {
	case "without":
		return p.leaveOut(words[1:])
	case "disk":
		return p.disk(words[1:])
	case "config":
		return p.told(words[1:])
	}
	if len(words) != 2 {
		return p.wrong(words[0] + " takes one word")
	}
	if words[0] == "fast" || words[0] == "lease" {
		if words[1] != "on" && words[1] != "off" {
			return p.wrong(words[0] + " is on or off")
		}
		if words[0] == "fast" {
			p.opt.Slow = words[1] == "off"
		} else {
			p.opt.Leases = words[1] == "on"
		}
		return nil
	}
	n, err := strconv.Atoi(words[1])
	if err != nil || n < 0 {
		return p.wrong(words[1] + " is not a number")
	}
	switch words[0] {
	case "nodes":
		if n < 1 || n > nodesMax {
			return p.wrong("a world has 1 to " + num(nodesMax) + " nodes")
		}
		p.opt.Nodes = n
	case "seed":
		p.opt.Seed = uint64(n)
	case "append-bytes":
		p.opt.MaxAppendBytes = n
	case "snapshot-bytes":
		p.opt.SnapshotBytes = n
	case "trail-bytes":
		p.opt.TrailBytes = n
	case "chunk-bytes":
		p.opt.ChunkBytes = n
	case "spares":
		p.opt.Spares = n
	}
	return nil
}

// begin makes the world, with the disks that were asked for.
func (p *Player) begin() {
	p.opt.Watch = p.teller.see
	p.world = New(p.opt)
	p.teller.world = p.world
	for i := range p.world.nodes {
		if c, ok := p.members[i]; ok {
			p.world.tell(i, c)
		}
		if r, ok := p.preset[i]; ok {
			if err := presetDisk(p.world, i, &r); err != nil {
				p.world.witness.must(false, DiskRemembers, err.Error)
			}
		}
	}
}

// node takes "S3" or "S3," to the index 2.
func (p *Player) node(word string) (int, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSuffix(word, ","), "S"))
	if err != nil || !strings.HasPrefix(word, "S") || n < 1 || n > p.opt.Nodes+p.opt.Spares {
		return 0, p.wrong(word + " is not a server; they are S1 to S" + num(uint64(p.opt.Nodes+p.opt.Spares)))
	}
	return n - 1, nil
}

// each does something to each server that is named; to all if none is.
func (p *Player) each(args []string, do func(int) error) error {
	if len(args) == 0 || args[0] == "all" {
		for i := range p.opt.Nodes {
			if err := do(i); err != nil {
				return err
			}
		}
		return nil
	}
	for _, word := range args {
		i, err := p.node(word)
		if err != nil {
			return err
		}
		if err := do(i); err != nil {
			return err
		}
	}
	return nil
}

func (p *Player) start(i int) error {
	if p.world.nodes[i].up {
		return p.wrong(name(i) + " runs already")
	}
	p.world.Start(i)
	return nil
}

func (p *Player) mustBeUp(do func(int)) func(int) error {
	return func(i int) error {
		if !p.world.nodes[i].up {
			return p.wrong(name(i) + " does not run")
		}
		do(i)
		return nil
	}
}

func (p *Player) pause(args []string) error {
	i, d, err := p.nodeAndTime(args, "pause takes a server and a time: pause S1 500ms")
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
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || digits == word || v < 0 || v > 1e6 {
		return 0, p.wrong(word + " is not a time; write 160ms or 2s")
	}
	return raft.Duration(v * float64(unit)), nil
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
		if w.queue.next() > deadline || !w.Step() {
			return p.wrong("it does not come about within " + Millis(raft.Time(within)) + ": " + strings.Join(args, " ") + "; " + w.picture())
		}
	}
}

// split takes "{S1 S2}|{S3 S4 S5}".
func (p *Player) split(args []string) error {
	sides := strings.Split(strings.Join(args, " "), "|")
	if len(sides) < 2 {
		return p.wrong("split takes sides: split {S1 S2}|{S3 S4 S5}")
	}
	seen := nodeSet(0)
	for _, side := range sides {
		set := nodeSet(0)
		for _, word := range strings.Fields(strings.Trim(strings.TrimSpace(side), "{}")) {
			i, err := p.node(word)
			if err != nil {
				return err
			}
			if seen.has(i) {
				return p.wrong(word + " is on two sides")
			}
			set |= 1 << i
			seen |= 1 << i
		}
		p.world.net.partition(set)
	}
	return nil
}

// link takes "S1>S2", "S1>*" or "*>S1".
func (p *Player) link(word string) (from, to nodeSet, err error) {
	a, b, found := strings.Cut(word, ">")
	if !found {
		return 0, 0, p.wrong(word + " is not a link; write S1>S2, S1>* or *>S1")
	}
	side := func(s string) (nodeSet, error) {
		if s == "*" {
			return all(p.opt.Nodes + p.opt.Spares), nil
		}
		i, err := p.node(s)
		return 1 << i, err
	}
	if from, err = side(a); err == nil {
		to, err = side(b)
	}
	return from, to, err
}

func (p *Player) cut(args []string) error {
	for _, word := range args {
		from, to, err := p.link(word)
		if err != nil {
			return err
		}
		for i := range p.world.nodes {
			if from.has(i) {
				p.world.net.cut[i] |= to &^ (1 << i)
			}
		}
	}
	return nil
}

// rule takes "hold append S1>S2 S1>S3 [term 4]".
func (p *Player) rule(words []string) error {
	if len(words) < 3 {
		return p.wrong(words[0] + " takes a kind of message and a link: " + words[0] + " append S1>*")
	}
	r := rule{verdict: map[string]verdict{"hold": verdictHold, "drop": verdictDrop, "double": verdictDouble}[words[0]]}
	kind, ok := ruleKinds[words[1]]
	if !ok {
		return p.wrong(words[1] + " is not a kind of message; there are: vote, vote-reply, append, append-reply, heartbeat, propose, greet, greet-reply, timeout-now, offer, fetch, chunk, all")
	}
	r.kind = kind
	links := words[2:]
	if n := len(links); n > 1 && links[n-1] == "once" {
		r.once, links = true, links[:n-1]
	}
	if n := len(links); n > 2 && links[n-2] == "term" {
		t, err := strconv.ParseUint(links[n-1], 10, 32)
		if err != nil {
			return p.wrong(links[n-1] + " is not a term")
		}
		r.term, links = raft.Term(t), links[:n-2]
	}
	for _, word := range links {
		var err error
		if r.from, r.to, err = p.link(word); err != nil {
			return err
		}
		p.world.script.rules = append(p.world.script.rules, r)
	}
	return nil
}

var ruleKinds = map[string]raft.MessageKind{
	"all": 0, "vote": raft.KindRequestVote, "vote-reply": raft.KindVoteReply, "append": raft.KindAppend,
	"append-reply": raft.KindAppendReply, "heartbeat": raft.KindHeartbeat, "propose": raft.KindPropose,
	"greet": raft.KindGreet, "greet-reply": raft.KindGreetReply, "timeout-now": raft.KindTimeoutNow,
	"offer": raft.KindInstallSnapshot, "fetch": raft.KindSnapshotFetch, "chunk": raft.KindSnapshotChunk,
}
