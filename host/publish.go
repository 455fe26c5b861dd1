//go:build !wasip1 && !js

package host

import (
	"context"
	"fmt"
	"log/slog"

	"veche/raft"
)

// publish shows a picture of the loop to everybody. It is the loop's, and of
// Start and the end of run.
func (h *Host) publish(now raft.Time, changed bool) {
	g := h.core
	p := &published{status: Status{
		Status: g.core.Status(), At: now, Boot: g.boot, Incarnation: h.cfg.Raft.Incarnation,
		Unsettled: g.window.count, Reads: g.reads.count, Backlog: len(g.backlog),
		Resent: g.resent, Ignored: g.ignored, Dropped: h.loop.in.dropped,
		Receiving: g.Receiving(now), Serving: g.Serving(now), Heard: g.Heard(), Tail: g.Tail(),
		Turns: h.counters.turns.Load(), Syncs: h.counters.syncs.Load(), Records: h.counters.records.Load(),
	}}
	before := h.published.Load()
	if before != nil && !changed {
		p.changed = before.changed
	} else {
		p.changed = make(chan struct{})
	}
	h.published.Store(p)
	if before != nil && changed {
		close(before.changed)
	}
	h.meetPeers(before, p)
}

// meetPeers tells the network where the members of the configuration are.
func (h *Host) meetPeers(before, now *published) {
	if before == nil || h.network == nil || before.status.ConfigIndex == now.status.ConfigIndex {
		return // Start tells the Network its first peers
	}
	for _, m := range now.status.Config.Members {
		if addr, found := peerAddr(&before.status.Config, m.ID); !found || addr != m.PeerAddr {
			h.network.SetPeer(m.ID, m.PeerAddr)
		}
	}
	for _, m := range before.status.Config.Members {
		if _, found := peerAddr(&now.status.Config, m.ID); !found {
			h.network.RemovePeer(m.ID)
		}
	}
}

func peerAddr(c *raft.Configuration, id raft.NodeID) (addr string, found bool) {
	for k := range c.Members {
		if c.Members[k].ID == id {
			return c.Members[k].PeerAddr, true
		}
	}
	return "", false
}

// note passes events on, logs those that people want to hear of, and acts on
// those that end the Host.
func (h *Host) note(events []raft.Event) {
	if h.cfg.Events != nil {
		h.cfg.Events(events)
	}
	for k := range events {
		e := &events[k]
		switch e.Kind {
		case raft.EventFault:
			h.fail(fmt.Errorf("a broken invariant has halted this server, so that it does no harm: %s; keep its data directory and report it", h.core.core.Status().Fault))
		case raft.EventRefusedDisk:
			h.fail(fmt.Errorf("%s says that this server's name is recorded with another data directory: start it with that directory; if it is lost, remove this member and add a new one", h.named(e.Peer)))
		case raft.EventRemoved:
			h.fail(fmt.Errorf("%w", ErrRemoved))
		case raft.EventDamaged, raft.EventDiskStalled, raft.EventTimingDiffers:
			h.log.LogAttrs(context.Background(), slog.LevelWarn, h.named(e.Node)+" "+e.Sentence(h.named),
				slog.Uint64("group", uint64(e.Group)), slog.Uint64("term", uint64(e.Term)))
		case raft.EventBecameLeader, raft.EventBecameFollower, raft.EventBecameCandidate, raft.EventLeaderGone,
			raft.EventAdmitted, raft.EventTransferStarted, raft.EventTransferAborted, raft.EventPeerLost, raft.EventPeerBack, raft.EventLogFull,
			raft.EventSnapshotOffered, raft.EventSnapshotInstalled, raft.EventRepaired, raft.EventConfigCommitted:
			h.log.LogAttrs(context.Background(), slog.LevelInfo, h.named(e.Node)+" "+e.Sentence(h.named),
				slog.Uint64("group", uint64(e.Group)), slog.Uint64("term", uint64(e.Term)))
		}
	}
}

// named is what people call a member: its name, or else its id.
func (h *Host) named(id raft.NodeID) string {
	if id == 0 {
		return "nobody"
	}
	if m, ok := h.published.Load().status.Config.Member(id); ok && m.Name != "" {
		return m.Name
	}
	return id.String()
}
