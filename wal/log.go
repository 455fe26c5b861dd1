package wal

import (
	"errors"
	"slices"
	"sync"

	"veche/raft"
)

// Options of a Log. Only Random is required.
type Options struct {
	// SegmentBytes is the size of a segment's file; 0 means 16 MiB. A write
	// that is larger makes its segment larger.
	SegmentBytes int64
	// Random draws the incarnation when the directory is made.
	Random func() uint64
	// Clock gives nanoseconds that go on, to measure syncs with (Stats). nil
	// leaves it.
	Clock func() int64
	// Salvage opens a log that is damaged all the same when every group's newest
	// term and vote are known for certain: with the entries before the first
	// damage and the newest snapshot that is whole, Restored.Damaged, and on the
	// disk the standing Damaged. It reads the recorded snapshots once, to see
	// whether they are whole.
	Salvage bool
}

// Record is one write of one group.
type Record struct {
	Group raft.GroupID
	Write raft.Write
}

// Stats counts what a Log did since Open. Bytes are bytes of the files.
type Stats struct {
	Appended  uint64 // bytes of frames that carry records
	Records   uint64
	Syncs     uint64 // of segments, by Sync and by the change to a next segment
	Segments  int    // files in use: not yet released, the current one among them
	Created   uint64 // segments that were filled with zeros
	Recycled  uint64 // segments that took over the file of a released one
	Removed   uint64 // released segments that were removed
	Waited    uint64 // changes of segment that found none prepared
	Torn      int    // frames that Open found behind a torn end, and erased
	Unsynced  int64  // bytes that Open found behind the last position known to be durable, and made durable
	Snapshots uint64 // snapshots that were committed
	Received  uint64 // snapshots that were received
	// SyncTimes counts the syncs of segments that took at most as long as
	// SyncBounds says at the same place, and in the last place the longer ones;
	// SyncNanos is the sum of their times. Only with Options.Clock.
	SyncTimes [len(SyncBounds) + 1]uint64
	SyncNanos uint64
}

// SyncBounds are nanoseconds: 1 ms, 2 ms, 4 ms, and so on up to 8.192 s.
var SyncBounds = [14]int64{1e6, 2e6, 4e6, 8e6, 16e6, 32e6, 64e6, 128e6, 256e6, 512e6, 1024e6, 2048e6, 4096e6, 8192e6}

// Log is the durable log of one data directory. Append and Sync are the
// writer's: one goroutine calls them. Prepare, Stats and what concerns snapshots
// may be called from others at the same time.
type Log struct {
	fs          FS
	dir         string
	id          Identity
	size        int64 // of new segments
	incarnation raft.Incarnation
	boot        raft.Boot
	lock        interface{ Close() error }
	clock       func() int64 // nil: syncs are not measured

	// Of the writer.
	groups    map[raft.GroupID]*group
	order     []*group // by id
	sealed    []sealed // by number
	file      File     // the current segment
	number    uint64
	fileSize  int64
	tail      int64 // where the next frame will stand
	synced    int64 // the current segment is durable up to here
	proven    int64 // a durable frame says that it is, up to here
	seed      uint32
	buf       []byte // frames that stand at bufAt, not yet written
	bufAt     int64
	scratch   [32]byte       // input of a checksum
	own       [sealSize]byte // a mark or a seal
	tally     tally          // of the current segment
	repeated  raft.Write     // what put is about to write, with the hard state
	appended  uint64         // by the Append under way
	stale     bool           // a cut, or the head of a segment, has not led to a release yet
	recording bool           // a snapshot was recorded since the last sync

	// At start only.
	restored map[raft.GroupID]raft.Restored
	salvaged error

	house sync.Mutex // held while a segment is made, recycled or removed

	mu        sync.Mutex // guards what follows
	dead      error
	ready     File   // the prepared segment, of number next-1; nil when there is none
	readySize int64  // its size
	next      uint64 // the number of the segment to be prepared
	released  []uint64
	recorded  map[raft.GroupID]raft.Index // newest snapshot that is recorded durably
	outdated  bool                        // there may be snapshot files to remove
	stats     Stats
}

