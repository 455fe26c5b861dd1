package sim

import (
	"veche/host"
	"veche/raft"
	"veche/store"
)

// OpKind says what a client asked for.
type OpKind uint8

// What clients ask for. Swap writes only if the key still has the value that the
// client saw last, and says whether it did.
const (
	OpGet OpKind = iota + 1
	OpPut
	OpSwap
	OpDelete
	OpLocal // a look at one node's own state, which may be old: no part of a history
)

// OutcomeKind says what a client knows of its operation in the end.
type OutcomeKind uint8

// What a client knows.
const (
	OpPending OutcomeKind = iota
	OpDone                // it was carried out
	OpRefused             // it was not, and never will be
	OpUnknown             // it may have been, or may still be
)

// Op is one operation of the history. Values are numbers of the operations that
// wrote them, so that every write writes something new; 0 is a missing key.
type Op struct {
	ID      uint64
	Client  int
	Node    int // which node was asked, from 0
	Kind    OpKind
	Key     uint32
	Old     uint64 // Swap: what the key must have
	Call    raft.Time
	Return  raft.Time // when the client stopped waiting
	Outcome OutcomeKind
	Value   uint64     // Get: what was read
	Swapped bool       // Swap: whether it wrote
	Index   raft.Index // where it stands in the log, or what it waited for
	Leased  bool       // Get: upon a lease
	Applied int        // how often the replicated state machine carried it out
	Down    bool       // Refused: the node that was asked did not run
	floor   raft.Index // the highest index that was acknowledged to anybody before Call
	run     uint32     // of the node's process that was asked
}

// client does one operation after another.
type client struct {
	rand    Rand
	pending uint64 // the operation it waits for, 0 when it does not
	seen    [keysHot]uint64
}

// workload is all clients, and the history they make.
type workload struct {
	clients []client
	ops     []Op // Op n has ID n; ops[0] is nobody's
	pause   raft.Duration
	patient raft.Duration
	acked   raft.Index // the highest index that was acknowledged
	reads   int        // in a hundred
	stopped bool
	done    uint64
	unknown uint64
	refused uint64
	leased  uint64 // reads that rested upon a lease
	expired uint64 // such reads that came too late, and were asked again
}

// key of a slot at a time: the set of hot keys changes every keyLife.
func keyAt(now raft.Time, slot int) uint32 {
	return uint32(int64(now)/int64(keyLife))*keysHot + uint32(slot)
}

func keyBytes(key uint32) []byte {
	return []byte{'k', byte(key >> 24), byte(key >> 16), byte(key >> 8), byte(key)}
}

func valueBytes(id uint64) []byte {
	var b [8]byte
	putUint64(b[:], id)
	return b[:]
}

// command encodes an operation that writes: its number, then the store's command.
func (o *Op) command() []byte {
	b := append(make([]byte, 0, 64), valueBytes(o.ID)...)
	switch o.Kind {
	case OpPut:
		return store.EncodePut(b, &store.Put{Key: keyBytes(o.Key), Value: valueBytes(o.ID)})
	case OpDelete:
		return store.EncodeDeleteRange(b, &store.DeleteRange{Key: keyBytes(o.Key)})
	default:
		is := store.Compare{Key: keyBytes(o.Key), Target: store.CompareValue, Value: valueBytes(o.Old)}
		if o.Old == 0 {
			is = store.Compare{Key: keyBytes(o.Key), Target: store.CompareVersion}
		}
		return store.EncodeTxn(b, &store.Txn{Compares: []store.Compare{is},
			Then: []store.Op{{Put: &store.Put{Key: keyBytes(o.Key), Value: valueBytes(o.ID)}}}})
	}
}

// act is a client's turn: it asks some node that is up for something.
func (w *World) act(c int) {
	if w.load.stopped || w.load.clients[c].pending != 0 {
		return
	}
	r := &w.load.clients[c].rand
	again := w.now + raft.Time(r.Between(int64(w.load.pause)/2, int64(w.load.pause)*3/2))
	node := w.pick(r)
	for i := 0; i < len(w.nodes) && !w.nodes[node].up; i++ {
		node = (node + 1) % len(w.nodes)
	}
	if n := &w.nodes[node]; !n.up || n.paused {
		w.at(again, event{kind: evClient, n: uint64(c)})
		return
	}
	slot := r.Intn(keysHot)
	o := Op{ID: uint64(len(w.load.ops)), Client: c, Node: node, Key: keyAt(w.now, slot), Call: w.now, floor: w.load.acked, run: w.nodes[node].run}
	switch dice := r.Intn(100); {
	case dice < w.load.reads:
		o.Kind = OpGet
	case dice < w.load.reads+8:
		o.Kind = OpDelete
	case dice < w.load.reads+(100-w.load.reads)*2/3:
		o.Kind = OpSwap
		if o.Old = w.load.clients[c].seen[slot]; o.Old != 0 && w.load.ops[o.Old].Key != o.Key {
			o.Old = 0
		}
	default:
		o.Kind = OpPut
	}
	w.submit(o)
	w.at(w.now+raft.Time(w.load.patient), event{kind: evExpire, n: o.ID})
}

