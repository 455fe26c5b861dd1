package scenes

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"veche/model"
	"veche/raft"
)

// pageRule is a line of page/web/rules.json.
type pageRule struct {
	Name    string   `json:"name"`
	Breaks  []string `json:"breaks"`
	Follows []string `json:"follows"`
	Scene   string   `json:"scene"`
}

// fromPage reads a JSON file of the page.
func fromPage(t *testing.T, name string, to any) {
	t.Helper()
	text, err := os.ReadFile("../../page/web/" + name)
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// sceneOf gives the scene with an ID; without one if there is none.
func sceneOf(id string) (found model.Scene) {
	for _, s := range All() {
		if s.ID == id {
			found = s
		}
	}
	return found
}

// Goal: the page says of the rules what the core says, and in both languages what
// each is, where it is told, and what breaks without it; and it offers a scene in
// which only this rule is left out. Method: compare the files with raft.LabRules.
func TestRules_PageHasThemAsTheCoreHas(t *testing.T) {
	var shown []pageRule
	fromPage(t, "rules.json", &shown)
	if len(shown) != len(raft.LabRules) {
		t.Fatalf("the page has %d rules, the core %d", len(shown), len(raft.LabRules))
	}
	for k, r := range raft.LabRules {
		p := shown[k]
		if p.Name != r.Name || !slices.Equal(p.Breaks, r.Breaks) || !slices.Equal(p.Follows, r.Follows) {
			t.Errorf("page/web/rules.json has %v; the core has %v", p, r)
		}
		if s := sceneOf(p.Scene); !slices.Equal(s.Without, []string{r.Name}) {
			t.Errorf("%s is to be shown by the scene %q, which leaves out %q", r.Name, p.Scene, s.Without)
		}
	}
	for _, lang := range languages {
		words := map[string]string{}
		fromPage(t, "text/lab."+lang+".json", &words)
		for _, r := range raft.LabRules {
			told := r.Section[strings.LastIndex(r.Section, " ")+1:] // §5.2, or the number of a figure
			if says := words["rule."+r.Name]; !strings.Contains(says, told) {
				t.Errorf("%s: %s is told in %s, but the text is %q", lang, r.Name, r.Section, says)
			}
			if words["rule."+r.Name+".name"] == "" || words["rule."+r.Name+".without"] == "" {
				t.Errorf("%s: %s has no name, or does not say what breaks without it", lang, r.Name)
			}
		}
	}
}
