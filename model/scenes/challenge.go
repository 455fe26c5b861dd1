package scenes

import "veche/model"

// challenge is a cluster at rest, and a task: make two servers apply different
// values. With all rules on it cannot be done.
func challenge() []model.Scene {
	return []model.Scene{{
		ID:       "challenge",
		Settings: eyes(),
		Steps: elected(
			model.Beat("task", model.Cluster),
			model.Do("put x 1 @S1"), model.Until("answered"), model.Until("same logs"),
			model.Beat("yours", model.Cluster, model.Logs),
		),
		Ends: []string{"leader S1", "x = 1 @S5"},
	}}
}
