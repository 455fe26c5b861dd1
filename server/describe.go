package server

import (
	"strconv"
	"unicode"
	"unicode/utf8"

	"veche/raft"
)

// Describe puts an event into one English sentence without a full stop. names
// gives the members' names; one that it lacks is shown as its id in hex, and 0
// as nobody.
func Describe(e raft.Event, names map[raft.NodeID]string) string {
	name := func(id raft.NodeID) string { return nameOf(id, names) }
	return name(e.Node) + " " + e.Sentence(name)
}

// nameOf is what people call a member: its name made safe to print, or its id
// in hex, as etcd shows ids.
func nameOf(id raft.NodeID, names map[raft.NodeID]string) string {
	if id == 0 {
		return "nobody"
	}
	if n := cleanName(names[id]); n != "" {
		return n
	}
	return strconv.FormatUint(uint64(id), 16)
}

// cleanName cuts a name to a sane length and replaces what does not print, so
// that a name can break neither a line of a log nor the direction of a page.
func cleanName(s string) string {
	clean := make([]rune, 0, min(len(s), memberNameShown))
	for _, r := range s {
		if len(clean) == memberNameShown {
			break
		}
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			r = '?'
		}
		clean = append(clean, r)
	}
	return string(clean)
}
