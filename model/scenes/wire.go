package scenes

import (
	"veche/model"
	"veche/raft"
	"veche/sim"
)

// duplicates is what a network may do to messages besides losing them.
func duplicates() []model.Scene {
	right := lateCopy("duplicates", model.Until("b = 2 @S3"), model.Beat("kept", model.Logs, model.Clients))
	right.Ends = []string{"leader S2", "version a 1 @S2", "b = 2 @S3"}
	wrong := lateCopy("duplicates-truncate", model.Until("applied S2 4"), model.Beat("lost", model.Logs, model.Clients))
	wrong.Of, wrong.Without, wrong.Breaks = "duplicates", []string{"conflict-only-truncation"}, sim.LeaderCompleteness
	wrong.Ends = []string{"broken State Machine Safety"}
	return []model.Scene{right, wrong}
}

// lateCopy: an AppendEntries comes twice, and a third time when the log has grown
// behind what it holds. Then the leader dies.
func lateCopy(id string, more ...model.Step) model.Scene {
	return model.Scene{
		ID:       id,
		Settings: eyes("nodes 3", "fast off"),
		Steps: append(elected(
			model.Do("split {S1 S2}|{S3}"), model.Do("double append S1>S2"),
			model.Do("put a 1 @S1"),
			model.Beat("twice", model.Cluster),
			model.Until("answered"),
			model.Do("pass"), model.Do("drop heartbeat S1>S2"),
			model.Do("put b 2 @S1"), model.Until("answered"),
			model.Beat("grown", model.Logs, model.Clients),
			model.Do("release"),
			model.Beat("late", model.Cluster, model.Logs),
			model.Wait(20*raft.Millisecond),
			model.Beat("arrived", model.Logs),
			model.Do("pass"), model.Do("draw S2 160ms"), model.Do("draw S3 290ms"), model.Do("crash S1"), model.Do("heal"),
			model.Until("leader S2"),
		), more...),
	}
}
