package raft

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// sample is one message of each kind, with the bytes it must have for ever: the
// members of a running cluster speak this format.
type sample struct {
	name  string
	m     Message
	bytes string
}

func samples() []sample {
	kind := func(k MessageKind) Message {
		return Message{Group: 1, Kind: k, From: 2, To: 300, Boot: 7, Term: 129}
	}
	var list []sample
	add := func(name string, k MessageKind, fill func(m *Message), bytes string) {
		m := kind(k)
		fill(&m)
		list = append(list, sample{name, m, bytes})
	}
	add("request vote", KindRequestVote, func(m *Message) {
		m.RequestVote = RequestVote{Campaign: 5, LastIndex: 1000, LastTerm: 128, Pre: true}
	}, "02010102ac0207810105e80780010100")
	add("vote reply", KindVoteReply, func(m *Message) {
		m.VoteReply = VoteReply{Campaign: 5, Pre: true, Reason: ReasonLeaderAlive}
	}, "02020102ac0207810105010004")
	add("append", KindAppend, func(m *Message) {
		m.Append = Append{
			Session: 3, Round: 9, Sent: -2, PrevIndex: 1000, PrevTerm: 128, Commit: 999, Cut: 4,
			Entries: []Entry{
				{Index: 1001, Term: 129, Kind: EntryNoop},
				{Index: 1002, Term: 129, Kind: EntryCommand, Data: []byte("veche")},
				{Index: 1003, Term: 1 << 63, Kind: EntryConfig, Data: []byte{0}},
			},
		}
	}, "02030102ac02078101030903e8078001e7070403810000000000000002000000000000008100000000000000010500000000000000000000000000800301000000000000766563686500")
	add("append reply", KindAppendReply, func(m *Message) {
		m.AppendReply = AppendReply{
			Session: 3, Round: 9, Sent: 64, Rejected: true, Reason: ReasonConflict,
			PrevIndex: 1000, HintIndex: 990, HintTerm: 127, Match: 1, Promise: 150, Uncounted: true,
		}
	}, "02040102ac02078101030980010107e807de077f01960101")
	add("heartbeat", KindHeartbeat, func(m *Message) {
		m.Heartbeat = Heartbeat{Session: 3, Round: 10, Sent: Never, Commit: 1003, Cut: 4, ElectionMin: 20}
	}, "02050102ac02078101030afeffffffffffffffff01eb070414")
	add("heartbeat reply", KindHeartbeatRep, func(m *Message) {
		m.HeartbeatRep = HeartbeatReply{Session: 3, Round: 10, Sent: 1, Received: 1003, Promise: 150, Uncounted: true}
	}, "02060102ac02078101030a02eb07960101")
	add("timeout now", KindTimeoutNow, func(*Message) {}, "02070102ac02078101")
	add("read index", KindReadIndex, func(m *Message) { m.ReadIndex.ID = 77 }, "02080102ac020781014d")
	add("read index reply", KindReadIndexRep, func(m *Message) {
		m.ReadIndexRep = ReadIndexReply{ID: 77, Index: 1003, Reason: ReasonNoLeader}
	}, "02090102ac020781014deb0709")
	add("propose", KindPropose, func(m *Message) {
		m.Propose = Propose{Batch: 6, Entries: []Entry{
			{Kind: EntryCommand, Data: []byte("put")},
			{Kind: EntryCommand, Data: []byte("del")},
		}}
	}, "020a0102ac020781010602000000000000000001030000000000000000000000000000010300000000000070757464656c")
	add("propose reply", KindProposeRep, func(m *Message) {
		m.ProposeRep = ProposeReply{Batch: 6, Reason: ReasonOverloaded, Leader: 3}
	}, "020b0102ac02078101060a03")
	add("greet", KindGreet, func(m *Message) {
		m.Greet = Greet{Incarnation: math.MaxUint64, Standing: Damaged, Empty: true, ClientAddr: "h:1", Level: 2,
			ElectionMin: 150, ElectionMax: 300, Heartbeat: 50}
	}, "020c0102ac02078101ffffffffffffffffff01020103683a31029601ac0232")
	add("greet reply", KindGreetReply, func(m *Message) {
		m.GreetReply = GreetReply{For: 10, Incarnation: 11, Standing: Admitted, Admitted: true, Recorded: 12,
			Removed: true, Barrier: 1003, ForBoot: 7}
	}, "020d0102ac020781010a0b0100010c01eb0707")
	add("install snapshot", KindInstallSnapshot, func(m *Message) {
		m.Install = InstallSnapshot{Session: 3, Round: 10, Sent: 1, Index: 1003, LastTerm: 128}
	}, "020e0102ac02078101030a02eb078001")
	add("snapshot fetch", KindSnapshotFetch, func(m *Message) {
		m.Fetch = &SnapshotFetch{Index: 1003, Term: 128, Offset: 4096, Length: 1 << 18}
	}, "020f0102ac02078101eb0780018020808010")
	add("snapshot chunk", KindSnapshotChunk, func(m *Message) {
		m.Chunk = &SnapshotChunk{Index: 1003, Term: 128, Offset: 4096, Total: 1 << 30, Gone: true, Sum: 0xcafe, Data: []byte("veche")}
	}, "02100102ac02078101eb0780018020808080800401fe9503057665636865")
	return list
}

