//go:build faults && linux

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"veche/server"
)

// Bounds of one look at the cluster. They are for a machine of two busy cores.
const (
	lookMax     = 300 * time.Millisecond // what a server takes to say how it stands
	lookEvery   = 10 * time.Millisecond
	settleMax   = 15 * time.Second // dozens of elections; then the scenario has failed
	leaveMax    = 10 * time.Second // a server drains in at most 5
	logTail     = 20               // lines of a log that a failure shows
	answerBytes = 1 << 20
)

// clientMachine is the number of the machine on which the clients run.
const clientMachine = 15

// program builds veche once for the whole test, with or without the race
// detector.
type program struct {
	once sync.Once
	race bool
	path string
	err  error
	out  []byte
}

func (p *program) build(dir string) (string, error) {
	p.once.Do(func() {
		p.path = filepath.Join(dir, "veche")
		args := []string{"build", "-o", p.path}
		if p.race {
			p.path += "-race"
			args = []string{"build", "-race", "-o", p.path}
		}
		cmd := exec.Command("go", append(args, "./cmd/veche")...)
		cmd.Dir = ".."
		p.out, p.err = cmd.CombinedOutput()
	})
	if p.err != nil {
		return "", fmt.Errorf("build veche: %w\n%s", p.err, p.out)
	}
	return p.path, nil
}

// node is one server and its machine.
type node struct {
	name string
	num  byte // of its machine, from 1
	*machine
	dir  string
	logs string
	args []string // of its own, after the cluster's

	mu   sync.Mutex // guards: all below
	away bool       // it is no member: it has not joined yet, or was removed
	proc *run
	// asked: the test ended the process or expects its end.
	asked bool
}

// run is one life of a server's process.
type run struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended; err is valid then
	err  error
}

// cluster is some nodes, the wire between them, and the clients' machine.
type cluster struct {
	t       *testing.T
	wire    *wire
	nodes   []*node
	clients *machine
	http    *http.Client
	binary  string
	initial string
	seeds   string   // client addresses of the founders
	args    []string // of every server
	dir     string
}

// newCluster makes n machines and starts a server on each.
// If founders is not 0, only so many of them found the cluster; the others are
// away until they join.
func newCluster(t *testing.T, binary string, n, founders int, seed uint64) *cluster {
	t.Helper()
	c := &cluster{t: t, wire: &wire{seed: seed}, binary: binary, dir: t.TempDir()}
	c.clients = newMachine(t, c.wire, clientMachine)
	c.http = &http.Client{Transport: &http.Transport{
		DialContext:         func(ctx context.Context, _, addr string) (net.Conn, error) { return c.clients.dial(ctx, addr) },
		MaxIdleConnsPerHost: 2,
	}}
	t.Cleanup(c.http.CloseIdleConnections)
	if founders == 0 {
		founders = n
	}
	var initial, seeds []string
	for i := range n {
		x := &node{name: "n" + strconv.Itoa(i+1), num: byte(i + 1)}
		x.machine = newMachine(t, c.wire, x.num)
		x.dir = filepath.Join(c.dir, x.name)
		x.logs = x.dir + ".log"
		c.nodes = append(c.nodes, x)
		if x.away = i >= founders; !x.away {
			initial, seeds = append(initial, x.name+"="+x.at(2380)), append(seeds, x.at(2379))
		}
	}
	c.initial, c.seeds = strings.Join(initial, ","), strings.Join(seeds, ",")
	t.Cleanup(c.killAll) // before the machines go
	return c
}

// at is an address of the node.
func (x *node) at(port int) string { return x.addr.String() + ":" + strconv.Itoa(port) }

