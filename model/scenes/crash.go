package scenes

import "veche/sim"

// crash is what happens when processes die.
var crash = []plot{
	// A follower dies, and nobody waits for it.
	{
		id:       "replica-crash",
		settings: eyes,
		script: elected + `
			beat five: cluster
			crash S4
			beat crashed: cluster figure5
			put a 1 @S1; put b 2 @S1; put c 3 @S1; until answered; until applied S5 5
			beat goes-on: logs figure5
			start S4
			beat back: logs
			until same logs; until applied S4 5
			beat filled: logs
		`,
		ends: "leader S1; leaders 1; term S4 1; c = 3 @S4",
		tries: `
			two-down at crashed: crash S5; put d 4 @S1
			three-down at crashed: crash S3 S5; put d 4 @S1
		`,
	},
	// The leader dies, and the others wait for their timeouts, as in the
	// paper. It is what a first visitor sees.
	{
		id:       "master-crash",
		settings: eyes,
		script: elected + `
			beat calm: cluster
			draw S3 170ms; draw S2 S4 S5 280ms; crash S1; put x 1 @S4
			beat crashed: cluster
			until role S3 pre-candidate
			beat asks: cluster figure4
			until role S3 candidate
			beat candidate: cluster figure4
			until leader S3
			beat leader: cluster figure5
			until answered
			beat answered: clients figure5
			start S1; until not term S1 1; until same logs
			beat back: cluster figure5
		`,
		ends: "leader S3; leaders 1; role S1 follower; x = 1 @S4",
		tries: `
			again at answered: crash S3
			candidate-dies at candidate: crash S3
			two-more at crashed: crash S4 S5
		`,
	},
	// The same, but the others see the connections close.
	{
		id: "master-crash-fast", of: "master-crash",
		settings: eyes + "; fast on",
		script: elected + `
			beat calm: cluster
			crash S1; put x 1 @S4
			beat crashed: cluster
			until no leader; until leader
			beat leader: cluster figure5
			until answered
			beat answered: clients figure5
			start S1; until not term S1 1; until same logs
			beat back: cluster figure5
		`,
		ends: "leaders 1; role S1 follower; x = 1 @S4",
		tries: `
			power at calm: power-cut S1
		`,
	},
	// The leader dies before anybody else has the entry.
	{
		id:       "crash-mid-write",
		settings: eyes,
		script: elected + `
			drop append S1>*; put x 1 @S1; until log S1 1 1 1
			beat alone: logs clients
			draw S2 160ms; draw S3 S4 S5 280ms; crash S1; pass
			beat unknown: clients logs
			until leader S2; until commit 3
			beat elected: logs
			start S1; until same logs
			beat replaced: logs
		`,
		ends: "no x @S1; no x @S2; leader S2; outcome C1 unknown",
	},
	// The one other server that has the entry is elected.
	{
		id: "crash-mid-write-kept", of: "crash-mid-write",
		settings: eyes,
		script: elected + `
			drop append S1>S3 S1>S4 S1>S5; put x 1 @S1; until log S2 1 1 1
			beat on-two: logs clients
			draw S2 160ms; draw S3 S4 S5 280ms; crash S1; pass
			beat unknown: clients
			until leader S2; until commit 3
			beat elected: logs figure5
			start S1; until same logs
			beat equal: logs
		`,
		ends: "x = 1 @S1; x = 1 @S5; leader S2; outcome C1 unknown",
	},
	// One that does not have it is elected.
	{
		id: "crash-mid-write-replaced", of: "crash-mid-write",
		settings: eyes,
		script: elected + `
			drop append S1>S3 S1>S4 S1>S5; put x 1 @S1; until log S2 1 1 1
			beat on-two: logs clients
			draw S3 160ms; draw S2 S4 S5 280ms; crash S1; pass
			beat unknown: clients
			until leader S3; until commit 3
			beat elected: logs figure5
			start S1; until same logs
			beat equal: logs
		`,
		ends: "no x @S1; no x @S2; leader S3; outcome C1 unknown",
	},
	// A majority has the entry, but nobody was told. It survives, and
	// the command that is sent again is carried out once.
	{
		id: "crash-mid-write-once", of: "crash-mid-write",
		settings: eyes,
		script: elected + `
			drop append S1>S4 S1>S5; put x 1 @S5; until log S2 1 1 1; until log S3 1 1 1
			beat on-three: logs clients
			draw S2 160ms; draw S3 S4 S5 280ms; crash S1; pass
			beat waits: clients
			until leader S2
			beat elected: logs
			until answered; until applied S3 5
			beat twice: logs clients
			start S1; until same logs; until x = 1 @S1
			beat once: logs
		`,
		ends: "version x 1 @S1; version x 1 @S5; leader S2; outcome C1 done",
	},
	// Who lacks a committed entry may be elected as well.
	{
		id: "crash-mid-write-any-winner", of: "crash-mid-write",
		settings: eyes,
		without:  "election-restriction",
		script: elected + `
			drop append S1>S4 S1>S5; put x 1 @S1; until answered; until x = 1 @S3
			beat promised: logs clients
			draw S4 160ms; draw S2 S3 S5 280ms; crash S1; pass; until leader S4
			beat elected: logs
			until log S2 1 1 2; until log S3 1 1 2; until applied S5 3
			beat lost: logs
		`,
		ends:   "broken State Machine Safety; x = 1 @S2; no x @S5; outcome C1 done",
		breaks: sim.LeaderCompleteness,
	},
}
