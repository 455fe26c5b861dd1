package server

import (
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc/codes"

	"veche/host"
	"veche/raft"
)

// metrics is what the server counts itself. The rest is read from the node, the
// journal and the listeners when somebody asks (collector).
type metrics struct {
	registry        *prometheus.Registry
	started         *prometheus.CounterVec
	handled         *prometheus.CounterVec
	seconds         *prometheus.HistogramVec
	pending         prometheus.Gauge
	proposalsFailed prometheus.Counter
	readsFailed     prometheus.Counter
	panics          prometheus.Counter
	refusedHosts    prometheus.Counter
}

// requestBuckets reach from a local read to the request timeout.
var requestBuckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 7.5}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		started: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "grpc_server_started_total",
			Help: "Requests that came, by method."}, []string{"grpc_type", "grpc_service", "grpc_method"}),
		handled: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "grpc_server_handled_total",
			Help: "Requests that were answered, by method and code."}, []string{"grpc_type", "grpc_service", "grpc_method", "grpc_code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "grpc_server_handling_seconds",
			Help: "Time from a request to its answer, by method.", Buckets: requestBuckets}, []string{"grpc_type", "grpc_service", "grpc_method"}),
		pending: prometheus.NewGauge(prometheus.GaugeOpts{Name: "etcd_server_proposals_pending",
			Help: "Writes of this member's clients that wait for the majority."}),
		proposalsFailed: prometheus.NewCounter(prometheus.CounterOpts{Name: "etcd_server_proposals_failed_total",
			Help: "Writes that ended without an answer of the state machine."}),
		readsFailed: prometheus.NewCounter(prometheus.CounterOpts{Name: "etcd_server_read_indexes_failed_total",
			Help: "Linearizable reads that ended in an error."}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{Name: "veche_server_panics_total",
			Help: "Requests that met a mistake of the program."}),
		refusedHosts: prometheus.NewCounter(prometheus.CounterOpts{Name: "veche_server_http_hosts_refused_total",
			Help: "HTTP requests for a host name that is not ours."}),
	}
	m.registry.MustRegister(m.started, m.handled, m.seconds, m.pending, m.proposalsFailed, m.readsFailed, m.panics, m.refusedHosts,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&collector{s: s})
	for _, c := range s.cfg.Collectors {
		m.registry.MustRegister(c)
	}
	return m
}

// The shapes of a method, by the names that etcd's dashboards select.
const (
	shapeUnary = "unary"
	shapeServe = "server_stream" // of answers
	shapeBidi  = "bidi_stream"   // of requests and answers; etcd has none of requests alone
)

// request counts one request, and gives what counts its answer. Only registered
// methods come here, so the number of labels is bounded.
func (m *metrics) request(shape, method string) (answered func(codes.Code)) {
	begin := time.Now()
	service, name := path.Base(path.Dir(method)), path.Base(method)
	m.started.WithLabelValues(shape, service, name).Inc()
	return func(code codes.Code) {
		m.handled.WithLabelValues(shape, service, name, code.String()).Inc()
		m.seconds.WithLabelValues(shape, service, name).Observe(time.Since(begin).Seconds())
	}
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}) // it is a picture, not a feed
}

// collector reads what others keep, at the moment somebody asks.
type collector struct{ s *Server }

// Describe describes nothing: the members, and so the series, may change.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect reads everything once.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	g := gatherer{out: out}
	p := c.s.cfg.Node.Picture()
	g.member(&p)
	g.leader(&p)
	g.journal(c.s.cfg.Journal)
	g.ports(c.s)
	g.host(&p)
	c.s.cfg.Node.View(func(sm host.StateMachine) {
		st := storeOf(sm)
		g.gauge("etcd_mvcc_db_total_size_in_bytes", "Memory of all versions of all keys.", float64(st.Size()))
		g.gauge("etcd_debugging_mvcc_current_revision", "Revision of the newest change.", float64(st.Revision()))
		g.gauge("etcd_debugging_mvcc_compact_revision", "Oldest revision that can be read.", float64(st.CompactRevision()))
		g.gauge("veche_store_keys", "Keys that exist.", float64(st.Keys()))
	})
}

