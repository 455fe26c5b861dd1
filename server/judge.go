package server

import (
	"slices"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"veche/raft"
)

// judge says in etcd's words what is wrong with changes to a configuration, nil
// when nothing is as far as one can see from here: the core decides.
func judge(c *raft.Configuration, changes []raft.Change) error {
	learners := len(c.Learners)
	for k := range changes {
		ch := &changes[k]
		now, known := c.Member(ch.Member.ID)
		switch ch.Kind {
		case raft.ChangeAddLearner, raft.ChangeAddVoter:
			if ch.Kind == raft.ChangeAddVoter && !ch.Force && !enoughStarted(c, changes) {
				return rpctypes.ErrGRPCMemberNotEnoughStarted // etcd looks at this first
			}
			if known || wasMember(c, ch.Member.ID) {
				return rpctypes.ErrGRPCMemberExist
			}
			if ch.Kind == raft.ChangeAddLearner {
				if learners++; learners > learnersMax {
					return rpctypes.ErrGRPCTooManyLearners
				}
			}
		case raft.ChangePromote:
			switch {
			case !known:
				return rpctypes.ErrGRPCMemberNotFound
			case !slices.Contains(c.Learners, now.ID):
				return rpctypes.ErrGRPCMemberNotLearner
			}
		default:
			if !known {
				return rpctypes.ErrGRPCMemberNotFound
			}
		}
		if err := judgeNames(c, &ch.Member); err != nil {
			return err
		}
	}
	if voters, _ := votersAfter(c, changes); len(voters) == 0 {
		return rpctypes.ErrGRPCMemberNotEnoughStarted
	}
	return nil
}

// judgeNames refuses an address or a name that another member has.
func judgeNames(c *raft.Configuration, m *raft.Member) error {
	for k := range c.Members {
		o := &c.Members[k]
		switch {
		case o.ID == m.ID:
		case m.PeerAddr != "" && o.PeerAddr == m.PeerAddr:
			return rpctypes.ErrGRPCPeerURLExist
		case m.Name != "" && o.Name == m.Name:
			return status.Error(codes.FailedPrecondition, "veche: another member is named "+cleanName(m.Name)+"; choose another name, or remove that member first")
		}
	}
	return nil
}

// allDone says whether a configuration shows the effect of every change.
func allDone(c *raft.Configuration, changes []raft.Change) bool {
	for k := range changes {
		if !done(c, &changes[k]) {
			return false
		}
	}
	return true
}

func done(c *raft.Configuration, ch *raft.Change) bool {
	m, known := c.Member(ch.Member.ID)
	want := &ch.Member
	same := func(now, wanted string) bool { return wanted == "" || now == wanted }
	switch ch.Kind {
	case raft.ChangeAddLearner:
		return known && m.PeerAddr == want.PeerAddr
	case raft.ChangeAddVoter, raft.ChangePromote:
		return known && slices.Contains(c.Voters, m.ID)
	case raft.ChangeDemote:
		return known && !slices.Contains(c.Voters, m.ID) && !slices.Contains(c.Outgoing, m.ID)
	case raft.ChangeRemove:
		return !known && wasMember(c, want.ID)
	case raft.ChangeUpdate:
		return known && same(m.Name, want.Name) && same(m.PeerAddr, want.PeerAddr) &&
			same(m.ClientAddr, want.ClientAddr) && m.Priority == want.Priority
	}
	return false
}

// wasMember says whether an id is that of a member that was removed.
func wasMember(c *raft.Configuration, id raft.NodeID) bool { return slices.Contains(c.Removed, id) }

// votersAfter gives the voters after changes, and how many of them have ever
// been started.
func votersAfter(c *raft.Configuration, changes []raft.Change) (voters []raft.NodeID, started int) {
	voters = slices.Clone(c.Voters)
	for k := range changes {
		id := changes[k].Member.ID
		switch changes[k].Kind {
		case raft.ChangeAddVoter, raft.ChangePromote:
			voters = append(voters, id)
		case raft.ChangeDemote, raft.ChangeRemove:
			voters = slices.DeleteFunc(voters, func(v raft.NodeID) bool { return v == id })
		}
	}
	for _, id := range voters {
		if m, ok := c.Member(id); ok && m.Incarnation != 0 {
			started++
		}
	}
	return voters, started
}

// promotes says whether a learner is to become a voter.
func promotes(changes []raft.Change) bool {
	return slices.ContainsFunc(changes, func(ch raft.Change) bool { return ch.Kind == raft.ChangePromote })
}

// enoughStarted says whether a majority of the voters after changes has ever
// been started.
func enoughStarted(c *raft.Configuration, changes []raft.Change) bool {
	voters, started := votersAfter(c, changes)
	return started >= len(voters)/2+1
}

// keepPriorities fills in what an update leaves alone: the core records the
// priority of every update.
func keepPriorities(c *raft.Configuration, q *ChangeRequest, changes []raft.Change) {
	for k := range changes {
		if changes[k].Kind != raft.ChangeUpdate || q.Changes[k].Priority != nil {
			continue
		}
		if m, ok := c.Member(changes[k].Member.ID); ok {
			changes[k].Member.Priority = m.Priority
		}
	}
}
