package scenes

import (
	"veche/model"
	"veche/raft"
	"veche/sim"
)

// reads is four ways to read, and what each is worth while two servers believe
// that they lead.
func reads() []model.Scene {
	return []model.Scene{readIndex(), readsLocal(), readsLeader(), readsLease(), readsLeaseClock()}
}

// splitReads: S1 leads the minority, S3 the majority, where x = 2 is acknowledged.
func splitReads(before []model.Step, after ...model.Step) []model.Step {
	steps := elected(model.Do("put x 1 @S1 by C1"), model.Until("answered"), model.Until("same logs"))
	steps = append(steps, before...)
	steps = append(steps,
		model.Do("draw S3 152ms"), model.Do("draw S2 S4 S5 290ms"), model.Do("split {S1 S2}|{S3 S4 S5}"),
		model.Until("leader S3"), model.Do("put x 2 @S3 by C1"), model.Until("answered"))
	return append(steps, after...)
}

// readIndex: who cannot be certain does not answer.
func readIndex() model.Scene {
	return model.Scene{
		ID:       "reads",
		Settings: eyes("fast off"),
		Steps: splitReads([]model.Step{
			model.Do("get x @S1 by C2"), model.Beat("asks", model.Cluster, model.Clients),
			model.Until("answered"), model.Beat("answered", model.Clients),
		},
			model.Do("get x @S1 by C2"),
			model.Beat("two", model.Cluster, model.Figure5),
			model.Until("role S1 follower"),
			model.Beat("waits", model.Cluster, model.Clients),
			model.Do("heal"), model.Until("answered"),
			model.Beat("right", model.Clients, model.Logs),
		),
		Ends: []string{"leader S3", "answered", "x = 2 @S1"},
		Tries: []model.Try{
			{ID: "other-side", Beat: "two", Do: []string{"get x @S4 by C3"}},
		},
	}
}

// readsLocal: any server answers from what it has.
func readsLocal() model.Scene {
	return model.Scene{
		ID:       "reads-local",
		Of:       "reads",
		Settings: eyes("fast off"),
		Steps: splitReads([]model.Step{
			model.Do("get-local x @S2 by C2"), model.Beat("quick", model.Cluster, model.Clients),
		},
			model.Beat("two", model.Logs, model.Clients),
			model.Do("get-local x @S2 by C2"),
			model.Beat("stale", model.Clients, model.Logs),
		),
		Breaks: sim.ReadIsFresh,
	}
}

// readsLeader: a leader answers without asking whether it still leads.
func readsLeader() model.Scene {
	return model.Scene{
		ID:       "reads-leader",
		Of:       "reads",
		Settings: eyes("fast off"),
		Steps: splitReads([]model.Step{
			model.Do("get-unchecked x @S1 by C2"), model.Do("get-unchecked x @S2 by C3"), model.Beat("quick", model.Cluster, model.Clients),
		},
			model.Beat("two", model.Cluster, model.Logs),
			model.Do("get-unchecked x @S1 by C2"),
			model.Beat("stale", model.Clients, model.Figure5),
		),
		Breaks: sim.ReadIsFresh,
	}
}

// readsLease: a leader answers alone for as long as others have promised.
func readsLease() model.Scene {
	return model.Scene{
		ID:       "reads-lease",
		Of:       "reads",
		Settings: eyes("fast off", "lease on"),
		Steps: elected(
			model.Do("put x 1 @S1 by C1"), model.Until("answered"), model.Until("same logs"),
			model.Wait(100*raft.Millisecond), model.Do("get x @S1 by C2"),
			model.Beat("alone", model.Cluster, model.Clients),
			model.Do("draw S3 152ms"), model.Do("draw S2 S4 S5 290ms"), model.Do("split {S1 S2}|{S3 S4 S5}"),
			model.Until("role S3 candidate"), model.Do("get x @S1 by C2"),
			model.Beat("empty", model.Cluster, model.Clients),
			model.Until("leader S3"), model.Do("put x 2 @S3 by C1"), model.Until("x = 2 @S3"), model.Until("role S1 follower"),
			model.Beat("waits", model.Clients, model.Figure5),
			model.Do("heal"), model.Until("answered"),
			model.Beat("right", model.Clients),
		),
		Ends: []string{"leader S3", "answered", "x = 2 @S1"},
	}
}

// readsLeaseClock: a lease is as good as the clock it is measured with.
func readsLeaseClock() model.Scene {
	return model.Scene{
		ID:       "reads-lease-clock",
		Of:       "reads",
		Settings: eyes("fast off", "lease on"),
		Steps: splitReads([]model.Step{
			model.Wait(100 * raft.Millisecond), model.Do("clock S1 x0.25"), model.Do("get x @S1 by C2"),
			model.Beat("slow-clock", model.Cluster, model.Clients),
		},
			model.Beat("two", model.Cluster, model.Figure5),
			model.Do("get x @S1 by C2"),
			model.Beat("stale", model.Clients, model.Logs),
		),
		Breaks: sim.ReadIsFresh,
	}
}
