package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// member is one of etcdctl's list.
type member struct {
	ID      uint64   `json:"ID"`
	Name    string   `json:"name"`
	Peers   []string `json:"peerURLs"`
	Learner bool     `json:"isLearner"`
}

// list asks a member of a cluster for all.
func (c *cluster) list(t *testing.T, at int) []member {
	t.Helper()
	a := c.ctl(at, "", "member", "list", "-w", "json")
	var out struct {
		Members []member `json:"members"`
	}
	if err := json.Unmarshal([]byte(a.out), &out); err != nil {
		t.Fatalf("%s: %v in %q, %q", c.kind, err, a.out, a.err)
	}
	return out.Members
}

// id finds a member by the peer address or the name that it has in both
// clusters; the argument itself when there is none.
func (c *cluster) id(t *testing.T, what string) string {
	t.Helper()
	for _, m := range c.list(t, 0) {
		if m.Name == what || slices.Contains(m.Peers, "http://"+what) {
			return fmt.Sprintf("%x", m.ID)
		}
	}
	return what
}

// leads says which member leads.
func (c *cluster) leads(t *testing.T) int {
	t.Helper()
	late := time.After(readyMax)
	for {
		for i := range members {
			a := c.ctl(i, "", "endpoint", "status", "-w", "json")
			var all []struct {
				Status struct {
					Header struct {
						MemberID uint64 `json:"member_id"`
					} `json:"header"`
					Leader uint64 `json:"leader"`
				} `json:"Status"`
			}
			if json.Unmarshal([]byte(a.out), &all) == nil && len(all) == 1 && all[0].Status.Leader != 0 && all[0].Status.Leader == all[0].Status.Header.MemberID {
				return i
			}
		}
		select {
		case <-late:
			t.Fatalf("%s: nobody leads", c.kind)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// initialCluster is a line whose parts stand in the order of ids.
var initialCluster = regexp.MustCompile(`(?m)^ETCD_INITIAL_CLUSTER="(.*)"$`)

// ids are padded to 16 digits, and one of 15 is as good.
var (
	padding = regexp.MustCompile(`  +([0-9a-f]{13,16})\b`)
	fieldID = regexp.MustCompile(`(?m)^"ID" : \d+$`)
)

// evened puts the parts of that line in order, and hides how ids are printed.
func (a answer) evened() answer {
	a.out = fieldID.ReplaceAllString(padding.ReplaceAllString(a.out, " $1"), `"ID" : N`)
	a.out = initialCluster.ReplaceAllStringFunc(a.out, func(line string) string {
		parts := strings.Split(initialCluster.FindStringSubmatch(line)[1], ",")
		slices.Sort(parts)
		return `ETCD_INITIAL_CLUSTER="` + strings.Join(parts, ",") + `"`
	})
	return a
}

// pair is both clusters, and what was compared.
type pair struct {
	t           *testing.T
	veche, etcd *cluster
	lines       []string // that were compared, each once
	different   map[string]bool
}

// both runs one etcdctl against both clusters and compares. %NAME% stands for
// the id of the member of that name or peer address. at gives the member to ask.
func (p *pair) both(at func(*cluster) int, line string) {
	p.t.Helper()
	run := func(c *cluster) answer {
		var args []string
		for _, w := range strings.Fields(line) {
			if strings.HasPrefix(w, "%") {
				w = c.id(p.t, strings.Trim(w, "%"))
			}
			w = strings.ReplaceAll(w, "URL-OF-n1", c.list(p.t, 0)[slices.IndexFunc(c.list(p.t, 0), func(m member) bool { return m.Name == "n1" })].Peers[0])
			args = append(args, w)
		}
		return c.ctl(at(c), "", args...).evened()
	}
	a, b := run(p.veche), run(p.etcd)
	differ := compare(a, b, strings.HasPrefix(line, "member "))
	if differ != "" {
		p.t.Errorf("etcdctl %s\n%s", line, differ)
	}
	if !slices.Contains(p.lines, line) {
		p.lines = append(p.lines, line)
	}
	p.different[line] = p.different[line] || differ != ""
}

// print shows what was compared.
func (p *pair) print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "etcdctl …\tsame as etcd 3.7.3")
	for _, line := range p.lines {
		fmt.Fprintf(w, "%s\t%v\n", line, !p.different[line])
	}
	w.Flush()
}

func fixed(i int) func(*cluster) int { return func(*cluster) int { return i } }

// Goal: whoever changes the members with etcdctl cannot tell the difference.
// Method: the real etcdctl against every member of a cluster of Veche and of the
// real etcd: members that never start, mistakes of every kind, a learner that
// runs and is promoted, and leadership that moves.
func TestEtcdctl_ChangesMembersAsWithEtcd(t *testing.T) {
	p := &pair{t: t, veche: start(t, "veche"), etcd: start(t, "etcd"), different: map[string]bool{}}
	defer p.print()
	p.awaitHealthy()
	for m := range members {
		p.unstarted(m)
	}
	p.learner()
	p.moveLeader()
}

// awaitHealthy waits until etcd has seen its members for as long as it wants to
// before it takes another one.
func (p *pair) awaitHealthy() {
	late := time.After(readyMax)
	for p.etcd.ctl(0, "", "member", "add", "early", "--learner", "--peer-urls=http://127.0.0.1:9").code != 0 {
		select {
		case <-late:
			p.t.Fatal("etcd takes no member")
		case <-time.After(200 * time.Millisecond):
		}
	}
	p.etcd.ctl(0, "", "member", "remove", p.etcd.id(p.t, "127.0.0.1:9"))
}

// unstarted adds, changes and removes members that no server stands behind, by
// asking member m.
func (p *pair) unstarted(m int) {
	for _, line := range []string{
		"member add n9 --peer-urls=URL-OF-n1 --learner",
		"member add n4 --peer-urls=http://127.0.0.1:1 --learner",
		"member list", "member list -w table", "member list -w json", "member list -w fields",
		"member promote %127.0.0.1:1%",
		"member promote %n1%",
		"member promote 1234",
		"member update %127.0.0.1:1% --peer-urls=http://127.0.0.1:2",
		"member update %127.0.0.1:2% --peer-urls=http://127.0.0.1:2",
		"member update 1234 --peer-urls=http://127.0.0.1:3",
		"member remove %127.0.0.1:2% -w json",
		"member remove 1234",
		"member add n5 --peer-urls=http://127.0.0.1:5",
		"member add n6 --peer-urls=http://127.0.0.1:6 -w json",
		"member add n7 --peer-urls=http://127.0.0.1:7",
		"member list",
		"member add n5 --peer-urls=http://127.0.0.1:5",
		"member remove %127.0.0.1:5%",
		"member remove %127.0.0.1:6%",
		"member add n8 --peer-urls=nonsense",
		"member add n8", "member remove", "member remove xyz", "member update", "member promote",
	} {
		p.both(fixed(m), line)
	}
}

// learner starts a fourth server that was added as a learner, and promotes it.
func (p *pair) learner() {
	for _, c := range []*cluster{p.veche, p.etcd} {
		c.add(p.t)
	}
	at := fixed(members)
	for _, line := range []string{
		"endpoint status -w json", "get a", "get a --consistency=s", "put a b", "del a", "member list",
		"compaction 1", "endpoint health", "alarm list",
	} {
		p.both(at, line)
	}
	for _, c := range []*cluster{p.veche, p.etcd} {
		late := time.After(readyMax)
		for a := c.ctl(1, "", "member", "promote", c.id(p.t, "n4")); a.code != 0; a = c.ctl(1, "", "member", "promote", c.id(p.t, "n4")) {
			if !strings.Contains(a.err, "in sync with leader") && !strings.Contains(a.err, "not ready") {
				p.t.Fatalf("%s: promote: %s", c.kind, a.err)
			}
			select {
			case <-late:
				p.t.Fatalf("%s: the learner was not promoted: %s", c.kind, a.err)
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	for _, line := range []string{"member list -w json", "member promote %n4%", "put a b", "get a", "member list", "member remove %n4%", "member list"} {
		p.both(fixed(0), line)
	}
}

// moveLeader moves it, from the leader and from elsewhere.
func (p *pair) moveLeader() {
	leader := func(c *cluster) int { return c.leads(p.t) }
	other := func(c *cluster) int { return (c.leads(p.t) + 1) % members }
	for _, line := range []string{"move-leader 1234", "move-leader", "move-leader %n1%", "move-leader %n2%", "move-leader %n3%"} {
		p.both(leader, line)
	}
	p.both(other, "move-leader %n1%")
}

// add adds a learner to a cluster and starts its server.
func (c *cluster) add(t *testing.T) {
	t.Helper()
	p := built(t)
	ports := freePorts(t, 3)
	at := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", ports[i]) }
	if a := c.ctl(0, "", "member", "add", "n4", "--learner", "--peer-urls=http://"+at(1)); a.code != 0 {
		t.Fatalf("%s: %s", c.kind, a.err)
	}
	dir := t.TempDir()
	args := []string{p.veche, "serve", "--name", "n4", "--data-dir", filepath.Join(dir, "n4"), "--listen-client", at(0),
		"--listen-peer", at(1), "--listen-http", at(2), "--join", c.endpoints[0]}
	if c.kind == "etcd" {
		initial := []string{"n4=http://" + at(1)}
		for _, m := range c.list(t, 0) {
			if m.Name != "" {
				initial = append(initial, m.Name+"="+m.Peers[0])
			}
		}
		args = []string{p.etcd, "--name", "n4", "--data-dir", filepath.Join(dir, "n4"), "--log-level", "error",
			"--listen-client-urls", "http://" + at(0), "--advertise-client-urls", "http://" + at(0),
			"--listen-peer-urls", "http://" + at(1), "--initial-advertise-peer-urls", "http://" + at(1),
			"--initial-cluster", strings.Join(initial, ","), "--initial-cluster-state", "existing"}
	}
	i := len(c.lines)
	c.logs = append(c.logs, filepath.Join(dir, "n4.log"))
	c.lines, c.procs, c.endpoints = append(c.lines, args), append(c.procs, nil), append(c.endpoints, at(0))
	c.run(t, i)
	t.Cleanup(func() { c.kill(i) })
	late := time.After(readyMax)
	for c.ctl(i, "", "endpoint", "status").code != 0 || c.ctl(i, "", "get", "x", "--consistency=s").code != 0 || !c.named(t, "n4") {
		select {
		case <-late:
			log, _ := os.ReadFile(c.logs[i])
			t.Fatalf("%s: the learner did not come up; its log:\n%s", c.kind, log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// named says whether the cluster knows a member by that name.
func (c *cluster) named(t *testing.T, name string) bool {
	return slices.ContainsFunc(c.list(t, 0), func(m member) bool { return m.Name == name })
}
