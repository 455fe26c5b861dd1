package scenes

import "veche/sim"

// lab are scenes in which a rule of Raft is left out, and a promise of Figure 3
// breaks by it. Rules that are not here are left out in variants of other scenes:
// page/web/rules.json says in which.
var lab = []plot{
	// A candidate does not raise its term, and wins one that had a leader.
	{
		id: "break-term-increment", of: "master-crash",
		settings: eyes + "; fast on",
		without:  "term-increment",
		script: `
			drop vote S1>S4 S1>S5; draw S1 160ms; draw S2 S3 S4 S5 290ms; start; until leader S1
			pass; until same logs
			beat leads: cluster
			drop append S1>*; put x 1 @S1; until log S1 1 1 1
			pass; draw S2 30ms; draw S3 S4 S5 290ms; crash S1; until role S2 candidate
			beat stands: cluster
			until leader S2; until commit 3
			beat second: logs figure5
			start S1; put y 2 @S2; until broken State Machine Safety; until applied S1 4
			beat differ: logs
		`,
		ends:   "broken Log Matching; term S1 1; term S2 1; x = 1 @S1; no x @S2",
		breaks: sim.ElectionSafety,
	},
	// A vote is told while it waits for the disk, and the process dies.
	{
		id: "break-vote-on-disk", of: "amnesia",
		settings: eyes + "; nodes 3; fast off",
		without:  "vote-on-disk",
		script: elected + `
			slow-disk S3 400ms; put x 1 @S1; until log S2 1 1 1; until log S3 1 1 1
			beat busy: cluster logs
			crash S1; draw S2 160ms; draw S3 290ms; until role S2 candidate
			beat asks: cluster
			until leader S2
			beat leads: cluster
			crash S3; split {S2}|{S1 S3}; draw S1 200ms; draw S3 290ms; start S1 S3
			beat forgotten: cluster
			until role S1 candidate
			beat again: cluster
			until broken Election Safety
			beat two: cluster figure5
		`,
		ends:   "term S1 2; term S2 2; leaders 2",
		breaks: sim.ElectionSafety,
	},
	// An old leader stays one in the new term. Everything falls.
	{
		id: "break-step-down", of: "two-masters",
		settings: eyes + "; election 150ms 900ms", // time, until the old leader misses its majority
		without:  "step-down",
		script: elected + `
			draw S4 150ms; draw S2 S3 S5 290ms; wait 16ms
			split {S1 S2}|{S3 S4 S5}; put x 1 @S1; until leader S4; until commit 3
			beat two-crowns: cluster logs
			heal; cut S4>S2; drop append S4>S1; until broken Election Safety
			beat one-term: cluster figure5
			until broken Leader Append-Only; pass
			beat overwritten: logs
			put y 1 @S1; put y 2 @S4; until broken Log Matching
			beat same-name: logs
			until broken State Machine Safety
			beat everything: logs clients
		`,
		ends:   "broken Leader Append-Only; broken Log Matching; broken State Machine Safety",
		breaks: sim.ElectionSafety,
	},
}
