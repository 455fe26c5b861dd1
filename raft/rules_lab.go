//go:build lab

package raft

// Lab says which rules a core of this build leaves out, to show what each is
// good for. Nothing that serves anybody is built with the tag lab.
type Lab struct {
	noPreVote, noCheckQuorum, plain bool
}

// LabBuild says whether this build can leave rules out.
const LabBuild = true

// LabWithout gives the rules to leave out.
//
// noPreVote: a server that times out begins an election at once (§5.2).
//
// noCheckQuorum: a leader that no majority answers goes on, and servers that
// hear a leader listen to candidates nevertheless (without thesis §6.2, §4.2.3).
//
// plain: a candidate that is refused waits for its timeout, as in the paper (§5.2);
// here it draws a new one at once.
func LabWithout(noPreVote, noCheckQuorum, plain bool) Lab {
	return Lab{noPreVote, noCheckQuorum, plain}
}

func (c *Core) preVotes() bool     { return !c.cfg.Lab.noPreVote }
func (c *Core) checksQuorum() bool { return !c.cfg.Lab.noCheckQuorum }

// givesUp is when a leader gives up that no majority answers.
func (c *Core) givesUp(at Time) Time {
	if c.cfg.Lab.noCheckQuorum {
		return Never
	}
	return at
}

// waitsOut: a candidate that is refused keeps the timer that runs.
func (c *Core) waitsOut() bool { return c.cfg.Lab.plain }

// restartsTimer says whether who was in that role draws a new election timeout
// when it becomes a follower.
func (c *Core) restartsTimer(was Role) bool {
	return was == Leader || was == Candidate && !c.cfg.Lab.plain
}
