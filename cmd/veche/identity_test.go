package main

import (
	"fmt"
	"testing"

	"veche/raft"
)

func TestIdentity_DoesNotDependOnOrderAndIsStable(t *testing.T) {
	// Servers must agree on ids without talking, across releases: golden values that
	// another program computed, for the same cluster in two orders.
	a := []peer{{"n1", "10.0.0.1:2380"}, {"n2", "10.0.0.2:2380"}, {"n3", "10.0.0.3:2380"}}
	b := []peer{a[2], a[0], a[1]}
	id := clusterID(a, "veche")
	if other := clusterID(b, "veche"); other != id {
		t.Fatalf("the order of the servers changed the cluster id: %x and %x", id, other)
	}
	if got, want := fmt.Sprintf("%x", id[:]), "445656ae8865862c3e4d42cf5751e83b"; got != want {
		t.Errorf("cluster id is %s, want %s", got, want)
	}
	if got, want := fmt.Sprintf("%x", uint64(memberID(id, "n1"))), "f943b3d459a44c23"; got != want {
		t.Errorf("member id is %s, want %s", got, want)
	}
}

func TestIdentity_TellsClustersApart(t *testing.T) {
	// Anything that differs must give another id, also where the parts are only
	// joined in another place.
	base := clusterID([]peer{{"n1", "a:1"}, {"n2", "b:2"}}, "t")
	for name, other := range map[string]raft.ClusterID{
		"token":   clusterID([]peer{{"n1", "a:1"}, {"n2", "b:2"}}, "u"),
		"address": clusterID([]peer{{"n1", "a:1"}, {"n2", "b:3"}}, "t"),
		"name":    clusterID([]peer{{"n1", "a:1"}, {"n3", "b:2"}}, "t"),
		"member":  clusterID([]peer{{"n1", "a:1"}}, "t"),
		"border":  clusterID([]peer{{"n1a", ":1"}, {"n2", "b:2"}}, "t"),
	} {
		if other == base {
			t.Errorf("another %s gives the same cluster id", name)
		}
	}
	if memberID(base, "n1") == memberID(base, "n2") {
		t.Error("two members have one id")
	}
}
