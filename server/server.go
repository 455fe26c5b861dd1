package server

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"

	"veche/raft"
)

// Config is what a Server is made with. Node, Self, ClusterID and Client must
// be given; the zero value of everything else has a meaning.
type Config struct {
	// Node is the running host. It is not stopped by the server.
	Node Node
	// ClusterID, Self and Name say who answers.
	ClusterID raft.ClusterID
	Self      raft.NodeID
	Name      string

	// Client is where clients connect: gRPC and HTTP. The server closes it.
	Client net.Listener
	// HTTP is where people and monitors connect; nil for nowhere. The server
	// closes it.
	HTTP net.Listener
	// ClientConns and HTTPConns bound the open connections of the two listeners,
	// for a process that may open only few files; 0 is this package's own bound.
	ClientConns, HTTPConns int
	// HostNames are further names under which HTTP may be asked for, beside
	// loopback and the address of the listener: hosts without a port.
	HostNames []string

	// Journal is the one that the host records its events in; nil makes one
	// that stays empty.
	Journal *Journal
	// Collectors are further metrics, of the rooms below.
	Collectors []prometheus.Collector

	// ElectionMin, ElectionMax, Heartbeat and the following are how the host was
	// started; they are only shown.
	ElectionMin, ElectionMax, Heartbeat raft.Duration
	FastDetection, LeaseReads           bool
	AutoTiming                          bool

	// RequestTimeout is when a request ends at the latest; 0 is
	// DefaultRequestTimeout.
	RequestTimeout time.Duration
	// LeaderWait is how long after the leader went missing requests wait for
	// the next one; 0 is DefaultLeaderWait, negative not at all.
	LeaderWait time.Duration

	// Version is that of the program, for people.
	Version string
	// Log gets what a person should know; nil is nowhere.
	Log *slog.Logger
}

// check says in one sentence what is missing.
func (c *Config) check() error {
	switch {
	case c.Node == nil:
		return errors.New("server: there is no host to serve")
	case c.Client == nil:
		return errors.New("server: there is no listener for clients")
	case c.Self == 0:
		return errors.New("server: the member's own id is 0")
	case c.ClusterID == raft.ClusterID{}:
		return errors.New("server: the cluster id is missing")
	case c.ClientConns < 0 || c.HTTPConns < 0:
		return errors.New("server: a bound of connections is negative")
	case c.RequestTimeout < 0:
		return errors.New("server: the request timeout is negative")
	}
	return nil
}

// Server meets the clients of one member. Make one with New.
type Server struct {
	cfg       Config
	clusterID uint64 // the first 8 bytes of the cluster's id, as etcd's clients know it
	started   time.Time
	log       *slog.Logger
	metrics   *metrics

	split   *split
	grpc    *grpc.Server
	health  *health.Server
	inside  *bufconn.Listener // the gateway's way to grpc
	gateway *grpc.ClientConn
	plain   *http.Server // HTTP on the client port
	people  *http.Server // HTTP on the http listener; nil without one
	capped  *capped      // that listener, bounded; nil without one

	inflight    atomic.Int64 // requests that are no streams
	streams     atomic.Int64
	subscribers atomic.Int64
	watch       *Watch
	outage      outage

	stopOnce sync.Once
	stopping chan struct{} // closed when Stop begins
	stopped  chan struct{} // closed when it has ended
	pulses   sync.WaitGroup
}

