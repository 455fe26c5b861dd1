package sim

import (
	"veche/host"
	"veche/raft"
)

// keep gives a node's keeper what it is to do with snapshot files.
func (w *World) keep(i int, works []*host.SnapshotWork) {
	n := &w.nodes[i]
	idle := len(n.works) == 0
	n.works = append(n.works, works...)
	if idle && len(n.works) > 0 {
		w.keepNext(i)
	}
}

// keepNext lets the keeper begin with the oldest work.
func (w *World) keepNext(i int) {
	n := &w.nodes[i]
	took := raft.Time(n.wear.Between(int64(n.syncMin), int64(n.syncMax)))
	w.at(w.now+took, event{kind: evKept, node: i, run: n.run})
}

// kept: the keeper has done its oldest work.
func (w *World) kept(e *event) {
	n := &w.nodes[e.node]
	if n.paused {
		n.inbox = append(n.inbox, *e)
		return
	}
	k := n.works[0]
	n.works = append(n.works[:0], n.works[1:]...)
	n.keeper.Do(k)
	if n.dying != nil {
		w.diskFailed(e.node, "work on a snapshot", nil)
		return
	}
	if w.reached(e.node, atKept, anything) {
		return
	}
	n.loop.Kept(k)
	if len(n.works) > 0 {
		w.keepNext(e.node)
	}
	w.soon(e.node)
}

// carryOut applies a batch, or replaces the state by the snapshot that it names.
func (w *World) carryOut(i int, b *host.ApplyBatch) error {
	n := &w.nodes[i]
	if b.Restore == nil {
		return n.group.Applier().Apply(b, &n.applied)
	}
	if w.reached(i, atRestore, anything) {
		return nil
	}
	file, err := loadSnapshot(n.log, b.Restore.Index)
	if err != nil {
		return err
	}
	defer file.Close()
	w.witness.restored(i, b.Restore.Index)
	return n.group.Applier().Restore(b, file, &n.applied)
}
