//go:build browser

package browser

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"veche/server"
)

const (
	members  = 3
	readyMax = 20 * time.Second // of a cluster that starts beside a browser
	lookMax  = time.Second
)

// cluster is three real servers on loopback.
type cluster struct {
	http   []string // addresses of the page
	client []string
	procs  []*exec.Cmd
}

// startCluster builds veche, runs three servers, and waits for a leader.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "veche")
	build := exec.Command("go", "build", "-o", binary, "./cmd/veche")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build veche: %v\n%s", err, out)
	}
	var held []net.Listener
	for range 3 * members {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, l)
	}
	at := func(i int) string { return held[i].Addr().String() }
	var initial []string
	for i := range members {
		initial = append(initial, "n"+strconv.Itoa(i+1)+"="+at(3*i+1))
	}
	for _, l := range held {
		l.Close()
	}
	c := &cluster{}
	for i := range members {
		name := "n" + strconv.Itoa(i+1)
		logs, err := os.Create(filepath.Join(dir, name+".log"))
		if err != nil {
			t.Fatal(err)
		}
		defer logs.Close()
		cmd := exec.Command(binary, "serve", "--name", name, "--data-dir", filepath.Join(dir, name), "--listen-client", at(3*i),
			"--listen-peer", at(3*i+1), "--listen-http", at(3*i+2), "--initial-cluster", strings.Join(initial, ","))
		cmd.Stdout, cmd.Stderr = logs, logs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		c.procs, c.http, c.client = append(c.procs, cmd), append(c.http, at(3*i+2)), append(c.client, at(3*i))
		t.Cleanup(func() { c.kill(i) })
	}
	c.leader(t)
	return c
}

// kill ends member i with SIGKILL.
func (c *cluster) kill(i int) {
	if p := c.procs[i]; p.ProcessState == nil {
		p.Process.Kill()
		p.Wait()
	}
}

// put writes a key through the first member.
func (c *cluster) put(t *testing.T, key string) {
	t.Helper()
	body := fmt.Sprintf(`{"key":%q,"value":"eA=="}`, base64.StdEncoding.EncodeToString([]byte(key)))
	resp, err := http.Post("http://"+c.client[0]+"/v3/kv/put", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("put %s: %s", key, resp.Status)
	}
}

// status asks member i how it stands; nil when it does not answer.
func (c *cluster) status(i int) *server.StatusReport {
	client := http.Client{Timeout: lookMax}
	resp, err := client.Get("http://" + c.http[i] + "/status")
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	var s server.StatusReport
	if b, err := io.ReadAll(resp.Body); err != nil || json.Unmarshal(b, &s) != nil {
		return nil
	}
	return &s
}

// leader waits until all members that run follow one leader.
func (c *cluster) leader(t *testing.T) (leader int, report *server.StatusReport) {
	t.Helper()
	await(t, "all members follow one leader", readyMax, func() (bool, string) {
		leader = -1
		agreed := map[string]bool{}
		for i, p := range c.procs {
			if p.ProcessState != nil {
				continue
			}
			s := c.status(i)
			if s == nil {
				return false, fmt.Sprintf("n%d does not answer", i+1)
			}
			agreed[s.Leader.Name] = true
			if s.Role == "leader" && s.Confirmed {
				leader, report = i, s
			}
		}
		return leader >= 0 && len(agreed) == 1, fmt.Sprint(agreed)
	})
	return leader, report
}

// await waits until ok, and fails with what ok saw last.
func await(t *testing.T, what string, max time.Duration, ok func() (bool, string)) time.Duration {
	t.Helper()
	began, late := time.Now(), time.After(max)
	for {
		done, seen := ok()
		if done {
			return time.Since(began)
		}
		select {
		case <-late:
			t.Fatalf("waited %v in vain until %s: %s", max, what, seen)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
