package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/metadata"

	"veche/host"
)

// patiently runs a request within its caller's deadline and the server's own.
//
// While nobody leads, the host holds a request until somebody does, since an
// election takes a moment and etcd's clients do not repeat writes by themselves.
// That patience is the outage's, not the request's: it counts from when the
// leader went missing, so that in a long outage every request is answered at
// once. A caller who sent "hasleader" has none at all.
func (s *Server) patiently(caller context.Context, try func(context.Context) error) error {
	ctx, cancel := s.bounded(caller)
	defer cancel()
	if s.leaderless() {
		left := s.cfg.LeaderWait - s.outage.lasts()
		if left <= 0 || requiresLeader(caller) {
			return rpctypes.ErrGRPCNoLeader
		}
		giveUp := time.AfterFunc(left, func() {
			if s.leaderless() {
				cancel()
			}
		})
		defer giveUp.Stop()
	}
	err := try(ctx)
	if err == nil {
		s.outage.over()
		return nil
	}
	return s.ended(caller, err)
}

// leaderless says whether nobody is known to lead.
func (s *Server) leaderless() bool {
	p := s.cfg.Node.Picture()
	return p.leading() == 0
}

// ended tells the client how a request ended that came to nothing. A host that
// had to give up may still know that the command was not carried out, and says
// so beside the error of the context.
func (s *Server) ended(caller context.Context, err error) error {
	late := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	switch {
	case late && errors.Is(caller.Err(), context.Canceled):
		return rpctypes.ErrGRPCCanceled
	case late && (errors.Is(err, host.ErrUnknown) || errors.Is(err, host.ErrStopped)):
		return rpctypes.ErrGRPCTimeout
	}
	return failure(err)
}

// bounded gives a context that ends a little before the caller's deadline, so
// that he hears from us, and at the latest after the server's own timeout.
func (s *Server) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := s.cfg.RequestTimeout
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		limit = min(limit, left-min(answerMargin, left/10))
	}
	return context.WithTimeout(ctx, limit)
}

// requiresLeader says whether the caller wants an error at once when nobody
// leads.
func requiresLeader(ctx context.Context) bool {
	md, ok := metadata.FromIncomingContext(ctx)
	if !ok {
		return false
	}
	v := md.Get(rpctypes.MetadataRequireLeaderKey)
	return len(v) > 0 && v[0] == rpctypes.MetadataHasLeader
}

// outage remembers since when requests have found no leader.
type outage struct {
	mu    sync.Mutex // guards: since
	since time.Time  // zero: there is none
}

func (o *outage) over() {
	o.mu.Lock()
	o.since = time.Time{}
	o.mu.Unlock()
}

// lasts begins an outage if there is none and says how long it has lasted.
func (o *outage) lasts() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		o.since = time.Now()
	}
	return time.Since(o.since)
}
