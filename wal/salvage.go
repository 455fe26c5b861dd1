package wal

import (
	"errors"
	"slices"

	"veche/raft"
)

// salvage finds out what is left of a damaged log. It keeps the entries before
// the first damage; what comes behind it serves only to tell whether the newest
// hard state of every group is certain. The head of the last segment tells those
// of all groups as they were then. In that segment, behind the head,
//
//   - a frame tells the hard state of its group: it repeats it when it has
//     changed since the head, so one that does not, tells that it is the head's;
//   - where something is missing, the same tally before and behind it tells that
//     no hard state was changed and no group was made in between.
type salvage struct {
	log     *Log
	boot    raft.Boot // of the last process that wrote
	known   map[raft.GroupID]*evidence
	order   []raft.GroupID // of known, increasing
	whole   bool           // the log itself is not damaged
	gap     bool           // something is missing before the next frame
	tally   tally          // of the last intact frame
	missing int            // groups that were made in a gap and have not been met yet
	strange bool           // there may be groups that will never be met
}

// evidence is what is known of one group's hard state.
type evidence struct {
	head     raft.HardState // at the segment's head; zero if it knows no such group
	headSure bool
	hard     raft.HardState
	sure     bool
}

// salvage puts a new segment in the place of a damaged log, in one step: the
// intact prefix of the entries, and every group's newest hard state, in which
// the standing Admitted has become Damaged. It returns the segment's number and
// the groups that lost something. If a hard state is not certain it returns
// cause, and has changed nothing. intact says that only a snapshot is damaged.
func (l *Log) salvage(numbers []uint64, boot raft.Boot, cause *DamageError, intact bool) (uint64, []raft.GroupID, error) {
	l.forget()
	if cause.File == l.dir+"/"+identityName {
		return 0, nil, cause
	}
	slices.Sort(numbers)
	last, h, err := l.lastBegun(numbers)
	if errors.Is(err, ErrDamaged) {
		return 0, nil, cause.uncertain("no segment has a readable head")
	}
	if err != nil {
		return 0, nil, err
	}
	s := &salvage{log: l, boot: boot, known: map[raft.GroupID]*evidence{}}
	if s.whole, err = l.prefix(numbers, h.oldest, last); err != nil {
		return 0, nil, err
	}
	if err = s.read(last, h, numbers); err != nil {
		return 0, nil, err
	}
	if s.whole && !intact {
		s.strange = true // recovery saw what salvage does not understand
	}
	if what := s.doubt(); what != "" {
		return 0, nil, cause.uncertain(what)
	}
	var lost []raft.GroupID
	var groups []*group
	for _, id := range s.order {
		g := l.group(id)
		g.hard = s.known[id].hard
		hurt, err := l.settleOn(g, !s.whole)
		if err != nil {
			return 0, nil, err
		}
		if hurt {
			lost = append(lost, id)
			if g.hard.Standing == raft.Admitted {
				g.hard.Standing = raft.Damaged
			}
		}
		groups = append(groups, g)
	}
	number := numbers[len(numbers)-1] + 1
	return number, lost, l.layDown(number, boot, groups)
}

// uncertain is the damage, with the reason why it cannot be salvaged.
func (e *DamageError) uncertain(what string) error {
	c := *e
	c.What += "; and it cannot be told for certain how the member voted last: " + what
	return &c
}

// forget lets go of what recover has read.
func (l *Log) forget() {
	if l.file != nil {
		_ = l.file.Close()
		l.file = nil
	}
	if l.ready != nil {
		_ = l.ready.Close()
		l.ready = nil
	}
	l.groups, l.order, l.sealed = map[raft.GroupID]*group{}, nil, nil
	l.restored = map[raft.GroupID]raft.Restored{}
}

// prefix reads the log up to the first damage, and says whether it met any.
func (l *Log) prefix(numbers []uint64, first, last uint64) (whole bool, err error) {
	var w *walk
	for n := first; n <= last; n++ {
		if _, there := slices.BinarySearch(numbers, n); !there {
			return false, nil
		}
		if w, err = l.replay(n, first, last, w); err != nil {
			if errors.Is(err, ErrDamaged) {
				var e *DamageError
				if errors.As(err, &e); e.File == l.dir+"/"+identityName {
					return false, err
				}
				return false, nil
			}
			return false, err
		}
		if err := w.file.Close(); err != nil {
			return false, wrap("close "+w.name, err)
		}
	}
	return true, nil
}

