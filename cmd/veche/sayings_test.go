package main

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"
	"time"
)

// Goal: the dashboard says the same as the terminal. Method: compare the sentences
// with the page's English texts; that it says them all in Russian is tested there.
func TestSayings_AreThePagesTexts(t *testing.T) {
	b, err := os.ReadFile("../../page/web/text/live.en.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]string
	if err := json.Unmarshal(b, &texts); err != nil {
		t.Fatal(err)
	}
	page := map[string]string{}
	for key, text := range texts {
		if name, ok := strings.CutPrefix(key, "live.said."); ok && name != "and" {
			page[name] = text
		}
	}
	if !maps.Equal(page, sayings) {
		for key := range sayings {
			if page[key] != sayings[key] {
				t.Errorf("%s: %q, on the page %q", key, sayings[key], page[key])
			}
			delete(page, key)
		}
		t.Errorf("the page alone says %v", page)
	}
}

// Goal: a sentence has its names and numbers as a person writes them. Method: some
// of each kind.
func TestSay_FillsIn(t *testing.T) {
	for _, c := range []struct {
		key  string
		with map[string]any
		want string
	}{
		{"kill.leader", map[string]any{"name": "n1", "term": uint64(7), "took": tookMS(6_840 * time.Microsecond)}, "leader n1; a new leader acknowledged the first write in term 7 after 6.8 ms:"},
		{"cut.leader", map[string]any{"names": []string{"n1", "n4"}, "term": uint64(2), "took": tookMS(204_400 * time.Microsecond)}, "cut n1 and n4 off: without a majority it can commit nothing and steps down; a new leader acknowledged the first write in term 2 after 204 ms."},
		{"write", map[string]any{"value": "world 1", "name": "n2", "took": tookMS(6 * time.Millisecond), "revision": int64(40)}, `"world 1" at n2: acknowledged in 6.0 ms at revision 40,`},
	} {
		if got := say(c.key, c.with).text; !strings.Contains(got, c.want) || strings.ContainsAny(got, "{}") {
			t.Errorf("%s: %q, want in it %q", c.key, got, c.want)
		}
	}
	for key := range sayings {
		if said := say(key, nil); said.key != key {
			t.Errorf("%s says it is %s", key, said.key)
		}
	}
}
