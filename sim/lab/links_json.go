package lab

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"veche/raft"
)

// LinkSeeds is how many seeds the table is measured with, for each place at which
// the leader may stand.
const LinkSeeds = 10

// linksTable is what the page draws; see page/web/links.json.
type linksTable struct {
	Seeds  int               `json:"seeds"`
	Nodes  int               `json:"nodes"`
	Watch  int               `json:"watch"` // seconds
	Rules  []string          `json:"rules"` // of the results of each fault, in order
	Faults []json.RawMessage `json:"faults"`
}

type linksLine struct {
	ID      string      `json:"id"`
	Leaders []int       `json:"leaders"` // places at which the leader may stand
	Cut     string      `json:"cut"`     // commands of stories: "S1>S4 S4>S1"
	Down    []int       `json:"down"`
	Back    int         `json:"back"` // a place that was cut off and is back: then the cuts are over; 0 none
	Results []linksCell `json:"results"`
}

type linksCell struct {
	Verdict   string `json:"verdict"`
	Changes   int    `json:"changes"`
	Terms     int    `json:"terms"`
	Committed int    `json:"committed"`
	Proposed  int    `json:"proposed"`
	Gap       int    `json:"gap"` // ms
}

// LinksJSON gives the table for the page: a line for each fault, a result for each
// combination of rules. Its words are in the texts of the page, by the ids.
func LinksJSON(faults []LinkFault, rules []Rules, results [][]LinkResult, seeds int) ([]byte, error) {
	t := linksTable{Seeds: seeds, Nodes: linkNodes, Watch: int(watchFor / raft.Second)}
	for _, r := range rules {
		t.Rules = append(t.Rules, r.id())
	}
	for i := range faults {
		f := &faults[i]
		line := linksLine{ID: strings.ReplaceAll(f.Name, " ", "-"), Leaders: f.leaders, Down: append([]int{}, f.down...), Back: f.isolate}
		var cuts []string
		for _, l := range f.cuts() {
			cuts = append(cuts, "S"+strconv.Itoa(l[0])+">S"+strconv.Itoa(l[1]))
		}
		line.Cut = strings.Join(cuts, " ")
		for k := range results[i] {
			r := &results[i][k]
			line.Results = append(line.Results, linksCell{r.Verdict.id(), r.Changes, int(r.Terms), r.Committed, r.Proposed, int(r.Gap / raft.Millisecond)})
		}
		text, err := json.Marshal(line)
		if err != nil {
			return nil, err
		}
		t.Faults = append(t.Faults, text)
	}
	text, err := json.Marshal(t)
	text = bytes.ReplaceAll(text, []byte(`\u003e`), []byte(">"))
	text = bytes.ReplaceAll(text, []byte(`{"id"`), []byte("\n{\"id\"")) // a line each, to be compared
	return append(text, '\n'), err
}

func (r Rules) id() string {
	switch r {
	case Rules{true, true}:
		return "both"
	case Rules{PreVote: true}:
		return "prevote"
	case Rules{CheckQuorum: true}:
		return "checkquorum"
	}
	return "neither"
}

func (v Verdict) id() string {
	return [...]string{"stable", "recovered", "terms-grow", "restless", "split", "leaderless", "powerless"}[v]
}
