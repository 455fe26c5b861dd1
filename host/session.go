package host

import (
	"encoding/binary"
	"errors"
	"slices"

	"veche/raft"
)

// sessions remembers which commands were applied. It is a part of the
// replicated state: every member has the same table at the same index.
type sessions struct {
	rows []session // in increasing order of member
}

// session is what one member's latest boot has had applied: everything below
// low, or settled without it, and the numbers in above.
//
//	1 … low−1 | low … (some of them in above) …
type session struct {
	member raft.NodeID
	boot   raft.Boot
	low    uint64
	above  []uint64 // increasing, all ≥ low, fewer than unsettledMax
}

var errSessions = errors.New("the session table in the snapshot is damaged")

// admit says whether the command with this stamp is to be applied, and notes
// that it was. It says no to what was applied before, to what its sender has
// given up, and to what an earlier boot of its sender left behind.
func (t *sessions) admit(s stamp) bool {
	row := t.row(s.member)
	switch {
	case s.boot < row.boot:
		return false
	case s.boot > row.boot:
		row.boot, row.low, row.above = s.boot, s.low, row.above[:0]
	case s.low > row.low:
		row.low = s.low
		k, _ := slices.BinarySearch(row.above, s.low)
		row.above = append(row.above[:0], row.above[k:]...)
	}
	if s.seq < row.low {
		return false
	}
	if n := len(row.above); n == 0 || s.seq > row.above[n-1] {
		row.above = append(row.above, s.seq) // in order, as nearly always
		return true
	}
	k, found := slices.BinarySearch(row.above, s.seq)
	if !found {
		row.above = slices.Insert(row.above, k, s.seq)
	}
	return !found
}

// knows says whether the command with that number was applied, or given up.
func (r *session) knows(seq uint64) bool {
	_, found := slices.BinarySearch(r.above, seq)
	return seq < r.low || found
}

// of gives a copy of the member's row, which is empty if there is none.
func (t *sessions) of(id raft.NodeID) session {
	for _, r := range t.rows {
		if r.member == id {
			r.above = slices.Clone(r.above)
			return r
		}
	}
	return session{}
}

// row finds the member's row, or makes an empty one.
func (t *sessions) row(id raft.NodeID) *session {
	k, found := slices.BinarySearchFunc(t.rows, id, func(r session, id raft.NodeID) int {
		switch {
		case r.member < id:
			return -1
		case r.member > id:
			return 1
		}
		return 0
	})
	if !found {
		t.rows = slices.Insert(t.rows, k, session{member: id})
	}
	return &t.rows[k]
}

// append puts the table behind b: the number of rows, then each with the
// distances between its numbers.
func (t *sessions) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(t.rows)))
	for k := range t.rows {
		r := &t.rows[k]
		b = binary.AppendUvarint(b, uint64(r.member))
		b = binary.AppendUvarint(b, uint64(r.boot))
		b = binary.AppendUvarint(b, r.low)
		b = binary.AppendUvarint(b, uint64(len(r.above)))
		next := r.low
		for _, seq := range r.above {
			b = binary.AppendUvarint(b, seq-next)
			next = seq + 1
		}
	}
	return b
}

// readSessions takes a table from the front of s. What cannot be a table is
// refused; memory grows with what arrives.
func readSessions(s *scanner) (sessions, error) {
	n := s.uvarint()
	if s.err == nil && n > sessionsMax {
		s.err = errSessions
	}
	var t sessions
	for k := uint64(0); k < n && s.err == nil; k++ {
		row := readSession(s)
		if s.err == nil && len(t.rows) > 0 && t.rows[len(t.rows)-1].member >= row.member {
			s.err = errSessions
		}
		t.rows = append(t.rows, row)
	}
	if s.err != nil {
		return sessions{}, s.err
	}
	return t, nil
}

func readSession(s *scanner) session {
	row := session{member: raft.NodeID(s.uvarint()), boot: raft.Boot(s.uvarint()), low: s.uvarint()}
	n := s.uvarint()
	if s.err == nil && (row.member == 0 || row.boot == 0 || row.low == 0 || n > unsettledMax) {
		s.err = errSessions
	}
	next := row.low
	for k := uint64(0); k < n && s.err == nil; k++ {
		seq := next + s.uvarint()
		if s.err == nil && (seq < next || seq-row.low >= unsettledMax) {
			s.err = errSessions
		}
		row.above = append(row.above, seq)
		next = seq + 1
	}
	return row
}
