package scenes

import (
	"veche/model"
	"veche/raft"
)

// handovers is how a leader makes room.
func handovers() []model.Scene {
	return []model.Scene{transfer(), transferBehind(), transferLost()}
}

// transfer: S3 is told to stand, and nobody waits for a timeout.
func transfer() model.Scene {
	return model.Scene{
		ID:       "transfer",
		Settings: eyes("fast off"),
		Steps: elected(
			model.Do("put x 1 @S1"), model.Until("answered"), model.Until("same logs"),
			model.Beat("before", model.Cluster),
			model.Do("transfer S3 @S1"), model.Do("put y 2 @S1"),
			model.Beat("told", model.Cluster, model.Clients),
			model.Until("role S3 candidate"),
			model.Beat("stands", model.Cluster, model.Figure4),
			model.Until("leader S3"),
			model.Beat("leads", model.Cluster, model.Figure5),
			model.Until("answered"), model.Until("same logs"),
			model.Beat("works", model.Logs, model.Clients),
		),
		Ends: []string{"leader S3", "leaders 1", "y = 2 @S1", "term S1 2"},
		Tries: []model.Try{
			{ID: "dies", Beat: "told", Do: []string{"crash S3"}},
		},
	}
}

// transferBehind: who lacks something is brought up to date first, or not chosen.
func transferBehind() model.Scene {
	return model.Scene{
		ID:       "transfer-behind",
		Of:       "transfer",
		Settings: eyes("fast off"),
		Steps: elected(
			model.Do("cut S1>S3 S3>S1"), model.Do("put x 1 @S1"), model.Until("answered"),
			model.Beat("behind", model.Logs),
			model.Do("transfer S3 @S1"), model.Do("put y 2 @S1"), model.Wait(100*raft.Millisecond),
			model.Beat("waits", model.Cluster, model.Clients),
			model.Until("answered"),
			model.Beat("given-up", model.Clients, model.Figure5),
		),
		Ends: []string{"leader S1", "term S1 1", "y = 2 @S1"},
		Tries: []model.Try{
			{ID: "link-back", Beat: "waits", Do: []string{"heal"}},
		},
	}
}

// transferLost: the order to stand was lost on its way, or is late.
func transferLost() model.Scene {
	return model.Scene{
		ID:       "transfer-lost",
		Of:       "transfer",
		Settings: eyes("fast off"),
		Steps: elected(
			model.Do("hold timeout-now S1>S3"),
			model.Do("transfer S3 @S1"), model.Do("put x 1 @S1"), model.Wait(100*raft.Millisecond),
			model.Beat("waits", model.Cluster, model.Clients),
			model.Until("term S1 2"),
			model.Beat("new-term", model.Cluster, model.Figure4),
			model.Until("leader S1"), model.Until("answered"), model.Until("same logs"),
			model.Do("release"), model.Wait(500*raft.Millisecond),
			model.Beat("late", model.Cluster, model.Figure5),
		),
		Ends: []string{"leader S1", "term S1 2", "term S3 2", "x = 1 @S3"},
	}
}
