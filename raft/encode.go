package raft

import (
	"encoding/binary"
	"errors"
	"slices"
)

// The bytes of this file travel between servers and lie on disks, so every
// format begins with a version and is read with suspicion:
//
//   - every length is compared with the bytes that follow before anything is
//     allocated, and what is allocated stays below four times the input;
//   - every value has exactly one encoding: what decodes, encodes to the very
//     same bytes (a longer varint than necessary is refused);
//   - bytes left over are refused.
//
// Numbers are varints (Time zigzag), small ones a byte; strings and lists follow
// their length. The heads of entries have a fixed size and stand together before
// the data:
//
//	count | term 8 · length 7, kind 1 | term · length, kind | … | data | data | …
//
// so that one pass checks them all, and one copy takes all the data. Each layout
// is described once, by a method of coder that both writes and reads it.
const (
	messageVersion       = 2
	writeVersion         = 1
	baseVersion          = 1
	configurationVersion = 2
)

// entryHead is the size of an entry's head, little-endian: the term, then
// the length of the data shifted left by 8 with the kind below it. It is a
// third of an Entry in memory, which bounds what a forged count allocates.
const entryHead = 16

// ErrMalformed is what every error of the Decode functions wraps: the bytes are
// not what an Append function of this version makes. The error's text names the
// field.
var ErrMalformed = errors.New("malformed bytes")

// malformedError says which field of what is wrong, and how.
type malformedError struct{ what, field, fault string }

// The ways in which a field is wrong.
const (
	faultShort   = "ends too early"
	faultVarint  = "is not a number of at most 64 bits in its shortest form"
	faultRange   = "is out of range"
	faultLonger  = "is larger than the bytes that follow"
	faultTooBig  = "is larger than its limit"
	faultUnknown = "is not one that this program knows"
	faultOrder   = "are not in increasing order"
)

// Error is one sentence for people.
func (e *malformedError) Error() string {
	return "malformed " + e.what + ": " + e.field + " " + e.fault
}

// Unwrap gives ErrMalformed.
func (e *malformedError) Unwrap() error { return ErrMalformed }

// EncodedSize is how many bytes e adds to a Message or a Write. A list of
// entries adds at most ten more for its count.
func EncodedSize(e *Entry) int { return entryHead + len(e.Data) }

// AppendMessage appends the encoding of m to dst: the envelope and the body that
// m.Kind names. Of Append's entries the indexes are not written, since they
// follow PrevIndex without a gap; of Propose's neither, since they mean nothing.
// It allocates only when dst has no room.
func AppendMessage(dst []byte, m *Message) []byte {
	c := coder{b: dst}
	c.message(m)
	return c.b
}

// DecodeMessage replaces *m by the message that b encodes. b is not kept: the
// data of all entries are copied into one new array. Empty data come back as
// nil. An error wraps ErrMalformed and leaves *m zero.
func DecodeMessage(b []byte, m *Message) error {
	*m = Message{}
	c := coder{b: b, reading: true, copying: true, what: "message"}
	c.message(m)
	if err := c.end(); err != nil {
		*m = Message{}
		return err
	}
	return nil
}

// AppendWrite appends the encoding of w to dst. Hard is written only when
// HardChanged. The entries must follow each other without a gap: only the first
// index is written. It allocates only when dst has no room.
func AppendWrite(dst []byte, w *Write) []byte {
	c := coder{b: dst}
	c.write(w)
	return c.b
}

// DecodeWrite replaces *w by the write that b encodes. The entries' data are
// parts of b, which must not change as long as they are used; copy them to keep
// them longer. Empty data come back as nil. An error wraps ErrMalformed and
// leaves *w zero.
func DecodeWrite(b []byte, w *Write) error {
	*w = Write{}
	c := coder{b: b, reading: true, what: "write"}
	c.write(w)
	if err := c.end(); err != nil {
		*w = Write{}
		return err
	}
	return nil
}

// AppendConfiguration appends the encoding of x to dst: the data of an
// EntryConfig. Equal configurations give equal bytes.
func AppendConfiguration(dst []byte, x *Configuration) []byte {
	c := coder{b: dst}
	c.configuration(x)
	return c.b
}

