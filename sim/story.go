package sim

import (
	"errors"
	"strings"
)

// A Story is a golden scenario in plain text: a title, prose with indented
// commands between, a line of three dashes, and what happened:
//
//	# The crash of the master
//
//	Five servers start. The one that leads is killed.
//
//	    nodes 5
//	    start
//	    run until leader
//
//	---
//	what happened
type Story struct {
	Title string
	Lines []Line
	Head  string // everything up to and with the line of dashes
	Told  string // what happened, as the file has it
}

// Line is one paragraph of prose, or one command.
type Line struct {
	Number  int    // in the file, from 1
	Prose   string // empty for a command
	Command string
}

// StoryError says which line of a story is wrong, and how.
type StoryError struct {
	Line int
	What string
}

// Error gives the line and what is wrong with it.
func (e *StoryError) Error() string { return "line " + num(uint64(e.Line)) + ": " + e.What }

const dashes = "---"

// ParseStory reads a story. It fails if there is no title, no command or no line
// of dashes.
func ParseStory(text string) (*Story, error) {
	s := &Story{}
	head, told, found := strings.Cut(text, "\n"+dashes+"\n")
	if !found {
		return nil, errors.New("the story has no line of three dashes, behind which stands what happened")
	}
	s.Head, s.Told = head+"\n"+dashes+"\n", told
	prose := 0 // the line at which the paragraph began
	for i, text := range strings.Split(head, "\n") {
		number := i + 1
		switch command, indented := strings.CutPrefix(text, "    "); {
		case s.Title == "" && strings.HasPrefix(text, "# "):
			s.Title = strings.TrimSpace(text[2:])
		case s.Title == "":
			return nil, &StoryError{number, "the story must begin with a title: # and some words"}
		case strings.TrimSpace(text) == "":
			prose = 0
		case indented:
			prose = 0
			s.Lines = append(s.Lines, Line{Number: number, Command: strings.TrimSpace(command)})
		case text[0] == ' ' || text[0] == '\t':
			return nil, &StoryError{number, "a command is indented by four spaces, prose by none"}
		case prose > 0:
			s.Lines[len(s.Lines)-1].Prose += "\n" + text
		default:
			prose = number
			s.Lines = append(s.Lines, Line{Number: number, Prose: text})
		}
	}
	for _, l := range s.Lines {
		if l.Command != "" {
			return s, nil
		}
	}
	return nil, errors.New("the story has no command")
}
