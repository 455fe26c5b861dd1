package server

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/status"

	"veche/raft"
	"veche/store"
)

// notLeader is how etcd says that another member leads.
var notLeader = status.Convert(rpctypes.ErrGRPCNotLeader).Message()

// clusterService is etcd's Cluster.
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
	return &pb.MemberListResponse{Header: c.s.header(0, p.Term), Members: fromMembers(members(&p.Config))}, nil
}

// MemberAdd adds a member, as a learner or, as etcd allows, as a voter at once.
func (c *clusterService) MemberAdd(ctx context.Context, r *pb.MemberAddRequest) (*pb.MemberAddResponse, error) {
	peer, err := peerAddr(r.GetPeerURLs())
	if err != nil {
		return nil, err
	}
	p := c.s.cfg.Node.Picture()
	id := freshID(&p.Config)
	q := MemberChange{Kind: "add-voter", ID: ID(id), Peer: peer}
	if r.GetIsLearner() {
		q.Kind = "add-learner"
	}
	list, h, err := c.change(ctx, q)
	if err != nil {
		return nil, err
	}
	added := &pb.Member{ID: uint64(id), PeerURLs: urls(peer), IsLearner: r.GetIsLearner()}
	return &pb.MemberAddResponse{Header: h, Member: added, Members: list}, nil
}

// MemberRemove removes a member; its id is never used again.
func (c *clusterService) MemberRemove(ctx context.Context, r *pb.MemberRemoveRequest) (*pb.MemberRemoveResponse, error) {
	list, h, err := c.change(ctx, MemberChange{Kind: "remove", ID: ID(r.GetID())})
	if err != nil {
		return nil, err
	}
	return &pb.MemberRemoveResponse{Header: h, Members: list}, nil
}

// MemberUpdate records another peer address of a member.
func (c *clusterService) MemberUpdate(ctx context.Context, r *pb.MemberUpdateRequest) (*pb.MemberUpdateResponse, error) {
	peer, err := peerAddr(r.GetPeerURLs())
	if err != nil {
		return nil, err
	}
	list, h, err := c.change(ctx, MemberChange{Kind: "update", ID: ID(r.GetID()), Peer: peer})
	if err != nil {
		return nil, err
	}
	return &pb.MemberUpdateResponse{Header: h, Members: list}, nil
}

// MemberPromote makes a learner a voter, if it has caught up.
func (c *clusterService) MemberPromote(ctx context.Context, r *pb.MemberPromoteRequest) (*pb.MemberPromoteResponse, error) {
	list, h, err := c.change(ctx, MemberChange{Kind: "promote", ID: ID(r.GetID())})
	if err != nil {
		return nil, err
	}
	return &pb.MemberPromoteResponse{Header: h, Members: list}, nil
}

// change has one change made, and gives the members and the header of the
// answer, which has no revision, as in etcd.
func (c *clusterService) change(ctx context.Context, m MemberChange) ([]*pb.Member, *pb.ResponseHeader, error) {
	r, err := c.s.Change(ctx, &ChangeRequest{Changes: []MemberChange{m}})
	if err != nil {
		return nil, nil, err
	}
	return fromMembers(r.Members), c.s.header(0, raft.Term(r.Term)), nil
}

func fromMembers(list []MemberReport) []*pb.Member {
	out := make([]*pb.Member, len(list))
	for k, m := range list {
		out[k] = &pb.Member{ID: uint64(m.ID), Name: m.Name, PeerURLs: urls(m.Peer), ClientURLs: urls(m.Client), IsLearner: m.Learner}
	}
	return out
}

// urls is how etcd's clients want an address: a list, empty when it is unknown.
func urls(addr string) []string {
	if addr == "" {
		return nil
	}
	return []string{"http://" + addr}
}

// peerAddr takes the one address out of etcd's list of URLs. Veche's members have
// one, and peers speak without TLS as yet.
func peerAddr(list []string) (string, error) {
	if len(list) != 1 {
		return "", rpctypes.ErrGRPCMemberBadURLs
	}
	u, err := url.Parse(strings.TrimSpace(list[0]))
	if err != nil || u.Scheme != "http" || u.Path != "" || u.RawQuery != "" || u.User != nil || u.Fragment != "" || !dialable(u.Host) {
		return "", rpctypes.ErrGRPCMemberBadURLs
	}
	return u.Host, nil
}

// dialable says whether an address is host:port with both parts.
func dialable(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host == "" {
		return false
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// supportedByLearner says whether a learner serves a request: as in etcd only
// reads of what it has itself, and its status.
func supportedByLearner(method string, req any) bool {
	switch r := req.(type) {
	case *pb.StatusRequest:
		return true
	case *pb.RangeRequest:
		return r.GetSerializable()
	}
	return slices.Contains(alwaysServed, method)
}

// alwaysServed are methods that say how this process is and touch nothing.
var alwaysServed = []string{"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/List", "/grpc.health.v1.Health/Watch"}