// read gathers the evidence of the last segment with a head, and of those behind.
func (s *salvage) read(last uint64, h *head, numbers []uint64) error {
	for _, g := range h.groups {
		s.known[g.id] = &evidence{g.hard, true, g.hard, true}
		s.order = append(s.order, g.id)
	}
	w, err := s.log.walk(last)
	if err != nil {
		return err
	}
	defer w.file.Close()
	if err := s.follow(w); err != nil {
		return err
	}
	s.gap = s.gap || !w.sealed && w.size < h.size // the end of the file is missing
	s.whole = s.whole && !s.gap
	return s.behind(last, w, numbers)
}

// follow goes through the frames of one segment that are intact.
func (s *salvage) follow(w *walk) error {
	for {
		f, payload, ok, err := w.next()
		switch {
		case err != nil:
			return err
		case ok:
			s.frame(&f, payload)
			continue
		case w.sealed:
			return nil
		}
		if end, err := s.leap(w); end || err != nil {
			return err
		}
	}
}

// headless reads a segment whose head is bad. It would tell what is known of
// the segment before, which is complete.
func (s *salvage) headless(w *walk) error {
	for _, e := range s.known {
		e.head, e.headSure = e.hard, e.sure
	}
	s.tally, s.whole = tally{}, false
	return s.follow(w)
}

// leap takes w past a bad place, to the next frame that is intact. It says
// whether the log ends at that place, as far as anything shows.
func (s *salvage) leap(w *walk) (end bool, err error) {
	if w.marked {
		b, err := w.view(w.off, frameHeaderSize)
		if err != nil {
			return false, err
		}
		f, _ := getHeader(b, w.seed, w.off)
		s.counted(&f)
	}
	w.stray = w.stray[:0]
	proof, err := w.search()
	if err != nil || proof <= w.off {
		return true, err
	}
	s.gap, s.whole = true, false
	for _, off := range w.stray {
		b, err := w.view(off, frameHeaderSize)
		if err != nil {
			return false, err
		}
		f, _ := getHeader(b, w.seed, off)
		if f.kind == frameMark {
			w.off, w.marked = off, true
			return false, nil
		}
		payload := make([]byte, f.length)
		if off+frameSize(len(payload)) > w.size {
			continue
		}
		if err := readFull(w.file, payload, off+frameHeaderSize); err != nil {
			return false, wrap("read "+w.name, err)
		}
		if f.holds(payload) {
			w.off, w.marked, w.torn = off, false, false
			return false, nil
		}
	}
	return true, nil // with a gap: nothing tells what was there
}

// counted compares the tallies before and behind a gap.
func (s *salvage) counted(f *frame) {
	if s.gap {
		if f.tally.changes != s.tally.changes || f.tally.changes == changesMax {
			for _, e := range s.known {
				e.sure = false
			}
		}
		if f.tally.created == createdMax {
			s.strange = true
		}
		s.missing += int(f.tally.created) - int(s.tally.created)
	}
	s.gap = false
}

// frame learns from an intact frame.
func (s *salvage) frame(f *frame, payload []byte) {
	if f.boot > uint32(s.boot) {
		s.strange = true // the identity is older than the log
		return
	}
	before, gap := s.tally, s.gap
	s.counted(f)
	s.tally = f.tally
	if f.kind != frameWrite && f.kind != frameReset {
		return
	}
	var w raft.Write
	if raft.DecodeWrite(payload, &w) != nil {
		s.strange = true
		return
	}
	e := s.known[f.group]
	if e == nil {
		e = &evidence{headSure: true}
		s.known[f.group] = e
		at, _ := slices.BinarySearch(s.order, f.group)
		s.order = slices.Insert(s.order, at, f.group)
		switch {
		case before.created == createdMax:
			s.strange = s.strange || s.missing != 0
		case gap || f.tally.created == before.created:
			s.missing-- // it was made in a gap, perhaps here
		}
	}
	switch {
	case w.HardChanged:
		e.hard, e.sure = w.Hard, true
	case e.headSure:
		e.hard, e.sure = e.head, true
	}
}

