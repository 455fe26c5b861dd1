package explore

import (
	"slices"

	"veche/raft"
)

// A renaming gives every slot another. Slots count from 0, ids from 1.
type renaming []uint8

func (p renaming) id(id raft.NodeID) raft.NodeID {
	if id == 0 || int(id) > len(p) {
		return id
	}
	return raft.NodeID(p[id-1]) + 1
}

// renamings gives all renamings of n slots that exchange only those alike, the
// identity first.
func renamings(n int, alike []int) []renaming {
	identity := make(renaming, n)
	for k := range identity {
		identity[k] = uint8(k)
	}
	all := []renaming{identity}
	var choose func(p renaming, at int)
	choose = func(p renaming, at int) {
		if at == len(alike) {
			if !slices.Equal(p, identity) {
				all = append(all, slices.Clone(p))
			}
			return
		}
		for k := at; k < len(alike); k++ {
			i, j := alike[at]-1, alike[k]-1
			p[i], p[j] = p[j], p[i]
			choose(p, at+1)
			p[i], p[j] = p[j], p[i]
		}
	}
	choose(slices.Clone(identity), 0)
	return all
}

// after[h][g] is the number of the renaming that does g, then h.
func compose(all []renaming) [][]int {
	after := make([][]int, len(all))
	for h := range all {
		after[h] = make([]int, len(all))
		for g := range all {
			p := make(renaming, len(all[g]))
			for k := range p {
				p[k] = all[h][all[g][k]]
			}
			after[h][g] = slices.IndexFunc(all, func(q renaming) bool { return slices.Equal(p, q) })
		}
	}
	return after
}

func (p renaming) ids(ids []raft.NodeID) []raft.NodeID {
	out := make([]raft.NodeID, len(ids))
	for k, id := range ids {
		out[k] = p.id(id)
	}
	return out
}

func (p renaming) sorted(ids []raft.NodeID) []raft.NodeID {
	out := p.ids(ids)
	slices.Sort(out)
	return out
}

func (p renaming) configuration(c *raft.Configuration) raft.Configuration {
	n := c.Clone()
	n.Voters, n.Outgoing, n.Learners, n.Removed = p.sorted(c.Voters), p.sorted(c.Outgoing), p.sorted(c.Learners), p.ids(c.Removed)
	for k := range n.Members {
		n.Members[k].ID = p.id(n.Members[k].ID)
	}
	slices.SortFunc(n.Members, func(a, b raft.Member) int { return int(a.ID) - int(b.ID) })
	return n
}

// data renames what an entry carries.
func (p renaming) data(kind raft.EntryKind, data []byte) []byte {
	if kind != raft.EntryConfig {
		return data
	}
	var c raft.Configuration
	if raft.DecodeConfiguration(data, &c) != nil {
		return data
	}
	n := p.configuration(&c)
	return raft.AppendConfiguration(nil, &n)
}

// message renames a message and all that it carries.
func (p renaming) message(m *raft.Message) raft.Message {
	n := *m
	n.From, n.To = p.id(m.From), p.id(m.To)
	n.ProposeRep.Leader = p.id(m.ProposeRep.Leader)
	if len(m.Append.Entries) > 0 {
		n.Append.Entries = slices.Clone(m.Append.Entries)
		for k := range n.Append.Entries {
			e := &n.Append.Entries[k]
			e.Data = p.data(e.Kind, e.Data)
		}
	}
	return n
}