type gatherer struct{ out chan<- prometheus.Metric }

func (g gatherer) send(kind prometheus.ValueType, name, help string, v float64, labels ...string) {
	var names, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	g.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, v, values...)
}

func (g gatherer) gauge(name, help string, v float64, labels ...string) {
	g.send(prometheus.GaugeValue, name, help, v, labels...)
}

func (g gatherer) counter(name, help string, v float64, labels ...string) {
	g.send(prometheus.CounterValue, name, help, v, labels...)
}

func (g gatherer) member(p *Picture) {
	g.gauge("etcd_server_has_leader", "1 when a leader is known.", bit(p.leading() != 0))
	g.gauge("etcd_server_is_leader", "1 when this member leads.", bit(p.Role == raft.Leader))
	g.gauge("etcd_server_proposals_committed_total", "Index up to which the log is committed.", float64(p.Commit))
	g.gauge("etcd_server_proposals_applied_total", "Index up to which the log is applied.", float64(p.Applied))
	g.gauge("etcd_server_is_learner", "1 when this member counts nowhere.", bit(p.learner(p.Self)))
	g.gauge("veche_raft_term", "Term of this member.", float64(p.Term))
	g.gauge("veche_raft_role", "1 for what this member is.", 1, "role", roleName(p.Role))
	g.gauge("veche_raft_leader_confirmed", "1 when this member leads and a majority said so a moment ago.", bit(p.Confirmed))
	g.gauge("veche_raft_last_index", "Last entry of the log.", float64(p.LastIndex))
	g.gauge("veche_raft_persisted_index", "Last entry that is durable here.", float64(p.Persisted))
	g.gauge("veche_raft_log_bytes", "Bytes of the log that is not cut.", float64(p.LogBytes))
	g.gauge("veche_raft_log_bytes_max", "Bytes of the log beyond which writes are refused.", float64(p.LogBytesMax))
	g.gauge("veche_raft_uncommitted_bytes", "Bytes that wait for the majority.", float64(p.Uncommitted))
	g.counter("veche_raft_elections_total", "Elections that this member has started.", float64(p.Elections))
	g.gauge("veche_raft_fault", "1 when the group has halted on a broken invariant.", bit(p.trouble() != ""))
	g.gauge("veche_raft_admitted", "1 when this member may vote and acknowledge.", bit(p.Standing == raft.Admitted))
	g.gauge("veche_raft_damaged", "1 when the disk lost entries, so that this member does not count.", bit(p.Standing == raft.Damaged))
	g.gauge("veche_raft_removed", "1 when this member was removed from the cluster.", bit(p.Removed))
	g.gauge("veche_raft_level", "Feature level of the cluster: the lowest of all members' programs.", float64(p.Level))
	g.gauge("veche_raft_joint", "1 while the voters change from one set to another.", bit(len(p.Config.Outgoing) > 0))
	g.gauge("veche_raft_lease", "1 when this member may answer reads by itself.", bit(p.Lease != 0))
	g.gauge("veche_raft_election_timeout_seconds", "Smallest election timeout in force.", seconds(raft.Time(p.ElectionMin)))
	if p.LeaderHeard != 0 {
		g.gauge("veche_raft_leader_contact_seconds", "Since the leader was heard.", seconds(p.Now-p.LeaderHeard))
	}
}

// leader is what only a leader knows: how far the others are.
func (g gatherer) leader(p *Picture) {
	for _, q := range p.Peers {
		to := strconv.FormatUint(uint64(q.ID), 16)
		g.gauge("veche_peer_match_index", "Last entry that the peer is known to hold.", float64(q.Match), "to", to)
		g.gauge("veche_peer_lag_entries", "Entries that the peer is not known to hold.", float64(lead(p.LastIndex, q.Match)), "to", to)
		g.gauge("veche_peer_caught_up", "1 for a learner that may be promoted.", bit(q.CaughtUp), "to", to)
		g.gauge("veche_peer_other_timing", "1 when the peer's election timing differs from this leader's.", bit(q.OtherTiming), "to", to)
		g.gauge("veche_peer_round_trip_seconds", "Smoothed time of a message to the peer and back.", seconds(raft.Time(q.RoundTrip)), "to", to)
		g.gauge("veche_peer_inflight", "Messages with entries that the peer has not answered.", float64(q.Inflight), "to", to)
		if q.LastContact != 0 {
			g.gauge("veche_peer_contact_seconds", "Since the peer answered.", seconds(p.Now-q.LastContact), "to", to)
		}
	}
}

