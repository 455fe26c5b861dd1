package raft

import "strconv"

// Sentence tells an event in words, without its subject: "stands for election in
// term 2: a majority would vote for it". name gives what a server is called.
func (e Event) Sentence(name func(NodeID) string) string {
	peer, term, index := name(e.Peer), decimal(uint64(e.Term)), decimal(uint64(e.Index))
	switch e.Kind {
	case EventStarted:
		return "starts in term " + term + " with a log of " + entriesOf(e.Index)
	case EventBecameFollower:
		if e.Peer != 0 {
			return "follows " + peer + " in term " + term + e.Reason.because()
		}
		return "is a follower in term " + term + e.Reason.because()
	case EventBecamePreCand:
		return "asks who would vote for it" + e.Reason.because()
	case EventBecameCandidate:
		return "stands for election in term " + term + e.Reason.because()
	case EventBecameLeader:
		return "LEADS term " + term + e.Reason.because() + "; its first entry is " + index
	case EventLeaderKnown:
		return "follows " + peer + ", the leader of term " + term
	case EventVoteGranted:
		return "votes for " + peer + " in term " + term
	case EventVoteRefused:
		return "refuses " + peer + " its vote in term " + term + e.Reason.because()
	case EventPreVoteGranted:
		return "would vote for " + peer
	case EventPreVoteRefused:
		return "would not vote for " + peer + e.Reason.because()
	case EventVoteReceived:
		if e.Reason == ReasonNone {
			return "has the vote of " + peer
		}
		return "does not have the vote of " + peer + e.Reason.because()
	case EventPreVoteReceived:
		if e.Reason == ReasonNone {
			return "would have the vote of " + peer
		}
		return "would not have the vote of " + peer + e.Reason.because()
	case EventAppendRefused:
		return "refuses entries of " + peer + " after " + index + e.Reason.because()
	case EventTruncated:
		return "throws away its entries from " + index + " on: the leader has others there"
	case EventCommitted:
		return "commits entry " + index + ": a majority has it on disk"
	case EventConfigAppended:
		return "uses the configuration in entry " + index
	case EventConfigCommitted:
		return "knows that the configuration in entry " + index + " is committed"
	case EventAdmitted:
		return "may vote from now on" + e.Reason.because()
	case EventRefusedDisk:
		return "is REFUSED by " + peer + e.Reason.because()
	case EventTransferStarted:
		return "begins to hand over to " + peer + e.Reason.because()
	case EventTransferSent:
		return "tells " + peer + " to stand for election at once"
	case EventTransferAborted:
		return "gives up handing over to " + peer + e.Reason.because()
	case EventLeaderGone:
		return "knows that " + peer + " is gone" + e.Reason.because()
	case EventMessageIgnored:
		return "ignores a message of " + peer + e.Reason.because()
	case EventFault:
		return "HALTS: an invariant is broken"
	case EventSnapshotRecorded:
		return "has a snapshot of everything up to entry " + index
	case EventCut:
		return "forgets its log up to entry " + index + ", which its snapshot holds"
	case EventPeerLost:
		return "hears nothing from " + peer + " any more"
	case EventLogFull:
		return "refuses writes: the log has reached its bound, and its newest snapshot, up to entry " + index + ", does not allow to cut it"
	case EventSnapshotOffered:
		return "offers its snapshot up to entry " + index + " to " + peer
	case EventSnapshotInstalled:
		return "stands on a snapshot of " + peer + " up to entry " + index
	case EventRemoved:
		return "is REMOVED from the cluster"
	case EventDamaged:
		return "has lost entries after " + index + " that its disk had confirmed, and does not vote until its log is whole"
	case EventRepaired:
		return "has a whole log again, up to entry " + index + ", and votes"
	case EventDiskStalled:
		return "waits for its disk"
	case EventTimingDiffers:
		return "sees that the election timing of " + peer + " differs from its own"
	case EventCaughtUp:
		return "sees that " + peer + " has caught up"
	case EventTimingTuned:
		return "tunes its election timeout to what it measures"
	case EventPeerBack:
		return "hears " + peer + " again"
	}
	return "tells event " + decimal(uint64(e.Kind))
}

func decimal(v uint64) string { return strconv.FormatUint(v, 10) }

func entriesOf(i Index) string {
	if i == 1 {
		return "1 entry"
	}
	return decimal(uint64(i)) + " entries"
}

// because is the second half of a sentence, or nothing without a reason.
func (r Reason) because() string {
	if r == ReasonNone {
		return ""
	}
	return ": " + r.String()
}

// String tells a reason in words.
func (r Reason) String() string {
	if int(r) < len(reasons) {
		return reasons[r]
	}
	return "reason " + decimal(uint64(r))
}

var reasons = [reasonsBound]string{
	ReasonNone:            "no reason",
	ReasonStaleTerm:       "that term is over",
	ReasonStaleLog:        "the candidate's log is behind",
	ReasonVoted:           "its vote of this term is given",
	ReasonLeaderAlive:     "it heard a leader a moment ago",
	ReasonFresh:           "its disk came up empty, and it is not admitted yet",
	ReasonGap:             "its log ends before",
	ReasonConflict:        "its entry there is of another term",
	ReasonNotLeader:       "it does not lead",
	ReasonNoLeader:        "nobody leads",
	ReasonOverloaded:      "too much waits for the majority",
	ReasonLogFull:         "the log has reached its bound",
	ReasonTransferring:    "the leader is handing over",
	ReasonOverwritten:     "another leader's entry stands there",
	ReasonTooLarge:        "the command is too large",
	ReasonTimeout:         "its election timeout passed",
	ReasonConnClosed:      "the leader's process closed its connections",
	ReasonTransferAsked:   "the old leader asked it to",
	ReasonHigherTerm:      "a message of a higher term came",
	ReasonLeaderHeard:     "the leader of this term spoke",
	ReasonNoQuorum:        "no majority answered within an election timeout",
	ReasonMajority:        "a majority voted for it",
	ReasonPreVotes:        "a majority would vote for it",
	ReasonRefused:         "a majority refused",
	ReasonSplit:           "nobody won in time",
	ReasonFault:           "the group has halted",
	ReasonStart:           "the process started",
	ReasonOtherDisk:       "its name is recorded with another data directory",
	ReasonAllEmpty:        "a majority is as empty as itself: this is the first start",
	ReasonEntryCommitted:  "a committed entry says so",
	ReasonNotMember:       "it is not a member",
	ReasonTransferTimeout: "the other did not take over in time",
	ReasonRemoved:         "it was removed from the cluster",
	ReasonChangePending:   "another change of the configuration is under way",
	ReasonNotCaughtUp:     "its log is too far behind",
	ReasonBadChange:       "the change fits no configuration",
	ReasonTooFewHealthy:   "too few voters answer",
	ReasonLevel:           "a member's program is too old for it",
	ReasonDamaged:         "its disk lost entries, and its log is not whole yet",
	ReasonDiskStalled:     "the leader's disk confirms nothing",
	ReasonPreferred:       "a voter of higher priority is ready",
	ReasonNotReady:        "the leader has not committed an entry of its term yet",
	ReasonNewcomer:        "without newcomers there is no majority; add them as learners first",
	ReasonSnapshot:        "a snapshot covers it",
	ReasonNotVoter:        "it has no vote",
}
