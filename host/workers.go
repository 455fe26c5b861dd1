//go:build !wasip1 && !js

package host

import (
	"errors"
	"fmt"
	"io"

	"veche/raft"
	"veche/wal"
)

// runWriter makes records durable: all that came while the last sync ran, with
// one append and one sync. An error is final: what the disk holds is not known
// any more, so nothing may be promised upon it.
func (h *Host) runWriter() {
	dead := false
	for rs := range h.writes {
		if !dead {
			dead = !h.write(rs)
		}
		clear(rs)
		select {
		case h.spare <- rs[:0]:
		default:
		}
	}
}

func (h *Host) write(rs []wal.Record) bool {
	err := h.cfg.Log.Append(rs)
	if err == nil {
		err = h.cfg.Log.Sync()
	}
	if err != nil {
		h.fail(fmt.Errorf("the log cannot be written, so this server has stopped: %w", err))
		return false
	}
	h.counters.syncs.Add(1)
	h.counters.records.Add(uint64(len(rs)))
	h.mu.Lock()
	if !h.closed {
		for k := range rs {
			last := k == len(rs)-1 || rs[k+1].Group != rs[k].Group
			if last {
				h.in.persisted = append(h.in.persisted, groupSeq{rs[k].Group, rs[k].Write.Seq})
			}
		}
	}
	h.mu.Unlock()
	h.wake()
	if h.cfg.Log.Unprepared() {
		select {
		case h.room <- struct{}{}:
		default: // the keeper has been called already
		}
	}
	return true
}

// runApplier applies batches and ends the requests in them.
func (h *Host) runApplier() {
	var out Applied
	dead := false
	for b := range h.batches {
		if dead {
			b.Refuse(&out)
		} else if err := h.apply(b, &out); err != nil {
			dead = true
			h.fail(err)
		}
		for _, c := range out.Done {
			c.Request.Waiter.Done(c.Result)
		}
		clear(out.Done)
		if out.Capture != nil {
			h.captures <- out.Capture // there is room: the group asks for one at a time
			out.Capture = nil         // it holds a whole old state
		}
		h.noteApplied(b)
	}
}

func (h *Host) apply(b *ApplyBatch, out *Applied) error {
	if b.Restore != nil {
		return h.restore(b, out)
	}
	h.machine.Lock()
	defer h.machine.Unlock()
	err := h.applier.Apply(b, out)
	h.applied.Store(uint64(h.applier.Index()))
	h.repeats.Store(h.applier.Repeats())
	if err != nil {
		return fmt.Errorf("a committed entry cannot be applied, so this server has stopped: %w", err)
	}
	return nil
}

// restore replaces the state by a snapshot that a peer has sent. Readers wait.
func (h *Host) restore(b *ApplyBatch, out *Applied) error {
	file, err := h.cfg.Log.OpenSnapshot(b.Group, b.Restore.Index)
	if err == nil {
		defer file.Close()
		h.machine.Lock()
		defer h.machine.Unlock()
		err = h.applier.Restore(b, file, out)
	}
	if err != nil {
		b.Refuse(out)
		return fmt.Errorf("the leader's snapshot cannot be restored, so this server has stopped: %w", err)
	}
	h.applied.Store(uint64(h.applier.Index()))
	return nil
}

func (h *Host) noteApplied(b *ApplyBatch) {
	h.mu.Lock()
	wanted := h.wantApply || b.Restore != nil
	if !h.closed {
		h.in.applied = append(h.in.applied, b)
	}
	h.mu.Unlock()
	if wanted {
		h.wake()
	}
}

// runKeeper does what the groups want done with snapshot files.
func (h *Host) runKeeper() {
	k := NewKeeper(h.cfg.Log)
	defer k.Close()
	told := ""
	for range h.wantKeeper { // it is closed with the loop
		h.mu.Lock()
		works := h.works
		h.works = nil
		h.mu.Unlock()
		for _, w := range works {
			k.Do(w)
			if err := w.Err(); err != nil && err.Error() != told {
				told = err.Error()
				h.log.Warn("a snapshot file could not be read or written; it is tried again", "group", h.group, "err", err)
			}
			h.mu.Lock()
			closed := h.closed
			if !closed {
				h.in.kept = append(h.in.kept, w)
			}
			h.mu.Unlock()
			if closed {
				return
			}
			h.wake()
		}
	}
}

// runSaver does what takes long and nobody waits for: it saves what the applier
// has captured, and fills the log's next segment before it is needed.
func (h *Host) runSaver() {
	next := h.prepare()
	for {
		select {
		case c, open := <-h.captures:
			if !open {
				return
			}
			h.saveSnapshot(c)
		case <-h.room: // after every write, while something is to be prepared
			if h.now() >= next {
				next = h.prepare()
			}
		}
	}
}

// prepare makes room, and says from when on it may be called again. That it
// fails is not the end: the writer will make the room itself, or find that the
// disk is full.
func (h *Host) prepare() (next raft.Time) {
	if err := h.cfg.Log.Prepare(); err != nil {
		h.log.Warn("the log's next segment could not be prepared; writes will wait for it", "group", h.group, "err", err)
		return h.now() + raft.Time(prepareRest)
	}
	return 0
}

// unlessStopping fails once the Host is to stop, which need not wait for a large
// snapshot then.
type unlessStopping struct {
	io.Writer
	h *Host
}

func (u unlessStopping) Write(b []byte) (int, error) {
	if u.h.stopping() {
		return 0, ErrStopped
	}
	return u.Writer.Write(b)
}

func (h *Host) saveSnapshot(c *Capture) {
	index := c.Base.Index
	write := c.Write
	c.Write = func(w io.Writer) error { return write(unlessStopping{w, h}) }
	switch err := c.Save(h.cfg.Log); {
	case errors.Is(err, ErrStopped):
		index = 0
	case err != nil:
		h.log.Error("the snapshot could not be saved; the log grows until the next one is", "group", h.group, "index", index, "err", err)
		index = 0
	}
	h.mu.Lock()
	if !h.closed {
		h.in.snapshotted = append(h.in.snapshotted, groupIndex{c.Group, index})
	}
	h.mu.Unlock()
	h.wake()
}