// DecodeConfiguration replaces *x by the configuration that b encodes, and
// refuses one that no group could work with: at most 64 members, their ids not 0
// and increasing, names and addresses of at most 1024 bytes, each list of ids
// increasing and taken from the members, at least one voter, and no learner
// among the voters. (A voter that is to become a learner is in Outgoing and in
// Learners while the change is under way.) b is not kept. Empty lists come back
// as nil. An error wraps ErrMalformed and leaves *x zero.
func DecodeConfiguration(b []byte, x *Configuration) error {
	*x = Configuration{}
	c := coder{b: b, reading: true, what: "configuration"}
	c.configuration(x)
	if err := c.end(); err != nil {
		*x = Configuration{}
		return err
	}
	return nil
}

func (c *coder) message(m *Message) {
	c.version(messageVersion)
	small(c, &m.Kind, messageKindsBound, "the kind")
	number(c, &m.Group, "the group")
	number(c, &m.From, "the sender")
	number(c, &m.To, "the receiver")
	number(c, &m.Boot, "the boot number")
	number(c, &m.Term, "the term")
	switch m.Kind {
	case KindAppend:
		c.append(&m.Append)
	case KindAppendReply:
		c.appendReply(&m.AppendReply)
	case KindHeartbeat:
		c.heartbeat(&m.Heartbeat)
	case KindHeartbeatRep:
		c.heartbeatReply(&m.HeartbeatRep)
	case KindRequestVote:
		c.requestVote(&m.RequestVote)
	case KindVoteReply:
		c.voteReply(&m.VoteReply)
	case KindTimeoutNow: // the envelope says it all
	case KindReadIndex:
		number(c, &m.ReadIndex.ID, "the read id")
	case KindReadIndexRep:
		c.readIndexReply(&m.ReadIndexRep)
	case KindPropose:
		number(c, &m.Propose.Batch, "the batch number")
		c.entries(&m.Propose.Entries)
	case KindProposeRep:
		c.proposeReply(&m.ProposeRep)
	case KindGreet:
		c.greet(&m.Greet)
	case KindGreetReply:
		c.greetReply(&m.GreetReply)
	case KindInstallSnapshot:
		c.install(&m.Install)
	case KindSnapshotFetch:
		if c.reading || m.Fetch == nil {
			m.Fetch = new(SnapshotFetch)
		}
		c.snapshotFetch(m.Fetch)
	case KindSnapshotChunk:
		if c.reading || m.Chunk == nil {
			m.Chunk = new(SnapshotChunk)
		}
		c.snapshotChunk(m.Chunk)
	default:
		c.fail("the kind", faultUnknown)
	}
}

func (c *coder) requestVote(v *RequestVote) {
	number(c, &v.Campaign, "the campaign")
	number(c, &v.LastIndex, "the last index")
	number(c, &v.LastTerm, "the last term")
	c.bool(&v.Pre, "the pre-vote mark")
	c.bool(&v.Transfer, "the transfer mark")
}

func (c *coder) voteReply(v *VoteReply) {
	number(c, &v.Campaign, "the campaign")
	c.bool(&v.Pre, "the pre-vote mark")
	c.bool(&v.Granted, "the granted mark")
	small(c, &v.Reason, reasonsBound, "the reason")
}

func (c *coder) append(v *Append) {
	number(c, &v.Session, "the session")
	number(c, &v.Round, "the round")
	c.time(&v.Sent, "the sending time")
	number(c, &v.PrevIndex, "the previous index")
	number(c, &v.PrevTerm, "the previous term")
	number(c, &v.Commit, "the commit index")
	number(c, &v.Cut, "the cut index")
	c.entries(&v.Entries)
	c.place(v.Entries, v.PrevIndex+1, "the previous index")
}

