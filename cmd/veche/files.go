package main

import (
	"log/slog"
	"syscall"
)

// fileShares are the connections that each port may hold; 0 is the bound of the
// room behind it.
type fileShares struct{ clients, http, peers int }

// filesForAll parts what this process may open, which Go has raised to the hard
// limit.
func filesForAll(log *slog.Logger) (fileShares, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fileShares{}, nil // not known, so not small
	}
	s, ok := partFiles(uint64(limit.Cur))
	if !ok {
		return s, usagef("this process may open only %d files and connections, and needs %d: raise the limit (ulimit -n, or LimitNOFILE of systemd)", limit.Cur, leastOpen)
	}
	if s.clients > 0 {
		log.Warn("this process may open few files, so it takes few connections; raise the limit (ulimit -n)",
			"files", limit.Cur, "clients", s.clients)
	}
	return s, nil
}

// partFiles gives clients most of what the log and its kin leave. It is false
// when there is too little.
func partFiles(files uint64) (fileShares, bool) {
	switch {
	case files >= fewFiles:
		return fileShares{}, true
	case files < leastOpen:
		return fileShares{}, false
	}
	rest := int(files) - ownFiles
	return fileShares{clients: rest * 6 / 10, http: rest / 10, peers: max(rest/10, 3*maxMembers)}, true
}
