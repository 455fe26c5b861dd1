package main

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"veche/raft"
)

// peer is one server of the initial cluster.
type peer struct {
	Name string
	Addr string // host:port that the others dial
}

// clusterID gives the id that all servers of a cluster compute alike: the first
// 128 bits of SHA-256 over the initial cluster, sorted by name, and the token.
// Every part is preceded by its length, so that no two clusters spell alike.
func clusterID(peers []peer, token string) raft.ClusterID {
	sorted := slices.Clone(peers)
	slices.SortFunc(sorted, func(a, b peer) int {
		switch {
		case a.Name < b.Name:
			return -1
		case a.Name > b.Name:
			return 1
		}
		return 0
	})
	buf := []byte("veche cluster 1")
	for _, p := range sorted {
		buf = appendCounted(buf, p.Name)
		buf = appendCounted(buf, p.Addr)
	}
	buf = appendCounted(buf, token)
	sum := sha256.Sum256(buf)
	return raft.ClusterID(sum[:16])
}

// memberID gives a server's id: the first 64 bits of SHA-256 over the cluster's
// id and the server's name. It is never 0, which means nobody.
func memberID(cluster raft.ClusterID, name string) raft.NodeID {
	buf := append([]byte("veche member 1"), cluster[:]...)
	buf = appendCounted(buf, name)
	sum := sha256.Sum256(buf)
	return raft.NodeID(max(1, binary.BigEndian.Uint64(sum[:8])))
}

// appendCounted appends s with its length before it.
func appendCounted(buf []byte, s string) []byte {
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(s)))
	return append(buf, s...)
}
