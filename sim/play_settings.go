package sim

import (
	"strconv"
	"strings"

	"veche/raft"
)

// setting are the commands that only say how the world is, before it begins.
var setting = map[string]bool{"nodes": true, "seed": true, "fast": true, "append-bytes": true, "snapshot-bytes": true, "disk": true,
	"spares": true, "trail-bytes": true, "lease": true, "election": true, "heartbeat": true, "wire": true, "sync": true, "without": true, "config": true, "chunk-bytes": true}

// IsSetting says whether a command is one that says how a world is, and so must
// stand before everything else.
func IsSetting(command string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(command), " ")
	return setting[word]
}

// Bounds of the hardware: what is faster only makes events without end, and what
// is slower outlasts every scene.
const (
	hardwareLeast = 10 * raft.Microsecond
	hardwareMost  = 60 * raft.Second
	beatLeast     = raft.Millisecond
)

// set takes a setting:
//
//	nodes 5, spares 2, seed 7      how many servers, how many may join, and what is by chance
//	election 150ms 300ms           the range of election timeouts
//	heartbeat 50ms                 the time from one to the next
//	wire 10ms 15ms                 how long a message is on its way
//	sync 0.5ms 1ms                 how long a write to disk takes
//	fast off, lease on             fast detection, reads upon leases
//	append-bytes N, snapshot-bytes N, trail-bytes N, chunk-bytes N
//	without RULE                   leaves a rule out, in a lab build
//	config S1 S2: S1 S2 S3         the members that some servers were told of
//	disk S1 term 3 log 1 1 2       what a disk holds at the start

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
	case "election", "heartbeat", "wire", "sync":
		return p.setTimes(words)
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
	return p.setNumber(words[0], n)
}

func (p *Player) setNumber(what string, n int) error {
	switch what {
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
		if n > nodesMax {
			return p.wrong("a world has at most " + num(nodesMax) + " nodes")
		}
		p.opt.Spares = n
	}
	return nil
}

// setTimes takes "election 150ms 300ms"; one time stands for both.
func (p *Player) setTimes(words []string) error {
	t := &p.trial
	if words[0] == "heartbeat" && len(words) != 2 || len(words) < 2 || len(words) > 3 {
		return p.wrong("write election 150ms 300ms, heartbeat 50ms, wire 10ms 15ms or sync 0.5ms 1ms")
	}
	least, err := p.duration(words[1])
	most := least
	if err == nil && len(words) == 3 {
		most, err = p.duration(words[2])
	}
	switch {
	case err != nil:
		return err
	case most < least:
		return p.wrong("of two times the shorter stands first: " + strings.Join(words, " "))
	case words[0] == "election" || words[0] == "heartbeat":
		if least < beatLeast {
			return p.wrong(words[1] + " is too short: at least 1ms")
		}
	case least < hardwareLeast || most > hardwareMost:
		return p.wrong(words[0] + " takes times from 0.01ms to 60s")
	}
	switch words[0] {
	case "election":
		t.ElectionMin, t.ElectionMax = least, most
	case "heartbeat":
		t.Heartbeat = least
	case "wire":
		t.WireMin, t.WireMax = least, most
	default:
		t.SyncMin, t.SyncMax = least, most
	}
	p.tried = true
	return nil
}

// begin makes the world, with the disks that were asked for.
func (p *Player) begin() error {
	if p.tried {
		t := p.trial
		if t.WireMin == 0 {
			t.WireMin, t.WireMax = wireDefault, wireDefault
		}
		if t.SyncMin == 0 {
			t.SyncMin, t.SyncMax = syncDefault, syncDefault
		}
		t.Slow, t.Lab = p.opt.Slow, p.opt.Lab
		p.opt.Trial = &t
	}
	if err := p.check(); err != nil {
		return err
	}
	if p.opt.Watch = p.teller.see; p.story == nil {
		p.opt.Watch = p.see
	}
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
	return nil
}

// check asks the core whether it could work with the settings.
func (p *Player) check() error {
	c := raft.Config{Self: 1, Group: group, Incarnation: 1, NoFastDetection: p.opt.Slow, LeaseReads: p.opt.Leases,
		Initial: raft.Configuration{Members: []raft.Member{{ID: 1, Name: "S1", PeerAddr: "S1:2380"}}, Voters: []raft.NodeID{1}}}
	if p.opt.Trial != nil {
		p.opt.Trial.set(&c)
	}
	if err := c.Check(); err != nil {
		return p.wrong(strings.TrimPrefix(err.Error(), "raft: "))
	}
	return nil
}
