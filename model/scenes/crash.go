package scenes

import "veche/model"

// crash is what happens when processes die.
func crash() []model.Scene {
	return []model.Scene{
		replicaCrash(), masterCrash(), masterCrashFast(),
		midWriteLost(), midWriteKept(), midWriteReplaced(), midWriteOnce(), committedLost(),
	}
}

// replicaCrash: a follower dies, and nobody waits for it.
func replicaCrash() model.Scene {
	return model.Scene{
		ID:       "replica-crash",
		Settings: eyes(),
		Steps: elected(
			model.Beat("five", model.Cluster),
			model.Do("crash S4"),
			model.Beat("crashed", model.Cluster, model.Figure5),
			model.Do("put a 1 @S1"), model.Do("put b 2 @S1"), model.Do("put c 3 @S1"),
			model.Until("answered"), model.Until("applied S5 5"),
			model.Beat("goes-on", model.Logs, model.Figure5),
			model.Do("start S4"),
			model.Beat("back", model.Logs),
			model.Until("same logs"), model.Until("applied S4 5"),
			model.Beat("filled", model.Logs),
		),
		Ends: []string{"leader S1", "leaders 1", "term S4 1", "c = 3 @S4"},
		Tries: []model.Try{
			{ID: "two-down", Beat: "crashed", Do: []string{"crash S5", "put d 4 @S1"}},
			{ID: "three-down", Beat: "crashed", Do: []string{"crash S3 S5", "put d 4 @S1"}},
		},
	}
}

// leaderBack is how both scenes of a dead leader end.
func leaderBack() []model.Step {
	return []model.Step{
		model.Until("answered"),
		model.Beat("answered", model.Clients, model.Figure5),
		model.Do("start S1"),
		model.Until("term S1 2"), model.Until("same logs"),
		model.Beat("back", model.Cluster, model.Figure5),
	}
}

// masterCrash: the leader dies, and the others wait for their timeouts, as in the
// paper. It is what a first visitor sees.
func masterCrash() model.Scene {
	steps := elected(
		model.Beat("calm", model.Cluster),
		model.Do("draw S3 170ms"), model.Do("draw S2 S4 S5 280ms"),
		model.Do("crash S1"), model.Do("put x 1 @S4"),
		model.Beat("crashed", model.Cluster),
		model.Until("role S3 pre-candidate"),
		model.Beat("asks", model.Cluster, model.Figure4),
		model.Until("role S3 candidate"),
		model.Beat("candidate", model.Cluster, model.Figure4),
		model.Until("leader S3"),
		model.Beat("leader", model.Cluster, model.Figure5),
	)
	return model.Scene{
		ID:       "master-crash",
		Settings: eyes("fast off"),
		Steps:    append(steps, leaderBack()...),
		Ends:     []string{"leader S3", "leaders 1", "role S1 follower", "x = 1 @S4"},
		Tries: []model.Try{
			{ID: "again", Beat: "answered", Do: []string{"crash S3"}},
			{ID: "candidate-dies", Beat: "candidate", Do: []string{"crash S3"}},
			{ID: "two-more", Beat: "crashed", Do: []string{"crash S4 S5"}},
		},
	}
}

// masterCrashFast: the same, but the others see the connections close.
func masterCrashFast() model.Scene {
	steps := elected(
		model.Beat("calm", model.Cluster),
		model.Do("crash S1"), model.Do("put x 1 @S4"),
		model.Beat("crashed", model.Cluster),
		model.Until("no leader"), model.Until("leader"),
		model.Beat("leader", model.Cluster, model.Figure5),
	)
	return model.Scene{
		ID: "master-crash-fast", Of: "master-crash",
		Settings: eyes(),
		Steps:    append(steps, leaderBack()...),
		Ends:     []string{"leaders 1", "role S1 follower", "x = 1 @S4"},
		Tries: []model.Try{
			{ID: "power", Beat: "calm", Do: []string{"power-cut S1"}},
		},
	}
}

