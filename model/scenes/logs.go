package scenes

import (
	"slices"

	"veche/model"
	"veche/raft"
)

// logs is how logs part, and become equal again.
func logs() []model.Scene {
	return []model.Scene{figure7(), figure7Unchecked(), figure8(), figure8Safe(), figure8Counted()}
}

// figure7: seven logs as crashes may leave them.
func figure7() model.Scene {
	return model.Scene{
		ID: "figure-7",
		Settings: eyes("nodes 7",
			"disk S1 term 7 log 1 1 1 4 4 5 5 6 6 6",
			"disk S2 term 6 log 1 1 1 4 4 5 5 6 6",
			"disk S3 term 4 log 1 1 1 4",
			"disk S4 term 6 log 1 1 1 4 4 5 5 6 6 6 6",
			"disk S5 term 7 log 1 1 1 4 4 5 5 6 6 6 7 7",
			"disk S6 term 4 log 1 1 1 4 4 4 4",
			"disk S7 term 3 log 1 1 1 2 2 2 3 3 3 3 3"),
		Steps: []model.Step{
			model.Do("draw S1 160ms"), model.Do("draw S2 S3 S4 S5 S6 S7 290ms"), model.Do("start"),
			model.Beat("seven", model.Logs),
			model.Until("role S1 candidate"),
			model.Beat("votes", model.Cluster, model.Logs),
			model.Until("leader S1"),
			model.Beat("leader", model.Logs),
			model.Until("log S5 1 1 1 4 4 5 5 6 6 6 8"),
			model.Beat("falls-out", model.Logs),
			model.Until("commit 11"),
			model.Beat("committed", model.Logs),
			model.Until("same logs"),
			model.Beat("equal", model.Logs),
		},
		Ends: []string{"leader S1", "term S7 8", "log S7 1 1 1 4 4 5 5 6 6 6 8 8"},
		Tries: []model.Try{
			{ID: "longest", Beat: "seven", Do: []string{"draw S5 20ms"}},
			{ID: "shortest", Beat: "seven", Do: []string{"draw S3 20ms"}},
			{ID: "dies", Beat: "falls-out", Do: []string{"crash S1"}},
		},
	}
}

// figure7Unchecked: a follower takes entries without a look at the one before them.
func figure7Unchecked() model.Scene {
	s := figure7()
	return model.Scene{
		ID: "figure-7-unchecked", Of: "figure-7",
		Settings: s.Settings, Without: []string{"consistency-check"},
		Steps: []model.Step{
			model.Do("draw S1 160ms"), model.Do("draw S2 S3 S4 S5 S6 S7 290ms"), model.Do("start"),
			model.Beat("seven", model.Logs),
			model.Until("leader S1"), model.Until("commit 11"),
			model.Beat("committed", model.Logs),
		},
		Ends:   []string{"leader S1"},
		Breaks: "Log Matching",
	}
}

// figure8Settings: one entry in each message, all messages equally fast, and
// everybody waits for timeouts.
func figure8Settings() []string {
	return []string{"election 150ms 300ms", "heartbeat 50ms", "wire 12ms 12ms",
		"append-bytes 1", "fast off", "disk S1 S2 S3 S4 S5 term 1 log 1"}
}

