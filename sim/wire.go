package sim

import "veche/raft"

// transmit gives a message to the network, encoded.
func (w *World) transmit(from int, m *raft.Message) {
	rec := w.recordOf(RecordSend, m)
	w.record(&rec)
	to := int(m.To) - 1
	if to < 0 || to >= len(w.nodes) || to == from {
		w.witness.must(false, CodecKeepsMessage, func() string { return name(from) + " sends to " + Server(m.To) })
		return
	}
	w.messages++
	copies := 1
	if w.opt.Story {
		if copies = w.script.judge(w, from, to, m); copies == 0 {
			return
		}
	}
	for ; copies > 0; copies-- {
		f := w.net.send(w.now, from, to)
		if f.lost != "" {
			rec.Kind, rec.Note = RecordLost, f.lost
			w.record(&rec)
			return
		}
		w.at(f.at, event{kind: evDeliver, node: to, peer: from, data: w.encode(m), sent: w.now})
		if f.again != 0 {
			w.at(f.again, event{kind: evDeliver, node: to, peer: from, data: w.encode(m), sent: w.now})
		}
	}
}

// encode uses the buffer of a message that has arrived again.
func (w *World) encode(m *raft.Message) []byte {
	var b []byte
	if k := len(w.free); k > 0 {
		b, w.free = w.free[k-1][:0], w.free[:k-1]
	}
	return raft.AppendMessage(b, m)
}

// recordOf describes a message for the trace.
func (w *World) recordOf(kind RecordKind, m *raft.Message) Record {
	r := Record{Kind: kind, Node: m.From, Peer: m.To, Message: m.Kind, Term: m.Term}
	switch m.Kind {
	case raft.KindAppend:
		r.Index, r.A = m.Append.PrevIndex, uint64(len(m.Append.Entries))
	case raft.KindAppendReply:
		r.Index = m.AppendReply.Match
		if !m.AppendReply.Rejected {
			r.A = 1
		} else {
			r.Index = m.AppendReply.PrevIndex
		}
	case raft.KindVoteReply:
		if m.VoteReply.Granted {
			r.A = 1
		}
		if m.VoteReply.Pre {
			r.B = 1
		}
	case raft.KindRequestVote:
		r.Index = m.RequestVote.LastIndex
		if m.RequestVote.Pre {
			r.B = 1
		}
	}
	return r
}

// deliver brings a message to its node; one that is down loses it.
func (w *World) deliver(e *event) {
	n := &w.nodes[e.node]
	if n.up && n.paused {
		e.run = n.run
		n.inbox = append(n.inbox, *e)
		return
	}
	var one [1]raft.Message
	if err := raft.DecodeMessage(e.data, &one[0]); err != nil {
		w.witness.must(false, CodecKeepsMessage, func() string { return "a message of " + name(e.peer) + " does not decode: " + err.Error() })
		return
	}
	w.free = append(w.free, e.data)
	rec := w.recordOf(RecordDeliver, &one[0])
	rec.Node, rec.Peer = raft.NodeID(e.node+1), raft.NodeID(e.peer+1)
	switch {
	case !n.up:
		rec.Kind, rec.Node, rec.Peer, rec.Note = RecordLost, rec.Peer, rec.Node, "the process is not running"
		w.record(&rec)
		return
	case w.net.cut[e.peer].has(e.node):
		rec.Kind, rec.Node, rec.Peer, rec.Note = RecordLost, rec.Peer, rec.Node, "the link is cut"
		w.record(&rec)
		return
	}
	w.record(&rec)
	if w.snares.waits[atReceive] > 0 && w.reached(e.node, atReceive, factsOfMessage(&one[0])) {
		return
	}
	n.loop.Receive(one[:])
	w.soon(e.node)
}
