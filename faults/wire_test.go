//go:build faults && linux

package faults

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"
)

// machinesMax is the largest number of a machine, heldMax how many delayed
// packets the wire holds: some megabytes; beyond it packets are dropped, as a
// router's queue does.
const (
	machinesMax = 16
	heldMax     = 8192
)

// link is what happens to packets from one machine to another.
type link struct {
	cut    bool
	loss   float64 // part of the packets that is dropped
	reset  float64 // part of the TCP segments that becomes a reset
	delay  time.Duration
	jitter time.Duration // delay ± jitter, evenly: packets overtake each other
}

// wire joins the machines. What it does to whom may be changed at any time.
type wire struct {
	links [machinesMax][machinesMax]atomic.Pointer[link]
	ports [machinesMax]atomic.Pointer[os.File]
	held  atomic.Int64
	seed  uint64

	passed, lost, resets atomic.Uint64
}

// set changes the direction from a to b.
func (w *wire) set(a, b byte, l link) { w.links[a][b].Store(&l) }

// clear makes every link good again.
func (w *wire) clear() {
	for a := range w.links {
		for b := range w.links[a] {
			w.links[a][b].Store(nil)
		}
	}
}

// attach reads what machine n sends, until its device is closed. The channel
// is closed then.
func (w *wire) attach(n byte, tun *os.File) <-chan struct{} {
	w.ports[n].Store(tun)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer w.ports[n].Store(nil)
		rng := rand.New(rand.NewPCG(w.seed, uint64(n)))
		buf := make([]byte, 1<<16)
		for {
			k, err := tun.Read(buf)
			if err != nil {
				return // the machine is gone
			}
			if p := buf[:k]; k >= 20 && p[0]>>4 == 4 {
				w.carry(n, p, rng)
			}
		}
	}()
	return done
}

// carry delivers one packet, as the link says. The packet is the caller's.
func (w *wire) carry(from byte, p []byte, rng *rand.Rand) {
	to := p[19]
	if to >= machinesMax || p[18] != 0 {
		return // a broadcast, or nobody's address
	}
	l := w.links[from][to].Load()
	switch {
	case l == nil:
		w.deliver(to, p)
		return
	case l.cut || rng.Float64() < l.loss:
		w.lost.Add(1)
		return
	}
	if rng.Float64() < l.reset && makeReset(&p) {
		w.resets.Add(1)
	}
	d := l.delay
	if l.jitter > 0 {
		d += time.Duration(rng.Int64N(int64(2*l.jitter))) - l.jitter
	}
	if d <= 0 {
		w.deliver(to, p)
		return
	}
	if w.held.Add(1) > heldMax {
		w.held.Add(-1)
		w.lost.Add(1)
		return
	}
	later := append([]byte(nil), p...)
	time.AfterFunc(d, func() {
		w.held.Add(-1)
		w.deliver(to, later)
	})
}

func (w *wire) deliver(to byte, p []byte) {
	if tun := w.ports[to].Load(); tun != nil {
		if _, err := tun.Write(p); err == nil {
			w.passed.Add(1)
		}
	}
}

// makeReset turns a TCP segment into the reset that its sender might have sent
// instead, and reports whether it was one.
func makeReset(packet *[]byte) bool {
	p := *packet
	head := int(p[0]&15) * 4
	if p[9] != 6 || len(p) < head+20 {
		return false
	}
	p = p[:head+20]
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	binary.BigEndian.PutUint16(p[10:], 0)
	binary.BigEndian.PutUint16(p[10:], checksum(0, p[:head]))
	tcp := p[head:]
	tcp[12] = 5 << 4    // no options
	tcp[13] = 1<<2 | 16 // RST, ACK
	binary.BigEndian.PutUint16(tcp[16:], 0)
	pseudo := uint32(6 + len(tcp))
	for i := 12; i < 20; i += 2 {
		pseudo += uint32(binary.BigEndian.Uint16(p[i:]))
	}
	binary.BigEndian.PutUint16(tcp[16:], checksum(pseudo, tcp))
	*packet = p
	return true
}

// checksum is the Internet's (RFC 1071), of an even number of bytes.
func checksum(sum uint32, b []byte) uint16 {
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
