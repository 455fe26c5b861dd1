package host

import (
	"context"
	"errors"
	"strings"
	"testing"

	"veche/raft"
)

func (w *world) change(n *node, changes ...raft.Change) *answer {
	a := &answer{}
	a.Waiter = a
	n.loop.Change(1, &a.Request, changes)
	n.wake = w.now
	return a
}

// Goal: a change of the members ends once, with the core's word or reason.
// Method: one that is carried out, some that are refused, one that is given up.
func TestGroup_ChangeOfTheMembers(t *testing.T) {
	w := newWorld(t, 3, nil)
	l, f := w.elect(), w.follower()
	w.end(w.propose(l, "ready"))
	w.run(raft.Second, nil)
	update := raft.Change{Kind: raft.ChangeUpdate, Member: raft.Member{ID: f.id, Name: "other"}}
	if r := w.end(w.change(l, update)); r.Err != nil || r.Index == 0 {
		t.Fatalf("at the leader: %+v", r)
	}
	if m, _ := f.group.config.Member(f.id); m.Name != "other" {
		w.agree()
		if m, _ = f.group.config.Member(f.id); m.Name != "other" {
			t.Errorf("the follower knows itself as %+v", m)
		}
	}
	for _, c := range []struct {
		name string
		at   *node
		what raft.Change
		want error
	}{
		{"at a follower", f, update, ErrNotLeader},
		{"nobody's", l, raft.Change{Kind: raft.ChangeRemove, Member: raft.Member{ID: 99}}, ErrBadChange},
		{"twice the same", l, raft.Change{Kind: raft.ChangeAddVoter, Member: raft.Member{ID: f.id}}, ErrBadChange},
	} {
		var refused *RefusedError
		if r := w.end(w.change(c.at, c.what)); !errors.Is(r.Err, c.want) || !errors.As(r.Err, &refused) || r.Index != 0 {
			t.Errorf("%s: %+v", c.name, r)
		} else if c.at == f && refused.Leader != l.id {
			t.Errorf("%s: %d leads, it says", c.name, refused.Leader)
		}
	}
	w.drop = func(m *raft.Message) bool { return m.From == l.id }
	stuck := w.change(l, update)
	w.run(10*raft.Millisecond, nil)
	l.loop.Cancel(1, &stuck.Request)
	l.wake = w.now
	if r := w.end(stuck); !errors.Is(r.Err, ErrUnknown) {
		t.Errorf("given up: %+v", r)
	}
	again := w.change(l, update)
	w.run(10*raft.Second, nil) // another leads
	if len(stuck.ends) != 1 || len(again.ends) != 1 || again.ends[0].Err == nil {
		t.Errorf("ends %v and %v", stuck.ends, again.ends)
	}
}

// Goal: a refusal names its reason for programs, and the leader for people.
func TestRefusedError_SaysWhyAndWhom(t *testing.T) {
	for reason, want := range map[raft.Reason]error{
		raft.ReasonNotLeader: ErrNotLeader, raft.ReasonNoLeader: ErrNoLeader, raft.ReasonChangePending: ErrChangePending,
		raft.ReasonBadChange: ErrBadChange, raft.ReasonNotCaughtUp: ErrNotCaughtUp, raft.ReasonTooFewHealthy: ErrTooFewHealthy,
		raft.ReasonNewcomer: ErrNewcomer, raft.ReasonLevel: ErrLevel, raft.ReasonNotReady: ErrNotReady, raft.ReasonTransferring: ErrNotReady,
		raft.ReasonRemoved: ErrRemoved, raft.ReasonLogFull: ErrLogFull, raft.ReasonFault: ErrRefused,
	} {
		err := error(&RefusedError{Reason: reason, Leader: 3, Name: "carol"})
		if !errors.Is(err, want) || strings.Contains(err.Error(), "carol") != (want == ErrNotLeader) {
			t.Errorf("%v: %v", reason, err)
		}
	}
}

// Goal: members come and go at running Hosts: the leader does it, another names
// the leader, and who was removed stops with a sentence.
func TestHost_ChangeAndRemove(t *testing.T) {
	ctx := timeLimit(t)
	v := newTown(t, 3, nil)
	v.startAll()
	l, f := v.leader(ctx), v.follower(ctx)
	if _, err := f.h.Propose(ctx, []byte("ready")); err != nil {
		t.Fatal(err)
	}
	remove := []raft.Change{{Kind: raft.ChangeRemove, Member: raft.Member{ID: f.id}, Force: true}}
	if _, err := f.h.Change(ctx, remove); !errors.Is(err, ErrNotLeader) || !strings.Contains(err.Error(), l.h.named(l.id)) {
		t.Fatalf("at a follower: %v", err)
	}
	index, err := l.h.Change(ctx, remove)
	for errors.Is(err, ErrChangePending) && ctx.Err() == nil { // a leader that is new has its own to end first
		index, err = l.h.Change(ctx, remove)
	}
	if err != nil || index == 0 {
		t.Fatalf("at the leader: %d, %v", index, err)
	}
	select {
	case <-f.h.Done():
	case <-ctx.Done():
		t.Fatal("the removed one runs on")
	}
	if err := f.h.Err(); !errors.Is(err, ErrRemoved) {
		t.Errorf("the removed one stopped: %v", err)
	}
	if _, err := l.h.Propose(ctx, []byte("x")); err != nil {
		t.Errorf("the two that are left: %v", err)
	}
	if _, err := l.h.Change(ctx, nil); !errors.Is(err, ErrBadChange) {
		t.Errorf("a change of nothing: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := l.h.Change(ended, remove); !errors.Is(err, context.Canceled) {
		t.Errorf("without time: %v", err)
	}
}
