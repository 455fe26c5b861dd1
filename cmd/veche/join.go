package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"veche/raft"
	"veche/server"
)

// whoAmI finds out which member of which cluster a data directory is to be:
// what its own file says, what --initial-cluster says, or what the cluster of
// --join answers.
func (c *serveConfig) whoAmI(ctx context.Context, log *slog.Logger) (*origin, error) {
	o, err := loadOrigin(c.DataDir)
	if err != nil {
		return nil, err
	}
	_, lost := os.Stat(filepath.Join(c.DataDir, "identity"))
	switch {
	case o != nil:
		return o, c.agrees(o)
	case c.Join == "":
		return c.founder(), nil
	case lost == nil:
		return nil, usagef("the data directory %s belongs to a founder of its cluster; start it with --initial-cluster as before, without --join", c.DataDir)
	}
	return c.join(ctx, log)
}

// agrees refuses a command line that is for another server than the data
// directory's.
func (c *serveConfig) agrees(o *origin) error {
	founders := c.Join == "" && c.given["initial-cluster"]
	switch {
	case o.Removed:
		return o.removedError(c.DataDir)
	case o.Name != c.Name:
		return usagef("the data directory %s belongs to %s, and this is %s; name the right directory with --data-dir", c.DataDir, o.Name, c.Name)
	case founders && o.Joined:
		return usagef("the data directory %s joined its cluster later; start it with --join instead of --initial-cluster", c.DataDir)
	case founders && o.Of != (raft.ClusterID{}) && c.founder().Cluster != o.Of:
		return usagef("the data directory %s was recovered from cluster %x, and --initial-cluster with the token names %x", c.DataDir, o.Of[:4], c.founder().Cluster[:4])
	}
	return nil
}

// join makes this server a learner of the cluster, unless it was added already,
// and keeps in the data directory who it is. It can be interrupted anywhere and
// run again.
func (c *serveConfig) join(ctx context.Context, log *slog.Logger) (*origin, error) {
	ctx, cancel := context.WithTimeout(ctx, joinMax)
	defer cancel()
	for told := ""; ; {
		o, err := c.tryJoin(ctx, log)
		if err == nil {
			return o, nil
		}
		if _, final := errors.AsType[*exitError](err); final {
			return nil, err
		}
		if what := err.Error(); what != told {
			log.Warn("the cluster does not take this server yet; trying again", "err", what)
			told = what
		}
		t := time.NewTimer(joinPause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, &exitError{exitFailed, fmt.Sprintf("the cluster at %s did not take this server within %v: %s", c.Join, joinMax, told)}
		}
	}
}

// tryJoin asks each of the seeds. An exitError is for a person to solve.
func (c *serveConfig) tryJoin(ctx context.Context, log *slog.Logger) (*origin, error) {
	var last error
	for _, seed := range c.seeds {
		r, err := fetchReport(ctx, seed)
		if err != nil {
			last = fmt.Errorf("%s: %s", seed, plainNetError(ctx, err))
			continue
		}
		q, mine, err := c.joinRequest(r)
		if err != nil {
			return nil, err
		}
		report, err := server.Change(ctx, seed, &server.ChangeRequest{Changes: []server.MemberChange{q}})
		if err != nil {
			last = fmt.Errorf("%s: %s", seed, changeText(err))
			if c := status.Code(err); c == codes.FailedPrecondition && !errors.Is(err, rpctypes.ErrGRPCPeerURLExist) && !errors.Is(err, rpctypes.ErrGRPCMemberExist) {
				return nil, &exitError{exitFailed, last.Error()}
			}
			continue
		}
		return c.joined(report, mine, log)
	}
	return nil, last
}

// joinRequest says what to ask for: to be added, or if that was done before, to
// be called by name. Whoever adds a member sees to its promotion; mine is false
// when somebody else did.
func (c *serveConfig) joinRequest(r *server.StatusReport) (q server.MemberChange, mine bool, err error) {
	for _, m := range r.Members {
		switch {
		case m.Peer != c.AdvertisePeer && m.Name == c.Name:
			return q, false, usagef("the cluster has a member named %s already, at %s; choose another name, or remove that member first: veche member remove %s", m.Name, m.Peer, m.Name)
		case m.Peer != c.AdvertisePeer:
		case m.Started:
			return q, false, &exitError{exitFailed, fmt.Sprintf("the member %s at %s has started before, with another data directory than %s: start it with that one; if it is lost, remove the member (veche member remove %s) and start this command again", nameOrID(m.Name, m.ID), m.Peer, c.DataDir, nameOrID(m.Name, m.ID))}
		case m.Name != "" && m.Name != c.Name:
			return q, false, usagef("the member at %s was added as %s; start it with --name %s", m.Peer, m.Name, m.Name)
		default:
			q = server.MemberChange{Kind: "update", ID: m.ID, Name: c.Name, Client: c.AdvertiseClient, Priority: c.Priority.pointer()}
			return q, m.Client == c.AdvertiseClient, nil
		}
	}
	return server.MemberChange{Kind: "add-learner", Name: c.Name, Peer: c.AdvertisePeer, Client: c.AdvertiseClient, Priority: c.Priority.pointer()}, true, nil
}

