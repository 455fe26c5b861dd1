package scenes

import (
	"veche/model"
	"veche/raft"
)

// election is what elections suffer from.
func election() []model.Scene {
	return []model.Scene{
		splitVote(), splitVoteNarrow(),
		disruptiveReturn(), disruptiveFree(), disruptiveNeither(),
		deafLeader(), deafFree(), deafForEver(), deafNeither(), muteLeader(),
	}
}

// splitVote: two stand at the same moment, and each gets two of four votes.
func splitVote() model.Scene {
	return model.Scene{
		ID:       "split-vote",
		Settings: eyes("seed 8"),
		Steps: []model.Step{
			model.Do("draw S1 S2 160ms"), model.Do("draw S3 S4 290ms"),
			model.Do("start S1 S2 S3 S4"),
			model.Until("role S1 pre-candidate"), model.Until("role S2 pre-candidate"),
			model.Beat("both-ask", model.Cluster),
			model.Until("role S1 candidate"), model.Until("role S2 candidate"),
			model.Beat("both-stand", model.Cluster),
			model.Until("term S3 1"), model.Until("term S4 1"), model.Wait(16 * raft.Millisecond),
			model.Beat("two-each", model.Cluster, model.Figure5),
			model.Until("leader"),
			model.Beat("decided", model.Cluster, model.Figure5),
		},
		Ends: []string{"leaders 1", "not term S1 1"},
	}
}

// splitVoteNarrow: all draw nearly the same timeout, and votes split again and again.
func splitVoteNarrow() model.Scene {
	return model.Scene{
		ID: "split-vote-narrow", Of: "split-vote",
		Settings: []string{"election 150ms 151ms", "heartbeat 50ms", "wire 10ms 15ms", "fast off", "seed 2"},
		Steps: []model.Step{
			model.Do("start"),
			model.Until("role S1 candidate"),
			model.Beat("all-stand", model.Cluster),
			model.Until("not term S1 1"),
			model.Beat("again", model.Figure5),
			model.Until("leader"), model.Until("same logs"),
			model.Beat("decided", model.Figure5),
		},
		Ends: []string{"leaders 1"},
	}
}

// disruptiveReturn: a server was away for long, and is welcome.
func disruptiveReturn() model.Scene {
	return model.Scene{
		ID:       "disruptive-return",
		Settings: eyes(),
		Steps: elected(
			model.Do("draw S5 160ms"),
			model.Do("split {S1 S2 S3 S4}|{S5}"),
			model.Beat("alone", model.Cluster),
			model.Do("put x 1 @S1"), model.Until("answered"), model.Until("role S5 pre-candidate"),
			model.Beat("asks", model.Cluster, model.Figure4),
			model.Wait(2*raft.Second),
			model.Beat("long", model.Figure5),
			model.Do("heal"), model.Until("same logs"), model.Until("x = 1 @S5"),
			model.Beat("returned", model.Logs, model.Figure5),
		),
		Ends: []string{"leader S1", "term S1 1", "term S5 1"},
	}
}

// disruptiveFree: the same without PreVote.
func disruptiveFree() model.Scene {
	return model.Scene{
		ID: "disruptive-return-no-prevote", Of: "disruptive-return",
		Settings: eyes(), Without: []string{"prevote"},
		Steps: elected(
			model.Do("draw S5 160ms"),
			model.Do("split {S1 S2 S3 S4}|{S5}"),
			model.Do("put x 1 @S1"), model.Until("answered"), model.Until("role S5 candidate"),
			model.Beat("stands", model.Cluster, model.Figure4),
			model.Wait(2*raft.Second),
			model.Beat("climbed", model.Figure5),
			model.Do("heal"), model.Until("not leader S1"),
			model.Beat("deposed", model.Cluster, model.Figure5),
			model.Until("leader"), model.Until("same logs"), model.Until("x = 1 @S5"),
			model.Beat("again", model.Figure5),
		),
		Ends: []string{"leaders 1", "not leader S5", "not term S1 1"},
	}
}

