package wal

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"strconv"

	"veche/raft"
)

// Identity says to whom a data directory belongs.
type Identity struct {
	Cluster raft.ClusterID
	Member  raft.NodeID
	Name    string // for people, and compared too; at most 1024 bytes
}

// ReadIdentity tells to whom a data directory belongs, without taking it; false
// when there is no identity in it. A damaged one is an ErrDamaged.
func ReadIdentity(fs FS, dir string) (Identity, bool, error) {
	d, found, err := readIdentity(fs, dir)
	return d.Identity, found, err
}

const (
	lockName     = "LOCK"
	identityName = "identity"
	tmpSuffix    = ".tmp"
)

// identity is what the identity file holds. A boot of 0 is a directory that is
// still being made: nothing was ever written to its log.
type identity struct {
	Identity
	incarnation raft.Incarnation
	boot        raft.Boot
}

// The file: magic and version, checksum of the rest, cluster, member,
// incarnation, boot, length of the name, name.
const (
	identityMagic  = "veche/id"
	identityFormat = 2 // of the directory and all its files
	identityFixed  = 8 + 4 + 4 + 16 + 8 + 8 + 8 + 2
)

func (d *identity) encode() []byte {
	b := make([]byte, identityFixed, identityFixed+len(d.Name))
	copy(b, identityMagic)
	binary.LittleEndian.PutUint32(b[8:], identityFormat)
	copy(b[16:], d.Cluster[:])
	binary.LittleEndian.PutUint64(b[32:], uint64(d.Member))
	binary.LittleEndian.PutUint64(b[40:], uint64(d.incarnation))
	binary.LittleEndian.PutUint64(b[48:], uint64(d.boot))
	binary.LittleEndian.PutUint16(b[56:], uint16(len(d.Name)))
	b = append(b, d.Name...)
	binary.LittleEndian.PutUint32(b[12:], crc32.Update(crc32.Checksum(b[:12], castagnoli), castagnoli, b[16:]))
	return b
}

// decode returns what is wrong with b in a few words, or "".
func (d *identity) decode(b []byte) string {
	switch {
	case len(b) < identityFixed:
		return "it is too short"
	case string(b[:8]) != identityMagic:
		return "it does not begin as an identity file does"
	case binary.LittleEndian.Uint32(b[8:]) != identityFormat:
		return "its format is number " + strconv.FormatUint(uint64(binary.LittleEndian.Uint32(b[8:])), 10) +
			", and this program knows only " + strconv.Itoa(identityFormat)
	case crc32.Update(crc32.Checksum(b[:12], castagnoli), castagnoli, b[16:]) != binary.LittleEndian.Uint32(b[12:]):
		return "its checksum is wrong"
	case len(b) != identityFixed+int(binary.LittleEndian.Uint16(b[56:])):
		return "its length is wrong"
	}
	copy(d.Cluster[:], b[16:])
	d.Member = raft.NodeID(binary.LittleEndian.Uint64(b[32:]))
	d.incarnation = raft.Incarnation(binary.LittleEndian.Uint64(b[40:]))
	d.boot = raft.Boot(binary.LittleEndian.Uint64(b[48:]))
	d.Name = string(b[identityFixed:])
	if d.incarnation == 0 {
		return "its incarnation is 0"
	}
	return ""
}

// readIdentity returns false when there is none. A bad one is an error, never
// a new directory: its owner may have voted.
func readIdentity(fs FS, dir string) (identity, bool, error) {
	var d identity
	name := dir + "/" + identityName
	f, err := fs.Open(name)
	if missing(err) {
		return d, false, nil
	}
	if err != nil {
		return d, false, wrap("open "+name, err)
	}
	defer f.Close()
	b, err := readAll(f, identityBytesMax)
	if err != nil {
		return d, false, wrap("read "+name, err)
	}
	if what := d.decode(b); what != "" {
		return d, false, &DamageError{File: name, What: what}
	}
	return d, true, nil
}

// readAll reads a small file, up to max bytes.
func readAll(f File, max int64) ([]byte, error) {
	n, err := f.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(n, max))
	return b, readFull(f, b, 0)
}

// readFull fills b from off, or fails.
func readFull(f File, b []byte, off int64) error {
	n, err := f.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// replace makes name hold the parts, durably and all at once.
func replace(fs FS, dir, name string, parts ...[]byte) error {
	tmp := dir + "/" + name + tmpSuffix
	if err := fs.Remove(tmp); err != nil && !missing(err) {
		return wrap("remove what is left of "+tmp, err)
	}
	f, err := fs.Create(tmp)
	if err != nil {
		return wrap("create "+tmp, err)
	}
	var off int64
	for _, p := range parts {
		if _, err = f.WriteAt(p, off); err != nil {
			break
		}
		off += int64(len(p))
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = fs.Rename(tmp, dir+"/"+name)
	}
	if err != nil {
		_ = fs.Remove(tmp) // its room is better free; Open removes it otherwise
		return wrap("write "+dir+"/"+name, err)
	}
	if err := fs.SyncDir(dir); err != nil {
		return wrap("sync directory "+dir, err)
	}
	return nil
}

// belongs refuses a directory that is someone else's.
func (d *identity) belongs(dir string, id Identity) error {
	if d.Cluster == id.Cluster && d.Member == id.Member && d.Name == id.Name {
		return nil
	}
	return wrap("data directory "+dir+" belongs to "+d.Identity.String()+", but this is "+id.String(), ErrForeign)
}

// String names the member and its cluster.
func (id Identity) String() string {
	return "member " + strconv.Quote(id.Name) + " (id " + hex(uint64(id.Member)) + ") of cluster " +
		hex(binary.BigEndian.Uint64(id.Cluster[:8])) + hex(binary.BigEndian.Uint64(id.Cluster[8:]))
}

// hex writes v as 16 digits.
func hex(v uint64) string {
	s := strconv.FormatUint(v, 16)
	return "0000000000000000"[len(s):] + s
}

// unhex reads 16 digits in lower case.
func unhex(s string) (uint64, bool) {
	if len(s) != 16 {
		return 0, false
	}
	v, err := strconv.ParseUint(s, 16, 64)
	return v, err == nil && hex(v) == s
}
