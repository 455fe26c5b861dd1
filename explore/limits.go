package explore

const (
	// serversMax bounds a scope: beyond four servers nothing is complete.
	serversMax = 4

	// termMax bounds the terms of a scope; votes are remembered in an array.
	termMax = 16

	// budgetMax is the most of one kind that a scope may spend: budgets are
	// packed in nibbles.
	budgetMax = 15

	// batchStates is how many states the workers share out before they meet: the
	// table of what was seen grows only then.
	batchStates = 1 << 16

	// claimStates is how many of them a worker takes at a time.
	claimStates = 256

	// fanoutMax is how many successors are allowed for when the table is grown.
	// It grows earlier than it must for most states, and never too late: a full
	// table ends the search as cut short.
	fanoutMax = 24

	// chunkBits is the logarithm of the chunks that numbered things are kept in.
	chunkBits = 12

	// wakesMax bounds the wake-ups that are due at once after a step.
	wakesMax = 4
)
