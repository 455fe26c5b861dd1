package main

import (
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// cgroupLimit holds the memory that a container may use, on Linux.
const cgroupLimit = "/sys/fs/cgroup/memory.max"

// limitMemory has the garbage collector work harder before the container's
// bound is reached, unless GOMEMLIMIT says otherwise.
func limitMemory(log *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	raw, err := os.ReadFile(cgroupLimit)
	if err != nil {
		return // no cgroup, no bound
	}
	if limit := memoryShare(string(raw)); limit > 0 {
		debug.SetMemoryLimit(limit)
		log.Info("memory is bounded by the container", "bytes", limit)
	}
}

// memoryShare gives nine tenths of a cgroup's bound, which leaves room for what
// Go does not count; 0 when there is none.
func memoryShare(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n <= 0 || n > maxByteSize {
		return 0
	}
	return n / 10 * 9
}
