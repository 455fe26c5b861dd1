package raft

import "strconv"

// Word is a machine's word for the kind of event, as streams and files have it:
// "became_leader". It never changes once it was published.
func (k EventKind) Word() string { return wordOf(eventWords[:], int(k)) }

// Word is a machine's word for the reason, as streams and files have it; "" for
// ReasonNone.
func (r Reason) Word() string { return wordOf(reasonWords[:], int(r)) }

// Word is a machine's word for the kind of message.
func (k MessageKind) Word() string { return wordOf(messageWords[:], int(k)) }

// EventKinds is one more than the newest kind of event.
const EventKinds = int(eventKindsBound)

func wordOf(words []string, k int) string {
	if k < len(words) && (words[k] != "" || k == 0) {
		return words[k]
	}
	return "unknown_" + strconv.Itoa(k)
}

var eventWords = [eventKindsBound]string{
	EventStarted:           "started",
	EventBecameFollower:    "became_follower",
	EventBecamePreCand:     "became_pre_candidate",
	EventBecameCandidate:   "became_candidate",
	EventBecameLeader:      "became_leader",
	EventLeaderKnown:       "leader_known",
	EventVoteGranted:       "vote_granted",
	EventVoteRefused:       "vote_refused",
	EventPreVoteGranted:    "pre_vote_granted",
	EventPreVoteRefused:    "pre_vote_refused",
	EventVoteReceived:      "vote_received",
	EventAppendRefused:     "append_refused",
	EventTruncated:         "truncated",
	EventCommitted:         "committed",
	EventConfigAppended:    "config_appended",
	EventConfigCommitted:   "config_committed",
	EventAdmitted:          "admitted",
	EventRefusedDisk:       "refused_disk",
	EventTransferStarted:   "transfer_started",
	EventTransferSent:      "transfer_sent",
	EventTransferAborted:   "transfer_aborted",
	EventLeaderGone:        "leader_gone",
	EventMessageIgnored:    "message_ignored",
	EventFault:             "fault",
	EventSnapshotRecorded:  "snapshot_recorded",
	EventCut:               "cut",
	EventPeerLost:          "peer_lost",
	EventPeerBack:          "peer_back",
	EventLogFull:           "log_full",
	EventPreVoteReceived:   "pre_vote_received",
	EventSnapshotOffered:   "snapshot_offered",
	EventSnapshotInstalled: "snapshot_installed",
	EventRemoved:           "removed",
	EventDamaged:           "damaged",
	EventRepaired:          "repaired",
	EventDiskStalled:       "disk_stalled",
	EventTimingDiffers:     "timing_differs",
	EventCaughtUp:          "caught_up",
	EventTimingTuned:       "timing_tuned",
}

var reasonWords = [reasonsBound]string{
	ReasonStaleTerm:       "stale_term",
	ReasonStaleLog:        "stale_log",
	ReasonVoted:           "voted",
	ReasonLeaderAlive:     "leader_alive",
	ReasonFresh:           "fresh",
	ReasonGap:             "gap",
	ReasonConflict:        "conflict",
	ReasonNotLeader:       "not_leader",
	ReasonNoLeader:        "no_leader",
	ReasonOverloaded:      "overloaded",
	ReasonLogFull:         "log_full",
	ReasonTransferring:    "transferring",
	ReasonOverwritten:     "overwritten",
	ReasonTooLarge:        "too_large",
	ReasonTimeout:         "timeout",
	ReasonConnClosed:      "connections_closed",
	ReasonTransferAsked:   "transfer_asked",
	ReasonHigherTerm:      "higher_term",
	ReasonLeaderHeard:     "leader_heard",
	ReasonNoQuorum:        "no_quorum",
	ReasonMajority:        "majority",
	ReasonPreVotes:        "pre_votes",
	ReasonRefused:         "refused",
	ReasonSplit:           "split",
	ReasonFault:           "fault",
	ReasonStart:           "start",
	ReasonOtherDisk:       "other_disk",
	ReasonAllEmpty:        "all_empty",
	ReasonEntryCommitted:  "entry_committed",
	ReasonNotMember:       "not_member",
	ReasonTransferTimeout: "transfer_timeout",
	ReasonRemoved:         "removed",
	ReasonChangePending:   "change_pending",
	ReasonNotCaughtUp:     "not_caught_up",
	ReasonBadChange:       "bad_change",
	ReasonTooFewHealthy:   "too_few_healthy",
	ReasonLevel:           "level",
	ReasonDamaged:         "damaged",
	ReasonDiskStalled:     "disk_stalled",
	ReasonPreferred:       "preferred",
	ReasonNotReady:        "not_ready",
	ReasonSnapshot:        "snapshot",
	ReasonNewcomer:        "newcomer",
	ReasonNotVoter:        "not_voter",
}

var messageWords = [messageKindsBound]string{
	KindRequestVote:     "request_vote",
	KindVoteReply:       "vote_reply",
	KindAppend:          "append",
	KindAppendReply:     "append_reply",
	KindHeartbeat:       "heartbeat",
	KindHeartbeatRep:    "heartbeat_reply",
	KindTimeoutNow:      "timeout_now",
	KindReadIndex:       "read_index",
	KindReadIndexRep:    "read_index_reply",
	KindPropose:         "propose",
	KindProposeRep:      "propose_reply",
	KindGreet:           "greet",
	KindGreetReply:      "greet_reply",
	KindInstallSnapshot: "install_snapshot",
	KindSnapshotFetch:   "snapshot_fetch",
	KindSnapshotChunk:   "snapshot_chunk",
}
