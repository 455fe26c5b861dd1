package wal

import "errors"

// In a browser there is no disk but MemFS, and package io/fs with what it needs
// (time, and behind it half a runtime's settings) would be a thirtieth of what
// is loaded.
var errNotExist, errExist = errors.New("file does not exist"), errors.New("file already exists")
