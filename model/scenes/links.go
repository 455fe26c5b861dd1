package scenes

// hubbed: everybody reaches only S1, and S3 leads.
const hubbed = `
	start; until admitted S3; timeout S3; until leader S3; until same logs
	beat whole: cluster
	at 200ms; cut S2>S3 S3>S2 S2>S4 S4>S2 S2>S5 S5>S2 S3>S4 S4>S3 S3>S5 S5>S3 S4>S5 S5>S4; put x 1 @S3
`

// bound: S5, who led, is dead; S1 lacks an entry and is the only one whom all
// others reach.
const bound = `
	start; until admitted S5; timeout S5; until leader S5; until same logs
	split {S1}|{S2 S3 S4 S5}; put x 1 @S5; until answered
	beat behind: logs
	crash S5; heal; cut S2>S3 S3>S2 S2>S4 S4>S2 S3>S4 S4>S3; put y 2 @S2
`

// partial is what becomes of a cluster whose links fail in part, so that servers
// do not agree on who is there; with PreVote and CheckQuorum, and without.
var partial = []plot{
	// Nobody who is out of the leader's reach disturbs it.
	{
		id:       "partial-tails",
		settings: eyes,
		script: elected + `
			beat whole: cluster
			at 200ms; cut S1>S4 S4>S1 S1>S5 S5>S1 S2>S5 S5>S2 S3>S4 S4>S3 S4>S5 S5>S4; until role S4 pre-candidate
			until role S5 pre-candidate
			beat asks: cluster figure4
			at 700ms; put x 1 @S1; until answered
			beat works: logs clients
			at 2800ms
			beat quiet: figure5
			heal; until same logs
			beat healed: logs figure5
		`,
		ends: "leader S1; term S4 1; term S5 1; x = 1 @S5",
		tries: `
			middle at works: crash S2
		`,
	},
	// Without PreVote terms run, but nobody listens.
	{
		id: "partial-tails-checkquorum", of: "partial-tails",
		settings: eyes,
		without:  "prevote",
		script: elected + `
			at 200ms; cut S1>S4 S4>S1 S1>S5 S5>S1 S2>S5 S5>S2 S3>S4 S4>S3 S4>S5 S5>S4; until role S4 candidate
			beat asks: cluster figure4
			at 700ms; put x 1 @S1; until answered; at 2800ms
			beat terms: figure5
			heal; until not term S1 1; until same logs
			beat healed: figure5
		`,
		ends: "leaders 1; not term S1 1; x = 1 @S5",
	},
	// Without both rules one leader after another is deposed.
	{
		id: "partial-tails-neither", of: "partial-tails",
		settings: eyes,
		without:  "prevote checkquorum",
		script: elected + `
			at 200ms; cut S1>S4 S4>S1 S1>S5 S5>S1 S2>S5 S5>S2 S3>S4 S4>S3 S4>S5 S5>S4; until role S4 candidate
			beat asks: cluster
			until not leader S1
			beat deposed: cluster figure4
			at 700ms; put x 1 @S1; at 4300ms
			beat churn: figure5
		`,
		ends: "not term S2 1; not term S2 2; not term S2 3; not term S2 4; not term S2 5",
	},
	// PreVote alone keeps them quiet as well.
	{
		id: "partial-tails-prevote", of: "partial-tails",
		settings: eyes,
		without:  "checkquorum",
		script: elected + `
			at 200ms; cut S1>S4 S4>S1 S1>S5 S5>S1 S2>S5 S5>S2 S3>S4 S4>S3 S4>S5 S5>S4; until role S4 pre-candidate
			until role S5 pre-candidate
			beat asks: cluster figure4
			at 700ms; put x 1 @S1; until answered; at 2800ms
			beat quiet: figure5
			heal; until same logs
			beat healed: logs figure5
		`,
		ends: "leader S1; term S4 1; term S5 1; x = 1 @S5",
	},
	// With both rules, with either, and with none, at one time.
	{
		id: "partial-tails-beside", of: "partial-tails",
		settings: eyes,
		script: elected + `
			at 200ms
			beat whole: cluster
			cut S1>S4 S4>S1 S1>S5 S5>S1 S2>S5 S5>S2 S3>S4 S4>S3 S4>S5 S5>S4; at 600ms
			beat asks: cluster
			at 700ms; put x 1 @S1; until answered; at 2700ms
			beat later: cluster clients
		`,
		ends:   "leader S1; term S4 1; x = 1 @S1",
		beside: "partial-tails partial-tails-checkquorum partial-tails-prevote partial-tails-neither",
	},
	// The leader loses its majority, gives up, and the hub is elected.
	{
		id:       "partial-hub",
		settings: eyes,
		script: hubbed + `
			until role S4 pre-candidate
			beat cut: cluster clients
			until not leader S3
			beat gives-up: cluster figure4
			until leader S1
			beat hub-leads: cluster figure5
			until answered; until same logs
			beat works: logs clients
		`,
		ends: "leader S1; leaders 1; x = 1 @S4",
		tries: `
			hub-dies at works: crash S1
		`,
	},
	// A leader that two servers hear stays for ever, and commits nothing.
	{
		id: "partial-hub-prevote", of: "partial-hub",
		settings: eyes,
		without:  "checkquorum",
		script: hubbed + `
			until role S4 pre-candidate
			beat cut: cluster clients
			wait 3s
			beat stuck: figure5 clients
		`,
		ends: "leader S3; leaders 1; waiting; term S4 1",
	},
	// Without PreVote as well somebody's rising term frees the hub.
	{
		id: "partial-hub-neither", of: "partial-hub",
		settings: eyes,
		without:  "prevote checkquorum",
		script: hubbed + `
			until not term S1 1
			beat disturbed: cluster figure4
			until leader S1
			beat hub-leads: figure5
			until answered
			beat works: logs clients
		`,
		ends: "leader S1; x = 1 @S1",
	},
	// CheckQuorum frees the hub by itself.
	{
		id: "partial-hub-checkquorum", of: "partial-hub",
		settings: eyes,
		without:  "prevote",
		script: hubbed + `
			until not leader S3
			beat gives-up: cluster figure4
			until leader S1
			beat hub-leads: cluster figure5
			until answered
			beat works: logs clients
		`,
		ends: "leader S1; x = 1 @S1",
	},
	// With both rules, with either, and with none, at one time.
	{
		id: "partial-hub-beside", of: "partial-hub",
		settings: eyes,
		script: hubbed + `
			at 400ms
			beat cut: cluster clients
			at 1s
			beat hub-leads: cluster clients
			at 2900ms
			beat later: cluster clients
		`,
		ends:   "leader S1; leaders 1; x = 1 @S4",
		beside: "partial-hub partial-hub-checkquorum partial-hub-prevote partial-hub-neither",
	},
	// S1 leads, S3 hears only S2.
	{
		id:       "partial-chain",
		settings: eyes + "; nodes 3",
		script: elected + `
			beat whole: cluster
			cut S1>S3 S3>S1; until role S3 pre-candidate
			beat asks: cluster figure4
			put x 1 @S1; until answered; wait 2s
			beat works: logs figure5
			heal; until same logs
			beat healed: logs
		`,
		ends: "leader S1; term S3 1; x = 1 @S3",
		tries: `
			other-end at works: put y 2 @S3
		`,
	},
	// The two ends depose each other until the middle leads.
	{
		id: "partial-chain-neither", of: "partial-chain",
		settings: eyes + "; nodes 3; fast on",
		without:  "prevote checkquorum",
		script: elected + `
			cut S1>S3 S3>S1; until not leader S1
			beat deposed: cluster figure4
			until leader S2; until same logs
			beat middle: figure5
		`,
		ends: "leader S2; leaders 1",
	},
	// A majority is connected through S1, and yet nobody can lead.
	{
		id:       "partial-constrained",
		settings: eyes + "; fast off",
		script: bound + `
			until role S1 pre-candidate; until role S2 pre-candidate
			beat asks: cluster logs
			wait 3s
			beat nobody: figure5 clients
			heal; until leader; until answered
			beat healed: cluster logs
		`,
		ends: "leaders 1; not leader S1; x = 1 @S2",
		tries: `
			back at nobody: start S5
		`,
	},
	// The rules have nothing to do with it.
	{
		id: "partial-constrained-neither", of: "partial-constrained",
		settings: eyes + "; fast off",
		without:  "prevote checkquorum",
		script: bound + `
			wait 3s
			beat terms: figure5 clients
		`,
		ends: "no leader; waiting; not term S1 1",
	},
}
