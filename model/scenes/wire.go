package scenes

import (
	"veche/model"
	"veche/raft"
	"veche/sim"
)

// duplicates is what a network may do to messages besides losing them.
func duplicates() []model.Scene {
	return []model.Scene{
		doubled("duplicates", "", nil, ""),
		doubled("duplicates-truncate", "duplicates", []string{"conflict-only-truncation"}, sim.CommitNeverBack),
	}
}

// doubled: each message with entries comes twice, and a third time when the log
// has grown.
func doubled(id, of string, without []string, breaks sim.Invariant) model.Scene {
	s := model.Scene{
		ID:       id,
		Of:       of,
		Settings: eyes("nodes 3"),
		Without:  without,
		Breaks:   breaks,
		Steps: elected(
			model.Do("double append S1>S2"), model.Do("double append-reply S2>S1"),
			model.Do("put a 1 @S1"), model.Until("answered"),
			model.Beat("twice", model.Cluster, model.Logs),
			model.Do("pass"), model.Do("put b 2 @S1"), model.Do("put c 3 @S1"), model.Until("answered"), model.Until("same logs"),
			model.Beat("grown", model.Logs),
			model.Do("release reversed"), model.Wait(5*raft.Millisecond),
			model.Beat("late", model.Cluster, model.Logs),
			model.Wait(50*raft.Millisecond), model.Until("same logs"),
			model.Beat("same", model.Logs),
		),
	}
	if breaks == "" {
		s.Ends = []string{"same logs", "leader S1", "version a 1 @S2", "c = 3 @S2"}
	}
	return s
}
