package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"veche/server"
)

const memberAddLong = `Add a member that others dial at PEER (host:port): first as a learner, which is sent
the data and counts nowhere; this command shows how far it is, and makes it a
voter once it has caught up. Start its server, before or after, with the same
peer address and --join.

A server that is started with --join, without this command, adds and promotes
itself.`

const memberReplaceLong = `Put a new server in the place of MEMBER: add the one that others dial at PEER
(host:port) as a learner, wait until it has caught up, and then, in one step that
happens as a whole or not at all, make it a voter and remove the old one. The
cluster never has fewer voters than before.

If this is interrupted, the same command goes on where it stopped.`

// addition is a newcomer and what is to become of it.
type addition struct {
	name, peer string
	old        *server.MemberReport // to be replaced; nil: none is
	learner    bool                 // it stays one
	detach     bool
	again      string // the command that goes on with it
}

func (m *memberCall) addCommand() *cobra.Command {
	var a addition
	cmd := &cobra.Command{
		Use: "add PEER", Short: "Add a member, wait until it has caught up, and let it vote", Long: memberAddLong, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.check(args[0]); err != nil {
				return err
			}
			a.again = "veche member add " + a.peer + m.endpointsText()
			ctx, stop := interruptible(cmd)
			defer stop()
			return m.add(ctx, &a)
		},
	}
	cmd.Flags().StringVar(&a.name, "name", "", "its name (default: its server tells it)")
	cmd.Flags().BoolVar(&a.learner, "learner", false, "leave it a learner")
	cmd.Flags().BoolVar(&a.detach, "detach", false, "add it and wait for nothing")
	return cmd
}

func (m *memberCall) replaceCommand() *cobra.Command {
	var a addition
	cmd := &cobra.Command{
		Use: "replace MEMBER PEER", Short: "Put a new server in the place of a member, in one step once it has caught up", Long: memberReplaceLong, Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.check(args[1]); err != nil {
				return err
			}
			r, err := m.look(cmd.Context())
			if err != nil {
				return err
			}
			if a.old, err = findMember(r, args[0]); err != nil {
				return err
			}
			if a.old.Peer == a.peer {
				return usagef("%s is at %s itself; a replacement needs an address and a data directory of its own", nameOrID(a.old.Name, a.old.ID), a.peer)
			}
			a.again = "veche member replace " + args[0] + " " + a.peer + m.endpointsText()
			ctx, stop := interruptible(cmd)
			defer stop()
			return m.add(ctx, &a)
		},
	}
	cmd.Flags().StringVar(&a.name, "name", "", "the name of the new one (default: its server tells it)")
	return cmd
}

// endpointsText repeats --endpoints in a command to copy.
func (m *memberCall) endpointsText() string {
	if m.endpoints == "127.0.0.1:2379" {
		return ""
	}
	return " --endpoints " + m.endpoints
}

func (a *addition) check(peer string) (err error) {
	if a.peer, err = memberAddr("the peer address", peer); err != nil {
		return err
	}
	if a.peer == "" {
		return usagef("the peer address is empty; say where the other servers dial the new one, host:port")
	}
	if a.name != "" && !goodName(a.name) {
		return usagef("the name %q cannot be used; a name has 1 to %d letters, digits, dots, dashes or underscores", a.name, maxNameBytes)
	}
	return nil
}

// add carries an addition out, or goes on with one that was begun.
func (m *memberCall) add(ctx context.Context, a *addition) error {
	x, err := m.begin(ctx, a)
	if err != nil {
		return err
	}
	if a.detach {
		fmt.Fprintf(m.out, "it stays a learner until you say: veche member promote %x%s\n", uint64(x.ID), m.endpointsText())
		return nil
	}
	if x.Learner {
		if err := m.awaitCaughtUp(ctx, x); err != nil {
			return m.left(a, x, err)
		}
	}
	switch {
	case a.old != nil:
		err = m.swap(ctx, a, x)
	case a.learner:
		fmt.Fprintf(m.out, "%s has caught up, and stays a learner\n", m.nameNow(ctx, x))
	case x.Learner:
		if err = m.finish(ctx, server.MemberChange{Kind: "promote", ID: x.ID}); err == nil {
			fmt.Fprintf(m.out, "%s has caught up, and votes now\n", m.nameNow(ctx, x))
		}
	default:
		fmt.Fprintf(m.out, "%s votes already\n", m.nameNow(ctx, x))
	}
	if err != nil {
		return m.left(a, x, err)
	}
	return nil
}

