//go:build faults && linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// scenarios are in the order in which they are played. A gap of 3 s is ten of
// the longest election timeouts on a machine whose two cores also run the
// clients and the wire.
var scenarios = []scenario{
	{name: "leader killed ten times", nodes: 5, gapMax: 3 * time.Second, play: killLeaders},
	{name: "minority and majority killed", nodes: 5, gapMax: 6 * time.Second, play: killMinorityThenMajority},
	{name: "whole cluster killed", nodes: 5, gapMax: 6 * time.Second, play: killAll},
	{name: "leader stopped for 2 s", nodes: 5, gapMax: 3 * time.Second, play: stopLeader},
	{name: "leader in the minority", nodes: 5, gapMax: 3 * time.Second, play: cutLeaderOff},
	{name: "leader hears nobody", nodes: 5, gapMax: 3 * time.Second, play: deafLeader},
	{name: "leader heard by nobody", nodes: 5, gapMax: 3 * time.Second, play: muteLeader},
	{name: "two halves and a bridge", nodes: 5, gapMax: 5 * time.Second, play: bridge},
	{name: "leader reaches one member only", nodes: 5, gapMax: 3 * time.Second, play: hub},
	{name: "loss 20 %, delay 20±10 ms", nodes: 5, gapMax: 8 * time.Second, play: badWire},
	{name: "resets and rubbish", nodes: 3, gapMax: 3 * time.Second, play: rubbish},
	{name: "disk of a follower full", nodes: 3, gapMax: 3 * time.Second, play: fullDisk},
	{name: "disk of a follower wiped", nodes: 3, gapMax: 3 * time.Second, play: wipedDisk},
	{name: "disk of the leader stalls", nodes: 3, gapMax: 3 * time.Second, play: stalledDisk},
	{name: "voter replaced under load", nodes: 4, founders: 3, args: smallLog, gapMax: 3 * time.Second, play: replaceVoter},
	{name: "leader removed", nodes: 4, gapMax: 3 * time.Second, play: removeLeader},
	{name: "joined with one command", nodes: 4, founders: 3, args: smallLog, gapMax: 3 * time.Second, play: joinByCommand},
	{name: "leader told to go", nodes: 3, gapMax: 3 * time.Second, play: leaderLeaves},
	{name: "two feature levels", nodes: 4, founders: 3, args: []string{"--level", "1"}, gapMax: 5 * time.Second, play: rollingUpgrade},
	{name: "majority lost for good", nodes: 5, founders: 3, args: smallLog, gapMax: 15 * time.Second, play: recoverSurvivor},
	{name: "race detector on", nodes: 3, race: true, gapMax: 8 * time.Second, play: underRaceDetector},
}

// Goal: no failure of processes, disks or network costs an acknowledged write,
// shows a client the past, or keeps a majority from going on. Method: play each
// scenario on real processes in namespaces of their own while clients write and
// read all the time, then compare what they were promised with what stands.
func TestFaults_ClusterKeepsItsWord(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("the machines of this test are namespaces, which only root may make: run it as root")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Fatalf("the wire of this test needs /dev/net/tun: load the kernel's tun module, or pass the device to the container (%v)", err)
	}
	seed, err := strconv.ParseUint(os.Getenv("VECHE_FAULTS_SEED"), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	t.Logf("seed %d", seed)
	dir := t.TempDir()
	plain, race := &program{}, &program{race: true}
	var rows []row
	for _, sc := range scenarios {
		t.Run(strings.ReplaceAll(sc.name, " ", "_"), func(t *testing.T) {
			p := plain
			if sc.race {
				p = race
			}
			binary, err := p.build(dir)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, perform(t, sc, binary, seed))
		})
	}
	printTable(rows)
}

func killLeaders(s *stage) error {
	var took []time.Duration
	for range 10 {
		leader, _, err := s.awaitLeader()
		if err != nil {
			return err
		}
		at := time.Now()
		s.kill(leader)
		d, err := s.clients.awaitAck(at, s.everyone(leader)...)
		if err != nil {
			return err
		}
		took = append(took, d)
		back := time.Now()
		if err := s.start(leader); err != nil {
			return err
		}
		if _, err := s.clients.awaitAck(back, leader); err != nil {
			return fmt.Errorf("%s was started again: %w", s.nodes[leader].name, err)
		}
	}
	slices.Sort(took)
	s.note = fmt.Sprintf("kill to first write: median %d ms, worst %d ms", took[len(took)/2].Milliseconds(), took[len(took)-1].Milliseconds())
	return nil
}

