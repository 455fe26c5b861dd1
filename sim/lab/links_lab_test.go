//go:build lab

package lab

import (
	"bytes"
	"os"
	"testing"
)

// Goal: the lab shows what each rule is good for, and each is needed. Method: the
// faults with one rule missing, or both; the verdict is the one that the rule is
// there to prevent.
func TestLinksLab_EachMissingRuleShows(t *testing.T) {
	neither, preVote, checkQuorum := Rules{}, Rules{PreVote: true}, Rules{CheckQuorum: true}
	for _, c := range []struct {
		fault string
		rules Rules
		want  Verdict
	}{
		{"hub", preVote, Powerless},
		{"chain of three", preVote, Powerless},
		{"deaf leader", preVote, Powerless},
		{"deaf leader", neither, Powerless},
		{"tails", neither, Restless},
		{"long-isolated rejoins", neither, TermsGrow},
		{"tails", checkQuorum, TermsGrow},
		{"deaf leader", checkQuorum, TermsGrow},
		{"long-isolated rejoins", checkQuorum, TermsGrow},
		{"one dead link", checkQuorum, TermsGrow},
	} {
		f := faultNamed(t, c.fault)
		got := RunLinks(f, c.rules, 2)
		if got.Verdict != c.want {
			t.Errorf("%s with %v: %v, not %v", c.fault, c.rules, got.Verdict, c.want)
		}
		switch {
		case c.want == Powerless && got.Committed != 0:
			t.Errorf("%s with %v: stuck, and %d committed", c.fault, c.rules, got.Committed)
		case c.want == TermsGrow && got.Terms < 100:
			t.Errorf("%s with %v: only %d terms", c.fault, c.rules, got.Terms)
		case c.want == Restless && got.Changes < 20:
			t.Errorf("%s with %v: only %d changes of the leader", c.fault, c.rules, got.Changes)
		}
		if got.Broken != nil { // safety needs none of the two rules
			t.Errorf("%s with %v: %v", c.fault, c.rules, got.Broken)
		}
	}
}

func faultNamed(t *testing.T, name string) *LinkFault {
	t.Helper()
	for _, f := range LinkFaults() {
		if f.Name == name {
			return &f
		}
	}
	t.Fatalf("there is no fault %s", name)
	return nil
}

// Goal: the page shows what is measured, and not what once was. Method: measure
// anew, with the same seeds, and compare with the file that the page loads.
func TestLinksLab_PageShowsWhatIsMeasured(t *testing.T) {
	got, err := LinksJSON(LinkFaults(), AllRules(), RunAllLinks(LinkSeeds), LinkSeeds)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../../page/web/links.json")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("page/web/links.json is not what is measured (%v); if this is right: go run -tags lab ./cmd/veche sim links --json page/web/links.json\n%s", err, got)
	}
}
