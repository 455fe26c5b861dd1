package main

import "syscall"

// childAttributes put a child in a process group of its own, so that Ctrl-C at
// the terminal reaches the demo alone, and have the kernel kill it when the
// thread that started it ends, so that none outlives the demo.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