func (c *coder) appendReply(v *AppendReply) {
	number(c, &v.Session, "the session")
	number(c, &v.Round, "the round")
	c.time(&v.Sent, "the sending time")
	c.bool(&v.Rejected, "the rejected mark")
	small(c, &v.Reason, reasonsBound, "the reason")
	number(c, &v.PrevIndex, "the previous index")
	number(c, &v.HintIndex, "the hint's index")
	number(c, &v.HintTerm, "the hint's term")
	number(c, &v.Match, "the match index")
	c.duration(&v.Promise, "the promise")
	c.bool(&v.Uncounted, "the uncounted mark")
}

func (c *coder) heartbeat(v *Heartbeat) {
	number(c, &v.Session, "the session")
	number(c, &v.Round, "the round")
	c.time(&v.Sent, "the sending time")
	number(c, &v.Commit, "the commit index")
	number(c, &v.Cut, "the cut index")
	c.duration(&v.ElectionMin, "the election timeout")
}

func (c *coder) heartbeatReply(v *HeartbeatReply) {
	number(c, &v.Session, "the session")
	number(c, &v.Round, "the round")
	c.time(&v.Sent, "the sending time")
	number(c, &v.Received, "the received index")
	c.duration(&v.Promise, "the promise")
	c.bool(&v.Uncounted, "the uncounted mark")
}

func (c *coder) install(v *InstallSnapshot) {
	number(c, &v.Session, "the session")
	number(c, &v.Round, "the round")
	c.time(&v.Sent, "the sending time")
	number(c, &v.Index, "the snapshot's index")
	number(c, &v.LastTerm, "the snapshot's term")
}

func (c *coder) snapshotFetch(v *SnapshotFetch) {
	number(c, &v.Index, "the snapshot's index")
	number(c, &v.Term, "the snapshot's term")
	number(c, &v.Offset, "the offset")
	number32(c, &v.Length, "the length")
}

func (c *coder) snapshotChunk(v *SnapshotChunk) {
	number(c, &v.Index, "the snapshot's index")
	number(c, &v.Term, "the snapshot's term")
	number(c, &v.Offset, "the offset")
	number(c, &v.Total, "the total size")
	c.bool(&v.Gone, "the gone mark")
	number32(c, &v.Sum, "the checksum")
	c.bytes(&v.Data, chunkMax, "the data")
}

func (c *coder) readIndexReply(v *ReadIndexReply) {
	number(c, &v.ID, "the read id")
	number(c, &v.Index, "the read index")
	small(c, &v.Reason, reasonsBound, "the reason")
}

func (c *coder) proposeReply(v *ProposeReply) {
	number(c, &v.Batch, "the batch number")
	small(c, &v.Reason, reasonsBound, "the reason")
	number(c, &v.Leader, "the leader")
}

func (c *coder) greet(v *Greet) {
	number(c, &v.Incarnation, "the incarnation")
	small(c, &v.Standing, standingsBound, "the standing")
	c.bool(&v.Empty, "the empty mark")
	c.string(&v.ClientAddr, "the client address")
	small(c, &v.Level, 255, "the feature level")
	c.duration(&v.ElectionMin, "the election timeout")
	c.duration(&v.ElectionMax, "the largest election timeout")
	c.duration(&v.Heartbeat, "the heartbeat")
}

func (c *coder) greetReply(v *GreetReply) {
	number(c, &v.For, "the greeter's incarnation")
	number(c, &v.Incarnation, "the incarnation")
	small(c, &v.Standing, standingsBound, "the standing")
	c.bool(&v.Empty, "the empty mark")
	c.bool(&v.Admitted, "the admitted mark")
	number(c, &v.Recorded, "the recorded incarnation")
	c.bool(&v.Removed, "the removed mark")
	number(c, &v.Barrier, "the barrier")
	number(c, &v.ForBoot, "the greeter's boot number")
}

// writeParts says which parts a Write has, one bit each.
type writeParts uint8

const (
	writeHard       writeParts = 1 << 0
	writeSnapshot   writeParts = 1 << 1
	writeCut        writeParts = 1 << 2
	writePartsBound writeParts = 1 << 3
)

