package scenes

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"veche/model"
)

// Goal: a talk can be given by its outline. Method: every scene that it opens is
// there, and the six of the mission are opened.
func TestScenes_TalkOpensScenesThatExist(t *testing.T) {
	text, err := os.ReadFile("../../docs/talk.md")
	if err != nil {
		t.Fatal(err)
	}
	all := All()
	opened := map[string]bool{}
	for _, m := range regexp.MustCompile("#s=([a-z0-9-]+)").FindAllStringSubmatch(string(text), -1) {
		opened[m[1]] = true
		if !slices.ContainsFunc(all, func(s model.Scene) bool { return s.ID == m[1] }) {
			t.Errorf("the talk opens the scene %s, which does not exist", m[1])
		}
	}
	for _, id := range []string{"cluster-start", "node-start", "replica-crash", "master-crash", "split-majority", "split-minority", "two-masters"} {
		if !opened[id] {
			t.Errorf("the talk does not open %s", id)
		}
	}
}