// joined keeps what the cluster answered.
func (c *serveConfig) joined(r *server.ChangeReport, mine bool, log *slog.Logger) (*origin, error) {
	o := &origin{Name: c.Name, Joined: true, Promote: mine && !c.Learner}
	learner := false
	for _, m := range r.Members {
		if m.Peer == c.AdvertisePeer {
			o.Self, learner = raft.NodeID(m.ID), m.Learner
		}
	}
	b, err := hex.DecodeString(r.Cluster)
	if err != nil || copy(o.Cluster[:], b) != len(o.Cluster) {
		return nil, errors.New("the answer names no cluster; run the same release on all members")
	}
	if err := raft.DecodeConfiguration(r.Configuration, &o.Initial); err != nil {
		return nil, fmt.Errorf("the answer has no configuration: %w", err)
	}
	if _, ok := o.Initial.Member(o.Self); !ok {
		return nil, errors.New("the cluster has forgotten this server again")
	}
	if err := o.save(c.DataDir); err != nil {
		return nil, &exitError{exitFailed, fmt.Sprintf("the data directory %s cannot be written: %v", c.DataDir, err)}
	}
	if learner && !mine && !c.Learner {
		log.Info("somebody else has added this server as a learner and sees to it that it votes; if not, say: veche member promote "+c.Name, "node", c.Name)
	}
	log.Info("joined the cluster", "node", c.Name, "id", server.ID(o.Self).String(), "cluster", r.Cluster, "members", len(r.Members))
	return o, nil
}

// settle does what a member still has to have changed in the configuration
// about itself: its priority, and its promotion. It ends when all is done, or
// with ctx.
func (m *member) settle(ctx context.Context, cfg *serveConfig, o *origin) {
	told := ""
	for pause := time.Duration(0); ; pause = settlePause {
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		q, more := m.unsettled(cfg, o)
		if !more {
			return
		}
		if q == nil {
			continue
		}
		_, err := m.server.Change(ctx, &server.ChangeRequest{Changes: []server.MemberChange{*q}})
		if err == nil || errors.Is(err, rpctypes.ErrGRPCLearnerNotReady) {
			told = ""
			continue
		}
		if what := changeText(err); what != told && ctx.Err() == nil {
			m.log.Info("the cluster does not change this member's part yet", "change", q.Kind, "err", what)
			told = what
		}
	}
}

// unsettled gives the next change to ask for, nil when one has to wait first;
// more is false when nothing is left to do.
func (m *member) unsettled(cfg *serveConfig, o *origin) (q *server.MemberChange, more bool) {
	s := m.host.Status()
	self, known := s.Config.Member(o.Self)
	id := server.ID(o.Self)
	switch {
	case !known || s.Leader == 0:
		return nil, true // its log has not come so far, or nobody could decide
	case o.Promote && slices.Contains(s.Config.Voters, o.Self):
		o.Promote = false
		if err := o.save(cfg.DataDir); err != nil {
			m.log.Warn("cannot note in the data directory that this member was promoted; if it is made a learner once and restarted, it asks to be promoted again", "err", err)
		}
		m.log.Info("this member votes now", "node", o.Name)
		return nil, true
	case cfg.Priority.set && self.Priority != cfg.Priority.value:
		return &server.MemberChange{Kind: "update", ID: id, Priority: cfg.Priority.pointer()}, true
	case o.Joined && self.PeerAddr != cfg.AdvertisePeer:
		return &server.MemberChange{Kind: "update", ID: id, Peer: cfg.AdvertisePeer}, true
	case o.Promote && s.Applied < s.Commit:
		return nil, true
	case o.Promote:
		return &server.MemberChange{Kind: "promote", ID: id}, true
	}
	return nil, false
}

// pointer is what a request takes: nil leaves the priority alone.
func (p *priority) pointer() *uint8 {
	if !p.set {
		return nil
	}
	return &p.value
}

func nameOrID(name string, id server.ID) string {
	if name = printable(name); name != "" {
		return name
	}
	return id.String()
}

// changeText puts the error of a change into words for a person.
func changeText(err error) string {
	if st, ok := status.FromError(err); ok {
		return strings.TrimPrefix(printable(st.Message()), "veche: ")
	}
	return plainNetError(context.Background(), err)
}
