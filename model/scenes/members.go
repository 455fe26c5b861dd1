package scenes

import (
	"veche/model"
	"veche/raft"
	"veche/sim"
)

// members is how a cluster changes who belongs to it.
func members() []model.Scene {
	return []model.Scene{
		membership(), membershipBack(), membershipByHand(), membershipSingle(),
		removed(), removedNeither(), removedLeader(),
		newVoter(), newLearner(),
	}
}

// learning: S1 leads S1 S2 S3, and S4 and S5 learn.
func learning(more ...model.Step) []model.Step {
	return elected(append([]model.Step{
		model.Do("put x 1 @S1"), model.Until("answered"),
		model.Beat("three", model.Cluster),
		model.Do("change add-learner S4, add-learner S5 @S1"), model.Do("join S4 S5"),
		model.Until("learners S4 S5"), model.Until("admitted S4"), model.Until("admitted S5"), model.Until("same logs"),
		model.Wait(150 * raft.Millisecond),
		model.Beat("learners", model.Cluster, model.Logs),
	}, more...)...)
}

// membership: three become five through a joint configuration, and the leader
// dies in the middle.
func membership() model.Scene {
	return model.Scene{
		ID:       "membership",
		Settings: eyes("nodes 3", "spares 2", "fast off"),
		Steps: learning(
			model.Do("draw S2 160ms"), model.Do("draw S3 S4 S5 290ms"),
			model.Do("end S1 at joint configuration durable, not counted"),
			model.Do("change promote S4, promote S5 @S1"),
			model.Beat("joint", model.Logs),
			model.Until("not up S1"),
			model.Beat("dies", model.Cluster, model.Logs),
			model.Until("leader"),
			model.Beat("both", model.Cluster, model.Figure4),
			model.Until("joint"), model.Until("voters S1 S2 S3 S4 S5"),
			model.Beat("new", model.Logs),
			model.Do("start S1"), model.Until("same logs"),
			model.Beat("five", model.Cluster),
		),
		Ends: []string{"voters S1 S2 S3 S4 S5", "leaders 1", "x = 1 @S5"},
		Tries: []model.Try{
			{ID: "two-more", Beat: "five", Do: []string{"crash S4", "crash S5"}},
		},
	}
}

// membershipBack: nobody but the dead leader has the joint configuration.
func membershipBack() model.Scene {
	return model.Scene{
		ID:       "membership-back",
		Of:       "membership",
		Settings: eyes("nodes 3", "spares 2", "fast off"),
		Steps: learning(
			model.Do("drop append S1>*"),
			model.Do("change promote S4, promote S5 @S1"),
			model.Wait(5*raft.Millisecond),
			model.Beat("alone", model.Logs),
			model.Do("crash S1"), model.Do("pass"),
			model.Do("put y 2 @S2"), model.Until("answered"), model.Until("y = 2 @S5"),
			model.Beat("old", model.Cluster, model.Logs),
			model.Do("start S1"), model.Until("same logs"),
			model.Beat("back", model.Logs),
		),
		Ends: []string{"learners S4 S5", "leaders 1", "not leader S1"},
	}
}

// membershipByHand: somebody edits the list of members, file by file.
func membershipByHand() model.Scene {
	return model.Scene{
		ID: "membership-by-hand",
		Of: "membership",
		Settings: eyes("config S1 S2: S1 S2 S3", "disk S1 S2 S3 S4 S5 term 1 log 1 1",
			"fast off"),
		Steps: []model.Step{
			model.Do("split {S1 S2}|{S3 S4 S5}"),
			model.Do("draw S1 160ms"), model.Do("draw S3 200ms"), model.Do("draw S2 S4 S5 290ms"),
			model.Do("start"),
			model.Beat("files", model.Cluster),
			model.Until("leader S1"),
			model.Beat("two-of-three", model.Cluster, model.Figure4),
			model.Until("role S3 candidate"),
			model.Beat("same-term", model.Cluster),
			model.Until("leader S3"),
			model.Beat("two-leaders", model.Cluster, model.Figure5),
		},
		Breaks: sim.ElectionSafety,
		Tries: []model.Try{
			{ID: "whole", Beat: "files", Do: []string{"heal"}},
		},
	}
}

// membershipSingle: two changes under way at once, each of one server, by two
// leaders: the mistake of 2015, and why it cannot happen here.
func membershipSingle() model.Scene {
	return model.Scene{
		ID:       "membership-single",
		Of:       "membership",
		Settings: eyes("nodes 4", "spares 1", "fast off"),
		Steps: elected(
			model.Do("change add-learner S5 @S1"), model.Do("join S5"),
			model.Until("learners S5"), model.Until("admitted S5"), model.Until("same logs"), model.Wait(150*raft.Millisecond),
			model.Beat("four", model.Cluster),
			model.Do("split {S1 S5}|{S2 S3 S4}"),
			model.Do("change promote S5 @S1"), model.Wait(40*raft.Millisecond),
			model.Beat("first", model.Logs),
			model.Do("draw S2 160ms"), model.Do("draw S3 S4 290ms"), model.Do("hold append-reply *>S2"),
			model.Until("leader S2"),
			model.Do("change remove S1 @S2"),
			model.Beat("refused", model.Cluster, model.Logs),
			model.Do("pass"), model.Do("release"),
			model.Until("commit 5"),
			model.Beat("cured", model.Logs),
			model.Do("change remove S1 @S2"), model.Until("voters S2 S3 S4"),
			model.Beat("second", model.Logs),
			model.Do("heal"), model.Until("removed S1"), model.Until("same logs"),
			model.Beat("end", model.Cluster, model.Logs),
		),
		Ends: []string{"voters S2 S3 S4", "leader S2", "removed S1"},
	}
}

