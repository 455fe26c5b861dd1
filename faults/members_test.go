//go:build faults && linux

package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"veche/server"
)

// smallLog makes a log that is cut while a scenario plays, so that who joins
// needs a snapshot.
var smallLog = []string{"--snapshot-bytes", "1MiB", "--max-log-bytes", "2MiB"}

const (
	loadValue  = 64 << 10 // of the writes that make the log grow
	loadKeys   = 256      // and so the store has 16 MiB
	commandMax = 30 * time.Second
)

// veche runs the program on the clients' machine, and gives the exit code and
// all that it said.
func (s *stage) veche(args ...string) (int, string) {
	ctx, cancel := context.WithTimeout(context.Background(), commandMax)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.binary, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := s.cluster.clients.start(cmd); err != nil {
		return -1, err.Error()
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode(), out.String()
	case err != nil:
		return -1, err.Error()
	}
	return 0, out.String()
}

// endpoints are the client addresses of some members.
func (s *stage) endpoints(members ...int) string {
	var all []string
	for _, i := range members {
		all = append(all, s.nodes[i].at(2379))
	}
	return strings.Join(all, ",")
}

// load makes the log grow until the leader has cut it, and goes on with it
// until the end is called.
func (s *stage) load(leader int, members []int) (end func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	value := strings.Repeat("load", loadValue/4)
	go func() {
		defer close(done)
		for n := 0; rest(ctx, pace); n++ {
			s.clients.put(members[n%len(members)], fmt.Sprintf("load/%d", n%loadKeys), value) // its outcome does not matter
		}
	}()
	end = func() { cancel(); <-done }
	err = await("the leader has cut its log", settleMax, func() bool {
		v := s.view(leader)
		return v != nil && v.Cut > loadKeys
	})
	if err != nil {
		end()
	}
	return end, err
}

// gone waits until the server of a removed member has stopped, with the exit
// code and the sentence for that.
func (s *stage) gone(i int) error {
	words, err := s.expectEnd(i, settleMax)
	if err != nil {
		return err
	}
	s.setAway(i, true)
	x := s.nodes[i]
	x.mu.Lock()
	defer x.mu.Unlock()
	if code := x.proc.cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(words, x.name+" was removed from the cluster") {
		return fmt.Errorf("%s ended with %d and said %s", x.name, code, words)
	}
	return nil
}

// voter waits until node i votes, and gives how it says that it stands.
func (s *stage) voter(i int) (v *server.StatusReport, err error) {
	err = await(s.nodes[i].name+" votes", settleMax, func() bool {
		if v = s.view(i); v == nil {
			return false
		}
		for _, m := range v.Members {
			if m.ID == v.ID {
				return !m.Learner
			}
		}
		return false
	})
	return v, err
}

// replace has veche member replace put a server that does not run yet in the
// place of another, starts it once it is added, and gives what the command said.
func (s *stage) replace(old, fresh int, stay []int) (said string, err error) {
	type end struct {
		code int
		said string
	}
	ended := make(chan end, 1)
	go func() {
		code, said := s.veche("member", "replace", s.nodes[old].name, s.nodes[fresh].at(2380), "--endpoints", s.endpoints(stay...))
		ended <- end{code, said}
	}()
	err = await("the new one is added", settleMax, func() bool {
		v := s.view(stay[0])
		return v != nil && len(v.Members) == 4
	})
	if err == nil {
		err = s.start(fresh)
	}
	e := <-ended
	switch {
	case err != nil:
		return e.said, fmt.Errorf("%w; the command said %s", err, e.said)
	case e.code != 0:
		return e.said, fmt.Errorf("veche member replace ended with %d: %s", e.code, e.said)
	}
	if err := s.gone(old); err != nil {
		return e.said, err
	}
	s.setAway(fresh, false)
	return e.said, nil
}

