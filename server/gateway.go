package server

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"go.etcd.io/etcd/api/v3/etcdserverpb/gw"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
)

// insideBuffer is the pipe between the gateway and gRPC, in each direction.
const insideBuffer = 256 << 10

// dialInside connects to our own gRPC server without a socket, so that a
// request as JSON passes the same checks, bounds and metrics as any other. The
// connection has no identity of its own.
func (s *Server) dialInside() (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///inside",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return s.inside.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)),
	)
}

// newGateway translates JSON at /v3/ to gRPC and back, in etcd's dialect: names
// as in the .proto files, nothing that is empty, 64-bit numbers as strings,
// unknown fields ignored, POST alone.
func (s *Server) newGateway() (http.Handler, error) {
	mux := runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.HTTPBodyMarshaler{
			Marshaler: &runtime.JSONPb{
				MarshalOptions:   protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: false},
				UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: true},
			},
		}),
		runtime.WithDisablePathLengthFallback(), // a form is not a request
	)
	for _, register := range []func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error{
		gw.RegisterKVHandler, gw.RegisterWatchHandler, gw.RegisterLeaseHandler,
		gw.RegisterClusterHandler, gw.RegisterMaintenanceHandler, gw.RegisterAuthHandler,
	} {
		if err := register(context.Background(), mux, s.gateway); err != nil {
			return nil, fmt.Errorf("register a service: %w", err)
		}
	}
	return mux, nil
}