func sampleConfiguration() Configuration {
	return Configuration{
		Members: []Member{
			{ID: 1, Incarnation: 500, Name: "n1", PeerAddr: "a:1", ClientAddr: "a:2"},
			{ID: 2, Name: "n2"},
			{ID: 300, PeerAddr: "c:1", Priority: 7, Level: 2},
		},
		Voters:    []NodeID{1, 300},
		Outgoing:  []NodeID{1, 2},
		Learners:  []NodeID{2},
		AutoLeave: true,
		Removed:   []NodeID{9, 5},
	}
}

const sampleConfigurationBytes = "02010301f403026e3103613a3103613a3200000200026e3200000000ac02000003633a310007020201ac020201020102020905"

func sampleWrite() Write {
	return Write{
		Seq:         200,
		HardChanged: true,
		Hard:        HardState{Term: 129, Vote: 2, Standing: Admitted},
		Entries: []Entry{
			{Index: 1001, Term: 129, Kind: EntryNoop},
			{Index: 1002, Term: 129, Kind: EntryCommand, Data: []byte("veche")},
		},
		Snapshot: &Base{Index: 900, Term: 128, Config: sampleConfiguration()},
		Cut:      &Base{Index: 800, Term: 127},
	}
}

const sampleWriteBytes = "0107c8018101020101840780010102010301f403026e3103613a3103613a3200000200026e3200000000ac0200" +
	"0003633a310007020201ac02020102010202090501a0067f00e907028100000000000000020000000000000081" +
	"0000000000000001050000000000007665636865"

func TestMessage_BytesStayTheSame(t *testing.T) {
	// Goal: a change of the wire format is noticed. Each sample is compared with
	// the bytes written here; they change only together with messageVersion.
	seen := map[MessageKind]bool{}
	for _, s := range samples() {
		seen[s.m.Kind] = true
		if got := hex.EncodeToString(AppendMessage(nil, &s.m)); got != s.bytes {
			t.Errorf("%s:\n got %s\nwant %s", s.name, got, s.bytes)
		}
	}
	if len(seen) != int(messageKindsBound)-1 {
		t.Errorf("%d kinds of message have a sample; want %d", len(seen), messageKindsBound-1)
	}
}

func TestWrite_BytesStayTheSame(t *testing.T) {
	// Goal: a change of the disk format is noticed, as above.
	w := sampleWrite()
	if got := hex.EncodeToString(AppendWrite(nil, &w)); got != sampleWriteBytes {
		t.Errorf("\n got %s\nwant %s", got, sampleWriteBytes)
	}
}

func TestConfiguration_BytesStayTheSame(t *testing.T) {
	// Goal: a change of the format of EntryConfig is noticed, as above.
	x := sampleConfiguration()
	if got := hex.EncodeToString(AppendConfiguration(nil, &x)); got != sampleConfigurationBytes {
		t.Errorf("\n got %s\nwant %s", got, sampleConfigurationBytes)
	}
}

