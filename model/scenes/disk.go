package scenes

import "veche/sim"

// votedFor: S2 has voted for S1 in term 2, while S3 was cut off.
const votedFor = `
	copy-disk S2; split {S1 S2}|{S3}; draw S1 160ms; draw S2 290ms; start; until leader S1
	beat voted: cluster figure4
`

// disks is what a vote is worth on a disk that forgets.
var disks = []plot{
	// A voter that lost its disk is not asked again.
	{
		id:       "amnesia",
		settings: eyes + "; nodes 3; fast off; disk S1 S2 S3 term 1 log 1 1",
		script: votedFor + `
			until commit 4; until applied S2 4
			wipe S2; heal; split {S1}|{S2 S3}; start S2
			beat wiped: cluster logs
			until role S3 pre-candidate; wait 500ms
			beat silent: cluster figure5
			heal; until leader S1; until refused S2
			put x 1 @S1; until x = 1 @S3
			beat refused: cluster logs
		`,
		ends: "leader S1; not admitted S2; x = 1 @S3",
	},
	// The disk had said that the vote was safe, and had not written it.
	{
		id: "amnesia-lie", of: "amnesia",
		settings: eyes + "; nodes 3; fast off; disk S1 S2 S3 term 1 log 1 1",
		script: votedFor + `
			put-back S2; heal; split {S1}|{S2 S3}; draw S3 155ms; start S2
			beat old-disk: cluster logs
			until role S3 candidate
			beat same-term: cluster
			until leader S3
			beat two-leaders: cluster figure5
		`,
		breaks: sim.ElectionSafety,
	},
}
