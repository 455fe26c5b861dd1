package server

import (
	"context"
	"errors"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"veche/host"
	"veche/raft"
	"veche/store"
)

// apiVersion is the version of etcd whose API this is: what clients compare
// before they rely on something.
const apiVersion = "3.7.3"

// clusterVersion is the same as etcd reports it for a whole cluster.
const clusterVersion = "3.7.0"

// maintenanceService is etcd's Maintenance, of which Status, MoveLeader and the
// reading of alarms are built.
type maintenanceService struct {
	pb.UnimplementedMaintenanceServer
	s *Server
}

// Status tells how this member stands; it asks nobody else.
func (m *maintenanceService) Status(context.Context, *pb.StatusRequest) (*pb.StatusResponse, error) {
	s, p := m.s, m.s.cfg.Node.Picture()
	var rev store.Revision
	var size int64
	s.cfg.Node.View(func(sm host.StateMachine) {
		st := storeOf(sm)
		rev, size = st.Revision(), st.Size()
	})
	size = max(size, 1) // etcdctl divides by it, and panics on an empty store
	return &pb.StatusResponse{
		Header:           s.header(rev, p.Term),
		Version:          apiVersion,
		StorageVersion:   "veche " + s.version(),
		DbSize:           size,
		DbSizeInUse:      size,
		Leader:           uint64(p.leading()),
		RaftIndex:        uint64(p.Commit),
		RaftTerm:         uint64(p.Term),
		RaftAppliedIndex: uint64(p.Applied),
		IsLearner:        p.learner(s.cfg.Self),
		Errors:           troubles(&p),
		DowngradeInfo:    &pb.DowngradeInfo{}, // none is under way
	}, nil
}

// Alarm tells that there is no alarm: no part of this server raises one, and
// what is wrong with it stands in its Status. etcdctl asks this, after a
// linearizable read, before it calls a member healthy.
func (m *maintenanceService) Alarm(_ context.Context, r *pb.AlarmRequest) (*pb.AlarmResponse, error) {
	if r.GetAction() == pb.AlarmRequest_ACTIVATE {
		return nil, status.Error(codes.FailedPrecondition, "veche: an alarm cannot be raised by hand; this server has none")
	}
	s, p := m.s, m.s.cfg.Node.Picture()
	var rev store.Revision
	s.cfg.Node.View(func(sm host.StateMachine) { rev = storeOf(sm).Revision() })
	return &pb.AlarmResponse{Header: s.header(rev, p.Term)}, nil
}

// troubles lists what is wrong with a member, in etcd's words where it has some.
func troubles(p *Picture) []string {
	var t []string
	if p.leading() == 0 {
		t = append(t, "etcdserver: no leader")
	}
	if why := p.trouble(); why != "" {
		t = append(t, "veche: this member has halted: "+why)
	}
	return t
}

// version is that of the program, for people.
func (s *Server) version() string {
	if s.cfg.Version == "" {
		return "of unknown version"
	}
	return s.cfg.Version
}

// MoveLeader hands leadership to a voter. Only the leader does it: etcd's
// clients look for it themselves. The answer is as empty as etcd's.
func (m *maintenanceService) MoveLeader(ctx context.Context, r *pb.MoveLeaderRequest) (*pb.MoveLeaderResponse, error) {
	if p := m.s.cfg.Node.Picture(); p.Role != raft.Leader {
		return nil, rpctypes.ErrGRPCNotLeader
	}
	if r.GetTargetID() == 0 {
		return nil, rpctypes.ErrGRPCBadLeaderTransferee
	}
	_, err := m.s.transfer(ctx, &TransferRequest{To: ID(r.GetTargetID()), Forwarded: true})
	switch {
	case err == nil:
		return &pb.MoveLeaderResponse{}, nil
	case errors.Is(err, rpctypes.ErrGRPCBadLeaderTransferee), errors.Is(err, rpctypes.ErrGRPCNotLeader), errors.Is(err, rpctypes.ErrGRPCCanceled):
		return nil, err
	}
	return nil, errNoTransfer
}

// errNoTransfer is etcd's, which has no name in its API: the other did not take
// over.
var errNoTransfer = status.Error(codes.Unknown, "etcdserver: request timed out, leader transfer took too long")
