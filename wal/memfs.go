package wal

import (
	"errors"
	"io"
	"slices"
	"sync"
)

// Op is an operation of a MemFS, for its Fail hook.
type Op uint8

const (
	OpMkdir   Op = 1
	OpList    Op = 2
	OpCreate  Op = 3
	OpOpen    Op = 4
	OpRename  Op = 5
	OpRemove  Op = 6
	OpSyncDir Op = 7
	OpLock    Op = 8
	OpRead    Op = 9
	OpWrite   Op = 10
	OpSync    Op = 11
)

const sectorBytes = 512 // what a disk writes whole or not at all

// MemFS is a file system in memory that loses at a power cut what was not
// synced, as a real one does: each written sector for itself, and of each
// directory everything after some point. It is deterministic: the same calls
// give the same results. Work and memory go with what is written, not with the
// sizes of files. It may be used by several goroutines.
//
// Directories themselves are durable as soon as they are made.
type MemFS struct {
	// Fail, when not nil, is asked before each operation on the file or
	// directory name; off is the position of a read or write, else 0. An error
	// is what the operation returns, and it does nothing, but that a write which
	// fails with a *ShortWrite leaves its first bytes. A failed Sync leaves what
	// was written readable, but later Syncs do not make it durable: only writing
	// it again and another Sync do. Set it before the MemFS is used.
	Fail func(op Op, name string, off int64) error

	mu    sync.Mutex // guards what follows
	boot  uint64     // grows with each Crash and Kill: older handles are dead
	nodes map[string]*memNode
	dirs  map[string]*memDir
	order []*memDir // as made
	locks map[string]*memLock
	dirty []*memNode // with unsynced writes, in the order of their first
	used  int64      // bytes of all files that have a name
	space int64      // bound of used; 0: none
}

// memNode is a file. Its name is its newest.
type memNode struct {
	name   string
	data   []byte
	undo   []memUndo
	old    []byte // the sectors that undo brings back, in order
	queued bool   // in MemFS.dirty
}

// memUndo brings one sector back to what it was before a write.
type memUndo struct {
	sector int32
	at     int32 // of the sector in old, in sectors; -1: it was not there
	grew   bool  // the write made the file longer; size is what it was
	stuck  bool  // a failed sync has dropped the write: it is not durable
	size   int64 // of the file before the write
}

// memDir is the journal of a directory: what SyncDir would make durable.
type memDir struct {
	name string
	undo []memEntry
}

// memEntry is the name of a file before an operation; nil: there was none.
// A rename is two entries that stand or fall together.
type memEntry struct {
	name   string
	was    *memNode
	joined bool // undone and kept together with the one before
}

type memLock struct {
	fs   *MemFS
	name string
}

type memFile struct {
	fs   *MemFS
	node *memNode
	boot uint64
}

// NewMemFS returns an empty file system.
func NewMemFS() *MemFS {
	return &MemFS{nodes: map[string]*memNode{}, dirs: map[string]*memDir{}, locks: map[string]*memLock{}}
}

// Clone returns an independent copy, with nothing locked or open, and with the
// same writes unsynced. It costs as much as all files are long.
func (m *MemFS) Clone() *MemFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMemFS()
	copies := map[*memNode]*memNode{}
	clone := func(n *memNode) *memNode {
		if n == nil {
			return nil
		}
		if copies[n] == nil {
			copies[n] = &memNode{n.name, slices.Clone(n.data), slices.Clone(n.undo), slices.Clone(n.old), n.queued}
		}
		return copies[n]
	}
	for name, n := range m.nodes {
		c.nodes[name] = clone(n)
	}
	for _, d := range m.order {
		e := &memDir{name: d.name, undo: slices.Clone(d.undo)}
		for i := range e.undo {
			e.undo[i].was = clone(e.undo[i].was)
		}
		c.dirs[d.name] = e
		c.order = append(c.order, e)
	}
	for _, n := range m.dirty {
		c.dirty = append(c.dirty, clone(n))
	}
	c.used, c.space = m.used, m.space
	return c
}

// enter begins an operation. The caller unlocks mu when it returns nil.
func (m *MemFS) enter(op Op, name string, off int64) error {
	if m.Fail != nil {
		if err := m.Fail(op, name, off); err != nil {
			return &fileError{opNames[op], name, err}
		}
	}
	m.mu.Lock()
	return nil
}

