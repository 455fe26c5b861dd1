package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// built is the program as a person would build it, once for all tests.
var built = sync.OnceValues(func() (name string, err error) {
	dir, err := os.MkdirTemp("", "veche-test-")
	if err != nil {
		return "", err
	}
	name = filepath.Join(dir, "veche")
	if out, err := exec.Command("go", "build", "-o", name, ".").CombinedOutput(); err != nil {
		return name, fmt.Errorf("build: %w\n%s", err, out)
	}
	return name, nil
})

// TestMain removes what was built.
func TestMain(m *testing.M) {
	code := m.Run()
	if name, err := built(); err == nil {
		os.RemoveAll(filepath.Dir(name))
	}
	os.Exit(code)
}

func buildVeche(t *testing.T) string {
	t.Helper()
	name, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestServe_ThreeProcessesKeepTheirWord(t *testing.T) {
	// The smoke test of everything together: three real processes elect, take a
	// write through a follower, lose their leader to kill -9, take a write again,
	// hold both, show their status, and leave cleanly on SIGTERM.
	c, err := newCluster(clusterOptions{Nodes: 3, Program: buildVeche(t), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			showLogs(t, c)
		}
		c.close()
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cl, err := dialClients(c.endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.close()
	if err := c.startAll(); err != nil {
		t.Fatal(err)
	}
	leader, view := mustAgree(t, ctx, c)

	follower := (leader + 1) % 3
	mustPut(t, ctx, cl.kv[follower], "first", "1")
	c.kill(leader)
	after, newView := mustAgree(t, ctx, c)
	if after == leader || newView.Term <= view.Term {
		t.Fatalf("%s led in term %d; now %s is said to lead in term %d", view.Name, view.Term, newView.Name, newView.Term)
	}
	mustPut(t, ctx, cl.kv[3-leader-after], "second", "2")

	if err := c.start(leader); err != nil {
		t.Fatal(err)
	}
	if _, err := c.await(ctx, "all three follow", func(v []memberView) bool { return agreedLeader(v, 3) >= 0 }); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"first": "1", "second": "2"} {
		r, err := retryRead(ctx, func(ctx context.Context) (*pb.RangeResponse, error) {
			return cl.kv[leader].Range(ctx, &pb.RangeRequest{Key: []byte(key)})
		})
		if err != nil || len(r.Kvs) != 1 || string(r.Kvs[0].Value) != want {
			t.Fatalf("%s is %v, %v at the one that came back; want %s", key, r, err, want)
		}
	}
	for {
		var out, errs bytes.Buffer
		code := run(ctx, []string{"status", "--endpoints", c.nodes[leader].client}, &out, &errs)
		if code == statusHealthy {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("status ends with %d\n%s%s", code, out.String(), errs.String())
		}
	}
	if err := c.stopAll(); err != nil {
		t.Error(err)
	}
}

func TestServe_WipedDiskIsRefused(t *testing.T) {
	// A server that comes back under its name with an empty disk has forgotten
	// its votes: it must stop by itself, with code 1 and a sentence that says
	// what to do. Real processes; one data directory is removed.
	c, err := newCluster(clusterOptions{Nodes: 3, Program: buildVeche(t), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			showLogs(t, c)
		}
		c.close()
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.startAll(); err != nil {
		t.Fatal(err)
	}
	// Only a member that was admitted, and of whom the others know it, is
	// refused; following the leader with the whole log is enough.
	if _, err := c.await(ctx, "all three follow", func(v []memberView) bool { return agreedLeader(v, 3) >= 0 }); err != nil {
		t.Fatal(err)
	}
	leader, _ := mustAgree(t, ctx, c)
	wiped := (leader + 1) % 3
	c.kill(wiped)
	if err := os.RemoveAll(c.nodes[wiped].dir); err != nil {
		t.Fatal(err)
	}
	if err := c.start(wiped); err != nil {
		t.Fatal(err)
	}
	p := c.nodes[wiped].proc
	select {
	case <-p.done:
	case <-ctx.Done():
		t.Fatal("the wiped server still runs")
	}
	text, err := os.ReadFile(filepath.Join(c.dir, c.nodes[wiped].name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	last := lastLine(string(text))
	if code := p.cmd.ProcessState.ExitCode(); code != exitFailed || !strings.HasPrefix(last, "veche: ") {
		t.Fatalf("it ended with %d and %q", code, last)
	}
	t.Log(last)
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

func TestServe_DataDirOpenToOthersIsRefused(t *testing.T) {
	// A log that others can read is no secret; the sentence says what to do.
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, checkDataDir(dir), "chmod 700")
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := checkDataDir(dir); err != nil {
		t.Error(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, checkDataDir(file), "is a file")
}

func TestMemoryShare_LeavesRoom(t *testing.T) {
	// "max" and nonsense mean no bound.
	for text, want := range map[string]int64{"1000\n": 900, "max\n": 0, "": 0, "-5": 0} {
		if got := memoryShare(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestPartFiles_LeavesRoomForTheLog(t *testing.T) {
	// Whatever the limit is, all that may be open at once is below it, and every
	// port can be used.
	for files := uint64(0); files < fewFiles; files++ {
		s, ok := partFiles(files)
		switch {
		case ok != (files >= leastOpen):
			t.Fatalf("%d files: enough is %v", files, ok)
		case ok && (s.clients < 16 || s.http < 8 || s.peers < 2*maxMembers || uint64(ownFiles+s.clients+s.http+s.peers) > files):
			t.Fatalf("%d files are parted as %+v", files, s)
		}
	}
	if s, ok := partFiles(fewFiles); !ok || s != (fileShares{}) {
		t.Errorf("enough files are parted as %+v", s)
	}
}

func mustAgree(t *testing.T, ctx context.Context, c *cluster) (int, memberView) {
	t.Helper()
	i, v, err := c.awaitLeader(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return i, v
}

// mustPut writes until it is acknowledged: on a busy machine the leader may
// change at any moment, and the same value under the same key may be written
// twice.
func mustPut(t *testing.T, ctx context.Context, kv pb.KVClient, key, value string) {
	t.Helper()
	for {
		once, cancel := context.WithTimeout(ctx, writeMax)
		_, err := kv.Put(once, &pb.PutRequest{Key: []byte(key), Value: []byte(value)})
		cancel()
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("put %s: %v", key, err)
		}
	}
}

func showLogs(t *testing.T, c *cluster) {
	for _, n := range c.nodes {
		text, _ := os.ReadFile(filepath.Join(c.dir, n.name+".log"))
		t.Logf("log of %s:\n%s", n.name, text)
	}
}

func TestServe_RefusesDataOfAnotherAndDataInUse(t *testing.T) {
	// A data directory is opened by its owner alone: a second process and
	// another name are refused with one sentence and exit code 2.
	dir := filepath.Join(t.TempDir(), "data")
	ports, claims, err := holdPorts(6)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, c := range claims {
			c.Close()
		}
	})
	config := func(name string, first int) *serveConfig {
		c := &serveConfig{Name: name, DataDir: dir, ListenClient: ports[first].Addr().String(), ListenPeer: ports[first+1].Addr().String(),
			ListenHTTP: ports[first+2].Addr().String(), InitialCluster: fmt.Sprintf("n1=%s,n2=%s", ports[1].Addr(), ports[4].Addr()),
			ElectionTimeout: timeRange{150 * time.Millisecond, 300 * time.Millisecond}, Heartbeat: 50 * time.Millisecond,
			SnapshotBytes: 1 << 20, MaxLogBytes: 1 << 20, LogLevel: "error", LogFormat: "text"}
		if err := c.check(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	one, other := config("n1", 0), config("n2", 3)
	inUse := config("n1", 0)
	for _, p := range ports {
		p.Close()
	}
	log := newLogger(one, os.Stderr)
	m, err := startMember(t.Context(), one, log)
	if err != nil {
		t.Fatal(err)
	}
	inUse.ListenClient, inUse.ListenPeer, inUse.ListenHTTP = other.ListenClient, other.ListenPeer, other.ListenHTTP
	_, err = startMember(t.Context(), inUse, log)
	mustRefuse(t, err, "in use")
	_, err = startMember(t.Context(), config2(other, one.ListenHTTP), log)
	mustRefuse(t, err, "is in use by another program")
	if err := m.leave(); err != nil {
		t.Fatal(err)
	}
	_, err = startMember(t.Context(), other, log)
	mustRefuse(t, err, "belongs to")
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the data directory has mode %v, %v; want 0700", info.Mode(), err)
	}
}

// config2 is c with another address for people.
func config2(c *serveConfig, http string) *serveConfig {
	d := *c
	d.ListenHTTP = http
	return &d
}

func mustRefuse(t *testing.T, err error, want string) {
	t.Helper()
	e, ok := err.(*exitError)
	if !ok || e.code != exitUsage || !strings.Contains(e.text, want) || strings.Contains(e.text, "\n") {
		t.Fatalf("got %v; want one sentence with %q and exit code 2", err, want)
	}
}

func TestRun_WrongCallsAreCode2(t *testing.T) {
	// A wrong call of any other command ends with 2 and a sentence.
	for _, args := range []string{
		"nonsense", "serve --nonsense", "serve extra", "demo --nodes 0 --script", "demo --nodes 4 --script", "demo -o xml",
		"bench failover --kills 0", "bench failover --nodes 1", "bench stable --minutes 0", "burn --for 0s",
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), strings.Fields(args), &out, &errs); code != exitUsage || errs.Len() == 0 {
			t.Errorf("%s: exit code %d, %q", args, code, errs.String())
		}
	}
}

func TestVersion_NamesTheBuild(t *testing.T) {
	// One line that begins with the program's name.
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"version"}, &out, &errs); code != exitOK || !strings.HasPrefix(out.String(), "veche ") {
		t.Fatalf("exit code %d, %q", code, out.String())
	}
}
