package server

import (
	"context"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"veche/host"
	"veche/store"
)

// apiVersion is the version of etcd whose API this is: what clients compare
// before they rely on something.
const apiVersion = "3.7.3"

// clusterVersion is the same as etcd reports it for a whole cluster.
const clusterVersion = "3.7.0"

// maintenanceService is etcd's Maintenance, of which Status and the reading of
// alarms are built.
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

// clusterService is etcd's Cluster, of which MemberList is built.
type clusterService struct {
	pb.UnimplementedClusterServer
	s *Server
}

// MemberList lists the members of the configuration in force; linearizable
// when asked, which etcd's own client does by default.
func (c *clusterService) MemberList(ctx context.Context, r *pb.MemberListRequest) (*pb.MemberListResponse, error) {
	if r.GetLinearizable() {
		if err := c.s.read(ctx, false, func(*store.Store) error { return nil }); err != nil {
			return nil, err
		}
	}
	p := c.s.cfg.Node.Picture()
	res := &pb.MemberListResponse{Header: c.s.header(0, p.Term)}
	for _, m := range p.Config.Members {
		out := &pb.Member{ID: uint64(m.ID), Name: m.Name, PeerURLs: urls(m.PeerAddr), IsLearner: p.learner(m.ID)}
		out.ClientURLs = urls(m.ClientAddr)
		res.Members = append(res.Members, out)
	}
	return res, nil
}

// urls is how etcd's clients want an address: a list, empty when it is unknown.
func urls(addr string) []string {
	if addr == "" {
		return nil
	}
	return []string{"http://" + addr}
}
