package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// read gives a file of the page as it is sent: scripts, styles and texts without
// what only their authors need.
func read(files fs.FS, name string) ([]byte, error) {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	switch path.Ext(name) {
	case ".js", ".css":
		if b, err = lean(b); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	case ".json":
		var out bytes.Buffer
		if err := json.Compact(&out, b); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		b = out.Bytes()
	}
	return b, nil
}

// lean leaves out of a script or a style sheet blank lines, the blanks around
// each line, comments that are a line of their own, and /* blocks */ that begin
// a line; comments behind code stay. It fails on a template literal over several
// lines, which could hold a line that looks like a comment: to be sure of that
// without reading JavaScript, a line may not have an odd number of backquotes.
func lean(b []byte) ([]byte, error) {
	var out strings.Builder
	inside := false // a block
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		line = strings.TrimSpace(line)
		if !inside && strings.HasPrefix(line, "/*") {
			inside, line = true, line[2:]
		}
		if inside {
			_, rest, ended := strings.Cut(line, "*/")
			if !ended {
				continue
			}
			inside, line = false, strings.TrimSpace(rest)
		}
		if line == "" || strings.HasPrefix(line, "//") {
			continue
		}
		if strings.Count(line, "`")%2 != 0 {
			return nil, fmt.Errorf("line %d has an odd number of backquotes, so that a template literal may go over several lines; write it on one, or \\x60 for a lone backquote", n)
		}
		out.WriteString(line)
		out.WriteByte('\n')
	}
	if inside {
		return nil, fmt.Errorf("a block comment does not end")
	}
	return []byte(out.String()), nil
}
