package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"veche/raft"
)

func main() {
	var err error
	if text := nodeText(); text != "" {
		err = runNode(text, os.Stdin, os.Stdout)
	} else {
		err = tell(os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "counters:", err)
		os.Exit(1)
	}
}

var (
	names    = []string{"ann", "ben", "cid"}
	accounts = []string{"bread", "cloth", "iron", "salt", "wine"}
)

const (
	paidIn    = 100 // on each account at the beginning
	transfers = 300 // in each part of the story
	patience  = 10 * time.Second
)

// story is the three processes and what was seen of them.
type story struct {
	out       io.Writer
	settings  settings
	processes []*process // by number of the member − 1; nil while it is down
}

// tell starts the processes and tells what happens to the money.
func tell(out io.Writer) error {
	began := time.Now()
	dir, err := os.MkdirTemp("", "veche-counters-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &story{out: out, settings: settings{Dir: dir}, processes: make([]*process, len(names))}
	rand.Read(s.settings.Cluster[:]) // never fails
	if s.settings.Members, err = places(); err != nil {
		return err
	}
	defer s.end()
	for k := range names {
		if err := s.launch(k); err != nil {
			return err
		}
	}
	for _, act := range []func() error{s.begin, s.work, s.murder, s.comeBack} {
		if err := act(); err != nil {
			return err
		}
	}
	s.say("All of it took %.1f s.", time.Since(began).Seconds())
	return nil
}

// places finds a free port for each.
func places() ([]raft.Member, error) {
	var members []raft.Member
	for k, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		members = append(members, raft.Member{ID: raft.NodeID(k + 1), Name: name, PeerAddr: l.Addr().String()})
	}
	return members, nil
}

func (s *story) say(format string, a ...any) { fmt.Fprintf(s.out, format+"\n", a...) }

func (s *story) launch(k int) error {
	settings := s.settings
	settings.Self = raft.NodeID(k + 1)
	p, err := launch(settings, names[k])
	if err == nil {
		s.processes[k] = p
	}
	return err
}

func (s *story) end() {
	for _, p := range s.processes {
		if p != nil {
			p.stop()
		}
	}
}

// begin pays money in, and waits for a leader with it.
func (s *story) begin() error {
	for _, name := range accounts {
		if a, err := s.processes[0].ask(question{Command: &command{To: name, Amount: paidIn}}); err != nil || a.Error != "" {
			return errors.Join(errors.New("pay in: "+a.Error), err)
		}
	}
	s.say("Three processes are one bank: %s (pid %d), %s (pid %d) and %s (pid %d).",
		names[0], s.processes[0].cmd.Process.Pid, names[1], s.processes[1].cmd.Process.Pid, names[2], s.processes[2].cmd.Process.Pid)
	leader, term, err := s.leader()
	if err != nil {
		return err
	}
	s.say("%s leads, in term %d. %d is on each of %d accounts, %d in all.", names[leader], term, paidIn, len(accounts), paidIn*len(accounts))
	return nil
}

// leader asks whoever runs who leads, until it is one that runs as well.
func (s *story) leader() (k int, term raft.Term, err error) {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		for _, p := range s.processes {
			if p == nil {
				continue
			}
			a, err := p.ask(question{}) // waits for a leader
			if err != nil {
				return 0, 0, err
			}
			if a.Leader > 0 && s.processes[a.Leader-1] != nil && a.Error == "" {
				return int(a.Leader - 1), a.Term, nil
			}
		}
	}
	return 0, 0, errors.New("nobody leads")
}

// counts are what became of transfers.
type counts struct {
	mu                     sync.Mutex // guards: all below
	done, refused, unknown int
	begun                  int
}

// transfer moves money back and forth through all processes at once. midway is
// called in the middle of it.
func (s *story) transfer(midway func()) *counts {
	var c counts
	var clients sync.WaitGroup
	half := sync.OnceFunc(midway)
	for _, p := range s.processes {
		if p == nil {
			continue
		}
		clients.Go(func() {
			for {
				c.mu.Lock()
				n := c.begun
				c.begun++
				c.mu.Unlock()
				switch {
				case n >= transfers:
					return
				case n == transfers/2:
					half()
				}
				a, err := p.ask(question{Command: &command{From: accounts[n%5], To: accounts[(n*7+n/5+1)%5], Amount: int64(n*13%40 + 1)}})
				c.mu.Lock()
				switch {
				case err != nil || a.Error != "":
					c.unknown++
				case a.Refused != "":
					c.refused++
				default:
					c.done++
				}
				c.mu.Unlock()
				if err != nil {
					return // the process is dead
				}
			}
		})
	}
	clients.Wait()
	return &c
}

// audit reads the sum at every process that runs; each read is linearizable.
func (s *story) audit() error {
	for _, p := range s.processes {
		if p == nil {
			continue
		}
		a, err := p.ask(question{})
		switch {
		case err != nil || a.Error != "":
			return errors.Join(fmt.Errorf("ask %s for the sum: %s", p.name, a.Error), err)
		case a.Sum != int64(paidIn*len(accounts)):
			return fmt.Errorf("%s says that the sum is %d, but %d was paid in", p.name, a.Sum, paidIn*len(accounts))
		}
		s.say("  %s says: the sum is %d.", p.name, a.Sum)
	}
	return nil
}

// work is a quiet day.
func (s *story) work() error {
	c := s.transfer(func() {})
	s.say("%d transfers through all three: %d done, %d refused for lack of money.", transfers, c.done, c.refused)
	if c.unknown > 0 {
		return fmt.Errorf("%d transfers have no known end, though nothing happened", c.unknown)
	}
	return s.audit()
}

// murder kills the leader while money moves.
func (s *story) murder() error {
	leader, _, err := s.leader()
	if err != nil {
		return err
	}
	victim := s.processes[leader]
	var killed time.Time
	c := s.transfer(func() {
		killed = time.Now()
		victim.kill()
	})
	s.processes[leader] = nil
	s.say("%d more, and in the middle of them %s, who led, is killed with kill -9.", transfers, names[leader])
	next, term, err := s.leader()
	if err != nil {
		return err
	}
	s.say("%s leads now, in term %d; all of it, the killing included, took %.0f ms.", names[next], term, float64(time.Since(killed).Microseconds())/1000)
	s.say("  %d were done, %d refused, and of %d nobody knows, since they were asked of %s.", c.done, c.refused, c.unknown, names[leader])
	return s.audit()
}

// comeBack starts the dead one again on its old directory.
func (s *story) comeBack() error {
	for k := range s.processes {
		if s.processes[k] != nil {
			continue
		}
		began := time.Now()
		if err := s.launch(k); err != nil {
			return err
		}
		if _, err := s.processes[k].ask(question{}); err != nil {
			return err
		}
		s.say("%s starts again, and knows everything after %.0f ms.", names[k], float64(time.Since(began).Microseconds())/1000)
	}
	return s.audit()
}
