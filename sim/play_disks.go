package sim

import (
	"strings"

	"veche/raft"
	"veche/wal"
)

// The commands of stories that need a person or a machine who lies:
//
//	config S1 S2: S1 S2 S3   before the start: what S1 and S2 were told of the members
//	copy-disk S2             puts a copy of S2's disk aside, as it is after a power cut now
//	put-back S2              S2 loses power, and the copy is its disk again: all that
//	                         the disk has confirmed since then is lost, without a trace
//	recover S5               S5, which is down, becomes a cluster of its own with what
//	                         its log has, as veche recover does it

// diskCopy is a disk that was put aside, and what it holds.
type diskCopy struct {
	disk  *wal.MemFS
	image image
}

// rare takes the commands of this file and of play_reads.go.
func (p *Player) rare(words []string) error {
	args := words[1:]
	switch words[0] {
	case "copy-disk":
		return p.each(args, func(i int) error { p.world.copyDisk(i); return nil })
	case "put-back":
		return p.eachIf(args, func(i int) error {
			if p.world.nodes[i].kept == nil {
				return p.wrong("there is no copy of the disk of " + name(i) + "; make one with copy-disk " + name(i))
			}
			return nil
		}, p.world.putBack)
	case "recover":
		return p.one(args, p.recoverAlone)
	case "clock":
		return p.clock(args)
	case "get-local", "get-unchecked":
		return p.bareRead(words)
	case "luck": // see luck.go
		return p.luck(args)
	}
	return p.wrong("there is no command " + words[0])
}

// told takes "S1 S2: S1 S2 S3".
func (p *Player) told(args []string) error {
	const usage = "config takes servers, a colon, and the members that they were told: config S1 S2: S1 S2 S3"
	who, whom, found := strings.Cut(strings.Join(args, " "), ":")
	if !found {
		return p.wrong(usage)
	}
	var sets [2]nodeSet
	for k, side := range [2]string{who, whom} {
		for _, word := range strings.Fields(side) {
			i, err := p.node(word)
			if err != nil {
				return err
			}
			sets[k] |= 1 << i
		}
	}
	if sets[0] == 0 || sets[1] == 0 {
		return p.wrong(usage)
	}
	for i := range p.opt.Nodes {
		if sets[0].has(i) {
			p.members[i] = sets[1]
		}
	}
	return nil
}

// tell makes a node that has not started believe in these members.
func (w *World) tell(i int, members nodeSet) {
	c := raft.Configuration{}
	for k := range w.initial.Members {
		if members.has(k) {
			c.Members = append(c.Members, w.initial.Members[k])
			c.Voters = append(c.Voters, w.initial.Voters[k])
		}
	}
	w.nodes[i].initial = c
	w.witness.mem[i], w.witness.disk[i] = newImage(&c), newImage(&c)
}

// copyDisk remembers what node's disk would hold after a power cut now.
func (w *World) copyDisk(i int) {
	n := &w.nodes[i]
	disk := n.disk.Clone()
	disk.Fail = n.disk.Fail
	disk.Crash(nil)
	n.kept = &diskCopy{disk, w.witness.disk[i].clone()}
}

// putBack replaces node's disk by the copy, as if it had confirmed what it never
// wrote. The witness takes what is lost for something that the node never did:
// otherwise it would blame the node instead of what follows from the lie.
func (w *World) putBack(i int) {
	n, m := &w.nodes[i], w.witness
	w.PowerCut(i)
	w.fault(name(i) + " gets an old copy of its disk")
	n.ills.torn = false
	n.disk, n.kept = n.kept.disk, &diskCopy{n.kept.disk.Clone(), n.kept.image}
	n.kept.disk.Fail = n.disk.Fail
	m.remember(i, m.disk[i])
	m.mem[i], m.disk[i], m.pending[i] = n.kept.image.clone(), n.kept.image.clone(), nil
	for v := range m.votes { // only deletes, so the order does not matter
		if v.node == raft.NodeID(i+1) && v.term > m.disk[i].hard.Term {
			delete(m.votes, v)
		}
	}
}

// recoverAlone does with a survivor's disk what veche recover does: behind its log
// stands a configuration that has this server alone, in a term of its own.
func (p *Player) recoverAlone(i int) error {
	w := p.world
	n := &w.nodes[i]
	m := &w.witness.disk[i]
	if n.up || m.last() == 0 || n.part != partIn {
		return p.wrong("recover takes a server that is down and has a log")
	}
	l, err := openLog(w, i)
	if err != nil {
		return p.wrong(name(i) + " cannot be recovered: " + err.Error())
	}
	disk := l.Restored(group)
	w.witness.restarted(i, &disk, n.ills.rotted)
	now := m.config().config
	alone := raft.Configuration{Voters: []raft.NodeID{raft.NodeID(i + 1)}}
	for k := range now.Members {
		if id := now.Members[k].ID; id == raft.NodeID(i+1) {
			alone.Members = append(alone.Members, now.Members[k])
		} else {
			alone.Removed = append(alone.Removed, id)
		}
	}
	hard := raft.HardState{Term: disk.Hard.Term + 1, Vote: raft.NodeID(i + 1), Standing: raft.Admitted}
	write := raft.Write{Seq: 1, HardChanged: true, Hard: hard, Entries: []raft.Entry{
		{Index: m.last() + 1, Term: hard.Term, Kind: raft.EntryConfig, Data: raft.AppendConfiguration(nil, &alone)}}}
	w.witness.wrote(i, &write, 0)
	if err := l.Append([]wal.Record{{Group: group, Write: write}}); err == nil {
		err = l.Sync()
	}
	if err != nil {
		return p.wrong(name(i) + " cannot be recovered: " + err.Error())
	}
	w.witness.synced(i, 1)
	w.fault(name(i) + " is made a cluster of its own, with the " + count(uint64(m.last()-1), "entry", "entries") + " of its log")
	return l.Close()
}
