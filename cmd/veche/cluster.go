package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"veche/raft"
	"veche/transport"
)

// clusterOptions say what kind of cluster the demo or a benchmark runs.
type clusterOptions struct {
	Nodes   int
	NoFast  bool
	Keep    bool   // leave the data directories behind
	Dir     string // where to make them; empty: the machine's temporary directory
	Serve   []string
	Program string // the veche to run; empty: this one
	// Founders, if not 0, is how many servers found the cluster; the others join
	// it when they are started. Then there is no proxy between them.
	Founders int
}

// cluster is several real server processes on loopback with a proxy between
// them. Its methods may be called from any goroutine.
type cluster struct {
	opts    clusterOptions
	dir     string
	id      raft.ClusterID
	initial string
	nodes   []*node // fixed after newCluster
	byID    map[raft.NodeID]string
	net     *proxy
	claims  []io.Closer // of the servers' ports, until close

	spawns chan spawn // to the one thread that starts processes
	ended  chan struct{}
	once   sync.Once

	mu      sync.Mutex // guards: all below, and every node's proc
	side    []int      // of each node; nil while the network is whole
	burners []*process
}

// node is one server of a cluster.
type node struct {
	name   string
	id     raft.NodeID
	client string // addresses, host:port
	peer   string // where it listens
	front  string // where the others dial: the proxy
	http   string
	dir    string
	args   []string // of its own, after all others
	proc   *process // nil while it does not run
}

// process is one run of a server.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how it ended; valid after done
}

type spawn struct {
	cmd   *exec.Cmd
	reply chan error
}

// newCluster makes data directories, ports and the proxy. Nothing runs yet.
// The caller must close the cluster.
func newCluster(opts clusterOptions) (*cluster, error) {
	if opts.Nodes < 1 || opts.Nodes > maxDemoNodes {
		return nil, usagef("--nodes is %d; it must be from 1 to %d", opts.Nodes, maxDemoNodes)
	}
	if opts.Program == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program's own file: %w", err)
		}
		opts.Program = self
	}
	dir, err := os.MkdirTemp(opts.Dir, "veche-demo-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the data: %w", err)
	}
	c := &cluster{opts: opts, dir: dir, byID: map[raft.NodeID]string{},
		spawns: make(chan spawn), ended: make(chan struct{})}
	c.net = newProxy(c.identify)
	go c.spawnLoop()
	if err := c.layOut(); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// layOut gives every node its ports and the cluster its id.
func (c *cluster) layOut() error {
	n := c.opts.Nodes
	held, claims, err := holdPorts(4 * n)
	if err != nil {
		return err
	}
	c.claims = claims
	var peers []peer
	for i := range n {
		l := held[4*i : 4*i+4]
		name := "n" + strconv.Itoa(i+1)
		node := &node{
			name:   name,
			front:  l[0].Addr().String(),
			client: l[1].Addr().String(),
			peer:   l[2].Addr().String(),
			http:   l[3].Addr().String(),
			dir:    filepath.Join(c.dir, name),
		}
		for _, free := range l[1:] {
			free.Close()
		}
		c.nodes = append(c.nodes, node)
		if c.opts.Founders > 0 {
			l[0].Close()
			node.front = node.peer
		}
		if i < c.founders() {
			peers = append(peers, peer{name, node.front})
		}
	}
	c.id = clusterID(peers, demoToken)
	parts := make([]string, len(peers))
	for i, p := range peers {
		node := c.nodes[i]
		node.id = memberID(c.id, node.name)
		c.byID[node.id] = node.name
		parts[i] = p.Name + "=" + p.Addr
	}
	c.initial = strings.Join(parts, ",")
	if c.opts.Founders > 0 {
		return nil
	}
	for i, node := range c.nodes { // only now: identify reads byID
		c.net.serve(held[4*i], node.name, node.peer)
	}
	return nil
}

// holdPorts listens on n free ports below those that the kernel hands out to
// outgoing connections, so that a server that was killed finds its port again.
// Each comes with a claim: the UDP port of the same number, which nobody else
// uses. It keeps other demos away while no server has the TCP port.
func holdPorts(n int) (held []net.Listener, claims []io.Closer, err error) {
	port := demoPortMin + rand.IntN(demoPortMax-demoPortMin)
	for range demoPortMax - demoPortMin {
		if port++; port >= demoPortMax {
			port = demoPortMin
		}
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		claim, err := net.ListenPacket("udp", addr)
		if err != nil {
			continue // somebody else's
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			claim.Close()
			continue
		}
		claims = append(claims, claim)
		if held = append(held, l); len(held) == n {
			return held, claims, nil
		}
	}
	for i := range held {
		held[i].Close()
		claims[i].Close()
	}
	return nil, nil, fmt.Errorf("only %d of the ports %d to %d are free; %d are needed", len(held), demoPortMin, demoPortMax, n)
}

// identify reads a peer's hello and names who sent it. Strangers are refused:
// nobody could cut them off.
func (c *cluster) identify(r io.Reader) (string, []byte, error) {
	hello, raw, err := transport.PeekHello(r)
	if err != nil {
		return "", raw, err
	}
	name, known := c.byID[hello.From]
	if !known || hello.Cluster != c.id {
		return "", raw, errStranger
	}
	return name, raw, nil
}

var errStranger = errors.New("the connection comes from a server of another cluster")

