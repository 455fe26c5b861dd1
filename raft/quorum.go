package raft

import "slices"

// decided asks every voter of the configuration and gives the result: won when
// a majority of Voters, and of Outgoing during a joint change, says yes; lost
// when that has become impossible (§5.2, §6).
func (c *Configuration) decided(vote func(NodeID) (yes, no bool)) (won, lost bool) {
	won, lost = majority(c.Voters, vote)
	if len(c.Outgoing) > 0 {
		w, l := majority(c.Outgoing, vote)
		won, lost = won && w, lost || l
	}
	return won, lost
}

func majority(voters []NodeID, vote func(NodeID) (yes, no bool)) (won, lost bool) {
	need := len(voters)/2 + 1
	yeses, noes := 0, 0
	for _, id := range voters {
		yes, no := vote(id)
		if yes {
			yeses++
		} else if no {
			noes++
		}
	}
	return yeses >= need, noes > len(voters)-need
}

// reached gives the largest value that a majority of voters has reached, in
// both halves of a joint configuration.
func (c *Configuration) reached(value func(NodeID) uint64) uint64 {
	v := reachedBy(c.Voters, value)
	if len(c.Outgoing) > 0 {
		v = min(v, reachedBy(c.Outgoing, value))
	}
	return v
}

func reachedBy(voters []NodeID, value func(NodeID) uint64) uint64 {
	var room [membersMax]uint64
	values := room[:0]
	for _, id := range voters {
		values = append(values, value(id))
	}
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

// votes says whether id is a voter in either half.
func (c *Configuration) votes(id NodeID) bool {
	return contains(c.Voters, id) || contains(c.Outgoing, id)
}

func contains(ids []NodeID, id NodeID) bool {
	_, ok := slices.BinarySearch(ids, id)
	return ok
}

func (c *Configuration) has(id NodeID) bool {
	_, ok := c.Member(id)
	return ok
}

// Member gives what the configuration records of id.
func (c *Configuration) Member(id NodeID) (Member, bool) {
	for k := range c.Members {
		if c.Members[k].ID == id {
			return c.Members[k], true
		}
	}
	return Member{}, false
}
