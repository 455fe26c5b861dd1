package transport

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"veche/raft"
)

// A frame is the length of its payload, the CRC-32C of its payload, and the
// payload: a batch of messages, each behind its own length. All lengths are
// four bytes, little endian.
const (
	frameHeader   = 8
	messageHeader = 4
)

// errMisaddressed: a message does not come from the connection's sender, or is
// not for this node.
var errMisaddressed = errors.New("a message names another sender or receiver than the connection")

// sealFrame fills in the header of a frame whose payload stands behind it.
func sealFrame(b []byte) {
	binary.LittleEndian.PutUint32(b, uint32(len(b)-frameHeader))
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[frameHeader:], castagnoli))
}

// frameReader takes frames off a stream.
type frameReader struct {
	r   *bufio.Reader
	max int    // the longest payload
	buf []byte // for payloads that do not fit r's buffer; grows with what arrives
}

func newFrameReader(r io.Reader, payloadMax int) *frameReader {
	return &frameReader{r: bufio.NewReaderSize(r, readBuffer), max: payloadMax}
}

// next returns the payload of the next frame, valid until the next call. The
// error is io.EOF between frames, ErrMalformed, or the stream's own.
func (f *frameReader) next() ([]byte, error) {
	head, err := f.r.Peek(frameHeader)
	if err != nil {
		if err == io.EOF && len(head) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	size := int64(binary.LittleEndian.Uint32(head))
	sum := binary.LittleEndian.Uint32(head[4:])
	if size == 0 || size > int64(f.max) {
		return nil, fmt.Errorf("%w: a frame of %d bytes, where 1 to %d are allowed", ErrMalformed, size, f.max)
	}
	f.r.Discard(frameHeader) // cannot fail: they were peeked
	payload, err := f.body(int(size))
	if err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if crc32.Checksum(payload, castagnoli) != sum {
		return nil, fmt.Errorf("%w: a frame's checksum is wrong", ErrMalformed)
	}
	return payload, nil
}

// body reads size bytes. Small payloads are looked at where they are.
func (f *frameReader) body(size int) ([]byte, error) {
	if size <= readBuffer {
		b, err := f.r.Peek(size)
		if err != nil {
			return nil, err
		}
		f.r.Discard(size) // b stays valid until the next read
		return b, nil
	}
	if cap(f.buf) > retainMax && size < cap(f.buf)/4 {
		f.buf = nil // one large message must not pin it for ever
	}
	f.buf = f.buf[:0]
	for len(f.buf) < size {
		have := len(f.buf)
		step := min(size-have, max(readChunk, have))
		if cap(f.buf) < have+step {
			f.buf = append(make([]byte, 0, have+step), f.buf...)
		}
		f.buf = f.buf[:have+step]
		if _, err := io.ReadFull(f.r, f.buf[have:]); err != nil {
			return nil, err
		}
	}
	return f.buf, nil
}

// decodeBatch decodes the messages of a payload and hands them to deliver in
// order, in slices that are deliver's to keep. Every message must come from
// from and be for to. The error is ErrMalformed or errMisaddressed; slices
// before the offending one were delivered.
func decodeBatch(payload []byte, from, to raft.NodeID, deliver func([]raft.Message)) error {
	left, err := countBatch(payload)
	if err != nil {
		return err
	}
	for left > 0 {
		ms := make([]raft.Message, min(left, receiveMessagesMax))
		for i := range ms {
			size := binary.LittleEndian.Uint32(payload)
			m := payload[messageHeader : messageHeader+size]
			payload = payload[messageHeader+size:]
			if err := raft.DecodeMessage(m, &ms[i]); err != nil {
				return fmt.Errorf("%w: %w", ErrMalformed, err)
			}
			if ms[i].From != from || ms[i].To != to {
				return errMisaddressed
			}
		}
		left -= len(ms)
		deliver(ms)
	}
	return nil
}

// countBatch counts the messages of a payload by their lengths alone.
func countBatch(payload []byte) (n int, err error) {
	for len(payload) > 0 {
		if len(payload) < messageHeader {
			return 0, fmt.Errorf("%w: a batch ends inside a length", ErrMalformed)
		}
		size := int64(binary.LittleEndian.Uint32(payload))
		if size == 0 || size > int64(len(payload)-messageHeader) {
			return 0, fmt.Errorf("%w: a message of %d bytes in a batch that has %d left", ErrMalformed, size, len(payload)-messageHeader)
		}
		if n++; n > batchMessagesMax {
			return 0, fmt.Errorf("%w: a batch of more than %d messages", ErrMalformed, batchMessagesMax)
		}
		payload = payload[messageHeader+size:]
	}
	return n, nil
}