// spawnLoop starts processes, all from one thread: Linux kills a child whose
// parent thread ends, and a thread of Go's may end at any time otherwise.
func (c *cluster) spawnLoop() {
	runtime.LockOSThread()
	for {
		select {
		case s := <-c.spawns:
			s.reply <- s.cmd.Start()
		case <-c.ended:
			return
		}
	}
}

// start runs node i. It returns when the process exists, not when it is ready.
func (c *cluster) start(i int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.nodes[i]
	if n.proc != nil && !n.proc.hasEnded() {
		return fmt.Errorf("%s runs already", n.name)
	}
	args := []string{"serve", "--name", n.name, "--data-dir", n.dir,
		"--listen-client", n.client, "--listen-peer", n.peer, "--listen-http", n.http,
		"--advertise-peer", n.front}
	if c.opts.NoFast {
		args = append(args, "--fast-detection=false")
	}
	if i < c.founders() {
		args = append(args, "--initial-cluster", c.initial, "--cluster-token", demoToken)
	} else {
		args = append(args, "--join", strings.Join(c.endpoints()[:c.founders()], ","))
	}
	logs, err := os.OpenFile(filepath.Join(c.dir, n.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", n.name, err)
	}
	defer logs.Close()
	cmd := exec.Command(c.opts.Program, slices.Concat(args, c.opts.Serve, n.args)...)
	cmd.Stdout, cmd.Stderr = logs, logs
	cmd.SysProcAttr = childAttributes()
	s := spawn{cmd, make(chan error, 1)}
	select {
	case c.spawns <- s:
	case <-c.ended:
		return errors.New("the cluster has ended")
	}
	if err := <-s.reply; err != nil {
		return fmt.Errorf("start %s: %w", n.name, err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	n.proc = p
	return nil
}

// startAll runs every node that does not run.
func (c *cluster) startAll() error {
	for i := range c.nodes {
		if !c.up(i) {
			if err := c.start(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// up reports whether node i runs.
func (c *cluster) up(i int) bool { return c.pid(i) != 0 }

// pid gives the process id of node i, or 0.
func (c *cluster) pid(i int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.nodes[i].proc; p != nil && !p.hasEnded() {
		return p.cmd.Process.Pid
	}
	return 0
}

func (p *process) hasEnded() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// kill ends node i with SIGKILL, waits for its end, and returns the moment
// just before.
func (c *cluster) kill(i int) time.Time {
	at := time.Now()
	if p := c.signal(i, syscall.SIGKILL); p != nil {
		<-p.done
	}
	return at
}

// stop ends node i with SIGTERM, so that it hands over what it leads, and
// waits. A server that does not end in time is killed, and that is an error.
func (c *cluster) stop(i int) error {
	p := c.signal(i, syscall.SIGTERM)
	if p == nil {
		return nil
	}
	t := time.NewTimer(stopMax)
	defer t.Stop()
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("%s ended with %v: see %s", c.nodes[i].name, p.err, filepath.Join(c.dir, c.nodes[i].name+".log"))
		}
		return nil
	case <-t.C:
		p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not end within %v of SIGTERM and was killed", c.nodes[i].name, stopMax)
	}
}

// stopAll ends every node with SIGTERM, all at once.
func (c *cluster) stopAll() error {
	errs := make([]error, len(c.nodes))
	var all sync.WaitGroup
	for i := range c.nodes {
		all.Go(func() { errs[i] = c.stop(i) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (c *cluster) signal(i int, sig syscall.Signal) *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.nodes[i].proc
	if p == nil || p.hasEnded() {
		return nil
	}
	p.cmd.Process.Signal(sig)
	return p
}

// split cuts the network: the nodes in minority on one side, the rest on the
// other. An earlier split is healed first.
func (c *cluster) split(minority []int) {
	side := make([]int, len(c.nodes))
	for _, i := range minority {
		side[i] = 1
	}
	c.mu.Lock()
	c.side = side
	c.mu.Unlock()
	for i, a := range c.nodes {
		for j, b := range c.nodes {
			l := link{a.name, b.name}
			if side[i] != side[j] {
				c.net.cut(l)
			} else {
				c.net.heal(l)
			}
		}
	}
}

// heal makes the network whole.
func (c *cluster) heal() {
	c.mu.Lock()
	c.side = nil
	c.mu.Unlock()
	c.net.healAll()
}

// sides tells on which side of a split each node is, or nil.
func (c *cluster) sides() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.side)
}

// endpoints gives the client addresses of all nodes.
func (c *cluster) endpoints() []string {
	out := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		out[i] = n.client
	}
	return out
}

// founders is how many nodes stand in the initial cluster.
func (c *cluster) founders() int {
	if c.opts.Founders > 0 {
		return c.opts.Founders
	}
	return c.opts.Nodes
}

// majority is how many nodes decide.
func (c *cluster) majority() int { return len(c.nodes)/2 + 1 }

// close kills what still runs and removes the data, unless it is to be kept.
func (c *cluster) close() {
	c.once.Do(func() {
		for i := range c.nodes {
			c.kill(i)
		}
		c.mu.Lock()
		burners := c.burners
		c.mu.Unlock()
		for _, b := range burners {
			b.cmd.Process.Kill()
			<-b.done
		}
		close(c.ended)
		c.net.close()
		for _, x := range c.claims {
			x.Close()
		}
		if !c.opts.Keep {
			os.RemoveAll(c.dir)
		}
	})
}