// allBytes gives the encodings of every sample, each with the decoder for it.
func allBytes() map[string]struct {
	b      []byte
	decode func([]byte) error
} {
	type coded = struct {
		b      []byte
		decode func([]byte) error
	}
	all := map[string]coded{}
	for _, s := range samples() {
		all[s.name] = coded{AppendMessage(nil, &s.m), func(b []byte) error {
			m := Message{Term: 5}
			err := DecodeMessage(b, &m)
			return zeroOnError(err, m)
		}}
	}
	w, x := sampleWrite(), sampleConfiguration()
	all["write"] = coded{AppendWrite(nil, &w), func(b []byte) error {
		w := Write{Seq: 5}
		err := DecodeWrite(b, &w)
		return zeroOnError(err, w)
	}}
	all["configuration"] = coded{AppendConfiguration(nil, &x), func(b []byte) error {
		x := Configuration{AutoLeave: true}
		err := DecodeConfiguration(b, &x)
		return zeroOnError(err, x)
	}}
	return all
}

// zeroOnError replaces err when what was decoded is not zero in spite of it.
func zeroOnError(err error, v any) error {
	if err != nil && !reflect.ValueOf(v).IsZero() {
		return errors.New("an error left something behind")
	}
	return err
}

func TestDecode_TruncatedAnywhereIsRefused(t *testing.T) {
	// Goal: half a message is never taken for a whole one. Every sample is cut at
	// every byte, and lengthened by one.
	for name, c := range allBytes() {
		if err := c.decode(c.b); err != nil {
			t.Errorf("%s: whole: %v", name, err)
		}
		for i := range c.b {
			if err := c.decode(c.b[:i:i]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: cut to %d of %d bytes: %v", name, i, len(c.b), err)
			}
		}
		if err := c.decode(append(c.b, 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: one byte too many: %v", name, err)
		}
	}
}

func TestDecode_AnyByteChangedNeverPanics(t *testing.T) {
	// Goal: bit rot and forgery end in an error or in another valid value. Every
	// byte of every sample takes all its values; panics fail the test.
	for name, c := range allBytes() {
		for i := range c.b {
			was := c.b[i]
			for x := range 256 {
				c.b[i] = byte(x)
				if err := c.decode(c.b); err != nil && !errors.Is(err, ErrMalformed) {
					t.Fatalf("%s: byte %d set to %d: %v", name, i, x, err)
				}
			}
			c.b[i] = was
		}
	}
}

func TestDecodeMessage_RefusesWhatNoEncoderMakes(t *testing.T) {
	// Goal: each rule of the format has its own sentence. Bytes are forged by
	// hand after a common envelope.
	env := func(k MessageKind, body ...byte) []byte {
		return append([]byte{messageVersion, byte(k), 1, 2, 3, 4, 5}, body...)
	}
	prev := func(body ...byte) []byte { // an Append up to its entry count
		return append(env(KindAppend, 1, 1, 0, 9, 1, 0, 0), body...)
	}
	head := func(size uint64, kind byte) []byte {
		h := make([]byte, entryHead)
		h[0], h[8] = 1, kind
		for i := range 7 {
			h[9+i] = byte(size >> (8 * i))
		}
		return h
	}
	full := bytes.Repeat([]byte{0xff}, 9) // with a 1 after it: the largest number
	cases := []struct {
		name string
		b    []byte
		want string
	}{
		{"nothing", nil, "the version ends too early"},
		{"another version", append([]byte{messageVersion + 1}, env(KindTimeoutNow)[1:]...), "the version is not one that this program knows"},
		{"kind 0", env(0), "the kind is not one that this program knows"},
		{"kind beyond the last", env(messageKindsBound), "the kind is out of range"},
		{"bytes left over", env(KindTimeoutNow, 0), "the end is followed by more bytes"},
		{"long zero", env(KindReadIndex, 0x80, 0), "the read id is not a number"},
		{"65 bits", env(KindReadIndex, append(full, 2)...), "the read id is not a number"},
		{"eleven bytes", env(KindReadIndex, append(full, 0xff, 1)...), "the read id is not a number"},
		{"bool 2", env(KindVoteReply, 1, 2, 0, 0), "the pre-vote mark is out of range"},
		{"reason beyond the last", env(KindVoteReply, 1, 0, 0, byte(reasonsBound)), "the reason is out of range"},
		{"standing 3", env(KindGreet, 1, 3, 0, 0), "the standing is out of range"},
		{"address too long", env(KindGreet, append([]byte{1, 0, 0, 0x81, 8}, make([]byte, 1025)...)...), "the client address is larger than its limit"},
		{"address cut off", env(KindGreet, 1, 0, 0, 9, 'a'), "the client address ends too early"},
		{"count without heads", prev(1), "the entry count is larger than the bytes that follow"},
		{"huge count", prev(append(full, 1)...), "the entry count is larger than the bytes that follow"},
		{"entry kind 0", prev(append([]byte{1}, head(0, 0)...)...), "the kind of an entry is not one"},
		{"entry kind 4", prev(append([]byte{1}, head(0, 4)...)...), "the kind of an entry is not one"},
		{"data missing", prev(append([]byte{1}, head(1, 1)...)...), "the length of an entry is larger"},
		{"huge data", prev(append([]byte{1}, head(1<<56-1, 1)...)...), "the length of an entry is larger"},
		{"sum of lengths too large", prev(append(append([]byte{2}, head(2, 1)...), append(head(1<<56-1, 1), 7, 7)...)...), "the length of an entry is larger"},
		{"index wraps", append(append(env(KindAppend, 1, 1, 0), append(full, 1, 1, 0, 0, 1)...), head(0, 1)...), "the previous index is out of range"},
	}
	for _, c := range cases {
		var m Message
		err := DecodeMessage(c.b, &m)
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "malformed message: "+c.want) {
			t.Errorf("%s: got %v; want %s", c.name, err, c.want)
		}
	}
}

