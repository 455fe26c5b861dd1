package page

import (
	"encoding/json"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// texts reads a file of texts.
func texts(t *testing.T, name string) map[string]string {
	t.Helper()
	b, err := fs.ReadFile(content, name)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return m
}

// Goal: whatever is said in one language is said in the other, with the same
// parameters. Method: compare the files of texts by pairs.
func TestTexts_BothLanguagesSayTheSame(t *testing.T) {
	names, err := fs.Glob(content, "web/text/*en.json")
	if err != nil || len(names) < 2 {
		t.Fatalf("found only the files %q (%v)", names, err)
	}
	params := regexp.MustCompile(`\{(\w+)`)
	used := func(s string) []string {
		var all []string
		for _, m := range params.FindAllStringSubmatch(s, -1) {
			all = append(all, m[1])
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	for _, name := range names {
		en, ru := texts(t, name), texts(t, strings.TrimSuffix(name, "en.json")+"ru.json")
		for _, key := range slices.Sorted(maps.Keys(en)) {
			switch other, ok := ru[key]; {
			case !ok:
				t.Errorf("%s: %s is not said in Russian", name, key)
			case !slices.Equal(used(en[key]), used(other)):
				t.Errorf("%s: %s has the parameters %v, and %v in Russian", name, key, used(en[key]), used(other))
			}
		}
		for _, key := range slices.Sorted(maps.Keys(ru)) {
			if _, ok := en[key]; !ok {
				t.Errorf("%s: %s is said in Russian alone", name, key)
			}
		}
	}
}

// Goal: the dashboard says nothing by a key that has no text, and carries none
// that nobody says. Method: look for the keys in its files; those that are put
// together begin as one of a list.
func TestTexts_OfTheDashboardAreUsed(t *testing.T) {
	said := texts(t, "web/text/live.en.json")
	var code strings.Builder
	for _, name := range []string{"live.html", "live.js", "matrix.js", "faults.js", "recording.js"} {
		b, err := fs.ReadFile(content, "web/"+name)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(b)
	}
	joined := []string{"live.f.", "live.trouble.", "live.do.", "live.said."}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`["'](live\.[a-zA-Z0-9.]*[a-zA-Z0-9])["']`).FindAllStringSubmatch(code.String(), -1) {
		used[m[1]] = true
		if said[m[1]] == "" {
			t.Errorf("nothing is said by %s", m[1])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(said)) {
		if !used[key] && !slices.ContainsFunc(joined, func(p string) bool { return strings.HasPrefix(key, p) }) {
			t.Errorf("nobody says %s", key)
		}
	}
	if len(used) < 50 {
		t.Errorf("found only %d keys", len(used))
	}
}
