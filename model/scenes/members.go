package scenes

import "veche/sim"

// learning: S1 leads S1 S2 S3, and S4 and S5 learn.
const learning = elected + `
	put x 1 @S1; until answered
	beat three: cluster
	change add-learner S4, add-learner S5 @S1; join S4 S5; until learners S4 S5
	until admitted S4; until admitted S5; until same logs; wait 150ms
	beat learners: cluster logs
`

// members is how a cluster changes who belongs to it.
var members = []plot{
	// Three become five through a joint configuration, and the leader
	// dies in the middle.
	{
		id:       "membership",
		settings: eyes + "; nodes 3; spares 2; fast off",
		script: learning + `
			draw S2 160ms; draw S3 S4 S5 290ms; end S1 at joint configuration durable, not counted
			change promote S4, promote S5 @S1
			beat joint: logs
			until not up S1
			beat dies: cluster logs
			until leader
			beat both: cluster figure4
			until joint; until voters S1 S2 S3 S4 S5
			beat new: logs
			start S1; until same logs
			beat five: cluster
		`,
		ends: "voters S1 S2 S3 S4 S5; leaders 1; x = 1 @S5",
		tries: `
			two-more at five: crash S4; crash S5
		`,
	},
	// Nobody but the dead leader has the joint configuration.
	{
		id: "membership-back", of: "membership",
		settings: eyes + "; nodes 3; spares 2; fast off",
		script: learning + `
			drop append S1>*; change promote S4, promote S5 @S1; wait 5ms
			beat alone: logs
			crash S1; pass; put y 2 @S2; until answered; until y = 2 @S5
			beat old: cluster logs
			start S1; until same logs
			beat back: logs
		`,
		ends: "learners S4 S5; leaders 1; not leader S1",
	},
	// Somebody edits the list of members, file by file.
	{
		id: "membership-by-hand", of: "membership",
		settings: eyes + "; config S1 S2: S1 S2 S3; disk S1 S2 S3 S4 S5 term 1 log 1 1; fast off",
		script: `
			split {S1 S2}|{S3 S4 S5}; draw S1 160ms; draw S3 200ms; draw S2 S4 S5 290ms; start
			beat files: cluster
			until leader S1
			beat two-of-three: cluster figure4
			until role S3 candidate
			beat same-term: cluster
			until leader S3
			beat two-leaders: cluster figure5
		`,
		breaks: sim.ElectionSafety,
		tries: `
			whole at files: heal
		`,
	},
	// Two changes under way at once, each of one server, by two
	// leaders: the mistake of 2015, and why it cannot happen here.
	{
		id: "membership-single", of: "membership",
		settings: eyes + "; nodes 4; spares 1; fast off",
		script: elected + `
			change add-learner S5 @S1; join S5; until learners S5; until admitted S5; until same logs
			wait 150ms
			beat four: cluster
			split {S1 S5}|{S2 S3 S4}; change promote S5 @S1; wait 40ms
			beat first: logs
			draw S2 160ms; draw S3 S4 290ms; hold append-reply *>S2; until leader S2
			change remove S1 @S2
			beat refused: cluster logs
			pass; release; until commit 5
			beat cured: logs
			change remove S1 @S2; until voters S2 S3 S4
			beat second: logs
			heal; until removed S1; until same logs
			beat end: cluster logs
		`,
		ends: "voters S2 S3 S4; leader S2; removed S1",
	},
	// A server is removed while it cannot be told, and comes back.
	{
		id:       "removed-server",
		settings: eyes,
		script: elected + `
			split {S1 S2 S3 S4}|{S5}; change remove S5 @S1; until voters S1 S2 S3 S4
			beat removed: cluster logs
			until role S5 pre-candidate; wait 1s
			beat alone: cluster figure5
			heal; until removed S5
			beat told: cluster
			put x 1 @S2; until answered
			beat quiet: figure5
		`,
		ends: "leader S1; term S1 1; removed S5",
	},
	// The same without the rules that keep such a server quiet.
	{
		id: "removed-server-neither", of: "removed-server",
		settings: eyes,
		without:  "prevote checkquorum",
		script: elected + `
			split {S1 S2 S3 S4}|{S5}; change remove S5 @S1; until voters S1 S2 S3 S4; wait 2s
			beat terms: cluster figure5
			heal; until removed S5
			beat told: cluster figure5
		`,
		ends: "leader S1; term S1 1; removed S5",
	},
	// A leader removes itself.
	{
		id: "removed-server-leader", of: "removed-server",
		settings: eyes + "; nodes 4",
		script: elected + `
			change remove S1 @S1
			beat manages: cluster logs
			until removed S1
			beat hands-over: cluster
			until leader
			put x 1 @S3; until answered; until same logs
			beat without: cluster figure5
		`,
		ends: "voters S2 S3 S4; leaders 1; removed S1",
	},
	// An empty server that votes at once makes the majority larger before
	// it can be part of one.
	{
		id:       "new-server",
		settings: eyes + "; nodes 3; spares 1; fast off",
		script: elected + `
			crash S3; wait 500ms
			beat one-down: cluster
			change add-voter S4 @S1
			beat refused: cluster logs
			change add-voter S4 @S1 force; join S4; put x 1 @S1; wait 100ms
			beat forced: logs clients
			until no leader; wait 1s
			beat stopped: cluster figure5
			start S3; until voters S1 S2 S3 S4; until answered; until same logs
			beat back: cluster logs
		`,
		ends: "voters S1 S2 S3 S4; leaders 1; x = 1 @S4",
	},
	// The same newcomer learns first, and nobody waits for it.
	{
		id: "new-server-learner", of: "new-server",
		settings: eyes + "; nodes 3; spares 1; fast off",
		script: elected + `
			crash S3; wait 500ms
			change add-learner S4 @S1; join S4; put x 1 @S1; until answered
			beat learns: cluster logs
			until learners S4; until admitted S4; until x = 1 @S4; wait 150ms
			beat caught-up: logs
			change promote S4 @S1; until voters S1 S2 S3 S4
			beat votes: cluster
			put y 2 @S1; until answered
			beat works: logs figure5
		`,
		ends: "voters S1 S2 S3 S4; leader S1; term S1 1; x = 1 @S4",
		tries: `
			second-down at works: crash S2; put z 3 @S1
		`,
	},
}
