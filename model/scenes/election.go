package scenes

// election is what elections suffer from.
var election = []plot{
	// Two stand at the same moment, each nearer to another voter, and get two of four
	// votes.
	{
		id:       "split-vote",
		settings: eyes,
		script: `
			draw S1 S2 160ms; draw S3 S4 290ms; start S1 S2 S3 S4; slow-link 20ms S1>S4 S2>S3
			until role S1 pre-candidate; until role S2 pre-candidate
			beat both-ask: cluster
			until role S1 candidate; until role S2 candidate
			beat both-stand: cluster
			until term S3 1; until term S4 1; wait 16ms
			beat two-each: cluster figure5
			until leader
			beat decided: cluster figure5
		`,
		ends: "leaders 1; not term S1 1",
	},
	// All draw nearly the same timeout, and votes split again and again.
	{
		id: "split-vote-narrow", of: "split-vote",
		settings: "election 150ms 151ms; heartbeat 50ms; wire 10ms 15ms; fast off; seed 2",
		script: `
			start; until role S1 candidate
			beat all-stand: cluster
			until not term S1 1
			beat again: figure5
			until leader; until same logs
			beat decided: figure5
		`,
		ends: "leaders 1",
	},
	// A server was away for long, and is welcome.
	{
		id:       "disruptive-return",
		settings: eyes,
		script: elected + `
			at 200ms; draw S5 160ms; split {S1 S2 S3 S4}|{S5}
			beat alone: cluster
			put x 1 @S1; until answered; until role S5 pre-candidate
			beat asks: cluster figure4
			at 2500ms
			beat long: figure5
			heal; until same logs; until x = 1 @S5
			beat returned: logs figure5
		`,
		ends: "leader S1; term S1 1; term S5 1",
	},
	// The same without PreVote.
	{
		id: "disruptive-return-no-prevote", of: "disruptive-return",
		settings: eyes,
		without:  "prevote",
		script: elected + `
			at 200ms; draw S5 160ms; split {S1 S2 S3 S4}|{S5}; put x 1 @S1; until answered
			until role S5 candidate
			beat stands: cluster figure4
			at 2500ms
			beat climbed: figure5
			heal; until not leader S1
			beat deposed: cluster figure5
			until leader; until same logs; until x = 1 @S5
			beat again: figure5
		`,
		ends: "leaders 1; not leader S5; not term S1 1",
	},
	// Without PreVote and without CheckQuorum, as in the paper.
	{
		id: "disruptive-return-neither", of: "disruptive-return",
		settings: eyes,
		without:  "prevote checkquorum",
		script: elected + `
			at 200ms; draw S5 160ms; split {S1 S2 S3 S4}|{S5}; put x 1 @S1; until answered
			until role S5 candidate
			beat stands: cluster figure4
			at 2500ms
			beat climbed: figure5
			heal; until not leader S1
			beat deposed: cluster figure5
			until leader; until same logs; until x = 1 @S5
			beat again: figure5
		`,
		ends: "leaders 1; not leader S5; not term S1 1",
	},
	// The three of them at one time.
	{
		id: "disruptive-return-beside", of: "disruptive-return",
		settings: eyes,
		script: elected + `
			at 200ms; draw S5 160ms; split {S1 S2 S3 S4}|{S5}
			beat alone: cluster
			put x 1 @S1; until answered; at 600ms
			beat asks: cluster
			at 2500ms
			beat long: cluster
			heal; at 2600ms
			beat told: cluster
			until same logs; at 3300ms
			beat end: cluster
		`,
		ends:   "leader S1; term S1 1; term S5 1",
		beside: "disruptive-return disruptive-return-no-prevote disruptive-return-neither",
	},
	// The leader hears nobody, and notices.
	{
		id:       "deaf-leader",
		settings: eyes,
		script: elected + `
			at 200ms; draw S3 160ms; draw S2 S4 S5 280ms; cut *>S1; put x 1 @S1
			beat deaf: cluster
			until log S5 1 1 1
			beat unheard: logs cluster
			until role S1 follower
			beat steps-down: cluster figure4
			until leader; until x = 1 @S3; at 800ms; put y 2 @S3 by C2; at 1200ms
			beat other: logs figure5
			heal; until answered
			beat healed: clients figure5
		`,
		ends: "not leader S1; leaders 1; x = 1 @S1",
	},
	// The same without PreVote.
	{
		id: "deaf-leader-no-prevote", of: "deaf-leader",
		settings: eyes,
		without:  "prevote",
		script: elected + `
			at 200ms; cut *>S1; put x 1 @S1; until log S5 1 1 1
			beat unheard: logs cluster
			until role S1 follower
			beat steps-down: cluster figure4
			until leader; until commit 4; at 800ms; put y 2 @S3 by C2; at 1200ms
			beat other: figure5 logs
			heal; until answered; until leader; until same logs
			beat healed: figure5
		`,
		ends: "leaders 1; x = 1 @S1",
	},
	// The same without CheckQuorum.
	{
		id: "deaf-leader-no-checkquorum", of: "deaf-leader",
		settings: eyes,
		without:  "checkquorum",
		script: elected + `
			at 200ms; cut *>S1; put x 1 @S1; until log S5 1 1 1
			beat unheard: logs cluster
			at 800ms; put y 2 @S3 by C2; at 2200ms
			beat for-ever: figure5 clients
		`,
		ends: "leader S1; leaders 1; waiting; not commit 3",
	},
	// Without PreVote and without CheckQuorum, as in the paper.
	{
		id: "deaf-leader-neither", of: "deaf-leader",
		settings: eyes,
		without:  "prevote checkquorum",
		script: elected + `
			at 200ms; cut *>S1; put x 1 @S1; until log S5 1 1 1
			beat unheard: logs cluster
			at 800ms; put y 2 @S3 by C2; at 2200ms
			beat for-ever: figure5 clients
		`,
		ends: "leader S1; leaders 1; waiting; not commit 3",
	},
	// With both rules, with either, and with none, at one time.
	{
		id: "deaf-leader-beside", of: "deaf-leader",
		settings: eyes,
		script: elected + `
			at 200ms; draw S3 160ms; draw S2 S4 S5 280ms; cut *>S1; put x 1 @S1
			beat deaf: cluster
			at 700ms
			beat steps-down: cluster
			at 800ms; put y 2 @S3 by C2; at 1150ms
			beat other: cluster clients
		`,
		ends:   "not leader S1; leaders 1; outcome C2 done",
		beside: "deaf-leader deaf-leader-no-prevote deaf-leader-no-checkquorum deaf-leader-neither",
	},
	// Nobody hears the leader, though it hears all.
	{
		id: "mute-leader", of: "deaf-leader",
		settings: eyes,
		script: elected + `
			draw S3 160ms; draw S2 S4 S5 280ms; cut S1>*; put x 1 @S1
			beat mute: cluster
			until role S3 candidate
			beat candidate: cluster
			until role S1 follower
			beat told: cluster figure4
			until leader S3; until commit 3
			beat leader: logs figure5
			heal; until answered; until same logs
			beat healed: clients logs
		`,
		ends: "leader S3; leaders 1; x = 1 @S1",
	},
}