func TestDecodeWrite_RefusesWhatNoEncoderMakes(t *testing.T) {
	// Goal and method as for messages.
	cases := []struct {
		name string
		b    []byte
		want string
	}{
		{"another version", []byte{0, 0, 1, 0, 0}, "the version is not one that this program knows"},
		{"unknown part", []byte{1, 8, 1, 0, 0}, "the list of parts is out of range"},
		{"index of no entry", []byte{1, 0, 1, 5, 0}, "the first index is that of no entry"},
		{"index 0 of an entry", append([]byte{1, 0, 1, 0, 1}, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0), "the first index is out of range"},
		{"standing 3", []byte{1, 1, 1, 1, 1, 3, 0, 0}, "the standing is out of range"},
		{"another version of a base", []byte{1, 4, 1, 2, 1, 1, 0, 0, 0}, "the version is not one that this program knows"},
	}
	for _, c := range cases {
		var w Write
		err := DecodeWrite(c.b, &w)
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "malformed write: "+c.want) {
			t.Errorf("%s: got %v; want %s", c.name, err, c.want)
		}
	}
}

func TestDecodeConfiguration_RefusesWhatNoGroupCouldUse(t *testing.T) {
	// Goal: a configuration that was decoded can be counted with. Valid ones are
	// spoilt in one place, encoded and decoded.
	many := func(n int) (c Configuration) {
		for i := range n {
			c.Members = append(c.Members, Member{ID: NodeID(i + 1)})
		}
		c.Voters = []NodeID{1}
		return c
	}
	cases := []struct {
		name  string
		spoil func(c *Configuration)
		want  string
	}{
		{"member 0", func(c *Configuration) { c.Members[0].ID = 0 }, "the members' ids are not in increasing order"},
		{"member twice", func(c *Configuration) { c.Members[1].ID = 1 }, "the members' ids are not in increasing order"},
		{"members fall", func(c *Configuration) { c.Members[2].ID = 1 }, "the members' ids are not in increasing order"},
		{"no voters", func(c *Configuration) { c.Voters = nil }, "the list of voters is empty"},
		{"nothing at all", func(c *Configuration) { *c = Configuration{} }, "the list of voters is empty"},
		{"voter 0", func(c *Configuration) { c.Voters[0] = 0 }, "the voters are not in increasing order"},
		{"voter twice", func(c *Configuration) { c.Voters = []NodeID{1, 1} }, "the voters are not in increasing order"},
		{"strange voter", func(c *Configuration) { c.Voters = []NodeID{1, 4} }, "a voter or learner is not among the members"},
		{"outgoing fall", func(c *Configuration) { c.Outgoing = []NodeID{2, 1} }, "the outgoing voters are not in increasing order"},
		{"strange outgoing", func(c *Configuration) { c.Outgoing = []NodeID{301} }, "a voter or learner is not among the members"},
		{"learners fall", func(c *Configuration) { c.Learners = []NodeID{300, 2} }, "the learners are not in increasing order"},
		{"strange learner", func(c *Configuration) { c.Learners = []NodeID{3} }, "a voter or learner is not among the members"},
		{"learner votes", func(c *Configuration) { c.Learners = []NodeID{2, 300} }, "a learner is also a voter"},
		{"65 members", func(c *Configuration) { *c = many(65) }, "the number of members is larger than its limit"},
		{"long name", func(c *Configuration) { c.Members[1].Name = strings.Repeat("n", 1025) }, "a member's name is larger than its limit"},
	}
	for _, c := range cases {
		x := sampleConfiguration()
		c.spoil(&x)
		err := DecodeConfiguration(AppendConfiguration(nil, &x), &x)
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "malformed configuration: "+c.want) {
			t.Errorf("%s: got %v; want %s", c.name, err, c.want)
		}
	}
	full := many(64)
	full.Members[0].Name = strings.Repeat("n", 1024)
	if err := DecodeConfiguration(AppendConfiguration(nil, &full), new(Configuration)); err != nil {
		t.Errorf("at the limits: %v", err)
	}
}