// figure8Steps are (a) to (c) of the figure. The first entry of each term is the
// no-op of its leader. S1 has one more, x=1, so that in (c) it finds out what S2
// has: a message whose entries are all of term 4 would not come through.
func figure8Steps(more ...model.Step) []model.Step {
	return slices.Concat([]model.Step{
		model.Do("drop append S1>S3 S1>S4 S1>S5"),
		model.Do("draw S1 160ms"), model.Do("draw S2 S3 S4 S5 290ms"), model.Do("start"),
		model.Until("leader S1"), model.Until("log S2 1 2"),
		model.Do("drop append S1>S2"), model.Do("put x 1 @S1"), model.Until("log S1 1 2 2"),
		model.Beat("a", model.Logs),
		model.Do("pass"), model.Do("drop append S5>*"),
		model.Do("draw S5 160ms"), model.Do("crash S1"),
		model.Until("leader S5"), model.Until("log S5 1 3"), model.Until("term S4 3"),
		model.Beat("b", model.Logs),
		model.Do("crash S5"), model.Do("pass"), model.Do("drop append S1>S4"),
		model.Do("draw S2 S3 S4 290ms"), model.Do("draw S1 160ms"), model.Do("start S1"),
		model.Until("leader S1"), model.Until("log S3 1 2"),
		model.Do("drop append S1>S2 S1>S3 term 4"), model.Until("log S2 1 2 2"), model.Until("log S3 1 2 2"),
		model.Wait(round), // until S1 knows that they have it
	}, more)
}

// figure8: a majority has an entry of an earlier term, and it is not committed.
func figure8() model.Scene {
	return model.Scene{
		ID:       "figure-8",
		Settings: figure8Settings(),
		Steps: figure8Steps(
			model.Beat("c", model.Logs),
			model.Do("drop append S1>S5"), model.Do("start S5"), model.Until("term S5 4"),
			model.Do("draw S5 160ms"), model.Do("draw S2 S3 S4 290ms"), model.Do("crash S1"), model.Do("pass"),
			model.Until("leader S5"),
			model.Beat("d-elected", model.Logs, model.Cluster),
			model.Until("log S3 1 3 5 5"), model.Until("log S4 1 3 5 5"), model.Until("applied S4 4"),
			model.Beat("d", model.Logs),
			model.Do("start S1"), model.Until("same logs"),
			model.Beat("end", model.Logs),
		),
		Ends: []string{"leader S5", "commit 3", "no x @S1"},
	}
}

// figure8Safe: (e), the entry of the leader's own term reaches a majority as well.
func figure8Safe() model.Scene {
	return model.Scene{
		ID: "figure-8-safe", Of: "figure-8",
		Settings: figure8Settings(),
		Steps: figure8Steps(
			model.Beat("c", model.Logs),
			model.Do("pass"), model.Do("drop append S1>S4"), model.Until("commit 4"),
			model.Beat("e", model.Logs),
			model.Do("drop append S1>S5"), model.Do("start S5"), model.Until("term S5 4"),
			model.Do("draw S5 160ms"), model.Do("draw S2 S3 S4 290ms"), model.Do("crash S1"), model.Do("pass"),
			model.Until("role S5 pre-candidate"), model.Wait(30*raft.Millisecond),
			model.Beat("refused", model.Cluster, model.Logs),
			model.Until("leader"), model.Until("log S5 1 2 2 4 4 5 5"), model.Until("applied S5 7"),
			model.Beat("safe", model.Logs),
		),
		Ends: []string{"not leader S5", "commit 5", "x = 1 @S5"},
	}
}

// figure8Counted: what would be if a majority were enough for any entry.
func figure8Counted() model.Scene {
	return model.Scene{
		ID: "figure-8-counted", Of: "figure-8",
		Settings: figure8Settings(), Without: []string{"current-term-commit"},
		Steps: figure8Steps(
			model.Until("x = 1 @S1"), model.Until("x = 1 @S3"),
			model.Beat("c", model.Logs),
			model.Do("drop append S1>S5"), model.Do("start S5"), model.Until("term S5 4"),
			model.Do("draw S5 160ms"), model.Do("draw S2 S3 S4 290ms"), model.Do("crash S1"), model.Do("pass"),
			model.Until("leader S5"),
			model.Beat("d", model.Logs),
			model.Until("log S3 1 3 5 5"), model.Until("log S4 1 3 5 5"), model.Until("applied S4 4"),
			model.Beat("differ", model.Logs),
		),
		Ends:   []string{"broken State Machine Safety", "x = 1 @S3", "no x @S4"},
		Breaks: "Leader Completeness",
	}
}
