package server

import (
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"

	"veche/raft"
)

// Describe puts an event into one English sentence without a full stop. names
// gives the members' names; one that it lacks is shown as its id in hex, and 0
// as nobody.
func Describe(e raft.Event, names map[raft.NodeID]string) string {
	node, peer := nameOf(e.Node, names), nameOf(e.Peer, names)
	why := because(e.Reason, peer)
	switch e.Kind {
	case raft.EventStarted:
		return fmt.Sprintf("%s started in term %d with a log up to index %d", node, e.Term, e.Index)
	case raft.EventBecameFollower:
		if e.Peer != 0 {
			return fmt.Sprintf("%s follows %s in term %d%s", node, peer, e.Term, why)
		}
		return fmt.Sprintf("%s is a follower in term %d%s", node, e.Term, why)
	case raft.EventBecamePreCand:
		return fmt.Sprintf("%s asks whether it would be elected after term %d%s", node, e.Term, why)
	case raft.EventBecameCandidate:
		return fmt.Sprintf("%s stands for election in term %d%s", node, e.Term, why)
	case raft.EventBecameLeader:
		return fmt.Sprintf("%s leads in term %d, and opens it with entry %d", node, e.Term, e.Index)
	case raft.EventLeaderKnown:
		return fmt.Sprintf("%s learned that %s leads in term %d", node, peer, e.Term)
	case raft.EventVoteGranted:
		return fmt.Sprintf("%s gave its vote of term %d to %s", node, e.Term, peer)
	case raft.EventVoteRefused:
		return fmt.Sprintf("%s refused its vote to %s in term %d%s", node, peer, e.Term, why)
	case raft.EventPreVoteGranted:
		return fmt.Sprintf("%s would vote for %s in term %d", node, peer, e.Term)
	case raft.EventPreVoteRefused:
		return fmt.Sprintf("%s would not vote for %s in term %d%s", node, peer, e.Term, why)
	case raft.EventVoteReceived:
		if e.Reason == raft.ReasonNone {
			return fmt.Sprintf("%s has the vote of %s in term %d", node, peer, e.Term)
		}
		return fmt.Sprintf("%s was refused by %s in term %d%s", node, peer, e.Term, why)
	case raft.EventAppendRefused:
		return fmt.Sprintf("%s refused entries after index %d from %s in term %d%s", node, e.Index, peer, e.Term, why)
	case raft.EventTruncated:
		return fmt.Sprintf("%s dropped its log from index %d on: the leader of term %d has other entries there", node, e.Index, e.Term)
	case raft.EventCommitted:
		return fmt.Sprintf("%s committed up to index %d in term %d", node, e.Index, e.Term)
	case raft.EventConfigAppended:
		return fmt.Sprintf("%s acts by the configuration in entry %d", node, e.Index)
	case raft.EventConfigCommitted:
		return fmt.Sprintf("%s knows that the configuration in entry %d is committed", node, e.Index)
	case raft.EventAdmitted:
		return fmt.Sprintf("%s may vote and acknowledge%s", node, why)
	case raft.EventRefusedDisk:
		return fmt.Sprintf("%s was refused by %s and must stop%s", node, peer, why)
	case raft.EventTransferStarted:
		return fmt.Sprintf("%s prepares to hand its leadership of term %d to %s", node, e.Term, peer)
	case raft.EventTransferSent:
		return fmt.Sprintf("%s told %s to stand for election at once", node, peer)
	case raft.EventTransferAborted:
		return fmt.Sprintf("%s keeps its leadership of term %d and did not hand it to %s%s", node, e.Term, peer, why)
	case raft.EventLeaderGone:
		return fmt.Sprintf("%s lost its leader %s in term %d%s", node, peer, e.Term, why)
	case raft.EventMessageIgnored:
		return fmt.Sprintf("%s ignored a message from %s%s", node, peer, why)
	case raft.EventFault:
		return fmt.Sprintf("%s has halted: %s; its status tells which invariant", node, reasonText(raft.ReasonFault, peer))
	case raft.EventSnapshotRecorded:
		return fmt.Sprintf("%s recorded a snapshot at index %d", node, e.Index)
	case raft.EventCut:
		return fmt.Sprintf("%s forgot its log up to index %d", node, e.Index)
	case raft.EventPeerLost:
		return fmt.Sprintf("%s hears nothing from %s any more", node, peer)
	case raft.EventPeerBack:
		return fmt.Sprintf("%s hears %s again", node, peer)
	}
	return fmt.Sprintf("%s reports an event of kind %d, which this version does not know", node, e.Kind)
}

