package sim

import (
	"strconv"
	"strings"

	"veche/raft"
)

// expect fails the story unless a condition holds now.
func (p *Player) expect(args []string) error {
	ok, err := p.holds(args)
	if err != nil || ok {
		return err
	}
	return p.wrong("it was expected: " + strings.Join(args, " ") + "; but " + p.world.picture())
}

// holds tells whether a condition is true. Conditions are:
//
//	not C              leader [S1]          no leader         leaders 2
//	term S1 3          role S1 follower     up S1             refused S1
//	admitted S1        commit 5             applied S1 5      log S1 1 1 2
//	same logs          answered             waiting           x = 1 @S1
//	no x @S1           version x 1 @S1      broken Election Safety
//	done 3             outcome C1 unknown
//
// and those of play_members.go.
func (p *Player) holds(args []string) (bool, error) {
	if len(args) == 0 {
		return false, p.wrong("a condition is missing")
	}
	w := p.world
	line := strings.Join(args, " ")
	switch {
	case args[0] == "not":
		ok, err := p.holds(args[1:])
		return !ok, err
	case line == "leader":
		return w.leader() >= 0, nil
	case line == "no leader":
		return w.leader() < 0, nil
	case line == "same logs":
		return w.leveled(), nil
	case args[0] == "broken":
		return p.holdsBroken(args[1:])
	case line == "answered" || line == "waiting":
		open := false
		for id := range w.load.ops {
			open = open || id > 0 && w.load.ops[id].Outcome == OpPending
		}
		return open == (line == "waiting"), nil
	case args[0] == "done" || args[0] == "outcome":
		return p.holdsClient(args)
	case args[0] == "joint" || args[0] == "voters" || args[0] == "learners" || args[0] == "damaged" || args[0] == "removed" || args[0] == "stands":
		ok, _, err := p.holdsMembers(args)
		return ok, err
	case args[0] == "fetching":
		return p.fetching(args[1:])
	case strings.Contains(line, "@"):
		return p.holdsKey(args)
	case args[0] == "leaders" || args[0] == "commit":
		return p.holdsNumber(args)
	}
	return p.holdsNode(args)
}

func (p *Player) holdsNumber(args []string) (bool, error) {
	if len(args) != 2 {
		return false, p.wrong(args[0] + " takes a number")
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return false, p.wrong(args[1] + " is not a number")
	}
	if args[0] == "commit" {
		return p.world.witness.commit() >= raft.Index(n), nil
	}
	have := 0
	for i := range p.world.nodes {
		if p.world.nodes[i].up && p.world.witness.leads[i] > 0 {
			have++
		}
	}
	return have == n, nil
}

// holdsKey takes "x = 1 @S1", "no x @S1" and "version x 1 @S1".
func (p *Player) holdsKey(args []string) (bool, error) {
	i, err := p.node(strings.TrimPrefix(args[len(args)-1], "@"))
	if err != nil {
		return false, err
	}
	n := &p.world.nodes[i]
	switch {
	case !n.up:
		return false, nil
	case len(args) == 4 && args[1] == "=":
		v, found := n.machine.value([]byte(args[0]))
		return found && string(v) == args[2], nil
	case len(args) == 3 && args[0] == "no":
		_, found := n.machine.value([]byte(args[1]))
		return !found, nil
	case len(args) == 4 && args[0] == "version":
		return strconv.FormatInt(n.machine.version([]byte(args[1])), 10) == args[2], nil
	}
	return false, p.wrong("write x = 1 @S1, no x @S1 or version x 1 @S1")
}

// holdsNode takes the conditions of one server.
func (p *Player) holdsNode(args []string) (bool, error) {
	if len(args) < 2 {
		return false, p.wrong("there is no condition " + args[0])
	}
	i, err := p.node(args[1])
	if err != nil {
		return false, err
	}
	w, rest := p.world, args[2:]
	n := &w.nodes[i]
	if args[0] == "log" {
		return logIs(&w.witness.mem[i], rest), nil
	}
	if !n.up {
		return false, nil
	}
	s := n.group.Core().Status()
	switch args[0] {
	case "leader":
		return w.leader() == i, nil
	case "up":
		return true, nil
	case "refused":
		return n.refused, nil
	case "admitted":
		return s.Standing == raft.Admitted, nil
	}
	if len(rest) != 1 {
		return false, p.wrong("there is no condition " + strings.Join(args, " "))
	}
	switch args[0] {
	case "role":
		return roleNames[s.Role] == rest[0], nil
	case "term":
		return num(uint64(s.Term)) == rest[0], nil
	case "applied":
		k, err := strconv.Atoi(rest[0])
		return err == nil && w.witness.applied[i] >= raft.Index(k), nil
	}
	return false, p.wrong("there is no condition " + args[0])
}

// logIs compares the terms of a log.
func logIs(m *image, terms []string) bool {
	if int(m.last()) != len(terms) {
		return false
	}
	for k, word := range terms {
		if num(uint64(m.terms[k+1])) != word {
			return false
		}
	}
	return true
}
