package explore

import "sync/atomic"

// arena numbers things. One goroutine adds at a time; any may get what was told
// to it since.
type arena[T any] struct {
	chunks [1 << 14]atomic.Pointer[[1 << chunkBits]*T]
	n      uint32
}

func (a *arena[T]) add(v *T) uint32 {
	id := a.n
	c := a.chunks[id>>chunkBits].Load()
	if c == nil {
		c = new([1 << chunkBits]*T)
		a.chunks[id>>chunkBits].Store(c)
	}
	c[id&(1<<chunkBits-1)] = v
	a.n++
	return id
}

func (a *arena[T]) get(id uint32) *T {
	return a.chunks[id>>chunkBits].Load()[id&(1<<chunkBits-1)]
}

// mix spreads a word over 64 bits (the finish of SplitMix64).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// digest folds words.
type digest uint64

func (d *digest) word(v uint64) { *d = digest(mix(uint64(*d) ^ v)) }

func (d *digest) bytes(b []byte) {
	d.word(uint64(len(b)))
	var v uint64
	for k, c := range b {
		v = v<<8 | uint64(c)
		if k%8 == 7 {
			d.word(v)
			v = 0
		}
	}
	d.word(v)
}
