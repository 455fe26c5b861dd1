package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Layer is a way to find faults.
type Layer string

// The layers, from cheap to dear.
const (
	Unit      Layer = "test"      // of the room that is changed
	Explorer  Layer = "explorer"  // states of a few cores; for faults of raft
	Story     Layer = "story"     // scenarios in plain text
	Storm     Layer = "storm"     // seeds of raft's own storms; for faults of raft
	Simulator Layer = "simulator" // seeds of whole worlds
)

// Layers are all of them, in that order.
var Layers = []Layer{Unit, Explorer, Story, Storm, Simulator}

// Find is how a layer saw a fault.
type Find struct {
	Layer Layer  `json:"layer"`
	After int    `json:"after"` // so many states or seeds; 0 where luck has no part
	How   string `json:"how"`   // the test, the story, or the promise that is broken
}

// Verdict is what became of one mutant.
type Verdict struct {
	Finds []Find `json:"finds"` // in the order of Layers, at most one of each
	Ran   int    `json:"ran"`   // how many seeds of the simulator
}

// Find gives what a layer saw, or nil.
func (v *Verdict) Find(by Layer) *Find {
	for k := range v.Finds {
		if v.Finds[k].Layer == by {
			return &v.Finds[k]
		}
	}
	return nil
}

// Killed says whether some layer saw the fault.
func (v *Verdict) Killed() bool { return len(v.Finds) > 0 }

// Effort says how hard to look.
type Effort struct {
	States int  // of each scope of the explorer
	Seeds  int  // of the simulator, for a fault that nothing else found
	More   int  // the same for a fault that is found already; its storms are short, too
	First  bool // end with the first layer that finds something
}

// What a layer runs of the tests. Left out are those that go by the real clock,
// so that a table can be made again, and those that plant mistakes themselves.
const (
	storms    = "^(TestRandom_|TestLease_NoReadIsStale)"
	notAsUnit = storms + "|^TestLease_Planted|^TestHost_|^TestLog_(RealDirectory|PrepareAndSnapshotsBeside)"
)

// hangs is how long one layer may take: far longer than any needs on a machine
// that does other things as well.
const hangs = 4 * time.Minute

// Examine plants a mutant into a copy of the tree and lets one layer after the
// other look for it. An error says that nothing was found out: the patch does not
// fit, the copy does not build, or a layer does not end.
func Examine(m *Mutant, copied string, effort Effort) (Verdict, error) {
	heal, err := m.plant(copied)
	defer func() { _ = heal() }()
	if err != nil {
		return Verdict{}, err
	}
	return Judge(copied, m.rooms(), effort)
}

// Judge lets the layers look at a copy as it is, with the tests of some rooms.
func Judge(copied string, tested []string, effort Effort) (Verdict, error) {
	var v Verdict
	exam := filepath.Join(copied, "exam.out")
	look := map[Layer]func() (*Find, error){
		Unit: func() (f *Find, err error) {
			for k := 0; k < len(tested) && f == nil && err == nil; k++ {
				f, err = runTests(copied, tested[k], Unit)
			}
			return f, err
		},
		Explorer: func() (*Find, error) {
			if !slices.Contains(tested, "raft") {
				return nil, nil
			}
			if v.Killed() {
				return explore(copied, effort.States/10)
			}
			return explore(copied, effort.States)
		},
		Story: func() (*Find, error) {
			if err := build(copied, "build", exam, "./sim/mutants/exam"); err != nil {
				return nil, err
			}
			return runExam(copied, exam, Story, 0)
		},
		Storm: func() (*Find, error) {
			if !slices.Contains(tested, "raft") {
				return nil, nil
			}
			if v.Killed() {
				return runTests(copied, "raft", Storm, "-test.short")
			}
			return runTests(copied, "raft", Storm)
		},
		Simulator: func() (*Find, error) {
			v.Ran = effort.Seeds
			if v.Killed() {
				v.Ran = effort.More
			}
			return runExam(copied, exam, Simulator, v.Ran)
		},
	}
	for _, layer := range Layers {
		f, err := look[layer]()
		if err != nil {
			return v, err
		}
		if f == nil {
			continue
		}
		v.Finds = append(v.Finds, *f)
		if effort.First {
			break
		}
	}
	return v, nil
}

// build runs the go command in a copy. Without the paths in what it makes, all
// copies share what is built already.
func build(copied, verb, to, what string) error {
	args := []string{verb, "-trimpath", "-o", to, what}
	if verb == "test" {
		args = slices.Insert(args, 1, "-c")
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = copied
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the copy does not build, which finds nothing: %v\n%s", err, out)
	}
	return nil
}

var (
	failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
	failedSeed = regexp.MustCompile(`\bseed (\d+)\b`)
)

// runTests runs tests of a room: its storms, or the others.
func runTests(copied, room string, layer Layer, more ...string) (*Find, error) {
	tests := filepath.Join(copied, room+".test")
	args := []string{"-test.failfast", "-test.skip", notAsUnit}
	if layer == Storm {
		args = append(more, "-test.run", storms) // built for its tests already
	} else if err := build(copied, "test", tests, "./"+room); err != nil {
		return nil, err
	}
	out, said, failed, err := run(filepath.Join(copied, room), tests, args...)
	if err != nil || !failed {
		return nil, err
	}
	test := failedTest.FindSubmatch(out)
	if test == nil {
		return nil, fmt.Errorf("the tests of %s broke off:\n%s%s", room, out, said)
	}
	f := &Find{Layer: layer, How: string(test[1])}
	if layer == Storm {
		seed := failedSeed.FindSubmatch(out)
		if seed == nil {
			return nil, nil // a storm that has become weak finds nothing
		}
		f.After, err = strconv.Atoi(string(seed[1]))
	}
	return f, err
}

// explore lets the explorer walk so many states of each of its scopes.
func explore(copied string, states int) (*Find, error) {
	exam := filepath.Join(copied, "explore.out")
	if err := build(copied, "build", exam, "./explore/exam"); err != nil {
		return nil, err
	}
	out, said, failed, err := run(copied, exam, strconv.Itoa(states))
	if err != nil {
		return nil, err
	}
	var r struct { // what counts of an explore.Result
		Scope, Broken string
		States        int
	}
	if err := json.Unmarshal(out, &r); err != nil || failed {
		return nil, fmt.Errorf("the explorer broke off: %v\n%s%s", err, out, said)
	}
	if r.Broken == "" {
		return nil, nil
	}
	broken, _, _ := strings.Cut(r.Broken, ":")
	return &Find{Layer: Explorer, After: max(1, r.States), How: r.Scope + ": " + broken}, nil
}

// runExam lets the exam play the stories, or run so many seeds.
func runExam(copied, exam string, layer Layer, seeds int) (*Find, error) {
	out, said, failed, err := run(copied, exam, string(layer), strconv.Itoa(seeds))
	if err != nil {
		return nil, err
	}
	var f *Find
	if err := json.Unmarshal(out, &f); err != nil || failed {
		return nil, fmt.Errorf("the exam broke off: %v\n%s%s", err, out, said)
	}
	return f, nil
}

// run runs a program; failed says that it ended with another code than 0.
func run(dir, program string, args ...string) (out, said []byte, failed bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), hangs)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err = cmd.Output()
	if ctx.Err() != nil {
		return out, nil, true, fmt.Errorf("%s does not end; write the fault so that it does\n%s", filepath.Base(program), out)
	}
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
		return out, errs.Bytes(), true, nil
	}
	return out, errs.Bytes(), false, err
}
