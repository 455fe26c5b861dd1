package sim

import "strconv"

// luck takes a number: whatever is left to chance comes otherwise from now on. The
// same number at the same moment gives the same future. What was drawn already
// stays: an election timeout that runs, a message on its way.
func (p *Player) luck(args []string) error {
	if len(args) != 1 {
		return p.wrong("luck takes a number: luck 7")
	}
	n, err := strconv.ParseUint(args[0], 10, 32)
	if err != nil {
		return p.wrong(args[0] + " is not a number from 0 to 4294967295")
	}
	p.world.luck(n)
	p.teller.say(p.world.now, "from now on chance goes by luck "+args[0])
	return nil
}

// luck gives every source of chance in a story's world another seed.
func (w *World) luck(n uint64) {
	seed := mix(w.opt.Seed, ^n)
	w.rand = NewRand(seed, streamWorld)
	for i := range w.nodes {
		v := &w.nodes[i]
		v.rand = NewRand(seed, streamNodes+uint64(2*i))
		v.wear = NewRand(seed, streamNodes+uint64(2*i+1))
		if v.up && v.group != nil {
			v.group.Core().Reseed(v.rand.Uint64())
		}
	}
	for from := range w.net.nodes {
		for to := range w.net.nodes {
			w.net.rand[from][to] = NewRand(seed, streamLinks+uint64(from*nodesMax+to))
		}
	}
}