// New makes a server, without answering anything yet. The listeners are open
// already, so that a port in use is found out before a host is started. An
// error leaves them open.
func New(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Journal == nil {
		cfg.Journal = NewJournal()
	}
	if cfg.RequestTimeout == 0 {
		cfg.RequestTimeout = DefaultRequestTimeout
	}
	if cfg.ClientConns == 0 {
		cfg.ClientConns = connsMax
	}
	if cfg.HTTPConns == 0 {
		cfg.HTTPConns = httpConnsMax
	}
	if cfg.LeaderWait == 0 {
		cfg.LeaderWait = DefaultLeaderWait
	}
	cfg.Version = strings.TrimPrefix(cfg.Version, "veche ") // it is said where it is shown
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		cfg:       cfg,
		clusterID: binary.BigEndian.Uint64(cfg.ClusterID[:8]),
		started:   time.Now(),
		log:       cfg.Log,
		stopping:  make(chan struct{}),
		stopped:   make(chan struct{}),
		split:     newSplit(cfg.Client, cfg.ClientConns, handshakeMax),
		inside:    bufconn.Listen(insideBuffer),
	}
	s.metrics = newMetrics(s)
	s.watch = s.newWatch()
	s.grpc = s.newGRPC()
	var err error
	if s.gateway, err = s.dialInside(); err != nil {
		return nil, fmt.Errorf("server: connect the gateway: %w", err)
	}
	plain, err := s.clientPages()
	if err != nil {
		return nil, fmt.Errorf("server: register the gateway: %w", err)
	}
	s.plain = s.newHTTP(plain)
	if cfg.HTTP != nil {
		s.capped = &capped{Listener: cfg.HTTP, max: int64(cfg.HTTPConns)}
		s.people = s.newHTTP(s.peoplePages())
	}
	return s, nil
}

// Serve answers until Stop is called, and returns what ended it: nil after
// Stop, the error of a listener otherwise.
func (s *Server) Serve() error {
	ends := make(chan error, 5) // one for each of the goroutines below
	run := func(what string, serve func() error) {
		go func() {
			err := serve()
			if errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrServerClosed) || errors.Is(err, grpc.ErrServerStopped) {
				err = nil
			}
			if err != nil {
				err = fmt.Errorf("server: %s: %w", what, err)
			}
			ends <- err
		}()
	}
	n := 4
	run("accept clients", s.split.serve)
	run("serve grpc", func() error { return s.grpc.Serve(s.split.grpc) })
	run("serve the gateway", func() error { return s.grpc.Serve(s.inside) })
	run("serve http to clients", func() error { return s.plain.Serve(s.split.http) })
	if s.people != nil {
		n++
		run("serve http", func() error { return s.people.Serve(s.capped) })
	}
	s.pulses.Add(1)
	go s.pulse()

	var first error
	for i := range n {
		err := <-ends
		if first == nil {
			first = err
		}
		if i == 0 { // whatever ends first ends all
			select {
			case <-s.stopping:
			default:
				s.log.Error("the server cannot go on", "err", err)
				ctx, cancel := context.WithTimeout(context.Background(), drainMax)
				s.Stop(ctx)
				cancel()
			}
		}
	}
	s.pulses.Wait()
	<-s.stopped
	return first
}

// Stop lets requests finish that are under way, refuses new ones, and when ctx
// ends (or after 3 s) cuts what is left. It may be called more than once; it
// returns when everything is closed.
func (s *Server) Stop(ctx context.Context) {
	s.stopOnce.Do(func() { s.stop(ctx) })
}

func (s *Server) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainMax)
	defer cancel()
	close(s.stopping)
	s.health.Shutdown()

	var all sync.WaitGroup
	all.Go(func() {
		drained := make(chan struct{})
		go func() { s.grpc.GracefulStop(); close(drained) }()
		select {
		case <-drained:
		case <-ctx.Done():
			s.grpc.Stop() // ends GracefulStop too
			<-drained
		}
	})
	for _, h := range []*http.Server{s.plain, s.people} {
		if h == nil {
			continue
		}
		all.Go(func() {
			if h.Shutdown(ctx) != nil {
				_ = h.Close()
			}
		})
	}
	_ = s.split.listener.Close()
	all.Wait()
	_ = s.split.close()
	s.watch.Close()
	_ = s.gateway.Close()
	_ = s.inside.Close()
	if s.capped != nil {
		_ = s.capped.Close() // Serve may never have been called
	}
	close(s.stopped)
}

// pulse tells the health service whether a leader is known, until Stop.
func (s *Server) pulse() {
	defer s.pulses.Done()
	t := time.NewTicker(pulseEvery)
	defer t.Stop()
	for {
		news := s.cfg.Journal.leaderNews() // asked for first, so that nothing is missed
		state := healthpb.HealthCheckResponse_NOT_SERVING
		if !s.leaderless() {
			state = healthpb.HealthCheckResponse_SERVING
			s.outage.over()
		}
		s.health.SetServingStatus("", state) // ignored once it was shut down
		select {
		case <-t.C:
		case <-news:
		case <-s.stopping:
			return
		}
	}
}
