package wal

import (
	"errors"
	"slices"
	"strconv"

	"veche/raft"
)

// start reads or makes the identity, recovers the log, and begins a new boot.
func (l *Log) start(opt *Options) error {
	names, err := l.fs.List(l.dir)
	if err != nil {
		return wrap("list data directory "+l.dir, err)
	}
	d, found, err := readIdentity(l.fs, l.dir)
	if err != nil {
		return err
	}
	if found {
		err = d.belongs(l.dir, l.id)
	} else {
		d, err = l.newIdentity(names, opt.Random)
	}
	if err != nil {
		return err
	}
	l.incarnation, l.boot = d.incarnation, d.boot+1
	var numbers []uint64
	for _, name := range names {
		if n, ok := segmentNumber(name); ok {
			numbers = append(numbers, n)
		}
	}
	full := false
	if d.boot == 0 {
		err = l.makeFirst(numbers)
	} else {
		full, err = l.recoverOrSalvage(numbers, d.boot, opt.Salvage)
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		unfinished := len(name) >= len(tmpSuffix) && name[len(name)-len(tmpSuffix):] == tmpSuffix && name != identityName+tmpSuffix
		if unfinished || name == rewriteName { // which was finished, since there is an identity
			if err := l.fs.Remove(l.dir + "/" + name); err != nil && !missing(err) {
				return wrap("remove the unfinished "+l.dir+"/"+name, err)
			}
		}
	}
	// The new boot is durable before any frame of it is written.
	d.boot = l.boot
	if err := replace(l.fs, l.dir, identityName, d.encode()); err != nil {
		return err
	}
	if full {
		return l.beginFull()
	}
	return l.mark()
}

// recoverOrSalvage reads the log, and tries to salvage one that is damaged.
func (l *Log) recoverOrSalvage(numbers []uint64, boot raft.Boot, try bool) (full bool, err error) {
	full, err = l.recover(numbers)
	intact := err == nil
	if intact && try {
		err = l.checkSnapshots()
	}
	var cause *DamageError
	if !try || !errors.As(err, &cause) {
		return full, err
	}
	number, lost, err := l.salvage(numbers, boot, cause, intact)
	if err != nil {
		return false, err
	}
	l.forget()
	if full, err = l.recover(append(numbers, number)); err != nil {
		return false, err
	}
	for _, id := range lost {
		r := l.restored[id]
		r.Damaged = true
		l.restored[id] = r
	}
	told := *cause
	told.fresh = true
	l.salvaged = &told
	return full, nil
}

// newIdentity makes a directory's identity, with a boot of 0 until its first
// segment stands. It refuses a directory that has a log but lost its identity.
func (l *Log) newIdentity(names []string, random func() uint64) (identity, error) {
	d := identity{Identity: l.id}
	if slices.Contains(names, rewriteName) {
		return d, &DamageError{File: l.dir + "/" + rewriteName, fresh: true, What: "the making of this directory out of another was interrupted; remove it, and begin again"}
	}
	for _, name := range names {
		_, segment := segmentNumber(name)
		_, _, snapshot := snapshotParts(name)
		if segment || snapshot {
			return d, &DamageError{File: l.dir + "/" + identityName, What: "it is missing, but there are files of a log, such as " + name}
		}
	}
	for d.incarnation == 0 {
		d.incarnation = raft.Incarnation(random())
	}
	return d, replace(l.fs, l.dir, identityName, d.encode())
}

// makeFirst makes the first segment. What there is of segments comes from an
// Open that was cut off before it returned.
func (l *Log) makeFirst(numbers []uint64) error {
	for _, n := range numbers {
		if err := l.fs.Remove(l.dir + "/" + segmentName(n)); err != nil {
			return wrap("remove the unfinished "+l.dir+"/"+segmentName(n), err)
		}
	}
	l.next = 1
	if err := l.ensure(l.size); err != nil {
		return err
	}
	f, size := l.take()
	h := head{oldest: 1}
	if err := l.begin(f, size, &h); err != nil {
		return err
	}
	return l.commitHead()
}

// beginFull begins the segment after one that had been sealed before the end.
func (l *Log) beginFull() error {
	h := l.head()
	if err := l.ensure(frameSize(len(h.append(nil))) + sealSize); err != nil {
		return err
	}
	f, size := l.take()
	if err := l.file.Close(); err != nil {
		return wrap("close "+l.current(), err)
	}
	l.file = nil
	if err := l.begin(f, size, &h); err != nil {
		return err
	}
	if err := l.commitHead(); err != nil {
		return err
	}
	return l.mark()
}

// commitHead makes the head of the current segment durable.
func (l *Log) commitHead() error {
	if err := l.file.Sync(); err != nil {
		return wrap("sync "+l.current(), err)
	}
	l.synced = l.tail
	l.settle()
	return nil
}

