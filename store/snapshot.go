package store

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
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
	versionSizeMin  = 6
	snapshotSizeMin = len(snapshotMagic) + 4 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Snapshot returns all replicated state as bytes for Restore; stores with the same
// state give the same bytes. To go on writing meanwhile, take it from a Clone.
func (s *Store) Snapshot() []byte { return s.AppendSnapshot(nil) }

// AppendSnapshot appends what Snapshot returns to dst.
func (s *Store) AppendSnapshot(dst []byte) []byte {
	begin := len(dst)
	dst = room(dst, s.snapshotSize())
	dst = s.encode(dst, func(part []byte) []byte { return part })
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[begin:], castagnoli))
}

// snapshotSize is the length of a snapshot, counted by encoding everything once
// without keeping it. A buffer that grew on the way would be moved as a whole:
// nothing can interrupt that, and with hundreds of megabytes it takes so long
// that a leader misses its heartbeats.
func (s *Store) snapshotSize() int {
	n := 4
	s.encode(nil, func(part []byte) []byte {
		n += len(part)
		return part[:0]
	})
	return n
}

// room gives dst room for n more bytes. It does not use slices.Grow, which
// clears what it adds at one stroke.
func room(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst
	}
	return append(make([]byte, 0, len(dst)+n), dst...)
}

// encode appends the state to dst and passes dst on after each version: a caller
// that needs no more of it than that empties it there, and memory stays bounded.
func (s *Store) encode(dst []byte, flush func([]byte) []byte) []byte {
	dst = append(dst, snapshotMagic...)
	dst = appendInt(dst, s.revision)
	dst = appendInt(dst, s.compacted+1)
	dst = binary.AppendUvarint(dst, uint64(s.present.Len()))
	s.present.Scan(func(e present) bool {
		dst = flush(appendVersion(dst, e.kv))
		return true
	})
	dst = binary.AppendUvarint(dst, uint64(s.past.Len()))
	s.past.Scan(func(p past) bool {
		dst = flush(appendInt(appendVersion(dst, p.kv), p.until))
		return true
	})
	return flush(dst)
}

func appendVersion(dst []byte, kv *KeyValue) []byte {
	dst = appendBytes(dst, kv.Key)
	dst = appendBytes(dst, kv.Value)
	dst = appendInt(dst, kv.CreateRevision)
	dst = appendInt(dst, kv.ModRevision)
	dst = appendInt(dst, kv.Version)
	return appendInt(dst, kv.Lease)
}

// Restore makes a store from the bytes of a snapshot, which it does not keep. The
// result behaves, hashes and snapshots as the original. Bytes that no store could
// have written give ErrSnapshotMalformed, damaged ones ErrSnapshotCorrupt.
func Restore(b []byte) (*Store, error) {
	if len(b) < snapshotSizeMin || string(b[:len(snapshotMagic)]) != snapshotMagic {
		return nil, ErrSnapshotMalformed
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, ErrSnapshotCorrupt
	}
	s := New()
	r := reader{b: body[len(snapshotMagic):]}
	s.revision, s.compacted = Revision(r.int()), Revision(r.int())-1
	if s.revision < 1 || s.compacted < -1 || s.compacted > s.revision {
		r.fail()
	}
	s.restorePresent(&r)
	s.restorePast(&r)
	if r.bad || len(r.b) != 0 {
		return nil, ErrSnapshotMalformed
	}
	return s, nil
}

func (s *Store) restorePresent(r *reader) {
	var last []byte
	for n := r.count(versionSizeMin, math.MaxInt); n > 0; n-- {
		kv := s.restoreVersion(r, nil)
		if r.bad || bytes.Compare(last, kv.Key) >= 0 { // an empty key fails here, too
			r.fail()
			return
		}
		last = kv.Key
		s.present.Load(present{key: kv.Key, kv: kv})
		s.size += kv.size()
	}
}

// restorePast also makes sure that the versions of one key do not overlap.
func (s *Store) restorePast(r *reader) {
	var last past
	for n := r.count(versionSizeMin+1, math.MaxInt); n > 0; n-- {
		kv := s.restoreVersion(r, last.key)
		until := Revision(r.int())
		if r.bad || until <= kv.ModRevision || until > s.revision || until <= s.compacted {
			r.fail()
			return
		}
		order := bytes.Compare(last.key, kv.Key)
		now := s.newest(kv.Key)
		if order > 0 || order == 0 && kv.ModRevision < last.until || now != nil && now.ModRevision < until {
			r.fail()
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
func (s *Store) restoreVersion(r *reader, known []byte) *KeyValue {
	kv := &KeyValue{Key: known}
	if key := r.bytes(); !bytes.Equal(key, known) {
		kv.Key = bytes.Clone(key)
	}
	kv.Value = bytes.Clone(r.bytes())
	kv.CreateRevision, kv.ModRevision = Revision(r.int()), Revision(r.int())
	kv.Version, kv.Lease = r.int(), Lease(r.int())
	if len(kv.Key) == 0 || kv.CreateRevision < 1 || kv.ModRevision < kv.CreateRevision ||
		kv.ModRevision > s.revision || kv.Version < 1 {
		r.fail()
	}
	return kv
}
