package explore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"veche/raft"
)

// guide brings st to where the scope begins. Its commands, with servers by
// number:
//
//	elect A by B …    A campaigns, and only the voters B take part
//	append A to B …   A's entries reach B, and the answers A, until all is told
//	settle            every message is delivered until none is left
//	forget            every message on its way is lost
//	propose A, crash A, snapshot A, change A, campaign A, beat A
//
// Nothing of it counts against the budget.
func (w *world) guide(st *state) error {
	for _, line := range w.scope.Start {
		if err := w.command(st, strings.Fields(line)); err != nil {
			return fmt.Errorf("explore: %s: %q: %w", w.scope.Name, line, err)
		}
	}
	st.last = lastStep{}
	w.identify(st)
	return nil
}

func (w *world) command(st *state, words []string) error {
	var slots []uint8
	for _, word := range words[1:] {
		if n, err := strconv.Atoi(word); err == nil {
			if n < 1 || n > w.servers {
				return fmt.Errorf("there is no server %d", n)
			}
			slots = append(slots, uint8(n-1))
		}
	}
	one := map[string]inputKind{"propose": inPropose, "crash": inCrash, "snapshot": inSnapshot, "change": inChange, "campaign": inCampaign, "beat": inBeat}
	switch kind, own := one[words[0]]; {
	case words[0] == "settle":
		return w.deliverAll(st, func(*message) bool { return true })
	case words[0] == "forget":
		st.messages = nil
		return nil
	case len(slots) == 0:
		return fmt.Errorf("it names no server")
	case words[0] == "elect":
		if err := w.take(st, int(slots[0]), makeInput(inCampaign, 0), nil); err != nil {
			return err
		}
		if err := w.deliverAll(st, func(m *message) bool {
			return among(m, slots) && (m.m.Kind == raft.KindRequestVote || m.m.Kind == raft.KindVoteReply)
		}); err != nil {
			return err
		}
		if st.locals[slots[0]].role != raft.Leader {
			return fmt.Errorf("it is not elected")
		}
		return nil
	case words[0] == "append":
		return w.deliverAll(st, func(m *message) bool { return among(m, slots) })
	case own:
		arg := uint32(0)
		if kind == inPropose {
			arg = 15
		}
		return w.take(st, int(slots[0]), makeInput(kind, arg), nil)
	}
	return fmt.Errorf("there is no such command")
}

// among: between the first of the slots and another of them.
func among(m *message, slots []uint8) bool {
	return slices.Contains(slots, m.from) && slices.Contains(slots, m.to) && (m.from == slots[0] || m.to == slots[0])
}

// deliverAll delivers what is wanted until no such message is left.
func (w *world) deliverAll(st *state, wanted func(*message) bool) error {
	for range 1000 {
		at := slices.IndexFunc(st.messages, wanted)
		if at < 0 {
			return nil
		}
		m := st.messages[at]
		in := makeInput(inReceive, m.number)
		if w.outcome(st.locals[m.to], in).hears {
			in = makeInput(inLate, m.number)
		}
		if err := w.take(st, int(m.to), in, m); err != nil {
			return err
		}
	}
	return fmt.Errorf("the servers never stop talking")
}

// take takes one step, and confirms writes at once.
func (w *world) take(st *state, slot int, in input, remove *message) error {
	for {
		a := action{slot: slot, in: in, remove: remove}
		to := &state{}
		if broken := w.follow(st, &a, w.outcome(st.locals[slot], in), to); broken != "" {
			return fmt.Errorf("it breaks a promise: %s", broken)
		}
		*st = *to
		if len(st.locals[slot].s.pending) == 0 {
			return nil
		}
		in, remove = makeInput(inPersist, 0), nil
	}
}
