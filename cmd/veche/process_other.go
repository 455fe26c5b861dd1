//go:build unix && !linux

package main

import "syscall"

// childAttributes put a child in a process group of its own, so that Ctrl-C at
// the terminal reaches the demo alone. Elsewhere than on Linux a demo that is
// killed with SIGKILL leaves its servers behind.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
