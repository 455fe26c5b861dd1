package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// views asks every node how it stands, all at once.
func (c *cluster) views(ctx context.Context) []memberView {
	views := make([]memberView, len(c.nodes))
	var all sync.WaitGroup
	for i, n := range c.nodes {
		if !c.up(i) {
			views[i] = memberView{Endpoint: n.client, Name: n.name, Err: "down"}
			continue
		}
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, sampleMax)
			defer cancel()
			views[i] = fetchView(ctx, n.client)
			views[i].Name = n.name
		})
	}
	all.Wait()
	return views
}

// await waits until ok accepts the views, and returns them.
func (c *cluster) await(ctx context.Context, what string, ok func([]memberView) bool) ([]memberView, error) {
	for {
		v := c.views(ctx)
		if ok(v) {
			return v, nil
		}
		select {
		case <-ctx.Done():
			return v, fmt.Errorf("waited in vain until %s", what)
		case <-time.After(sampleEvery):
		}
	}
}

// awaitLeader waits until a majority agrees on a confirmed leader, and gives
// its position.
func (c *cluster) awaitLeader(ctx context.Context) (leader int, view memberView, err error) {
	views, err := c.await(ctx, "a majority agrees on a leader", func(v []memberView) bool {
		return agreedLeader(v, c.majority()) >= 0
	})
	if err != nil {
		return -1, memberView{}, err
	}
	leader = agreedLeader(views, c.majority())
	return leader, views[leader], nil
}

// agreedLeader gives the position of the one confirmed leader whom at least
// majority members follow in its term, or -1.
func agreedLeader(views []memberView, majority int) int {
	for i, v := range views {
		if v.Err != "" || v.Role != roleLeader || !v.Confirmed {
			continue
		}
		follow := 0
		for _, w := range views {
			if w.Err == "" && w.Term == v.Term && w.LeaderID == v.ID {
				follow++
			}
		}
		if follow >= majority {
			return i
		}
	}
	return -1
}
