package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// serveConfig is everything `veche serve` can be told. Addresses are host:port.
type serveConfig struct {
	Name    string
	DataDir string

	ListenClient, ListenPeer, ListenHTTP string
	AdvertiseClient, AdvertisePeer       string

	InitialCluster string
	ClusterToken   string
	Join           string // client addresses of members of a cluster to be joined
	Learner        bool   // with Join: to stay one

	ElectionTimeout timeRange
	Heartbeat       time.Duration
	FastDetection   bool
	AutoTiming      bool
	LeaseReads      bool
	ClockDrift      drift
	Priority        priority
	Level           uint8 // for tests: an older program's

	SnapshotBytes byteSize
	MaxLogBytes   byteSize

	LogLevel  string
	LogFormat string
	Insecure  bool
	HTTPHosts string

	ConfigFile string

	given map[string]bool // settings that somebody made, by load
	peers []peer          // InitialCluster, parsed by check
	seeds []string        // Join, parsed by check
}

// timeRange is two times, the smaller first: 150ms-300ms.
type timeRange struct{ Min, Max time.Duration }

// String spells the range as Set reads it.
func (r *timeRange) String() string { return fmt.Sprintf("%v-%v", r.Min, r.Max) }

// Type names the kind of value in --help.
func (r *timeRange) Type() string { return "range" }

// Set reads a range; the first time may leave out the unit of the second.
func (r *timeRange) Set(s string) error {
	lo, hi, ok := strings.Cut(s, "-")
	if !ok {
		return fmt.Errorf("it must be two times with a dash between, like 150ms-300ms")
	}
	if digits := strings.Trim(lo, "0123456789. "); digits == "" {
		lo = strings.TrimSpace(lo) + strings.TrimLeft(hi, "0123456789. ")
	}
	var err error
	var got timeRange
	if got.Min, err = time.ParseDuration(strings.TrimSpace(lo)); err != nil {
		return fmt.Errorf("%q is not a time; write it like 150ms", lo)
	}
	if got.Max, err = time.ParseDuration(strings.TrimSpace(hi)); err != nil {
		return fmt.Errorf("%q is not a time; write it like 300ms", hi)
	}
	if got.Min <= 0 || got.Max < got.Min {
		return fmt.Errorf("it must be two positive times, the smaller first")
	}
	*r = got
	return nil
}

// duration is a positive time.
type duration time.Duration

// String spells the time as Set reads it.
func (d *duration) String() string { return time.Duration(*d).String() }

// Type names the kind of value in --help.
func (d *duration) Type() string { return "duration" }

// Set reads a time.
func (d *duration) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil || v <= 0 {
		return fmt.Errorf("it must be a positive time, like 50ms")
	}
	*d = duration(v)
	return nil
}

// drift is a part of the time, in parts per million.
type drift int

// String spells the part as Set reads it.
func (d *drift) String() string {
	return strconv.FormatFloat(float64(*d)/10_000, 'f', -1, 64) + "%"
}

// Type names the kind of value in --help.
func (d *drift) Type() string { return "part" }

// Set reads a part: 0.5% or 200ppm.
func (d *drift) Set(s string) error {
	for unit, factor := range map[string]float64{"%": 10_000, "ppm": 1} {
		digits, ok := strings.CutSuffix(s, unit)
		if !ok {
			continue
		}
		if v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64); err == nil && v*factor >= 1 && v*factor <= maxDrift {
			*d = drift(math.Round(v * factor))
			return nil
		}
	}
	return fmt.Errorf("it must be above 0 and at most %d%%, like 0.5%% or 200ppm", maxDrift/10_000)
}

// priority is a small number that may have been left out.
type priority struct {
	value uint8
	set   bool
}

// String spells the priority as Set reads it.
func (p *priority) String() string {
	if !p.set {
		return ""
	}
	return strconv.Itoa(int(p.value))
}

// Type names the kind of value in --help.
func (p *priority) Type() string { return "number" }

// Set reads a priority.
func (p *priority) Set(s string) error {
	v, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		return fmt.Errorf("it must be a number from 0 to 255")
	}
	p.value, p.set = uint8(v), true
	return nil
}

// byteSize is a number of bytes: 16MiB, 4096.
type byteSize int64