// because is the second half of a sentence, or nothing without a reason.
func because(r raft.Reason, peer string) string {
	if r == raft.ReasonNone {
		return ""
	}
	return ": " + reasonText(r, peer)
}

// reasonText says why; peer is the other member in the sentence.
func reasonText(r raft.Reason, peer string) string {
	switch r {
	case raft.ReasonStaleTerm:
		return "that term is over"
	case raft.ReasonStaleLog:
		return "its log is behind"
	case raft.ReasonVoted:
		return "the vote of this term went to another"
	case raft.ReasonLeaderAlive:
		return "a leader was heard a moment ago"
	case raft.ReasonFresh:
		return "a disk came up empty, and an empty disk may not vote yet"
	case raft.ReasonGap:
		return "the log ends before them"
	case raft.ReasonConflict:
		return "the entry before them is of another term"
	case raft.ReasonNotLeader:
		return "it does not lead"
	case raft.ReasonNoLeader:
		return "nobody is known to lead"
	case raft.ReasonOverloaded:
		return "too much waits for the majority already"
	case raft.ReasonLogFull:
		return "the log has reached its bound, and a member still lacks part of it"
	case raft.ReasonTransferring:
		return "the leadership is being handed over"
	case raft.ReasonOverwritten:
		return "another leader's entry stands in its place"
	case raft.ReasonTooLarge:
		return "the command is larger than the bound"
	case raft.ReasonTimeout:
		return "no leader was heard for a whole election timeout"
	case raft.ReasonConnClosed:
		return "the leader's process closed all its connections"
	case raft.ReasonTransferAsked:
		return "the leader asked it to take over"
	case raft.ReasonHigherTerm:
		return "a message of a higher term arrived"
	case raft.ReasonLeaderHeard:
		return "the leader of this term spoke"
	case raft.ReasonNoQuorum:
		return "no majority answered within an election timeout"
	case raft.ReasonMajority:
		return "a majority voted for it"
	case raft.ReasonPreVotes:
		return "a majority would vote for it"
	case raft.ReasonRefused:
		return "a majority refused"
	case raft.ReasonSplit:
		return "nobody won the last election in time"
	case raft.ReasonFault:
		return "an invariant is broken"
	case raft.ReasonStart:
		return "the process has just started"
	case raft.ReasonOtherDisk:
		return "the name is recorded with another data directory; bring that one back, or remove the member and add it anew"
	case raft.ReasonAllEmpty:
		return "a majority is as empty as itself, so this is the first start of the cluster"
	case raft.ReasonEntryCommitted:
		return "a committed entry says so"
	case raft.ReasonNotMember:
		return peer + " is not in the configuration"
	case raft.ReasonTransferTimeout:
		return peer + " did not take over in time"
	}
	return "reason " + strconv.Itoa(int(r)) + ", which this version does not know"
}

// eventName is the machine's word for a kind of event.
func eventName(k raft.EventKind) string {
	if int(k) < len(eventNames) && eventNames[k] != "" {
		return eventNames[k]
	}
	return "unknown_" + strconv.Itoa(int(k))
}

