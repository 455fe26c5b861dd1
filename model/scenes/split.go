package scenes

import "veche/sim"

// split is what happens when the network falls into parts.
var split = []plot{
	// The leader keeps a majority, and two servers are cut off.
	{
		id:       "split-majority",
		settings: eyes,
		script: elected + `
			draw S4 160ms; split {S1 S2 S3}|{S4 S5}
			beat split: cluster
			put x 1 @S1; until answered; until applied S3 3
			beat three-commit: logs
			put y 2 @S4; until role S4 pre-candidate
			beat asks: cluster figure4
			wait 600ms
			beat stands-still: figure5 clients
			heal; until answered; until same logs; until applied S5 4
			beat healed: logs figure5
		`,
		ends: "leader S1; leaders 1; term S1 1; term S4 1; y = 2 @S5",
		tries: `
			third-cut-off at three-commit: split {S3}|{S1 S2}; put z 3 @S1
			leader-dies at stands-still: crash S1
		`,
	},
	// The same without PreVote.
	{
		id: "split-majority-no-prevote", of: "split-majority",
		settings: eyes,
		without:  "prevote",
		script: elected + `
			draw S4 160ms; split {S1 S2 S3}|{S4 S5}; until role S4 candidate
			beat stands: cluster figure4
			wait 900ms
			beat climbs: figure5
			heal; until not leader S1
			beat deposed: cluster figure5
			until leader; until same logs
			beat again: figure5
		`,
		ends: "leaders 1; not term S1 1",
	},
	// The leader keeps one follower, and the others elect theirs.
	{
		id:       "split-minority",
		settings: eyes,
		script: elected + `
			draw S3 150ms; draw S4 S5 280ms; wait 16ms
			split {S1 S2}|{S3 S4 S5}; put x 1 @S1; put y 2 @S1; until log S2 1 1 1 1
			beat waiting: logs clients
			until leader S3
			beat two-crowns: cluster figure5
			put z 3 @S3; until z = 3 @S3
			beat term-2-commits: logs
			until role S1 follower
			beat steps-down: cluster figure4
			heal; until term S1 2; until z = 3 @S1; until z = 3 @S2
			beat falls-out: logs
			until answered; until same logs
			beat answered: clients logs
		`,
		ends: "leader S3; leaders 1; x = 1 @S5; y = 2 @S1; z = 3 @S1; outcome C1 done; outcome C2 done",
		tries: `
			heal-early at two-crowns: heal
			never-heal at steps-down: put w 4 @S2
		`,
	},
	// Two leaders at one time, and clients at both.
	{
		id:       "two-masters",
		settings: eyes,
		script: elected + `
			draw S4 150ms; draw S3 S5 280ms; put x old @S1; until answered; until applied S5 3
			wait 16ms
			split {S1 S2}|{S3 S4 S5}
			beat split: cluster
			until leader S4
			beat two-crowns: cluster figure5
			put x A @S1 by C1; put x B @S4 by C2; until outcome C2 done
			beat one-counts: logs clients
			local x @S1 by C3; get x @S1 by C4
			beat reads: clients
			until role S1 follower
			beat steps-down: cluster figure5
			heal; until answered; until same logs; until x = A @S5
			beat one: logs clients
		`,
		ends: "leader S4; leaders 1; x = A @S1; term S1 2; outcome C1 done; outcome C4 done",
		tries: `
			heal-early at two-crowns: heal
			crash-new at one-counts: crash S4
		`,
	},
	// Who votes twice in a term elects two leaders of it.
	{
		id: "two-masters-one-term", of: "two-masters",
		settings: eyes,
		without:  "one-vote-per-term",
		script: `
			draw S1 S2 160ms; draw S3 S4 S5 290ms; start; until role S1 candidate
			until role S2 candidate
			beat both-stand: cluster
			until leaders 2
			beat one-term: cluster figure5
		`,
		ends:   "broken Election Safety; term S1 1; term S2 1",
		breaks: sim.ElectionSafety,
	},
	// 2|2|1, nobody has a majority.
	{
		id:       "split-2-2-1",
		settings: eyes,
		script: elected + `
			split {S1 S2}|{S3 S4}|{S5}; put x 1 @S1; put y 2 @S3; until log S2 1 1 1
			beat three-parts: cluster
			until role S1 follower
			beat no-leader: cluster figure5
			wait 500ms
			beat nobody: figure5 clients
			heal; split {S1 S2 S3 S4}|{S5}; until leader; until answered
			beat two-parts: cluster clients
			heal; until same logs; until y = 2 @S5
			beat whole: logs figure5
		`,
		ends: "leaders 1; x = 1 @S5; y = 2 @S5",
		tries: `
			other-two at nobody: heal; split {S1 S2}|{S3 S4 S5}
		`,
	},
	// The same without PreVote: terms climb, and nobody wins any.
	{
		id: "split-2-2-1-no-prevote", of: "split-2-2-1",
		settings: eyes,
		without:  "prevote",
		script: elected + `
			split {S1 S2}|{S3 S4}|{S5}; until role S1 follower; until no leader
			beat no-leader: cluster figure5
			wait 1s
			beat climbs: cluster figure5
			heal; split {S1 S2 S3 S4}|{S5}; until leader; put x 1 @S1; until answered
			beat two-parts: cluster figure5
			heal; until same logs; until leader; until x = 1 @S5
			beat whole: figure5
		`,
		ends: "leaders 1; not term S1 1; not term S1 2; x = 1 @S5",
	},
}
