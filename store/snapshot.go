package store

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// A snapshot is
//
//	magic and version           5 bytes
//	revision, compacted + 1     integers
//	keys                        count
//	  each: version of the present, in order of keys
//	past versions               count
//	  each: version of the past, until, in order of key and mod
//	checksum of all before      4 bytes, CRC-32C, little endian
//
// and a version is key, value, create, mod, version, lease.
const (
	snapshotMagic   = "VSTR\x01" // the last byte is the format version
	snapshotSumSize = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// WriteSnapshot writes all replicated state to w, for Restore; stores with the
// same state give the same bytes. It keeps no more than a piece in memory. The
// error is w's. To go on writing to the store meanwhile, use a Clone.
func (s *Store) WriteSnapshot(w io.Writer) error {
	var sum uint32
	var failed error
	put := func(part []byte) {
		sum = crc32.Update(sum, castagnoli, part)
		if failed == nil {
			_, failed = w.Write(part)
		}
	}
	rest := s.encode(make([]byte, 0, snapshotPiece+snapshotPiece/8), func(part []byte) ([]byte, bool) {
		if len(part) < snapshotPiece {
			return part, true
		}
		put(part)
		return part[:0], failed == nil
	})
	put(rest)
	put(binary.LittleEndian.AppendUint32(rest[:0], sum))
	return failed
}

// Snapshot returns what WriteSnapshot writes.
func (s *Store) Snapshot() []byte {
	var b bytes.Buffer
	_ = s.WriteSnapshot(&b) // a Buffer takes everything
	return b.Bytes()
}

// encode appends the state to dst and passes dst on after each version: a caller
// that needs no more of it than that empties it there, and memory stays bounded.
// Once flush says false there is no more to come.
func (s *Store) encode(dst []byte, flush func([]byte) ([]byte, bool)) []byte {
	more := true
	dst = append(dst, snapshotMagic...)
	dst = appendInt(dst, s.revision)
	dst = appendInt(dst, s.compacted+1)
	dst = binary.AppendUvarint(dst, uint64(s.present.Len()))
	s.present.Scan(func(e present) bool {
		dst, more = flush(appendVersion(dst, e.kv))
		return more
	})
	dst = binary.AppendUvarint(dst, uint64(s.past.Len()))
	if more {
		s.past.Scan(func(p past) bool {
			dst, more = flush(appendInt(appendVersion(dst, p.kv), p.until))
			return more
		})
	}
	return dst
}

func appendVersion(dst []byte, kv *KeyValue) []byte {
	dst = appendBytes(dst, kv.Key)
	dst = appendBytes(dst, kv.Value)
	dst = appendInt(dst, kv.CreateRevision)
	dst = appendInt(dst, kv.ModRevision)
	dst = appendInt(dst, kv.Version)
	return appendInt(dst, kv.Lease)
}

// Restore makes a store from the bytes of a snapshot, which r gives to their end.
// The result behaves, hashes and snapshots as the original. Memory grows with
// what arrives. Bytes that no store could have written give
// ErrSnapshotMalformed, damaged ones ErrSnapshotCorrupt, and an error of r is
// given as it is.
func Restore(r io.Reader) (*Store, error) {
	in := newSource(r)
	s := New()
	if !bytes.HasPrefix(in.fill(len(snapshotMagic)), []byte(snapshotMagic)) {
		return nil, in.verdict(ErrSnapshotMalformed)
	}
	in.at += len(snapshotMagic)
	s.revision, s.compacted = Revision(in.int()), Revision(in.int())-1
	if s.revision < 1 || s.compacted < -1 || s.compacted > s.revision {
		in.bad = true
	}
	s.restorePresent(in)
	s.restorePast(in)
	if in.bad || !in.ended() {
		return nil, in.verdict(ErrSnapshotMalformed)
	}
	if err := in.verdict(nil); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Store) restorePresent(in *source) {
	var last []byte
	for n := in.uvarint(); n > 0 && !in.bad; n-- {
		kv := s.restoreVersion(in, nil)
		if in.bad || bytes.Compare(last, kv.Key) >= 0 { // an empty key fails here, too
			in.bad = true
			return
		}
		last = kv.Key
		s.present.Load(present{key: kv.Key, kv: kv})
		s.size += kv.size()
	}
}

// restorePast also makes sure that the versions of one key do not overlap.
func (s *Store) restorePast(in *source) {
	var last past
	for n := in.uvarint(); n > 0 && !in.bad; n-- {
		kv := s.restoreVersion(in, last.key)
		until := Revision(in.int())
		if in.bad || until <= kv.ModRevision || until > s.revision || until <= s.compacted {
			in.bad = true
			return
		}
		order := bytes.Compare(last.key, kv.Key)
		now := s.newest(kv.Key)
		if order > 0 || order == 0 && kv.ModRevision < last.until || now != nil && now.ModRevision < until {
			in.bad = true
			return
		}
		if now != nil {
			kv.Key = now.Key // one copy of a key for all its versions
		}
		last = past{key: kv.Key, mod: kv.ModRevision, until: until, kv: kv}
		s.past.Load(last)
		s.size += kv.size()
	}
}

// restoreVersion reads one version. If its key equals a known one, it shares it.
func (s *Store) restoreVersion(in *source, known []byte) *KeyValue {
	kv := &KeyValue{Key: in.bytes(known)}
	kv.Value = in.bytes(nil)
	kv.CreateRevision, kv.ModRevision = Revision(in.int()), Revision(in.int())
	kv.Version, kv.Lease = in.int(), Lease(in.int())
	if len(kv.Key) == 0 || kv.CreateRevision < 1 || kv.ModRevision < kv.CreateRevision ||
		kv.ModRevision > s.revision || kv.Version < 1 {
		in.bad = true
	}
	return kv
}
