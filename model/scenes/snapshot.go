package scenes

// snapshots is what a server gets that was away for too long.
var snapshots = []plot{
	// S3 was away; what it lacks is cut. The file comes in chunks, one is
	// lost, and S3 is killed in the middle.
	{
		id:       "snapshot",
		settings: eyes + "; nodes 3; snapshot-bytes 1000; trail-bytes 100; chunk-bytes 48",
		script: elected + `
			crash S3; put k0 1 @S1; put k1 2 @S1; put k2 3 @S1; put k3 4 @S1; put k4 5 @S1; put k5 6 @S1
			put k6 7 @S1; put k7 8 @S1; put k8 9 @S1; put k9 10 @S1; put k10 11 @S1; put k11 12 @S1
			put k12 13 @S1; put k13 14 @S1; put k14 15 @S1; put k15 16 @S1; until answered
			until stands S1 10
			beat cut: logs
			drop chunk S1>S3 once; start S3; until fetching S3 0
			beat offered: cluster logs
			wait 40ms
			beat dropped: cluster
			until fetching S3 40
			beat chunks: cluster
			crash S3; start S3; until fetching S3 20
			beat again: cluster
			until stands S3 10
			beat stands: logs
			put z 9 @S1; until same logs
			beat level: logs
		`,
		ends: "same logs; z = 9 @S3; k15 = 16 @S3",
		tries: `
			leader-dies at chunks: crash S1
		`,
	},
}
