package scenes

import (
	"veche/model"
	"veche/raft"
)

// round is a little more than a message takes: the answers to what the leader has
// just sent are back, so that it gives up as late as it can.
const round = 16 * raft.Millisecond

// split is what happens when the network falls into parts.
func split() []model.Scene {
	return []model.Scene{splitMajority(), splitMajorityFree(), splitMinority(), twoMasters(), oneTerm(), neverDown(), splitThree()}
}

// splitMajority: the leader keeps a majority, and two servers are cut off.
func splitMajority() model.Scene {
	return model.Scene{
		ID:       "split-majority",
		Settings: eyes(),
		Steps: elected(
			model.Do("draw S4 160ms"),
			model.Do("split {S1 S2 S3}|{S4 S5}"),
			model.Beat("split", model.Cluster),
			model.Do("put x 1 @S1"), model.Until("answered"), model.Until("applied S3 3"),
			model.Beat("left-commits", model.Logs),
			model.Do("put y 2 @S4"), model.Until("role S4 pre-candidate"),
			model.Beat("asks", model.Cluster, model.Figure4),
			model.Wait(600*raft.Millisecond),
			model.Beat("stands-still", model.Figure5, model.Clients),
			model.Do("heal"), model.Until("answered"), model.Until("same logs"), model.Until("applied S5 4"),
			model.Beat("healed", model.Logs, model.Figure5),
		),
		Ends: []string{"leader S1", "leaders 1", "term S1 1", "term S4 1", "y = 2 @S5"},
		Tries: []model.Try{
			{ID: "third-cut-off", Beat: "left-commits", Do: []string{"split {S3}|{S1 S2}", "put z 3 @S1"}},
			{ID: "leader-dies", Beat: "stands-still", Do: []string{"crash S1"}},
		},
	}
}

// splitMajorityFree: the same without PreVote.
func splitMajorityFree() model.Scene {
	return model.Scene{
		ID: "split-majority-no-prevote", Of: "split-majority",
		Settings: eyes(), Without: []string{"prevote"},
		Steps: elected(
			model.Do("draw S4 160ms"),
			model.Do("split {S1 S2 S3}|{S4 S5}"),
			model.Until("role S4 candidate"),
			model.Beat("stands", model.Cluster, model.Figure4),
			model.Wait(900*raft.Millisecond),
			model.Beat("climbs", model.Figure5),
			model.Do("heal"), model.Until("not leader S1"),
			model.Beat("deposed", model.Cluster, model.Figure5),
			model.Until("leader"), model.Until("same logs"),
			model.Beat("again", model.Figure5),
		),
		Ends: []string{"leaders 1", "not term S1 1"},
	}
}

// splitMinority: the leader keeps one follower, and the others elect theirs.
func splitMinority() model.Scene {
	return model.Scene{
		ID:       "split-minority",
		Settings: eyes(),
		Steps: elected(
			model.Do("draw S3 150ms"), model.Do("draw S4 S5 280ms"), model.Wait(round),
			model.Do("split {S1 S2}|{S3 S4 S5}"),
			model.Do("put x 1 @S1"), model.Do("put y 2 @S1"), model.Until("log S2 1 1 1 1"),
			model.Beat("waiting", model.Logs, model.Clients),
			model.Until("leader S3"),
			model.Beat("two-crowns", model.Cluster, model.Figure5),
			model.Do("put z 3 @S3"), model.Until("z = 3 @S3"),
			model.Beat("right-commits", model.Logs),
			model.Until("role S1 follower"),
			model.Beat("steps-down", model.Cluster, model.Figure4),
			model.Do("heal"), model.Until("term S1 2"), model.Until("z = 3 @S1"), model.Until("z = 3 @S2"),
			model.Beat("falls-out", model.Logs),
			model.Until("answered"), model.Until("same logs"),
			model.Beat("answered", model.Clients, model.Logs),
		),
		Ends: []string{"leader S3", "leaders 1", "x = 1 @S5", "y = 2 @S1", "z = 3 @S1", "outcome C1 done", "outcome C2 done"},
		Tries: []model.Try{
			{ID: "heal-early", Beat: "two-crowns", Do: []string{"heal"}},
			{ID: "never-heal", Beat: "steps-down", Do: []string{"put w 4 @S2"}},
		},
	}
}

