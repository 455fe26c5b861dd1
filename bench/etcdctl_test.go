package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// step is one etcdctl of the script.
type step struct {
	args     string // split at spaces
	stdin    string
	anyOrder bool // lines are in the order of ids, which differ
}

// script is run against each member in turn, first to last: revisions go on
// from one to the next, in both clusters alike. %m is the member's number.
var script = []step{
	{args: "put a/%m one"},
	{args: "put a/%m two --prev-kv"},
	{args: "get a/%m"},
	{args: "get a/%m -w json"},
	{args: "get a/%m -w fields"},
	{args: "get a/%m --print-value-only"},
	{args: "put b/%m/1 x"},
	{args: "put b/%m/2 z"},
	{args: "put b/%m/3 y"},
	{args: "put b/%m/2 zz -w json"},
	{args: "get b/%m/ --prefix"},
	{args: "get b/%m/ --prefix -w json"},
	{args: "get b/%m/ --prefix --limit 2 -w json"},
	{args: "get b/%m/ --prefix --sort-by VALUE --order DESCEND"},
	{args: "get b/%m/ --prefix --sort-by MODIFY --order ASCEND --limit 1"},
	{args: "get b/%m/ --prefix --keys-only"},
	{args: "get b/%m/ --prefix --count-only -w json"},
	{args: "get b/%m/1 b/%m/3 --consistency s"},
	{args: "get b/%m/ --prefix --consistency=s -w json"},
	{args: "get b/%m/2 --from-key --limit 1"},
	{args: "get b/ --prefix --rev 7"},
	{args: "get b/ --prefix --rev 7 -w json"},
	{args: "get a/%m --rev 100000"},
	{args: "put b/%m/1 --ignore-value"},
	{args: "put missing/%m --ignore-value"},
	{args: "put c/%m", stdin: "from standard input\n"},
	{args: "get c/%m"},
	{args: "txn --interactive", stdin: "value(\"a/%m\") = \"two\"\nversion(\"b/%m/1\") > \"0\"\n\nput t/%m yes\nget a/%m\n\nput t/%m no\n\n"},
	{args: "txn -w json", stdin: "mod(\"a/%m\") < \"1\"\n\nput t/%m wrong\n\nput t/%m right\ndel b/%m/3\nget b/%m/ --prefix\n\n"},
	{args: "txn", stdin: "create(\"never/%m\") = \"0\"\n\nput u/%m 1\nput u/%m 2\n\n\n"},
	{args: "get t/%m"},
	{args: "del b/%m/1 --prev-kv"},
	{args: "del b/%m/1"},
	{args: "del b/%m/ --prefix -w json"},
	{args: "del nothing/%m"},
	{args: "get ''"},
	{args: "put", stdin: ""},
	{args: "put k/%m v --lease=12345"},
	{args: "compaction 1%m"},
	{args: "compaction 1%m"},
	{args: "compaction 100000"},
	{args: "get a/ --prefix --rev 5"},
	{args: "endpoint health"},
	{args: "endpoint health -w json"},
	{args: "alarm list"},
	{args: "alarm list -w json"},
	{args: "endpoint status"},
	{args: "endpoint status -w table"},
	{args: "endpoint status -w json"},
	{args: "endpoint status --cluster -w json", anyOrder: true},
	{args: "member list", anyOrder: true},
	{args: "member list -w table", anyOrder: true},
	{args: "member list -w json", anyOrder: true},
	{args: "version"},
}

// notYet are commands of etcd that Veche does not know yet: each must end soon
// and say so.
var notYet = []step{
	{args: "watch a/1"},
	{args: "lease grant 10"},
	{args: "lease list"},
	{args: "auth status"},
	{args: "user list"},
	{args: "defrag"},
	{args: "endpoint hashkv"},
	{args: "snapshot save /dev/null"},
}

func (s step) words(member int) []string {
	var out []string
	for _, w := range strings.Fields(s.fill(s.args, member)) {
		out = append(out, strings.Trim(w, "'"))
	}
	return out
}

func (step) fill(text string, member int) string {
	return strings.ReplaceAll(text, "%m", fmt.Sprint(member+1))
}

// Goal: whoever knows etcdctl cannot tell the difference. Method: run one
// script of the real etcdctl against every member of a cluster of Veche and of
// the real etcd, and compare exit codes, outputs and errors field by field.
func TestEtcdctl_SeesTheSameAsWithEtcd(t *testing.T) {
	veche, etcd := start(t, "veche"), start(t, "etcd")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintln(w, "etcdctl …\tmembers\tsame as etcd 3.7.3")
	different := map[string]bool{}
	for m := range members {
		for i, s := range script {
			stdin := s.fill(s.stdin, m)
			a, b := veche.ctl(m, stdin, s.words(m)...), etcd.ctl(m, stdin, s.words(m)...)
			if differ := compare(a, b, s.anyOrder); differ != "" {
				t.Errorf("member %d, step %d: etcdctl %s\n%s", m+1, i, strings.Join(s.words(m), " "), differ)
				different[s.args] = true
			}
		}
	}
	told := map[string]bool{}
	for _, s := range script {
		if !told[s.args] {
			told[s.args] = true
			fmt.Fprintf(w, "%s\t%d\t%v\n", s.args, members, !different[s.args])
		}
	}
}

// Goal: what is not built is said, not hung. Method: run each such command of
// the real etcdctl against every member, and read its error.
func TestEtcdctl_HearsWhatIsNotBuilt(t *testing.T) {
	c := start(t, "veche")
	for m := range members {
		for _, s := range notYet {
			a := c.ctl(m, "", s.words(m)...)
			all := a.out + a.err
			switch {
			case a.took > 8*time.Second:
				t.Errorf("member %d: etcdctl %s took %v", m+1, s.args, a.took)
			case !strings.Contains(all, "not built yet"):
				t.Errorf("member %d: etcdctl %s ended with %d and said %q", m+1, s.args, a.code, all)
			}
		}
	}
}