func killMinorityThenMajority(s *stage) error {
	leader, _, err := s.awaitLeader()
	if err != nil {
		return err
	}
	victims := s.everyone(leader)[:2]
	at := time.Now()
	for _, i := range victims {
		s.kill(i)
	}
	if _, err := s.clients.awaitAck(at, s.everyone(victims...)...); err != nil {
		return fmt.Errorf("with two of five dead: %w", err)
	}
	third := s.everyone(append(victims, leader)...)[0]
	s.kill(third)
	at = time.Now()
	if err := s.hold(time.Second); err != nil {
		return err
	}
	if n := s.ackedSince(at, s.everyone()...); n > 0 {
		return fmt.Errorf("%d writes were acknowledged by two of five", n)
	}
	at = time.Now()
	if err := s.start(third); err != nil {
		return err
	}
	d, err := s.clients.awaitAck(at, s.everyone()...)
	s.note = fmt.Sprintf("nothing acknowledged by two of five; %d ms after the third was started", d.Milliseconds())
	return err
}

func killAll(s *stage) error {
	for range 2 {
		s.killAll()
		at := time.Now()
		if err := s.startAll(); err != nil {
			return err
		}
		d, err := s.clients.awaitAck(at, s.everyone()...)
		if err != nil {
			return err
		}
		s.note = fmt.Sprintf("%d ms from start to the first write", d.Milliseconds())
		if err := s.allServe(); err != nil {
			return err
		}
	}
	return nil
}

func stopLeader(s *stage) error {
	leader, _, err := s.awaitLeader()
	if err != nil {
		return err
	}
	at := time.Now()
	s.signal(leader, syscall.SIGSTOP, false)
	defer s.signal(leader, syscall.SIGCONT, false)
	d, err := s.clients.awaitAck(at, s.everyone(leader)...)
	if err != nil {
		return err
	}
	s.note = fmt.Sprintf("others wrote after %d ms", d.Milliseconds())
	if err := s.hold(2*time.Second - time.Since(at)); err != nil {
		return err
	}
	at = time.Now()
	s.signal(leader, syscall.SIGCONT, false)
	_, err = s.clients.awaitAck(at, leader)
	return err
}

// awaitNewLeader waits for a write by members in a new reign, and that the old
// leader no longer believes that it leads.
func (s *stage) awaitNewLeader(old int, at time.Time, members []int) error {
	d, err := s.clients.awaitAck(at, members...)
	if err != nil {
		return err
	}
	now, _, err := s.awaitLeader(old)
	if err != nil {
		return err
	}
	s.note = fmt.Sprintf("others wrote after %d ms", d.Milliseconds())
	if err := await("the old leader knows that it is none", settleMax, func() bool {
		v := s.view(old)
		return v != nil && v.Role != "leader"
	}); err != nil {
		return err
	}
	s.note += fmt.Sprintf(", led by %s instead of %s", s.nodes[now].name, s.nodes[old].name)
	return nil
}

func cutLeaderOff(s *stage) error {
	leader, _, err := s.awaitLeader()
	if err != nil {
		return err
	}
	few := []int{leader, s.everyone(leader)[0]}
	many := s.everyone(few...)
	s.between(few, many, link{cut: true})
	at := time.Now()
	if err := s.awaitNewLeader(leader, at, many); err != nil {
		return err
	}
	if err := s.hold(1500 * time.Millisecond); err != nil {
		return err
	}
	if n := s.ackedSince(at, few...); n > 0 {
		return fmt.Errorf("the minority acknowledged %d writes that were begun after the cut", n)
	}
	s.wire.clear()
	return s.allServe()
}

func deafLeader(s *stage) error {
	leader, _, err := s.awaitLeader()
	if err != nil {
		return err
	}
	others := s.everyone(leader)
	s.oneWay(others, []int{leader}, link{cut: true})
	if err := s.awaitNewLeader(leader, time.Now(), others); err != nil {
		return err
	}
	return s.hold(time.Second)
}

func muteLeader(s *stage) error {
	leader, _, err := s.awaitLeader()
	if err != nil {
		return err
	}
	others := s.everyone(leader)
	s.oneWay([]int{leader}, others, link{cut: true})
	if err := s.awaitNewLeader(leader, time.Now(), others); err != nil {
		return err
	}
	return s.hold(time.Second)
}

