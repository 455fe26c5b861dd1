package sim

import "veche/raft"

const (
	// nodesMax bounds a world: bit sets of nodes are one word, and a trace names
	// a node in two characters.
	nodesMax = 16

	// tailMax is how many records a world keeps for the report of a failure:
	// enough to see an election and what led to it.
	tailMax = 512

	// heldMax bounds the messages that a story holds back or that wait to be
	// replayed: beyond it the oldest is forgotten, as a network would.
	heldMax = 256

	// rulesMax bounds the rules for messages: each message asks all of them.
	rulesMax = 256

	// turnMax bounds the turns of one node at one moment: a node that wakes
	// itself again and again without time passing is broken. A window of messages
	// that a link has put out of order may well come at one moment, and be refused
	// message by message.
	turnMax = 200_000

	// keysHot is how many keys are written at a time: few, so that clients meet.
	keysHot = 8

	// keyLife is how long one set of keys is written before the next: it keeps
	// the history of a key short enough to be checked exactly.
	keyLife = 10 * raft.Second

	// sparesMax is how many servers a seed may add, one after the other: an id is
	// never used again.
	sparesMax = 7

	// membersMax bounds the members at a time: more would only be slower.
	membersMax = 9

	// armedMax bounds the places that are armed at a time.
	armedMax = 16

	// clientsMax bounds the clients of a world, each with one request at a time.
	clientsMax = 16

	// liveSegmentBytes is the size of a file of the log in a world that is looked at:
	// small, since all of its memory is copied again and again.
	liveSegmentBytes = 16 << 10

	// wireDefault and syncDefault are the hardware of stories.
	wireDefault = raft.Millisecond
	syncDefault = raft.Millisecond / 2
)
