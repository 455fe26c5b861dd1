package scenes

// snapshots is what a server gets that was away for too long.
var snapshots = []plot{
	// S3 was away; what it lacks is cut. The file is larger than one checked
	// block, and comes in chunks; one is lost, and S3 is killed in the middle.
	{
		id:       "snapshot",
		settings: eyes + "; nodes 3; snapshot-bytes 80000; trail-bytes 100; chunk-bytes 8000",
		script: elected + `
			crash S3
			put-bytes a 30000 @S1 by C1; put-bytes b 30000 @S1 by C2; until answered
			put-bytes c 30000 @S1 by C1; until answered; until stands S1 5
			beat cut: logs
			start S3; until fetching S3 0
			beat offered: cluster logs
			until fetching S3 8; drop chunk S1>S3 once; wait 40ms
			beat dropped: cluster logs
			until fetching S3 80
			beat chunks: cluster logs
			crash S3; start S3; until fetching S3 60 within 90ms
			beat again: cluster logs
			until stands S3 5
			beat stands: logs
			put z 9 @S1 by C1; until same logs
			beat level: logs
		`,
		ends: "same logs; z = 9 @S3",
		tries: `
			leader-dies at chunks: crash S1
		`,
	},
}
