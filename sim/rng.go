package sim

import "math/bits"

// Rand is a PCG generator with 128 bits of state and the XSL-RR output: small,
// fast, and the same on every machine for ever, so that a seed is a whole run.
// The zero value is not seeded; use NewRand.
type Rand struct{ hi, lo uint64 }

// The multiplier and the increment of PCG's 128-bit generator.
const (
	pcgMulHi, pcgMulLo = 2549297995355413924, 4865540595714422341
	pcgIncHi, pcgIncLo = 6364136223846793005, 1442695040888963407
)

// NewRand gives a generator for a seed and a stream: generators of one seed and
// different streams have nothing to do with each other.
func NewRand(seed, stream uint64) Rand {
	r := Rand{hi: mix(seed, 0x5eed), lo: mix(stream, seed)}
	r.Uint64()
	return r
}

// Uint64 gives 64 random bits.
func (r *Rand) Uint64() uint64 {
	hi, lo := bits.Mul64(r.lo, pcgMulLo)
	hi += r.hi*pcgMulLo + r.lo*pcgMulHi
	lo, carry := bits.Add64(lo, pcgIncLo, 0)
	hi, _ = bits.Add64(hi, pcgIncHi, carry)
	r.hi, r.lo = hi, lo
	return bits.RotateLeft64(hi^lo, -int(hi>>58))
}

// Intn gives a number from 0 to n-1; 0 if n is not positive.
func (r *Rand) Intn(n int) int {
	if n <= 0 {
		return 0
	}
	hi, _ := bits.Mul64(r.Uint64(), uint64(n))
	return int(hi)
}

// Between gives a number from low to high, both included.
func (r *Rand) Between(low, high int64) int64 {
	if high <= low {
		return low
	}
	hi, _ := bits.Mul64(r.Uint64(), uint64(high-low)+1)
	return low + int64(hi)
}

// Chance is true with a probability of n in of.
func (r *Rand) Chance(n, of int) bool { return r.Intn(of) < n }

// LogBetween gives a number from low to high (both positive) so that each
// doubling is as likely as another: small and large faults get equal attention.
func (r *Rand) LogBetween(low, high int64) int64 {
	steps := 0
	for v := low; v*2 <= high; v *= 2 {
		steps++
	}
	k := r.Intn(steps + 1)
	from := low << k
	return r.Between(from, min(high, from*2))
}

// mix stirs two numbers into one (the finalizer of SplitMix64 over their sum).
func mix(a, b uint64) uint64 {
	z := a*0x9e3779b97f4a7c15 + bits.RotateLeft64(b, 31) + 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// digest hashes bytes, eight at a time. It finds divergence, not forgery.
func digest(h uint64, b []byte) uint64 {
	h = mix(h, uint64(len(b)))
	for len(b) >= 8 {
		v := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		h = (bits.RotateLeft64(h, 23) ^ v) * 0x9e3779b97f4a7c15
		b = b[8:]
	}
	var v uint64
	for i, c := range b {
		v |= uint64(c) << (8 * i)
	}
	return (bits.RotateLeft64(h, 23) ^ v) * 0xbf58476d1ce4e5b9
}
