package scenes

import "veche/sim"

// duplicates is what a network may do to messages besides losing them.
var duplicates = []plot{
	// An AppendEntries comes twice, and a third time when the log has grown behind what
	// it holds. Then the leader dies.
	{
		id:       "duplicates",
		settings: eyes + "; nodes 3; fast off",
		script: elected + `
			split {S1 S2}|{S3}; double append S1>S2; put a 1 @S1
			beat twice: cluster
			until answered
			pass; drop heartbeat S1>S2; put b 2 @S1; until answered
			beat grown: logs clients
			release
			beat late: cluster logs
			wait 20ms
			beat arrived: logs
			pass; draw S2 160ms; draw S3 290ms; crash S1; heal; until leader S2; until b = 2 @S3
			beat kept: logs clients
		`,
		ends: "leader S2; version a 1 @S2; b = 2 @S3",
	},
	// A vote and an acknowledgement come when nobody needs them any more.
	{
		id: "duplicates-late", of: "duplicates",
		settings: eyes + "; fast off",
		script: `
			start; until admitted S1; hold vote-reply S5>S1; timeout S1; until leader S1; pass; until same logs
			beat elected: cluster figure4
			hold append-reply S2>S1; put a 1 @S1; until answered
			pass; put b 2 @S1; until answered; until same logs
			beat ahead: logs
			release
			beat sent: cluster
			wait 20ms
			beat late: logs cluster
			transfer S3 @S1; until leader S3; until same logs
			beat next-term: cluster figure5
		`,
		ends: "leader S3; leaders 1; same logs; b = 2 @S2",
	},
	// The same, and the late copy cuts off what stands behind it.
	{
		id: "duplicates-truncate", of: "duplicates",
		settings: eyes + "; nodes 3; fast off",
		without:  "conflict-only-truncation",
		script: elected + `
			split {S1 S2}|{S3}; double append S1>S2; put a 1 @S1
			beat twice: cluster
			until answered
			pass; drop heartbeat S1>S2; put b 2 @S1; until answered
			beat grown: logs clients
			release
			beat late: cluster logs
			wait 20ms
			beat arrived: logs
			pass; draw S2 160ms; draw S3 290ms; crash S1; heal; until leader S2; until applied S2 4
			beat lost: logs clients
		`,
		ends:   "broken State Machine Safety",
		breaks: sim.LeaderCompleteness,
	},
}