// Open takes the data directory dir for this process, makes it when there is
// none, and recovers what it holds. It reads the segments that are still
// needed; memory is bounded by the entries that are not cut.
//
// It fails, without having changed anything, when another process has the
// directory, when it belongs to someone else (ErrForeign), or when it is
// damaged (ErrDamaged) beyond what Options.Salvage allows.
func Open(fs FS, dir string, id Identity, opt Options) (*Log, error) {
	size, err := opt.check(id)
	if err != nil {
		return nil, err
	}
	if err := fs.MkdirAll(dir); err != nil {
		return nil, wrap("make data directory "+dir, err)
	}
	lock, err := fs.Lock(dir + "/" + lockName)
	if errors.Is(err, ErrLocked) {
		return nil, wrap("data directory "+dir+" is in use by another process", err)
	}
	if err != nil {
		return nil, wrap("lock data directory "+dir, err)
	}
	l := &Log{
		fs: fs, dir: dir, id: id, size: size, lock: lock, clock: opt.Clock,
		groups: map[raft.GroupID]*group{}, restored: map[raft.GroupID]raft.Restored{},
		recorded: map[raft.GroupID]raft.Index{},
	}
	if err := l.start(&opt); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

// check fills in the size of a segment.
func (o Options) check(id Identity) (int64, error) {
	size := o.SegmentBytes
	if size == 0 {
		size = segmentBytesDefault
	}
	switch {
	case o.Random == nil:
		return 0, wrap("open the log", optionError("Options.Random is missing: the directory's incarnation must be drawn at random"))
	case size < segmentBytesMin || size > segmentBytesMax:
		return 0, wrap("open the log", optionError("Options.SegmentBytes must be between 512 and 1 GiB"))
	case len(id.Name) > nameBytesMax:
		return 0, wrap("open the log", optionError("the member's name is longer than 1024 bytes"))
	}
	return (size + 511) &^ 511, nil
}

type optionError string

func (o optionError) Error() string { return string(o) }

// Incarnation names the directory: it was drawn when the directory was made.
func (l *Log) Incarnation() raft.Incarnation { return l.incarnation }

// Boot is 1 for the first Open of the directory, and grows with each.
func (l *Log) Boot() raft.Boot { return l.boot }

// Salvaged tells the damage that Open has met and gone on without
// (Options.Salvage), or nil.
func (l *Log) Salvaged() error { return l.salvaged }

// Groups lists the groups that the log knew at Open, in increasing order.
func (l *Log) Groups() []raft.GroupID {
	ids := make([]raft.GroupID, 0, len(l.restored))
	for id := range l.restored {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Restored is what the log held of a group at Open; the zero value for a group
// it did not know. The log keeps it until Release.
func (l *Log) Restored(g raft.GroupID) raft.Restored {
	must(l.restored != nil, "Restored was called after Release")
	return l.restored[g]
}

// Release lets go of what Restored and Groups tell, once all cores have
// started. Restored must not be called afterwards: it would tell of an empty
// disk, so it panics.
func (l *Log) Release() { l.restored = nil }

// Append writes the records behind what the log holds, in order. They are
// durable once a later Sync returns nil; before, a power cut leaves each record
// whole or not at all, and none without those before it. The records' slices
// are not kept.
//
// A record that cannot follow what its group has (a gap, a cut beyond the
// snapshot) and any failed write are final: the log is dead. ErrTooLarge is
// not, and nothing of the call was written then.
func (l *Log) Append(records []Record) error {
	if err := l.alive(); err != nil {
		return err
	}
	for i := range records {
		if tooLarge(&records[i].Write) {
			return ErrTooLarge
		}
	}
	for i := range records {
		if err := l.put(&records[i]); err != nil {
			return l.die(err)
		}
	}
	if err := l.flush(); err != nil {
		return l.die(err)
	}
	l.mu.Lock()
	l.stats.Records += uint64(len(records))
	l.stats.Appended += l.appended
	l.appended = 0
	l.mu.Unlock()
	return nil
}

// Sync makes everything appended durable. After an error the log is dead.
func (l *Log) Sync() error {
	if err := l.alive(); err != nil {
		return err
	}
	if l.tail == l.synced {
		return nil
	}
	if err := l.syncSegment(); err != nil {
		return l.die(wrap("a failed sync of "+l.current(), err))
	}
	l.proven, l.synced = l.synced, l.tail // the frames that are durable now tell where the ones before ended
	if err := l.mark(); err != nil {
		_ = l.die(err) // what was appended is durable all the same
	}
	l.settle()
	return nil
}

// Proven names the current segment's file, and how far damage in it is seen for
// certain by the next Open, like all damage in the segments before. What stands
// behind was told to be durable by a mark that a power cut may have taken; with
// it gone, damage there looks like a torn end. The writer may ask.
func (l *Log) Proven() (file string, off int64) { return l.current(), l.proven }

// syncSegment syncs the current segment, and measures it.
func (l *Log) syncSegment() error {
	if l.clock == nil {
		return l.file.Sync()
	}
	start := l.clock()
	err := l.file.Sync()
	took := l.clock() - start
	at := 0
	for at < len(SyncBounds) && took > SyncBounds[at] {
		at++
	}
	l.mu.Lock()
	l.stats.SyncTimes[at]++
	l.stats.SyncNanos += uint64(max(took, 0))
	l.mu.Unlock()
	return err
}

// Stats tells what the log did since Open.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// Close makes everything appended durable, leaves a mark that says so, and lets
// the directory go. A dead log is only let go.
func (l *Log) Close() error {
	l.house.Lock() // a Prepare that is under way ends first
	defer l.house.Unlock()
	err := l.alive()
	if err == nil {
		if err = l.Sync(); err == nil {
			err = l.file.Sync() // the mark
		}
	}
	l.mu.Lock()
	if l.dead == nil {
		l.dead = ErrClosed
	}
	l.mu.Unlock()
	if e := l.release(); err == nil {
		err = e
	}
	return err
}

// release closes what is open.
func (l *Log) release() error {
	var err error
	closing := func(c interface{ Close() error }) {
		if e := c.Close(); err == nil {
			err = e
		}
	}
	if l.file != nil {
		closing(l.file)
		l.file = nil
	}
	if l.ready != nil {
		closing(l.ready)
		l.ready = nil
	}
	if l.lock != nil {
		closing(l.lock)
		l.lock = nil
	}
	return err
}

// put encodes one record behind the others in the buffer.
func (l *Log) put(r *Record) error {
	w := &r.Write
	g := l.groups[r.Group]
	if what := g.check(w); what != "" {
		return wrap("append to group "+hex(uint64(r.Group)), optionError(what))
	}
	start := len(l.buf)
	l.buf = append(l.buf, make([]byte, frameHeaderSize)...)
	if g != nil && g.changed && !w.HardChanged {
		l.repeated = *w
		l.repeated.HardChanged, l.repeated.Hard = true, g.hard
		l.buf = raft.AppendWrite(l.buf, &l.repeated)
		l.repeated = raft.Write{}
	} else {
		l.buf = raft.AppendWrite(l.buf, w)
	}
	n := len(l.buf) - start - frameHeaderSize
	size := frameSize(n)
	if w.Snapshot != nil || w.Cut != nil {
		var back raft.Write // what cannot be read back must not be written
		if err := raft.DecodeWrite(l.buf[start+frameHeaderSize:], &back); err != nil {
			return wrap("append to group "+hex(uint64(r.Group)), err)
		}
	}
	l.buf = append(l.buf, make([]byte, size-int64(frameHeaderSize+n))...)
	if l.tail+size+sealSize > l.fileSize {
		if err := l.roll(start, size); err != nil {
			return err
		}
		start = 0
	}
	created := g == nil
	if created {
		if g = l.group(r.Group); g == nil {
			return wrap("append to group "+hex(uint64(r.Group)), optionError("there are 32768 groups already"))
		}
	}
	changed := w.HardChanged && w.Hard != g.hard
	l.tally.add(changed, created)
	g.changed = g.changed || changed
	g.place(w)
	f := frame{kind: frameWrite, length: uint32(n), group: r.Group, synced: uint32(l.synced), boot: uint32(l.boot), tally: l.tally}
	drop := g.drops(w.Cut)
	if drop {
		f.kind = frameReset
	}
	snapshotMoved, cutMoved := g.settle(w, drop)
	l.recording = l.recording || snapshotMoved
	l.stale = l.stale || cutMoved
	putFrame(l.buf[start:], &l.scratch, l.seed, l.tail, &f)
	l.tail += size
	l.appended += uint64(size)
	if len(l.buf) >= flushBytes {
		return l.flush()
	}
	return nil
}

// tooLarge says whether a write may outgrow the largest frame.
func tooLarge(w *raft.Write) bool {
	const overhead = 64 // more than an encoded entry adds to its data
	n := int64(overhead)
	for i := range w.Entries {
		n += overhead + int64(len(w.Entries[i].Data))
	}
	return n > frameBytesMax-snapshotHeadMax
}

// flush writes the buffer to the current segment.
func (l *Log) flush() error {
	if len(l.buf) == 0 {
		return nil
	}
	if _, err := l.file.WriteAt(l.buf, l.bufAt); err != nil {
		return wrap("a failed write to "+l.current(), err)
	}
	l.bufAt += int64(len(l.buf))
	l.buf = l.buf[:0]
	if cap(l.buf) > bufferKeepMax {
		l.buf = nil
	}
	return nil
}

// mark says, where the next frame will stand, that all before it is durable. It
// is not synced itself: it reaches the disk with the next batch, or by itself
// when the machine is idle.
func (l *Log) mark() error {
	f := frame{kind: frameMark, synced: uint32(l.synced), boot: uint32(l.boot), tally: l.tally}
	putFrame(l.own[:], &l.scratch, l.seed, l.tail, &f)
	if _, err := l.file.WriteAt(l.own[:frameHeaderSize], l.tail); err != nil {
		return wrap("a failed write to "+l.current(), err)
	}
	return nil
}

// settle runs after a sync: what the cuts in it have freed is released.
func (l *Log) settle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Syncs++
	if l.recording {
		l.recording = false
		l.outdated = true
		for _, g := range l.order {
			l.recorded[g.id] = g.snapshot.Index
		}
	}
	if !l.stale {
		return
	}
	l.stale = false
	for len(l.sealed) > 0 && !l.sealed[0].needed() {
		l.released = append(l.released, l.sealed[0].number)
		l.sealed = l.sealed[1:]
		l.stats.Segments--
	}
}

// group finds or makes the memory of a group; nil when there are too many.
func (l *Log) group(id raft.GroupID) *group {
	if g := l.groups[id]; g != nil {
		return g
	}
	if len(l.order) >= groupsMax {
		return nil
	}
	g := &group{id: id}
	l.groups[id] = g
	at, _ := slices.BinarySearchFunc(l.order, id, func(g *group, id raft.GroupID) int {
		if g.id < id {
			return -1
		}
		return 1
	})
	l.order = slices.Insert(l.order, at, g)
	return g
}

// current names the current segment's file.
func (l *Log) current() string { return l.dir + "/" + segmentName(l.number) }

// alive tells why the log does not work any more, or nil.
func (l *Log) alive() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// die makes err the last word of the log.
func (l *Log) die(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead == nil {
		l.dead = &deadError{err}
	}
	return l.dead
}