// compare gives what differs between two answers, or "".
func compare(veche, etcd answer, anyOrder bool) string {
	if veche.code != etcd.code {
		return fmt.Sprintf("exit code %d, etcd's %d\nveche: %s%s\netcd: %s%s", veche.code, etcd.code, veche.out, veche.err, etcd.out, etcd.err)
	}
	a, b := normal(veche.out), normal(etcd.out)
	if anyOrder {
		a, b = sorted(a), sorted(b)
	}
	if a != b {
		return "output differs\n" + lines(a, b)
	}
	if a, b := normal(errorLines(veche.err)), normal(errorLines(etcd.err)); a != b {
		return "errors differ\n" + lines(a, b)
	}
	return ""
}

// errorLines leaves out the client's own log, which has times and addresses.
func errorLines(s string) string {
	var keep []string
	for line := range strings.Lines(s) {
		if !strings.HasPrefix(line, "{\"level\"") {
			keep = append(keep, line)
		}
	}
	return strings.Join(keep, "")
}

// lines shows two texts line by line where they differ.
func lines(veche, etcd string) string {
	a, b := strings.Split(veche, "\n"), strings.Split(etcd, "\n")
	var out strings.Builder
	for i := range max(len(a), len(b)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			fmt.Fprintf(&out, "  veche: %s\n  etcd:  %s\n", x, y)
		}
	}
	return out.String()
}

// Masks hide what must differ between two clusters: ids, addresses, who leads
// in which term, how long it took, how large the files are, and the raft index,
// which counts other entries (configurations, no-ops) in each. Two fields of a
// status differ by intent: the version of the storage, which is Veche's own, and
// the quota, which Veche does not have.
var masks = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDR"},
	{regexp.MustCompile(`took = [0-9.]+[µm]?s`), "took = TIME"},
	{regexp.MustCompile(`"took":"[0-9.]+[µm]?s"`), `"took":"TIME"`},
	{regexp.MustCompile(`"(cluster_id|member_id|raft_term|leader|raftIndex|raftTerm|raftAppliedIndex|dbSize|dbSizeInUse|ID)":\d+`), `"$1":N`},
	{regexp.MustCompile(`"dbSizeQuota":\d+,\n`), ""},
	{regexp.MustCompile(`"storageVersion":"[^"]*"`), `"storageVersion":"OWN"`},
	{regexp.MustCompile(`"(ClusterID|MemberID|RaftTerm)" : \d+`), `"$1" : N`},
	{regexp.MustCompile(`\b[0-9a-f]{13,16}\b`), "ID"},
	{regexp.MustCompile(`─+`), "─"},
}

// statusColumns is how many columns endpoint status has as text, statusOwn
// those of them that the masks hide in JSON, and whether a member leads.
const statusColumns = 16

var statusOwn = []int{1, 3, 4, 5, 6, 7, 8, 10, 11, 12}

// normal masks what is not comparable, sorts the fields of JSON objects, one a
// line, and evens out the widths of tables.
func normal(s string) string {
	if strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
		var v any
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		if err := d.Decode(&v); err == nil && !d.More() {
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			e.Encode(v)
			s = strings.ReplaceAll(b.String(), ",\"", ",\n\"")
		}
	}
	for _, m := range masks {
		s = m.find.ReplaceAllString(s, m.put)
	}
	var out []string
	for line := range strings.Lines(s) {
		out = append(out, row(strings.TrimRight(line, "\n")))
	}
	return strings.Join(out, "\n")
}

// row takes the spaces out of a row of a table, and masks what is a member's
// own in one of endpoint status.
func row(line string) string {
	var cells []string
	switch {
	case strings.HasPrefix(line, "│"):
		cells = strings.Split(strings.Trim(line, "│"), "│")
	case strings.HasPrefix(line, "ADDR, "):
		cells = strings.Split(line, ", ")
	default:
		return line
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
		if len(cells) == statusColumns && cells[0] == "ADDR" && slices.Contains(statusOwn, i) {
			cells[i] = "OWN"
		}
	}
	return strings.Join(cells, " | ")
}

// sorted puts lines in order.
func sorted(s string) string {
	all := strings.Split(s, "\n")
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// Goal: the members agree on who leads, and etcdctl can tell. Method: ask each
// for the status of all, in JSON.
func TestEtcdctl_StatusNamesOneLeader(t *testing.T) {
	c := start(t, "veche")
	for m := range members {
		var all []struct {
			Status struct {
				Header struct {
					MemberID uint64 `json:"member_id"`
				} `json:"header"`
				Leader uint64 `json:"leader"`
			} `json:"Status"`
		}
		a := c.ctl(m, "", "endpoint", "status", "--cluster", "-w", "json")
		if err := json.Unmarshal([]byte(a.out), &all); err != nil || len(all) != members {
			t.Fatalf("member %d: %v in %q, %q", m+1, err, a.out, a.err)
		}
		leaders := 0
		for _, x := range all {
			if x.Status.Leader != all[0].Status.Leader {
				t.Errorf("member %d: two leaders in %s", m+1, a.out)
			}
			if x.Status.Header.MemberID == x.Status.Leader {
				leaders++
			}
		}
		if leaders != 1 {
			t.Errorf("member %d: %d members lead in %s", m+1, leaders, a.out)
		}
	}
}
