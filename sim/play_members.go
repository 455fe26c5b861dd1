package sim

import (
	"strconv"
	"strings"

	"veche/raft"
)

// The commands of stories that change the members, the leader and the disks:
//
//	spares 2                       before the start: S6 and S7 may come later
//	lease on                       before the start: reads upon leases; needs fast off
//	snapshot-bytes N, trail-bytes N  before the start: after how many bytes a
//	                               snapshot is made, and how many stay in the log
//	join S6                        starts a newcomer, which was told the members of now
//	change add-learner S6 @S1      asks S1; also add-voter, promote, demote, remove,
//	                               several with commas between, and at the end force
//	transfer S2 @S1                asks S1 to hand over
//	rot S3                         changes a bit of S3's log, whose power is cut
//	end S1 at vote written, not sent   ends S1's process when it is there
//
// Conditions: voters S1 S2, learners S4, joint, damaged S3, removed S3,
// stands S5 7 (upon a snapshot up to entry 7 at least).

var changeKinds = map[string]raft.ChangeKind{"add-learner": raft.ChangeAddLearner, "add-voter": raft.ChangeAddVoter,
	"promote": raft.ChangePromote, "demote": raft.ChangeDemote, "remove": raft.ChangeRemove}

// newcomer is a check: the server was never there.
func (p *Player) newcomer(i int) error {
	if p.world.nodes[i].part != partUnused {
		return p.wrong(name(i) + " was there before")
	}
	return nil
}

// join starts a newcomer.
func (p *Player) join(i int) {
	w := p.world
	w.nodes[i].part, w.nodes[i].initial = partIn, w.settled().Clone()
	w.Start(i)
}

// changeMembers takes "add-learner S4, remove S2 @S1 [force]".
func (p *Player) changeMembers(args []string) error {
	force := len(args) > 0 && args[len(args)-1] == "force"
	if force {
		args = args[:len(args)-1]
	}
	at, args, err := p.at(args, "change takes what, whom and at whom: change add-learner S4 @S1")
	if err != nil {
		return err
	}
	var changes []raft.Change
	for k := 0; k+1 < len(args); k += 2 {
		kind, ok := changeKinds[args[k]]
		if !ok {
			return p.wrong(args[k] + " is not a change; there are add-learner, add-voter, promote, demote, remove")
		}
		i, err := p.node(args[k+1])
		if err != nil {
			return err
		}
		changes = append(changes, raft.Change{Kind: kind, Force: force,
			Member: raft.Member{ID: raft.NodeID(i + 1), Name: name(i), PeerAddr: name(i) + ":2380"}})
	}
	if len(changes) == 0 || len(args)%2 != 0 {
		return p.wrong("change takes what, whom and at whom: change add-learner S4 @S1")
	}
	p.teller.deaf = true // the command says it
	p.world.change(at, changes)
	p.teller.deaf = false
	return nil
}

// at takes the server behind the last word, "@S1", which must run.
func (p *Player) at(args []string, usage string) (int, []string, error) {
	if len(args) == 0 || !strings.HasPrefix(args[len(args)-1], "@") {
		return 0, nil, p.wrong(usage)
	}
	i, err := p.node(args[len(args)-1][1:])
	if err == nil && !p.world.nodes[i].up {
		err = p.wrong(name(i) + " does not run")
	}
	return i, args[:len(args)-1], err
}

func (p *Player) transfer(args []string) error {
	at, args, err := p.at(args, "transfer takes to whom and at whom: transfer S2 @S1")
	if err == nil && len(args) != 1 {
		err = p.wrong("transfer takes to whom and at whom: transfer S2 @S1")
	}
	if err != nil {
		return err
	}
	to, err := p.node(args[0])
	if err == nil {
		p.world.nodes[at].loop.Transfer(group, raft.NodeID(to+1))
		p.world.soon(at)
	}
	return err
}

// rot changes a bit in the middle of what a server's log is known to hold.
func (p *Player) rot(i int) error {
	w := p.world
	n := &w.nodes[i]
	names, err := n.disk.List(dataDir)
	if err != nil {
		return p.wrong(err.Error())
	}
	for _, file := range names {
		file = dataDir + "/" + file
		if at := n.ills.batches[file].last; at > 0 && n.disk.Rot(file, at-40, 1) {
			n.ills.rotten, n.ills.rotted = true, true
			w.fault(name(i) + " has a bit of its log changed")
			if n.up {
				w.PowerCut(i)
			}
			return nil
		}
	}
	return p.wrong(name(i) + " has no log yet")
}

// endAt takes "S1 at vote written, not sent".
func (p *Player) endAt(args []string) error {
	if len(args) < 3 || args[1] != "at" {
		return p.wrong("end takes a server and a place: end S1 at vote written, not sent")
	}
	i, err := p.node(args[0])
	if err != nil {
		return err
	}
	place := strings.Join(args[2:], " ")
	for k := range points {
		if points[k].name == place {
			p.world.arm(armed{point: k, node: i, down: -1})
			return nil
		}
	}
	return p.wrong("there is no place " + place)
}

// holdsMembers takes the conditions of the membership and of disks.
func (p *Player) holdsMembers(args []string) (ok, known bool, err error) {
	w := p.world
	c := w.settled()
	switch args[0] {
	case "joint":
		return len(c.Outgoing) > 0, true, nil
	case "voters", "learners":
		ids := c.Voters
		if args[0] == "learners" {
			ids = c.Learners
		}
		words := make([]string, len(ids))
		for k, id := range ids {
			words[k] = Server(id)
		}
		return strings.Join(words, " ") == strings.Join(args[1:], " ") && len(c.Outgoing) == 0, true, nil
	case "damaged", "removed", "stands":
	default:
		return false, false, nil
	}
	if len(args) < 2 {
		return false, true, p.wrong(args[0] + " takes a server")
	}
	i, err := p.node(args[1])
	switch {
	case err != nil:
	case args[0] == "damaged":
		ok = w.witness.damaged[i]
	case args[0] == "removed":
		ok = w.nodes[i].part == partGone
	case len(args) == 3 && w.nodes[i].up:
		at, e := strconv.Atoi(args[2])
		ok = e == nil && w.nodes[i].group.Core().Status().Snapshot >= raft.Index(at)
	}
	return ok, true, err
}
