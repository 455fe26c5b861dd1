package explore

import (
	"slices"

	"veche/raft"
)

// state is one state of the whole. Encoded it is some words, see encode.
type state struct {
	key       uint64 // the same for all its renamings
	locals    [serversMax]*local
	committed *logNode // the longest log that was ever committed
	ghost     ghost
	budget    budget
	messages  []*message // in increasing order of number
	last      lastStep
}

// ghost is what the promises to clients need to be remembered, packed:
// committing term, acknowledged index, where two reads began, what was told to
// be lost.
type ghost uint64

const (
	ghostTerm  = 0  // 8 bits: the term whose leader committed the last of committed
	ghostAcked = 8  // 8 bits: the highest index told to a client as committed
	ghostRead  = 16 // 8 bits for each of two reads: 1 + what it must cover, 0 none
	ghostLost  = 32 // 16 bits: proposals told to be lost, by number
)

func (g ghost) field(at int) int { return int(g >> at & 0xff) }
func (g ghost) with(at, v int) ghost {
	return g&^(0xff<<at) | ghost(v&0xff)<<at
}

// lastStep is the delivery by which a state was reached first: of two that
// commute only one order is walked, see skips.
type lastStep struct {
	message *message // nil: it commutes with nothing
}

// identify computes the key: the least of the hashes under all renamings. What
// is in a set is added up, so its order does not matter.
func (w *world) identify(st *state) {
	rest := mix(uint64(st.ghost)) + mix(uint64(st.budget)+1<<60)
	key := ^uint64(0)
	for g := range w.renamings {
		sum := rest + mix(st.committed.sums[g]+7)
		for k := range w.servers {
			sum += st.locals[k].sums[g]
		}
		for _, m := range st.messages {
			sum += m.sums[g]
		}
		key = min(key, mix(sum))
	}
	st.key = max(key, 1) // 0 marks an empty place
}

// encode appends the state to words.
func (w *world) encode(words []uint32, st *state) []uint32 {
	last := ^uint32(0)
	if st.last.message != nil {
		last = st.last.message.number
	}
	words = append(words, uint32(len(st.messages)), uint32(st.key), uint32(st.key>>32), st.committed.number,
		uint32(st.ghost), uint32(st.ghost>>32), uint32(st.budget), uint32(st.budget>>32), last)
	for k := range w.servers {
		words = append(words, st.locals[k].number)
	}
	for _, m := range st.messages {
		words = append(words, m.number)
	}
	return words
}

// decode reads a state and gives the words behind it.
func (w *world) decode(words []uint32, st *state) []uint32 {
	n := int(words[0])
	long := func(k int) uint64 { return uint64(words[k]) | uint64(words[k+1])<<32 }
	st.key, st.committed, st.ghost, st.budget = long(1), w.logs.get(words[3]), ghost(long(4)), budget(long(6))
	st.last = lastStep{}
	if words[8] != ^uint32(0) {
		st.last.message = w.messages.get(words[8])
	}
	words = words[9:]
	for k := range w.servers {
		st.locals[k] = w.locals.get(words[k])
	}
	words = words[w.servers:]
	st.messages = st.messages[:0]
	for _, number := range words[:n] {
		st.messages = append(st.messages, w.messages.get(number))
	}
	return words[n:]
}

// mail brings what was sent on its way, and drops what is of no use: what can
// have no effect any more, and the oldest of a channel that is full. quiet: it
// dropped nothing.
func (w *world) mail(messages []*message, sends []*message, st *state, changed int) (_ []*message, quiet bool) {
	for _, m := range sends {
		if k, found := slices.BinarySearchFunc(messages, m, byNumber); !found {
			messages = slices.Insert(messages, k, m)
		}
	}
	before := len(messages)
	messages = slices.DeleteFunc(messages, func(m *message) bool {
		return (int(m.to) == changed || int(m.from) == changed) && w.dead(m, st.locals[m.to])
	})
	for _, m := range sends {
		for w.inChannel(messages, m.from, m.to) > w.scope.Channel {
			messages = dropOldest(messages, m.from, m.to)
		}
	}
	return messages, len(messages) == before
}

func (w *world) inChannel(messages []*message, from, to uint8) int {
	n := 0
	for _, m := range messages {
		if m.from == from && m.to == to {
			n++
		}
	}
	return n
}