func (c *coder) write(w *Write) {
	c.version(writeVersion)
	var parts writeParts // writing; reading fills it in
	if w.HardChanged {
		parts |= writeHard
	}
	if w.Snapshot != nil {
		parts |= writeSnapshot
	}
	if w.Cut != nil {
		parts |= writeCut
	}
	small(c, &parts, writePartsBound, "the list of parts")
	number(c, &w.Seq, "the sequence number")
	if parts&writeHard != 0 {
		c.hard(w)
	}
	if parts&writeSnapshot != 0 {
		c.newBase(&w.Snapshot)
	}
	if parts&writeCut != 0 {
		c.newBase(&w.Cut)
	}
	var first Index
	if len(w.Entries) > 0 {
		first = w.Entries[0].Index
	}
	number(c, &first, "the first index")
	c.entries(&w.Entries)
	if len(w.Entries) == 0 && first != 0 {
		c.fail("the first index", "is that of no entry")
	}
	c.place(w.Entries, first, "the first index")
}

func (c *coder) hard(w *Write) {
	if c.reading {
		w.HardChanged = true
	}
	number(c, &w.Hard.Term, "the term")
	number(c, &w.Hard.Vote, "the vote")
	small(c, &w.Hard.Standing, standingsBound, "the standing")
}

// newBase codes a base that is there.
func (c *coder) newBase(p **Base) {
	if c.reading {
		*p = new(Base)
	}
	c.base(*p)
}

func (c *coder) base(x *Base) {
	c.version(baseVersion)
	number(c, &x.Index, "the base's index")
	number(c, &x.Term, "the base's term")
	v := &x.Config
	known := v.AutoLeave || len(v.Members)+len(v.Voters)+len(v.Outgoing)+len(v.Learners)+len(v.Removed) > 0
	c.bool(&known, "the configuration mark")
	if known {
		c.configuration(v)
	}
}

func (c *coder) configuration(x *Configuration) {
	c.version(configurationVersion)
	c.bool(&x.AutoLeave, "the automatic-leave mark")
	n := c.count(len(x.Members), "the number of members")
	if c.reading {
		x.Members = make([]Member, n)
	}
	for i := range x.Members {
		m := &x.Members[i]
		number(c, &m.ID, "a member's id")
		number(c, &m.Incarnation, "a member's incarnation")
		c.string(&m.Name, "a member's name")
		c.string(&m.PeerAddr, "a member's peer address")
		c.string(&m.ClientAddr, "a member's client address")
		small(c, &m.Priority, 255, "a member's priority")
		small(c, &m.Level, 255, "a member's feature level")
	}
	c.ids(&x.Voters, "the voters")
	c.ids(&x.Outgoing, "the outgoing voters")
	c.ids(&x.Learners, "the learners")
	c.ids(&x.Removed, "the removed members")
	if c.reading && c.fault == "" {
		c.check(x)
	}
}

func (c *coder) ids(p *[]NodeID, field string) {
	n := c.count(len(*p), field)
	if c.reading && n > 0 {
		*p = make([]NodeID, n)
	}
	for i := range *p {
		number(c, &(*p)[i], field)
	}
}

// check refuses a configuration that was read but that no group could work with.
func (c *coder) check(x *Configuration) {
	members := make([]NodeID, len(x.Members))
	for i := range x.Members {
		members[i] = x.Members[i].ID
	}
	switch {
	case !increasing(members):
		c.fail("the members' ids", faultOrder)
	case !increasing(x.Voters):
		c.fail("the voters", faultOrder)
	case !increasing(x.Outgoing):
		c.fail("the outgoing voters", faultOrder)
	case !increasing(x.Learners):
		c.fail("the learners", faultOrder)
	case len(x.Voters) == 0:
		c.fail("the list of voters", "is empty")
	case shared(x.Voters, members) < len(x.Voters),
		shared(x.Outgoing, members) < len(x.Outgoing),
		shared(x.Learners, members) < len(x.Learners):
		c.fail("a voter or learner", "is not among the members")
	case !neverMembers(x.Removed, members):
		c.fail("a removed member", "is 0, listed twice, or still a member")
	case shared(x.Learners, x.Voters) > 0:
		c.fail("a learner", "is also a voter")
	}
}

