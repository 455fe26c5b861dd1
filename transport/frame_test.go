package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"veche/raft"
)

// Goal: PeekHello returns what was said, the very bytes, and takes no more.
// Method: round trips with and without an address, with bytes behind.
func TestPeekHello_TakesTheHelloAndNoMore(t *testing.T) {
	for _, addr := range []string{"", "127.0.0.1:2380", strings.Repeat("a", addrMax)} {
		h := Hello{Cluster: testCluster, From: 1, To: 2, Boot: 3, Incarnation: 4, Lane: LaneBulk, Addr: addr}
		b := appendHello(nil, &h)
		r := strings.NewReader(string(b) + "rest")
		got, raw, err := PeekHello(r)
		if err != nil || got != h || !bytes.Equal(raw, b) {
			t.Fatalf("got %+v, %v", got, err)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "rest" {
			t.Fatalf("left %q", rest)
		}
		for cut := range b {
			_, raw, err := PeekHello(bytes.NewReader(b[:cut]))
			if want := map[bool]error{true: io.EOF, false: io.ErrUnexpectedEOF}[cut == 0]; err != want || !bytes.Equal(raw, b[:cut]) {
				t.Fatalf("cut at %d: %v, raw %d", cut, err, len(raw))
			}
		}
	}
}

// Goal: a refusal arrives as one, with words that cannot steer a terminal.
// Method: a sentence with an escape sequence, and one that is too long.
func TestPeekHello_ReturnsARefusalAsAnError(t *testing.T) {
	_, _, err := PeekHello(bytes.NewReader(appendRefusal(nil, RefusedCluster, "go \x1b[2J away")))
	var r *RefusedError
	if !errors.As(err, &r) || r.Refusal != RefusedCluster || r.Sentence != "go ?[2J away" {
		t.Fatalf("error %v", err)
	}
	_, _, err = PeekHello(bytes.NewReader(appendRefusal(nil, RefusedSelf, strings.Repeat("x", 10_000))))
	if !errors.As(err, &r) || len(r.Sentence) != sentenceMax {
		t.Fatalf("error %v", err)
	}
	for r := Refusal(1); r < refusalsBound; r++ {
		if r.String() == refusalsBound.String() {
			t.Errorf("refusal %d has no words", r)
		}
	}
}

// Goal: a frame larger than the bound, or than what follows, costs no memory.
// Method: a header that promises 64 MiB, with 3 bytes behind it.
func TestFrameReader_AllocatesWhatArrives(t *testing.T) {
	head := []byte{0, 0, 0, 4, 1, 2, 3, 4, 9, 9, 9}
	f := newFrameReader(bytes.NewReader(head), frameBytesMax)
	if _, err := f.next(); err != io.ErrUnexpectedEOF {
		t.Fatalf("error %v", err)
	}
	if cap(f.buf) > readChunk {
		t.Fatalf("%d bytes were allocated", cap(f.buf))
	}
	f = newFrameReader(bytes.NewReader(head), frameBytesMax-1)
	if _, err := f.next(); !errors.Is(err, ErrMalformed) {
		t.Fatalf("error %v", err)
	}
}

// Goal: a batch has a bound however small its messages are. Method: one more
// one-byte message than allowed.
func TestDecodeBatch_BoundsTheNumberOfMessages(t *testing.T) {
	payload := bytes.Repeat([]byte{1, 0, 0, 0, 0xff}, batchMessagesMax+1)
	err := decodeBatch(payload, 1, 2, func([]raft.Message) { t.Error("delivered") })
	if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), fmt.Sprint(batchMessagesMax)) {
		t.Fatalf("error %v", err)
	}
}

