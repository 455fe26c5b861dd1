package main

import (
	"fmt"
	"io"
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
	cmd := &cobra.Command{
		Use:   "links",
		Short: "Let links fail, and see whether the cluster stays calm",
		Long:  linksLong,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if seeds < 1 || seeds > maxLinkSeeds {
				return usagef("--seeds is %d; it must be from 1 to %d", seeds, maxLinkSeeds)
			}
			return simLinks(seeds, cmd.OutOrStdout())
		},
	}
	cmd.Flags().IntVar(&seeds, "seeds", 5, "how many seeds for each fault and place of the leader")
	return cmd
}

// simLinks prints the table. It fails if the cluster as it serves does not come
// through.
func simLinks(seeds int, out io.Writer) error {
	t := table{header: []string{"FAULT", "RULES", "CHANGES", "TERMS", "COMMITTED", "GAP", "VERDICT"}, colour: wantsColour(out)}
	failed := ""
	for _, f := range lab.LinkFaults() {
		name := f.Name
		for _, r := range lab.AllRules() {
			res := lab.RunLinks(&f, r, seeds)
			if res.Broken != nil {
				return &exitError{exitFailed, f.Name + ": " + res.Broken.Error()}
			}
			if r.PreVote && r.CheckQuorum && res.Verdict > lab.Recovered {
				failed = f.Name
			}
			t.rows = append(t.rows, []cell{{text: name}, {text: r.String()}, {text: strconv.Itoa(res.Changes), right: true},
				{text: strconv.FormatUint(uint64(res.Terms), 10), right: true},
				{text: fmt.Sprintf("%d/%d", res.Committed, res.Proposed), right: true},
				{text: fmt.Sprintf("%.2f s", float64(res.Gap)/float64(raft.Second)), right: true}, {text: res.Verdict.String()}})
			name = ""
		}
	}
	io.WriteString(out, t.String())
	fmt.Fprintln(out)
	for _, f := range lab.LinkFaults() {
		fmt.Fprintf(out, "%s: %s.\n", f.Name, f.What)
	}
	fmt.Fprintf(out, "CHANGES of the leader in the last 30 of the 60 s after the fault; TERMS used since it began;\n"+
		"COMMITTED of the proposals in these 60 s, one every 100 ms; GAP, the longest time without a commit.\n"+
		"The worst of %d seeds for each place at which the leader may stand.\n", seeds)
	if !raft.LabBuild {
		fmt.Fprintln(out, "Both PreVote and CheckQuorum hold here. What happens without them: make links.")
	}
	if failed != "" {
		return &exitError{exitFailed, "the cluster does not come through: " + failed}
	}
	return nil
}