// recover reads the log. It changes nothing before it is sure that nothing
// durable was lost. It says whether the last segment is full.
func (l *Log) recover(numbers []uint64) (full bool, err error) {
	slices.Sort(numbers)
	last, h, err := l.lastBegun(numbers)
	if err != nil {
		return false, err
	}
	first := max(h.oldest, numbers[0])
	numbers, free := l.split(numbers, first)
	for i, n := range numbers {
		if n != first+uint64(i) {
			return false, l.damage(first+uint64(i), 0, 0, "the segment is missing, and later ones are there")
		}
	}
	var w *walk
	for n := first; ; n++ {
		if w, err = l.replay(n, first, last, w); err != nil {
			return false, err
		}
		if n == last {
			break
		}
		l.sealed = append(l.sealed, l.closed(n))
		if err := w.file.Close(); err != nil {
			return false, wrap("close "+l.path(n), err)
		}
	}
	l.file = w.file
	later, err := l.checkEnd(w, numbers[last-first+1:])
	if err != nil {
		return false, err
	}
	if err := l.restore(); err != nil {
		return false, err
	}
	l.number, l.fileSize, l.seed = last, w.size, w.seed
	l.tail, l.synced, l.bufAt = w.off, w.off, w.off
	l.tally = w.frame.tally
	l.next = last + 1
	l.released = free
	l.stats.Segments = len(l.sealed) + 1
	l.stale = true
	if err := l.repair(w, later); err != nil {
		return false, err
	}
	for _, g := range l.order {
		l.recorded[g.id] = g.snapshot.Index
	}
	l.outdated = true
	return w.sealed, nil
}

// lastBegun finds the last segment with a head. All before it are complete.
func (l *Log) lastBegun(numbers []uint64) (uint64, *head, error) {
	for i := len(numbers) - 1; i >= 0; i-- {
		w, err := l.walk(numbers[i])
		if err != nil {
			return 0, nil, err
		}
		_, payload, ok, err := w.next()
		var h head
		if err == nil && ok && w.frame.kind == frameHead {
			if what := h.decode(payload); what != "" {
				err = l.damage(numbers[i], 0, 0, what)
			} else {
				return numbers[i], &h, w.file.Close()
			}
		}
		_ = w.file.Close()
		if err != nil {
			return 0, nil, err
		}
	}
	if len(numbers) == 0 {
		return 0, nil, l.damage(1, 0, 0, "there is no segment, but the directory has been in use")
	}
	return 0, nil, l.damage(numbers[0], 0, 0, "no segment has a readable head, but the directory has been in use")
}

// split parts the segments that are needed from the free ones before them.
func (l *Log) split(numbers []uint64, first uint64) (needed, free []uint64) {
	at, _ := slices.BinarySearch(numbers, first)
	return numbers[at:], numbers[:at]
}

// replay reads segment n, which the segment before ends at. All but the last
// must be complete.
func (l *Log) replay(n, first, last uint64, before *walk) (*walk, error) {
	w, err := l.walk(n)
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*walk, error) { _ = w.file.Close(); return nil, err }
	for {
		f, payload, ok, err := w.next()
		if err != nil {
			return fail(err)
		}
		if !ok {
			break
		}
		if f.boot > uint32(l.boot-1) {
			return fail(&DamageError{File: l.dir + "/" + identityName, What: "it is older than the log: it has boot " +
				strconv.FormatUint(uint64(l.boot-1), 10) + ", and " + segmentName(n) + " has a frame of boot " +
				strconv.FormatUint(uint64(f.boot), 10)})
		}
		what := ""
		switch {
		case (f.kind == frameHead) != (w.at == 0):
			what = "a segment begins with its head, and only there"
		case f.kind == frameHead && n == first:
			what = l.load(w, payload)
		case f.kind == frameHead:
			what = l.compare(w, payload, before)
		case f.kind == frameWrite || f.kind == frameReset:
			what = l.redo(&f, payload)
		}
		if what != "" {
			return fail(l.damage(n, w.at, f.group, what))
		}
	}
	if n != last && !w.sealed {
		return fail(l.damage(n, w.off, w.suspect(), "a frame is bad, and a later segment shows that all of this one was durable"))
	}
	return w, nil
}

// load takes the state of all groups from the head of the first segment.
func (l *Log) load(w *walk, payload []byte) string {
	var h head
	if what := h.decode(payload); what != "" {
		return what
	}
	for _, g := range h.groups {
		l.groups[g.id] = g
	}
	l.order = h.groups
	return w.fits(&h)
}

// compare checks what the log says so far against the head of a later segment.
func (l *Log) compare(w *walk, payload []byte, before *walk) string {
	var h head
	if what := h.decode(payload); what != "" {
		return what
	}
	if h.previous != before.off {
		return "the segment before ends elsewhere than this one's head says"
	}
	if len(h.groups) != len(l.order) {
		return "the head of the segment has other groups than the log before it"
	}
	for i, g := range h.groups {
		o := l.order[i]
		o.changed = false
		if g.id != o.id || g.hard != o.hard || g.last != o.last ||
			g.snapshot.Index != o.snapshot.Index || g.cut.Index != o.cut.Index || g.cut.Term != o.cut.Term {
			return "the head of the segment does not agree with the log before it about group " + hex(uint64(g.id))
		}
	}
	return w.fits(&h)
}