// String spells the size in the largest unit that divides it.
func (b *byteSize) String() string {
	for _, u := range byteUnits {
		if *b != 0 && int64(*b)%u.factor == 0 {
			return strconv.FormatInt(int64(*b)/u.factor, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(*b), 10)
}

// Type names the kind of value in --help.
func (b *byteSize) Type() string { return "bytes" }

// Set reads a size.
func (b *byteSize) Set(s string) error {
	factor := int64(1)
	digits := s
	for _, u := range byteUnits {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			factor, digits = u.factor, rest
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if err != nil || n <= 0 || n > maxByteSize/factor {
		return fmt.Errorf("it must be a positive number of bytes, like 4096 or 64MiB")
	}
	*b = byteSize(n * factor)
	return nil
}

var byteUnits = []struct {
	name   string
	factor int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// flags declares the settings, with their defaults.
func (c *serveConfig) flags(fs *pflag.FlagSet) {
	c.ElectionTimeout = timeRange{150 * time.Millisecond, 300 * time.Millisecond}
	c.Heartbeat = 50 * time.Millisecond
	c.SnapshotBytes = 64 << 20
	c.MaxLogBytes = 512 << 20
	c.ClockDrift = drift(defaultDrift)
	fs.StringVar(&c.Name, "name", "", "name of this server; it stands in --initial-cluster")
	fs.StringVar(&c.DataDir, "data-dir", "", "directory for the log and the snapshots (default NAME.veche)")
	fs.StringVar(&c.ListenClient, "listen-client", "127.0.0.1:2379", "address for clients: gRPC and HTTP")
	fs.StringVar(&c.ListenPeer, "listen-peer", "127.0.0.1:2380", "address for the other servers")
	fs.StringVar(&c.ListenHTTP, "listen-http", "127.0.0.1:2381", "address for dashboard, metrics and /leader")
	fs.StringVar(&c.AdvertiseClient, "advertise-client", "", "address that clients are told (default: --listen-client)")
	fs.StringVar(&c.AdvertisePeer, "advertise-peer", "", "address that the other servers dial (default: this server's in --initial-cluster)")
	fs.StringVar(&c.InitialCluster, "initial-cluster", "", "all servers as name=host:port,… (default: this server alone)")
	fs.StringVar(&c.Join, "join", "", "join the cluster of which these are members' client addresses, with commas between")
	fs.BoolVar(&c.Learner, "learner", false, "with --join: stay a learner instead of becoming a voter once caught up")
	fs.StringVar(&c.ClusterToken, "cluster-token", "veche", "tells apart clusters that have the same servers")
	fs.Var(&c.ElectionTimeout, "election-timeout", "range from which a follower draws how long it waits for its leader")
	fs.Var((*duration)(&c.Heartbeat), "heartbeat", "time between two heartbeats of a leader")
	fs.BoolVar(&c.FastDetection, "fast-detection", true, "start an election when the leader's process closes its connections")
	fs.BoolVar(&c.AutoTiming, "auto-timing", false, "derive heartbeat and election timeout from measured round trips; the settings above are their upper bounds")
	fs.BoolVar(&c.LeaseReads, "lease-reads", false, "let the leader answer reads by itself while a majority has promised it to vote for nobody else; turns fast detection off")
	fs.Var(&c.ClockDrift, "clock-drift", "with lease reads: how far any member's clock may go wrong, as a part of the time")
	fs.Var(&c.Priority, "priority", "0 to 255: how gladly this server is seen as leader; it decides no election")
	fs.Var(&c.SnapshotBytes, "snapshot-bytes", "bytes of log after which a snapshot is written")
	fs.Var(&c.MaxLogBytes, "max-log-bytes", "bytes of log beyond which writes are refused until a snapshot allows to cut it")
	fs.StringVar(&c.LogLevel, "log-level", "info", "debug, info, warn or error")
	fs.StringVar(&c.LogFormat, "log-format", "text", "text or json")
	fs.BoolVar(&c.Insecure, "insecure-i-understand", false, "listen beyond this machine without TLS: whoever reaches a port can read and write everything")
	fs.StringVar(&c.HTTPHosts, "http-hosts", "", "names, with commas between, under which HTTP is served besides this server's addresses")
	fs.StringVar(&c.ConfigFile, "config", "", "YAML file with these settings by the same names")
	fs.Uint8Var(&c.Level, "level", 0, "act as a program of that feature level, for tests; 0 is this program's own")
	_ = fs.MarkHidden("level")
}

// load fills in what the command line left out: from VECHE_… variables, then
// from the file, then from the defaults that flags has set. lookup is
// os.LookupEnv.
func (c *serveConfig) load(fs *pflag.FlagSet, lookup func(string) (string, bool)) error {
	given := map[string]bool{} // settled by something of higher precedence
	c.given = given
	fs.Visit(func(f *pflag.Flag) { given[f.Name] = true })

	var err error
	fs.VisitAll(func(f *pflag.Flag) {
		if err != nil || given[f.Name] || f.Name == "help" {
			return
		}
		name := variableOf(f.Name)
		value, ok := lookup(name)
		if !ok {
			return
		}
		given[f.Name] = true
		if e := f.Value.Set(value); e != nil {
			err = usagef("the variable %s is %q: %s", name, value, plainReason(f, e))
		}
	})
	if err != nil || c.ConfigFile == "" {
		return err
	}
	return c.loadFile(fs, given)
}

// unknownVariables gives the names in environ (os.Environ's) that look like
// settings and are none.
func unknownVariables(fs *pflag.FlagSet, environ []string) []string {
	known := append(settingVariables(fs), variableOf("config"))
	var unknown []string
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if strings.HasPrefix(name, "VECHE_") && !slices.Contains(known, name) {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

func settingVariables(fs *pflag.FlagSet) []string {
	var names []string
	for _, name := range settingNames(fs) {
		names = append(names, variableOf(name))
	}
	return names
}

func (c *serveConfig) loadFile(fs *pflag.FlagSet, given map[string]bool) error {
	raw, err := readBounded(c.ConfigFile, maxConfigBytes)
	if err != nil {
		return usagef("the configuration file %s cannot be read: %v", c.ConfigFile, err)
	}
	var doc map[string]yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return usagef("the configuration file %s is not YAML of the form name: value: %s",
			c.ConfigFile, strings.ReplaceAll(err.Error(), "\n", " "))
	}
	keys := make([]string, 0, len(doc))
	for k := range doc {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, key := range keys {
		f := fs.Lookup(key)
		if f == nil || key == "config" || key == "help" {
			return usagef("the configuration file %s has a setting %q that does not exist; the nearest is %q",
				c.ConfigFile, key, nearest(key, settingNames(fs)))
		}
		node := doc[key]
		value, ok := flatten(&node)
		if !ok {
			return usagef("the configuration file %s gives %q something that is neither a value nor a list", c.ConfigFile, key)
		}
		if given[key] {
			continue // a flag or a variable says otherwise
		}
		given[key] = true
		if err := f.Value.Set(value); err != nil {
			return usagef("the configuration file %s sets %s to %q: %s", c.ConfigFile, key, value, plainReason(f, err))
		}
	}
	return nil
}

// flatten turns a YAML value into the text a flag takes: lists and maps become
// a,b and a=x,b=y.
func flatten(n *yaml.Node) (string, bool) {
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return "", true
		}
		return n.Value, true
	case yaml.SequenceNode, yaml.MappingNode:
		var parts []string
		for i, child := range n.Content {
			if child.Kind != yaml.ScalarNode {
				return "", false
			}
			if n.Kind == yaml.MappingNode && i%2 == 1 {
				parts[len(parts)-1] += "=" + child.Value
				continue
			}
			parts = append(parts, child.Value)
		}
		return strings.Join(parts, ","), true
	}
	return "", false
}

// plainReason takes the Go out of the error of a flag's value.
func plainReason(f *pflag.Flag, err error) string {
	if f.Value.Type() == "bool" {
		return "it must be true or false"
	}
	return err.Error()
}

// variableOf gives the environment variable of a setting.
func variableOf(setting string) string {
	return "VECHE_" + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

func settingNames(fs *pflag.FlagSet) []string {
	var names []string
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && f.Name != "config" {
			names = append(names, f.Name)
		}
	})
	return names
}

// nearest gives the candidate that takes the fewest edits to reach from s.
func nearest(s string, candidates []string) string {
	best, bestCost := "", len(s)+maxNameBytes
	for _, c := range candidates {
		if cost := edits(s, c); cost < bestCost {
			best, bestCost = c, cost
		}
	}
	return best
}

// edits counts the insertions, deletions and replacements from a to b
// (Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// readBounded reads a whole file of at most limit bytes.
func readBounded(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, plainPathError(err)
	case info.IsDir():
		return nil, fmt.Errorf("it is a directory")
	case info.Size() > limit:
		return nil, fmt.Errorf("it is larger than %d bytes", limit)
	}
	raw, err := os.ReadFile(filepath.Clean(name))
	return raw, plainPathError(err)
}
