package wal

import "veche/raft"

// Prepare makes the next segment ready, so that Append does not have to, and
// removes what is not needed any more: free segments beyond a few, and
// snapshots older than the one that is recorded. It may take as long as writing
// a segment full of zeros, and is meant for a goroutine beside the writer's;
// any may call it, at any time. When there is nothing to do it costs two locks.
//
// An error other than ErrDead leaves the log as it was (a full disk, say): the
// call may be repeated.
func (l *Log) Prepare() error {
	l.house.Lock()
	defer l.house.Unlock()
	if err := l.alive(); err != nil {
		return err
	}
	if err := l.removeSnapshots(); err != nil { // first: on a full disk, this makes room
		return err
	}
	if err := l.makeReady(l.size); err != nil {
		return err
	}
	return l.removeReleased()
}

// Unprepared says whether Prepare has something to do. Any goroutine may ask.
func (l *Log) Unprepared() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead == nil && (l.ready == nil || len(l.released) > releasedMax || l.outdated)
}

// ensure makes sure, for the writer, that a next segment of at least size bytes
// is ready. It waits for a Prepare that is under way.
func (l *Log) ensure(size int64) error {
	l.mu.Lock()
	enough := l.ready != nil && l.readySize >= size
	if l.ready == nil {
		l.stats.Waited++
	}
	l.mu.Unlock()
	if enough {
		return nil
	}
	l.house.Lock()
	defer l.house.Unlock()
	return l.makeReady(size)
}

// take hands the prepared segment over to the writer.
func (l *Log) take() (File, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.ready
	l.ready = nil
	l.next++
	return f, l.readySize
}

// makeReady prepares the next segment: from a released one if there is one of
// about the right size, else from zeros. house is held.
func (l *Log) makeReady(size int64) error {
	l.mu.Lock()
	f, have, number := l.ready, l.readySize, l.next
	l.mu.Unlock()
	for f == nil {
		old, ok := l.unrelease()
		if !ok {
			break
		}
		var err error
		if f, have, err = l.recycle(old, number, size); err != nil {
			return err
		}
	}
	if f == nil || have < size { // a larger one takes the place of one that is too small
		made, err := makeSegment(l.fs, l.dir, number, size)
		if err != nil {
			return err
		}
		if f != nil {
			_ = f.Close() // nothing was written to it
		}
		f, have = made, size
		l.mu.Lock()
		l.ready, l.readySize = f, have
		l.stats.Created++
		l.mu.Unlock()
		if err := l.fs.SyncDir(l.dir); err != nil {
			return l.die(wrap("a failed sync of directory "+l.dir, err))
		}
		return nil
	}
	l.mu.Lock()
	l.ready, l.readySize = f, have
	l.mu.Unlock()
	return nil
}

// unrelease takes the oldest free segment: those that remain have no gap.
func (l *Log) unrelease() (uint64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.released) == 0 {
		return 0, false
	}
	old := l.released[0]
	l.released = l.released[1:]
	return old, true
}

// recycle gives the file of a free segment a new number, or removes it when its
// size does not fit. What it holds is bound to the old number and counts for
// nothing.
func (l *Log) recycle(old, number uint64, size int64) (File, int64, error) {
	from := l.dir + "/" + segmentName(old)
	f, err := l.fs.Open(from)
	if err != nil {
		return nil, 0, l.die(wrap("open the free segment "+from, err))
	}
	have, err := f.Size()
	if err == nil && have >= size && have <= 2*l.size {
		err = l.fs.Rename(from, l.dir+"/"+segmentName(number))
		if err == nil {
			err = l.fs.SyncDir(l.dir)
		}
		if err == nil {
			l.mu.Lock()
			l.stats.Recycled++
			l.mu.Unlock()
			return f, have, nil
		}
		_ = f.Close()
		return nil, 0, l.die(wrap("recycle "+from, err))
	}
	_ = f.Close()
	return nil, 0, l.remove(old)
}

// remove deletes a free segment. The directory is synced each time, so that a
// power cut never leaves a gap.
func (l *Log) remove(old uint64) error {
	name := l.dir + "/" + segmentName(old)
	err := l.fs.Remove(name)
	if err == nil {
		err = l.fs.SyncDir(l.dir)
	}
	if err != nil {
		return l.die(wrap("remove the free segment "+name, err))
	}
	l.mu.Lock()
	l.stats.Removed++
	l.mu.Unlock()
	return nil
}

// removeReleased keeps a few free segments and removes the older others.
func (l *Log) removeReleased() error {
	for {
		l.mu.Lock()
		many := len(l.released) > releasedMax
		l.mu.Unlock()
		if !many {
			return nil
		}
		old, _ := l.unrelease()
		if err := l.remove(old); err != nil {
			return err
		}
	}
}

// removeSnapshots removes the files that are older than what is recorded, and
// what arrives in vain.
func (l *Log) removeSnapshots() (err error) {
	l.mu.Lock()
	outdated := l.outdated
	l.outdated = false
	l.mu.Unlock()
	if !outdated {
		return nil
	}
	defer func() {
		if err != nil {
			l.mu.Lock()
			l.outdated = true // what is left is for the next call
			l.mu.Unlock()
		}
	}()
	names, err := l.fs.List(l.dir)
	if err != nil {
		return wrap("list data directory "+l.dir, err)
	}
	for _, name := range names {
		if !l.isOld(name) {
			continue
		}
		if err := l.fs.Remove(l.dir + "/" + name); err != nil {
			return wrap("remove the old snapshot "+l.dir+"/"+name, err)
		}
	}
	return nil
}

// isOld says whether a file is a snapshot from before the one that is recorded,
// or the part of one that is not after it.
func (l *Log) isOld(name string) bool {
	if g, index, ok := snapshotParts(name); ok {
		return index < l.recordedIndex(g)
	}
	g, index, _, ok := partParts(name)
	return ok && index <= l.recordedIndex(g)
}

func (l *Log) recordedIndex(g raft.GroupID) raft.Index {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.recorded[g]
}
