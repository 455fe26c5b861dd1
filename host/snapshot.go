package host

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"veche/raft"
)

// snapshotVersion is the first byte of every snapshot.
const snapshotVersion = 1

// The errors of a snapshot that cannot be used.
var (
	errSnapshotVersion = errors.New("the snapshot was written by a newer version of this program; update this server")
	errSnapshot        = errors.New("the snapshot is damaged")
	errSnapshotBase    = errors.New("the snapshot stands at another index than the log says")
	errSnapshotMissing = errors.New("the log begins behind a snapshot, but the snapshot is missing")
)

// captureAt freezes table and state. A snapshot is
//
//	version 1 byte · index · term · session table · the state machine's bytes
func (a *Applier) captureAt(base raft.Base) *Capture {
	return &Capture{Group: a.group, Base: base, Write: a.capture()}
}

func (a *Applier) capture() func(io.Writer) error {
	head, state := a.head(), a.machine.Snapshot()
	return func(w io.Writer) error {
		if _, err := w.Write(head); err != nil {
			return err
		}
		return state(w)
	}
}

func (a *Applier) head() []byte {
	b := []byte{snapshotVersion}
	b = binary.AppendUvarint(b, uint64(a.index))
	b = binary.AppendUvarint(b, uint64(a.term))
	return a.sessions.append(b)
}

// restore replaces everything by a snapshot that was made at base, and reads it
// to its end, so that whoever sums it up there has his say.
func (a *Applier) restore(base *raft.Base, snapshot io.Reader) error {
	if snapshot == nil {
		return errSnapshotMissing
	}
	in := bufio.NewReaderSize(snapshot, snapshotPiece)
	index, term, table, err := readHead(in)
	if err != nil {
		return err
	}
	if index != base.Index || term != base.Term {
		return errSnapshotBase
	}
	if err := a.machine.Restore(in); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	a.index, a.term, a.sessions = index, term, table
	return nil
}

// readHead takes what stands before the state machine's bytes.
func readHead(in *bufio.Reader) (index raft.Index, term raft.Term, t sessions, err error) {
	s := scanner{in: in}
	version := s.byte()
	if s.err == nil && version != snapshotVersion {
		return 0, 0, sessions{}, errSnapshotVersion
	}
	index, term = raft.Index(s.uvarint()), raft.Term(s.uvarint())
	if s.err == nil && (index == 0 || term == 0) {
		s.err = errSnapshot
	}
	if s.err != nil {
		return 0, 0, sessions{}, s.err
	}
	t, err = readSessions(&s)
	return index, term, t, err
}

// scanner takes varints from a stream; after the first error it gives zeroes.
type scanner struct {
	in  *bufio.Reader
	err error
}

func (s *scanner) byte() byte {
	if s.err != nil {
		return 0
	}
	b, err := s.in.ReadByte()
	switch {
	case err == io.EOF:
		s.err = errSnapshot
	case err != nil:
		s.err = err
	}
	return b
}

func (s *scanner) uvarint() uint64 {
	var b [binary.MaxVarintLen64]byte
	for n := range b {
		if b[n] = s.byte(); b[n] < 0x80 {
			if v, size := binary.Uvarint(b[:n+1]); size > 0 {
				return v
			}
			break
		}
	}
	if s.err == nil {
		s.err = errSnapshot // no number has so many bits
	}
	return 0
}

// Hash is a digest of the applied index, the session table and the state: equal
// on all members that have applied equally much. It costs the writing of a
// whole snapshot, and keeps none of it.
func (a *Applier) Hash() uint64 {
	h := digest(14695981039346656037) // FNV-1a
	_ = a.capture()(&h)               // a digest takes everything
	return uint64(h)
}

// digest sums up what is written to it.
type digest uint64

func (d *digest) Write(b []byte) (int, error) {
	h := *d
	for _, c := range b {
		h = (h ^ digest(c)) * 1099511628211
	}
	*d = h
	return len(b), nil
}