var eventNames = [...]string{
	raft.EventStarted:          "started",
	raft.EventBecameFollower:   "became_follower",
	raft.EventBecamePreCand:    "became_pre_candidate",
	raft.EventBecameCandidate:  "became_candidate",
	raft.EventBecameLeader:     "became_leader",
	raft.EventLeaderKnown:      "leader_known",
	raft.EventVoteGranted:      "vote_granted",
	raft.EventVoteRefused:      "vote_refused",
	raft.EventPreVoteGranted:   "pre_vote_granted",
	raft.EventPreVoteRefused:   "pre_vote_refused",
	raft.EventVoteReceived:     "vote_received",
	raft.EventAppendRefused:    "append_refused",
	raft.EventTruncated:        "truncated",
	raft.EventCommitted:        "committed",
	raft.EventConfigAppended:   "config_appended",
	raft.EventConfigCommitted:  "config_committed",
	raft.EventAdmitted:         "admitted",
	raft.EventRefusedDisk:      "refused_disk",
	raft.EventTransferStarted:  "transfer_started",
	raft.EventTransferSent:     "transfer_sent",
	raft.EventTransferAborted:  "transfer_aborted",
	raft.EventLeaderGone:       "leader_gone",
	raft.EventMessageIgnored:   "message_ignored",
	raft.EventFault:            "fault",
	raft.EventSnapshotRecorded: "snapshot_recorded",
	raft.EventCut:              "cut",
	raft.EventPeerLost:         "peer_lost",
	raft.EventPeerBack:         "peer_back",
}

// reasonName is the machine's word for a reason, empty for none.
func reasonName(r raft.Reason) string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "unknown_" + strconv.Itoa(int(r))
}

var reasonNames = [...]string{
	raft.ReasonStaleTerm:       "stale_term",
	raft.ReasonStaleLog:        "stale_log",
	raft.ReasonVoted:           "voted",
	raft.ReasonLeaderAlive:     "leader_alive",
	raft.ReasonFresh:           "fresh",
	raft.ReasonGap:             "gap",
	raft.ReasonConflict:        "conflict",
	raft.ReasonNotLeader:       "not_leader",
	raft.ReasonNoLeader:        "no_leader",
	raft.ReasonOverloaded:      "overloaded",
	raft.ReasonLogFull:         "log_full",
	raft.ReasonTransferring:    "transferring",
	raft.ReasonOverwritten:     "overwritten",
	raft.ReasonTooLarge:        "too_large",
	raft.ReasonTimeout:         "timeout",
	raft.ReasonConnClosed:      "connections_closed",
	raft.ReasonTransferAsked:   "transfer_asked",
	raft.ReasonHigherTerm:      "higher_term",
	raft.ReasonLeaderHeard:     "leader_heard",
	raft.ReasonNoQuorum:        "no_quorum",
	raft.ReasonMajority:        "majority",
	raft.ReasonPreVotes:        "pre_votes",
	raft.ReasonRefused:         "refused",
	raft.ReasonSplit:           "split",
	raft.ReasonFault:           "fault",
	raft.ReasonStart:           "start",
	raft.ReasonOtherDisk:       "other_disk",
	raft.ReasonAllEmpty:        "all_empty",
	raft.ReasonEntryCommitted:  "entry_committed",
	raft.ReasonNotMember:       "not_member",
	raft.ReasonTransferTimeout: "transfer_timeout",
}

// nameOf is what people call a member: its name made safe to print, or its id
// in hex, as etcd shows ids.
func nameOf(id raft.NodeID, names map[raft.NodeID]string) string {
	if id == 0 {
		return "nobody"
	}
	if n := cleanName(names[id]); n != "" {
		return n
	}
	return strconv.FormatUint(uint64(id), 16)
}

// cleanName cuts a name to a sane length and replaces what does not print, so
// that a name can break neither a line of a log nor the direction of a page.
func cleanName(s string) string {
	clean := make([]rune, 0, min(len(s), memberNameShown))
	for _, r := range s {
		if len(clean) == memberNameShown {
			break
		}
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			r = '?'
		}
		clean = append(clean, r)
	}
	return string(clean)
}
