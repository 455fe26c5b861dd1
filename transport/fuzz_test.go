package transport

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"testing"

	"veche/raft"
)

// FuzzHello: no bytes make PeekHello panic or take more than a hello; what it
// accepts encodes to the very same bytes. The checksum is put right, so that
// the fuzzer gets beyond it.
func FuzzHello(f *testing.F) {
	h := Hello{Cluster: testCluster, From: 1, To: 2, Boot: 3, Incarnation: 4, Lane: LaneBulk, Addr: "a:1"}
	f.Add(appendHello(nil, &h))
	f.Add(appendRefusal(nil, RefusedSelf, "no"))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > helloPrefix {
			if end := helloPrefix + int(binary.LittleEndian.Uint16(b[6:])); end+crcBytes <= len(b) {
				binary.LittleEndian.PutUint32(b[end:], crc32.Checksum(b[:end], castagnoli))
			}
		}
		got, raw, err := PeekHello(bytes.NewReader(b))
		if len(raw) > helloPrefix+helloBytesMax+crcBytes || !bytes.HasPrefix(b, raw) {
			t.Fatalf("took %d bytes that are not the first", len(raw))
		}
		if err == nil && !bytes.Equal(appendHello(nil, &got), raw) {
			t.Fatalf("%+v does not encode to what it was", got)
		}
	})
}

// FuzzFrame: no bytes make the reader of frames panic or deliver what does not
// encode to the same payload. Odd inputs get a frame with the right checksum
// around them.
func FuzzFrame(f *testing.F) {
	f.Add(frameOf(heartbeat(1, 2, 3), heartbeat(1, 2, 4)))
	f.Add(frameOf(appendEntries(1, 2, 3, []byte("data"))))
	f.Add(append([]byte{1}, frameOf(heartbeat(1, 2, 3))[frameHeader:]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b)%2 == 1 {
			b = frameAround(b[1:])
		}
		frames := newFrameReader(bytes.NewReader(b), frameBytesMax)
		for {
			payload, err := frames.next()
			if err != nil {
				return
			}
			count, err := countBatch(payload)
			if err != nil && !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			got := 0
			err = decodeBatch(payload, 1, 2, func(ms []raft.Message) { got += len(ms) })
			switch {
			case err == nil && got != count:
				t.Fatalf("%d of %d messages", got, count)
			case err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, errMisaddressed):
				t.Fatal(err)
			}
		}
	})
}

// FuzzConn: no bytes on an accepted connection panic, hang, or deliver a
// message under another name. The first byte chooses how much of the protocol
// is given: nothing, the hello, or the hello and a frame around the rest.
func FuzzConn(f *testing.F) {
	h := Hello{Cluster: testCluster, From: 9, To: 1, Boot: 5, Incarnation: 900, Lane: LaneBulk}
	hello := appendHello(nil, &h)
	f.Add(append([]byte{0}, hello...))
	f.Add(append([]byte{1}, frameOf(heartbeat(9, 1, 3))...))
	f.Add(append([]byte{2}, frameOf(appendEntries(9, 1, 3, []byte("x")))[frameHeader:]...))
	t, err := New(Config{
		Cluster: testCluster, Self: 1, Boot: 1, Listener: newQuietListener(),
		Dial: func(context.Context, string) (net.Conn, error) { return nil, errors.New("nobody is dialed here") },
		Receive: func(ms []raft.Message) {
			for i := range ms {
				if ms[i].To != 1 || ms[i].From == 1 {
					panic("a message under another name")
				}
			}
		},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { t.Close() })
	f.Fuzz(func(ft *testing.T, b []byte) {
		var mode byte
		if len(b) > 0 {
			mode, b = b[0]%3, b[1:]
		}
		ours, theirs := net.Pipe()
		fed := make(chan struct{})
		heard := make(chan struct{})
		go func() {
			defer close(heard)
			io.Copy(io.Discard, theirs)
		}()
		go func() {
			defer close(fed)
			defer theirs.Close()
			if mode > 0 {
				theirs.Write(hello)
			}
			if mode > 1 {
				b = frameAround(b)
			}
			theirs.Write(b)
		}()
		t.serve(ours)
		ours.Close()
		<-fed
		<-heard
	})
}
