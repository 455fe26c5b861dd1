package host

import "veche/raft"

// Core is the group's core, to be looked at between turns. Only the Loop steps
// it.
func (g *Group) Core() *raft.Core { return g.core }
