package scenes

// handovers is how a leader makes room.
var handovers = []plot{
	// S3 is told to stand, and nobody waits for a timeout.
	{
		id:       "transfer",
		settings: eyes + "; fast off",
		script: elected + `
			put x 1 @S1; until answered; until same logs
			beat before: cluster
			transfer S3 @S1; put y 2 @S1
			beat told: cluster clients
			until role S3 candidate
			beat stands: cluster figure4
			until leader S3
			beat leads: cluster figure5
			until answered; until same logs
			beat works: logs clients
		`,
		ends: "leader S3; leaders 1; y = 2 @S1; term S1 2",
		tries: `
			dies at told: crash S3
		`,
	},
	// Who lacks something is brought up to date first, or not chosen.
	{
		id: "transfer-behind", of: "transfer",
		settings: eyes + "; fast off",
		script: elected + `
			cut S1>S3 S3>S1; put x 1 @S1; until answered
			beat behind: logs
			transfer S3 @S1; put y 2 @S1; wait 100ms
			beat waits: cluster clients
			until answered
			beat given-up: clients figure5
		`,
		ends: "leader S1; term S1 1; y = 2 @S1",
		tries: `
			link-back at waits: heal
		`,
	},
	// The order to stand was lost on its way, or is late.
	{
		id: "transfer-lost", of: "transfer",
		settings: eyes + "; fast off",
		script: elected + `
			hold timeout-now S1>S3; transfer S3 @S1; put x 1 @S1; wait 100ms
			beat waits: cluster clients
			until term S1 2
			beat new-term: cluster figure4
			until leader S1; until answered; until same logs
			release; wait 500ms
			beat late: cluster figure5
		`,
		ends: "leader S1; term S1 2; term S3 2; x = 1 @S3",
	},
}
