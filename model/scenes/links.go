package scenes

import (
	"strings"

	"veche/model"
	"veche/raft"
)

// partial is what becomes of a cluster whose links fail in part, so that servers
// do not agree on who is there; with PreVote and CheckQuorum, and without.
func partial() []model.Scene {
	neither := []string{"prevote", "checkquorum"}
	return []model.Scene{
		tails("partial-tails"), tailsCheckQuorum(), tailsNeither(neither),
		hub("partial-hub"), hubPreVote(), hubNeither(neither),
		chain(), chainNeither(neither),
		constrained(), constrainedNeither(neither),
	}
}

// apart cuts links both ways: "24" is the one between S2 and S4.
func apart(pairs ...string) model.Step {
	var b strings.Builder
	b.WriteString("cut")
	for _, p := range pairs {
		b.WriteString(" S" + p[:1] + ">S" + p[1:] + " S" + p[1:] + ">S" + p[:1])
	}
	return model.Do(b.String())
}

// tailed: S4 reaches only S2, S5 reaches only S3, and S1 leads.
func tailed() model.Step { return apart("14", "15", "25", "34", "45") }

// tails: nobody who is out of the leader's reach disturbs it.
func tails(id string) model.Scene {
	return model.Scene{
		ID:       id,
		Settings: eyes(),
		Steps: elected(
			model.Beat("whole", model.Cluster),
			tailed(),
			model.Until("role S4 pre-candidate"), model.Until("role S5 pre-candidate"),
			model.Beat("asks", model.Cluster, model.Figure4),
			model.Do("put x 1 @S1"), model.Until("answered"),
			model.Beat("works", model.Logs, model.Clients),
			model.Wait(2*raft.Second),
			model.Beat("quiet", model.Figure5),
			model.Do("heal"), model.Until("same logs"),
			model.Beat("healed", model.Logs, model.Figure5),
		),
		Ends: []string{"leader S1", "term S4 1", "term S5 1", "x = 1 @S5"},
		Tries: []model.Try{
			{ID: "middle", Beat: "works", Do: []string{"crash S2"}},
		},
	}
}

// tailsCheckQuorum: without PreVote terms run, but nobody listens.
func tailsCheckQuorum() model.Scene {
	return model.Scene{
		ID:       "partial-tails-checkquorum",
		Of:       "partial-tails",
		Settings: eyes(),
		Without:  []string{"prevote"},
		Steps: elected(
			tailed(),
			model.Until("role S4 candidate"),
			model.Beat("asks", model.Cluster, model.Figure4),
			model.Do("put x 1 @S1"), model.Until("answered"), model.Wait(2*raft.Second),
			model.Beat("terms", model.Figure5),
			model.Do("heal"), model.Until("not term S1 1"), model.Until("same logs"),
			model.Beat("healed", model.Figure5),
		),
		Ends: []string{"leaders 1", "not term S1 1", "x = 1 @S5"},
	}
}

// tailsNeither: without both rules one leader after another is deposed.
func tailsNeither(without []string) model.Scene {
	return model.Scene{
		ID:       "partial-tails-neither",
		Of:       "partial-tails",
		Settings: eyes(),
		Without:  without,
		Steps: elected(
			tailed(),
			model.Until("role S4 candidate"),
			model.Beat("asks", model.Cluster),
			model.Until("not leader S1"),
			model.Beat("deposed", model.Cluster, model.Figure4),
			model.Wait(4*raft.Second),
			model.Beat("churn", model.Figure5),
		),
		Ends: []string{"not term S2 1", "not term S2 2", "not term S2 3", "not term S2 4", "not term S2 5"},
	}
}

// hubbed: everybody reaches only S1, and S3 leads.
func hubbed() []model.Step {
	return []model.Step{
		model.Do("draw S3 160ms"), model.Do("start"), model.Until("leader S3"), model.Until("same logs"),
		model.Beat("whole", model.Cluster),
		apart("23", "24", "25", "34", "35", "45"),
		model.Do("put x 1 @S3"),
	}
}

// hub: the leader loses its majority, gives up, and the hub is elected.
func hub(id string) model.Scene {
	return model.Scene{
		ID:       id,
		Settings: eyes(),
		Steps: append(hubbed(),
			model.Until("role S4 pre-candidate"),
			model.Beat("cut", model.Cluster, model.Clients),
			model.Until("not leader S3"),
			model.Beat("gives-up", model.Cluster, model.Figure4),
			model.Until("leader S1"),
			model.Beat("hub-leads", model.Cluster, model.Figure5),
			model.Until("answered"), model.Until("same logs"),
			model.Beat("works", model.Logs, model.Clients),
		),
		Ends: []string{"leader S1", "leaders 1", "x = 1 @S4"},
		Tries: []model.Try{
			{ID: "hub-dies", Beat: "works", Do: []string{"crash S1"}},
		},
	}
}

