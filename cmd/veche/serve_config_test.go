package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// configure reads settings as veche serve does.
func configure(t *testing.T, args []string, vars map[string]string, file string) (*serveConfig, error) {
	t.Helper()
	if file != "" {
		name := filepath.Join(t.TempDir(), "veche.yaml")
		if err := os.WriteFile(name, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", name)
	}
	var c serveConfig
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	c.flags(fs)
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	lookup := func(k string) (string, bool) { v, ok := vars[k]; return v, ok }
	if err := c.load(fs, lookup); err != nil {
		return nil, err
	}
	return &c, c.check()
}

func TestConfig_FlagBeforeVariableBeforeFileBeforeDefault(t *testing.T) {
	// Each source says something about the heartbeat; the highest one wins, and
	// the others still count for what it leaves out.
	file := "name: f\nheartbeat: 11ms\ncluster-token: file\nlog-level: warn\nlog-format: json\n"
	vars := map[string]string{"VECHE_HEARTBEAT": "12ms", "VECHE_CLUSTER_TOKEN": "variable", "VECHE_LOG_LEVEL": "error"}
	c, err := configure(t, []string{"--heartbeat", "13ms", "--cluster-token", "flag"}, vars, file)
	if err != nil {
		t.Fatal(err)
	}
	if c.Heartbeat != 13*time.Millisecond || c.ClusterToken != "flag" || c.LogLevel != "error" || c.LogFormat != "json" || c.Name != "f" {
		t.Fatalf("got heartbeat %v, token %s, level %s, format %s, name %s", c.Heartbeat, c.ClusterToken, c.LogLevel, c.LogFormat, c.Name)
	}
	if c.ElectionTimeout != (timeRange{150 * time.Millisecond, 300 * time.Millisecond}) || !c.FastDetection {
		t.Fatalf("the defaults are %v and %v", c.ElectionTimeout, c.FastDetection)
	}
}

func TestConfig_FileTakesListsAndMaps(t *testing.T) {
	// A person writes the initial cluster as text, list or map; all mean the same.
	for name, text := range map[string]string{
		"text": "initial-cluster: n1=127.0.0.1:1,n2=127.0.0.1:2\n",
		"list": "initial-cluster:\n  - n1=127.0.0.1:1\n  - n2=127.0.0.1:2\n",
		"map":  "initial-cluster:\n  n1: 127.0.0.1:1\n  n2: 127.0.0.1:2\n",
	} {
		c, err := configure(t, []string{"--name", "n2"}, nil, text)
		if err != nil || len(c.peers) != 2 || c.peers[1] != (peer{"n2", "127.0.0.1:2"}) || c.AdvertisePeer != "127.0.0.1:2" {
			t.Errorf("%s: %v, %+v", name, err, c)
		}
	}
}

func TestConfig_AloneNeedsNoInitialCluster(t *testing.T) {
	// The shortest call: one server, everything by default.
	c, err := configure(t, []string{"--name", "solo"}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.DataDir != "solo.veche" || len(c.peers) != 1 || c.peers[0].Addr != c.ListenPeer || c.AdvertiseClient != c.ListenClient {
		t.Fatalf("got %+v", c)
	}
}

func TestConfig_RefusesInOneSentence(t *testing.T) {
	// Every mistake that we know of is refused with a usage error of one line
	// that names the setting.
	many := "n1=127.0.0.1:1"
	for i := range maxMembers {
		many += ",m" + string(rune('a'+i)) + "=127.0.0.1:" + string(rune('1'+i/9)) + string(rune('1'+i%9))
	}
	for _, c := range []struct {
		name, args, file, want string
	}{
		{"no name", "", "", "--name"},
		{"bad name", "--name n/1", "", `the name "n/1" cannot be used`},
		{"long token", "--name n1 --cluster-token " + strings.Repeat("x", maxTokenBytes+1), "", "the cluster token has 257 bytes"},
		{"overlapping ports", "--name n1 --listen-http 127.0.0.1:2379", "", "are the same port"},
		{"overlap with every address", "--name n1 --insecure-i-understand --listen-client :2380 --advertise-client 10.0.0.1:2380", "", "are the same port"},
		{"overlap by another spelling", "--name n1 --listen-client localhost:2380", "", "are the same port"},
		{"no port", "--name n1 --listen-peer 127.0.0.1", "", "must have the form host:port"},
		{"large port", "--name n1 --listen-peer 127.0.0.1:70000", "", `"70000" is not a port`},
		{"beyond this machine", "--name n1 --listen-client 0.0.0.0:2379", "", "--insecure-i-understand"},
		{"a name beyond this machine", "--name n1 --listen-peer example.org:2380", "", "--insecure-i-understand"},
		{"not in the cluster", "--name n9 --initial-cluster n1=127.0.0.1:1", "", `"n9" is not in the initial cluster, which has n1`},
		{"twice in the cluster", "--name n1 --initial-cluster n1=127.0.0.1:1,n1=127.0.0.1:2", "", `"n1" stands there twice`},
		{"one address twice", "--name n1 --initial-cluster n1=127.0.0.1:1,n2=127.0.0.1:1", "", "n1 and n2 have the same address"},
		{"malformed cluster", "--name n1 --initial-cluster n1", "", "name=host:port"},
		{"empty part", "--name n1 --initial-cluster n1=127.0.0.1:1,", "", "name=host:port"},
		{"port 0 in the cluster", "--name n1 --initial-cluster n1=127.0.0.1:0", "", "port 0"},
		{"every address in the cluster", "--name n1 --initial-cluster n1=0.0.0.0:1", "", "every address"},
		{"too many servers", "--name n1 --initial-cluster " + many, "", "more than 15"},
		{"other advertised address", "--name n1 --initial-cluster n1=127.0.0.1:1 --advertise-peer 127.0.0.1:2", "", "make them equal"},
		{"undialable for clients", "--name n1 --insecure-i-understand --listen-client :2379", "", "--advertise-client"},
		{"hasty heartbeat", "--name n1 --heartbeat 1ns --election-timeout 2ns-3ns", "", "shorter than 1ms"},
		{"slow heartbeat", "--name n1 --heartbeat 100ms", "", "not well below the election timeout"},
		{"long timeout", "--name n1 --election-timeout 2m-3m", "", "longer than 1m0s"},
		{"no range", "--name n1 --election-timeout 150ms", "", "two times with a dash"},
		{"reversed range", "--name n1 --election-timeout 3s-1s", "", "the smaller first"},
		{"no time", "--name n1 --election-timeout fast-slow", "", "is not a time"},
		{"negative heartbeat", "--name n1 --heartbeat=-1s", "", "positive time"},
		{"learner of nothing", "--name n1 --learner", "", "--join"},
		{"founding and joining", "--name n1 --join 127.0.0.1:1 --initial-cluster n1=127.0.0.1:1", "", "exclude each other"},
		{"joining nowhere", "--name n1 --join n4", "", "host:port"},
		{"joining undialable", "--name n1 --join 127.0.0.1:1 --insecure-i-understand --listen-peer :2380", "", "--advertise-peer"},
		{"leases with fast detection", "--name n1 --lease-reads --fast-detection", "", "exclude each other"},
		{"leases with tuned times", "--name n1 --lease-reads --auto-timing", "", "exclude each other"},
		{"drift without leases", "--name n1 --clock-drift 1%", "", "--lease-reads"},
		{"no part", "--name n1 --clock-drift 5", "", "200ppm"},
		{"large part", "--name n1 --lease-reads --clock-drift 21%", "", "at most 20%"},
		{"large priority", "--name n1 --priority 256", "", "0 to 255"},
		{"level of the future", "--name n1 --level 99", "", "knows only up to"},
		{"no size", "--name n1 --max-log-bytes many", "", "positive number of bytes"},
		{"log below snapshot", "--name n1 --max-log-bytes 1MiB", "", "--snapshot-bytes"},
		{"unknown level", "--name n1 --log-level loud", "", "debug, info, warn or error"},
		{"unknown format", "--name n1 --log-format xml", "", "text or json"},
		{"unknown key", "--name n1", "heart-beat: 3s\n", `the nearest is "heartbeat"`},
		{"no yaml", "--name n1", "a: b: c\n", "not YAML"},
		{"nested yaml", "--name n1", "initial-cluster: [[1]]\n", "neither a value nor a list"},
		{"bad value in file", "--name n1", "fast-detection: perhaps\n", "it must be true or false"},
		{"no file", "--name n1 --config " + filepath.Join(t.TempDir(), "none"), "", "cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := configure(t, strings.Fields(c.args), nil, c.file)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want a sentence with %q", err, c.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			var e *exitError
			fromFlags := strings.HasPrefix(err.Error(), "invalid argument") // cobra: exit code 2 in run
			if !fromFlags && (!errors.As(err, &e) || e.code != exitUsage) {
				t.Errorf("not a usage error: %v", err)
			}
		})
	}
}

func TestConfig_LeaseReadsTurnFastDetectionOff(t *testing.T) {
	// A voter that reacts to closed connections promises nothing, so the default
	// of fast detection gives way; the bound of the clocks is what was said.
	c, err := configure(t, []string{"--name", "n1"}, nil, "lease-reads: true\nclock-drift: 0.1%\n")
	if err != nil {
		t.Fatal(err)
	}
	if r := c.raft(c.founder()); !r.LeaseReads || !r.NoFastDetection || r.MaxDrift != 1000 {
		t.Fatalf("the core is told %+v", r)
	}
	if c, err = configure(t, []string{"--name", "n1", "--priority", "0"}, nil, ""); err != nil || !c.Priority.set {
		t.Fatalf("a priority of 0 is one as well: %+v, %v", c.Priority, err)
	}
}

func TestTimeRange_TheFirstUnitMayBeLeftOut(t *testing.T) {
	// 150-300ms is what a person writes; what String writes Set reads back.
	for text, want := range map[string]timeRange{
		"150-300ms":   {150 * time.Millisecond, 300 * time.Millisecond},
		"0.15 - 0.3s": {150 * time.Millisecond, 300 * time.Millisecond},
		"12ms-1s":     {12 * time.Millisecond, time.Second},
	} {
		var got, again timeRange
		if err := got.Set(text); err != nil || got != want || again.Set(got.String()) != nil || again != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}

func TestConfig_RefusesBadVariable(t *testing.T) {
	// A variable is named in the sentence, as a flag would be.
	_, err := configure(t, []string{"--name", "n1"}, map[string]string{"VECHE_ELECTION_TIMEOUT": "1s"}, "")
	if err == nil || !strings.Contains(err.Error(), "VECHE_ELECTION_TIMEOUT") {
		t.Fatalf("got %v", err)
	}
}

func TestByteSize_RoundTrips(t *testing.T) {
	// What String writes Set reads back, for whole and odd sizes.
	for _, n := range []byteSize{1, 1000, 4096, 64 << 20, 1<<30 + 1, 3 << 30} {
		var got byteSize
		if err := got.Set(n.String()); err != nil || got != n {
			t.Errorf("%d became %q and then %d, %v", int64(n), n.String(), int64(got), err)
		}
	}
}

func TestUnknownVariables_AreNoticed(t *testing.T) {
	// A mistyped variable is told, with what was perhaps meant; others are left alone.
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	new(serveConfig).flags(fs)
	environ := []string{"PATH=x", "VECHE_DATADIR=/x", "VECHE_DATA_DIR=/x", "VECHE_CONFIG=y", "VECHE="}
	if got := unknownVariables(fs, environ); !slices.Equal(got, []string{"VECHE_DATADIR"}) {
		t.Fatalf("got %q", got)
	}
	if got := nearest("VECHE_DATADIR", settingVariables(fs)); got != "VECHE_DATA_DIR" {
		t.Errorf("nearest is %q", got)
	}
}
