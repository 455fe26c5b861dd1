package main

import "time"

const (
	maxNameBytes       = 64               // fits a table's column and a metric's label
	maxTokenBytes      = 256              // only told apart, never shown
	maxConfigBytes     = 1 << 20          // a configuration is a page, not a database
	maxOriginBytes     = 1 << 20          // 64 members of some kilobytes
	maxMembers         = 15               // more voters only make every write slower
	maxByteSize        = 1 << 50          // leaves room for sums of sizes in an int64
	maxElectionTimeout = time.Minute      // a typing error, not a wish
	maxDrift           = 200_000          // parts per million: what raft takes
	defaultDrift       = 5_000            // ten times what a crystal drifts
	minHeartbeat       = time.Millisecond // a round trip of a local network, and thousands of wake-ups a second
)

// Times of a server that joins.
const (
	joinMax     = 30 * time.Second       // dozens of elections; then the cluster is not there
	joinPause   = 300 * time.Millisecond // an election
	settlePause = 250 * time.Millisecond // nobody waits for a promotion to the millisecond
)

// Of veche model: a browser asks for some dozens of small files.
const (
	modelHeaderMax   = 5 * time.Second
	modelWriteMax    = time.Minute // 2 MB over a slow network
	modelIdleMax     = time.Minute
	modelHeaderBytes = 16 << 10
)

// Of veche recover.
const (
	theGroup    = 1  // a server of this program runs one group
	removedKept = 64 // ids that a configuration remembers
)

// Times of veche member while it waits for a newcomer.
const (
	memberPause = 200 * time.Millisecond // between two looks: a screen seems alive
	rateEvery   = 500 * time.Millisecond // a rate over less is noise
	plainEvery  = 2 * time.Second        // between two lines where there is no screen
)

// How a process that may open only few files parts them: the log must always get
// one more, or the server has to stop.
const (
	ownFiles  = 160  // log, snapshots, listeners, outgoing connections to 15 members
	fewFiles  = 5600 // from here on every room has its own bound
	leastOpen = 320  // below it nobody could be served
)

// Bounds of the network between the demo's servers.
const (
	maxProxyConns    = 4096                  // two a pair and lane, with room for redials during a cut
	proxyBuffer      = 64 << 10              // one read of a busy link
	proxyHelloMax    = 5 * time.Second       // a server says hello at once
	proxyDialMax     = 5 * time.Second       // on loopback: at once or never
	proxyAcceptRetry = 10 * time.Millisecond // when file descriptors ran out
)

// Bounds of the demo's dashboard.
const (
	pageReadMax   = 10 * time.Second      // of a request, on loopback
	pageFaultMax  = 20 * time.Second      // a fault tells what came of it: several elections
	maxFaultBytes = 4 << 10               // nine names
	slowedBy      = 50 * time.Millisecond // a follower far away; below every election timeout
)

// Bounds of the demo and the benchmarks.
const (
	maxDemoNodes      = 9                      // one key each
	demoToken         = "demo"                 // keeps the demo apart from a real cluster on the machine
	demoPortMin       = 20000                  // below what the kernel hands to outgoing connections
	demoPortMax       = 32000                  //
	stopMax           = 10 * time.Second       // a server drains in at most 5
	sampleMax         = 300 * time.Millisecond // loopback answers in one
	sampleEvery       = 20 * time.Millisecond  // fine beside an election, light beside 500 writes a second
	writeEvery        = 3 * time.Millisecond   // how finely leaderless time is seen
	writeMax          = 2 * time.Second        // of one write, several elections
	maxInflightWrites = 512                    // 1.5 s of writes that wait for a leader
	readPage          = 1000                   // keys
	maxReadBytes      = 64 << 20               // one page of large values
	redialMin         = 5 * time.Millisecond   // a server that was killed is back soon
	redialMax         = 50 * time.Millisecond
)

// maxHealthyLag is how many committed entries a healthy member may have left to
// apply: what is under way at 50,000 writes a second over 20 ms.
const maxHealthyLag = 1000

// maxStatusBytes bounds the answer of a member that is asked how it stands.
const maxStatusBytes = 1 << 20

// Bounds of the demo's screen.
const (
	screenEvery      = 100 * time.Millisecond // ten looks a second seem continuous
	maxScreenEvents  = 500                    // more than any screen shows
	repeatWindow     = 20                     // an event said again within so many is counted, not listed
	maxScreenActions = 4                      // keys that wait for their action
	headlineRows     = 2                      // a sentence fits 160 characters
	quietWriter      = 500 * time.Millisecond // without an acknowledgement: shown as quiet
)

// peerHeardMax is how long ago a leader may have heard a member that it "sees":
// many heartbeats.
const peerHeardMax = time.Second

// Times of the script. Six situations take some 20 s.
const (
	situationMax   = 20 * time.Second        // dozens of elections; then it has failed
	lookAtFault    = 1500 * time.Millisecond // five times the longest election timeout
	restBetween    = 500 * time.Millisecond
	pauseMax       = 500 * time.Millisecond // the term tells whether there was an election; this is for stalls, on a busy machine too
	refereeEvery   = 50 * time.Millisecond
	loneWriteMax   = time.Second // of a write that must not be acknowledged
	loneWriteEvery = 20 * time.Millisecond
)

// Times of the interactive demo.
const (
	liveWriteEvery  = 5 * time.Millisecond // finer than an eye sees; leaves the machine idle
	liveVerifyEvery = 3 * time.Second
	liveElectionMax = 3 * time.Second // then there is no majority
	maxEventBytes   = 64 << 10        // one sentence and its fields
	burnMax         = 2 * time.Hour   // a burner that outlives its bench must end by itself
)

// Bounds of the benchmarks.
const (
	maxKills            = 10_000
	stableSampleEvery   = 200 * time.Millisecond // a change of term is never undone, so none is missed
	stallEvery          = 5 * time.Millisecond   // far below a heartbeat
	stallShown          = 100 * time.Millisecond // late enough to cost an election
	stableProgressEvery = 10 * time.Second
	snapshotFillers     = 8                // enough that the disk, and not a round trip, is the bound
	snapshotStepMax     = 30 * time.Minute // for one question: a fill on a slow disk
	snapshotLookEvery   = 50 * time.Millisecond
	snapshotSampleEvery = time.Second // a collection of a full heap takes half a second of two processors
	snapshotWriteEvery  = 20 * time.Millisecond
)