func dropOldest(messages []*message, from, to uint8) []*message {
	oldest := -1
	for k, m := range messages {
		if m.from == from && m.to == to && (oldest < 0 || m.order < messages[oldest].order) {
			oldest = k
		}
	}
	return slices.Delete(messages, oldest, oldest+1)
}

func byNumber(a, b *message) int { return int(a.number) - int(b.number) }

// action is one step of the whole: an input at a server.
type action struct {
	slot   int
	in     input
	remove *message // what was delivered, unless it stays on its way
	spends spend
	costs  bool
}

// actions lists what can happen in st.
func (w *world) actions(st *state, yield func(action)) {
	for _, m := range st.messages {
		w.deliveries(st, m, yield)
	}
	for k := range w.servers {
		w.ownActions(st, k, yield)
	}
}

func (w *world) deliveries(st *state, m *message, yield func(action)) {
	to := int(m.to)
	in := makeInput(inReceive, m.number)
	l := st.locals[to]
	if m.m.Kind == raft.KindRequestVote && w.outcome(l, in).hears {
		yield(action{slot: to, in: makeInput(inLate, m.number), remove: m})
		if !w.scope.Sticky {
			return
		}
	}
	yield(action{slot: to, in: in, remove: m})
	if st.budget.left(spendRepeat) > 0 {
		yield(action{slot: to, in: in, spends: spendRepeat, costs: true})
	}
}

func (w *world) ownActions(st *state, k int, yield func(action)) {
	l := st.locals[k]
	pay := func(s spend, kind inputKind, arg uint32) {
		yield(action{slot: k, in: makeInput(kind, arg), spends: s, costs: true})
	}
	has := func(s spend) bool { return st.budget.left(s) > 0 }
	if len(l.s.pending) > 0 {
		yield(action{slot: k, in: makeInput(inPersist, 0)})
	}
	if has(spendCrash) {
		for n := range len(l.s.pending) + 1 {
			pay(spendCrash, inCrash, uint32(n))
		}
	}
	if has(spendRead) {
		pay(spendRead, inRead, uint32(w.used(st.budget, spendRead)))
	}
	if has(spendSnapshot) && l.s.applied.index > l.s.file.index {
		pay(spendSnapshot, inSnapshot, 0)
	}
	if l.role != raft.Leader {
		if has(spendCampaign) {
			pay(spendCampaign, inCampaign, 0)
		}
		return
	}
	if has(spendProposal) {
		pay(spendProposal, inPropose, uint32(1+w.used(st.budget, spendProposal)))
	}
	if has(spendBeat) {
		pay(spendBeat, inBeat, 0)
	}
	if has(spendTransfer) {
		for o := range w.servers {
			if o != k {
				pay(spendTransfer, inTransfer, uint32(o))
			}
		}
	}
	if has(spendChange) {
		for c := range w.scope.Changes {
			pay(spendChange, inChange, uint32(c))
		}
	}
}

// skips says whether the delivery of m, which does r, may be left out in a state
// that was reached by delivering another one, because delivering m first and that
// one then leads to the same state. Both deliveries are at different servers, m
// was on its way before, neither is told to clients or commits anything, and no
// channel overflows in either order. Of two such deliveries the one with the
// greater order is walked last.
//
// It is sound in a search by levels: if a state is left out here, it has another
// predecessor on the same level whose skipped step, if any, is of a greater
// order; there are finitely many orders, so some predecessor reaches it. The
// order is the same under all renamings.
func (w *world) skips(st *state, m *message, l *local, r *result) bool {
	a := st.last.message
	if a == nil || w.scope.bothOrders || m.order >= a.order || m.to == a.to || m.from == a.to || r.shows(l) {
		return false
	}
	for o := range uint8(w.servers) {
		if o == m.to {
			continue
		}
		n := w.inChannel(st.messages, m.to, o)
		if a.from == m.to && a.to == o {
			n++ // it was on its way when m was delivered
		}
		for _, x := range r.sends {
			if x == a {
				return false
			}
			if x.to == o {
				n++
			}
		}
		if n > w.scope.Channel {
			return false
		}
	}
	return true
}

// shows says whether the result matters beyond the server and its messages.
func (r *result) shows(l *local) bool {
	return len(r.told) > 0 || r.next.commit != l.commit || r.next.role != l.role || r.next.s.broken != ""
}
