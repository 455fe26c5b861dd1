package main

import (
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"veche/raft"
	"veche/sim/lab"
)

const linksLong = `Let links between five servers fail in seven ways, with a proposal every 100 ms, and
look at the cluster for 60 s after it. Each fault happens with the leader at every
place that matters, and the worst of all runs is shown.

PreVote: a server asks who would vote for it before it raises its term. CheckQuorum:
a leader that no majority answers gives up, and servers that hear a leader do not
listen to candidates. Both always hold; make links builds a laboratory in which
either can be missing, and shows all four combinations.`

// maxLinkSeeds bounds the runs of a fault: beyond it a number is a slip of the finger.
const maxLinkSeeds = 10_000

func simLinksCommand() *cobra.Command {
	var seeds int
	var svg, data string
	cmd := &cobra.Command{
		Use:   "links",
		Short: "Let links fail, and see whether the cluster stays calm",
		Long:  linksLong,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if seeds < 1 || seeds > maxLinkSeeds {
				return usagef("--seeds is %d; it must be from 1 to %d", seeds, maxLinkSeeds)
			}
			if err := simLinks(seeds, svg, data, cmd.OutOrStdout()); err != nil {
				return &exitError{exitFailed, err.Error()}
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&seeds, "seeds", lab.LinkSeeds, "how many seeds for each fault and place of the leader")
	cmd.Flags().StringVar(&svg, "svg", "", "draw the table into this file")
	cmd.Flags().StringVar(&data, "json", "", "write what the model's page shows into this file")
	return cmd
}

// simLinks prints the table. It fails if the cluster as it serves does not come
// through.
func simLinks(seeds int, svg, data string, out io.Writer) error {
	faults, rules := lab.LinkFaults(), lab.AllRules()
	results := lab.RunAllLinks(seeds)
	failed := ""
	for i, row := range results {
		for k := range row {
			if row[k].Broken != nil {
				return fmt.Errorf("%s: %w", faults[i].Name, row[k].Broken)
			}
			if rules[k].PreVote && rules[k].CheckQuorum && row[k].Verdict > lab.Recovered {
				failed = faults[i].Name
			}
		}
	}
	io.WriteString(out, linksTable(faults, rules, results, wantsColour(out)))
	fmt.Fprintf(out, "The worst of %d seeds for each place at which the leader may stand.\n", seeds)
	if !raft.LabBuild {
		fmt.Fprintln(out, "Both PreVote and CheckQuorum hold here. What happens without them: make links.")
	}
	if svg != "" {
		if err := os.WriteFile(svg, []byte(lab.PlotLinks(faults, rules, results)), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(out, "drawn into %s\n", svg)
	}
	if data != "" {
		text, err := lab.LinksJSON(faults, rules, results, seeds)
		if err == nil {
			err = os.WriteFile(data, text, 0o644)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "written into %s\n", data)
	}
	if failed != "" {
		return fmt.Errorf("the cluster does not come through: %s", failed)
	}
	return nil
}

func linksTable(faults []lab.LinkFault, rules []lab.Rules, results [][]lab.LinkResult, colour bool) string {
	t := table{header: []string{"FAULT", "RULES", "CHANGES", "TERMS", "COMMITTED", "GAP", "VERDICT"}, colour: colour}
	for i, f := range faults {
		name := f.Name
		for k, r := range rules {
			res := &results[i][k]
			t.rows = append(t.rows, []cell{{text: name}, {text: r.String()}, {text: strconv.Itoa(res.Changes), right: true},
				{text: strconv.FormatUint(uint64(res.Terms), 10), right: true},
				{text: fmt.Sprintf("%d/%d", res.Committed, res.Proposed), right: true},
				{text: fmt.Sprintf("%.2f s", float64(res.Gap)/float64(raft.Second)), right: true}, {text: res.Verdict.String()}})
			name = ""
		}
	}
	text := t.String() + "\n"
	for _, f := range faults {
		text += f.Name + ": " + f.What + ".\n"
	}
	return text + "CHANGES of the leader in the last 30 of the 60 s after the fault; TERMS used since it began;\n" +
		"COMMITTED of the proposals in these 60 s, one every 100 ms; GAP, the longest time without a commit.\n"
}
