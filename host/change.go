package host

import (
	"errors"
	"slices"

	"veche/raft"
)

// Why a change of the configuration, or another request that only the leader
// carries out, was refused: a RefusedError wraps one of these, or ErrNoLeader,
// ErrOverloaded, ErrLogFull or ErrRemoved. Nothing was changed.
var (
	ErrNotLeader     = errors.New("this server does not lead; ask the leader")
	ErrNotReady      = errors.New("the leader is not ready for it at the moment; try again")
	ErrChangePending = errors.New("another change of the members is under way; try again when it has ended")
	ErrBadChange     = errors.New("the change fits no configuration: look at the list of members")
	ErrNewcomer      = errors.New("without newcomers there would be no majority; add them as learners first")
	ErrNotCaughtUp   = errors.New("the learner's log is too far behind to vote; wait until it has caught up")
	ErrTooFewHealthy = errors.New("too few voters of the new configuration answer; start them first, or force it")
	ErrLevel         = errors.New("a member's program is too old for this change; upgrade it first")
	ErrRefused       = errors.New("the core refused it")
)

// RefusedError is a refusal for certain: nothing was done.
type RefusedError struct {
	Reason raft.Reason
	Leader raft.NodeID // whom to ask, as far as this server knows; 0 nobody
	// Name is what people call the leader; empty: nobody said.
	Name string
}

// Error says why, what to do, and who leads.
func (e *RefusedError) Error() string {
	text := e.Unwrap().Error()
	if errors.Is(e.Unwrap(), ErrNotLeader) && e.Name != "" {
		text += ", " + e.Name
	}
	return text
}

// Unwrap gives the one of this package's errors that tells the reason.
func (e *RefusedError) Unwrap() error {
	switch e.Reason {
	case raft.ReasonNotLeader, raft.ReasonStaleTerm:
		return ErrNotLeader
	case raft.ReasonNoLeader:
		return ErrNoLeader
	case raft.ReasonTransferring, raft.ReasonNotReady, raft.ReasonDiskStalled:
		return ErrNotReady
	case raft.ReasonChangePending:
		return ErrChangePending
	case raft.ReasonNewcomer:
		return ErrNewcomer
	case raft.ReasonBadChange:
		return ErrBadChange
	case raft.ReasonNotCaughtUp:
		return ErrNotCaughtUp
	case raft.ReasonTooFewHealthy:
		return ErrTooFewHealthy
	case raft.ReasonLevel:
		return ErrLevel
	case raft.ReasonRemoved, raft.ReasonNotMember:
		return ErrRemoved
	case raft.ReasonOverloaded:
		return ErrOverloaded
	case raft.ReasonLogFull:
		return ErrLogFull
	case raft.ReasonTooLarge:
		return ErrTooLarge
	}
	return ErrRefused
}

// change hands changes of the configuration to the core, which answers now or
// when they are committed.
func (l *Loop) change(g *Group, r *Request, changes []raft.Change, now raft.Time, out *Effects) {
	if len(g.changes) >= changesMax {
		end(r, ErrOverloaded, out)
		return
	}
	g.changeTag++
	*r = Request{Waiter: r.Waiter, state: requestWaiting, change: g.changeTag}
	g.changes = append(g.changes, r)
	l.step(g, now, raft.Input{Kind: raft.InputChange, Tag: r.change, Changes: changes}, out)
}

// changed takes the core's word for a change. It says whether there is one with
// that tag.
func (g *Group) changed(o *raft.Outcome, out *Effects) bool {
	k := slices.IndexFunc(g.changes, func(r *Request) bool { return r.change == o.Tag })
	if k < 0 {
		return false
	}
	r := g.changes[k]
	g.changes = slices.Delete(g.changes, k, k+1)
	res := Result{Index: o.Index, Term: g.term}
	switch o.Kind {
	case raft.Committed:
	case raft.Rejected:
		res = Result{Err: &RefusedError{Reason: o.Reason, Leader: o.Leader}}
	default: // the leader that took it was deposed, or a snapshot covers it
		res = Result{Err: ErrUnknown}
	}
	r.state = requestEnded
	out.Done = append(out.Done, Completion{Request: r, Result: res})
	return true
}
