package page

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/html"
	"github.com/tdewolff/minify/v2/json"
)

// read gives a file of the page as it is sent: without what only those need who
// write it, above all comments and blanks.
func read(files fs.FS, name string) ([]byte, error) {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	if path.Base(name) == "types.js" {
		return b, nil // comments are all it has, and no browser loads it
	}
	m := minify.New()
	switch path.Ext(name) {
	default:
		return b, nil
	case ".js":
		if b, err = lean(b); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return b, nil
	case ".css":
		m.Add("", &css.Minifier{})
	case ".json":
		m.Add("", &json.Minifier{KeepNumbers: true})
	case ".html": // oneFile looks for whole tags
		m.Add("", &html.Minifier{KeepDocumentTags: true, KeepEndTags: true, KeepQuotes: true, KeepDefaultAttrVals: true})
	}
	if b, err = m.Bytes("", b); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// lean leaves out of a script blank lines, the blanks around each line, comments that are a line of their own, /* blocks */ that begin a
// line, and /** types */ between code; other comments behind code stay. It fails on a template literal over several
// lines, which could hold a line that looks like a comment: to be sure of that
// without reading JavaScript, a line may not have an odd number of backquotes.
//
// It does no more on purpose: the minifier of the library that is used for the
// rest moved a declaration with a pattern (const [a, b] = …) before others, and
// what was read from the model came out in another order.
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
		line = withoutTypes(line)
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

// withoutTypes leaves out of a line of code what stands between /** and */, if
// all quotes before it are closed: so it is not in a text.
func withoutTypes(line string) string {
	from := 0
	for {
		at := strings.Index(line[from:], "/**")
		if at < 0 {
			return line
		}
		at += from
		n := strings.Index(line[at:], "*/")
		before := line[:at]
		if n < 0 || strings.Count(before, `"`)%2+strings.Count(before, "'")%2+strings.Count(before, "`")%2 != 0 {
			from = at + 3
			continue
		}
		line = strings.TrimSpace(before + strings.TrimLeft(line[at+n+2:], " "))
		from = min(at, len(line))
	}
}
