package main

import (
	"io"
	"os"
	"strings"

	"charm.land/lipgloss/v2"
	"golang.org/x/term"
)

// cell is one field of a table. A nil style is plain.
type cell struct {
	text  string
	style *lipgloss.Style
	right bool // numbers stand under numbers
}

// table lays out rows in columns. Colour is used only when told so.
type table struct {
	header []string
	rows   [][]cell
	colour bool
	gap    int // spaces between columns; 0 means 2
}

// String gives the table with a line feed after every line.
func (t *table) String() string {
	widths := make([]int, len(t.header))
	for i, h := range t.header {
		widths[i] = lipgloss.Width(h)
	}
	for _, row := range t.rows {
		for i, c := range row {
			widths[i] = max(widths[i], lipgloss.Width(c.text))
		}
	}
	var b strings.Builder
	dim := lipgloss.NewStyle().Bold(true)
	head := make([]cell, len(t.header))
	for i, h := range t.header {
		head[i] = cell{text: h, style: &dim}
		if len(t.rows) > 0 {
			head[i].right = t.rows[0][i].right
		}
	}
	t.line(&b, head, widths)
	for _, row := range t.rows {
		t.line(&b, row, widths)
	}
	return b.String()
}

func (t *table) line(b *strings.Builder, row []cell, widths []int) {
	gap := t.gap
	if gap == 0 {
		gap = 2
	}
	last := len(row) - 1
	for last > 0 && row[last].text == "" {
		last-- // no trailing spaces
	}
	for i, c := range row[:last+1] {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", gap))
		}
		fill := strings.Repeat(" ", widths[i]-lipgloss.Width(c.text))
		text := c.text
		if t.colour && c.style != nil {
			text = c.style.Render(text)
		}
		switch {
		case c.right:
			b.WriteString(fill + text)
		case i == last:
			b.WriteString(text)
		default:
			b.WriteString(text + fill)
		}
	}
	b.WriteByte('\n')
}

// isTerminal reports whether w is a person's screen.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// wantsColour: only a screen gets colour, and not when NO_COLOR says so.
func wantsColour(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
