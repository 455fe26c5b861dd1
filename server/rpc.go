package server

import (
	"context"
	"fmt"
	"math"
	"path"
	"runtime/debug"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

// newGRPC makes the gRPC server with every service of etcd registered: what is
// not built answers with a sentence instead of "unknown service".
func (s *Server) newGRPC() *grpc.Server {
	g := grpc.NewServer(
		grpc.MaxRecvMsgSize(requestBytesMax+receiveOverhead),
		grpc.MaxSendMsgSize(math.MaxInt32), // as etcd: a range is as long as it is
		grpc.MaxConcurrentStreams(streamsMax),
		grpc.MaxHeaderListSize(headerBytesMax),
		grpc.ConnectionTimeout(handshakeMax),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: grpcPingMin}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: grpcIdleMax, Time: grpcPingEvery, Timeout: grpcPingWait,
		}),
		grpc.ChainUnaryInterceptor(s.measure, s.admit),
		grpc.ChainStreamInterceptor(s.measureStream),
	)
	pb.RegisterKVServer(g, &kvService{s: s})
	pb.RegisterMaintenanceServer(g, &maintenanceService{s: s})
	pb.RegisterClusterServer(g, &clusterService{s: s})
	pb.RegisterWatchServer(g, pb.UnimplementedWatchServer{})
	pb.RegisterLeaseServer(g, pb.UnimplementedLeaseServer{})
	pb.RegisterAuthServer(g, pb.UnimplementedAuthServer{})
	s.health = health.NewServer()
	s.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	healthpb.RegisterHealthServer(g, s.health)
	return g
}

// measure counts and times every request, and turns a panic into an error of
// that request alone.
func (s *Server) measure(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (res any, err error) {
	answered := s.metrics.request(shapeUnary, info.FullMethod)
	defer func() {
		if p := recover(); p != nil {
			res, err = nil, s.panicked(info.FullMethod, p)
		}
		err = notBuilt(info.FullMethod, err)
		answered(status.Code(err))
	}()
	return handle(ctx, req)
}

// admit refuses a request when too many are in flight already, and on a learner
// most of them.
func (s *Server) admit(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if p := s.cfg.Node.Picture(); p.learner(s.cfg.Self) && !supportedByLearner(info.FullMethod, req) {
		return nil, rpctypes.ErrGRPCNotSupportedForLearner
	}
	if s.inflight.Add(1) > requestsMax {
		s.inflight.Add(-1)
		return nil, rpctypes.ErrGRPCRequestTooManyRequests
	}
	defer s.inflight.Add(-1)
	return handle(ctx, req)
}

// measureStream does for a stream what measure does for a request, and ends it
// when the server stops: a health watch would never end by itself.
func (s *Server) measureStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
	shape := shapeServe
	if info.IsClientStream {
		shape = shapeBidi
	}
	answered := s.metrics.request(shape, info.FullMethod)
	defer func() {
		if p := recover(); p != nil {
			err = s.panicked(info.FullMethod, p)
		}
		err = notBuilt(info.FullMethod, err)
		answered(status.Code(err))
	}()
	if s.streams.Add(1) > openStreamsMax {
		s.streams.Add(-1)
		return rpctypes.ErrGRPCRequestTooManyRequests
	}
	defer s.streams.Add(-1)
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	ended := make(chan struct{})
	watching := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-s.stopping:
			cancel()
		case <-watching:
		}
	}()
	defer func() { close(watching); <-ended }()
	return handle(srv, &endingStream{ServerStream: stream, ctx: ctx})
}

// endingStream is a stream whose context ends with the server.
type endingStream struct {
	grpc.ServerStream
	ctx context.Context
}

// Context ends with the stream, or when the server stops.
func (e *endingStream) Context() context.Context { return e.ctx }

// panicked logs a panic with its stack; the client learns nothing of it.
func (s *Server) panicked(method string, p any) error {
	s.metrics.panics.Inc()
	s.log.Error("a request panicked; this is a mistake of the program, please report it",
		"method", method, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	return status.Error(codes.Internal, "veche: the request met a mistake of the program; the server's log has the details")
}

// notBuilt replaces the generated "method X not implemented" by a sentence that
// names the whole method and says what there is.
func notBuilt(method string, err error) error {
	if status.Code(err) != codes.Unimplemented {
		return err
	}
	service := path.Base(path.Dir(method))
	return status.Error(codes.Unimplemented, "veche: "+service+"/"+path.Base(method)+
		" is not built yet; KV (without RangeStream), Cluster, Maintenance/Status, Alarm and MoveLeader, and grpc.health.v1.Health are")
}
