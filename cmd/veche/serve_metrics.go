package main

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"veche/transport"
	"veche/wal"
)

// diskMetrics shows on /metrics how long the disk took to make the log durable,
// by the name that etcd's dashboards know.
type diskMetrics struct{ log *wal.Log }

var fsyncSeconds = prometheus.NewDesc("etcd_disk_wal_fsync_duration_seconds", "Time of a sync of the log.", nil, nil)

// Describe describes the one series.
func (diskMetrics) Describe(out chan<- *prometheus.Desc) { out <- fsyncSeconds }

// Collect reads the log's counters once.
func (m diskMetrics) Collect(out chan<- prometheus.Metric) {
	s := m.log.Stats()
	buckets, count := map[float64]uint64{}, uint64(0)
	for k, n := range s.SyncTimes {
		count += n
		if k < len(wal.SyncBounds) {
			buckets[time.Duration(wal.SyncBounds[k]).Seconds()] = count
		}
	}
	out <- prometheus.MustNewConstHistogram(fsyncSeconds, count, time.Duration(s.SyncNanos).Seconds(), buckets)
}

// sinceNow is a clock that goes on: nanoseconds since the call.
func sinceNow() func() int64 {
	began := time.Now()
	return func() int64 { return int64(time.Since(began)) }
}

// peerMetrics shows on /metrics what the connections between servers did. It
// shows nothing until a transport is set.
type peerMetrics struct {
	transport atomic.Pointer[transport.Transport]
}

// Describe describes nothing: peers, and so the series, come and go.
func (*peerMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect reads the transport's counters once.
func (m *peerMetrics) Collect(out chan<- prometheus.Metric) {
	t := m.transport.Load()
	if t == nil {
		return
	}
	send := func(kind prometheus.ValueType, name, help string, v float64, labels ...string) {
		var names, values []string
		for i := 0; i+1 < len(labels); i += 2 {
			names, values = append(names, labels[i]), append(values, labels[i+1])
		}
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, v, values...)
	}
	s := t.Stats()
	for r := transport.RefusedMagic; int(r) < len(s.Refused); r++ {
		send(prometheus.CounterValue, "veche_peer_refused_total",
			"Connections to the peer port that were turned down before any message was read, by reason.",
			float64(s.Refused[r]), "reason", r.String())
	}
	for _, c := range []struct {
		why string
		n   uint64
	}{
		{"malformed", s.Malformed}, {"misaddressed", s.Misaddressed}, {"crowded", s.Crowded}, {"unfinished", s.Unfinished},
	} {
		send(prometheus.CounterValue, "veche_peer_closed_total",
			"Connections between servers that were closed: for bytes that cannot be decoded, for messages that name another sender or receiver, "+
				"because too many were open, or because the hello never came to its end.",
			float64(c.n), "why", c.why)
	}
	send(prometheus.GaugeValue, "veche_peer_accepted", "Open connections of other servers, hello or not.", float64(s.Accepted))
	send(prometheus.GaugeValue, "veche_peer_strangers", "Connected members that this server's configuration does not name.", float64(s.Strangers))
	for _, p := range s.Peers {
		id := strconv.FormatUint(uint64(p.ID), 16)
		send(prometheus.CounterValue, "etcd_network_peer_received_bytes_total", "Bytes received from a peer.", float64(p.BytesReceived), "From", id)
		for _, l := range p.Lanes {
			lane := l.Lane.String()
			connected := 0.0
			if l.Connected {
				connected = 1
			}
			send(prometheus.GaugeValue, "veche_peer_connected", "1 when the lane to the peer is connected.", connected, "to", id, "lane", lane)
			send(prometheus.CounterValue, "veche_peer_connects_total", "Connections to the peer that were made.", float64(l.Connects), "to", id, "lane", lane)
			send(prometheus.CounterValue, "veche_peer_sent_bytes_total", "Bytes sent to the peer.", float64(l.Bytes), "to", id, "lane", lane)
			send(prometheus.GaugeValue, "veche_peer_waiting_bytes", "Bytes that wait to be sent to the peer.", float64(l.WaitingBytes), "to", id, "lane", lane)
		}
	}
}
