package scenes

import "veche/sim"

// lost is how many servers a cluster can do without.
var lost = []plot{
	// Of five, two may fail and three may not.
	{
		id:       "majority-lost",
		settings: eyes + "; fast off",
		script: elected + `
			draw S2 160ms; draw S3 S4 290ms; crash S1; crash S5; until leader S2
			put x 1 @S2; until answered
			beat two-down: cluster figure5
			crash S3; put y 2 @S2; get x @S2 by C2; wait 100ms
			beat three-down: cluster clients
			until no leader; wait 1s
			beat nobody: figure5 clients
			start S5; until leader; until answered
			beat back: cluster clients
		`,
		ends: "leaders 1; not up S1; not up S3; x = 1 @S2",
		tries: `
			other-one at nobody: start S1
		`,
	},
	// The majority never comes back, and somebody makes a new
	// cluster of a survivor.
	{
		id: "majority-lost-recover", of: "majority-lost",
		settings: eyes + "; fast off",
		script: elected + `
			put x 1 @S1; until answered; until same logs
			split {S1 S2 S3}|{S4 S5}; put x 2 @S1; until answered
			beat acknowledged: logs clients
			power-cut S1 S2 S3; wait 1s
			beat two-left: cluster figure5
			crash S4 S5; recover S5; start S5
			beat alone: logs
			until leader S5
			beat gone: logs clients
		`,
		breaks: sim.LeaderCompleteness,
	},
	// The same faults for three, four, five and six servers: one server after
	// another is lost, and then the links between two halves.
	{
		id:       "even-sizes",
		settings: eyes + "; nodes 4",
		script:   fourServers,
		ends:     "no leader; waiting",
		beside:   "even-sizes-3 even-sizes-4 even-sizes-5 even-sizes-6",
	},
	// Three by themselves.
	{
		id: "even-sizes-3", of: "even-sizes",
		settings: eyes + "; nodes 3",
		script: elected + `
			at 300ms
			beat whole: cluster
			crash S3; put k1 1 @S1; until answered; at 600ms
			beat one: cluster clients
			crash S2; put k2 1 @S1; until no leader; at 1500ms
			beat two: cluster clients
			crash S1; put k3 1 @S1; at 2400ms
			beat three: cluster clients
			start S3 S2 S1; until same logs; at 3600ms
			split { S1 S2 }|{ S3 }; put half 1 @S1; until answered; at 4800ms
			beat halves: cluster clients
		`,
		ends: "leaders 1; half = 1 @S1",
	},
	// Four by themselves.
	{
		id: "even-sizes-4", of: "even-sizes",
		settings: eyes + "; nodes 4",
		script:   fourServers,
		ends:     "no leader; waiting",
	},
	// Five by themselves.
	{
		id: "even-sizes-5", of: "even-sizes",
		settings: eyes + "; nodes 5",
		script: elected + `
			at 300ms
			beat whole: cluster
			crash S5; put k1 1 @S1; until answered; at 600ms
			beat one: cluster clients
			crash S4; put k2 1 @S1; until answered; at 1500ms
			beat two: cluster clients
			crash S3; put k3 1 @S1; until no leader; at 2400ms
			beat three: cluster clients
			start S5 S4 S3; until answered; until same logs; at 3600ms
			split { S1 S2 S3 }|{ S4 S5 }; put half 1 @S1; until answered; at 4800ms
			beat halves: cluster clients
		`,
		ends: "leaders 1; half = 1 @S1",
	},
	// Six by themselves.
	{
		id: "even-sizes-6", of: "even-sizes",
		settings: eyes + "; nodes 6",
		script: elected + `
			at 300ms
			beat whole: cluster
			crash S6; put k1 1 @S1; until answered; at 600ms
			beat one: cluster clients
			crash S5; put k2 1 @S1; until answered; at 1500ms
			beat two: cluster clients
			crash S4; put k3 1 @S1; until no leader; at 2400ms
			beat three: cluster clients
			start S6 S5 S4; until answered; until same logs; at 3600ms
			split { S1 S2 S3 }|{ S4 S5 S6 }; put half 1 @S1; until no leader; at 4800ms
			beat halves: cluster clients
		`,
		ends: "no leader; waiting",
	},
}

// fourServers is what befalls four, as it befalls the other sizes.
const fourServers = elected + `
	at 300ms
	beat whole: cluster
	crash S4; put k1 1 @S1; until answered; at 600ms
	beat one: cluster clients
	crash S3; put k2 1 @S1; until no leader; at 1500ms
	beat two: cluster clients
	crash S2; put k3 1 @S1; at 2400ms
	beat three: cluster clients
	start S4 S3 S2; until answered; until same logs; at 3600ms
	split { S1 S2 }|{ S3 S4 }; put half 1 @S1; until no leader; at 4800ms
	beat halves: cluster clients
`
