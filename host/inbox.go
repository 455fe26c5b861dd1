package host

import "veche/raft"

// inbox is what has happened since the last turn. In a server the goroutines
// fill one while the Loop empties another.
type inbox struct {
	messages []raft.Message
	bytes    int    // of the entries in messages
	dropped  uint64 // messages for which there was no room; never reset

	persisted   []groupSeq
	applied     []*ApplyBatch
	snapshotted []groupIndex
	kept        []*SnapshotWork
	downs       []peerDown
	transfers   []transferAsked
	requests    []groupRequest
	cancels     []groupRequest
}

type groupSeq struct {
	group raft.GroupID
	seq   raft.Seq
}

type groupIndex struct {
	group raft.GroupID
	index raft.Index
}

type peerDown struct {
	peer raft.NodeID
	boot raft.Boot
}

type transferAsked struct {
	group raft.GroupID
	to    raft.NodeID
}

type groupRequest struct {
	group   raft.GroupID
	request *Request
	read    bool
	round   bool          // a read that may not rest upon a lease
	changes []raft.Change // not nil: a change of the configuration
}

// receive copies messages in, or drops those for which there is no room.
func (b *inbox) receive(ms []raft.Message) {
	for k := range ms {
		size := messageBytes(&ms[k])
		if len(b.messages) >= inboxMessagesMax || b.bytes+size > inboxBytesMax && len(b.messages) > 0 {
			b.dropped++
			continue
		}
		b.messages = append(b.messages, ms[k])
		b.bytes += size
	}
}

func messageBytes(m *raft.Message) int {
	n := 0
	for k := range m.Append.Entries {
		n += len(m.Append.Entries[k].Data)
	}
	for k := range m.Propose.Entries {
		n += len(m.Propose.Entries[k].Data)
	}
	if m.Chunk != nil {
		n += len(m.Chunk.Data)
	}
	return n
}

// empty forgets everything and keeps the memory.
func (b *inbox) empty() {
	clear(b.messages)
	clear(b.requests)
	clear(b.cancels)
	clear(b.applied)
	clear(b.kept)
	b.messages, b.bytes = b.messages[:0], 0
	b.persisted, b.applied, b.snapshotted = b.persisted[:0], b.applied[:0], b.snapshotted[:0]
	b.kept = b.kept[:0]
	b.downs, b.transfers = b.downs[:0], b.transfers[:0]
	b.requests, b.cancels = b.requests[:0], b.cancels[:0]
}
