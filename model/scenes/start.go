package scenes

import "veche/model"

// start is how a cluster comes to life.
func start() []model.Scene {
	return []model.Scene{clusterStart()}
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
		Ends: []string{"leader S3", "leaders 1", "term S1 1"},
	}
}
