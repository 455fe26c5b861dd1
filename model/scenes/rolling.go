package scenes

// restarts is when servers go down and come back, all at once or in turn.
var restarts = []plot{
	// Everything stops in the midst of a write.
	{
		id:       "power-cut",
		settings: eyes + "; fast off",
		script: elected + `
			put x 1 @S1; until answered; until same logs
			slow-disk S4 100ms
			put x 2 @S1; until log S4 1 1 1 1; until log S2 1 1 1 1; wait 2ms
			beat midst: logs clients
			tear S4; power-cut S1 S2 S3 S5; wait 500ms
			beat dark: cluster clients
			slow-disk S4 1ms
			draw S4 160ms; draw S2 220ms; draw S1 S3 S5 290ms; start S4 S2 S5 S3 S1; until log S4 1 1 1; wait 20ms
			beat remember: logs
			until leader; until same logs
			beat level: logs figure5
			get x @S3; until answered
			beat read: clients
		`,
		ends: "leaders 1; term S1 2; not no x @S1",
		tries: `
			two-only at dark: start S2 S3
		`,
	},
	// The leader hands over before it goes down.
	{
		id:       "rolling-restart",
		settings: eyes + "; fast off",
		script: elected + `
			crash S5; put v 5 @S1; until answered; wait 100ms
			start S5; until same logs
			beat first: cluster figure5
			crash S4; put v 4 @S1; until answered; wait 100ms
			start S4; until same logs
			crash S3; put v 3 @S1; until answered; wait 100ms
			start S3; until same logs
			crash S2; put v 2 @S1; until answered; wait 100ms
			start S2; until same logs
			beat followers: figure5
			transfer S2 @S1; put x 1 @S1; until leader S2; until answered; until same logs
			beat handed-over: figure5 clients
			crash S1; put y 2 @S2; until answered; wait 100ms
			start S1; until same logs
			beat done: figure5
		`,
		ends: "leader S2; term S1 2; y = 2 @S1",
		tries: `
			three at followers: crash S5; crash S4; crash S3; put z 3 @S1
		`,
	},
	// The leader is simply restarted, and everybody waits.
	{
		id: "rolling-restart-plain", of: "rolling-restart",
		settings: eyes + "; fast off",
		script: elected + `
			crash S5; put v 5 @S1; until answered; wait 100ms
			start S5; until same logs
			crash S4; put v 4 @S1; until answered; wait 100ms
			start S4; until same logs
			crash S3; put v 3 @S1; until answered; wait 100ms
			start S3; until same logs
			crash S2; put v 2 @S1; until answered; wait 100ms
			start S2; until same logs
			beat followers: figure5
			crash S1; put x 1 @S2; wait 100ms
			start S1
			beat waits: cluster clients
			until leader
			beat leads: cluster figure5
			until answered; until same logs
			beat done: figure5 clients
		`,
		ends: "leaders 1; not term S1 1; x = 1 @S1",
	},
}
