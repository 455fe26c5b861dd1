package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"veche/server"
)

const transferLong = `Hand leadership over, to a voter that is named or to the one that is best suited.
The leader first brings the other up to date; writes wait meanwhile. Ask any
member.`

func transferCommand() *cobra.Command {
	var m memberCall
	var to string
	cmd := &cobra.Command{
		Use: "transfer", Short: "Hand leadership over to another member", Long: transferLong, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := m.look(cmd.Context())
			if err != nil {
				return err
			}
			var q server.TransferRequest
			if to != "" {
				x, err := findMember(r, to)
				switch {
				case err != nil:
					return err
				case x.Learner:
					return usagef("%s is a learner and cannot lead; promote it first: veche member promote %s", nameOrID(x.Name, x.ID), nameOrID(x.Name, x.ID))
				}
				q.To = x.ID
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), m.timeout)
			defer cancel()
			moved, err := server.Transfer(ctx, m.answered, &q)
			switch {
			case err != nil:
				return &exitError{exitFailed, "leadership did not move: " + changeText(err)}
			case moved.From.ID == moved.To.ID:
				fmt.Fprintf(m.out, "%s leads already\n", nameOrID(moved.To.Name, moved.To.ID))
			default:
				fmt.Fprintf(m.out, "%s handed over to %s, which leads in term %d\n", nameOrID(moved.From.Name, moved.From.ID), nameOrID(moved.To.Name, moved.To.ID), moved.Term)
			}
			return nil
		},
	}
	m.flags(cmd)
	cmd.Flags().StringVar(&to, "to", "", "the member that is to lead, by name, id or address (default: the one with the most of the log)")
	return cmd
}
