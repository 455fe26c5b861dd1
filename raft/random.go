package raft

import "math/bits"

// random is SplitMix64: small, seeded, and the same everywhere.
type random struct{ state uint64 }

// Reseed lets every random choice from now on go by another seed; what was drawn
// stays. A simulator asks so what else could have come.
func (c *Core) Reseed(seed uint64) { c.rng.state = seed }

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// between draws from [least, most], to the nanosecond.
func (r *random) between(least, most Duration) Duration {
	span := uint64(most-least) + 1
	hi, _ := bits.Mul64(r.next(), span)
	return least + Duration(hi)
}
