package server

import (
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"veche/raft"
)

// ID is a member's id; as text and in JSON it is hex, as etcd shows ids, since
// a browser's numbers end at 2^53.
type ID raft.NodeID

// String is the id in hex.
func (id ID) String() string { return strconv.FormatUint(uint64(id), 16) }

// MarshalText gives the id in hex.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *ID) UnmarshalText(b []byte) error {
	n, err := strconv.ParseUint(string(b), 16, 64)
	if err != nil {
		return errors.New("a member id is not a number in hex: " + strconv.Quote(string(b)))
	}
	*id = ID(n)
	return nil
}

// StatusReport is how one member sees itself and its cluster: what
// GET /veche/v1/status answers and `veche status` prints. Durations are in
// milliseconds; a time since something that never happened is -1.
type StatusReport struct {
	Name     string `json:"name"`
	ID       ID     `json:"id"`
	Cluster  string `json:"cluster"`  // 128 bits in hex
	Role     string `json:"role"`     // follower, pre-candidate, candidate, leader
	Standing string `json:"standing"` // admitted, fresh
	Version  string `json:"version"`  // of the program
	UptimeMS int64  `json:"uptime_ms"`
	Fault    string `json:"fault,omitempty"` // not empty: the member has halted

	Term          uint64 `json:"term"`
	Vote          ID     `json:"vote"`
	Leader        Named  `json:"leader"`          // id 0: nobody is known to lead
	Confirmed     bool   `json:"confirmed"`       // it leads, and a majority said so a moment ago
	LastContactMS int64  `json:"last_contact_ms"` // since the leader was heard; 0 on the leader
	Elections     uint64 `json:"elections"`       // that this member has started

	Commit    uint64 `json:"commit"`
	Applied   uint64 `json:"applied"`
	Persisted uint64 `json:"persisted"`
	LastIndex uint64 `json:"last_index"`
	Lag       uint64 `json:"lag"` // committed entries that are not applied here yet

	Peers   []PeerReport   `json:"peers,omitempty"` // on the leader alone
	Members []MemberReport `json:"members"`

	FastDetection     bool     `json:"fast_detection"`
	ElectionTimeoutMS [2]int64 `json:"election_timeout_ms"` // the smallest and the largest
	HeartbeatMS       int64    `json:"heartbeat_ms"`
}

// Named is a member with its name.
type Named struct {
	ID   ID     `json:"id"`
	Name string `json:"name"`
}

// PeerReport is what a leader knows of another member.
type PeerReport struct {
	ID            ID     `json:"id"`
	Name          string `json:"name"`
	Match         uint64 `json:"match"`
	Next          uint64 `json:"next"`
	Lag           uint64 `json:"lag"` // entries of the leader's log that it is not known to hold
	LastContactMS int64  `json:"last_contact_ms"`
	Probing       bool   `json:"probing"`
}

// MemberReport is one member of the configuration.
type MemberReport struct {
	ID      ID     `json:"id"`
	Name    string `json:"name"`
	Peer    string `json:"peer"`
	Client  string `json:"client"`
	Learner bool   `json:"learner"`
}

// report puts a picture into words for people.
func (s *Server) report(p *Picture) StatusReport {
	names := p.names()
	r := StatusReport{
		Name: s.cfg.Name, ID: ID(s.cfg.Self), Cluster: hex.EncodeToString(s.cfg.ClusterID[:]),
		Role: roleName(p.Role), Standing: standingName(p.Standing),
		Version: s.cfg.Version, UptimeMS: time.Since(s.started).Milliseconds(), Fault: p.trouble(),
		Term: uint64(p.Term), Vote: ID(p.Vote), Confirmed: p.leads(s.cfg.Heartbeat),
		Leader:        Named{ID: ID(p.Leader), Name: names[p.Leader]},
		LastContactMS: since(p.Now, p.LeaderHeard),
		Elections:     p.Elections,
		Commit:        uint64(p.Commit), Applied: uint64(p.Applied),
		Persisted: uint64(p.Persisted), LastIndex: uint64(p.LastIndex),
		Lag:               lead(p.Commit, p.Applied),
		Members:           []MemberReport{},
		FastDetection:     s.cfg.FastDetection,
		ElectionTimeoutMS: [2]int64{milliseconds(s.cfg.ElectionMin), milliseconds(s.cfg.ElectionMax)},
		HeartbeatMS:       milliseconds(s.cfg.Heartbeat),
	}
	if p.Role == raft.Leader {
		r.LastContactMS = 0
	}
	for _, q := range p.Peers {
		r.Peers = append(r.Peers, PeerReport{
			ID: ID(q.ID), Name: names[q.ID], Match: uint64(q.Match), Next: uint64(q.Next),
			Lag: lead(p.LastIndex, q.Match), LastContactMS: since(p.Now, q.LastContact), Probing: q.Probing,
		})
	}
	for _, m := range p.Config.Members {
		r.Members = append(r.Members, MemberReport{
			ID: ID(m.ID), Name: m.Name, Peer: m.PeerAddr, Client: m.ClientAddr, Learner: p.learner(m.ID),
		})
	}
	return r
}

// since is the milliseconds from then to now; -1 when then never was.
func since(now, then raft.Time) int64 {
	if then == 0 {
		return -1
	}
	return milliseconds(raft.Duration(max(now-then, 0)))
}

func milliseconds(d raft.Duration) int64 { return int64(d / raft.Millisecond) }

// lead is by how much a is ahead of b.
func lead(a, b raft.Index) uint64 {
	if a <= b {
		return 0
	}
	return uint64(a - b)
}

func roleName(r raft.Role) string {
	switch r {
	case raft.Follower:
		return "follower"
	case raft.PreCandidate:
		return "pre-candidate"
	case raft.Candidate:
		return "candidate"
	case raft.Leader:
		return "leader"
	}
	return "unknown"
}

func standingName(s raft.Standing) string {
	if s == raft.Admitted {
		return "admitted"
	}
	return "fresh"
}
