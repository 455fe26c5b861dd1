//go:build faults && linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// machine is a computer as far as its processes can tell: a network of its own
// with one interface, and mounts that nobody else sees. One locked thread holds
// it open and carries out whatever has to happen inside.
type machine struct {
	addr  netip.Addr
	tun   *os.File // the other end of its interface
	netns int      // open descriptor of its network namespace
	tasks chan func()
	ended chan struct{}
}

// newMachine makes the machine with the number n, attached to w.
func newMachine(t *testing.T, w *wire, n byte) *machine {
	t.Helper()
	m := &machine{addr: netip.AddrFrom4([4]byte{10, 83, 0, n}), tasks: make(chan func()), ended: make(chan struct{})}
	ready := make(chan error)
	go m.run(ready)
	if err := <-ready; err != nil {
		t.Fatalf("make machine %d: %v", n, err)
	}
	detached := w.attach(n, m.tun)
	t.Cleanup(func() {
		close(m.tasks)
		<-m.ended
		m.tun.Close()
		<-detached
		unix.Close(m.netns)
	})
	return m
}

// run lives on a thread that is never given back to the runtime: what it has
// unshared, and every child that must die with it, end with the thread.
func (m *machine) run(ready chan<- error) {
	runtime.LockOSThread()
	defer close(m.ended)
	err := m.setUp()
	ready <- err
	if err != nil {
		return
	}
	for task := range m.tasks {
		task()
	}
}

func (m *machine) setUp() error {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare network and mounts: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts private: %w", err)
	}
	var err error
	if m.netns, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open the network namespace: %w", err)
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("open /dev/net/tun: %w", err)
	}
	ifr, err := unix.NewIfreq("wire0")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
		return fmt.Errorf("make a TUN device: %w", err)
	}
	m.tun = os.NewFile(uintptr(fd), "wire0") // only now: before it is a device, nobody can be told that it is readable
	return errors.Join(
		m.configure("lo", netip.MustParseAddr("127.0.0.1"), [4]byte{255, 0, 0, 0}),
		m.configure("wire0", m.addr, [4]byte{255, 255, 255, 0}),
	)
}

// configure gives an interface its address and switches it on.
func (m *machine) configure(name string, addr netip.Addr, mask [4]byte) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	a := addr.As4()
	for _, step := range []struct {
		what string
		req  uint
		set  func(*unix.Ifreq) error
	}{
		{"address", unix.SIOCSIFADDR, func(i *unix.Ifreq) error { return i.SetInet4Addr(a[:]) }},
		{"netmask", unix.SIOCSIFNETMASK, func(i *unix.Ifreq) error { return i.SetInet4Addr(mask[:]) }},
		{"flags", unix.SIOCSIFFLAGS, func(i *unix.Ifreq) error { i.SetUint16(unix.IFF_UP | unix.IFF_RUNNING); return nil }},
	} {
		ifr, err := unix.NewIfreq(name)
		if err == nil {
			err = step.set(ifr)
		}
		if err == nil {
			err = unix.IoctlIfreq(s, step.req, ifr)
		}
		if err != nil {
			return fmt.Errorf("set the %s of %s: %w", step.what, name, err)
		}
	}
	return nil
}

// do carries out f on the machine, and waits.
func (m *machine) do(f func() error) error {
	done := make(chan error, 1)
	m.tasks <- func() { done <- f() }
	return <-done
}

// start starts a program on the machine; it dies with the machine.
func (m *machine) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return m.do(cmd.Start)
}

// tmpfs mounts a small disk, or resizes the one that is there.
func (m *machine) tmpfs(dir string, bytes int64) error {
	return m.do(func() error {
		size := fmt.Sprintf("size=%d,mode=0700", bytes)
		err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, size)
		if errors.Is(err, unix.EINVAL) { // not mounted yet
			err = unix.Mount("tmpfs", dir, "tmpfs", 0, size)
		}
		if err != nil {
			return fmt.Errorf("mount a disk of %d bytes: %w", bytes, err)
		}
		return nil
	})
}

// dial connects from the machine. A socket belongs to the namespace of the
// thread that makes it, so each dial has a thread of its own, which ends with it.
func (m *machine) dial(ctx context.Context, addr string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	got := make(chan result, 1)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(m.netns, unix.CLONE_NEWNET); err != nil {
			got <- result{nil, fmt.Errorf("enter the network of %s: %w", m.addr, err)}
			return
		}
		conn, err := new(net.Dialer).DialContext(ctx, "tcp4", addr)
		got <- result{conn, err}
	}()
	r := <-got // DialContext keeps to ctx
	return r.conn, r.err
}
