package server

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"veche/host"
	"veche/raft"
)

// A change of the configuration is decided by the leader, who alone knows how
// far the others are. Any member takes it and passes it on to the leader's
// client address, as JSON: that port is open to whoever may ask for a change,
// the members know each other's address there, and one path (relay.go) serves
// this, `veche member` and etcd's Cluster service alike. Peers' connections
// carry raft's messages alone, none of which has a person waiting for a sentence.
//
// Every change can be repeated without harm: an id is drawn before the first
// try, and what has been done already is recognized. So a try whose end is not
// known is repeated until it is, within the caller's time.

// Errors inside this room: the request should be tried once more.
var (
	errElsewhere = errors.New("another member leads")
	errNotYet    = errors.New("the leader is busy with another change")
)

// Change has the configuration changed, from any member, and returns the new
// one. The errors are etcd's.
func (s *Server) Change(caller context.Context, q *ChangeRequest) (*ChangeReport, error) {
	var r *ChangeReport
	request := *q
	err := s.patiently(caller, func(ctx context.Context) error {
		return s.untilSettled(ctx, func() (err error) {
			p := s.cfg.Node.Picture()
			switch {
			case p.Role == raft.Leader:
				r, err = s.changeHere(ctx, &request)
			case request.Forwarded:
				return rpctypes.ErrGRPCNotLeader
			default:
				r = &ChangeReport{}
				passed := request
				passed.Forwarded = true
				err = s.relay(ctx, &p, changePath, &passed, r)
			}
			request.Again = request.Again || uncertain(err)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// untilSettled tries until something else than "once more" comes of it, or ctx
// ends.
func (s *Server) untilSettled(ctx context.Context, try func() error) error {
	t := time.NewTicker(changePause)
	defer t.Stop()
	for {
		err := try()
		if !onceMore(err) {
			return err
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			if s.leaderless() {
				return host.ErrNoLeader
			}
			return ctx.Err()
		}
	}
}

// uncertain says whether a try that failed may have come to something.
func uncertain(err error) bool {
	return errors.Is(err, host.ErrUnknown) || errors.Is(err, errRelay)
}

// onceMore says whether it is worth trying again.
func onceMore(err error) bool {
	return uncertain(err) || errors.Is(err, errElsewhere) || errors.Is(err, errNotYet)
}

// changeHere changes the configuration on the leader.
func (s *Server) changeHere(ctx context.Context, q *ChangeRequest) (*ChangeReport, error) {
	changes, err := q.changes()
	if err != nil {
		return nil, err
	}
	p := s.cfg.Node.Picture()
	switch {
	case p.changing():
		return nil, errNotYet // to judge by a configuration that may go away again
	case q.Again && allDone(&p.Config, changes):
		if err := s.cfg.Node.Read(ctx, func(host.StateMachine) {}); err != nil { // this member leads indeed
			return nil, err
		}
		return s.changeReport(&p), nil
	}
	if err := judge(&p.Config, changes); err != nil {
		return nil, err
	}
	keepPriorities(&p.Config, q, changes)
	index, err := s.cfg.Node.Change(ctx, changes)
	if err != nil {
		return nil, s.refusedChange(err, changes)
	}
	before := p
	p, err = s.pictureAt(ctx, index)
	if err != nil {
		return nil, err
	}
	if p.ConfigIndex < index { // this member has removed itself, and shows nothing new any more
		if next, err := before.Config.With(changes); err == nil {
			p.Config = next
		}
	}
	return s.changeReport(&p), nil
}

// refusedChange puts the core's refusal into etcd's words.
func (s *Server) refusedChange(err error, changes []raft.Change) error {
	refused, ok := errors.AsType[*host.RefusedError](err)
	if !ok {
		return err
	}
	p := s.cfg.Node.Picture()
	switch refused.Reason {
	case raft.ReasonNotLeader, raft.ReasonNoLeader, raft.ReasonStaleTerm:
		return errElsewhere
	case raft.ReasonChangePending, raft.ReasonNotReady, raft.ReasonTransferring, raft.ReasonOverloaded, raft.ReasonDiskStalled:
		return errNotYet
	case raft.ReasonNotCaughtUp:
		return rpctypes.ErrGRPCLearnerNotReady
	case raft.ReasonTooFewHealthy, raft.ReasonNewcomer:
		if refused.Reason == raft.ReasonNewcomer && promotes(changes) {
			return rpctypes.ErrGRPCLearnerNotReady
		}
		if enoughStarted(&p.Config, changes) {
			return rpctypes.ErrGRPCUnhealthy
		}
		return rpctypes.ErrGRPCMemberNotEnoughStarted
	case raft.ReasonNotMember, raft.ReasonRemoved:
		return rpctypes.ErrGRPCMemberNotFound
	case raft.ReasonLevel:
		return ErrLevel
	case raft.ReasonBadChange:
		if err := judge(&p.Config, changes); err != nil {
			return err // it was overtaken by another change
		}
	}
	return status.Error(codes.FailedPrecondition, "veche: the configuration was not changed: "+refused.Reason.String())
}

// ErrLevel refuses a joint change; etcd has no word for it. `veche member replace` then goes in two
// steps.
var ErrLevel = status.Error(codes.FailedPrecondition, "veche: a member's program is too old for more than one change at a time; upgrade it, or change one member after the other")

// pictureAt waits until the picture shows the configuration of an entry that is
// committed: it is made about once in a millisecond.
func (s *Server) pictureAt(ctx context.Context, index raft.Index) (Picture, error) {
	t := time.NewTicker(time.Millisecond)
	defer t.Stop()
	for {
		p := s.cfg.Node.Picture()
		if p.ConfigIndex >= index && p.Commit >= index || p.trouble() != "" {
			return p, nil
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return p, ctx.Err()
		}
	}
}

// transfer hands leadership to a member, or to the best one if to is 0, from
// any member.
func (s *Server) transfer(caller context.Context, q *TransferRequest) (*TransferReport, error) {
	var r *TransferReport
	err := s.patiently(caller, func(ctx context.Context) error {
		return s.untilSettled(ctx, func() (err error) {
			p := s.cfg.Node.Picture()
			switch {
			case p.Role == raft.Leader:
				r, err = s.transferHere(ctx, q)
			case q.Forwarded:
				return rpctypes.ErrGRPCNotLeader
			default:
				r = &TransferReport{}
				err = s.relay(ctx, &p, transferPath, &TransferRequest{To: q.To, Forwarded: true}, r)
			}
			if errors.Is(err, errRelay) {
				// It may have handed over; a second time might be one too many.
				return rpctypes.ErrGRPCTimeoutDueToConnectionLost
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (s *Server) transferHere(ctx context.Context, q *TransferRequest) (*TransferReport, error) {
	p := s.cfg.Node.Picture()
	to := raft.NodeID(q.To)
	r := &TransferReport{From: p.named(s.cfg.Self)}
	if to != 0 {
		if _, ok := p.member(to); !ok || p.learner(to) {
			return nil, rpctypes.ErrGRPCBadLeaderTransferee
		}
	}
	if to != s.cfg.Self {
		if err := s.cfg.Node.Transfer(ctx, to); err != nil {
			if ctx.Err() != nil {
				return nil, rpctypes.ErrGRPCTimeout
			}
			return nil, status.Error(codes.FailedPrecondition, "veche: "+err.Error())
		}
	}
	p = s.cfg.Node.Picture()
	r.To, r.Term = p.named(p.leading()), uint64(p.Term)
	return r, nil
}

// freshID draws an id that no member has or had: a random one, of 64 bits.
func freshID(c *raft.Configuration) raft.NodeID {
	for {
		var b [8]byte
		rand.Read(b[:]) // never fails
		id := raft.NodeID(binary.BigEndian.Uint64(b[:]))
		if _, known := c.Member(id); id != 0 && !known && !wasMember(c, id) {
			return id
		}
	}
}