// neverMembers says whether the ids differ from each other and from the members'.
func neverMembers(ids, members []NodeID) bool {
	for k, id := range ids {
		if id == 0 || contains(members, id) || slices.Contains(ids[:k], id) {
			return false
		}
	}
	return true
}

// increasing says whether the ids grow from one to the next, above 0.
func increasing(ids []NodeID) bool {
	var last NodeID
	for _, id := range ids {
		if id <= last {
			return false
		}
		last = id
	}
	return true
}

// shared counts the ids that two increasing lists have in common.
func shared(a, b []NodeID) int {
	n := 0
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			n, a, b = n+1, a[1:], b[1:]
		}
	}
	return n
}

// coder writes values to the end of b, or, when reading, takes them from the
// front of b. The first fault stays, and empties b: what is read after it is
// zero, so that callers ask once, at the end. Writing has no faults.
type coder struct {
	b       []byte
	reading bool
	copying bool   // reading: the data of entries into an array of their own
	what    string // is being read
	field   string // at fault
	fault   string // empty: none so far
}

func (c *coder) fail(field, fault string) {
	if !c.reading {
		return // the reader will find it
	}
	if c.fault == "" {
		c.field, c.fault = field, fault
	}
	c.b = nil
}

// end says what went wrong, if anything did. Bytes left over are wrong.
func (c *coder) end() error {
	if len(c.b) > 0 {
		c.fail("the end", "is followed by more bytes")
	}
	if c.fault == "" {
		return nil
	}
	return &malformedError{c.what, c.field, c.fault}
}

func (c *coder) version(v uint8) {
	x := v
	small(c, &x, 255, "the version")
	if x != v {
		c.fail("the version", faultUnknown)
	}
}

// small codes a value below bound as one byte.
func small[T ~uint8](c *coder, p *T, bound T, field string) {
	if !c.reading {
		c.b = append(c.b, byte(*p))
		return
	}
	if len(c.b) == 0 {
		c.fail(field, faultShort)
		return
	}
	x := T(c.b[0])
	if x >= bound {
		c.fail(field, faultRange)
		return
	}
	*p, c.b = x, c.b[1:]
}

func (c *coder) bool(p *bool, field string) {
	var x uint8
	if *p {
		x = 1
	}
	small(c, &x, 2, field)
	if c.reading { // a value being written may be shared
		*p = x == 1
	}
}

// number codes a varint.
func number[T ~uint64](c *coder, p *T, field string) {
	if !c.reading {
		c.b = binary.AppendUvarint(c.b, uint64(*p))
		return
	}
	*p = T(c.uvarint(field))
}

func (c *coder) uvarint(field string) uint64 {
	x, n := binary.Uvarint(c.b)
	switch {
	case n == 0:
		c.fail(field, faultShort)
		return 0
	case n < 0 || n > 1 && c.b[n-1] == 0: // a last byte of 0 adds nothing
		c.fail(field, faultVarint)
		return 0
	}
	c.b = c.b[n:]
	return x
}

// time codes a zigzag varint.
func (c *coder) time(p *Time, field string) {
	x := uint64(*p)<<1 ^ uint64(*p>>63)
	number(c, &x, field)
	if c.reading {
		*p = Time(x>>1) ^ -Time(x&1)
	}
}

// duration codes a Duration that is not negative.
func (c *coder) duration(p *Duration, field string) {
	x := uint64(*p)
	number(c, &x, field)
	switch {
	case !c.reading:
	case x > uint64(durationMax):
		c.fail(field, faultTooBig)
	default:
		*p = Duration(x)
	}
}

// number32 codes a varint of at most 32 bits.
func number32(c *coder, p *uint32, field string) {
	x := uint64(*p)
	number(c, &x, field)
	switch {
	case !c.reading:
	case x > 1<<32-1:
		c.fail(field, faultTooBig)
	default:
		*p = uint32(x)
	}
}

