package wal

import "io"

// FS is the seam below the log: the machine's file system in production, a
// faulty one in memory in the simulator. Names are paths as the log was given
// them, joined with '/'. Errors that mean "there is no such file" satisfy
// errors.Is(err, io/fs.ErrNotExist).
type FS interface {
	// MkdirAll makes the directory and its parents, readable by the owner only.
	MkdirAll(dir string) error
	// List gives the names in dir, sorted, without the directory.
	List(dir string) ([]string, error)
	// Create makes a file that must not exist yet.
	Create(name string) (File, error)
	// Open opens an existing file for reading and writing.
	Open(name string) (File, error)
	// Rename moves a file over another; durable only after SyncDir.
	Rename(from, to string) error
	// Remove deletes a file; durable only after SyncDir.
	Remove(name string) error
	// SyncDir makes creations, renames and removals in dir durable.
	SyncDir(dir string) error
	// Lock takes name for this process alone, until closed or the process ends.
	// It fails at once, with an error that is ErrLocked, when another has it.
	Lock(name string) (io.Closer, error)
}

// File is an open file of an FS.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	// Sync makes everything written so far durable, or the file is dead.
	Sync() error
}
