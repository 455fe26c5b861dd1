package scenes

import (
	"veche/model"
	"veche/raft"
)

// start is how a cluster, and how a server, comes to life.
func start() []model.Scene {
	return []model.Scene{clusterStart(), nodeStart(), nodeStartEmpty()}
}

// clusterStart: five servers with empty disks, and the first election.
func clusterStart() model.Scene {
	return model.Scene{
		ID:       "cluster-start",
		Settings: eyes(),
		Steps: []model.Step{
			model.Do("draw S3 160ms"), model.Do("draw S1 S2 S4 S5 280ms"),
			model.Do("start"),
			model.Until("admitted S3"),
			model.Beat("followers", model.Cluster),
			model.Until("role S3 pre-candidate"),
			model.Beat("asks", model.Cluster, model.Figure4),
			model.Until("role S3 candidate"),
			model.Beat("candidate", model.Cluster, model.Figure4),
			model.Until("leader S3"),
			model.Beat("leader", model.Cluster, model.Figure5),
			model.Until("commit 1"),
			model.Beat("committed", model.Logs),
			model.Until("same logs"),
			model.Beat("quiet", model.Cluster, model.Figure5),
		},
		Ends: []string{"leader S3", "leaders 1", "term S1 1", "commit 2"},
		Tries: []model.Try{
			{ID: "two-down", Beat: "followers", Do: []string{"crash S4 S5"}},
			{ID: "three-down", Beat: "followers", Do: []string{"crash S1 S2 S4"}},
			{ID: "rival", Beat: "followers", Do: []string{"draw S1 160ms"}},
		},
	}
}

// nodeStart: a server comes back with its disk and has missed a whole term.
func nodeStart() model.Scene {
	return model.Scene{
		ID:       "node-start",
		Settings: eyes(),
		Steps: elected(
			model.Do("put x 1 @S1"), model.Until("answered"), model.Until("same logs"),
			model.Do("crash S5"),
			model.Do("transfer S2 @S1"), model.Until("leader S2"), model.Until("commit 4"),
			model.Do("put y 2 @S2"), model.Do("put z 3 @S3"), model.Until("answered"), model.Until("applied S4 6"),
			model.Beat("away", model.Cluster, model.Logs),
			model.Do("start S5"),
			model.Beat("back", model.Cluster, model.Logs),
			model.Until("term S5 2"),
			model.Beat("heard", model.Cluster, model.Figure4),
			model.Until("same logs"),
			model.Until("applied S5 6"),
			model.Beat("filled", model.Logs),
		),
		Ends: []string{"leader S2", "term S5 2", "z = 3 @S5"},
		Tries: []model.Try{
			{ID: "leader-gone", Beat: "heard", Do: []string{"crash S2"}},
		},
	}
}

// nodeStartEmpty: a server comes back under its name, but with an empty disk.
func nodeStartEmpty() model.Scene {
	return model.Scene{
		ID: "node-start-empty", Of: "node-start",
		Settings: eyes("spares 1"),
		Steps: elected(
			model.Do("put x 1 @S1"), model.Until("answered"), model.Until("same logs"),
			model.Do("crash S5"), model.Do("wipe S5"),
			model.Beat("wiped", model.Logs),
			model.Do("start S5"), model.Until("refused S5"),
			model.Beat("refused", model.Cluster),
			model.Do("put y 2 @S2"), model.Until("answered"),
			model.Beat("without-it", model.Logs),
			model.Do("change remove S5 @S1"), model.Until("voters S1 S2 S3 S4"),
			model.Do("join S6"), model.Do("change add-learner S6 @S1"), model.Until("learners S6"),
			model.Until("x = 1 @S6"),
			model.Beat("learner", model.Cluster, model.Logs),
			model.Wait(60*raft.Millisecond), // until the leader knows that it has caught up
			model.Do("change promote S6 @S1"), model.Until("voters S1 S2 S3 S4 S6"),
			model.Beat("voter", model.Cluster),
		),
		Ends: []string{"leader S1", "y = 2 @S6", "not admitted S5"},
	}
}
