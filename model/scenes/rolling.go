package scenes

import (
	"veche/model"
	"veche/raft"
)

// restarts is when servers go down and come back, all at once or in turn.
func restarts() []model.Scene {
	return []model.Scene{powerCut(), rolling(), rollingPlain()}
}

// powerCut: everything stops in the midst of a write.
func powerCut() model.Scene {
	return model.Scene{
		ID:       "power-cut",
		Settings: eyes("fast off"),
		Steps: elected(
			model.Do("put x 1 @S1"), model.Until("answered"), model.Until("same logs"),
			model.Do("put x 2 @S1"), model.Wait(12*raft.Millisecond),
			model.Beat("midst", model.Logs, model.Clients),
			model.Do("power-cut all"), model.Wait(500*raft.Millisecond),
			model.Beat("dark", model.Cluster, model.Clients),
			model.Do("draw S4 160ms"), model.Do("draw S2 220ms"), model.Do("draw S1 S3 S5 290ms"), model.Do("start S4 S2 S5 S3 S1"), model.Wait(20*raft.Millisecond),
			model.Beat("remember", model.Logs),
			model.Until("leader"), model.Until("same logs"),
			model.Beat("level", model.Logs, model.Figure5),
			model.Do("get x @S3"), model.Until("answered"),
			model.Beat("read", model.Clients),
		),
		Ends: []string{"leaders 1", "term S1 2", "not no x @S1"},
		Tries: []model.Try{
			{ID: "two-only", Beat: "dark", Do: []string{"start S2 S3"}},
		},
	}
}

// restarted takes servers down and up again, one at a time.
func restarted(servers ...string) []model.Step {
	var steps []model.Step
	for _, s := range servers {
		steps = append(steps, model.Do("crash "+s), model.Do("put v "+s[1:]+" @S1"), model.Until("answered"), model.Wait(100*raft.Millisecond),
			model.Do("start "+s), model.Until("same logs"))
	}
	return steps
}

// rolling: the leader hands over before it goes down.
func rolling() model.Scene {
	steps := elected()
	steps = append(steps, restarted("S5")...)
	steps = append(steps, model.Beat("first", model.Cluster, model.Figure5))
	steps = append(steps, restarted("S4", "S3", "S2")...)
	steps = append(steps,
		model.Beat("followers", model.Figure5),
		model.Do("transfer S2 @S1"), model.Do("put x 1 @S1"),
		model.Until("leader S2"), model.Until("answered"), model.Until("same logs"),
		model.Beat("handed-over", model.Figure5, model.Clients),
		model.Do("crash S1"), model.Do("put y 2 @S2"), model.Until("answered"), model.Wait(100*raft.Millisecond),
		model.Do("start S1"), model.Until("same logs"),
		model.Beat("done", model.Figure5),
	)
	return model.Scene{
		ID:       "rolling-restart",
		Settings: eyes("fast off"),
		Steps:    steps,
		Ends:     []string{"leader S2", "term S1 2", "y = 2 @S1"},
		Tries: []model.Try{
			{ID: "three", Beat: "followers", Do: []string{"crash S5", "crash S4", "crash S3", "put z 3 @S1"}},
		},
	}
}

// rollingPlain: the leader is simply restarted, and everybody waits.
func rollingPlain() model.Scene {
	steps := elected()
	steps = append(steps, restarted("S5", "S4", "S3", "S2")...)
	steps = append(steps,
		model.Beat("followers", model.Figure5),
		model.Do("crash S1"), model.Do("put x 1 @S2"), model.Wait(100*raft.Millisecond), model.Do("start S1"),
		model.Beat("waits", model.Cluster, model.Clients),
		model.Until("leader"),
		model.Beat("leads", model.Cluster, model.Figure5),
		model.Until("answered"), model.Until("same logs"),
		model.Beat("done", model.Figure5, model.Clients),
	)
	return model.Scene{
		ID:       "rolling-restart-plain",
		Of:       "rolling-restart",
		Settings: eyes("fast off"),
		Steps:    steps,
		Ends:     []string{"leaders 1", "term S1 2", "x = 1 @S1"},
	}
}
