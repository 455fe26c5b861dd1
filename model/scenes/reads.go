package scenes

import "veche/sim"

// reads is four ways to read, and what each is worth while two servers believe
// that they lead.
var reads = []plot{
	// Who cannot be certain does not answer.
	{
		id:       "reads",
		settings: eyes + "; fast off",
		script: elected + `
			put x 1 @S1 by C1; until answered; until same logs; at 300ms
			get x @S1 by C2
			beat asks: cluster clients
			until answered
			beat answered: clients
			at 400ms; put y 0 @S1 by C4; until answered; at 428ms; draw S3 152ms; draw S2 S4 S5 290ms; split {S1 S2}|{S3 S4 S5}; until leader S3
			put x 2 @S3 by C1; until answered
			get x @S1 by C2
			beat two: cluster figure5
			until role S1 follower
			beat waits: cluster clients
			at 1s; heal; until answered
			beat right: clients logs
		`,
		ends: "leader S3; answered; x = 2 @S1",
		tries: `
			other-side at two: get x @S4 by C3
		`,
	},
	// Any server answers from what it has.
	{
		id: "reads-local", of: "reads",
		settings: eyes + "; fast off",
		script: elected + `
			put x 1 @S1 by C1; until answered; until same logs; at 300ms
			get-local x @S2 by C2
			beat quick: cluster clients
			at 400ms; put y 0 @S1 by C4; until answered; at 428ms; draw S3 152ms; draw S2 S4 S5 290ms; split {S1 S2}|{S3 S4 S5}; until leader S3
			put x 2 @S3 by C1; until answered
			beat two: logs clients
			get-local x @S2 by C2
			beat stale: clients logs
		`,
		breaks: sim.ReadIsFresh,
	},
	// A leader answers without asking whether it still leads.
	{
		id: "reads-leader", of: "reads",
		settings: eyes + "; fast off",
		script: elected + `
			put x 1 @S1 by C1; until answered; until same logs; at 300ms
			get-unchecked x @S1 by C2; get-unchecked x @S2 by C3
			beat quick: cluster clients
			at 400ms; put y 0 @S1 by C4; until answered; at 428ms; draw S3 152ms; draw S2 S4 S5 290ms; split {S1 S2}|{S3 S4 S5}; until leader S3
			put x 2 @S3 by C1; until answered
			beat two: cluster logs
			get-unchecked x @S1 by C2
			beat stale: clients figure5
		`,
		breaks: sim.ReadIsFresh,
	},
	// A leader answers alone for as long as others have promised.
	{
		id: "reads-lease", of: "reads",
		settings: eyes + "; fast off; lease on",
		script: elected + `
			put x 1 @S1 by C1; until answered; until same logs; at 300ms
			get x @S1 by C2
			beat alone: cluster clients
			at 400ms; put y 0 @S1 by C4; until answered; at 428ms; draw S3 152ms; draw S2 S4 S5 290ms; split {S1 S2}|{S3 S4 S5}; until role S3 candidate
			get x @S1 by C2
			beat empty: cluster clients
			until leader S3
			put x 2 @S3 by C1; until x = 2 @S3; until role S1 follower
			beat waits: clients figure5
			at 1s; heal; until answered
			beat right: clients
		`,
		ends: "leader S3; answered; x = 2 @S1",
	},
	// A lease is as good as the clock it is measured with.
	{
		id: "reads-lease-clock", of: "reads",
		settings: eyes + "; fast off; lease on",
		script: elected + `
			put x 1 @S1 by C1; until answered; until same logs; wait 100ms
			clock S1 x0.25; get x @S1 by C2
			beat slow-clock: cluster clients
			draw S3 152ms; draw S2 S4 S5 290ms; split {S1 S2}|{S3 S4 S5}; until leader S3
			put x 2 @S3 by C1; until answered
			beat two: cluster figure5
			get x @S1 by C2
			beat stale: clients logs
		`,
		breaks: sim.ReadIsFresh,
	},
	// Four of them at one time.
	{
		id: "reads-beside", of: "reads",
		settings: eyes,
		script: elected + `
			put x 1 @S1 by C1; until answered; until same logs; at 300ms
			get x @S1 by C2; at 380ms
			beat answered: cluster clients
			at 400ms; put y 0 @S1 by C4; until answered; at 428ms; draw S3 152ms; draw S2 S4 S5 290ms; split {S1 S2}|{S3 S4 S5}; until leader S3
			put x 2 @S3 by C1; until answered
			get x @S1 by C2
			beat two: cluster
			at 950ms
			beat waits: cluster clients
			at 1s; heal; until answered; at 1200ms
			beat right: cluster clients
		`,
		ends:   "leader S3; answered; x = 2 @S1",
		beside: "reads-local reads-leader reads-lease reads",
	},
}