var opNames = [...]string{"", "mkdir", "list", "create", "open", "rename", "remove", "syncdir", "lock", "read", "write", "sync"}

// MkdirAll makes the directory, and is durable at once.
func (m *MemFS) MkdirAll(dir string) error {
	if err := m.enter(OpMkdir, dir, 0); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if m.dirs[dir] == nil {
		m.dirs[dir] = &memDir{name: dir}
		m.order = append(m.order, m.dirs[dir])
	}
	return nil
}

// List gives the names in dir, sorted.
func (m *MemFS) List(dir string) ([]string, error) {
	if err := m.enter(OpList, dir, 0); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if m.dirs[dir] == nil {
		return nil, notThere("list", dir)
	}
	var names []string
	for name := range m.nodes {
		if n := len(dir) + 1; len(name) > n && name[:n] == dir+"/" && parent(name) == dir {
			at, _ := slices.BinarySearch(names, name[n:]) // a folder has a few files
			names = slices.Insert(names, at, name[n:])
		}
	}
	return names, nil
}

// Create makes a file that must not exist.
func (m *MemFS) Create(name string) (File, error) {
	if err := m.enter(OpCreate, name, 0); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if m.nodes[name] != nil {
		return nil, &fileError{"create", name, errExist}
	}
	if !m.journal(name, false) {
		return nil, notThere("create", parent(name))
	}
	n := &memNode{name: name}
	m.nodes[name] = n
	return &memFile{m, n, m.boot}, nil
}

// Open opens a file that must exist.
func (m *MemFS) Open(name string) (File, error) {
	if err := m.enter(OpOpen, name, 0); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	n := m.nodes[name]
	if n == nil {
		return nil, notThere("open", name)
	}
	return &memFile{m, n, m.boot}, nil
}

// Rename moves a file over another in the same directory.
func (m *MemFS) Rename(from, to string) error {
	if err := m.enter(OpRename, from, 0); err != nil {
		return err
	}
	defer m.mu.Unlock()
	n := m.nodes[from]
	if n == nil || parent(from) != parent(to) {
		return notThere("rename", from)
	}
	m.journal(from, false)
	m.journal(to, true)
	if old := m.nodes[to]; old != nil {
		m.used -= int64(len(old.data))
	}
	delete(m.nodes, from)
	m.nodes[to] = n
	n.name = to
	return nil
}

// Remove deletes a file.
func (m *MemFS) Remove(name string) error {
	if err := m.enter(OpRemove, name, 0); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if m.nodes[name] == nil {
		return notThere("remove", name)
	}
	m.journal(name, false)
	m.used -= int64(len(m.nodes[name].data))
	delete(m.nodes, name)
	return nil
}

// SyncDir makes all operations on the directory durable.
func (m *MemFS) SyncDir(dir string) error {
	if err := m.enter(OpSyncDir, dir, 0); err != nil {
		return err
	}
	defer m.mu.Unlock()
	d := m.dirs[dir]
	if d == nil {
		return notThere("syncdir", dir)
	}
	clear(d.undo)
	d.undo = d.undo[:0]
	return nil
}

// Lock takes name until closed, Crash or Kill.
func (m *MemFS) Lock(name string) (io.Closer, error) {
	if err := m.enter(OpLock, name, 0); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if m.locks[name] != nil {
		return nil, ErrLocked
	}
	k := &memLock{m, name}
	m.locks[name] = k
	return k, nil
}

// Close gives the lock back, unless a crash did and another has it now.
func (k *memLock) Close() error {
	k.fs.mu.Lock()
	defer k.fs.mu.Unlock()
	if k.fs.locks[k.name] == k {
		delete(k.fs.locks, k.name)
	}
	return nil
}

// journal notes what a name stands for before an operation changes it.
func (m *MemFS) journal(name string, joined bool) bool {
	d := m.dirs[parent(name)]
	if d == nil {
		return false
	}
	d.undo = append(d.undo, memEntry{name, m.nodes[name], joined})
	return true
}

func parent(name string) string {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '/' {
			return name[:i]
		}
	}
	return ""
}