// host is what moves between the rooms of this process.
func (g gatherer) host(p *Picture) {
	g.gauge("veche_host_commands_unsettled", "Commands of this member's clients without an end.", float64(p.Unsettled))
	g.gauge("veche_host_reads_waiting", "Linearizable reads without an end.", float64(p.Reads))
	g.gauge("veche_host_apply_backlog", "Entries that are committed and not handed to the state machine.", float64(p.Backlog))
	g.counter("veche_host_commands_resent_total", "Commands that were sent more than once.", float64(p.Resent))
	g.counter("veche_host_repeats_dropped_total", "Entries that were dropped because they had been applied.", float64(p.Repeats))
	g.counter("veche_host_batches_ignored_total", "Forwarded batches that were repeated, late or malformed.", float64(p.Ignored))
	g.counter("veche_host_messages_dropped_total", "Messages that found the inbox full.", float64(p.Dropped))
	if f := p.Receiving; f != nil {
		g.gauge("veche_host_snapshot_received_bytes", "Bytes of the snapshot on its way to this member.", float64(f.Bytes))
		g.gauge("veche_host_snapshot_total_bytes", "Size of that snapshot.", float64(f.Total))
	}
	for _, f := range p.Serving {
		g.gauge("veche_host_snapshot_sent_bytes", "Bytes of the snapshot on its way to a peer.", float64(f.Bytes), "to", strconv.FormatUint(uint64(f.Peer), 16))
	}
	g.counter("veche_host_turns_total", "Turns of the loop.", float64(p.Turns))
	g.counter("veche_wal_syncs_total", "Syncs of the log.", float64(p.Syncs))
	g.counter("veche_wal_records_total", "Records written to the log.", float64(p.Records))
}

func (g gatherer) journal(j *Journal) {
	g.counter("etcd_server_leader_changes_seen_total", "How often the leader was seen to change.", float64(j.leaderChanges()))
	kinds, unknown := j.counts()
	for k, n := range kinds {
		if k > 0 {
			g.counter("veche_raft_events_total", "Events of this member, by kind.", float64(n), "kind", raft.EventKind(k).Word())
		}
	}
	g.counter("veche_raft_events_total", "Events of this member, by kind.", float64(unknown), "kind", "unknown")
}

func (g gatherer) ports(s *Server) {
	n := &s.split.counts
	for _, c := range []struct {
		as string
		n  uint64
	}{
		{"grpc", n.grpc.Load()}, {"http", n.http.Load()}, {"tls", n.tls.Load()}, {"noise", n.noise.Load()},
		{"silent", n.slow.Load()}, {"full", n.full.Load()}, {"gone", n.gone.Load()},
	} {
		g.counter("veche_client_connections_total", "Connections of the client port, by what became of them: grpc and http were served, the others closed.",
			float64(c.n), "as", c.as)
	}
	open, undecided := s.split.openConns()
	g.gauge("veche_client_connections", "Open connections of the client port.", float64(open))
	g.gauge("veche_client_connections_undecided", "Those of them whose first bytes have not arrived.", float64(undecided))
	g.gauge("veche_client_requests", "Requests in flight.", float64(s.inflight.Load()))
	g.gauge("veche_client_streams", "Open streams of requests or answers.", float64(s.streams.Load()))
	g.gauge("veche_event_subscribers", "Live readers of the journal.", float64(s.subscribers.Load()))
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func seconds(d raft.Time) float64 { return float64(max(d, 0)) / float64(raft.Second) }