func TestDecodeMessage_KeepsNothingOfItsInput(t *testing.T) {
	// Goal: the transport may reuse its buffer. The buffer is overwritten after
	// decoding, and entries are appended to.
	m := appendOf16()
	b := AppendMessage(nil, &m)
	var got Message
	if err := DecodeMessage(b, &got); err != nil {
		t.Fatal(err)
	}
	clear(b)
	_ = append(got.Append.Entries[0].Data, "spill"...)
	if !reflect.DeepEqual(got, m) {
		t.Error("the message changed with the buffer it was decoded from")
	}
}

func TestDecodeWrite_EntriesAreSeparate(t *testing.T) {
	// Goal: data that alias the input cannot run into each other. One is appended
	// to, and its neighbour must not change.
	w := Write{Seq: 1, Entries: []Entry{
		{Index: 1, Term: 1, Kind: EntryCommand, Data: []byte("one")},
		{Index: 2, Term: 1, Kind: EntryCommand, Data: []byte("two")},
	}}
	var got Write
	if err := DecodeWrite(AppendWrite(nil, &w), &got); err != nil {
		t.Fatal(err)
	}
	_ = append(got.Entries[0].Data, "spill"...)
	if !reflect.DeepEqual(got, w) {
		t.Error("appending to one entry's data changed the next")
	}
}

func TestAppend_OnlyKindsBodyTravels(t *testing.T) {
	// Goal: what Kind does not name costs nothing and does not arrive. A message
	// with a second body is sent.
	m := Message{Kind: KindTimeoutNow, Term: 3}
	m.Greet.ClientAddr = "elsewhere"
	var got Message
	if err := DecodeMessage(AppendMessage([]byte("frame"), &m)[5:], &got); err != nil {
		t.Fatal(err)
	}
	if want := (Message{Kind: KindTimeoutNow, Term: 3}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v; want %+v", got, want)
	}
}

func TestEntries_EmptyDataComeBackAsNil(t *testing.T) {
	// Goal: what the comments promise of empty data. One entry makes the trip.
	w := Write{Seq: 1, Entries: []Entry{{Index: 1, Term: 1, Kind: EntryCommand, Data: []byte{}}}}
	var got Write
	if err := DecodeWrite(AppendWrite(nil, &w), &got); err != nil || got.Entries[0].Data != nil {
		t.Errorf("got %+v, %v; want nil data", got, err)
	}
}

func TestBase_WithoutConfigurationComesBack(t *testing.T) {
	// Goal: a base whose configuration is not known stays so, and the zero base
	// can be recorded too. Both make the round trip.
	for _, x := range []Base{{}, {Index: 5, Term: 2}} {
		w := Write{Seq: 1, Snapshot: &x}
		var got Write
		if err := DecodeWrite(AppendWrite(nil, &w), &got); err != nil || !reflect.DeepEqual(got, w) {
			t.Errorf("got %+v, %v; want %+v", got, err, w)
		}
	}
}

func TestEncodedSize_IsWhatAnEntryAdds(t *testing.T) {
	// Goal: byte bounds count what is sent. The lengths of two encodings, with and
	// without one more entry, are compared.
	rapid.Check(t, func(t *rapid.T) {
		w := Write{Entries: append([]Entry{{Index: 1, Kind: EntryNoop}}, genEntries(t, 2)...)}
		all := len(AppendWrite(nil, &w))
		last := w.Entries[len(w.Entries)-1]
		w.Entries = w.Entries[:len(w.Entries)-1]
		less := len(AppendWrite(nil, &w))
		if got := EncodedSize(&last); got != all-less {
			t.Fatalf("EncodedSize is %d, but the entry adds %d bytes", got, all-less)
		}
	})
}

