package scenes

import (
	"strconv"

	"veche/model"
	"veche/raft"
	"veche/sim"
)

// lost is how many servers a cluster can do without.
func lost() []model.Scene {
	return []model.Scene{
		majorityLost(), majorityLostRecover(),
		evenSizes("even-sizes", "", 4), evenSizes("even-sizes-3", "even-sizes", 3),
		evenSizes("even-sizes-5", "even-sizes", 5), evenSizes("even-sizes-6", "even-sizes", 6),
	}
}

// majorityLost: of five, two may fail and three may not.
func majorityLost() model.Scene {
	return model.Scene{
		ID:       "majority-lost",
		Settings: eyes("fast off"),
		Steps: elected(
			model.Do("draw S2 160ms"), model.Do("draw S3 S4 290ms"), model.Do("crash S1"), model.Do("crash S5"),
			model.Until("leader S2"), model.Do("put x 1 @S2"), model.Until("answered"),
			model.Beat("two-down", model.Cluster, model.Figure5),
			model.Do("crash S3"), model.Do("put y 2 @S2"), model.Do("get x @S2 by C2"),
			model.Wait(100*raft.Millisecond),
			model.Beat("three-down", model.Cluster, model.Clients),
			model.Until("no leader"), model.Wait(raft.Second),
			model.Beat("nobody", model.Figure5, model.Clients),
			model.Do("start S5"), model.Until("leader"), model.Until("answered"),
			model.Beat("back", model.Cluster, model.Clients),
		),
		Ends: []string{"leaders 1", "not up S1", "not up S3", "x = 1 @S2"},
		Tries: []model.Try{
			{ID: "other-one", Beat: "nobody", Do: []string{"start S1"}},
		},
	}
}

// majorityLostRecover: the majority never comes back, and somebody makes a new
// cluster of a survivor.
func majorityLostRecover() model.Scene {
	return model.Scene{
		ID:       "majority-lost-recover",
		Of:       "majority-lost",
		Settings: eyes("fast off"),
		Steps: elected(
			model.Do("put x 1 @S1"), model.Until("answered"), model.Until("same logs"),
			model.Do("split {S1 S2 S3}|{S4 S5}"), model.Do("put x 2 @S1"), model.Until("answered"),
			model.Beat("acknowledged", model.Logs, model.Clients),
			model.Do("power-cut S1 S2 S3"), model.Wait(raft.Second),
			model.Beat("two-left", model.Cluster, model.Figure5),
			model.Do("crash S4 S5"), model.Do("recover S5"), model.Do("start S5"),
			model.Beat("alone", model.Logs),
			model.Until("leader S5"),
			model.Beat("gone", model.Logs, model.Clients),
		),
		Breaks: sim.LeaderCompleteness,
	}
}

// evenSizes loses one server after another, and then the link between two halves.
func evenSizes(id, of string, n int) model.Scene {
	server := func(i int) string { return "S" + strconv.Itoa(i) }
	steps := elected(model.Beat("whole", model.Cluster))
	names := []string{"", "one", "two", "three"}
	bearable := (n - 1) / 2
	down := ""
	for k := 1; k <= bearable+1; k++ {
		s := server(n + 1 - k)
		down += " " + s
		steps = append(steps, model.Do("crash "+s), model.Do("put k"+strconv.Itoa(k)+" 1 @S1"))
		if k <= bearable {
			steps = append(steps, model.Until("answered"))
		} else {
			steps = append(steps, model.Until("no leader"), model.Wait(raft.Second/2))
		}
		steps = append(steps, model.Beat(names[k], model.Cluster, model.Clients))
	}
	first, second := "{", "{"
	for i := 1; i <= n; i++ {
		if i <= (n+1)/2 {
			first += " " + server(i)
		} else {
			second += " " + server(i)
		}
	}
	steps = append(steps, model.Do("start"+down), model.Until("answered"), model.Until("same logs"),
		model.Do("split "+first+" }|"+second+" }"), model.Do("put half 1 @S1"))
	ends := []string{"leaders 1", "half = 1 @S1"}
	if n%2 == 0 {
		steps = append(steps, model.Until("no leader"), model.Wait(raft.Second/2))
		ends = []string{"no leader", "waiting"}
	} else {
		steps = append(steps, model.Until("answered"))
	}
	steps = append(steps, model.Beat("halves", model.Cluster, model.Clients))
	return model.Scene{ID: id, Of: of, Settings: eyes("nodes "+strconv.Itoa(n), "fast off"), Steps: steps, Ends: ends}
}
