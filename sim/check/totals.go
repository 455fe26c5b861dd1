package check

import (
	"fmt"
	"strings"
	"time"

	"veche/raft"
	"veche/sim"
)

// Totals is what some seeds did.
type Totals struct {
	Seeds     int
	Simulated raft.Duration
	Events    uint64
	Messages  uint64
	Faults    [sim.Classes]uint64
	Ends      [sim.Points]uint64 // of servers, at each named point
	Elections uint64             // terms that had a leader
	Committed uint64             // entries
	Done      uint64             // operations that were carried out
	Refused   uint64
	Unknown   uint64
	Changed   uint64 // changes of the membership that were done
	Leased    uint64 // reads upon a lease
	Expired   uint64 // reads whose lease had ended when their client looked
	Checked   int    // operations checked for linearizability
	Keys      int    // histories checked for linearizability
	Repeated  int    // seeds that were run twice with the same hash
	Took      time.Duration
	Processor time.Duration // what all workers used; Took times workers where the system does not say
}

// SeedsPerSecond is how fast it went.
func (t *Totals) SeedsPerSecond() float64 { return float64(t.Seeds) / max(t.Took.Seconds(), 1e-9) }

// EventsPerProcessorSecond is how fast one processor is. What the checks after
// each seed use is included.
func (t *Totals) EventsPerProcessorSecond() float64 {
	return float64(t.Events) / max(t.Processor.Seconds(), 1e-9)
}

// HoursPerProcessorMinute is how many hours one processor simulates in a minute.
func (t *Totals) HoursPerProcessorMinute() float64 {
	return float64(t.Simulated) / float64(3600*raft.Second) / max(t.Processor.Minutes(), 1e-9)
}

// OperationsPerSecond is how many operations of clients ended in a simulated
// second.
func (t *Totals) OperationsPerSecond() float64 {
	return float64(t.Done+t.Refused+t.Unknown) / max(float64(t.Simulated)/float64(raft.Second), 1e-9)
}

// FaultsPerMinute is how many faults struck in a simulated minute, apart from
// those that messages met by chance.
func (t *Totals) FaultsPerMinute() float64 {
	return float64(t.Struck()) / max(float64(t.Simulated)/float64(60*raft.Second), 1e-9)
}

// Struck adds up the faults that were done to a server or a link, apart from
// those that messages met by chance.
func (t *Totals) Struck() uint64 {
	n := uint64(0)
	for c, k := range t.Faults {
		if !sim.Class(c).ByChance() {
			n += k
		}
	}
	return n
}

// String is the closing line of a run.
func (t *Totals) String() string {
	return fmt.Sprintf("%d seeds, %.1f simulated hours, %d events, %d messages, %d faults (%.1f a minute), %d terms with a leader, %d entries committed; "+
		"operations: %d done, %d refused, %d unknown (%.1f a second), %d reads upon leases; %d changes of the membership; linearizability: %d operations on %d keys; %d seeds run twice; "+
		"%.1f seeds/s, %.1f simulated hours and %.1f million events for each minute and second of a processor\nfaults: %s",
		t.Seeds, float64(t.Simulated)/float64(3600*raft.Second), t.Events, t.Messages, t.Struck(), t.FaultsPerMinute(), t.Elections, t.Committed,
		t.Done, t.Refused, t.Unknown, t.OperationsPerSecond(), t.Leased, t.Changed, t.Checked, t.Keys, t.Repeated,
		t.SeedsPerSecond(), t.HoursPerProcessorMinute(), t.EventsPerProcessorSecond()/1e6, t.faults())
}

// Missed names the points at which no server ended.
func (t *Totals) Missed() []string {
	var names []string
	for p, n := range t.Ends {
		if n == 0 {
			names = append(names, sim.PointName(p))
		}
	}
	return names
}

// The floors of a full run.
const (
	floorOperations = 20.0 // ended in a simulated second
	floorFaults     = 25.0 // struck in a simulated minute
	floorHours      = 4.0  // simulated in a processor's minute
)

// Wants says what a full run of some thousand seeds has not done, one sentence
// each; nil if it did enough.
func (t *Totals) Wants() []string {
	var wants []string
	for _, f := range []struct {
		what       string
		has, floor float64
	}{
		{"operations in a simulated second", t.OperationsPerSecond(), floorOperations},
		{"faults in a simulated minute", t.FaultsPerMinute(), floorFaults},
		{"simulated hours in a processor's minute", t.HoursPerProcessorMinute(), floorHours},
	} {
		if f.has < f.floor {
			wants = append(wants, fmt.Sprintf("%.1f %s, and %.0f are wanted", f.has, f.what, f.floor))
		}
	}
	for c, n := range t.Faults {
		if n == 0 {
			wants = append(wants, fmt.Sprintf("no fault of the class %q", sim.Class(c)))
		}
	}
	for _, name := range t.Missed() {
		wants = append(wants, fmt.Sprintf("no server ended at %q", name))
	}
	if t.Leased == 0 || t.Changed == 0 {
		wants = append(wants, "no read upon a lease, or no change of the membership")
	}
	return wants
}

func (t *Totals) faults() string {
	parts := make([]string, 0, sim.Classes)
	for c, n := range t.Faults {
		parts = append(parts, fmt.Sprintf("%s %d", sim.Class(c), n))
	}
	return strings.Join(parts, ", ")
}

func (t *Totals) add(o *Totals) {
	t.Seeds += o.Seeds
	t.Simulated += o.Simulated
	t.Events += o.Events
	t.Messages += o.Messages
	for c := range t.Faults {
		t.Faults[c] += o.Faults[c]
	}
	for p := range t.Ends {
		t.Ends[p] += o.Ends[p]
	}
	t.Elections += o.Elections
	t.Committed += o.Committed
	t.Done += o.Done
	t.Refused += o.Refused
	t.Unknown += o.Unknown
	t.Changed += o.Changed
	t.Leased += o.Leased
	t.Expired += o.Expired
	t.Checked += o.Checked
	t.Keys += o.Keys
	t.Repeated += o.Repeated
}