// behind looks at the segments without a head. What stands there was never
// confirmed, unless a frame of the first shows that the head was durable.
func (s *salvage) behind(last uint64, before *walk, numbers []uint64) error {
	at, _ := slices.BinarySearch(numbers, last)
	later := numbers[at+1:]
	if before.sealed && (len(later) == 0 || later[0] != last+1) {
		s.strange = true
	}
	for i, n := range later {
		w, err := s.log.walk(n)
		if err != nil {
			return err
		}
		proof, err := w.search()
		next := i == 0 && n == last+1 && before.sealed
		switch {
		case err != nil:
		case next && w.size < before.nextSize, !next && len(w.stray) > 0:
			s.strange = true
		case next && proof > 0:
			err = s.headless(w)
			s.strange = s.strange || w.sealed && (len(later) == 1 || later[1] != n+1)
		}
		_ = w.file.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// doubt says why a hard state is not certain, or "".
func (s *salvage) doubt() string {
	if s.gap || s.strange || s.missing != 0 {
		return "nothing shows what was written there"
	}
	for _, e := range s.known {
		if !e.sure {
			return "its term or vote was written there, and nothing behind it tells them"
		}
	}
	return ""
}

// settleOn decides what a group starts from. One that lost nothing keeps what
// it has. Another takes the newest snapshot file that is whole, and of the
// entries what fits to it. It says whether the group lost something.
func (l *Log) settleOn(g *group, hurt bool) (bool, error) {
	es := g.entries
	if len(es) > 0 && es[0].Index != g.cut.Index+1 || len(es) == 0 && g.last > g.cut.Index {
		es, hurt = nil, true
	}
	if !hurt {
		if g.snapshot.Index == 0 {
			return false, nil
		}
		base, err := l.verified(g.id, g.snapshot.Index)
		if err != nil || base.Index != 0 && base.Term == g.snapshot.Term {
			return false, err
		}
	}
	newest, err := l.newestSnapshot(g)
	if err != nil {
		return true, err
	}
	at := int(newest.Index) - int(g.cut.Index) - 1 // its entry in es
	switch {
	case newest.Index == 0 && g.cut.Index == 0: // all from the beginning
	case newest.Index != 0 && newest.Index == g.cut.Index && newest.Term == g.cut.Term:
	case at >= 0 && at < len(es) && es[at].Term == newest.Term:
	default:
		es, g.cut = nil, newest
	}
	for len(es) > 0 && es[len(es)-1].Term > g.hard.Term {
		es = es[:len(es)-1]
	}
	g.snapshot, g.entries = newest, es
	g.last = g.cut.Index + raft.Index(len(es))
	return true, nil
}

// newestSnapshot finds the newest snapshot file of a group that is whole; zero
// if there is none. Whatever a file holds was committed.
func (l *Log) newestSnapshot(g *group) (raft.Base, error) {
	var none raft.Base
	names, err := l.fs.List(l.dir)
	if err != nil {
		return none, wrap("list data directory "+l.dir, err)
	}
	for _, name := range slices.Backward(names) { // by index, since they are sorted
		id, index, ok := snapshotParts(name)
		if !ok || id != g.id {
			continue
		}
		if base, err := l.verified(id, index); err != nil || base.Index != 0 && base.Term <= g.hard.Term {
			return base, err
		}
	}
	return none, nil
}

// verified reads a snapshot file, and gives its base if all of it is good, else
// zero.
func (l *Log) verified(g raft.GroupID, index raft.Index) (raft.Base, error) {
	r, err := l.OpenSnapshot(g, index)
	if err == nil {
		err = r.Verify()
		_ = r.Close()
	}
	switch {
	case errors.Is(err, ErrDamaged):
		return raft.Base{}, nil
	case err != nil:
		return raft.Base{}, err
	}
	return r.Base(), nil
}

// checkSnapshots reads all snapshots that are recorded.
func (l *Log) checkSnapshots() error {
	for _, g := range l.order {
		if g.snapshot.Index == 0 {
			continue
		}
		r, err := l.OpenSnapshot(g.id, g.snapshot.Index)
		if err != nil {
			return err
		}
		err = r.Verify()
		if err == nil && r.Base().Term != g.snapshot.Term {
			err = r.damage(0, "the snapshot is of another term than the log records")
		}
		_ = r.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
