package host

import (
	"slices"

	"veche/raft"
)

// Heard is what came from one other member since this process began. Rates are
// differences of two pictures.
type Heard struct {
	From     raft.NodeID
	At       raft.Time // when its latest message was delivered
	Messages uint64    // of any kind
	Appends  uint64    // of them, AppendEntries that carried entries
	Entries  uint64    // in those
}

// hear notes that a message has arrived. Whoever was silent for longest makes
// room, so that strangers cannot fill the memory.
func (g *Group) hear(m *raft.Message, now raft.Time) {
	h := g.rowOf(m.From)
	h.At = now
	h.Messages++
	if n := len(m.Append.Entries); n > 0 {
		h.Appends++
		h.Entries += uint64(n)
	}
}

// rowOf finds a member's row, or makes one.
func (g *Group) rowOf(id raft.NodeID) *Heard {
	oldest := 0
	for k := range g.hears {
		if g.hears[k].From == id {
			return &g.hears[k]
		}
		if g.hears[k].At < g.hears[oldest].At {
			oldest = k
		}
	}
	if len(g.hears) < heardMax {
		g.hears = append(g.hears, Heard{From: id})
		return &g.hears[len(g.hears)-1]
	}
	g.hears[oldest] = Heard{From: id}
	return &g.hears[oldest]
}

// Heard tells of whom this member has heard, in no particular order. The slice
// is the caller's.
func (g *Group) Heard() []Heard { return slices.Clone(g.hears) }

// Tail gives the newest entries of the log, tailMax at most. They are shared
// with the log and must not be changed.
func (g *Group) Tail() []raft.Entry {
	_, _, entries := g.core.Log()
	return entries[max(0, len(entries)-tailMax):]
}

// Command takes the stamp off the data of a command entry. The error says that
// no Host of this version wrote it.
func Command(data []byte) ([]byte, error) {
	_, command, err := splitStamp(data)
	return command, err
}