func TestMessage_RoundTrip(t *testing.T) {
	// Goal: every message arrives as it was sent. Arbitrary ones are encoded,
	// decoded, compared, and encoded again to the same bytes.
	rapid.Check(t, func(t *rapid.T) {
		m := genMessage(t)
		b := AppendMessage(nil, &m)
		got := Message{Append: Append{Entries: []Entry{{}}}} // must be reset
		if err := DecodeMessage(b, &got); err != nil {
			t.Fatalf("%+v: %v", m, err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Fatalf("got %+v\nwant %+v", got, m)
		}
		if !bytes.Equal(AppendMessage(nil, &got), b) {
			t.Fatal("encoded again, it has other bytes")
		}
	})
}

func TestWrite_RoundTrip(t *testing.T) {
	// Goal and method as for messages.
	rapid.Check(t, func(t *rapid.T) {
		w := genWrite(t)
		b := AppendWrite(nil, &w)
		got := Write{Cut: &Base{}} // must be reset
		if err := DecodeWrite(b, &got); err != nil {
			t.Fatalf("%+v: %v", w, err)
		}
		if !reflect.DeepEqual(got, w) {
			t.Fatalf("got %+v\nwant %+v", got, w)
		}
		if !bytes.Equal(AppendWrite(nil, &got), b) {
			t.Fatal("encoded again, it has other bytes")
		}
	})
}

func TestConfiguration_RoundTrip(t *testing.T) {
	// Goal and method as for messages.
	rapid.Check(t, func(t *rapid.T) {
		x := genConfiguration(t)
		b := AppendConfiguration(nil, &x)
		var got Configuration
		if err := DecodeConfiguration(b, &got); err != nil {
			t.Fatalf("%+v: %v", x, err)
		}
		if !reflect.DeepEqual(got, x) {
			t.Fatalf("got %+v\nwant %+v", got, x)
		}
		if !bytes.Equal(AppendConfiguration(nil, &got), b) {
			t.Fatal("encoded again, it has other bytes")
		}
	})
}

func TestConfiguration_WhatCheckAcceptsIsDecoded(t *testing.T) {
	// Goal: no leader appends a configuration that its followers cannot read.
	// Small arbitrary ones, mostly wrong, are put to Check and to the decoder.
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.Uint64Range(0, 4)
		ids := func(label string) (list []NodeID) {
			for _, x := range rapid.SliceOfN(id, 0, 3).Draw(t, label) {
				list = append(list, NodeID(x))
			}
			return list
		}
		x := Configuration{Voters: ids("voters"), Outgoing: ids("outgoing"), Learners: ids("learners")}
		for _, id := range ids("members") {
			x.Members = append(x.Members, Member{ID: id})
		}
		if rapid.Bool().Draw(t, "all are members") {
			x.Members = []Member{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 4}}
		}
		checked, decoded := x.Check(), DecodeConfiguration(AppendConfiguration(nil, &x), new(Configuration))
		if checked == nil && decoded != nil {
			t.Fatalf("%+v passes Check, but: %v", x, decoded)
		}
	})
}

// genID draws numbers of every size, so that varints of every length occur.
func genID(t *rapid.T, label string) uint64 {
	return rapid.Uint64().Draw(t, label) >> rapid.IntRange(0, 63).Draw(t, "shift")
}

