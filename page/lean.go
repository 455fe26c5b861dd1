package page

import (
	"fmt"
	"io/fs"
	"path"

	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/html"
	"github.com/tdewolff/minify/v2/js"
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
		m.Add("", &js.Minifier{})
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