// start runs the server of node i.
func (c *cluster) start(i int) error {
	x := c.nodes[i]
	logs, err := os.OpenFile(x.logs, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer logs.Close()
	args := append([]string{"serve", "--name", x.name, "--data-dir", x.dir,
		"--listen-client", x.at(2379), "--listen-peer", x.at(2380), "--listen-http", x.at(2381), "--insecure-i-understand"}, c.args...)
	if strings.Contains(c.initial, x.name+"=") {
		args = append(args, "--initial-cluster", c.initial, "--cluster-token", "faults")
	} else {
		args = append(args, "--join", c.seeds)
	}
	cmd := exec.Command(c.binary, append(args, x.args...)...)
	cmd.Stdout, cmd.Stderr = logs, logs
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.machine.start(cmd); err != nil {
		return fmt.Errorf("start %s: %w", x.name, err)
	}
	p := &run{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	x.proc, x.asked = p, false
	return nil
}

// isAway says whether node i is no member now.
func (c *cluster) isAway(i int) bool {
	x := c.nodes[i]
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.away
}

// setAway says that node i is no member, or is one from now on.
func (c *cluster) setAway(i int, away bool) {
	x := c.nodes[i]
	x.mu.Lock()
	x.away = away
	x.mu.Unlock()
}

// size is how many members there are.
func (c *cluster) size() (n int) {
	for i := range c.nodes {
		if !c.isAway(i) {
			n++
		}
	}
	return n
}

// startAll runs every member's server that does not run.
func (c *cluster) startAll() error {
	for i := range c.nodes {
		if !c.up(i) && !c.isAway(i) {
			if err := c.start(i); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *run) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// up reports whether the server of node i runs.
func (c *cluster) up(i int) bool {
	x := c.nodes[i]
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.proc != nil && !x.proc.ended()
}

// signal sends a signal; ends tells that the process will end of it.
func (c *cluster) signal(i int, sig syscall.Signal, ends bool) *run {
	x := c.nodes[i]
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.proc == nil || x.proc.ended() {
		return nil
	}
	if ends {
		x.asked = true
	}
	x.proc.cmd.Process.Signal(sig)
	return x.proc
}

// kill ends the server of node i with SIGKILL and waits for its end.
func (c *cluster) kill(i int) {
	if p := c.signal(i, syscall.SIGKILL, true); p != nil {
		<-p.done
	}
}

func (c *cluster) killAll() {
	for i := range c.nodes {
		c.signal(i, syscall.SIGKILL, true)
	}
	for i := range c.nodes {
		c.kill(i)
	}
}

// leave asks all servers to go, and gives the sentence of each that did not go
// well: a race that was found counts as that.
func (c *cluster) leave() error {
	var runs []*run
	for i := range c.nodes {
		runs = append(runs, c.signal(i, syscall.SIGTERM, true))
	}
	late := time.After(leaveMax)
	for i, p := range runs {
		if p == nil {
			continue
		}
		select {
		case <-p.done:
			if p.err != nil {
				return fmt.Errorf("%s left with %v", c.nodes[i].name, p.err)
			}
		case <-late:
			return fmt.Errorf("%s did not leave within %v of SIGTERM", c.nodes[i].name, leaveMax)
		}
	}
	return nil
}

// expectEnd waits until the server of node i ends by itself, and gives what it
// wrote last. A good end is an error too.
func (c *cluster) expectEnd(i int, max time.Duration) (string, error) {
	x := c.nodes[i]
	x.mu.Lock()
	p := x.proc
	x.asked = true
	x.mu.Unlock()
	select {
	case <-p.done:
	case <-time.After(max):
		return "", fmt.Errorf("%s should have stopped within %v", x.name, max)
	}
	if p.err == nil {
		return "", fmt.Errorf("%s stopped, but with exit code 0", x.name)
	}
	return x.tail(3), nil
}

// tail is the end of a node's log.
func (x *node) tail(lines int) string {
	b, err := os.ReadFile(x.logs)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// troubles are the signs in a log that something went wrong that no scenario
// asks for.
var troubles = []string{"panic", "DATA RACE", "broken invariant", "mistake of the program", "fatal error"}

// health gives what is wrong with the processes and their logs.
func (c *cluster) health() error {
	for _, x := range c.nodes {
		x.mu.Lock()
		surprise := x.proc != nil && x.proc.ended() && !x.asked
		x.mu.Unlock()
		if surprise {
			return fmt.Errorf("%s ended by itself: %v", x.name, x.proc.err)
		}
		b, err := os.ReadFile(x.logs)
		if errors.Is(err, os.ErrNotExist) {
			continue // it was never started
		}
		if err != nil {
			return err
		}
		for _, s := range troubles {
			if i := strings.Index(string(b), s); i >= 0 {
				return fmt.Errorf("the log of %s speaks of %q: %.600s", x.name, s, b[i:])
			}
		}
	}
	return nil
}

// showLogs writes the end of every log, after a failure.
func (c *cluster) showLogs() {
	for _, x := range c.nodes {
		c.t.Logf("the log of %s ends with\n%s", x.name, x.tail(logTail))
	}
}

// get reads a page of node i.
func (c *cluster) get(i int, page string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookMax)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.nodes[i].at(2381)+page, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, answerBytes))
}

// view asks node i how it stands; nil when it does not answer.
func (c *cluster) view(i int) *server.StatusReport {
	b, err := c.get(i, "/status")
	if err != nil {
		return nil
	}
	var s server.StatusReport
	if json.Unmarshal(b, &s) != nil {
		return nil
	}
	return &s
}

// leader gives the node that leads for a majority, or -1. Nodes in except are
// not asked.
func (c *cluster) leader(except ...int) (int, uint64) {
	views := make([]*server.StatusReport, len(c.nodes))
	var all sync.WaitGroup
	for i := range c.nodes {
		if !slices.Contains(except, i) && c.up(i) {
			all.Go(func() { views[i] = c.view(i) })
		}
	}
	all.Wait()
	for i, v := range views {
		if v == nil || v.Role != "leader" || !v.Confirmed {
			continue
		}
		follow := 0
		for _, w := range views {
			if w != nil && w.Term == v.Term && w.Leader.ID == v.ID {
				follow++
			}
		}
		if follow > c.size()/2 {
			return i, v.Term
		}
	}
	return -1, 0
}

// await waits until ok.
func await(what string, max time.Duration, ok func() bool) error {
	late := time.After(max)
	for !ok() {
		select {
		case <-late:
			return fmt.Errorf("waited %v in vain until %s", max, what)
		case <-time.After(lookEvery):
		}
	}
	return nil
}

// awaitLeader waits until a majority follows a leader.
func (c *cluster) awaitLeader(except ...int) (leader int, term uint64, err error) {
	err = await("a majority follows a leader", settleMax, func() bool {
		leader, term = c.leader(except...)
		return leader >= 0
	})
	return leader, term, err
}

// metric sums up a metric of node i over its labels that contain part.
func (c *cluster) metric(i int, name, part string) (sum float64) {
	b, err := c.get(i, "/metrics")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, name) || !strings.Contains(line, part) {
			continue
		}
		fields := strings.Fields(line)
		if v, err := strconv.ParseFloat(fields[len(fields)-1], 64); err == nil {
			sum += v
		}
	}
	return sum
}