func replaceVoter(s *stage) error {
	leader, term, err := s.awaitLeader()
	if err != nil {
		return err
	}
	old, stay := (leader+1)%3, []int{leader, (leader + 2) % 3}
	const fresh = 3
	endLoad, err := s.load(leader, stay)
	if err != nil {
		return err
	}
	defer endLoad()
	from := time.Now()
	if _, err := s.replace(old, fresh, stay); err != nil {
		return err
	}
	took := time.Since(from)
	v, err := s.voter(fresh)
	if err != nil {
		return err
	}
	if err := s.allServe(); err != nil {
		return err
	}
	if err := s.hold(time.Second); err != nil { // the load goes on
		return err
	}
	until := time.Now()
	now, nowTerm, err := s.awaitLeader()
	if err != nil {
		return err
	}
	failed, final := s.clients.failures(from, stay...)
	switch {
	case final != nil:
		return fmt.Errorf("a request failed that no client repeats: %w", final)
	case now != leader || nowTerm != term:
		return fmt.Errorf("%s led in term %d, and %s leads in term %d: there was a moment without a leader", s.nodes[leader].name, term, s.nodes[now].name, nowTerm)
	case !strings.Contains(s.nodes[fresh].tail(1000), "stands on a snapshot of"):
		return fmt.Errorf("%s was not brought up by a snapshot", s.nodes[fresh].name)
	case len(v.Members) != 3:
		return fmt.Errorf("there are %d members", len(v.Members))
	}
	s.note = fmt.Sprintf("%d ms; %s led throughout; %d requests failed, all to be repeated; longest time without a write at those who stayed %d ms",
		took.Milliseconds(), s.nodes[leader].name, failed, s.clients.gap(from, until).Milliseconds())
	return nil
}

func removeLeader(s *stage) error {
	leader, _, err := s.awaitLeader()
	if err != nil {
		return err
	}
	stay := s.everyone(leader)
	at := time.Now()
	if code, said := s.veche("member", "remove", s.nodes[leader].name, "--endpoints", s.endpoints(stay...)); code != 0 {
		return fmt.Errorf("veche member remove ended with %d: %s", code, said)
	}
	if err := s.gone(leader); err != nil {
		return err
	}
	if _, err := s.clients.awaitAck(time.Now(), stay...); err != nil {
		return err
	}
	_, final := s.clients.failures(at, stay...)
	if final != nil {
		return fmt.Errorf("a request failed that no client repeats: %w", final)
	}
	s.note = fmt.Sprintf("the others wrote on; longest time without a write %d ms", s.clients.gap(at, time.Now()).Milliseconds())
	if err := s.start(leader); err != nil { // it must say the same again
		return err
	}
	return s.gone(leader)
}

func joinByCommand(s *stage) error {
	leader, term, err := s.awaitLeader()
	if err != nil {
		return err
	}
	const fresh = 3
	endLoad, err := s.load(leader, s.everyone())
	if err != nil {
		return err
	}
	defer endLoad()
	from := time.Now()
	if err := s.start(fresh); err != nil {
		return err
	}
	if _, err := s.voter(fresh); err != nil {
		return err
	}
	s.setAway(fresh, false)
	s.note = fmt.Sprintf("%d ms from start to vote", time.Since(from).Milliseconds())
	if now, nowTerm, err := s.awaitLeader(); err != nil || now != leader || nowTerm != term {
		return fmt.Errorf("%s led in term %d; now %d leads in term %d (%v)", s.nodes[leader].name, term, now, nowTerm, err)
	}
	// The same command starts it again, from its own disk.
	s.kill(fresh)
	if err := s.start(fresh); err != nil {
		return err
	}
	return s.allServe()
}

func leaderLeaves(s *stage) error {
	var gaps []string
	for range 5 {
		leader, _, err := s.awaitLeader()
		if err != nil {
			return err
		}
		stay := s.everyone(leader)
		at := time.Now()
		p := s.signal(leader, syscall.SIGTERM, true)
		if _, err := s.clients.awaitAck(at, stay...); err != nil {
			return err
		}
		<-p.done
		if p.err != nil {
			return fmt.Errorf("%s left with %w", s.nodes[leader].name, p.err)
		}
		if tail := s.nodes[leader].tail(logTail); !strings.Contains(tail, "begins to hand over") {
			return fmt.Errorf("%s left without handing over: %s", s.nodes[leader].name, tail)
		}
		if _, err := s.clients.awaitAck(time.Now(), stay...); err != nil {
			return err
		}
		gaps = append(gaps, fmt.Sprint(s.clients.gap(at, time.Now()).Milliseconds()))
		if err := s.start(leader); err != nil {
			return err
		}
		if err := s.allServe(); err != nil {
			return err
		}
	}
	s.note = "longest time without a write, each time: " + strings.Join(gaps, ", ") + " ms"
	return nil
}