func notThere(op, name string) error {
	return &fileError{op, name, errNotExist}
}

// enter begins an operation on an open file.
func (f *memFile) enter(op Op, off int64) error {
	if err := f.fs.enter(op, f.node.name, off); err != nil {
		return err
	}
	if f.boot != f.fs.boot {
		f.fs.mu.Unlock()
		return ErrCrashed
	}
	return nil
}

// enterAgain begins, after Fail was asked, what is still done of an operation.
func (m *MemFS) enterAgain(f *memFile) error {
	m.mu.Lock()
	if f.boot != m.boot {
		m.mu.Unlock()
		return ErrCrashed
	}
	return nil
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.enter(OpRead, off); err != nil {
		return 0, err
	}
	defer f.fs.mu.Unlock()
	if off < 0 || off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	var failure error
	if err := f.enter(OpWrite, off); err != nil {
		var short *ShortWrite
		if !errors.As(err, &short) || f.fs.enterAgain(f) != nil {
			return 0, err
		}
		p, failure = p[:min(len(p), max(0, short.Bytes))], err
	}
	defer f.fs.mu.Unlock()
	n := f.node
	if room := f.fs.room(n, off); int64(len(p)) > room {
		p, failure = p[:room], &fileError{"write", n.name, ErrNoSpace}
	}
	if len(p) == 0 {
		return 0, failure
	}
	if !n.queued {
		n.queued = true
		f.fs.dirty = append(f.fs.dirty, n)
	}
	size := len(n.data)
	n.write(p, off)
	if f.fs.nodes[n.name] == n {
		f.fs.used += int64(len(n.data) - size)
	}
	return len(p), failure
}

func (f *memFile) Size() (int64, error) {
	if err := f.enter(OpRead, 0); err != nil {
		return 0, err
	}
	defer f.fs.mu.Unlock()
	return int64(len(f.node.data)), nil
}

func (f *memFile) Sync() error {
	if err := f.enter(OpSync, 0); err != nil {
		f.fs.mu.Lock()
		for i := range f.node.undo {
			f.node.undo[i].stuck = true
		}
		f.fs.mu.Unlock()
		return err
	}
	defer f.fs.mu.Unlock()
	n := f.node
	n.sync()
	if len(n.undo) == 0 && n.queued {
		n.queued = false
		at := slices.Index(f.fs.dirty, n)
		f.fs.dirty = slices.Delete(f.fs.dirty, at, at+1)
	}
	return nil
}

func (f *memFile) Close() error { return nil }

// write puts p at off and notes, for each sector, what stood there.
func (n *memNode) write(p []byte, off int64) {
	size := int64(len(n.data))
	end := off + int64(len(p))
	for s := off / sectorBytes; s*sectorBytes < end; s++ {
		u := memUndo{sector: int32(s), at: -1, grew: end > size, size: size}
		if s*sectorBytes < size {
			at := len(n.old)
			u.at = int32(at / sectorBytes)
			n.old = append(n.old, make([]byte, sectorBytes)...)
			copy(n.old[at:], n.data[s*sectorBytes:])
		}
		n.undo = append(n.undo, u)
	}
	if end > size {
		n.data = append(n.data, make([]byte, end-size)...)
	}
	copy(n.data[off:], p)
}

// sync forgets how to undo what is durable now: everything but the writes that
// a failed sync dropped and that no later write has replaced.
func (n *memNode) sync() {
	kept := 0
	var old []byte
	for i, u := range n.undo {
		if !u.stuck || slices.ContainsFunc(n.undo[i+1:], func(v memUndo) bool { return !v.stuck && v.sector == u.sector }) {
			continue
		}
		if u.at >= 0 {
			sector := n.old[int(u.at)*sectorBytes:][:sectorBytes]
			u.at = int32(len(old) / sectorBytes)
			old = append(old, sector...)
		}
		n.undo[kept] = u
		kept++
	}
	n.undo = n.undo[:kept]
	if kept > 0 {
		n.old = old
	} else {
		n.old = n.old[:0]
	}
}

// fileError says which file could not be used, and how.
type fileError struct {
	op, name string
	err      error
}

func (e *fileError) Error() string { return e.op + " " + e.name + ": " + e.err.Error() }
func (e *fileError) Unwrap() error { return e.err }
