package scenes

import (
	"veche/model"
	"veche/raft"
	"veche/sim"
)

// disks is what a vote is worth on a disk that forgets.
func disks() []model.Scene {
	return []model.Scene{amnesia(), amnesiaLie(), amnesiaEarly()}
}

// votedFor: S2 has voted for S1 in term 2, while S3 was cut off.
func votedFor(more ...model.Step) []model.Step {
	return append([]model.Step{
		model.Do("copy-disk S2"),
		model.Do("split {S1 S2}|{S3}"),
		model.Do("draw S1 160ms"), model.Do("draw S2 290ms"),
		model.Do("start"),
		model.Until("leader S1"),
		model.Beat("voted", model.Cluster, model.Figure4),
	}, more...)
}

// amnesia: a voter that lost its disk is not asked again.
func amnesia() model.Scene {
	return model.Scene{
		ID:       "amnesia",
		Settings: eyes("nodes 3", "fast off", "disk S1 S2 S3 term 1 log 1 1"),
		Steps: votedFor(
			model.Until("commit 4"), model.Until("applied S2 4"),
			model.Do("wipe S2"),
			model.Do("heal"), model.Do("split {S1}|{S2 S3}"), model.Do("start S2"),
			model.Beat("wiped", model.Cluster, model.Logs),
			model.Until("role S3 pre-candidate"), model.Wait(500*raft.Millisecond),
			model.Beat("silent", model.Cluster, model.Figure5),
			model.Do("heal"), model.Until("leader S1"), model.Until("refused S2"), model.Do("put x 1 @S1"), model.Until("x = 1 @S3"),
			model.Beat("refused", model.Cluster, model.Logs),
		),
		Ends: []string{"leader S1", "not admitted S2", "x = 1 @S3"},
	}
}

// amnesiaLie: the disk had said that the vote was safe, and had not written it.
func amnesiaLie() model.Scene {
	return model.Scene{
		ID:       "amnesia-lie",
		Of:       "amnesia",
		Settings: eyes("nodes 3", "fast off", "disk S1 S2 S3 term 1 log 1 1"),
		Steps: votedFor(
			model.Do("put-back S2"),
			model.Do("heal"), model.Do("split {S1}|{S2 S3}"), model.Do("draw S3 155ms"), model.Do("start S2"),
			model.Beat("old-disk", model.Cluster, model.Logs),
			model.Until("role S3 candidate"),
			model.Beat("same-term", model.Cluster),
			model.Until("leader S3"),
			model.Beat("two-leaders", model.Cluster, model.Figure5),
		),
		Breaks: sim.ElectionSafety,
	}
}

// amnesiaEarly: the vote is told before it is on the disk.
func amnesiaEarly() model.Scene {
	return model.Scene{
		ID:       "amnesia-early",
		Of:       "amnesia",
		Settings: eyes("nodes 3", "fast off", "disk S1 S2 S3 term 1 log 1 1"),
		Without:  []string{"vote-on-disk"},
		Steps: []model.Step{
			model.Do("split {S1 S2}|{S3}"),
			model.Do("draw S1 160ms"), model.Do("draw S2 290ms"), model.Do("slow-disk S2 500ms"),
			model.Do("start"),
			model.Until("leader S1"),
			model.Beat("told", model.Cluster, model.Logs),
			model.Do("power-cut S2"), model.Do("heal"), model.Do("split {S1}|{S2 S3}"),
			model.Do("draw S3 155ms"), model.Do("start S2"),
			model.Beat("forgot", model.Cluster),
			model.Until("role S3 candidate"),
			model.Beat("same-term", model.Cluster),
			model.Until("broken Election Safety"),
			model.Beat("two-leaders", model.Cluster, model.Figure5),
		},
		Ends:   []string{"broken Election Safety"},
		Breaks: sim.ElectionSafety,
	}
}
