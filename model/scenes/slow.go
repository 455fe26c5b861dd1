package scenes

import (
	"veche/model"
	"veche/raft"
)

// slow is a leader that works, but not in time.
func slow() []model.Scene {
	return []model.Scene{slowDisk(), slowPause(), slowNetwork()}
}

// slowDisk: the others' disks suffice, and then one of them takes over.
func slowDisk() model.Scene {
	return model.Scene{
		ID:       "slow-leader",
		Settings: eyes(),
		Steps: elected(
			model.Do("slow-disk S1 1500ms"), model.Do("put x 1 @S1"),
			model.Wait(20*raft.Millisecond),
			model.Beat("writes", model.Logs),
			model.Until("answered"),
			model.Beat("commits", model.Logs, model.Clients),
			model.Until("not leader S1"), model.Until("leader"),
			model.Beat("handed-over", model.Cluster, model.Figure5),
			model.Do("put y 2 @S3"), model.Until("answered"),
			model.Beat("works", model.Logs),
		),
		Ends: []string{"not leader S1", "leaders 1", "term S1 2"},
		Tries: []model.Try{
			{ID: "most-slow", Beat: "commits", Do: []string{"slow-disk S2 1500ms", "slow-disk S3 1500ms", "slow-disk S4 1500ms", "put z 3 @S1"}},
		},
	}
}

// slowPause: a leader that sleeps is replaced, and learns of it first thing.
func slowPause() model.Scene {
	return model.Scene{
		ID:       "slow-leader-pause",
		Of:       "slow-leader",
		Settings: eyes("fast off"),
		Steps: elected(
			model.Do("draw S3 160ms"), model.Do("draw S2 S4 S5 290ms"), model.Do("pause S1 900ms"), model.Do("put x 1 @S2"),
			model.Wait(100*raft.Millisecond),
			model.Beat("sleeps", model.Cluster),
			model.Until("leader S3"),
			model.Beat("two", model.Cluster, model.Figure5),
			model.Until("answered"),
			model.Beat("works", model.Logs, model.Clients),
			model.Until("role S1 follower"),
			model.Beat("wakes", model.Cluster, model.Figure4),
			model.Until("same logs"),
			model.Beat("level", model.Logs, model.Figure5),
		),
		Ends: []string{"leader S3", "leaders 1", "x = 1 @S1"},
	}
}

// slowNetwork: messages take longer and longer, until elections fail.
func slowNetwork() model.Scene {
	return model.Scene{
		ID:       "slow-leader-network",
		Of:       "slow-leader",
		Settings: eyes("fast off"),
		Steps: elected(
			model.Do("slow-link 50ms *>*"), model.Do("put x 1 @S2"), model.Until("answered"),
			model.Beat("slower", model.Cluster),
			model.Do("slow-link 200ms *>*"), model.Do("put y 2 @S2"),
			model.Until("not leader S1"),
			model.Beat("too-slow", model.Cluster, model.Figure4),
			model.Wait(3*raft.Second),
			model.Beat("churn", model.Figure5, model.Clients),
			model.Do("slow-link 0ms *>*"), model.Until("leader"), model.Until("answered"), model.Until("same logs"),
			model.Beat("fast-again", model.Cluster, model.Figure5),
		),
		Ends: []string{"leaders 1", "x = 1 @S1", "y = 2 @S1"},
	}
}
