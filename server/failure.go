package server

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"veche/host"
	"veche/store"
)

// failures maps what the rooms below say to what etcd's clients understand:
// they tell errors apart by these texts.
var failures = []struct{ from, to error }{
	{store.ErrKeyEmpty, rpctypes.ErrGRPCEmptyKey},
	{store.ErrKeyNotFound, rpctypes.ErrGRPCKeyNotFound},
	{store.ErrValueProvided, rpctypes.ErrGRPCValueProvided},
	{store.ErrLeaseProvided, rpctypes.ErrGRPCLeaseProvided},
	{store.ErrLeaseNotFound, rpctypes.ErrGRPCLeaseNotFound},
	{store.ErrTooManyOps, rpctypes.ErrGRPCTooManyOps},
	{store.ErrDuplicateKey, rpctypes.ErrGRPCDuplicateKey},
	{store.ErrInvalidSortOption, rpctypes.ErrGRPCInvalidSortOption},
	{store.ErrCompacted, rpctypes.ErrGRPCCompacted},
	{store.ErrFutureRevision, rpctypes.ErrGRPCFutureRev},
	{host.ErrNoLeader, rpctypes.ErrGRPCNoLeader},
	{host.ErrOverloaded, rpctypes.ErrGRPCRequestTooManyRequests},
	{host.ErrTooLarge, rpctypes.ErrGRPCRequestTooLarge},
	{host.ErrStopped, rpctypes.ErrGRPCStopped},
	{host.ErrRemoved, rpctypes.ErrGRPCStopped},
	// Whether it was applied is unknown: etcd's clients repeat no write after it.
	{host.ErrUnknown, rpctypes.ErrGRPCTimeoutDueToLeaderFail},
	// etcd has no word for these two; "database space exceeded" would send
	// people to compact and disarm, which does not help here.
	{host.ErrLogFull, status.Error(codes.ResourceExhausted, "veche: "+host.ErrLogFull.Error())},
	{host.ErrFresh, status.Error(codes.Unavailable, "veche: "+host.ErrFresh.Error())},
	{context.Canceled, rpctypes.ErrGRPCCanceled},
	{context.DeadlineExceeded, rpctypes.ErrGRPCTimeout},
}

// failure turns an error of the rooms below into one for the client.
func failure(err error) error {
	if err == nil {
		return nil
	}
	for _, f := range failures {
		if errors.Is(err, f.from) {
			return f.to
		}
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	return status.Error(codes.Unknown, "veche: "+err.Error())
}
