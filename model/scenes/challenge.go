package scenes

// challenge is a cluster at rest, and a task: make two servers apply different
// values. With all rules on it cannot be done.
var challenge = []plot{
	// Challenge is a cluster at rest, and a task: make two servers apply different
	// values. With all rules on it cannot be done.
	{
		id:       "challenge",
		settings: eyes,
		script: elected + `
			beat task: cluster
			put x 1 @S1; until answered; until same logs
			beat yours: cluster logs
		`,
		ends: "leader S1; x = 1 @S5",
	},
}