func genMessage(t *rapid.T) Message {
	u := func() uint64 { return genID(t, "number") }
	yes := func() bool { return rapid.Bool().Draw(t, "bool") }
	sent := func() Time { return Time(rapid.Int64().Draw(t, "sent")) }
	reason := func() Reason { return Reason(rapid.Uint8Range(0, uint8(reasonsBound)-1).Draw(t, "reason")) }
	standing := func() Standing { return Standing(rapid.Uint8Range(0, uint8(Damaged)).Draw(t, "standing")) }
	dur := func() Duration { return Duration(rapid.Int64Range(0, int64(durationMax)).Draw(t, "duration")) }
	level := func() Level { return Level(rapid.Uint8Range(0, 254).Draw(t, "level")) }
	m := Message{
		Group: GroupID(u()),
		Kind:  MessageKind(rapid.Uint8Range(1, uint8(messageKindsBound)-1).Draw(t, "kind")),
		From:  NodeID(u()), To: NodeID(u()), Boot: Boot(u()), Term: Term(u()),
	}
	switch m.Kind {
	case KindRequestVote:
		m.RequestVote = RequestVote{u(), Index(u()), Term(u()), yes(), yes()}
	case KindVoteReply:
		m.VoteReply = VoteReply{u(), yes(), yes(), reason()}
	case KindAppend:
		prev := Index(u() >> 1) // entries must have room above it
		m.Append = Append{u(), u(), sent(), prev, Term(u()), Index(u()), Index(u()), genEntries(t, prev+1)}
	case KindAppendReply:
		m.AppendReply = AppendReply{u(), u(), sent(), yes(), reason(), Index(u()), Index(u()), Term(u()), Index(u()), dur(), yes()}
	case KindHeartbeat:
		m.Heartbeat = Heartbeat{u(), u(), sent(), Index(u()), Index(u()), dur()}
	case KindHeartbeatRep:
		m.HeartbeatRep = HeartbeatReply{u(), u(), sent(), Index(u()), dur(), yes()}
	case KindReadIndex:
		m.ReadIndex = ReadIndex{u()}
	case KindReadIndexRep:
		m.ReadIndexRep = ReadIndexReply{u(), Index(u()), reason()}
	case KindPropose:
		m.Propose = Propose{u(), genEntries(t, 1)}
		for i := range m.Propose.Entries {
			m.Propose.Entries[i].Index = 0
		}
	case KindProposeRep:
		m.ProposeRep = ProposeReply{u(), reason(), NodeID(u())}
	case KindGreet:
		m.Greet = Greet{Incarnation(u()), standing(), yes(), genName(t), level(), dur(), dur(), dur()}
	case KindGreetReply:
		m.GreetReply = GreetReply{Incarnation(u()), Incarnation(u()), standing(), yes(), yes(), Incarnation(u()), yes(), Index(u()), Boot(u())}
	case KindInstallSnapshot:
		m.Install = InstallSnapshot{u(), u(), sent(), Index(u()), Term(u())}
	case KindSnapshotFetch:
		m.Fetch = &SnapshotFetch{Index(u()), Term(u()), u(), uint32(u())}
	case KindSnapshotChunk:
		m.Chunk = &SnapshotChunk{Index: Index(u()), Term: Term(u()), Offset: u(), Total: u(), Gone: yes(), Sum: uint32(u())}
		if data := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "data"); len(data) > 0 {
			m.Chunk.Data = data
		}
	}
	return m
}

// genEntries draws entries from the index first on; nil when there are none.
func genEntries(t *rapid.T, first Index) []Entry {
	var entries []Entry
	for i := range rapid.IntRange(0, 8).Draw(t, "entries") {
		x := Entry{
			Index: first + Index(i),
			Term:  Term(genID(t, "term")),
			Kind:  EntryKind(rapid.Uint8Range(1, 3).Draw(t, "kind")),
		}
		if data := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "data"); len(data) > 0 {
			x.Data = data
		}
		entries = append(entries, x)
	}
	return entries
}

func genWrite(t *rapid.T) Write {
	w := Write{Seq: Seq(genID(t, "seq"))}
	if rapid.Bool().Draw(t, "hard") {
		w.HardChanged = true
		w.Hard = HardState{Term(genID(t, "term")), NodeID(genID(t, "vote")), Standing(rapid.Uint8Range(0, uint8(standingsBound)-1).Draw(t, "standing"))}
	}
	if rapid.Bool().Draw(t, "snapshot") {
		w.Snapshot = genBase(t)
	}
	if rapid.Bool().Draw(t, "cut") {
		w.Cut = genBase(t)
	}
	w.Entries = genEntries(t, 1+Index(genID(t, "first")>>1))
	return w
}

func genBase(t *rapid.T) *Base {
	x := &Base{Index: Index(genID(t, "index")), Term: Term(genID(t, "term"))}
	if rapid.Bool().Draw(t, "known") {
		x.Config = genConfiguration(t)
	}
	return x
}

func genName(t *rapid.T) string {
	return string(rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "name"))
}

