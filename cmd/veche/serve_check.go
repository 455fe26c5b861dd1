package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strconv"
	"strings"

	"veche/raft"
)

// check refuses, in one sentence, what could not work or would not be safe, and
// fills in what follows from the rest.
func (c *serveConfig) check() error {
	for _, step := range []func() error{
		c.checkNames, c.checkListen, c.checkJoin, c.checkCluster, c.checkAdvertise, c.checkTimes, c.checkReads, c.checkLogs,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (c *serveConfig) checkNames() error {
	switch {
	case c.Name == "":
		return usagef("this server has no name; give it one with --name")
	case !goodName(c.Name):
		return usagef("the name %q cannot be used; a name has 1 to %d letters, digits, dots, dashes or underscores", c.Name, maxNameBytes)
	case len(c.ClusterToken) > maxTokenBytes:
		return usagef("the cluster token has %d bytes; at most %d are allowed", len(c.ClusterToken), maxTokenBytes)
	}
	if c.DataDir == "" {
		c.DataDir = c.Name + ".veche"
	}
	return nil
}

// goodName: what can stand in a list, a file name, a log line and a metric.
func goodName(s string) bool {
	if s == "" || len(s) > maxNameBytes {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return false
		}
		return !strings.ContainsRune("._-", r)
	})
}

func (c *serveConfig) checkListen() error {
	listens := []struct{ flag, addr string }{
		{"listen-client", c.ListenClient}, {"listen-peer", c.ListenPeer}, {"listen-http", c.ListenHTTP},
	}
	for i, a := range listens {
		host, port, err := splitAddr(a.addr)
		if err != nil {
			return usagef("--%s is %q: %v", a.flag, a.addr, err)
		}
		if !c.Insecure && !loopback(host) {
			return usagef("--%s %s can be reached from beyond this machine and there is no TLS yet: listen on 127.0.0.1, or say --insecure-i-understand if the network is yours alone", a.flag, a.addr)
		}
		for _, b := range listens[:i] {
			otherHost, otherPort, _ := splitAddr(b.addr)
			if port == otherPort && port != 0 && sameListener(host, otherHost) {
				return usagef("--%s %s and --%s %s are the same port; each needs its own", b.flag, b.addr, a.flag, a.addr)
			}
		}
	}
	return nil
}

// sameListener reports whether listening on both hosts at one port collides.
func sameListener(a, b string) bool {
	return a == b || everyAddress(a) || everyAddress(b) || (loopback(a) && loopback(b))
}

// checkJoin: a server that joins is told of the others by the cluster.
func (c *serveConfig) checkJoin() error {
	switch {
	case c.Join == "" && c.Learner:
		return usagef("--learner says how to join a cluster; name one of its members with --join")
	case c.Join == "":
		return nil
	case c.InitialCluster != "":
		return usagef("--join and --initial-cluster exclude each other: the first enters a cluster that runs, the second founds one")
	}
	seeds, err := parseEndpoints(c.Join)
	if err != nil {
		return usagef("--join: %v", err)
	}
	c.seeds = seeds
	if c.AdvertisePeer == "" {
		c.AdvertisePeer = c.ListenPeer
	}
	_, err = parsePeers(c.Name + "=" + c.AdvertisePeer)
	if err != nil {
		return usagef("the others must be able to dial this server; say with --advertise-peer where: %v", err)
	}
	return nil
}

func (c *serveConfig) checkCluster() error {
	if c.Join != "" {
		return nil
	}
	if c.InitialCluster == "" {
		addr := c.AdvertisePeer
		if addr == "" {
			addr = c.ListenPeer
		}
		c.InitialCluster = c.Name + "=" + addr
	}
	peers, err := parsePeers(c.InitialCluster)
	if err != nil {
		return usagef("--initial-cluster: %v", err)
	}
	c.peers = peers
	i := slices.IndexFunc(peers, func(p peer) bool { return p.Name == c.Name })
	if i < 0 {
		names := make([]string, len(peers))
		for i, p := range peers {
			names[i] = p.Name
		}
		return usagef("the name %q is not in the initial cluster, which has %s", c.Name, strings.Join(names, ", "))
	}
	own := peers[i].Addr
	if c.AdvertisePeer == "" {
		c.AdvertisePeer = own
	}
	if c.AdvertisePeer != own {
		return usagef("--advertise-peer is %s, but --initial-cluster tells the others to dial %s at %s; make them equal", c.AdvertisePeer, c.Name, own)
	}
	return nil
}

