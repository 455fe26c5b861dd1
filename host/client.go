//go:build !wasip1 && !js

package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"veche/raft"
)

// Propose replicates a command and returns what the state machine said to it on
// this member. Any member may be asked; it passes the command on to the leader.
// The error is one of this package's, or wraps ctx's: then the command may or
// may not have been applied, unless it also wraps ErrNoLeader, ErrFresh,
// ErrOverloaded or ErrLogFull. command is not kept.
func (h *Host) Propose(ctx context.Context, command []byte) (Result, error) {
	r := h.ask(ctx, groupRequest{group: h.group}, command)
	return r, r.Err
}

// Read calls fn with the state machine as it is at some moment between the call
// and the return, with all that any member acknowledged before the call. fn must
// only read, and not keep what it saw of a changing state. Any member may be
// asked.
//
// With Config.Raft.LeaseReads the leader answers without asking the others as
// long as its lease holds. If the lease ends while fn runs, fn is called once
// more, after a round: what the last call saw counts.
func (h *Host) Read(ctx context.Context, fn func(StateMachine)) error {
	q := groupRequest{group: h.group, read: true}
	for {
		r := h.ask(ctx, q, nil)
		if r.Err != nil {
			return r.Err
		}
		h.View(fn)
		if r.Expiry == 0 {
			return nil
		}
		if _, eager := h.clocks.now(); eager < r.Expiry {
			return nil // fn saw the state while nobody else could lead
		}
		q.round = true
	}
}

// Change changes the members: all changes come into force together, by joint
// consensus if they are more than one. Only the leader does it. It returns the
// index of the entry after which the new configuration stands alone. The error
// is a RefusedError when nothing was changed, and names the leader if this
// server is not it. It is ErrUnknown, or wraps ctx's error with it, when the
// change may come into force or not: look at Status().Config.
func (h *Host) Change(ctx context.Context, changes []raft.Change) (raft.Index, error) {
	r := h.ask(ctx, groupRequest{group: h.group, changes: append([]raft.Change{}, changes...)}, nil)
	var refused *RefusedError
	if errors.As(r.Err, &refused) && refused.Leader != 0 {
		refused.Name = h.named(refused.Leader)
	}
	return r.Index, r.Err
}

// View calls fn with the state machine as this member knows it, which may be
// old. fn must only read.
func (h *Host) View(fn func(StateMachine)) {
	h.machine.RLock()
	defer h.machine.RUnlock()
	fn(h.cfg.StateMachine)
}

// ask hands a request to the loop and waits for its end.
func (h *Host) ask(ctx context.Context, q groupRequest, command []byte) Result {
	if err := ctx.Err(); err != nil {
		return Result{Err: fmt.Errorf("%w: nothing was done", err)}
	}
	c := h.calls.Get().(*call)
	c.Request = Request{Command: command, Waiter: c, Round: q.round}
	q.request = &c.Request
	if err := h.post(q); err != nil {
		return Result{Err: err}
	}
	select {
	case r := <-c.done:
		c.Request = Request{}
		h.calls.Put(c)
		return r
	case <-ctx.Done():
	}
	return h.giveUp(ctx, q, c)
}

// post puts a request into the inbox.
func (h *Host) post(q groupRequest) error {
	h.mu.Lock()
	switch {
	case h.closed:
		h.mu.Unlock()
		return ErrStopped
	case len(h.in.requests) >= inboxRequestsMax:
		h.mu.Unlock()
		return ErrOverloaded
	}
	h.in.requests = append(h.in.requests, q)
	h.mu.Unlock()
	h.wake()
	return nil
}

// giveUp takes a request back whose context has ended, and learns from the loop
// what is certain about it. The call is not used again: some list may still
// hold it.
func (h *Host) giveUp(ctx context.Context, q groupRequest, c *call) Result {
	h.mu.Lock()
	if !h.closed {
		h.in.cancels = append(h.in.cancels, q)
	}
	h.mu.Unlock()
	h.wake()
	r := <-c.done // the loop answers at once, or the applier is just about to
	if r.Err != nil {
		r.Err = fmt.Errorf("%w: %w", r.Err, ctx.Err())
	}
	return r
}

// Transfer hands leadership to a member, or to the best one if to is 0, and
// waits until another member leads. It fails when this member does not lead,
// when the target does not take over in time, or when ctx ends.
func (h *Host) Transfer(ctx context.Context, to raft.NodeID) error {
	if h.Status().Role != raft.Leader {
		return errors.New("this member does not lead; ask the leader to hand over")
	}
	w := transferWait{taken: make(chan struct{})}
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return ErrStopped
	}
	h.in.transfers = append(h.in.transfers, transferAsked{h.group, to})
	h.asked = append(h.asked, w)
	h.mu.Unlock()
	h.wake()
	<-w.taken // the loop closes it after the next turn, or when it ends
	for {
		changed := h.Changed()
		s := h.Status()
		switch {
		case s.Role != raft.Leader && s.Leader != 0 && s.Leader != s.Self:
			return nil
		case s.Role == raft.Leader && s.Transferee == 0:
			return fmt.Errorf("%s did not take over; this member leads on", h.named(to))
		}
		select {
		case <-changed:
		case <-h.done:
			return ErrStopped
		case <-ctx.Done():
			return fmt.Errorf("wait for another leader: %w", ctx.Err())
		}
	}
}

// Status is a picture of the Host. It never waits for the loop or the disk.
func (h *Host) Status() Status {
	s := h.published.Load().status
	s.Applied = raft.Index(h.applied.Load())
	s.Repeats = h.repeats.Load()
	s.Err = h.Err()
	return s
}

// Now is the current time on the clock of Status, to tell how long ago
// something in it was.
func (h *Host) Now() raft.Time { return h.now() }

// Changed gives a channel that is closed when the role, the leader, the term or
// the transfer under way is another than at the moment of the call. Ask for it
// before Status, so that nothing is missed between them.
func (h *Host) Changed() <-chan struct{} { return h.published.Load().changed }

// Done is closed when the Host has stopped, by Stop or for the reason in Err.
func (h *Host) Done() <-chan struct{} { return h.done }

// Err says why the Host stopped by itself, and what to do; nil if it did not.
func (h *Host) Err() error {
	h.failMu.Lock()
	defer h.failMu.Unlock()
	return h.failure
}

// Stop ends the Host and waits for its goroutines. If it leads, and ctx allows,
// it hands over first and waits for the new leader, at most one election
// timeout. Requests that have no end by then end with ErrStopped or ErrUnknown.
// It returns Err.
func (h *Host) Stop(ctx context.Context) error {
	if h.Status().Role == raft.Leader && len(h.Status().Config.Members) > 1 && !h.stopping() {
		handover, cancel := context.WithTimeout(ctx, time.Duration(h.core.cfg.Raft.ElectionMax))
		if err := h.Transfer(handover, 0); err != nil {
			h.log.Warn("left without handing over", "group", h.group, "err", err)
		}
		cancel()
	}
	h.stopOnce.Do(func() { close(h.stop) })
	<-h.done
	return h.Err()
}