// hubPreVote: a leader that two servers hear stays for ever, and commits nothing.
func hubPreVote() model.Scene {
	return model.Scene{
		ID:       "partial-hub-prevote",
		Of:       "partial-hub",
		Settings: eyes(),
		Without:  []string{"checkquorum"},
		Steps: append(hubbed(),
			model.Until("role S4 pre-candidate"),
			model.Beat("cut", model.Cluster, model.Clients),
			model.Wait(3*raft.Second),
			model.Beat("stuck", model.Figure5, model.Clients),
		),
		Ends: []string{"leader S3", "leaders 1", "waiting", "term S4 1"},
	}
}

// hubNeither: without PreVote as well somebody's rising term frees the hub.
func hubNeither(without []string) model.Scene {
	return model.Scene{
		ID:       "partial-hub-neither",
		Of:       "partial-hub",
		Settings: eyes(),
		Without:  without,
		Steps: append(hubbed(),
			model.Until("not term S1 1"),
			model.Beat("disturbed", model.Cluster, model.Figure4),
			model.Until("leader S1"),
			model.Beat("hub-leads", model.Figure5),
			model.Until("answered"),
			model.Beat("works", model.Logs, model.Clients),
		),
		Ends: []string{"leader S1", "x = 1 @S1"},
	}
}

// chain: S1 leads, S3 hears only S2.
func chain() model.Scene {
	return model.Scene{
		ID:       "partial-chain",
		Settings: eyes("nodes 3"),
		Steps: elected(
			model.Beat("whole", model.Cluster),
			apart("13"),
			model.Until("role S3 pre-candidate"),
			model.Beat("asks", model.Cluster, model.Figure4),
			model.Do("put x 1 @S1"), model.Until("answered"), model.Wait(2*raft.Second),
			model.Beat("works", model.Logs, model.Figure5),
			model.Do("heal"), model.Until("same logs"),
			model.Beat("healed", model.Logs),
		),
		Ends: []string{"leader S1", "term S3 1", "x = 1 @S3"},
		Tries: []model.Try{
			{ID: "other-end", Beat: "works", Do: []string{"put y 2 @S3"}},
		},
	}
}

// chainNeither: the two ends depose each other until the middle leads.
func chainNeither(without []string) model.Scene {
	return model.Scene{
		ID:       "partial-chain-neither",
		Of:       "partial-chain",
		Settings: eyes("nodes 3"),
		Without:  without,
		Steps: elected(
			apart("13"),
			model.Until("not leader S1"),
			model.Beat("deposed", model.Cluster, model.Figure4),
			model.Until("leader S2"), model.Until("same logs"),
			model.Beat("middle", model.Figure5),
		),
		Ends: []string{"leader S2", "leaders 1"},
	}
}

// bound: S5, who led, is dead; S1 lacks an entry and is the only one whom all
// others reach.
func bound(more ...model.Step) []model.Step {
	return append([]model.Step{
		model.Do("draw S5 160ms"), model.Do("start"), model.Until("leader S5"), model.Until("same logs"),
		model.Do("split {S1}|{S2 S3 S4 S5}"),
		model.Do("put x 1 @S5"), model.Until("answered"),
		model.Beat("behind", model.Logs),
		model.Do("crash S5"), model.Do("heal"), apart("23", "24", "34"),
		model.Do("put y 2 @S2"),
	}, more...)
}

// constrained: a majority is connected through S1, and yet nobody can lead.
func constrained() model.Scene {
	return model.Scene{
		ID:       "partial-constrained",
		Settings: eyes("fast off"),
		Steps: bound(
			model.Until("role S1 pre-candidate"), model.Until("role S2 pre-candidate"),
			model.Beat("asks", model.Cluster, model.Logs),
			model.Wait(3*raft.Second),
			model.Beat("nobody", model.Figure5, model.Clients),
			model.Do("heal"), model.Until("leader"), model.Until("answered"),
			model.Beat("healed", model.Cluster, model.Logs),
		),
		Ends: []string{"leaders 1", "not leader S1", "x = 1 @S2"},
		Tries: []model.Try{
			{ID: "back", Beat: "nobody", Do: []string{"start S5"}},
		},
	}
}

// constrainedNeither: the rules have nothing to do with it.
func constrainedNeither(without []string) model.Scene {
	return model.Scene{
		ID:       "partial-constrained-neither",
		Of:       "partial-constrained",
		Settings: eyes("fast off"),
		Without:  without,
		Steps: bound(
			model.Wait(3*raft.Second),
			model.Beat("terms", model.Figure5, model.Clients),
		),
		Ends: []string{"no leader", "waiting", "not term S1 1"},
	}
}
