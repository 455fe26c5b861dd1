package wal

import (
	"os"

	"golang.org/x/sys/unix"
)

// Sync leaves out the file's times: a journal commit less for a file whose size
// does not change.
func (f osFile) Sync() error {
	var err error
	conn, e := f.SyscallConn()
	if e != nil {
		return e
	}
	e = conn.Control(func(fd uintptr) {
		for {
			if err = unix.Fdatasync(int(fd)); err != unix.EINTR {
				return
			}
		}
	})
	if e != nil {
		return e
	}
	if err != nil {
		return full(&os.PathError{Op: "fdatasync", Path: f.Name(), Err: err})
	}
	return nil
}
