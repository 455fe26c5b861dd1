package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// functions are the names of a module's functions by number, and how many of
// them are imported; a module without names has none.
func functions(all []section) (names map[int]string, imports int) {
	names = map[int]string{}
	for _, s := range all {
		r := reader{b: s.body}
		switch {
		case s.kind == sectionImport:
			imports = r.number()
		case s.kind == sectionCustom && string(r.take(r.number())) == "name":
			for len(r.b) > 0 && !r.bad {
				kind := r.take(1)[0]
				q := reader{b: r.take(r.number())}
				if kind != 1 { // of functions
					continue
				}
				for range q.number() {
					i := q.number()
					names[i] = string(q.take(q.number()))
				}
			}
		}
	}
	return names, imports
}

// packageOf is the package of a function by its name, in which the linker has
// replaced what is neither a letter nor a digit nor a point by underscores.
func packageOf(name string) string {
	if strings.HasPrefix(name, "type_") {
		return "type:"
	}
	name, _, _ = strings.Cut(name, "_go.shape")
	if i := strings.IndexByte(name, '.'); i >= 0 {
		if strings.HasPrefix(name, "github.com_") {
			i += len(".com_") + max(0, strings.IndexByte(name[i+len(".com_"):], '.'))
		}
		return name[:i]
	}
	return name
}

// account prints what a model is made of: the code by packages, and the tables.
func (r *result) account(say io.Writer) error {
	names, imports := functions(r.sections)
	code := map[string][]byte{}
	after, err := sections(r.wasm)
	if err != nil {
		return err
	}
	for _, s := range after {
		fmt.Fprintf(say, "section %2d: %8d bytes, as gzip %7d\n", s.kind, len(s.body), len(pack(s.body)))
		if s.kind == sectionData {
			if err := accountData(say, s.body); err != nil {
				return err
			}
		}
		if s.kind != sectionCode {
			continue
		}
		q := reader{b: s.body}
		for i := range q.number() {
			p := packageOf(names[imports+i])
			code[p] = append(code[p], q.take(q.number())...)
		}
		if q.bad {
			return errCut
		}
	}
	packages := slices.SortedFunc(maps.Keys(code), func(a, b string) int { return cmp.Or(cmp.Compare(len(code[b]), len(code[a])), strings.Compare(a, b)) })
	for _, p := range packages {
		fmt.Fprintf(say, "code %-28s %8d bytes, as gzip %7d\n", p, len(code[p]), len(pack(code[p])))
	}
	return nil
}

// accountData prints what the memory is made of that a module sets up.
func accountData(say io.Writer, body []byte) error {
	m, err := memoryOf(body)
	if err != nil {
		return err
	}
	t, err := findTables(m)
	if err != nil {
		return err
	}
	weigh(say, "types, texts, stack maps", m.data[:t.find-m.base])
	weigh(say, "index by position", m.at(t.find, t.buckets()*bucketBytes))
	weigh(say, "names, files", slices.Concat(t.names, t.units, t.files))
	weigh(say, "values by position", t.pcs)
	weigh(say, "functions", t.funcs)
	weigh(say, "variables", m.data[t.variables-m.base:])
	return nil
}

// weigh tells how a part of the memory packs.
func weigh(say io.Writer, name string, b []byte) {
	fmt.Fprintf(say, "data %-28s %8d bytes, %8d of them zero, as gzip %7d\n", name, len(b), bytes.Count(b, []byte{0}), len(pack(b)))
}