// Goal: a full bulk queue keeps what waits, a full control queue what is new,
// and both count. Method: queues with small bounds, by number and by bytes.
func TestQueue_OverflowIsCounted(t *testing.T) {
	one := heartbeat(1, 2, 0)
	size := len(frameOf(one)) - frameHeader
	tests := []struct {
		name   string
		lane   Lane
		limits Limits
		rounds string
	}{
		{"bulk by number", LaneBulk, Limits{QueueMessages: 3}, "[0 1 2]"},
		{"bulk by bytes", LaneBulk, Limits{QueueBytes: 3*size + 1}, "[0 1 2]"},
		{"snapshot by bytes", LaneSnapshot, Limits{QueueBytes: 3*size + 1}, "[0 1 2]"},
		{"control by number", LaneControl, Limits{QueueMessages: 3}, "[3 4]"},
		{"control by bytes", LaneControl, Limits{FrameBytes: 3*size + 1}, "[3 4]"},
		{"control by exact bytes", LaneControl, Limits{FrameBytes: 3 * size}, "[3 4]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			limits, err := tt.limits.withDefaults()
			if err != nil {
				t.Fatal(err)
			}
			q := newQueue(tt.lane, &limits)
			for i := range 5 {
				m := heartbeat(1, 2, uint64(i))
				q.put(&m)
			}
			frame, n := q.take()
			var rounds []uint64
			err = decodeBatch(frame[frameHeader:], 1, 2, func(ms []raft.Message) {
				for _, m := range ms {
					rounds = append(rounds, m.Heartbeat.Round)
				}
			})
			_, _, dropped := q.waiting()
			if err != nil || fmt.Sprint(rounds) != tt.rounds || n != len(rounds) || dropped != (Drops{Full: uint64(5 - n)}) {
				t.Fatalf("%v, %d of %v, dropped %+v", err, n, rounds, dropped)
			}
		})
	}
}

// Goal: a message that no frame can hold is dropped alone. Method: a large one
// between two small ones.
func TestQueue_DropsAMessageThatIsTooLarge(t *testing.T) {
	limits, _ := Limits{FrameBytes: 1000}.withDefaults()
	q := newQueue(LaneBulk, &limits)
	for _, size := range []int{10, 2000, 20} {
		m := appendEntries(1, 2, 0, make([]byte, size))
		q.put(&m)
	}
	if _, n, dropped := q.waiting(); n != 2 || dropped != (Drops{TooLarge: 1}) {
		t.Fatalf("%d wait, dropped %+v", n, dropped)
	}
}

// Goal: a large buffer stays while it is needed, and goes some time after.
// Method: give after a large message, then after many small ones, then clear.
func TestQueue_LetsLargeBuffersGo(t *testing.T) {
	limits, _ := Limits{}.withDefaults()
	q := newQueue(LaneBulk, &limits)
	large, small := appendEntries(1, 2, 0, make([]byte, 4*retainMax)), heartbeat(1, 2, 0)
	cycle := func(m *raft.Message) {
		q.put(m)
		frames, _ := q.take()
		q.give(frames)
	}
	cycle(&large)
	if cap(q.spare) < 4*retainMax {
		t.Fatal("the buffer did not stay")
	}
	for range idleMax + 3 {
		cycle(&small)
	}
	q.put(&large)
	q.clear()
	if cap(q.buf) > retainMax || cap(q.spare) > retainMax {
		t.Fatalf("%d and %d bytes stayed", cap(q.buf), cap(q.spare))
	}
}

// Goal: what waits is cut into frames of a bounded size at the borders of
// messages, in order, and a large message has a frame of its own. Method: take
// messages of mixed sizes and read them back, beside the list of what was put.
func TestQueue_CutsFramesBetweenMessages(t *testing.T) {
	limits, _ := Limits{}.withDefaults()
	q := newQueue(LaneBulk, &limits)
	sizes := []int{10, frameFull, 10, frameFull / 2, frameFull / 2, 20, 3 * frameFull, 0, frameFull - 200, 100}
	for i, size := range sizes {
		m := appendEntries(1, 2, uint64(i), make([]byte, size))
		q.put(&m)
	}
	frames, n := q.take()
	var stream bytes.Buffer
	for len(frames) > 0 {
		frame := frames[:frameHeader+binary.LittleEndian.Uint32(frames)]
		frames = frames[len(frame):]
		sealFrame(frame)
		stream.Write(frame)
	}
	r := newFrameReader(&stream, frameBytesMax)
	next, cut := 0, 0
	for {
		payload, err := r.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		cut++
		first := next
		if err := decodeBatch(payload, 1, 2, func(ms []raft.Message) {
			for _, m := range ms {
				if m.Append.Round != uint64(next) || len(m.Append.Entries[0].Data) != sizes[next] {
					t.Fatalf("message %d came as number %d", m.Append.Round, next)
				}
				next++
			}
		}); err != nil {
			t.Fatal(err)
		}
		if len(payload) > frameFull && next-first > 1 {
			t.Fatalf("a frame of %d messages has %d bytes", next-first, len(payload))
		}
	}
	if next != len(sizes) || n != next || cut < 5 {
		t.Fatalf("%d messages in %d frames, want %d", next, cut, len(sizes))
	}
}
