package server

import "time"

// Bounds of the client port. A stranger costs at most one slot for one
// handshake; a client at most what stands here.
const (
	// connsMax bounds the open connections of the client port: at about 40 KiB
	// of buffers each, 4,096 of them stay under 256 MiB.
	connsMax = 4096
	// undecidedMax bounds the connections whose first bytes have not arrived.
	// Beyond it the oldest silent one is closed, so that a flood of them never
	// keeps out a client, who speaks within a round trip.
	undecidedMax = 512
	// handshakeMax is how long a connection may take to say what it is, and a
	// gRPC connection to finish its handshake.
	handshakeMax = 10 * time.Second
	// laneQueueMax is how many decided connections may wait for gRPC or
	// net/http to accept them; both do nothing else, so the queue stays short.
	laneQueueMax = 64
	// acceptRetry is the pause after a failed accept (out of descriptors).
	acceptRetry = 20 * time.Millisecond

	// streamsMax bounds the requests in flight on one gRPC connection; further
	// ones wait at the client.
	streamsMax = 1024
	// requestsMax bounds the requests in flight on the whole server; beyond it
	// a request is refused with "too many requests". 4,096 requests of the
	// largest size are 8 GiB, of the usual size a few MiB.
	requestsMax = 4096
	// openStreamsMax bounds the open streams of the whole server apart from them,
	// since a stream may stay open for ever: one for every connection, at two
	// goroutines each.
	openStreamsMax = 4096
	// grpcIdleMax closes a gRPC connection without any request; clients
	// reconnect by themselves.
	grpcIdleMax = 30 * time.Minute
	// grpcPingEvery and grpcPingWait find connections whose other end vanished.
	grpcPingEvery = 60 * time.Second
	grpcPingWait  = 20 * time.Second
	// grpcPingMin is how often a client may ping, as in etcd.
	grpcPingMin = 5 * time.Second
)

// Bounds of one request.
const (
	// requestBytesMax is etcd's default: 1.5 MiB of request.
	requestBytesMax = 1536 << 10
	// receiveOverhead is what gRPC may receive beyond it, as in etcd, so that a
	// request a little too large gets etcd's own error and not gRPC's.
	receiveOverhead = 512 << 10
	// gatewayBytesMax is the same request as JSON: bytes grow by a third in
	// base64, and names and quotes need room.
	gatewayBytesMax = (requestBytesMax+receiveOverhead)*4/3 + 64<<10
	// DefaultRequestTimeout is when a request ends in an error at the latest:
	// 5 s of work and one election, as in etcd.
	DefaultRequestTimeout = 7 * time.Second
	// answerMargin is how long before its caller's deadline a request ends, so
	// that the caller reads our sentence and not his own timeout; a tenth of
	// what is left if that is shorter.
	answerMargin = 100 * time.Millisecond
	// DefaultLeaderWait is how long after the leader went missing a request
	// waits for the next one: a few elections at default timeouts. etcd's
	// clients repeat reads by themselves, writes never.
	DefaultLeaderWait = time.Second
	// changePause is between two tries of a change while the leader is busy with
	// another one: a few round trips and syncs.
	changePause = 20 * time.Millisecond
	// changesMax bounds the changes of one request, learnersMax the learners of
	// a cluster: each is sent the whole log, and a leader serves a few at once.
	changesMax  = 64
	learnersMax = 15
	// relayBytesMax bounds the answer of the leader: 64 members of 4 KiB.
	relayBytesMax = 1 << 20
	// pulseEvery is how often the health service looks for a leader.
	pulseEvery = 100 * time.Millisecond
)

// Bounds of looking at the whole cluster, for people.
const (
	// watchEvery is between two looks at every member: an election takes some
	// 200 ms, and its events carry their own times.
	watchEvery = 200 * time.Millisecond
	// watchReadersMax bounds the pages that look through one member. They share
	// one round of looks, and cost some 10 kB/s each, packed.
	watchReadersMax = 16
	// watchedMax bounds the members that are looked at: all that there can be.
	watchedMax = 64
	// watchNewsMax bounds the events kept of each member for a page that comes late.
	watchNewsMax = 400
	// lookTimeout is when a member that was asked counts as silent.
	lookTimeout = time.Second
	// lookEventsMax bounds the events of one look, at some 300 bytes each;
	// lookBytesMax a look, lookRowsMax the rows of its tables.
	lookEventsMax = 512
	lookBytesMax  = 1 << 20
	lookRowsMax   = 128
	// lookCommandMax is the largest command that is taken apart to show its key;
	// keyShown bounds what is shown of a key in runes, keyBytesShown in bytes.
	lookCommandMax = 64 << 10
	keyShown       = 40
	keyBytesShown  = 4 * keyShown
)

// Bounds of HTTP.
const (
	headerBytesMax  = 16 << 10
	httpHeaderMax   = 10 * time.Second // to send all headers
	httpBodyMax     = 30 * time.Second // to send the body: 2.7 MiB over a slow line
	httpIdleMax     = 60 * time.Second
	httpWriteMax    = 30 * time.Second // of an answer that is not a stream
	httpConnsMax    = 512              // of the http listener; beyond it the newest is closed
	healthTimeout   = 5 * time.Second  // of the read behind /health, as in etcd
	drainMax        = 3 * time.Second  // of Stop without a nearer deadline
	subscribersMax  = 64               // live event streams at a time
	streamPing      = 15 * time.Second // a comment on a silent event stream
	streamWriteMax  = 10 * time.Second // a reader that takes longer is dropped
	journalRing     = 1000             // events kept for readers that come late
	streamBatch     = 128              // events copied from the ring at a time
	memberNameShown = 128              // runes of a name that is shown to people
)