// bridge: two pairs that do not reach each other, and one member that reaches
// all. Some leader with a majority exists: the bridge, or a pair with it.
func bridge(s *stage) error {
	leader, _, err := s.awaitLeader()
	if err != nil {
		return err
	}
	rest := s.everyone(leader)
	s.between([]int{leader, rest[0]}, rest[2:], link{cut: true}) // rest[1] is the bridge
	at := time.Now()
	if _, err := s.clients.awaitAck(at, s.everyone()...); err != nil {
		return err
	}
	if err := s.hold(2 * time.Second); err != nil {
		return err
	}
	late := time.Now()
	d, err := s.clients.awaitAck(late, s.everyone()...)
	s.note = fmt.Sprintf("%d writes during 2 s, the last after %d ms", s.ackedSince(at, s.everyone()...), d.Milliseconds())
	return err
}

// hub: the leader reaches one member only, which reaches all others. It has no
// majority, although every member hears of someone who hears it.
func hub(s *stage) error {
	leader, _, err := s.awaitLeader()
	if err != nil {
		return err
	}
	others := s.everyone(leader)
	s.between([]int{leader}, others[1:], link{cut: true})
	if err := s.awaitNewLeader(leader, time.Now(), others[1:]); err != nil {
		return err
	}
	return s.hold(time.Second)
}

func badWire(s *stage) error {
	all := s.everyone()
	s.oneWay(all, all, link{loss: 0.2, delay: 20 * time.Millisecond, jitter: 10 * time.Millisecond})
	at := time.Now()
	before := s.wire.lost.Load()
	if err := s.hold(8 * time.Second); err != nil {
		return err
	}
	n := s.ackedSince(at, all...)
	s.note = fmt.Sprintf("%d packets dropped, %d writes acknowledged meanwhile", s.wire.lost.Load()-before, n)
	if n == 0 {
		return errors.New("nothing was acknowledged in 8 s")
	}
	return nil
}

// Bounds of the rubbish: some seconds, and more connections than a server
// keeps open undecided.
const (
	rubbishConns = 600
	rubbishBytes = 4096
)

// rubbish throws bytes at the ports, and turns one of 200 packets between the
// servers into a reset.
func rubbish(s *stage) error {
	all := s.everyone()
	client := s.metric(0, "veche_client_connections_total", `as="noise"`)
	peer := s.metric(0, "veche_peer_refused_total", "")
	s.oneWay(all, all, link{reset: 0.005})
	rng := rand.New(rand.NewPCG(s.wire.seed, 77))
	target := s.nodes[0]
	for n := range rubbishConns {
		if err := s.throw(target.at(2379+n%2), rng, n); err != nil {
			return err
		}
		if n%100 == 99 {
			if err := s.health(); err != nil {
				return err
			}
		}
	}
	if err := s.hold(2 * time.Second); err != nil {
		return err
	}
	s.wire.clear()
	client = s.metric(0, "veche_client_connections_total", `as="noise"`) - client
	peer = s.metric(0, "veche_peer_refused_total", "") - peer
	s.note = fmt.Sprintf("%d resets on the wire; counted as rubbish: %.0f connections of clients, %.0f of peers", s.wire.resets.Load(), client, peer)
	switch {
	case client == 0:
		return errors.New("no counter of the client port rose")
	case peer == 0:
		return errors.New("no counter of the peer port rose")
	}
	return nil
}

// beginnings are what a stranger may say first.
var beginnings = []string{
	"",
	"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	"SSH-2.0-OpenSSH_9.9\r\n",
	"\xff\xff\xff\xff",
	"\x00\x00\x00\x00\x00\x00\x00\x00",
	"VECH",
}

// throw sends one connection's worth of rubbish, and ends it with a reset.
func (s *stage) throw(addr string, rng *rand.Rand, n int) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := s.cluster.clients.dial(ctx, addr)
	if err != nil {
		return fmt.Errorf("connection %d of rubbish: %w", n, err)
	}
	defer conn.Close()
	b := []byte(beginnings[n/2%len(beginnings)])
	for range rng.IntN(rubbishBytes) {
		b = append(b, byte(rng.Uint32()))
	}
	conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write(b); err != nil {
		return nil // it has hung up already, which is its right
	}
	if n%3 == 0 { // wait for its answer or its end
		conn.SetDeadline(time.Now().Add(20 * time.Millisecond))
		conn.Read(b[:1:1])
	}
	return conn.(*net.TCPConn).SetLinger(0)
}