// twoMasters: two leaders at one time, and clients at both.
func twoMasters() model.Scene {
	return model.Scene{
		ID:       "two-masters",
		Settings: eyes(),
		Steps: elected(
			model.Do("draw S4 150ms"), model.Do("draw S3 S5 280ms"),
			model.Do("put x old @S1"), model.Until("answered"), model.Until("applied S5 3"), model.Wait(round),
			model.Do("split {S1 S2}|{S3 S4 S5}"),
			model.Beat("split", model.Cluster),
			model.Until("leader S4"),
			model.Beat("two-crowns", model.Cluster, model.Figure5),
			model.Do("put x A @S1 by C1"), model.Do("put x B @S4 by C2"), model.Until("outcome C2 done"),
			model.Beat("one-counts", model.Logs, model.Clients),
			model.Do("local x @S1 by C3"), model.Do("get x @S1 by C4"),
			model.Beat("reads", model.Clients),
			model.Until("role S1 follower"),
			model.Beat("steps-down", model.Cluster, model.Figure5),
			model.Do("heal"), model.Until("answered"), model.Until("same logs"), model.Until("x = A @S5"),
			model.Beat("one", model.Logs, model.Clients),
		),
		Ends: []string{"leader S4", "leaders 1", "x = A @S1", "term S1 2", "outcome C1 done", "outcome C4 done"},
		Tries: []model.Try{
			{ID: "heal-early", Beat: "two-crowns", Do: []string{"heal"}},
			{ID: "crash-new", Beat: "one-counts", Do: []string{"crash S4"}},
		},
	}
}

// oneTerm: who votes twice in a term elects two leaders of it.
func oneTerm() model.Scene {
	return model.Scene{
		ID: "two-masters-one-term", Of: "two-masters",
		Settings: eyes(), Without: []string{"one-vote-per-term"},
		Steps: []model.Step{
			model.Do("draw S1 S2 160ms"), model.Do("draw S3 S4 S5 290ms"), model.Do("start"),
			model.Until("role S1 candidate"), model.Until("role S2 candidate"),
			model.Beat("both-stand", model.Cluster),
			model.Until("leaders 2"),
			model.Beat("one-term", model.Cluster, model.Figure5),
		},
		Ends:   []string{"broken Election Safety", "term S1 1", "term S2 1"},
		Breaks: "Election Safety",
	}
}

// neverDown: the old leader hears of the new term, and does not step down.
func neverDown() model.Scene {
	return model.Scene{
		ID: "two-masters-no-step-down", Of: "two-masters",
		Settings: eyes(), Without: []string{"step-down"},
		Steps: elected(
			model.Do("draw S4 150ms"), model.Do("draw S3 S5 280ms"), model.Wait(round),
			model.Do("split {S1 S2}|{S3 S4 S5}"),
			model.Until("leader S4"),
			model.Beat("two-crowns", model.Cluster, model.Figure5),
			model.Do("heal"), model.Until("broken Election Safety"),
			model.Beat("one-term", model.Cluster, model.Figure5),
		),
		Ends:   []string{"leaders 2", "term S1 2", "term S4 2"},
		Breaks: "Election Safety",
	}
}

// splitThree: 2|2|1, nobody has a majority.
func splitThree() model.Scene {
	return model.Scene{
		ID:       "split-2-2-1",
		Settings: eyes(),
		Steps: elected(
			model.Do("split {S1 S2}|{S3 S4}|{S5}"),
			model.Do("put x 1 @S1"), model.Do("put y 2 @S3"), model.Until("log S2 1 1 1"),
			model.Beat("three-parts", model.Cluster),
			model.Until("role S1 follower"),
			model.Beat("no-leader", model.Cluster, model.Figure5),
			model.Wait(500*raft.Millisecond),
			model.Beat("nobody", model.Figure5, model.Clients),
			model.Do("heal"), model.Do("split {S1 S2 S3 S4}|{S5}"), model.Until("leader"), model.Until("answered"),
			model.Beat("two-parts", model.Cluster, model.Clients),
			model.Do("heal"), model.Until("same logs"), model.Until("y = 2 @S5"),
			model.Beat("whole", model.Logs, model.Figure5),
		),
		Ends: []string{"leaders 1", "x = 1 @S5", "y = 2 @S5"},
		Tries: []model.Try{
			{ID: "other-two", Beat: "nobody", Do: []string{"heal", "split {S1 S2}|{S3 S4 S5}"}},
		},
	}
}