// midWriteLost: the leader dies before anybody else has the entry.
func midWriteLost() model.Scene {
	return model.Scene{
		ID:       "crash-mid-write",
		Settings: eyes("fast off"),
		Steps: elected(
			model.Do("drop append S1>*"),
			model.Do("put x 1 @S1"), model.Until("log S1 1 1 1"),
			model.Beat("alone", model.Logs, model.Clients),
			model.Do("draw S2 160ms"), model.Do("draw S3 S4 S5 280ms"),
			model.Do("crash S1"), model.Do("pass"),
			model.Beat("unknown", model.Clients, model.Logs),
			model.Until("leader S2"), model.Until("commit 3"),
			model.Beat("elected", model.Logs),
			model.Do("start S1"), model.Until("same logs"),
			model.Beat("replaced", model.Logs),
		),
		Ends: []string{"no x @S1", "no x @S2", "leader S2", "outcome C1 unknown"},
	}
}

// midWriteOnTwo begins what may end in two ways: the entry is on S1 and S2.
func midWriteOnTwo(first, others string) []model.Step {
	return elected(
		model.Do("drop append S1>S3 S1>S4 S1>S5"),
		model.Do("put x 1 @S1"), model.Until("log S2 1 1 1"),
		model.Beat("on-two", model.Logs, model.Clients),
		model.Do("draw "+first+" 160ms"), model.Do("draw "+others+" 280ms"),
		model.Do("crash S1"), model.Do("pass"),
		model.Beat("unknown", model.Clients),
		model.Until("leader "+first), model.Until("commit 3"),
		model.Beat("elected", model.Logs, model.Figure5),
		model.Do("start S1"), model.Until("same logs"),
		model.Beat("equal", model.Logs),
	)
}

// midWriteKept: the one other server that has the entry is elected.
func midWriteKept() model.Scene {
	return model.Scene{
		ID: "crash-mid-write-kept", Of: "crash-mid-write",
		Settings: eyes("fast off"),
		Steps:    midWriteOnTwo("S2", "S3 S4 S5"),
		Ends:     []string{"x = 1 @S1", "x = 1 @S5", "leader S2", "outcome C1 unknown"},
	}
}

// midWriteReplaced: one that does not have it is elected.
func midWriteReplaced() model.Scene {
	return model.Scene{
		ID: "crash-mid-write-replaced", Of: "crash-mid-write",
		Settings: eyes("fast off"),
		Steps:    midWriteOnTwo("S3", "S2 S4 S5"),
		Ends:     []string{"no x @S1", "no x @S2", "leader S3", "outcome C1 unknown"},
	}
}

// midWriteOnce: a majority has the entry, but nobody was told. It survives, and
// the command that is sent again is carried out once.
func midWriteOnce() model.Scene {
	return model.Scene{
		ID: "crash-mid-write-once", Of: "crash-mid-write",
		Settings: eyes("fast off"),
		Steps: elected(
			model.Do("drop append S1>S4 S1>S5"),
			model.Do("put x 1 @S5"), model.Until("log S2 1 1 1"), model.Until("log S3 1 1 1"),
			model.Beat("on-three", model.Logs, model.Clients),
			model.Do("draw S2 160ms"), model.Do("draw S3 S4 S5 280ms"),
			model.Do("crash S1"), model.Do("pass"),
			model.Beat("waits", model.Clients),
			model.Until("leader S2"),
			model.Beat("elected", model.Logs),
			model.Until("answered"), model.Until("applied S3 5"),
			model.Beat("twice", model.Logs, model.Clients),
			model.Do("start S1"), model.Until("same logs"), model.Until("x = 1 @S1"),
			model.Beat("once", model.Logs),
		),
		Ends: []string{"version x 1 @S1", "version x 1 @S5", "leader S2", "outcome C1 done"},
	}
}

// committedLost: who lacks a committed entry may be elected as well.
func committedLost() model.Scene {
	return model.Scene{
		ID: "crash-mid-write-any-winner", Of: "crash-mid-write",
		Settings: eyes("fast off"), Without: []string{"election-restriction"},
		Steps: elected(
			model.Do("drop append S1>S4 S1>S5"),
			model.Do("put x 1 @S1"), model.Until("answered"), model.Until("x = 1 @S3"),
			model.Beat("promised", model.Logs, model.Clients),
			model.Do("draw S4 160ms"), model.Do("draw S2 S3 S5 280ms"),
			model.Do("crash S1"), model.Do("pass"),
			model.Until("leader S4"),
			model.Beat("elected", model.Logs),
			model.Until("log S2 1 1 2"), model.Until("log S3 1 1 2"), model.Until("applied S5 3"),
			model.Beat("lost", model.Logs),
		),
		Ends:   []string{"broken State Machine Safety", "x = 1 @S2", "no x @S5", "outcome C1 done"},
		Breaks: "Leader Completeness",
	}
}
