package scenes

import "veche/sim"

// figure8 is (a) to (c) of the figure. The first entry of each term is the no-op of
// its leader. S1 has one more, x=1, so that in (c) it finds out what S2 has: a
// message whose entries are all of term 4 would not come through. The last wait is
// until S1 knows that S2 and S3 have it.
const figure8 = `
	drop append S1>S3 S1>S4 S1>S5; draw S1 160ms; draw S2 S3 S4 S5 290ms; start; until leader S1
	until log S2 1 2
	drop append S1>S2; put x 1 @S1; until log S1 1 2 2
	beat a: logs
	pass; drop append S5>*; draw S5 160ms; crash S1; until leader S5; until log S5 1 3
	until term S4 3
	beat b: logs
	crash S5; pass; drop append S1>S4; draw S2 S3 S4 290ms; draw S1 160ms; start S1
	until leader S1; until log S3 1 2
	drop append S1>S2 S1>S3 term 4; until log S2 1 2 2; until log S3 1 2 2; wait 16ms
`

// figure8Logs: one entry in each message, all messages equally fast, and everybody
// waits for timeouts.
const figure8Logs = "election 150ms 300ms; heartbeat 50ms; wire 12ms 12ms; append-bytes 1; fast off; disk S1 S2 S3 S4 S5 term 1 log 1"

// figure7Logs are those of the paper: S1 is its leader, S2 to S7 are a to f.
const figure7Logs = eyes + `
	nodes 7
	disk S1 term 7 log 1 1 1 4 4 5 5 6 6 6
	disk S2 term 6 log 1 1 1 4 4 5 5 6 6
	disk S3 term 4 log 1 1 1 4
	disk S4 term 6 log 1 1 1 4 4 5 5 6 6 6 6
	disk S5 term 7 log 1 1 1 4 4 5 5 6 6 6 7 7
	disk S6 term 4 log 1 1 1 4 4 4 4
	disk S7 term 3 log 1 1 1 2 2 2 3 3 3 3 3
`

// logs is how logs part, and become equal again.
var logs = []plot{
	// Seven logs as crashes may leave them.
	{
		id:       "figure-7",
		settings: figure7Logs,
		script: `
			draw S1 160ms; draw S2 S3 S4 S5 S6 S7 290ms; start
			beat seven: logs
			until role S1 candidate
			beat votes: cluster logs
			until leader S1
			beat leader: logs
			until log S5 1 1 1 4 4 5 5 6 6 6 8
			beat falls-out: logs
			until commit 11
			beat committed: logs
			until same logs
			beat equal: logs
		`,
		ends: "leader S1; term S7 8; log S7 1 1 1 4 4 5 5 6 6 6 8 8",
		tries: `
			longest at seven: draw S5 20ms
			shortest at seven: draw S3 20ms
			dies at falls-out: crash S1
		`,
	},
	// A follower takes entries without a look at the one before them.
	{
		id: "figure-7-unchecked", of: "figure-7",
		settings: figure7Logs,
		without:  "consistency-check",
		script: `
			draw S1 160ms; draw S2 S3 S4 S5 S6 S7 290ms; start
			beat seven: logs
			until leader S1; until commit 11
			beat committed: logs
		`,
		ends:   "leader S1",
		breaks: sim.LogMatching,
	},
	// A majority has an entry of an earlier term, and it is not committed.
	{
		id:       "figure-8",
		settings: figure8Logs,
		script: figure8 + `
			beat c: logs
			drop append S1>S5; start S5; until term S5 4
			draw S5 160ms; draw S2 S3 S4 290ms; crash S1; pass; until leader S5
			beat d-elected: logs cluster
			until log S3 1 3 5 5; until log S4 1 3 5 5; until applied S4 4
			beat d: logs
			start S1; until same logs
			beat end: logs
		`,
		ends: "leader S5; commit 3; no x @S1",
	},
	// (e), the entry of the leader's own term reaches a majority as well.
	{
		id: "figure-8-safe", of: "figure-8",
		settings: figure8Logs,
		script: figure8 + `
			beat c: logs
			pass; drop append S1>S4; until commit 4
			beat e: logs
			drop append S1>S5; start S5; until term S5 4
			draw S5 160ms; draw S2 S3 S4 290ms; crash S1; pass; until role S5 pre-candidate; wait 30ms
			beat refused: cluster logs
			until leader; until log S5 1 2 2 4 4 5 5; until applied S5 7
			beat safe: logs
		`,
		ends: "not leader S5; commit 5; x = 1 @S5",
	},
	// What would be if a majority were enough for any entry.
	{
		id: "figure-8-counted", of: "figure-8",
		settings: figure8Logs,
		without:  "current-term-commit",
		script: figure8 + `
			until x = 1 @S1; until x = 1 @S3
			beat c: logs
			drop append S1>S5; start S5; until term S5 4
			draw S5 160ms; draw S2 S3 S4 290ms; crash S1; pass; until leader S5
			beat d: logs
			until log S3 1 3 5 5; until log S4 1 3 5 5; until applied S4 4
			beat differ: logs
		`,
		ends:   "broken State Machine Safety; x = 1 @S3; no x @S4",
		breaks: sim.LeaderCompleteness,
	},
}
