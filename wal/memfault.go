package wal

import (
	"errors"
	"strconv"
)

// Errors that a Fail hook may return, and what a handle of before a crash says.
var (
	ErrIO      = errors.New("input/output error")
	ErrCrashed = errors.New("the machine has crashed since this file was opened")
)

// ShortWrite, from a Fail hook, lets a write fail after its first Bytes.
type ShortWrite struct {
	Bytes int
	Err   error
}

// Error tells the cause and how much was written.
func (s *ShortWrite) Error() string {
	return s.Err.Error() + " after " + strconv.Itoa(s.Bytes) + " bytes"
}

// Unwrap is the cause.
func (s *ShortWrite) Unwrap() error { return s.Err }

// Crash cuts the power: locks are free, open files are dead, and what was not
// synced is gone unless keep says otherwise. keep is called, in a fixed order
// with numbers from 0, for each unsynced write of a sector (newest first; once
// a sector is kept, what was written to it earlier is not asked about) and for
// each unsynced operation on a directory (oldest first; after the first that
// is lost, the later ones of that directory are lost too). What is kept is
// durable afterwards. A nil keep keeps nothing.
func (m *MemFS) Crash(keep func(op int) bool) {
	m.CrashTorn(func(op int) int {
		if keep != nil && keep(op) {
			return sectorBytes
		}
		return 0
	})
}

// CrashTorn is Crash with sectors that may be torn: keep says how many of the
// first bytes of the sector were written, from 0 to 512. What stands behind them
// is an older version of the sector, which is asked about in turn. Of a
// directory, anything but 0 keeps the operation.
func (m *MemFS) CrashTorn(keep func(op int) int) {
	asked := 0
	m.crash(func(*memNode, []byte, []byte) int {
		asked++
		return keep(asked - 1)
	})
}

// CrashMid is Crash in the middle of a write: of what the newest unsynced write of
// each file changes, the first half is on the disk. All that was written before is
// there as well. It says whether there was such a write.
func (m *MemFS) CrashMid() (torn bool) {
	seen := map[*memNode]bool{}
	m.crash(func(n *memNode, was, is []byte) int {
		if n == nil || seen[n] {
			return sectorBytes
		}
		seen[n], torn = true, true
		first, past := 0, len(is)
		for first < past && is[first] == byteAt(was, first) {
			first++
		}
		for past > first && is[past-1] == byteAt(was, past-1) {
			past--
		}
		return (first + past) / 2
	})
	return torn
}

// byteAt is a byte of a sector; one that was not there is all zeros.
func byteAt(sector []byte, k int) byte {
	if k < len(sector) {
		return sector[k]
	}
	return 0
}

// crash asks for each unsynced write of a sector, newest first, how many of its
// bytes are kept, given the file, and the sector before the write and after it; and
// for each unsynced operation on a directory, with none of these.
func (m *MemFS) crash(ask func(n *memNode, was, is []byte) int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range m.dirty {
		n.crash(ask)
	}
	m.dirty = m.dirty[:0]
	for _, d := range m.order {
		kept := 0
		for kept < len(d.undo) && (d.undo[kept].joined || ask(nil, nil, nil) != 0) {
			kept++
		}
		for i := len(d.undo) - 1; i >= kept; i-- {
			if e := d.undo[i]; e.was == nil {
				delete(m.nodes, e.name)
			} else {
				m.nodes[e.name] = e.was
				e.was.name = e.name
			}
		}
		d.undo = d.undo[:0]
	}
	m.used = 0
	for _, n := range m.nodes {
		m.used += int64(len(n.data))
	}
	m.restart()
}

// Kill ends the process but not the machine: locks are free, open files are
// dead, and what was not synced can still be lost by a later Crash.
func (m *MemFS) Kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.restart()
}

func (m *MemFS) restart() {
	m.boot++
	m.locks = map[string]*memLock{}
}

// Rot flips the bits of mask in one byte of a file, in what can be read and in
// what is durable, as a disk does that decays. It says whether there is such a
// byte.
func (m *MemFS) Rot(name string, off int64, mask byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.nodes[name]
	if n == nil || off < 0 || off >= int64(len(n.data)) {
		return false
	}
	n.data[off] ^= mask
	for _, u := range n.undo {
		if int64(u.sector) == off/sectorBytes && u.at >= 0 {
			n.old[int64(u.at)*sectorBytes+off%sectorBytes] ^= mask
		}
	}
	return true
}

// Length of a file, and whether there is one. Fail is not asked.
func (m *MemFS) Length(name string) (int64, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := m.nodes[name]; n != nil {
		return int64(len(n.data)), true
	}
	return 0, false
}

// SetSpace bounds the bytes of all files; 0 means no bound. A write that makes a
// file longer than there is room for writes what fits, and fails with
// ErrNoSpace. What the files hold already is never taken away.
func (m *MemFS) SetSpace(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.space = bytes
}

// Used is how many bytes all files have.
func (m *MemFS) Used() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used
}

// room is how many bytes may be written at off.
func (m *MemFS) room(n *memNode, off int64) int64 {
	if m.space == 0 {
		return 1 << 62
	}
	return max(0, int64(len(n.data))-off+max(0, m.space-m.used))
}

// crash brings sectors back, newest first, until one of their writes is kept.
func (n *memNode) crash(ask func(n *memNode, was, is []byte) int) {
	settled := map[int32]bool{}
	type tear struct {
		off   int64
		bytes []byte
	}
	var tears []tear // newest first
	size := int64(len(n.data))
	keptSize := int64(0)
	for i := len(n.undo) - 1; i >= 0; i-- {
		u := n.undo[i]
		if settled[u.sector] {
			continue
		}
		off := int64(u.sector) * sectorBytes
		sector := n.data[off:]
		sector = sector[:min(len(sector), sectorBytes)]
		var was []byte
		if u.at >= 0 {
			was = n.old[int(u.at)*sectorBytes:][:sectorBytes]
		}
		if !u.stuck {
			k := ask(n, was, sector)
			if k > 0 {
				keptSize = max(keptSize, min(size, off+int64(k)))
			}
			if k >= sectorBytes {
				settled[u.sector] = true
				continue
			}
			if k > 0 {
				tears = append(tears, tear{off, append([]byte(nil), sector[:min(k, len(sector))]...)})
			}
		}
		if was == nil {
			clear(sector)
		} else {
			copy(sector, was)
		}
	}
	for i := len(tears) - 1; i >= 0; i-- {
		copy(n.data[tears[i].off:], tears[i].bytes)
	}
	for i := range n.undo {
		if u := n.undo[i]; u.grew { // the first that did knows the durable size
			n.data = n.data[:max(u.size, keptSize)]
			break
		}
	}
	n.undo, n.old, n.queued = n.undo[:0], n.old[:0], false
}
