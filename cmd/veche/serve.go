package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"veche/host"
	"veche/raft"
	"veche/server"
	"veche/transport"
	"veche/wal"
)

const serveLong = `Run one server of a cluster. Every setting is a flag, a variable VECHE_… in capitals
with underscores (VECHE_DATA_DIR), or a line in the YAML file of --config; a flag
goes before a variable, a variable before the file.

SIGTERM or Ctrl-C hands leadership over, lets requests finish and exits with 0; a
second one exits at once. Exit code 1: the server had to stop, 2: a setting is
wrong, 3: this server was removed from the cluster.

A new cluster is founded by starting all of --initial-cluster. A server joins one
that runs with --join and the client address of any member: it is added as a
learner, gets the data, and becomes a voter when it has caught up. The same
command starts it again later.

With --lease-reads the leader answers reads without asking the others, as long as
a majority has promised it to vote for nobody else. That is only right while no
member's clock goes wrong by more than --clock-drift.`

func serveCommand() *cobra.Command {
	var cfg serveConfig
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run one server of a cluster",
		Long:  serveLong,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.load(cmd.Flags(), os.LookupEnv); err != nil {
				return err
			}
			if err := cfg.check(); err != nil {
				return err
			}
			for _, name := range unknownVariables(cmd.Flags(), os.Environ()) {
				newLogger(&cfg, cmd.ErrOrStderr()).Warn("a variable that is no setting is ignored",
					"variable", name, "nearest", nearest(name, settingVariables(cmd.Flags())))
			}
			return serve(cmd.Context(), &cfg, cmd.ErrOrStderr())
		},
	}
	cfg.flags(cmd.Flags())
	return cmd
}

// serve runs a server until a signal, the end of ctx, or a fault that ends it.
func serve(ctx context.Context, cfg *serveConfig, logs io.Writer) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)

	starting, started := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	s, err := startMember(starting, cfg, newLogger(cfg, logs))
	interrupted := starting.Err() != nil
	started()
	switch {
	case err != nil && interrupted:
		return &exitError{exitFailed, "interrupted before this server had started"}
	case err != nil:
		return err
	}
	select {
	case sig := <-signals:
		s.log.Info("leaving", "signal", sig.String())
	case <-ctx.Done():
	case <-s.host.Done():
	case err := <-s.served:
		s.served <- err
	}
	ended := make(chan error, 1)
	go func() { ended <- s.leave() }()
	select {
	case err = <-ended:
	case sig := <-signals:
		s.log.Warn("leaving at once", "signal", sig.String())
		return &exitError{code: exitFailed}
	}
	if _, told := errors.AsType[*exitError](err); err != nil && !told {
		return &exitError{exitFailed, err.Error()}
	}
	return err
}

// member is everything of one running server.
type member struct {
	log    *slog.Logger
	wal    *wal.Log
	host   *host.Host
	server *server.Server
	served chan error // what ended the serving of clients
	origin *origin
	dir    string // of the data

	unsettle context.CancelFunc // ends settled
	settled  sync.WaitGroup
}

