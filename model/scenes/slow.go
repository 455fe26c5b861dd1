package scenes

// slow is a leader that works, but not in time.
var slow = []plot{
	// The others' disks suffice, and then one of them takes over.
	{
		id:       "slow-leader",
		settings: eyes,
		script: elected + `
			slow-disk S1 1500ms; put x 1 @S1; wait 20ms
			beat writes: logs
			until answered
			beat commits: logs clients
			until not leader S1; until leader
			beat handed-over: cluster figure5
			put y 2 @S3; until answered
			beat works: logs
		`,
		ends: "not leader S1; leaders 1; term S1 2",
		tries: `
			most-slow at commits: slow-disk S2 1500ms; slow-disk S3 1500ms; slow-disk S4 1500ms; put z 3 @S1
		`,
	},
	// A leader that sleeps is replaced, and learns of it first thing.
	{
		id: "slow-leader-pause", of: "slow-leader",
		settings: eyes + "; fast off",
		script: elected + `
			draw S3 160ms; draw S2 S4 S5 290ms; pause S1 900ms; put x 1 @S2; wait 100ms
			beat sleeps: cluster
			until leader S3
			beat two: cluster figure5
			until answered
			beat works: logs clients
			until role S1 follower
			beat wakes: cluster figure4
			until same logs
			beat level: logs figure5
		`,
		ends: "leader S3; leaders 1; x = 1 @S1",
	},
	// Messages take longer and longer, until elections fail.
	{
		id: "slow-leader-network", of: "slow-leader",
		settings: eyes + "; fast off",
		script: elected + `
			slow-link 50ms *>*; put x 1 @S2; until answered
			beat slower: cluster
			slow-link 200ms *>*; put y 2 @S2; until not leader S1
			beat too-slow: cluster figure4
			wait 3s
			beat churn: figure5 clients
			slow-link 0ms *>*; until leader; until answered; until same logs
			beat fast-again: cluster figure5
		`,
		ends: "leaders 1; x = 1 @S1; y = 2 @S1",
	},
}
