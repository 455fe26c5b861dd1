package scenes

// start is how a cluster, and how a server, comes to life.
var start = []plot{
	// Five servers with empty disks, and the first election.
	{
		id:       "cluster-start",
		settings: eyes,
		script: `
			draw S3 160ms; draw S1 220ms; draw S4 240ms; draw S2 260ms; draw S5 280ms; start; until admitted S3
			beat followers: cluster
			until role S3 pre-candidate
			beat asks: cluster figure4
			until role S3 candidate
			beat candidate: cluster figure4
			until leader S3
			beat leader: cluster figure5
			until commit 1
			beat committed: logs
			until same logs
			beat quiet: cluster figure5
		`,
		ends: "leader S3; leaders 1; term S1 1; commit 2",
		tries: `
			two-down at followers: crash S4 S5
			three-down at followers: crash S1 S2 S4
			rival at followers: draw S1 160ms
		`,
	},
	// A server comes back with its disk and has missed a whole term.
	{
		id:       "node-start",
		settings: eyes,
		script: elected + `
			put x 1 @S1; until answered; until same logs
			crash S5; transfer S2 @S1; until leader S2; until commit 4
			put y 2 @S2; put z 3 @S3; until answered; until applied S4 6
			beat away: cluster logs
			start S5
			beat back: cluster logs
			until term S5 2
			beat heard: cluster figure4
			until same logs; until applied S5 6
			beat filled: logs
		`,
		ends: "leader S2; term S5 2; z = 3 @S5",
		tries: `
			leader-gone at heard: crash S2
		`,
	},
	// A server comes back under its name, but with an empty disk.
	{
		id: "node-start-empty", of: "node-start",
		settings: eyes + "; spares 1",
		script: elected + `
			put x 1 @S1; until answered; until same logs
			crash S5; wipe S5
			beat wiped: logs
			start S5; until refused S5
			beat refused: cluster
			put y 2 @S2; until answered
			beat without-it: logs
			change remove S5 @S1; until voters S1 S2 S3 S4
			join S6; change add-learner S6 @S1; until learners S6; until x = 1 @S6
			beat learner: cluster logs
			wait 60ms
			change promote S6 @S1; until voters S1 S2 S3 S4 S6
			beat voter: cluster
		`,
		ends: "leader S1; y = 2 @S6; not admitted S5",
	},
}