// removed: a server is removed while it cannot be told, and comes back.
func removed() model.Scene {
	return model.Scene{
		ID:       "removed-server",
		Settings: eyes(),
		Steps: elected(
			model.Do("split {S1 S2 S3 S4}|{S5}"),
			model.Do("change remove S5 @S1"), model.Until("voters S1 S2 S3 S4"),
			model.Beat("removed", model.Cluster, model.Logs),
			model.Until("role S5 pre-candidate"), model.Wait(raft.Second),
			model.Beat("alone", model.Cluster, model.Figure5),
			model.Do("heal"), model.Until("removed S5"),
			model.Beat("told", model.Cluster),
			model.Do("put x 1 @S2"), model.Until("answered"),
			model.Beat("quiet", model.Figure5),
		),
		Ends: []string{"leader S1", "term S1 1", "removed S5"},
	}
}

// removedNeither: the same without the rules that keep such a server quiet.
func removedNeither() model.Scene {
	return model.Scene{
		ID:       "removed-server-neither",
		Of:       "removed-server",
		Settings: eyes(),
		Without:  []string{"prevote", "checkquorum"},
		Steps: elected(
			model.Do("split {S1 S2 S3 S4}|{S5}"),
			model.Do("change remove S5 @S1"), model.Until("voters S1 S2 S3 S4"),
			model.Wait(2*raft.Second),
			model.Beat("terms", model.Cluster, model.Figure5),
			model.Do("heal"), model.Until("removed S5"),
			model.Beat("told", model.Cluster, model.Figure5),
		),
		Ends: []string{"leader S1", "term S1 1", "removed S5"},
	}
}

// removedLeader: a leader removes itself.
func removedLeader() model.Scene {
	return model.Scene{
		ID:       "removed-server-leader",
		Of:       "removed-server",
		Settings: eyes("nodes 4"),
		Steps: elected(
			model.Do("change remove S1 @S1"),
			model.Beat("manages", model.Cluster, model.Logs),
			model.Until("removed S1"),
			model.Beat("hands-over", model.Cluster),
			model.Until("leader"), model.Do("put x 1 @S3"), model.Until("answered"), model.Until("same logs"),
			model.Beat("without", model.Cluster, model.Figure5),
		),
		Ends: []string{"voters S2 S3 S4", "leaders 1", "removed S1"},
	}
}

// newVoter: an empty server that votes at once makes the majority larger before
// it can be part of one.
func newVoter() model.Scene {
	return model.Scene{
		ID:       "new-server",
		Settings: eyes("nodes 3", "spares 1", "fast off"),
		Steps: elected(
			model.Do("crash S3"), model.Wait(500*raft.Millisecond),
			model.Beat("one-down", model.Cluster),
			model.Do("change add-voter S4 @S1"),
			model.Beat("refused", model.Cluster, model.Logs),
			model.Do("change add-voter S4 @S1 force"), model.Do("join S4"), model.Do("put x 1 @S1"),
			model.Wait(100*raft.Millisecond),
			model.Beat("forced", model.Logs, model.Clients),
			model.Until("no leader"), model.Wait(raft.Second),
			model.Beat("stopped", model.Cluster, model.Figure5),
			model.Do("start S3"), model.Until("voters S1 S2 S3 S4"), model.Until("answered"), model.Until("same logs"),
			model.Beat("back", model.Cluster, model.Logs),
		),
		Ends: []string{"voters S1 S2 S3 S4", "leaders 1", "x = 1 @S4"},
	}
}

// newLearner: the same newcomer learns first, and nobody waits for it.
func newLearner() model.Scene {
	return model.Scene{
		ID:       "new-server-learner",
		Of:       "new-server",
		Settings: eyes("nodes 3", "spares 1", "fast off"),
		Steps: elected(
			model.Do("crash S3"), model.Wait(500*raft.Millisecond),
			model.Do("change add-learner S4 @S1"), model.Do("join S4"), model.Do("put x 1 @S1"),
			model.Until("answered"),
			model.Beat("learns", model.Cluster, model.Logs),
			model.Until("learners S4"), model.Until("admitted S4"), model.Until("x = 1 @S4"), model.Wait(150*raft.Millisecond),
			model.Beat("caught-up", model.Logs),
			model.Do("change promote S4 @S1"), model.Until("voters S1 S2 S3 S4"),
			model.Beat("votes", model.Cluster),
			model.Do("put y 2 @S1"), model.Until("answered"),
			model.Beat("works", model.Logs, model.Figure5),
		),
		Ends: []string{"voters S1 S2 S3 S4", "leader S1", "term S1 1", "x = 1 @S4"},
		Tries: []model.Try{
			{ID: "second-down", Beat: "works", Do: []string{"crash S2", "put z 3 @S1"}},
		},
	}
}
