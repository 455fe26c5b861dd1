package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"

	"veche/raft"
)

// process is one of the three, as the story sees it.
type process struct {
	id    raft.NodeID
	name  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	ended chan struct{} // closed when it gives no answers any more

	mu      sync.Mutex // guards: all below, and writing to in
	last    int
	waiting map[int]chan answer
}

var errProcessEnded = errors.New("the process has ended")

// launch starts this program as one of the three.
func launch(s settings, name string) (*process, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{id: s.Self, name: name, ended: make(chan struct{}), waiting: map[int]chan answer{}}
	p.cmd = exec.Command(self)
	p.cmd.Env = append(os.Environ(), settingsVariable+"="+string(text))
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go p.listen(out)
	return p, nil
}

// listen hands answers to those who asked, until the process ends.
func (p *process) listen(out io.Reader) {
	defer close(p.ended)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var a answer
		if json.Unmarshal(lines.Bytes(), &a) != nil {
			continue
		}
		p.mu.Lock()
		if c := p.waiting[a.ID]; c != nil {
			c <- a // it has room
			delete(p.waiting, a.ID)
		}
		p.mu.Unlock()
	}
}

// ask sends one question and waits for its answer.
func (p *process) ask(q question) (answer, error) {
	c := make(chan answer, 1)
	p.mu.Lock()
	p.last++
	q.ID = p.last
	p.waiting[q.ID] = c
	err := json.NewEncoder(p.in).Encode(q)
	p.mu.Unlock()
	if err != nil {
		return answer{}, errProcessEnded
	}
	select {
	case a := <-c:
		return a, nil
	case <-p.ended:
		return answer{}, errProcessEnded
	}
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.ended
	_ = p.cmd.Wait()
}

// stop lets the process end in order.
func (p *process) stop() {
	p.mu.Lock()
	_ = p.in.Close()
	p.mu.Unlock()
	<-p.ended
	_ = p.cmd.Wait()
}