// begin adds the newcomer as a learner, unless it is a member already.
func (m *memberCall) begin(ctx context.Context, a *addition) (*server.MemberReport, error) {
	r, err := m.look(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(r.Members, func(x server.MemberReport) bool { return x.Peer == a.peer })
	if at >= 0 {
		fmt.Fprintf(m.out, "%s is a member already, as %s; going on with it\n", a.peer, partOf(&r.Members[at]))
		return &r.Members[at], nil
	}
	report, err := m.change(ctx, server.MemberChange{Kind: "add-learner", Name: a.name, Peer: a.peer})
	if err != nil {
		return nil, err
	}
	at = slices.IndexFunc(report.Members, func(x server.MemberReport) bool { return x.Peer == a.peer })
	if at < 0 {
		return nil, &exitError{exitFailed, "the new member was removed again by somebody else"}
	}
	x := &report.Members[at]
	name := a.name
	if name == "" {
		name = "NAME"
	}
	fmt.Fprintf(m.out, "added %s as a learner with the id %x; if its server does not run yet, start it there:\n  veche serve --name %s --listen-peer %s --join %s\n",
		a.peer, uint64(x.ID), name, a.peer, strings.Join(m.asked, ","))
	return x, nil
}

// swap makes the newcomer a voter and removes the old member, at once; in two
// steps while a program in the cluster is too old for that.
func (m *memberCall) swap(ctx context.Context, a *addition, x *server.MemberReport) error {
	promote, remove := server.MemberChange{Kind: "promote", ID: x.ID}, server.MemberChange{Kind: "remove", ID: a.old.ID}
	old := nameOrID(a.old.Name, a.old.ID)
	if !x.Learner {
		if err := m.finish(ctx, remove); err != nil {
			return err
		}
		fmt.Fprintf(m.out, "%s has taken the place of %s\n", m.nameNow(ctx, x), old)
		return nil
	}
	err := m.finish(ctx, promote, remove)
	if errors.Is(err, server.ErrLevel) {
		fmt.Fprintln(m.progress, "a member's program is too old to do both at once; first the one, then the other")
		if err = m.finish(ctx, promote); err == nil {
			err = m.finish(ctx, remove)
		}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(m.out, "%s has taken the place of %s\n", m.nameNow(ctx, x), old)
	return nil
}

// finish makes a change whose learner had caught up a moment ago; when it has
// fallen behind again it is asked for once more.
func (m *memberCall) finish(ctx context.Context, changes ...server.MemberChange) error {
	for {
		_, err := m.change(ctx, changes...)
		if !isNotReady(err) {
			return err
		}
		t := time.NewTimer(memberPause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return err
		}
	}
}

// left says in which state an addition was left, and how to go on.
func (m *memberCall) left(a *addition, x *server.MemberReport, err error) error {
	why := err.Error()
	if errors.Is(err, context.Canceled) {
		why = "interrupted"
	}
	state := "is a learner: it gets the data and counts nowhere"
	ctx, cancel := context.WithTimeout(context.Background(), m.timeout) // ctx may have ended
	defer cancel()
	var now *server.MemberReport
	if r, e := m.look(ctx); e == nil {
		if now, e = findMember(r, x.ID.String()); e != nil {
			return &exitError{exitFailed, why + "; the new member is none any more: somebody has removed it"}
		}
		if !now.Learner {
			state = "votes"
		}
	} else {
		state = "was a learner when it was last seen"
	}
	name := nameOrID(x.Name, x.ID)
	text := fmt.Sprintf("%s; %s %s", why, name, state)
	if a.old != nil {
		text += fmt.Sprintf(", and %s is still a member", nameOrID(a.old.Name, a.old.ID))
	}
	return &exitError{exitFailed, fmt.Sprintf("%s\n  to go on:     %s\n  to undo it:   veche member remove %x%s", text, a.again, uint64(x.ID), m.endpointsText())}
}

// nameNow is what the member is called by now: its server may have told.
func (m *memberCall) nameNow(ctx context.Context, x *server.MemberReport) string {
	if r, err := m.look(ctx); err == nil {
		if now, err := findMember(r, x.ID.String()); err == nil {
			x = now
		}
	}
	return nameOrID(x.Name, x.ID)
}