func rollingUpgrade(s *stage) error {
	level := func(want int) error {
		return await(fmt.Sprintf("the cluster is at level %d", want), settleMax, func() bool {
			i, _ := s.leader()
			if i < 0 {
				return false
			}
			v := s.view(i)
			return v != nil && v.Level == want
		})
	}
	if err := level(1); err != nil {
		return err
	}
	// A joint change is too new: the command goes in two steps.
	const fresh = 3
	leader, _, err := s.awaitLeader()
	if err != nil {
		return err
	}
	said, err := s.replace((leader+1)%3, fresh, []int{leader, (leader + 2) % 3})
	if err != nil {
		return err
	}
	if !strings.Contains(said, "first the one, then the other") {
		return fmt.Errorf("it did not go in two steps: %s", said)
	}
	// One after the other becomes today's program.
	s.args = nil
	for _, i := range s.everyone() {
		if err := level(1); err != nil {
			return err
		}
		if p := s.signal(i, syscall.SIGTERM, true); p != nil {
			<-p.done
		}
		if err := s.start(i); err != nil {
			return err
		}
		if err := s.allServe(); err != nil {
			return err
		}
	}
	s.note = "level 1 while one was old, then 2"
	return level(2)
}

// recoverSurvivor loses two of three with their disks. The leader is left, and
// as nothing is committed that it did not hold, nothing that was acknowledged
// may be lost here.
func recoverSurvivor(s *stage) error {
	leader, _, err := s.awaitLeader()
	if err != nil {
		return err
	}
	lost := s.everyone(leader)
	endLoad, err := s.load(leader, []int{leader})
	if err != nil {
		return err
	}
	endLoad()
	for _, i := range lost {
		s.kill(i)
		s.setAway(i, true)
	}
	p := s.signal(leader, syscall.SIGTERM, true)
	<-p.done
	if err := os.Rename(s.nodes[lost[1]].dir, s.nodes[lost[1]].dir+".kept"); err != nil {
		return err
	}
	if err := os.RemoveAll(s.nodes[lost[0]].dir); err != nil {
		return err
	}
	at := time.Now()
	code, said := s.veche("recover", "--yes", "--data-dir", s.nodes[leader].dir)
	if code != 0 || !strings.Contains(said, "committed for certain") {
		return fmt.Errorf("veche recover ended with %d: %s", code, said)
	}
	if err := s.start(leader); err != nil {
		return err
	}
	alone, err := s.clients.awaitAck(at, leader)
	if err != nil {
		return err
	}
	// A lost member comes back after all, with its old disk.
	if err := os.Rename(s.nodes[lost[1]].dir+".kept", s.nodes[lost[1]].dir); err != nil {
		return err
	}
	if err := s.start(lost[1]); err != nil {
		return err
	}
	if err := await("the old member is refused", settleMax, func() bool {
		log, err := os.ReadFile(s.nodes[leader].logs)
		return err == nil && strings.Contains(string(log), "another cluster")
	}); err != nil {
		return err
	}
	s.seeds = s.endpoints(leader)
	for _, i := range []int{3, 4} {
		if err := s.start(i); err != nil {
			return err
		}
		if _, err := s.voter(i); err != nil {
			return err
		}
		s.setAway(i, false)
	}
	if n := s.ackedSince(at, lost...); n > 0 {
		return fmt.Errorf("the lost members acknowledged %d writes", n)
	}
	if v := s.view(lost[1]); v == nil || v.Leader.ID != 0 {
		return fmt.Errorf("the old member follows somebody: %+v", v)
	}
	s.note = fmt.Sprintf("%d ms from the loss to a write by the survivor; three voters again after %d ms", alone.Milliseconds(), time.Since(at).Milliseconds())
	return nil
}