// bytes codes data behind its length. What is read is copied.
func (c *coder) bytes(p *[]byte, max uint64, field string) {
	n := uint64(len(*p))
	number(c, &n, field)
	switch {
	case !c.reading:
		c.b = append(c.b, *p...)
	case n > max:
		c.fail(field, faultTooBig)
	case n > uint64(len(c.b)):
		c.fail(field, faultShort)
	case n > 0:
		*p, c.b = append([]byte(nil), c.b[:n]...), c.b[n:]
	}
}

func (c *coder) string(p *string, field string) {
	n := uint64(len(*p))
	number(c, &n, field)
	switch {
	case !c.reading:
		c.b = append(c.b, *p...)
	case n > textMax:
		c.fail(field, faultTooBig)
	case n > uint64(len(c.b)):
		c.fail(field, faultShort)
	default:
		*p, c.b = string(c.b[:n]), c.b[n:]
	}
}

// count codes the length of a list in a configuration, and gives it.
func (c *coder) count(length int, field string) int {
	n := uint64(length)
	number(c, &n, field)
	switch {
	case !c.reading:
	case n > membersMax:
		c.fail(field, faultTooBig)
		return 0
	case n > uint64(len(c.b)): // each takes a byte at least
		c.fail(field, faultLonger)
		return 0
	}
	return int(n)
}

// entries codes entries without their indexes; see place.
func (c *coder) entries(p *[]Entry) {
	if c.reading {
		*p = c.readEntries()
		return
	}
	c.b = binary.AppendUvarint(c.b, uint64(len(*p)))
	size := 0
	for i := range *p {
		size += EncodedSize(&(*p)[i])
	}
	if cap(c.b)-len(c.b) < size { // grow once, not entry by entry
		c.b = append(c.b, make([]byte, size)...)[:len(c.b)]
	}
	for i := range *p {
		x := &(*p)[i]
		c.b = binary.LittleEndian.AppendUint64(c.b, uint64(x.Term))
		c.b = binary.LittleEndian.AppendUint64(c.b, uint64(len(x.Data))<<8|uint64(x.Kind))
	}
	for i := range *p {
		c.b = append(c.b, (*p)[i].Data...)
	}
}

// readEntries checks all heads before it allocates anything: the entries, and,
// when copying, one array for all their data.
func (c *coder) readEntries() []Entry {
	n := c.uvarint("the entry count")
	if n > uint64(len(c.b))/entryHead {
		c.fail("the entry count", faultLonger)
	}
	if n == 0 || c.fault != "" {
		return nil
	}
	heads, data := c.b[:n*entryHead], c.b[n*entryHead:]
	total := uint64(0)
	for h := heads; len(h) > 0; h = h[entryHead:] {
		lengthKind := binary.LittleEndian.Uint64(h[8:])
		if k := EntryKind(lengthKind); k < EntryCommand || k > EntryConfig {
			c.fail("the kind of an entry", faultUnknown)
			return nil
		}
		total += lengthKind >> 8
		if total > uint64(len(data)) { // checked each time, so it never wraps
			c.fail("the length of an entry", faultLonger)
			return nil
		}
	}
	c.b = data[total:]
	data = data[:total]
	if c.copying && total > 0 {
		data = append(make([]byte, 0, total), data...)
	}
	entries := make([]Entry, n)
	for i := range entries {
		x, h := &entries[i], heads[i*entryHead:]
		lengthKind := binary.LittleEndian.Uint64(h[8:])
		x.Term = Term(binary.LittleEndian.Uint64(h))
		x.Kind = EntryKind(lengthKind)
		if size := lengthKind >> 8; size > 0 {
			x.Data = data[:size:size] // an append to it must not reach the next
			data = data[size:]
		}
	}
	return entries
}

// place gives the entries that were read their indexes, from first on, which
// the field determines.
func (c *coder) place(entries []Entry, first Index, field string) {
	if !c.reading || len(entries) == 0 {
		return
	}
	if last := first + Index(len(entries)-1); first == 0 || last < first {
		c.fail(field, faultRange)
		return
	}
	for i := range entries {
		entries[i].Index = first + Index(i)
	}
}
