package scenes

// snapshots is what a server gets that was away for too long.
var snapshots = []plot{
	// S3 was away; what it lacks is cut. The file comes in chunks, one is
	// lost, and S3 is killed in the middle.
	{
		id:       "snapshot",
		settings: eyes + "; nodes 3; snapshot-bytes 650; trail-bytes 100; chunk-bytes 48",
		script: elected + `
			crash S3
			put a 1 @S1 by C1; put b 2 @S1 by C2; until answered
			put c 3 @S1 by C1; put d 4 @S1 by C2; until answered
			put e 5 @S1 by C1; put f 6 @S1 by C2; until answered
			put g 7 @S1 by C1; put h 8 @S1 by C2; until answered
			put i 9 @S1 by C1; put j 10 @S1 by C2; until answered
			until stands S1 8
			beat cut: logs
			drop chunk S1>S3 once; start S3; until fetching S3 0
			beat offered: cluster logs
			wait 40ms
			beat dropped: cluster
			until fetching S3 40
			beat chunks: cluster
			crash S3; start S3; until fetching S3 20
			beat again: cluster
			until stands S3 8
			beat stands: logs
			put z 9 @S1 by C1; until same logs
			beat level: logs
		`,
		ends: "same logs; z = 9 @S3; j = 10 @S3",
		tries: `
			leader-dies at chunks: crash S1
		`,
	},
}