// disruptiveNeither: without PreVote and without CheckQuorum, as in the paper.
func disruptiveNeither() model.Scene {
	s := disruptiveFree()
	s.ID, s.Without = "disruptive-return-neither", []string{"prevote", "checkquorum"}
	return s
}

// deafLeader: the leader hears nobody, and notices.
func deafLeader() model.Scene {
	return model.Scene{
		ID:       "deaf-leader",
		Settings: eyes(),
		Steps: elected(
			model.Do("draw S3 160ms"), model.Do("draw S2 S4 S5 280ms"),
			model.Do("cut *>S1"), model.Do("put x 1 @S1"),
			model.Beat("deaf", model.Cluster),
			model.Until("log S5 1 1 1"),
			model.Beat("unheard", model.Logs, model.Cluster),
			model.Until("role S1 follower"),
			model.Beat("steps-down", model.Cluster, model.Figure4),
			model.Until("leader"), model.Until("x = 1 @S3"),
			model.Beat("other", model.Logs, model.Figure5),
			model.Do("heal"), model.Until("answered"),
			model.Beat("healed", model.Clients, model.Figure5),
		),
		Ends: []string{"not leader S1", "leaders 1", "x = 1 @S1"},
	}
}

// deafFree: the same without PreVote.
func deafFree() model.Scene {
	return model.Scene{
		ID: "deaf-leader-no-prevote", Of: "deaf-leader",
		Settings: eyes(), Without: []string{"prevote"},
		Steps: elected(
			model.Do("cut *>S1"), model.Do("put x 1 @S1"), model.Until("log S5 1 1 1"),
			model.Beat("unheard", model.Logs, model.Cluster),
			model.Until("role S1 follower"),
			model.Beat("steps-down", model.Cluster, model.Figure4),
			model.Until("leader"), model.Until("commit 4"),
			model.Wait(600*raft.Millisecond),
			model.Beat("other", model.Figure5, model.Logs),
			model.Do("heal"), model.Until("answered"), model.Until("leader"), model.Until("same logs"),
			model.Beat("healed", model.Figure5),
		),
		Ends: []string{"leaders 1", "x = 1 @S1"},
	}
}

// deafNeither: without PreVote and without CheckQuorum, as in the paper.
func deafNeither() model.Scene {
	s := deafForEver()
	s.ID, s.Without = "deaf-leader-neither", []string{"prevote", "checkquorum"}
	return s
}

// deafForEver: the same without CheckQuorum.
func deafForEver() model.Scene {
	return model.Scene{
		ID: "deaf-leader-no-checkquorum", Of: "deaf-leader",
		Settings: eyes(), Without: []string{"checkquorum"},
		Steps: elected(
			model.Do("cut *>S1"), model.Do("put x 1 @S1"), model.Until("log S5 1 1 1"),
			model.Beat("unheard", model.Logs, model.Cluster),
			model.Wait(2*raft.Second),
			model.Beat("for-ever", model.Figure5, model.Clients),
		),
		Ends: []string{"leader S1", "leaders 1", "waiting", "not commit 3"},
	}
}

// muteLeader: nobody hears the leader, though it hears all.
func muteLeader() model.Scene {
	return model.Scene{
		ID: "mute-leader", Of: "deaf-leader",
		Settings: eyes(),
		Steps: elected(
			model.Do("draw S3 160ms"), model.Do("draw S2 S4 S5 280ms"),
			model.Do("cut S1>*"), model.Do("put x 1 @S1"),
			model.Beat("mute", model.Cluster),
			model.Until("role S3 candidate"),
			model.Beat("candidate", model.Cluster),
			model.Until("role S1 follower"),
			model.Beat("told", model.Cluster, model.Figure4),
			model.Until("leader S3"), model.Until("commit 3"),
			model.Beat("leader", model.Logs, model.Figure5),
			model.Do("heal"), model.Until("answered"), model.Until("same logs"),
			model.Beat("healed", model.Clients, model.Logs),
		),
		Ends: []string{"leader S3", "leaders 1", "x = 1 @S1"},
	}
}