// submit enters an operation into the history and hands it to its node.
func (w *World) submit(o Op) {
	w.load.ops = append(w.load.ops, o)
	w.load.clients[o.Client].pending = o.ID
	w.record(&Record{Kind: RecordRequest, Node: raft.NodeID(o.Node + 1), A: uint64(o.Client), B: o.ID, Note: opNames[o.Kind]})
	if o.Kind == OpGet {
		w.ask(o.Node, o.ID, nil)
	} else {
		w.ask(o.Node, o.ID, o.command())
	}
}

var opNames = [...]string{OpGet: "get", OpPut: "put", OpSwap: "swap", OpDelete: "delete", OpLocal: "local"}

// answered takes the end of a request that a node was given.
func (w *World) answered(node int, id uint64, res host.Result) {
	o := &w.load.ops[id]
	if o.run != w.nodes[node].run {
		return // an answer from a process that has died
	}
	if o.Outcome != OpPending {
		w.witness.must(o.Outcome == OpUnknown, RequestEndsOnce, func() string {
			return name(node) + " ends operation " + num(id) + " a second time"
		})
		return // the client did not wait so long
	}
	switch {
	case res.Err == nil && res.Expiry != 0 && w.eagerNow(node) >= res.Expiry:
		w.load.expired++
		w.askAgain(o, node)
	case res.Err == nil:
		w.finished(o, node, res)
	case res.Err == host.ErrUnknown || res.Err == host.ErrStopped:
		w.end(o, OpUnknown)
	default:
		w.end(o, OpRefused)
	}
}

// askAgain repeats a read whose lease had ended when its client looked: it wants
// a round now.
func (w *World) askAgain(o *Op, node int) {
	n := &w.nodes[node]
	r := &host.Request{Round: true, Waiter: &waiter{w, node, o.ID}}
	n.requests[o.ID] = r
	n.loop.Read(group, r)
	w.later(node)
}

// finished checks and notes an operation that was carried out.
func (w *World) finished(o *Op, node int, res host.Result) {
	o.Index = res.Index
	c := &w.load.clients[o.Client]
	if o.Kind == OpGet {
		w.witness.must(res.Index >= o.floor && w.witness.knows(node, o.floor), ReadIsFresh, func() string {
			return name(node) + " serves read " + num(o.ID) + " at entry " + num(uint64(res.Index)) + " without entry " + num(uint64(o.floor)) + ", which was acknowledged before it was asked"
		})
		if res.Expiry != 0 {
			w.load.leased++
			o.Leased = true
		}
		o.Value = w.nodes[node].machine.get(o.Key)
		c.seen[o.Key%keysHot] = o.Value
	} else {
		w.witness.must(res.Index > o.floor, OrderIsReal, func() string {
			return name(node) + " puts write " + num(o.ID) + " at entry " + num(uint64(res.Index)) + ", but entry " + num(uint64(o.floor)) + " was acknowledged before it was asked"
		})
		w.witness.must(res.Index <= w.witness.commit(), AppliedOnce, func() string {
			return name(node) + " acknowledges entry " + num(uint64(res.Index)) + ", which is not committed"
		})
		r, _ := res.Value.(store.Result)
		o.Swapped = r.Kind == store.KindTxn && r.Txn.Succeeded
		if o.Kind == OpPut || o.Swapped {
			c.seen[o.Key%keysHot] = o.ID
		} else {
			c.seen[o.Key%keysHot] = 0
		}
	}
	w.load.acked = max(w.load.acked, res.Index)
	w.end(o, OpDone)
}

// end closes an operation for its client, who goes on after a pause.
func (w *World) end(o *Op, how OutcomeKind) {
	o.Outcome, o.Return = how, w.now
	switch how {
	case OpDone:
		w.load.done++
	case OpRefused:
		w.load.refused++
	default:
		w.load.unknown++
	}
	w.record(&Record{Kind: RecordAnswer, Node: raft.NodeID(o.Node + 1), A: uint64(o.Client), B: o.ID, Index: o.Index, Note: outcomeNames[how]})
	if c := &w.load.clients[o.Client]; c.pending == o.ID {
		c.pending = 0
		if !w.load.stopped {
			w.at(w.now+raft.Time(c.rand.Between(int64(w.load.pause)/2, int64(w.load.pause)*3/2)), event{kind: evClient, n: uint64(o.Client)})
		}
	}
}

var outcomeNames = [...]string{OpPending: "waiting", OpDone: "done", OpRefused: "refused", OpUnknown: "unknown"}

// audit checks, when everything has settled, how often each command was applied.
func (w *World) audit() {
	for i := range w.load.ops {
		o := &w.load.ops[i]
		if o.ID == 0 || o.Kind == OpGet {
			continue
		}
		switch o.Outcome {
		case OpDone:
			w.witness.must(o.Applied == 1, AppliedOnce, func() string {
				return "command " + num(o.ID) + " was acknowledged and applied " + num(uint64(o.Applied)) + " times"
			})
		case OpRefused:
			w.witness.must(o.Applied == 0, RefusedIsRefused, func() string {
				return "command " + num(o.ID) + " was refused and applied " + num(uint64(o.Applied)) + " times"
			})
		default:
			w.witness.must(o.Applied <= 1, AppliedOnce, func() string {
				return "command " + num(o.ID) + " was applied " + num(uint64(o.Applied)) + " times"
			})
		}
	}
}

func putUint64(b []byte, v uint64) {
	for i := range 8 {
		b[i] = byte(v >> (8 * i))
	}
}

func getUint64(b []byte) (v uint64) {
	for i := range 8 {
		v |= uint64(b[i]) << (8 * i)
	}
	return v
}
