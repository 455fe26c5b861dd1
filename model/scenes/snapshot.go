package scenes

import (
	"strconv"

	"veche/model"
	"veche/raft"
)

// snapshots is what a server gets that was away for too long.
func snapshots() []model.Scene {
	return []model.Scene{snapshot()}
}

// puts is so many writes to S1, one behind the other.
func puts(n int) []model.Step {
	var steps []model.Step
	for i := range n {
		steps = append(steps, model.Do("put k"+strconv.Itoa(i)+" "+strconv.Itoa(i+1)+" @S1"))
	}
	return steps
}

// snapshot: S3 was away; what it lacks is cut. The file comes in chunks, one is
// lost, and S3 is killed in the middle.
func snapshot() model.Scene {
	steps := elected(model.Do("crash S3"))
	steps = append(steps, puts(16)...)
	steps = append(steps,
		model.Until("answered"), model.Until("stands S1 10"),
		model.Beat("cut", model.Logs),
		model.Do("drop chunk S1>S3 once"), model.Do("start S3"),
		model.Until("fetching S3 0"),
		model.Beat("offered", model.Cluster, model.Logs),
		model.Wait(40*raft.Millisecond),
		model.Beat("dropped", model.Cluster),
		model.Until("fetching S3 40"),
		model.Beat("chunks", model.Cluster),
		model.Do("crash S3"), model.Do("start S3"),
		model.Until("fetching S3 20"),
		model.Beat("again", model.Cluster),
		model.Until("stands S3 10"),
		model.Beat("stands", model.Logs),
		model.Do("put z 9 @S1"), model.Until("same logs"),
		model.Beat("level", model.Logs),
	)
	return model.Scene{
		ID:       "snapshot",
		Settings: eyes("nodes 3", "snapshot-bytes 1000", "trail-bytes 100", "chunk-bytes 48"),
		Steps:    steps,
		Ends:     []string{"same logs", "z = 9 @S3", "k15 = 16 @S3"},
		Tries: []model.Try{
			{ID: "leader-dies", Beat: "chunks", Do: []string{"crash S1"}},
		},
	}
}
