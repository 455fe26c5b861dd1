package server

import (
	"encoding/hex"
	"errors"
	"slices"
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
	Learner  bool   `json:"learner"`  // it is sent the log and counts nowhere
	Standing string `json:"standing"` // admitted, fresh, damaged
	Removed  bool   `json:"removed"`  // a committed entry removed it from the cluster
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

	// Fetching is a snapshot on its way to this member, null when none is.
	Fetching *FetchReport `json:"fetching,omitempty"`
	Snapshot uint64       `json:"snapshot"` // index of the newest one that is durable here
	Cut      uint64       `json:"cut"`      // up to here the log was forgotten

	Peers   []PeerReport   `json:"peers,omitempty"` // on the leader alone
	Members []MemberReport `json:"members"`
	// Changing is not null while the cluster stands between two configurations:
	// then it takes a majority of both to decide.
	Changing *ChangingReport `json:"changing,omitempty"`
	// Pending: the newest configuration is not committed yet, or a joint one is
	// to be left; another change has to wait.
	Pending bool `json:"pending"`
	Level   int  `json:"level"` // of features: the lowest of all members' programs

	FastDetection     bool     `json:"fast_detection"`
	ElectionTimeoutMS [2]int64 `json:"election_timeout_ms"` // in force, the smallest and the largest
	HeartbeatMS       int64    `json:"heartbeat_ms"`
	AutoTiming        bool     `json:"auto_timing"` // the times above follow what is measured
	LeaseReads        bool     `json:"lease_reads"` // asked for with --lease-reads
	Lease             bool     `json:"lease"`       // a leader that may answer reads by itself now
}

// FetchReport is a snapshot file that a member is receiving.
type FetchReport struct {
	From  Named  `json:"from"`
	Index uint64 `json:"index"`
	Bytes uint64 `json:"bytes"` // that have arrived
	Total uint64 `json:"total"` // 0: not known yet
	// Retries is how often something had to be asked for again, Error why it rests.
	Retries uint64 `json:"retries"`
	Error   string `json:"error,omitempty"`
}

// ChangingReport is a joint configuration: Old is to be left for New.
type ChangingReport struct {
	Old []Named `json:"old"`
	New []Named `json:"new"`
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
	Inflight      int    `json:"inflight"`      // AppendEntries on their way to it
	Snapshot      uint64 `json:"snapshot"`      // offered to it and not installed yet; 0 none
	CaughtUp      bool   `json:"caught_up"`     // a learner that may be promoted
	RoundTripUS   int64  `json:"round_trip_us"` // smoothed; 0 unknown
	OtherTiming   bool   `json:"other_timing"`  // its election timing differs from the leader's
	Damaged       bool   `json:"damaged"`       // its disk lost entries: it does not count yet
	Leaving       bool   `json:"leaving"`       // it leaves with the newest configuration
}

// MemberReport is one member of the configuration.
type MemberReport struct {
	ID      ID     `json:"id"`
	Name    string `json:"name"`
	Peer    string `json:"peer"`
	Client  string `json:"client"`
	Learner bool   `json:"learner"`
	// Leaving: it counts only in the old half of a joint configuration.
	Leaving  bool  `json:"leaving"`
	Started  bool  `json:"started"`  // its data directory is known to the cluster
	Priority uint8 `json:"priority"` // how gladly it is seen as leader
	Level    int   `json:"level"`    // of its program; 0 until it told
}