// genConfiguration draws a valid one: each member gets a place in it.
func genConfiguration(t *rapid.T) Configuration {
	c := Configuration{AutoLeave: rapid.Bool().Draw(t, "auto leave")}
	n := rapid.IntRange(1, 9).Draw(t, "members")
	var id NodeID
	for i := range n {
		id += 1 + NodeID(genID(t, "gap")>>5) // nine of these do not wrap
		c.Members = append(c.Members, Member{id, Incarnation(genID(t, "incarnation")), genName(t), genName(t), genName(t),
			rapid.Uint8Range(0, 254).Draw(t, "priority"), Level(rapid.Uint8Range(0, 254).Draw(t, "level"))})
		role := rapid.IntRange(0, 3).Draw(t, "role")
		if i == 0 || role == 1 {
			c.Voters = append(c.Voters, id)
		} else if role == 2 {
			c.Learners = append(c.Learners, id)
		}
		if rapid.Bool().Draw(t, "outgoing") {
			c.Outgoing = append(c.Outgoing, id)
		}
	}
	return c
}

// appendOf16 is what replication sends under load: 16 entries of 256 bytes.
func appendOf16() Message {
	m := Message{Group: 1, Kind: KindAppend, From: 1, To: 2, Boot: 3, Term: 4}
	m.Append = Append{Session: 1, Round: 1e6, Sent: 1e15, PrevIndex: 1e6, PrevTerm: 4, Commit: 1e6}
	for i := range 16 {
		m.Append.Entries = append(m.Append.Entries, Entry{
			Index: 1e6 + 1 + Index(i), Term: 4, Kind: EntryCommand,
			Data: bytes.Repeat([]byte{byte(i + 1)}, 256),
		})
	}
	return m
}

func heartbeat() Message {
	m := Message{Group: 1, Kind: KindHeartbeat, From: 1, To: 2, Boot: 3, Term: 4}
	m.Heartbeat = Heartbeat{Session: 1, Round: 1e6, Sent: 1e15, Commit: 1e6, Cut: 1e5}
	return m
}

func TestMessage_AllocationBudget(t *testing.T) {
	// Goal: the cost of a message cannot creep up. Allocations are counted for
	// reused buffers and messages.
	cases := []struct {
		name           string
		m              Message
		encode, decode float64
	}{
		{"heartbeat", heartbeat(), 0, 0},
		{"append 16×256", appendOf16(), 0, 2}, // the entries, and all their data
	}
	for _, c := range cases {
		b := AppendMessage(nil, &c.m)
		if n := testing.AllocsPerRun(100, func() { b = AppendMessage(b[:0], &c.m) }); n > c.encode {
			t.Errorf("%s: %v allocations to encode; want %v", c.name, n, c.encode)
		}
		var got Message
		if n := testing.AllocsPerRun(100, func() {
			if err := DecodeMessage(b, &got); err != nil {
				t.Error(err)
			}
		}); n > c.decode {
			t.Errorf("%s: %v allocations to decode; want %v", c.name, n, c.decode)
		}
	}
}

func BenchmarkAppendMessage(b *testing.B) {
	for _, c := range []struct {
		name string
		m    Message
	}{{"heartbeat", heartbeat()}, {"append16x256", appendOf16()}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			dst := AppendMessage(nil, &c.m)
			b.SetBytes(int64(len(dst)))
			for b.Loop() {
				dst = AppendMessage(dst[:0], &c.m)
			}
		})
	}
}

func BenchmarkDecodeMessage(b *testing.B) {
	for _, c := range []struct {
		name string
		m    Message
	}{{"heartbeat", heartbeat()}, {"append16x256", appendOf16()}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			src := AppendMessage(nil, &c.m)
			b.SetBytes(int64(len(src)))
			var m Message
			for b.Loop() {
				if err := DecodeMessage(src, &m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	w := Write{Seq: 9, Entries: appendOf16().Append.Entries}
	src := AppendWrite(nil, &w)
	b.Run("append16x256", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(src)))
		dst := bytes.Clone(src)
		for b.Loop() {
			dst = AppendWrite(dst[:0], &w)
		}
	})
	b.Run("decode16x256", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(src)))
		var got Write
		for b.Loop() {
			if err := DecodeWrite(src, &got); err != nil {
				b.Fatal(err)
			}
		}
	})
}
