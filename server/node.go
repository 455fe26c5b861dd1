package server

import (
	"context"
	"slices"

	"veche/host"
	"veche/raft"
)

// Node is what a server needs of the host below it. FromHost gives a running
// one; tests bring their own.
type Node interface {
	// Propose has command committed and applied, from any member, and returns
	// what the state machine answered. It waits for a leader until ctx ends. The
	// errors are host's.
	Propose(ctx context.Context, command []byte) (host.Result, error)
	// Read calls f once the state machine has all that was acknowledged before
	// Read was called. It waits for a leader until ctx ends.
	Read(ctx context.Context, f func(host.StateMachine)) error
	// View calls f with the state machine as it is on this member.
	View(f func(host.StateMachine))
	// Change changes the configuration and returns the index of the last entry
	// that it took, once that is committed. Only the leader does it; a refusal is
	// a *host.RefusedError.
	Change(ctx context.Context, changes []raft.Change) (raft.Index, error)
	// Transfer hands leadership to a member, or to the best one if to is 0, and
	// waits until another member leads. Only the leader does it.
	Transfer(ctx context.Context, to raft.NodeID) error
	// Picture tells how the member stands, without waiting for anything.
	Picture() Picture
}

// FromHost makes a Node of a running host. Its state machine must be a Machine.
func FromHost(h *host.Host) Node { return hostNode{h} }

type hostNode struct{ *host.Host }

// Picture is the host's status with the time on its clock.
func (n hostNode) Picture() Picture { return Picture{Status: n.Status(), Now: n.Now()} }

// Picture is how a member stands at one moment.
type Picture struct {
	host.Status
	Now raft.Time // on the clock of the times in Status
}

// leading says who leads, as far as this member knows; 0 is nobody.
func (p *Picture) leading() raft.NodeID {
	if p.trouble() != "" {
		return 0
	}
	return p.Leader
}

// trouble says why the member has halted; empty while it runs.
func (p *Picture) trouble() string {
	switch {
	case p.Fault != "":
		return p.Fault
	case p.Err != nil:
		return p.Err.Error()
	}
	return ""
}

// leads says whether this member leads and a majority said so a moment ago. A
// picture that is older than a few heartbeats proves nothing: the process may
// have been stopped since.
func (p *Picture) leads(heartbeat raft.Duration) bool {
	if heartbeat <= 0 {
		heartbeat = raft.DefaultHeartbeat
	}
	return p.Role == raft.Leader && p.Confirmed && p.trouble() == "" &&
		p.Now-p.At <= raft.Time(2*heartbeat)
}

// member finds a member of the configuration.
func (p *Picture) member(id raft.NodeID) (raft.Member, bool) {
	for _, m := range p.Config.Members {
		if m.ID == id {
			return m, true
		}
	}
	return raft.Member{}, false
}

// learner says whether a member counts nowhere. A voter that is to become a
// learner still counts.
func (p *Picture) learner(id raft.NodeID) bool {
	return slices.Contains(p.Config.Learners, id) && !slices.Contains(p.Config.Outgoing, id)
}

// changing says whether a change of the configuration has not come to its end.
func (p *Picture) changing() bool {
	return p.ConfigIndex > p.Commit || len(p.Config.Outgoing) > 0
}

// named is a member with its name.
func (p *Picture) named(id raft.NodeID) Named {
	m, _ := p.member(id)
	return Named{ID: ID(id), Name: m.Name}
}

// names gives the name of every member.
func (p *Picture) names() map[raft.NodeID]string {
	names := make(map[raft.NodeID]string, len(p.Config.Members))
	for _, m := range p.Config.Members {
		names[m.ID] = m.Name
	}
	return names
}
