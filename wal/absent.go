//go:build !wasip1

package wal

import "io/fs"

// What a disk says of a file that is not there, or is there already.
var errNotExist, errExist = fs.ErrNotExist, fs.ErrExist