// startMember opens the ports and the data directory and starts all rooms. The
// error is a sentence about what to change; then nothing is left open.
func startMember(ctx context.Context, cfg *serveConfig, log *slog.Logger) (m *member, err error) {
	var open closers
	defer func() {
		if err != nil {
			open.closeAll()
		}
	}()
	listeners, err := cfg.listen(&open)
	if err != nil {
		return nil, err
	}
	m = &member{log: log, served: make(chan error, 1)}
	if err := checkDataDir(cfg.DataDir); err != nil {
		return nil, err
	}
	o, err := cfg.whoAmI(ctx, log)
	if err != nil {
		return nil, err
	}
	id, self := o.Cluster, o.Self
	m.origin, m.dir = o, cfg.DataDir
	shares, err := filesForAll(log)
	if err != nil {
		return nil, err
	}
	limitMemory(log)
	m.wal, err = wal.Open(wal.OS(), cfg.DataDir, wal.Identity{Cluster: id, Member: self, Name: cfg.Name}, wal.Options{Random: random64, Salvage: true, Clock: sinceNow()})
	if err != nil {
		return nil, &exitError{dataDirCode(err), err.Error()}
	}
	open.add(m.wal)
	if err := m.wal.Salvaged(); err != nil {
		log.Error("the disk has lost confirmed entries; this server counts nowhere until the others have given them back", "err", err)
	}

	journal := server.NewJournal()
	var peers peerMetrics
	m.host, err = host.Start(host.Config{
		Raft:          cfg.raft(o),
		SnapshotBytes: int(cfg.SnapshotBytes),
		Log:           m.wal,
		Network:       cfg.network(o, m.wal, listeners.peer, transport.Limits{Accepted: shares.peers}, log, &peers),
		StateMachine:  server.NewMachine(),
		Logger:        log,
		Events: func(events []raft.Event) {
			for _, e := range events {
				journal.Record(e)
			}
		},
	})
	if err != nil {
		return nil, &exitError{exitFailed, err.Error()}
	}
	m.wal.Release() // what it held at start lives in the core now
	raftConfig := cfg.raft(o)
	clientHost, _, _ := net.SplitHostPort(cfg.AdvertiseClient) // checked
	m.server, err = server.New(server.Config{
		Node:      server.FromHost(m.host),
		ClusterID: id, Self: self, Name: cfg.Name,
		Client: listeners.client, HTTP: listeners.http,
		ClientConns: shares.clients, HTTPConns: shares.http,
		HostNames:   append(strings.FieldsFunc(cfg.HTTPHosts, func(r rune) bool { return r == ',' || r == ' ' }), clientHost),
		Journal:     journal,
		ElectionMin: raftConfig.ElectionMin, ElectionMax: raftConfig.ElectionMax, Heartbeat: raftConfig.Heartbeat,
		FastDetection: cfg.FastDetection, LeaseReads: cfg.LeaseReads, AutoTiming: cfg.AutoTiming,
		Version:    versionLine(),
		Log:        log,
		Collectors: []prometheus.Collector{&peers, diskMetrics{m.wal}},
	})
	if err != nil {
		m.host.Stop(context.Background())
		return nil, &exitError{exitFailed, err.Error()}
	}
	go func() { m.served <- m.server.Serve() }()
	var settling context.Context
	settling, m.unsettle = context.WithCancel(context.Background())
	m.settled.Go(func() { m.settle(settling, cfg, o) })
	log.Info("serving", "node", cfg.Name, "id", fmt.Sprintf("%x", uint64(self)), "cluster", fmt.Sprintf("%x", id[:]),
		"client", listeners.client.Addr().String(), "peer", listeners.peer.Addr().String(),
		"http", listeners.http.Addr().String(), "data", cfg.DataDir, "boot", uint64(m.wal.Boot()))
	return m, nil
}

// leave hands over, drains and closes everything, within drainMax and what a
// sync of the disk takes. The error is why the server had to stop, if it had.
func (m *member) leave() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainMax)
	defer cancel()
	m.unsettle()
	m.settled.Wait()
	// Requests find the new leader while they are drained.
	if s := m.host.Status(); s.Role == raft.Leader && len(s.Config.Members) > 1 {
		handOver, cancel := context.WithTimeout(ctx, handOverMax)
		if err := m.host.Transfer(handOver, 0); err != nil {
			m.log.Warn("could not hand over before leaving", "err", err)
		}
		cancel()
	}
	m.server.Stop(ctx)
	err := errors.Join(<-m.served, m.host.Stop(ctx))
	if e := m.wal.Close(); err == nil && e != nil {
		err = fmt.Errorf("close the log: %w", e)
	}
	switch {
	case err == nil:
		m.log.Info("left")
	case errors.Is(err, host.ErrRemoved):
		m.origin.Removed = true
		if e := m.origin.save(m.dir); e != nil {
			m.log.Warn("cannot note in the data directory that this server was removed; the others will say so again", "err", e)
		}
		return m.origin.removedError(m.dir)
	}
	return err
}

// closers are what a start that fails halfway closes again.
type closers struct{ list []io.Closer }

