package main

import "testing"

func TestHoldPorts_ClaimsKeepOthersAway(t *testing.T) {
	// Two demos at once must not take each other's ports between the choice and
	// the start of the servers: after the listeners are closed, the claims alone
	// keep a second search away from the whole range.
	a, claims, err := holdPorts(20)
	if err != nil {
		t.Fatal(err)
	}
	taken := map[string]bool{}
	for _, l := range a {
		taken[l.Addr().String()] = true
		l.Close()
	}
	for range 20 {
		b, more, err := holdPorts(50)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range b {
			if taken[l.Addr().String()] {
				t.Errorf("%s was given away twice", l.Addr())
			}
			l.Close()
			more[i].Close()
		}
	}
	for _, c := range claims {
		c.Close()
	}
}
