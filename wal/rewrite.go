package wal

import (
	"errors"
	"io"

	"veche/raft"
)

// rewriteName stands in a directory from the beginning of Rewrite to its end.
const rewriteName = "unfinished"

// Rewrite makes a new data directory for another identity, usually that of
// another cluster, out of what l held at Open: the same snapshots, hard states
// and entries, and behind them what extra gives for each group, say an
// EntryConfig. extra also gets the incarnation of the new directory. Release
// must not have been called, and nothing have been appended to l. Neither l nor
// its directory is changed.
//
// dir must be empty or not exist, or hold what an interrupted Rewrite has left.
// When the power goes before Rewrite has returned nil, Open refuses dir, or
// finds it complete; if Rewrite had hardly begun, dir is empty. Memory is bounded
// by a few MiB, beside the entries that l holds already.
func (l *Log) Rewrite(dir string, id Identity, opt Options, extra func(raft.GroupID, *raft.Restored, raft.Incarnation) raft.Write) error {
	size, err := opt.check(id)
	if err != nil {
		return err
	}
	if err := l.alive(); err != nil {
		return err
	}
	if err := l.fs.MkdirAll(dir); err != nil {
		return wrap("make data directory "+dir, err)
	}
	lock, err := l.fs.Lock(dir + "/" + lockName)
	if errors.Is(err, ErrLocked) {
		return wrap("data directory "+dir+" is in use by another process", err)
	}
	if err != nil {
		return wrap("lock data directory "+dir, err)
	}
	n := &Log{fs: l.fs, dir: dir, id: id, size: size, lock: lock, boot: 1,
		groups: map[raft.GroupID]*group{}, recorded: map[raft.GroupID]raft.Index{}}
	for n.incarnation == 0 {
		n.incarnation = raft.Incarnation(opt.Random())
	}
	if err = n.clear(); err == nil {
		err = n.copy(l, extra)
	}
	if e := n.release(); err == nil {
		err = e
	}
	return err
}

// clear makes dir an empty one that is marked as unfinished.
func (l *Log) clear() error {
	names, err := l.fs.List(l.dir)
	if err != nil {
		return wrap("list data directory "+l.dir, err)
	}
	mark, used := false, ""
	for _, name := range names {
		switch name {
		case rewriteName:
			mark = true
		case identityName:
			return wrap("write to "+l.dir, optionError("it is the data directory of a member already; name another one"))
		case lockName, rewriteName + tmpSuffix:
		default:
			used = name
		}
	}
	if used != "" && !mark {
		return wrap("write to "+l.dir, optionError("it is not empty, it holds "+used+"; name another directory"))
	}
	if err := replace(l.fs, l.dir, rewriteName, []byte("veche is making this data directory\n")); err != nil {
		return err
	}
	for _, name := range names {
		if name == lockName || name == rewriteName || name == rewriteName+tmpSuffix {
			continue
		}
		if err := l.fs.Remove(l.dir + "/" + name); err != nil && !missing(err) {
			return wrap("remove the unfinished "+l.dir+"/"+name, err)
		}
	}
	return nil
}

// copy fills the directory. The identity comes last: before it, there is no log.
func (l *Log) copy(old *Log, extra func(raft.GroupID, *raft.Restored, raft.Incarnation) raft.Write) error {
	if err := l.makeFirst(nil); err != nil {
		return err
	}
	for _, g := range old.Groups() {
		r := old.Restored(g)
		if r.Snapshot.Index != 0 {
			if err := l.copySnapshot(old, g, r.Snapshot); err != nil {
				return err
			}
		}
		if err := l.copyGroup(g, &r); err != nil {
			return err
		}
		if err := l.Append([]Record{{g, extra(g, &r, l.incarnation)}}); err != nil {
			return err
		}
	}
	if err := l.Sync(); err != nil {
		return err
	}
	if err := l.file.Sync(); err != nil { // the mark
		return wrap("sync "+l.current(), err)
	}
	d := identity{Identity: l.id, incarnation: l.incarnation, boot: l.boot}
	if err := replace(l.fs, l.dir, identityName, d.encode()); err != nil {
		return err
	}
	if err := l.fs.Remove(l.dir + "/" + rewriteName); err != nil {
		return wrap("remove "+l.dir+"/"+rewriteName, err)
	}
	return nil
}

func (l *Log) copySnapshot(old *Log, g raft.GroupID, base raft.Base) error {
	r, err := old.OpenSnapshot(g, base.Index)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := l.CreateSnapshot(g, base)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.Abort()
		return err
	}
	return w.Commit()
}

// copyGroup writes what the old log held. A snapshot that is ahead of the cut is
// recorded behind the entries that it stands upon.
func (l *Log) copyGroup(g raft.GroupID, r *raft.Restored) error {
	w := raft.Write{HardChanged: true, Hard: r.Hard}
	if r.Cut.Index != 0 {
		w.Snapshot, w.Cut = &r.Cut, &r.Cut
	}
	if err := l.Append([]Record{{g, w}}); err != nil {
		return err
	}
	for es := r.Entries; len(es) > 0; {
		n := portion(es)
		if err := l.Append([]Record{{g, raft.Write{Entries: es[:n]}}}); err != nil {
			return err
		}
		es = es[n:]
	}
	if r.Snapshot.Index == 0 {
		return nil
	}
	return l.Append([]Record{{g, raft.Write{Snapshot: &r.Snapshot}}})
}

// portion is how many of the entries go into one frame when a log is copied.
func portion(es []raft.Entry) int {
	n, bytes := 1, len(es[0].Data)
	for n < len(es) && bytes+len(es[n].Data) < flushBytes {
		bytes += len(es[n].Data)
		n++
	}
	return n
}
