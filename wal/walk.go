package wal

import (
	"encoding/binary"
	"slices"
	"strconv"

	"veche/raft"
)

// walk goes through the frames of one segment.
type walk struct {
	file     File
	name     string
	number   uint64
	seed     uint32
	size     int64
	at, off  int64 // of the last good frame, and where the next should stand
	synced   int64 // greatest position that a frame says was durable
	frame    frame // the last good one
	sealed   bool  // the last frame was a seal
	marked   bool  // a mark stands at off
	torn     bool  // what stands at off is neither a mark nor zeros
	nextSize int64 // of the next segment, as the seal says
	stray    []int64
	window   []byte
	windowAt int64
}

func (l *Log) walk(number uint64) (*walk, error) {
	f, err := l.fs.Open(l.path(number))
	if err != nil {
		return nil, wrap("open segment "+l.path(number), err)
	}
	size, err := f.Size()
	if err != nil {
		_ = f.Close()
		return nil, wrap("open segment "+l.path(number), err)
	}
	return &walk{file: f, name: l.path(number), number: number, size: size,
		seed: bind(l.id.Cluster, l.incarnation, number)}, nil
}

// fits checks the file's size against the head.
func (w *walk) fits(h *head) string {
	if w.size < h.size {
		return "the segment has " + strconv.FormatInt(w.size, 10) + " bytes and was made with " + strconv.FormatInt(h.size, 10)
	}
	return ""
}

// view gives n bytes at off through the window; n is at most readBytes, and
// fewer come back at the end of the file.
func (w *walk) view(off int64, n int) ([]byte, error) {
	n = int(min(int64(n), w.size-off))
	if n <= 0 {
		return nil, nil
	}
	if off < w.windowAt || off+int64(n) > w.windowAt+int64(len(w.window)) {
		size := min(readBytes, w.size-off)
		w.window = slices.Grow(w.window[:0], int(size))[:size]
		w.windowAt = off
		if err := readFull(w.file, w.window, off); err != nil {
			w.window = w.window[:0]
			return nil, wrap("read "+w.name, err)
		}
	}
	return w.window[off-w.windowAt:][:n], nil
}

// next returns the next frame, or false where the good ones end. The payload is
// the caller's to keep.
func (w *walk) next() (frame, []byte, bool, error) {
	var none frame
	if w.sealed {
		return none, nil, false, nil
	}
	b, err := w.view(w.off, frameHeaderSize)
	if err != nil {
		return none, nil, false, err
	}
	f, ok := getHeader(b, w.seed, w.off)
	if !ok {
		w.torn = slices.ContainsFunc(b, func(c byte) bool { return c != 0 })
		return none, nil, false, nil
	}
	size := frameSize(int(f.length))
	if w.off+size > w.size {
		w.torn = true
		return none, nil, false, nil
	}
	w.synced = max(w.synced, int64(f.synced))
	if f.kind == frameMark {
		w.marked = true
		return none, nil, false, nil // the end, and not a bad one
	}
	payload := make([]byte, f.length)
	if f.length <= readBytes-frameHeaderSize {
		if b, err = w.view(w.off, frameHeaderSize+len(payload)); err == nil {
			copy(payload, b[frameHeaderSize:])
		}
	} else if err = readFull(w.file, payload, w.off+frameHeaderSize); err != nil {
		err = wrap("read "+w.name, err)
	}
	if err != nil {
		return none, nil, false, err
	}
	if !f.holds(payload) || f.kind == frameSeal && len(payload) != 8 {
		w.torn = true
		return none, nil, false, nil
	}
	if f.kind == frameSeal {
		w.sealed, w.nextSize = true, int64(binary.LittleEndian.Uint64(payload))
	}
	w.at, w.off, w.frame = w.off, w.off+size, f
	return f, payload, true, nil
}

// search looks for frames behind the place where the good ones end, notes where
// they stand, and returns the greatest position that one says was durable.
func (w *walk) search() (int64, error) {
	proof := int64(0)
	off := w.off
	if w.marked {
		off += frameHeaderSize
	}
	for off+frameHeaderSize <= w.size {
		b, err := w.view(off, readBytes)
		if err != nil {
			return 0, err
		}
		at := 0
		for ; at+frameHeaderSize <= len(b); at += frameAlign {
			if b[at+5] != frameVersion { // as almost everywhere
				continue
			}
			if f, ok := getHeader(b[at:], w.seed, off+int64(at)); ok {
				proof = max(proof, int64(f.synced))
				w.stray = append(w.stray, off+int64(at))
			}
		}
		off += int64(at)
	}
	return proof, nil
}

// suspect is the group of the bad frame at off, if its header is still good.
func (w *walk) suspect() raft.GroupID {
	b, err := w.view(w.off, frameHeaderSize)
	if err != nil {
		return 0
	}
	f, _ := getHeader(b, w.seed, w.off)
	return f.group
}

// rewrite makes the segment durable as it was found: what was not known to be
// durable is written again, since after a failed sync a read shows bytes that
// the disk never got; and what stands behind the end is made unreadable for
// ever. A frame without its header is dead: its boot is over, so no later write
// can complete it.
func (w *walk) rewrite() error {
	for off := w.synced; off < w.off; {
		b, err := w.view(off, int(min(readBytes, w.off-off)))
		if err != nil {
			return err
		}
		if _, err := w.file.WriteAt(b, off); err != nil {
			return err
		}
		off += int64(len(b))
	}
	var zeros [frameHeaderSize]byte
	dead := w.stray
	if w.torn {
		dead = append(dead, w.off)
	}
	for _, off := range dead {
		if _, err := w.file.WriteAt(zeros[:min(frameHeaderSize, w.size-off)], off); err != nil {
			return err
		}
	}
	return w.file.Sync()
}