// report puts a picture into words for people.
func (s *Server) report(p *Picture) StatusReport {
	names := p.names()
	timing := s.timing(p)
	r := StatusReport{
		Name: s.cfg.Name, ID: ID(s.cfg.Self), Cluster: hex.EncodeToString(s.cfg.ClusterID[:]),
		Role: roleName(p.Role), Learner: p.learner(s.cfg.Self), Removed: p.Removed, Standing: standingName(p.Standing),
		Version: s.cfg.Version, UptimeMS: time.Since(s.started).Milliseconds(), Fault: p.trouble(),
		Term: uint64(p.Term), Vote: ID(p.Vote), Confirmed: p.leads(s.cfg.Heartbeat),
		Leader:        Named{ID: ID(p.Leader), Name: names[p.Leader]},
		LastContactMS: since(p.Now, p.LeaderHeard),
		Elections:     p.Elections,
		Commit:        uint64(p.Commit), Applied: uint64(p.Applied),
		Persisted: uint64(p.Persisted), LastIndex: uint64(p.LastIndex),
		Lag:      lead(p.Commit, p.Applied),
		Snapshot: uint64(p.Snapshot), Cut: uint64(p.Cut),
		Members: members(&p.Config), Changing: changing(&p.Config), Pending: p.changing(), Level: int(p.Level),
		FastDetection:     s.cfg.FastDetection,
		ElectionTimeoutMS: [2]int64{milliseconds(timing.ElectionMin), milliseconds(timing.ElectionMax)},
		HeartbeatMS:       milliseconds(timing.Heartbeat),
		AutoTiming:        s.cfg.AutoTiming,
		LeaseReads:        s.cfg.LeaseReads,
		Lease:             p.Lease != 0,
	}
	if p.Role == raft.Leader {
		r.LastContactMS = 0
	}
	if f := p.Receiving; f != nil {
		r.Fetching = &FetchReport{From: p.named(f.Peer), Index: uint64(f.Index), Bytes: f.Bytes, Total: f.Total, Retries: f.Retries}
		if f.Err != nil {
			r.Fetching.Error = f.Err.Error()
		}
	}
	for _, q := range p.Peers {
		r.Peers = append(r.Peers, PeerReport{
			ID: ID(q.ID), Name: names[q.ID], Match: uint64(q.Match), Next: uint64(q.Next),
			Lag: lead(p.LastIndex, q.Match), LastContactMS: since(p.Now, q.LastContact), Probing: q.Probing, Inflight: q.Inflight,
			Snapshot: uint64(q.Snapshot), CaughtUp: q.CaughtUp, RoundTripUS: int64(q.RoundTrip / raft.Microsecond),
			OtherTiming: q.OtherTiming, Damaged: q.Uncounted, Leaving: q.Removed,
		})
	}
	return r
}

// timing is the one in force: the core's own word, or before it says anything
// how it was started.
func (s *Server) timing(p *Picture) raft.Config {
	t := raft.Config{ElectionMin: p.ElectionMin, ElectionMax: p.ElectionMax, Heartbeat: p.Heartbeat}
	if t.ElectionMax == 0 {
		t.ElectionMin, t.ElectionMax = s.cfg.ElectionMin, s.cfg.ElectionMax
	}
	if t.Heartbeat == 0 {
		t.Heartbeat = s.cfg.Heartbeat
	}
	return t
}

// members lists the members of a configuration.
func members(c *raft.Configuration) []MemberReport {
	list := []MemberReport{}
	for _, m := range c.Members {
		voter, old := slices.Contains(c.Voters, m.ID), slices.Contains(c.Outgoing, m.ID)
		list = append(list, MemberReport{
			ID: ID(m.ID), Name: m.Name, Peer: m.PeerAddr, Client: m.ClientAddr, Learner: !voter && !old,
			Leaving: old && !voter, Started: m.Incarnation != 0, Priority: m.Priority, Level: int(m.Level),
		})
	}
	return list
}

// changing names the halves of a joint configuration, nil when it is not one.
func changing(c *raft.Configuration) *ChangingReport {
	if len(c.Outgoing) == 0 {
		return nil
	}
	half := func(ids []raft.NodeID) (list []Named) {
		for _, id := range ids {
			m, _ := c.Member(id)
			list = append(list, Named{ID: ID(id), Name: m.Name})
		}
		return list
	}
	return &ChangingReport{Old: half(c.Outgoing), New: half(c.Voters)}
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
	switch s {
	case raft.Admitted:
		return "admitted"
	case raft.Damaged:
		return "damaged"
	}
	return "fresh"
}
