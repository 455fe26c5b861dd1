package wal

import (
	"io"

	"veche/raft"
)

// SaveSnapshot writes a snapshot whose data are in memory, and makes it durable:
// for tests, which have small ones.
func (l *Log) SaveSnapshot(g raft.GroupID, base raft.Base, data []byte) error {
	w, err := l.CreateSnapshot(g, base)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		w.Abort()
		return err
	}
	return w.Commit()
}

// LoadSnapshot reads the snapshot of group g at index into memory.
func (l *Log) LoadSnapshot(g raft.GroupID, index raft.Index) (raft.Base, []byte, error) {
	r, err := l.OpenSnapshot(g, index)
	if err != nil {
		return raft.Base{}, nil, err
	}
	defer r.Close()
	data := make([]byte, r.Data())
	if _, err := io.ReadFull(r, data); err != nil {
		return raft.Base{}, nil, err
	}
	return r.Base(), data, nil
}
