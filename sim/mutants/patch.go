package mutants

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Mutant is one planted fault.
type Mutant struct {
	Name  string // of the file, without .patch
	Fault string // what is wrong with the code, in a sentence
	Idea  string // where it comes from
	Files []FilePatch
}

// FilePatch is what a mutant does to one file.
type FilePatch struct {
	Path  string // from the root of the tree
	Hunks []Hunk
}

// Hunk replaces some lines by others.
type Hunk struct{ Old, New string }

// Parse reads a patch. It fails if the head is missing or nothing is changed.
func Parse(name, text string) (*Mutant, error) {
	m := &Mutant{Name: name}
	var file *FilePatch
	inHunk := false
	for number, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "# fault: "):
			m.Fault = line[len("# fault: "):]
		case strings.HasPrefix(line, "# idea: "):
			m.Idea = line[len("# idea: "):]
		case strings.HasPrefix(line, "--- "):
			inHunk = false
		case strings.HasPrefix(line, "+++ b/"):
			m.Files = append(m.Files, FilePatch{Path: line[len("+++ b/"):]})
			file = &m.Files[len(m.Files)-1]
		case strings.HasPrefix(line, "@@"):
			if file == nil {
				return nil, fmt.Errorf("%s, line %d: a hunk stands before its file", name, number+1)
			}
			file.Hunks = append(file.Hunks, Hunk{})
			inHunk = true
		case inHunk && line != "":
			h := &file.Hunks[len(file.Hunks)-1]
			text := line[1:] + "\n"
			switch line[0] {
			case ' ':
				h.Old += text
				h.New += text
			case '-':
				h.Old += text
			case '+':
				h.New += text
			default:
				return nil, fmt.Errorf("%s, line %d: it begins with neither space, + nor -", name, number+1)
			}
		}
	}
	switch {
	case m.Fault == "" || m.Idea == "":
		return nil, fmt.Errorf("%s: it must begin with # fault: and # idea:", name)
	case len(m.Files) == 0:
		return nil, fmt.Errorf("%s: it changes nothing", name)
	}
	return m, nil
}

// Load reads all patches of a directory, sorted by name.
func Load(dir string) ([]*Mutant, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []*Mutant
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		m, err := Parse(strings.TrimSuffix(filepath.Base(name), ".patch"), string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// Apply gives the text of a file after the patch. Each hunk's old lines must
// stand in it exactly once.
func (p *FilePatch) Apply(text string) (string, error) {
	for i, h := range p.Hunks {
		if n := strings.Count(text, h.Old); n != 1 {
			return "", fmt.Errorf("%s: the old lines of hunk %d stand there %d times; write the patch anew", p.Path, i+1, n)
		}
		text = strings.Replace(text, h.Old, h.New, 1)
	}
	return text, nil
}

// plant changes the files of the copy; the function it gives puts them back.
func (m *Mutant) plant(copied string) (heal func() error, err error) {
	before := map[string][]byte{}
	heal = func() error {
		for path, text := range before {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range m.Files {
		path := filepath.Join(copied, m.Files[i].Path)
		text, err := os.ReadFile(path)
		if err != nil {
			return heal, err
		}
		changed, err := m.Files[i].Apply(string(text))
		if err != nil {
			return heal, err
		}
		before[path] = text
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			return heal, err
		}
	}
	return heal, nil
}

// rooms are the folders of the files that the mutant changes.
func (m *Mutant) rooms() (all []string) {
	for i := range m.Files {
		if room := path.Dir(m.Files[i].Path); !slices.Contains(all, room) {
			all = append(all, room)
		}
	}
	return all
}
