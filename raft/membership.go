package raft

import (
	"errors"
	"slices"
)

// placedConfig is a configuration and the entry that carries it; the first of
// the list stands at the cut.
type placedConfig struct {
	Index  Index
	Config Configuration
}

// Check says in one sentence what is wrong with the configuration, or nil.
func (c *Configuration) Check() error {
	for k := range c.Members {
		m := &c.Members[k]
		switch {
		case m.ID == 0:
			return errors.New("configuration: a member's id is 0")
		case k > 0 && m.ID <= c.Members[k-1].ID:
			return errors.New("configuration: members must be in increasing order of id, each once")
		case len(m.Name) > textMax || len(m.PeerAddr) > textMax || len(m.ClientAddr) > textMax:
			return errors.New("configuration: a name or an address is longer than 1024 bytes")
		}
	}
	switch {
	case len(c.Members) > membersMax:
		return errors.New("configuration: more than 64 members")
	case len(c.Voters) == 0:
		return errors.New("configuration: there is no voter")
	}
	for _, ids := range [][]NodeID{c.Voters, c.Outgoing, c.Learners} {
		if err := c.checkIDs(ids); err != nil {
			return err
		}
	}
	members := make([]NodeID, len(c.Members))
	for k := range c.Members {
		members[k] = c.Members[k].ID
	}
	if len(c.Removed) > removedMax || !neverMembers(c.Removed, members) {
		return errors.New("configuration: too many removed members, or one that is 0, listed twice, or still a member")
	}
	for _, id := range c.Learners {
		if contains(c.Voters, id) { // in Outgoing it is a voter that is to become a learner
			return errors.New("configuration: a learner votes as well")
		}
	}
	return nil
}

func (c *Configuration) checkIDs(ids []NodeID) error {
	for k, id := range ids {
		if k > 0 && id <= ids[k-1] {
			return errors.New("configuration: ids must be in increasing order, each once")
		}
		if _, ok := c.Member(id); !ok {
			return errors.New("configuration: a voter or learner is not among the members")
		}
	}
	return nil
}

// Clone gives an independent copy.
func (c *Configuration) Clone() Configuration {
	return Configuration{
		Members:   slices.Clone(c.Members),
		Voters:    slices.Clone(c.Voters),
		Outgoing:  slices.Clone(c.Outgoing),
		Learners:  slices.Clone(c.Learners),
		AutoLeave: c.AutoLeave,
		Removed:   slices.Clone(c.Removed),
	}
}

// Become makes c a copy of another configuration. Its slices, which must be its
// own, are used again.
func (c *Configuration) Become(from *Configuration) {
	*c = Configuration{
		Members:   append(c.Members[:0], from.Members...),
		Voters:    append(c.Voters[:0], from.Voters...),
		Outgoing:  append(c.Outgoing[:0], from.Outgoing...),
		Learners:  append(c.Learners[:0], from.Learners...),
		AutoLeave: from.AutoLeave,
		Removed:   append(c.Removed[:0], from.Removed...),
	}
}

// noteConfig makes a configuration effective as soon as it is in the log,
// whether committed or not (§6).
func (c *Core) noteConfig(e *Entry) error {
	if e.Kind != EntryConfig {
		return nil
	}
	var next Configuration
	if err := DecodeConfiguration(e.Data, &next); err != nil {
		return err
	}
	c.configs = append(c.configs, placedConfig{Index: e.Index, Config: next})
	if c.out != nil {
		c.event(EventConfigAppended, 0, e.Index, ReasonNone)
	}
	return nil
}

// rollBackConfigs returns to the configuration before first, whose entries fell
// out of the log.
func (c *Core) rollBackConfigs(first Index) {
	for len(c.configs) > 1 && c.configs[len(c.configs)-1].Index >= first {
		c.configs = c.configs[:len(c.configs)-1]
	}
}

// configAt gives the configuration in force at i, which is not below the cut.
func (c *Core) configAt(i Index) *placedConfig {
	k := len(c.configs) - 1
	for k > 0 && c.configs[k].Index > i {
		k--
	}
	return &c.configs[k]
}

// forgetConfigs drops what a cut at i has made useless.
func (c *Core) forgetConfigs(i Index) {
	k := 0
	for k+1 < len(c.configs) && c.configs[k+1].Index <= i {
		k++
	}
	c.configs = slices.Clone(c.configs[k:])
}

// committedConfig is the latest configuration that is committed.
func (c *Core) committedConfig() *placedConfig { return c.configAt(c.commit) }

// configCommitted notices that another configuration is committed now.
func (c *Core) configCommitted() {
	now := c.committedConfig()
	c.event(EventConfigCommitted, 0, now.Index, ReasonNone)
	c.nextGreetAt = c.now
	left := func(id NodeID) bool { return !c.config().has(id) && !now.Config.has(id) }
	c.announced = slices.DeleteFunc(c.announced, func(a announcement) bool { return left(a.id) })
	c.timings = slices.DeleteFunc(c.timings, func(t toldTiming) bool { return left(t.id) })
	c.noticeAdmission()
	if slices.Contains(now.Config.Removed, c.cfg.Self) {
		c.noteRemoved(0)
	}
	if (c.role == PreCandidate || c.role == Candidate) && !c.mayCampaign() {
		c.becomeFollower(c.hard.Term, 0, ReasonNotVoter) // a snapshot that arrived late says so; see installed
	}
}

// noteRemoved tells once that this server is no member any more, and never will
// be again under its id.
func (c *Core) noteRemoved(by NodeID) {
	if c.removed {
		return
	}
	c.removed = true
	c.event(EventRemoved, by, c.committedConfig().Index, ReasonRemoved)
}

// appendConfig makes the leader propose a configuration. It is in force from
// then on.
func (c *Core) appendConfig(next *Configuration) {
	i := c.appendOwn(EntryConfig, AppendConfiguration(nil, next))
	c.configs = append(c.configs, placedConfig{Index: i, Config: next.Clone()})
	c.event(EventConfigAppended, 0, i, ReasonNone)
	c.syncPeers()
	c.graceAt = c.eager // other voters: they have the usual time to answer
	c.replicate()
}
