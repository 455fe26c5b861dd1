//go:build lab

package raft

import "errors"

// Lab says which rules a core of this build leaves out, to show what each is
// good for. Nothing that serves anybody is built with the tag lab.
type Lab struct{ off uint32 } // a bit for each rule

// LabBuild says whether this build can leave rules out.
const LabBuild = true

// lawful are the rules without which all promises of Figure 3 still hold.
const lawful = 1<<rulePreVote | 1<<ruleCheckQuorum | 1<<ruleOwnTimeout

// LabWithout gives the rules to leave out that keep a cluster calm, and are not
// needed for safety.
//
// noPreVote: a server that times out begins an election at once (§5.2).
//
// noCheckQuorum: a leader that no majority answers goes on, and servers that
// hear a leader listen to candidates nevertheless (without thesis §6.2, §4.2.3).
//
// plain: a candidate that is refused waits for its timeout, as in the paper (§5.2);
// here it draws a new one at once.
func LabWithout(noPreVote, noCheckQuorum, plain bool) (l Lab) {
	if noPreVote {
		l.off |= 1 << rulePreVote
	}
	if noCheckQuorum {
		l.off |= 1 << ruleCheckQuorum
	}
	if plain {
		l.off |= 1 << ruleOwnTimeout
	}
	return l
}

// LabWithoutNames gives the rules to leave out by their names in LabRules. It
// fails for a name that is not there.
func LabWithoutNames(names []string) (l Lab, err error) {
	for _, name := range names {
		k := 0
		for k < len(LabRules) && LabRules[k].Name != name {
			k++
		}
		if k == len(LabRules) {
			all := ""
			for k := range LabRules {
				all += " " + LabRules[k].Name
			}
			return Lab{}, errors.New("there is no rule " + name + "; those that can be left out are:" + all)
		}
		l.off |= 1 << k
	}
	return l, nil
}

// Lawless says whether a rule is left out that safety rests upon.
func (l Lab) Lawless() bool { return l.off&^lawful != 0 }

// keeps says whether a rule holds.
func (c *Core) keeps(r rule) bool { return c.cfg.Lab.off&(1<<r) == 0 }

// lawless: a rule that safety rests upon is left out. Then a core goes on where
// it would halt, as the paper's servers do, who see only themselves.
func (c *Core) lawless() bool { return c.cfg.Lab.Lawless() }

// givesUp is when a leader gives up that no majority answers.
func (c *Core) givesUp(at Time) Time {
	if !c.keeps(ruleCheckQuorum) {
		return Never
	}
	return at
}

// restartsTimer says whether who was in that role draws a new election timeout
// when it becomes a follower.
func (c *Core) restartsTimer(was Role) bool {
	return was == Leader || was == Candidate && c.keeps(ruleOwnTimeout)
}

// electionTerm is the term in which a candidate stands. Without the rule it is
// the one that was, except for the first.
func (c *Core) electionTerm() Term {
	if c.keeps(ruleTermIncrement) {
		return c.hard.Term + 1
	}
	return max(c.hard.Term, 1)
}

// clings: a leader or candidate moves to a later term and stays what it is. So it
// leads a term that elected another, or nobody.
func (c *Core) clings(term Term) bool {
	if c.keeps(ruleStepDown) || c.role != Leader && c.role != Candidate {
		return false
	}
	c.setHard(HardState{Term: term, Standing: c.hard.Standing})
	if c.role == Leader {
		c.event(EventBecameLeader, 0, c.firstOfTerm, ReasonHigherTerm)
	}
	return true
}

// sharesOffice: a leader that does not step down takes the entries of another
// leader of its term as everybody does.
func (c *Core) sharesOffice(m *Message) bool {
	return !c.keeps(ruleStepDown) && c.role == Leader && c.leader != m.From
}

// recants takes back what this server took for committed and this term's leader
// contradicts, as the paper's AppendEntries does, which does not look. What was
// handed out stays so; what a snapshot covers cannot be taken back.
func (c *Core) recants(a *Append) bool {
	if !c.lawless() {
		return false
	}
	i, term := a.PrevIndex, a.PrevTerm
	for k := 0; i <= c.commit; k++ {
		if have, held := c.log.term(i); held && have != term {
			break
		}
		i, term = a.Entries[k].Index, a.Entries[k].Term
	}
	if i <= c.snap.Index || i <= c.log.base {
		return false
	}
	c.commit, c.verified = i-1, min(c.verified, i-1)
	return true
}

// dropTail throws away whatever stands behind the entry that was checked, before
// the new ones are put there. A write can only overwrite: if none are, it repeats
// the one that was checked, unless that is in a snapshot.
func (c *Core) dropTail(prev Index, next []Entry) {
	if c.keeps(ruleConflictOnly) || prev >= c.log.last() || prev < c.commit || len(next) == 0 && prev <= c.snap.Index {
		return
	}
	c.truncate(prev + 1)
	c.verified = min(c.verified, prev)
	if len(next) == 0 {
		c.logChanged(prev)
	}
}