func (c *closers) add(x io.Closer) { c.list = append(c.list, x) }

func (c *closers) closeAll() {
	for _, x := range slices.Backward(c.list) {
		x.Close()
	}
}

type listeners struct{ client, peer, http net.Listener }

func (c *serveConfig) listen(open *closers) (l listeners, err error) {
	for _, x := range []struct {
		flag, addr string
		into       *net.Listener
	}{
		{"listen-client", c.ListenClient, &l.client},
		{"listen-peer", c.ListenPeer, &l.peer},
		{"listen-http", c.ListenHTTP, &l.http},
	} {
		*x.into, err = net.Listen("tcp", x.addr)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return l, usagef("--%s %s is in use by another program; stop it, or choose another port", x.flag, x.addr)
		case err != nil:
			return l, usagef("--%s %s cannot be listened on: %v", x.flag, x.addr, plainListenError(err))
		}
		open.add(*x.into)
	}
	return l, nil
}

func plainListenError(err error) error {
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		return e.Err
	}
	return err
}

// raft gives the core's configuration.
func (c *serveConfig) raft(o *origin) raft.Config {
	return raft.Config{
		Self:            o.Self,
		Initial:         o.Initial,
		Joining:         o.Joined,
		ClientAddr:      c.AdvertiseClient,
		ElectionMin:     raft.Duration(c.ElectionTimeout.Min),
		ElectionMax:     raft.Duration(c.ElectionTimeout.Max),
		Heartbeat:       raft.Duration(c.Heartbeat),
		NoFastDetection: !c.FastDetection,
		AutoTiming:      c.AutoTiming,
		LeaseReads:      c.LeaseReads,
		MaxDrift:        int(c.ClockDrift),
		Level:           raft.Level(c.Level),
		MaxLogBytes:     int(c.MaxLogBytes),
	}
}

// network gives what makes the host's connection to its peers.
func (c *serveConfig) network(o *origin, l *wal.Log, peers net.Listener, limits transport.Limits, log *slog.Logger, metrics *peerMetrics) func(host.Receiver) (host.Network, error) {
	return func(r host.Receiver) (host.Network, error) {
		addrs := map[raft.NodeID]string{}
		for _, m := range o.Initial.Members {
			addrs[m.ID] = m.PeerAddr
		}
		t, err := transport.New(transport.Config{
			Cluster: o.Cluster, Self: o.Self, Boot: l.Boot(), Incarnation: l.Incarnation(),
			Listener: peers, Advertise: c.AdvertisePeer, Peers: addrs,
			Receive: r.Receive, PeerDown: r.PeerDown, Limits: limits, Logger: log,
		})
		if err != nil {
			return nil, err
		}
		metrics.transport.Store(t)
		return t, nil
	}
}

// checkDataDir refuses a directory that others on the machine can look into. A
// missing one is made for the owner alone.
func checkDataDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return usagef("the data directory %s cannot be looked at: %v", dir, plainPathError(err))
	case !info.IsDir():
		return usagef("the data directory %s is a file; name a directory with --data-dir", dir)
	case info.Mode().Perm()&0o077 != 0:
		return usagef("the data directory %s is open to others on this machine (mode %04o); run chmod 700 on it", dir, info.Mode().Perm())
	}
	return nil
}

// dataDirCode: a directory that is someone else's or in use is a mistake of the
// call; a damaged one is not.
func dataDirCode(err error) int {
	if errors.Is(err, wal.ErrForeign) || errors.Is(err, wal.ErrLocked) {
		return exitUsage
	}
	return exitFailed
}

// random64 draws from the kernel: two data directories must never get the same
// incarnation.
func random64() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

func newLogger(cfg *serveConfig, w io.Writer) *slog.Logger {
	var level slog.Level
	level.UnmarshalText([]byte(cfg.LogLevel)) // checked
	options := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// drainMax bounds how long a server takes to leave, handOverMax the first part
// of it: a target that is up takes one round trip and one write.
const (
	drainMax    = 5 * time.Second
	handOverMax = time.Second
)
