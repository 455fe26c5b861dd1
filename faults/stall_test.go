//go:build faults && linux

package faults

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Freezing a file system makes every write and sync on it wait until it is
// thawed, as a disk does that has stalled (linux/fs.h).
const (
	ioctlFreeze = 0xC0045877
	ioctlThaw   = 0xC0045878
	stallFor    = 3 * time.Second
	stallMax    = 2500 * time.Millisecond // until another one leads: a second, and looks from outside on a busy machine
	diskBytes   = 96 << 20                // a log's segments and a small file system's own data
)

// ownDisk gives the node a disk of its own: a file system in a file, seen by
// its machine alone.
func (x *node) ownDisk(image string) error {
	f, err := os.Create(image)
	if err != nil {
		return err
	}
	err = f.Truncate(diskBytes)
	f.Close()
	if err != nil {
		return err
	}
	for _, line := range [][]string{
		{"mkfs.ext4", "-q", "-F", image},
		{"mount", "-o", "loop", image, x.dir},
		{"chmod", "700", x.dir},
		{"rmdir", x.dir + "/lost+found"},
	} {
		cmd := exec.Command(line[0], line[1:]...)
		var said strings.Builder
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := x.machine.start(cmd); err != nil {
			return err
		}
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(line, " "), err, said.String())
		}
	}
	return nil
}

// stall freezes the node's disk, or thaws it.
func (x *node) stall(request uint) error {
	return x.do(func() error {
		fd, err := unix.Open(x.dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.IoctlSetInt(fd, request, 0)
	})
}

// insure thaws the node's disk after a while in any case: a process that waits
// for a frozen disk cannot be killed, also if this test is. It gives what ends it.
func (x *node) insure() (end func(), err error) {
	cmd := exec.Command("sh", "-c", `sleep "$1"; exec fsfreeze --unfreeze "$2"`, "sh", strconv.Itoa(int(settleMax.Seconds())+5), x.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it outlives us
	if err := x.do(cmd.Start); err != nil {
		return nil, err
	}
	return func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}, nil
}

// stalledDisk moves a member to a disk that can be stalled, makes it lead, and
// stalls the disk: it has to hand over, without waiting for its own disk, and
// to follow once the disk goes on.
func stalledDisk(s *stage) error {
	leader, _, err := s.awaitLeader()
	if err != nil {
		return err
	}
	victim := s.everyone(leader)[0]
	x, others := s.nodes[victim], s.everyone(victim)
	s.kill(victim)
	kept := x.dir + ".kept"
	if err := os.Rename(x.dir, kept); err != nil {
		return err
	}
	if err := os.Mkdir(x.dir, 0o700); err != nil {
		return err
	}
	if err := x.ownDisk(x.dir + ".disk"); err != nil {
		return err
	}
	if err := x.do(func() error { return os.CopyFS(x.dir, os.DirFS(kept)) }); err != nil {
		return err
	}
	if err := s.start(victim); err != nil {
		return err
	}
	if err := s.allServe(); err != nil {
		return err
	}
	if code, said := s.veche("transfer", "--to", x.name, "--endpoints", s.endpoints(others...)); code != 0 {
		return fmt.Errorf("veche transfer ended with %d: %s", code, said)
	}
	endInsurance, err := x.insure()
	if err != nil {
		return err
	}
	defer endInsurance()
	if err := x.stall(ioctlFreeze); err != nil {
		return fmt.Errorf("stall the disk of %s: %w", x.name, err)
	}
	at := time.Now()
	thawed := false
	defer func() {
		if !thawed {
			_ = x.stall(ioctlThaw)
		}
	}()
	if err := await("another one leads", settleMax, func() bool {
		now, _ := s.leader()
		return now >= 0 && now != victim
	}); err != nil {
		return err
	}
	handed := time.Since(at)
	if handed > stallMax {
		return fmt.Errorf("%s led on for %v", x.name, handed)
	}
	took, err := s.clients.awaitAck(at.Add(handed), others...)
	if err != nil {
		return err
	}
	if err := s.hold(stallFor - time.Since(at)); err != nil {
		return err
	}
	thawed = true
	if err := x.stall(ioctlThaw); err != nil {
		return fmt.Errorf("let the disk of %s go on: %w", x.name, err)
	}
	if _, err := s.clients.awaitAck(time.Now(), victim); err != nil {
		return fmt.Errorf("after its disk went on: %w", err)
	}
	if !strings.Contains(x.tail(1000), "waits for its disk") {
		return fmt.Errorf("%s did not say that it waits for its disk: %s", x.name, x.tail(logTail))
	}
	s.note = fmt.Sprintf("another one led after %d ms, the others wrote %d ms later", handed.Milliseconds(), took.Milliseconds())
	return nil
}
