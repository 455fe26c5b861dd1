package scenes

import (
	"strconv"
	"strings"

	"veche/model"
	"veche/raft"
	"veche/sim"
)

// plot is a scene as text. As a constant it costs what its letters cost, while
// calls that build the same become code, which a browser would have to load.
//
// Lines and semicolons part what stands in settings, script and ends. A line of a
// script is a command of stories, or one of
//
//	until leader S1              the script goes on when this condition holds,
//	until leader within 2s       and fails after 10 s, or after the time that is told
//	wait 300ms                   simulated time that passes
//	at 600ms                     simulated time since the beginning
//	beat crashed: cluster logs   a place to stop at, and the panels to look at
//
// and a line of tries is "again at crashed: crash S2; crash S3".
type plot struct {
	id, of   string
	settings string
	without  string // rules, by their names
	script   string
	ends     string
	breaks   sim.Invariant
	tries    string
	beside   string // scenes, by their IDs
}

// scene reads a plot. What makes no sense becomes a step that is none, which the
// tests of this package find.
func (p *plot) scene() model.Scene {
	s := model.Scene{ID: p.id, Of: p.of, Settings: parts(p.settings, "\n;"), Ends: parts(p.ends, "\n;"),
		Breaks: p.breaks, Without: parts(p.without, " "), Beside: parts(p.beside, " ")}
	lines := parts(p.script, "\n;")
	s.Steps = make([]model.Step, len(lines))
	for k, line := range lines {
		s.Steps[k] = step(line)
	}
	for _, line := range parts(p.tries, "\n") {
		head, commands, _ := strings.Cut(line, ":")
		id, beat, _ := strings.Cut(head, " at ")
		s.Tries = append(s.Tries, model.Try{ID: id, Beat: beat, Do: parts(commands, ";")})
	}
	return s
}

// parts splits a text at any of some letters, and drops what is empty.
func parts(text, at string) (all []string) {
	for text != "" {
		part, rest := text, ""
		if i := strings.IndexAny(text, at); i >= 0 {
			part, rest = text[:i], text[i+1:]
		}
		if part = strings.TrimSpace(part); part != "" {
			if all == nil {
				all = make([]string, 0, 1+len(strings.TrimSpace(rest))/partLeast)
			}
			all = append(all, part)
		}
		text = rest
	}
	return all
}

// partLeast guesses how short a part is on average, so that lists seldom grow.
const partLeast = 10

func step(line string) model.Step {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "until":
		condition, within, found := strings.Cut(rest, " within ")
		s := model.Until(condition)
		if found {
			s.Within = duration(within)
		}
		return s
	case "wait":
		return model.Wait(duration(rest))
	case "at":
		return model.At(duration(rest))
	case "beat":
		id, panels, _ := strings.Cut(rest, ":")
		s := model.Beat(id)
		for _, panel := range strings.Fields(panels) {
			s.Look = append(s.Look, model.Panel(panel))
		}
		return s
	}
	return model.Do(line)
}

// duration takes "300ms" or "2s"; what is none of these lasts no time.
func duration(text string) raft.Duration {
	unit, digits := raft.Millisecond, strings.TrimSuffix(text, "ms")
	if digits == text {
		unit, digits = raft.Second, strings.TrimSuffix(text, "s")
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || digits == text {
		return 0
	}
	return raft.Duration(n) * unit
}