// redo carries out a write once more.
func (l *Log) redo(f *frame, payload []byte) string {
	var w raft.Write
	if err := raft.DecodeWrite(payload, &w); err != nil {
		return err.Error()
	}
	g := l.group(f.group)
	if g == nil {
		return "there are more groups than the bound"
	}
	if what := g.check(&w); what != "" {
		return what
	}
	if es := w.Entries; len(es) > 0 {
		keep := 0
		if n := len(g.entries); n > 0 && es[0].Index > g.entries[0].Index && es[0].Index <= g.last+1 {
			keep = min(n, int(es[0].Index-g.entries[0].Index))
		}
		clear(g.entries[keep:])
		g.entries = append(g.entries[:keep], es...)
	}
	g.changed = g.changed || w.HardChanged
	g.place(&w)
	drop := f.kind == frameReset
	_, cutMoved := g.settle(&w, drop)
	switch {
	case drop && cutMoved:
		g.entries = nil
	case cutMoved && len(g.entries) > 0 && g.entries[0].Index <= g.cut.Index:
		n := min(len(g.entries), int(g.cut.Index-g.entries[0].Index)+1)
		clear(g.entries[:n])
		g.entries = g.entries[n:]
	}
	return ""
}

// restore hands the entries over, and refuses a log with a hole.
func (l *Log) restore() error {
	for _, g := range l.order {
		es := g.entries
		g.entries = nil
		if g.last > g.cut.Index && (len(es) == 0 || es[0].Index != g.cut.Index+1) {
			return &DamageError{File: l.dir, Group: g.id, What: "the entries from " + strconv.FormatUint(uint64(g.cut.Index)+1, 10) +
				" on stood in a segment that is missing"}
		}
		l.restored[g.id] = raft.Restored{Hard: g.hard, Snapshot: cloneBase(&g.snapshot), Cut: cloneBase(&g.cut), Entries: es}
	}
	return nil
}

// later is what stands in the segment behind the last one that was begun.
type later struct {
	walk  *walk // nil: there is none
	stray []int64
}

// checkEnd decides whether the log ends where w stopped, or whether what comes
// behind it proves that more was durable once.
func (l *Log) checkEnd(w *walk, behind []uint64) (*later, error) {
	if !w.sealed {
		proof, err := w.search()
		if err != nil {
			return nil, err
		}
		if proof > w.off {
			return nil, l.damage(w.number, w.off, w.suspect(), "a frame is bad, and a later one shows that it was durable; so this is no torn end")
		}
	} else if len(behind) == 0 {
		return nil, l.damage(w.number+1, 0, 0, "the segment is missing, and the one before it was sealed to go on there")
	}
	var next *later
	for i, n := range behind {
		v, err := l.walk(n)
		if err != nil {
			return nil, err
		}
		proof, err := v.search()
		switch {
		case err != nil:
		case w.sealed && i == 0 && v.size < w.nextSize:
			err = l.damage(n, v.size, 0, "the segment is shorter than it was made")
		case i == 0 && proof > 0:
			err = l.damage(n, 0, 0, "the head of the segment is bad, and a later frame shows that it was durable")
		case i > 0 && len(v.stray) > 0:
			err = l.damage(n-1, 0, 0, "the head of the segment is bad, and a later segment shows that it was durable")
		case !w.sealed && len(v.stray) > 0:
			err = l.damage(w.number, w.off, w.suspect(), "a frame is bad, and a later segment shows that all of this one was durable")
		}
		if err == nil && i == 0 {
			next = &later{walk: v, stray: v.stray}
			l.mu.Lock()
			l.ready, l.readySize = v.file, v.size // closed by release
			l.mu.Unlock()
			continue
		}
		_ = v.file.Close()
		if err != nil {
			return nil, err
		}
	}
	return next, nil
}

// repair erases what stands behind the end, and makes durable what stands
// before it: a process that was killed may have left it in memory only, and one
// whose sync failed has, also when it was the sync of a seal.
func (l *Log) repair(w *walk, next *later) error {
	l.stats.Torn = len(w.stray)
	l.stats.Unsynced = w.off - w.synced
	if w.synced < w.off || w.torn || len(w.stray) > 0 {
		if err := w.rewrite(); err != nil {
			return wrap("repair the end of "+l.path(w.number), err)
		}
	}
	if next == nil {
		return nil
	}
	l.stats.Torn += len(next.stray)
	if len(next.stray) > 0 {
		if err := next.walk.rewrite(); err != nil {
			return wrap("repair the end of "+l.path(next.walk.number), err)
		}
	}
	for n := w.number + 2; ; n++ { // prepared while the one before was not durable yet
		if err := l.fs.Remove(l.path(n)); missing(err) {
			return nil
		} else if err != nil {
			return wrap("remove the unused "+l.path(n), err)
		}
	}
}

func (l *Log) path(number uint64) string { return l.dir + "/" + segmentName(number) }

func (l *Log) damage(number uint64, off int64, g raft.GroupID, what string) error {
	return &DamageError{File: l.path(number), Offset: off, Group: g, What: what}
}
