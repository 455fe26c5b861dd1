package server

import (
	"strconv"
	"unicode"
	"unicode/utf8"

	"veche/raft"
)

// Describe puts an event into one English sentence without a full stop. names
// gives the members' names; one that it lacks is shown as its id in hex, and 0
// as nobody.
func Describe(e raft.Event, names map[raft.NodeID]string) string {
	name := func(id raft.NodeID) string { return nameOf(id, names) }
	return name(e.Node) + " " + e.Sentence(name)
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
	raft.EventLogFull:          "log_full",
	raft.EventPreVoteReceived:  "pre_vote_received",

	raft.EventSnapshotOffered:   "snapshot_offered",
	raft.EventSnapshotInstalled: "snapshot_installed",
	raft.EventRemoved:           "removed",
	raft.EventDamaged:           "damaged",
	raft.EventRepaired:          "repaired",
	raft.EventDiskStalled:       "disk_stalled",
	raft.EventTimingDiffers:     "timing_differs",
	raft.EventCaughtUp:          "caught_up",
	raft.EventTimingTuned:       "timing_tuned",
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
	raft.ReasonRemoved:         "removed",
	raft.ReasonChangePending:   "change_pending",
	raft.ReasonNotCaughtUp:     "not_caught_up",
	raft.ReasonBadChange:       "bad_change",
	raft.ReasonTooFewHealthy:   "too_few_healthy",
	raft.ReasonLevel:           "level",
	raft.ReasonDamaged:         "damaged",
	raft.ReasonDiskStalled:     "disk_stalled",
	raft.ReasonPreferred:       "preferred",
	raft.ReasonNotReady:        "not_ready",
	raft.ReasonSnapshot:        "snapshot",
	raft.ReasonNewcomer:        "newcomer",
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
