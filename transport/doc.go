// Package transport carries messages between hosts: TCP connections that open
// with a hello and go on with frames.
//
// Every node dials every other, with one connection for each lane, and hears the
// connections of the others; frames go one way, from the one who dialed. So
// there are two connections for each lane between two nodes, a vote or a
// heartbeat never waits behind entries, and either side can lose and remake
// its own half alone. Order is kept within a lane, and nothing is promised
// across lanes. Any message may be lost: Raft repairs.
//
//	dialer                                     acceptor
//	  hello: cluster, from, to, boot, lane …  →
//	                                          ←  hello, or a refusal and a sentence
//	  frame: length, CRC-32C, messages        →
//	  frame                                   →
//	  (a read is pending)                        (a read is pending)
//
// Since both ends of every connection are being read, the death of a process
// is seen as soon as the kernel closes its sockets. PeerDown is called by the
// goroutine that saw the last connection with one boot of one peer end, with
// no other in between; fast detection of a dead leader is built on it. Ends of
// this node's own making count as well: a write that timed out, malformed
// bytes, an address that SetPeer changed, a connection replaced by a newer one
// of the same lane. Then the peer's process may be alive; but a replacement is
// counted before what it replaces is closed, and while the process lives its
// other connections are open, so PeerDown then needs all of them to fail. A
// connection whose hello was not complete is never counted. A path that is cut
// in silence closes nothing, and is for timeouts to notice.
//
// A stranger from another cluster, or one that asks for another member, is
// refused before any of its payload is decoded. A member id that SetPeer did
// not name is heard, since it may be legitimate in a newer configuration; it
// is answered at the address in its hello.
//
// What it must never do: block in Send, deliver a message under another
// sender's name, panic or allocate without bound for bytes from the wire, or
// hold a lock during a callback.
//
// Goroutines start in accept.go (one that accepts, one for each connection of
// others), lane.go (one that watches each connection of ours) and transport.go
// (one for each lane of each peer); Close waits for all of them. TLS will come
// through Config.Listener and Config.Dial, and changes nothing here.
//
// Where to start reading: transport.go (what there is), lane.go (sending),
// accept.go (receiving), presence.go (who is there), then hello.go and frame.go
// for the bytes.
package transport
