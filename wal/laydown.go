package wal

import (
	"veche/raft"
)

// layDown writes a segment that holds the groups whole, in place of all segments
// before it. It counts from the moment when it gets its name.
func (l *Log) layDown(number uint64, boot raft.Boot, groups []*group) error {
	name := segmentName(number)
	tmp := l.dir + "/" + name + tmpSuffix
	if err := l.fs.Remove(tmp); err != nil && !missing(err) {
		return wrap("remove what is left of "+tmp, err)
	}
	f, err := l.fs.Create(tmp)
	if err != nil {
		return wrap("create segment "+tmp, err)
	}
	p := press{file: f, seed: bind(l.id.Cluster, l.incarnation, number), boot: uint32(boot)}
	if err = p.segment(l.size, number, groups); err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = l.fs.Rename(tmp, l.dir+"/"+name)
	}
	if err != nil {
		_ = l.fs.Remove(tmp)
		return wrap("write segment "+l.dir+"/"+name, err)
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return wrap("sync directory "+l.dir, err)
	}
	return nil
}

// press writes one segment from its beginning to its end.
type press struct {
	file    File
	seed    uint32
	boot    uint32
	off     int64
	buf     []byte
	scratch [32]byte
}

func (p *press) segment(size int64, number uint64, groups []*group) error {
	h := head{oldest: number}
	for _, g := range groups {
		small := *g
		small.last = g.cut.Index
		h.groups = append(h.groups, &small)
	}
	p.off = frameSize(len(h.append(nil)))
	for _, g := range groups {
		for es := g.entries; len(es) > 0; {
			n := portion(es)
			if err := p.frame(&frame{kind: frameWrite, group: g.id}, raft.AppendWrite(nil, &raft.Write{Entries: es[:n]})); err != nil {
				return err
			}
			es = es[n:]
		}
	}
	end := p.off
	if err := p.frame(&frame{kind: frameMark, synced: uint32(end)}, nil); err != nil {
		return err
	}
	h.size = max(size, end+sealSize)
	if err := fill(p.file, p.off, h.size); err != nil {
		return err
	}
	p.off = 0
	return p.frame(&frame{kind: frameHead}, h.append(nil))
}

// frame writes one frame where the last one ended.
func (p *press) frame(f *frame, payload []byte) error {
	size := frameSize(len(payload))
	if p.off+size+sealSize > segmentBytesMax {
		return optionError("the entries are more than the 1 GiB that one segment can hold")
	}
	p.buf = append(p.buf[:0], make([]byte, size)...)
	copy(p.buf[frameHeaderSize:], payload)
	f.length, f.boot = uint32(len(payload)), p.boot
	putFrame(p.buf, &p.scratch, p.seed, p.off, f)
	if _, err := p.file.WriteAt(p.buf, p.off); err != nil {
		return err
	}
	p.off += size
	return nil
}
