package check

import (
	"fmt"
	"math"
	"slices"

	"github.com/anishathalye/porcupine"

	"veche/raft"
	"veche/sim"
)

// register is one key as its clients should see it: its value is the number of
// the operation that wrote it, 0 when there is none.
var register = porcupine.Model{
	Init: func() any { return uint64(0) },
	Step: func(state, input, output any) (bool, any) {
		has, in, out := state.(uint64), input.(*sim.Op), output.(*sim.Op)
		unknown := out.Outcome == sim.OpUnknown
		switch in.Kind {
		case sim.OpGet:
			return out.Value == has, has
		case sim.OpPut:
			return true, in.ID
		case sim.OpDelete:
			return true, uint64(0)
		default:
			swaps := has == in.Old
			if swaps {
				return unknown || out.Swapped, in.ID
			}
			return unknown || !out.Swapped, has
		}
	},
	Equal: func(a, b any) bool { return a.(uint64) == b.(uint64) },
	Hash:  func(s any) uint64 { return s.(uint64) },
}

// Linearizable checks the history of each key. It gives how many operations and
// keys it looked at, and an error that names the first key that no order of its
// operations explains.
//
// An operation whose end the client does not know may have happened at any time
// after its call; one that the replicated log never held did not happen.
func Linearizable(history []sim.Op) (ops, keys int, err error) {
	byKey := map[uint32][]porcupine.Operation{}
	for i := range history {
		o := &history[i]
		switch {
		case o.Outcome == sim.OpRefused, o.Outcome == sim.OpPending:
			continue
		case o.Outcome == sim.OpUnknown && (o.Kind == sim.OpGet || o.Applied == 0):
			continue
		}
		end := int64(o.Return)
		if o.Outcome == sim.OpUnknown {
			end = math.MaxInt64
		}
		byKey[o.Key] = append(byKey[o.Key], porcupine.Operation{ClientId: o.Client, Input: o, Output: o, Call: int64(o.Call), Return: end})
	}
	order := make([]uint32, 0, len(byKey))
	for key := range byKey {
		order = append(order, key)
	}
	slices.Sort(order)
	for _, key := range order {
		ops += len(byKey[key])
		if !porcupine.CheckOperations(register, byKey[key]) {
			return ops, len(order), fmt.Errorf("no order of the operations on key %d explains what clients saw:\n%s", key, describe(byKey[key]))
		}
	}
	return ops, len(order), nil
}

// describe lists the operations of a key, in order of their calls.
func describe(ops []porcupine.Operation) string {
	text := ""
	for _, p := range ops {
		o := p.Input.(*sim.Op)
		end := "and never knew"
		if o.Outcome == sim.OpDone {
			end = fmt.Sprintf("until %s, entry %d", sim.Millis(o.Return), o.Index)
		}
		what := ""
		switch o.Kind {
		case sim.OpGet:
			what = fmt.Sprintf("get: %d", o.Value)
		case sim.OpPut:
			what = fmt.Sprintf("put %d", o.ID)
		case sim.OpDelete:
			what = "delete"
		default:
			what = fmt.Sprintf("swap %d for %d: %v", o.Old, o.ID, o.Swapped)
		}
		text += fmt.Sprintf("  %12s  client %d at %s  %-28s %s\n", sim.Millis(o.Call), o.Client, sim.Server(raft.NodeID(o.Node+1)), what, end)
	}
	return text
}
