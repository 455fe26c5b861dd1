package sim

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite what happened in the stories")

const storyLinesMax = 60

// TestStories_TellWhatTheyTold plays every story and compares what happens with
// what the file says; -update writes it there instead.
func TestStories_TellWhatTheyTold(t *testing.T) {
	names, err := filepath.Glob("../stories/*.txt")
	if err != nil || len(names) < 12 {
		t.Fatalf("there are %d stories (%v); at least 12 were promised", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			s, err := ParseStory(string(text))
			if err != nil {
				t.Fatal(err)
			}
			told, err := Play(s)
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, told)
			}
			if *update {
				if err := os.WriteFile(name, []byte(s.Head+told), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if told != s.Told {
				t.Errorf("%s: it went otherwise; look at it, and if it is right: go test ./sim -run Stories -update\n%s", name, told)
			}
			if n := strings.Count(s.Head+told, "\n"); n > storyLinesMax {
				t.Errorf("%s has %d lines; a story is at most %d long", name, n, storyLinesMax)
			}
		})
	}
}
