package scenes

import "veche/model"

// lab are scenes in which a rule of Raft is left out, and a promise of Figure 3
// breaks by it. Rules that are not here are left out in variants of other scenes:
// page/web/rules.json says in which.
func lab() []model.Scene {
	return []model.Scene{sameTerm(), forgottenVote(), neverYields()}
}

// sameTerm: a candidate does not raise its term, and wins one that had a leader.
func sameTerm() model.Scene {
	return model.Scene{
		ID: "break-term-increment", Of: "master-crash",
		Settings: eyes(), Without: []string{"term-increment"},
		Steps: []model.Step{
			model.Do("drop vote S1>S4 S1>S5"), // who is not asked keeps its vote
			model.Do("draw S1 160ms"), model.Do("draw S2 S3 S4 S5 290ms"), model.Do("start"),
			model.Until("leader S1"), model.Do("pass"), model.Until("same logs"),
			model.Beat("leads", model.Cluster),
			model.Do("drop append S1>*"), model.Do("put x 1 @S1"), model.Until("log S1 1 1 1"),
			model.Do("pass"), model.Do("draw S2 30ms"), model.Do("draw S3 S4 S5 290ms"), model.Do("crash S1"),
			model.Until("role S2 candidate"),
			model.Beat("stands", model.Cluster),
			model.Until("leader S2"), model.Until("commit 3"),
			model.Beat("second", model.Logs, model.Figure5),
			model.Do("start S1"), model.Do("put y 2 @S2"), model.Until("broken State Machine Safety"), model.Until("applied S1 4"),
			model.Beat("differ", model.Logs),
		},
		Ends:   []string{"broken Log Matching", "term S1 1", "term S2 1", "x = 1 @S1", "no x @S2"},
		Breaks: "Election Safety",
	}
}

// forgottenVote: a vote is told before it is on disk, and a power cut takes it.
func forgottenVote() model.Scene {
	return model.Scene{
		ID: "break-vote-on-disk", Of: "amnesia",
		Settings: eyes("nodes 3", "disk S1 S2 S3 term 1 log 1"), Without: []string{"vote-on-disk"},
		Steps: []model.Step{
			model.Do("slow-disk S3 100ms"), model.Do("cut S1>S2 S2>S1"),
			model.Do("draw S1 160ms"), model.Do("draw S2 S3 290ms"), model.Do("start"),
			model.Until("role S1 candidate"),
			model.Beat("asks", model.Cluster),
			model.Until("leader S1"),
			model.Beat("leads", model.Cluster),
			model.Do("power-cut S3"), model.Do("draw S2 80ms"), model.Do("draw S3 290ms"), model.Do("start S3"), model.Do("cut S1>S3 S3>S1"),
			model.Until("up S3"),
			model.Beat("forgotten", model.Cluster),
			model.Until("role S2 candidate"),
			model.Beat("again", model.Cluster),
			model.Until("broken Election Safety"),
			model.Beat("two", model.Cluster, model.Figure5),
		},
		Ends:   []string{"term S1 2", "term S2 2", "leaders 2"},
		Breaks: "Election Safety",
	}
}

// neverYields: an old leader stays one in the new term. Everything falls.
func neverYields() model.Scene {
	return model.Scene{
		ID: "break-step-down", Of: "two-masters",
		Settings: eyes(), Without: []string{"step-down"},
		Steps: elected(
			model.Do("draw S4 150ms"), model.Do("draw S2 S3 S5 290ms"), model.Wait(round),
			model.Do("split {S1 S2}|{S3 S4 S5}"), model.Do("put x 1 @S1"),
			model.Until("leader S4"), model.Until("commit 3"),
			model.Beat("two-crowns", model.Cluster, model.Logs),
			model.Do("heal"), model.Until("broken Election Safety"),
			model.Beat("one-term", model.Cluster, model.Figure5),
			model.Until("broken Leader Append-Only"),
			model.Beat("overwritten", model.Logs),
			model.Do("put y 1 @S1"), model.Do("put y 2 @S4"), model.Until("broken Log Matching"),
			model.Beat("same-name", model.Logs),
			model.Until("broken State Machine Safety"),
			model.Beat("everything", model.Logs, model.Clients),
		),
		Ends:   []string{"broken Leader Append-Only", "broken Log Matching", "broken State Machine Safety"},
		Breaks: "Election Safety",
	}
}
