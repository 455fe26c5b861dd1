package wal

import "encoding/binary"

// roll seals the current segment and begins the next with room for a frame of
// size bytes, which waits in the buffer from start on.
func (l *Log) roll(start int, size int64) error {
	waiting := l.buf[start:]
	l.buf = l.buf[:start]
	if start > 0 {
		if _, err := l.file.WriteAt(l.buf, l.bufAt); err != nil {
			return wrap("a failed write to "+l.current(), err)
		}
	}
	l.buf = l.buf[:copy(l.buf[:cap(l.buf)], waiting)]
	h := l.head()
	if err := l.ensure(max(l.size, frameSize(len(h.append(nil)))+size+sealSize)); err != nil {
		return err
	}
	f, fileSize := l.take()
	if err := l.seal(fileSize); err != nil {
		return err
	}
	return l.begin(f, fileSize, &h)
}

// head is what the next segment begins with.
func (l *Log) head() head {
	h := head{oldest: l.number + 1, groups: l.order}
	for _, g := range l.order {
		if g.here > g.cut.Index {
			h.oldest = l.number
		}
	}
	if len(l.sealed) > 0 {
		h.oldest = l.sealed[0].number
	}
	return h
}

// seal ends the current segment durably, and says how large the next one is.
func (l *Log) seal(nextSize int64) error {
	clear(l.own[:])
	binary.LittleEndian.PutUint64(l.own[frameHeaderSize:], uint64(nextSize))
	f := frame{kind: frameSeal, length: 8, synced: uint32(l.synced), boot: uint32(l.boot), tally: l.tally}
	putFrame(l.own[:], &l.scratch, l.seed, l.tail, &f)
	if _, err := l.file.WriteAt(l.own[:], l.tail); err != nil {
		return wrap("a failed write to "+l.current(), err)
	}
	l.tail += sealSize
	if err := l.syncSegment(); err != nil {
		return wrap("a failed sync of "+l.current(), err)
	}
	l.mu.Lock()
	l.stats.Syncs++
	l.mu.Unlock()
	err := l.file.Close()
	l.file = nil
	if err != nil {
		return wrap("close "+l.current(), err)
	}
	return nil
}

// begin writes the head of the segment behind the current one.
func (l *Log) begin(f File, size int64, h *head) error {
	if l.number != 0 {
		l.sealed = append(l.sealed, l.closed(l.number))
	}
	h.size, h.previous = size, l.tail
	l.file, l.fileSize, l.number = f, size, l.number+1
	l.seed = bind(l.id.Cluster, l.incarnation, l.number)
	b := h.append(make([]byte, frameHeaderSize))
	n := len(b) - frameHeaderSize
	putFrame(b, &l.scratch, l.seed, 0, &frame{kind: frameHead, length: uint32(n), boot: uint32(l.boot)})
	if _, err := f.WriteAt(b, 0); err != nil {
		return wrap("a failed write to "+l.current(), err)
	}
	l.tally = tally{}
	for _, g := range l.order {
		g.changed = false // the head has it
	}
	l.synced, l.proven, l.tail = 0, 0, frameSize(n)
	l.bufAt = l.tail
	l.stale = true
	l.mu.Lock()
	l.stats.Segments++
	l.mu.Unlock()
	return nil
}

// closed tells what a segment that is complete holds.
func (l *Log) closed(number uint64) sealed {
	s := sealed{number: number}
	for _, g := range l.order {
		if g.here != 0 {
			s.tops = append(s.tops, top{g, g.here})
			g.here = 0
		}
	}
	return s
}