const (
	smallDisk  = 40 << 20 // two segments of the log and half of a third
	largeDisk  = 256 << 20
	fillValue  = 64 << 10
	fillWrites = 2000
)

func fullDisk(s *stage) error {
	leader, _, err := s.awaitLeader()
	if err != nil {
		return err
	}
	victim := s.everyone(leader)[0]
	x := s.nodes[victim]
	s.kill(victim)
	// Its disk moves to a small one with all that is on it.
	kept := x.dir + ".kept"
	if err := os.Rename(x.dir, kept); err != nil {
		return err
	}
	if err := os.Mkdir(x.dir, 0o700); err != nil {
		return err
	}
	if err := x.tmpfs(x.dir, smallDisk); err != nil {
		return err
	}
	if err := x.do(func() error { return os.CopyFS(x.dir, os.DirFS(kept)) }); err != nil {
		return err
	}
	if err := s.start(victim); err != nil {
		return err
	}
	if _, err := s.clients.awaitAck(time.Now(), victim); err != nil {
		return fmt.Errorf("on the small disk: %w", err)
	}
	x.mu.Lock()
	p := x.proc
	x.asked = true
	x.mu.Unlock()
	value := strings.Repeat("full", fillValue/4)
	for n := 0; !p.ended(); n++ {
		if n == fillWrites {
			return fmt.Errorf("%d writes of %d bytes did not fill a disk of %d", n, fillValue, smallDisk)
		}
		s.clients.put(leader, "fill/"+strconv.Itoa(n%8), value) // its outcome does not matter
	}
	words, err := s.expectEnd(victim, time.Second)
	if err != nil {
		return err
	}
	if !strings.Contains(words, "no space left") {
		return fmt.Errorf("%s ended without saying that its disk is full: %s", x.name, words)
	}
	at := time.Now()
	if _, err := s.clients.awaitAck(at, s.everyone(victim)...); err != nil {
		return fmt.Errorf("without the member whose disk is full: %w", err)
	}
	s.note = "it said: " + lastLine(words)
	if err := x.tmpfs(x.dir, largeDisk); err != nil {
		return err
	}
	if err := s.start(victim); err != nil {
		return err
	}
	if _, err := s.clients.awaitAck(time.Now(), victim); err != nil {
		return fmt.Errorf("with a larger disk: %w", err)
	}
	return nil
}

func wipedDisk(s *stage) error {
	leader, _, err := s.awaitLeader()
	if err != nil {
		return err
	}
	victim := s.everyone(leader)[0]
	x := s.nodes[victim]
	s.kill(victim)
	kept := x.dir + ".kept"
	if err := os.Rename(x.dir, kept); err != nil {
		return err
	}
	at := time.Now()
	if err := s.start(victim); err != nil {
		return err
	}
	words, err := s.expectEnd(victim, settleMax)
	if err != nil {
		return err
	}
	if !strings.Contains(words, "data directory") {
		return fmt.Errorf("%s ended without saying what is wrong with its data directory: %s", x.name, words)
	}
	if n := s.ackedSince(at, victim); n > 0 {
		return fmt.Errorf("the member with the empty disk acknowledged %d writes", n)
	}
	if _, err := s.clients.awaitAck(time.Now(), s.everyone(victim)...); err != nil {
		return fmt.Errorf("without the member whose disk was wiped: %w", err)
	}
	s.note = "it said: " + lastLine(words)
	// Its old disk is found again.
	if err := os.RemoveAll(x.dir); err != nil {
		return err
	}
	return os.Rename(kept, x.dir)
}

func underRaceDetector(s *stage) error {
	for range 2 {
		leader, _, err := s.awaitLeader()
		if err != nil {
			return err
		}
		at := time.Now()
		s.kill(leader)
		if _, err := s.clients.awaitAck(at, s.everyone(leader)...); err != nil {
			return err
		}
		if err := s.start(leader); err != nil {
			return err
		}
		if err := s.allServe(); err != nil {
			return err
		}
	}
	all := s.everyone()
	s.oneWay(all, all, link{reset: 0.01, loss: 0.02, delay: time.Millisecond, jitter: time.Millisecond})
	err := s.hold(3 * time.Second)
	s.note = "two kills, then resets and loss; no race was seen"
	return err
}

// lastLine is the last line that is not empty, cut to what fits a table.
func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	last := lines[len(lines)-1]
	if len(last) > 110 {
		last = last[:110] + "…"
	}
	return last
}
