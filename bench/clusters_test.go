package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	members    = 3
	readyMax   = 30 * time.Second // of a cluster that starts on two busy cores
	commandMax = 15 * time.Second // of one etcdctl; its own timeout is 5 s
	portMin    = 32100            // below what the kernel hands to outgoing connections, above the demo's
	portMax    = 32700
)

// programs are what the tests run, built once.
type programs struct{ etcdctl, etcd, veche string }

var build = sync.OnceValues(func() (programs, error) {
	dir, err := os.MkdirTemp("", "veche-bench-")
	if err != nil {
		return programs{}, err
	}
	p := programs{filepath.Join(dir, "etcdctl"), filepath.Join(dir, "etcd"), filepath.Join(dir, "veche")}
	for _, b := range []struct{ dir, out, pkg string }{
		{".", p.etcdctl, "go.etcd.io/etcd/etcdctl/v3"},
		{".", p.etcd, "go.etcd.io/etcd/server/v3"},
		{"..", p.veche, "./cmd/veche"},
	} {
		cmd := exec.Command("go", "build", "-o", b.out, b.pkg)
		cmd.Dir = b.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return p, fmt.Errorf("build %s: %w\n%s", b.pkg, err, out)
		}
	}
	return p, nil
})

// TestMain removes what was built.
func TestMain(m *testing.M) {
	code := m.Run()
	if p, err := build(); err == nil {
		os.RemoveAll(filepath.Dir(p.veche))
	}
	os.Exit(code)
}

func built(t *testing.T) programs {
	t.Helper()
	p, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// cluster is three servers of one kind on loopback.
type cluster struct {
	kind      string // veche or etcd
	etcdctl   string
	endpoints []string // of clients, host:port
	procs     []*exec.Cmd
	lines     [][]string // of each member, to start it once more
	logs      []string
}

// freePorts finds n ports that nobody uses now.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var free []int
	var held []net.Listener
	for port := portMin; port < portMax && len(free) < n; port++ {
		if l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			held, free = append(held, l), append(free, port)
		}
	}
	for _, l := range held {
		l.Close()
	}
	if len(free) < n {
		t.Fatalf("only %d of the ports %d to %d are free; %d are needed", len(free), portMin, portMax, n)
	}
	return free
}

// start runs a cluster of a kind with its defaults, and waits until every
// member serves.
func start(t *testing.T, kind string) *cluster {
	t.Helper()
	p := built(t)
	c := &cluster{kind: kind, etcdctl: p.etcdctl, procs: make([]*exec.Cmd, members)}
	dir := t.TempDir()
	ports := freePorts(t, 3*members)
	at := func(i int) string { return "127.0.0.1:" + strconv.Itoa(ports[i]) }
	scheme := ""
	if kind == "etcd" {
		scheme = "http://"
	}
	var initial []string
	for i := range members {
		initial = append(initial, fmt.Sprintf("n%d=%s%s", i+1, scheme, at(3*i+1)))
		c.endpoints = append(c.endpoints, at(3*i))
	}
	for i := range members {
		name := "n" + strconv.Itoa(i+1)
		program, args := p.veche, []string{"serve", "--name", name, "--data-dir", filepath.Join(dir, name), "--listen-client", at(3 * i),
			"--listen-peer", at(3*i + 1), "--listen-http", at(3*i + 2), "--initial-cluster", strings.Join(initial, ",")}
		if kind == "etcd" {
			program = p.etcd
			args = []string{"--name", name, "--data-dir", filepath.Join(dir, name), "--log-level", "error",
				"--listen-client-urls", "http://" + at(3*i), "--advertise-client-urls", "http://" + at(3*i),
				"--listen-peer-urls", "http://" + at(3*i+1), "--initial-advertise-peer-urls", "http://" + at(3*i+1),
				"--initial-cluster", strings.Join(initial, ","), "--initial-cluster-state", "new"}
		}
		c.logs = append(c.logs, filepath.Join(dir, name+".log"))
		c.lines = append(c.lines, append([]string{program}, args...))
		c.run(t, i)
		t.Cleanup(func() { c.kill(i) })
	}
	c.awaitReady(t)
	return c
}

// run starts member i; it goes on with what it has on disk.
func (c *cluster) run(t *testing.T, i int) {
	t.Helper()
	logs, err := os.OpenFile(c.logs[i], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	cmd := exec.Command(c.lines[i][0], c.lines[i][1:]...)
	cmd.Stdout, cmd.Stderr = logs, logs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.procs[i] = cmd
}

// awaitReady waits until a write works at every member.
func (c *cluster) awaitReady(t *testing.T) {
	t.Helper()
	late := time.After(readyMax)
	for i := range members {
		for c.ctl(i, "", "endpoint", "health").code != 0 {
			select {
			case <-late:
				log, _ := os.ReadFile(c.logs[i])
				t.Fatalf("%s did not serve at %s within %v; its log:\n%s", c.kind, c.endpoints[i], readyMax, log)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}

// kill ends member i with SIGKILL.
func (c *cluster) kill(i int) {
	if p := c.procs[i]; p != nil && p.ProcessState == nil {
		p.Process.Kill()
		p.Wait()
	}
}

// answer is what one etcdctl printed.
type answer struct {
	out, err string
	code     int
	took     time.Duration
}

// ctl runs etcdctl against one member, with stdin.
func (c *cluster) ctl(member int, stdin string, args ...string) answer {
	ctx, cancel := context.WithTimeout(context.Background(), commandMax)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.etcdctl, append([]string{"--endpoints", c.endpoints[member]}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	begin := time.Now()
	err := cmd.Run()
	a := answer{out: out.String(), err: errs.String(), took: time.Since(begin)}
	if err != nil {
		a.code = cmd.ProcessState.ExitCode() // -1 when it was ended
	}
	return a
}