// parsePeers reads name=host:port,…
func parsePeers(s string) ([]peer, error) {
	var peers []peer
	for part := range strings.SplitSeq(s, ",") {
		name, addr, ok := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case !ok:
			return nil, fmt.Errorf("%q must have the form name=host:port", part)
		case !goodName(name):
			return nil, fmt.Errorf("the name %q cannot be used; a name has 1 to %d letters, digits, dots, dashes or underscores", name, maxNameBytes)
		}
		host, port, err := splitAddr(addr)
		switch {
		case err != nil:
			return nil, fmt.Errorf("the address %q of %s: %v", addr, name, err)
		case port == 0:
			return nil, fmt.Errorf("the address %q of %s has port 0, which nobody can dial", addr, name)
		case everyAddress(host):
			return nil, fmt.Errorf("the address %q of %s is every address of a machine; name one that the others can dial", addr, name)
		}
		for _, p := range peers {
			if p.Name == name {
				return nil, fmt.Errorf("the name %q stands there twice", name)
			}
			if p.Addr == addr {
				return nil, fmt.Errorf("%s and %s have the same address %s", p.Name, name, addr)
			}
		}
		peers = append(peers, peer{name, addr})
	}
	if len(peers) > maxMembers {
		return nil, fmt.Errorf("it has %d servers; more than %d only make every write slower", len(peers), maxMembers)
	}
	return peers, nil
}

func (c *serveConfig) checkAdvertise() error {
	if c.AdvertiseClient == "" {
		c.AdvertiseClient = c.ListenClient
	}
	host, _, err := splitAddr(c.AdvertiseClient)
	switch {
	case err != nil:
		return usagef("--advertise-client is %q: %v", c.AdvertiseClient, err)
	case everyAddress(host):
		return usagef("clients cannot dial %s; say with --advertise-client which address of this machine they should use", c.AdvertiseClient)
	}
	return nil
}

func (c *serveConfig) checkTimes() error {
	switch {
	case c.Heartbeat < minHeartbeat:
		return usagef("the heartbeat %v is shorter than %v; the leader would do nothing else", c.Heartbeat, minHeartbeat)
	case c.Heartbeat*2 > c.ElectionTimeout.Min:
		return usagef("the heartbeat %v is not well below the election timeout %v: it must be at most half of the smaller time, or one lost heartbeat starts an election", c.Heartbeat, c.ElectionTimeout.String())
	case c.ElectionTimeout.Max > maxElectionTimeout:
		return usagef("the election timeout %v is longer than %v; a cluster without a leader would wait that long", c.ElectionTimeout.String(), maxElectionTimeout)
	case c.MaxLogBytes < c.SnapshotBytes:
		return usagef("--max-log-bytes %v is less than --snapshot-bytes %v: writes would be refused before a snapshot could help", c.MaxLogBytes.String(), c.SnapshotBytes.String())
	}
	return nil
}

// checkReads: what lease reads exclude.
func (c *serveConfig) checkReads() error {
	switch {
	case c.Level > uint8(raft.LevelNow):
		return usagef("--level is %d, and this program knows only up to %d", c.Level, raft.LevelNow)
	case !c.LeaseReads && c.given["clock-drift"]:
		return usagef("--clock-drift is about lease reads; say --lease-reads too")
	case !c.LeaseReads:
		return nil
	case c.AutoTiming:
		return usagef("--lease-reads and --auto-timing exclude each other: a promise to vote for nobody else must not shrink after it was given")
	case c.given["fast-detection"] && c.FastDetection:
		return usagef("--lease-reads and --fast-detection exclude each other: a voter that reacts to closed connections promises nothing")
	}
	c.FastDetection = false
	return nil
}

func (c *serveConfig) checkLogs() error {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		return usagef("--log-level is %q; it must be debug, info, warn or error", c.LogLevel)
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		return usagef("--log-format is %q; it must be text or json", c.LogFormat)
	}
	return nil
}

// splitAddr takes host:port apart, with errors for a person.
func splitAddr(addr string) (host string, port int, err error) {
	host, digits, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, errors.New("it must have the form host:port")
	}
	port, err = strconv.Atoi(digits)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%q is not a port; it must be a number from 0 to 65535", digits)
	}
	return host, port, nil
}

// loopback: only this machine reaches it.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// everyAddress: a listener there hears on every address of the machine.
func everyAddress(host string) bool {
	if host == "" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsUnspecified()
}

// plainPathError drops the operation and the path, which the sentence around it
// names already.
func plainPathError(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
