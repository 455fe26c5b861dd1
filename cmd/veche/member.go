package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"veche/server"
)

const memberLong = `Look at the members of a cluster, and change them while it runs. A MEMBER is
called by its name, its id in hex, or one of its addresses. A change may be asked
of any member; the leader carries it out, and a majority has to agree.`

// memberCall is what every subcommand of veche member is told.
type memberCall struct {
	endpoints string
	timeout   time.Duration
	asked     []string // endpoints, parsed
	answered  string   // the one that look found
	out       io.Writer
	progress  io.Writer // for a person who waits
	tty       bool      // progress is a screen
}

func memberCommand() *cobra.Command {
	var m memberCall
	cmd := &cobra.Command{Use: "member", Short: "List the members of a cluster, add, promote, replace and remove them", Long: memberLong}
	m.flags(cmd)
	cmd.AddCommand(m.listCommand(), m.addCommand(), m.promoteCommand(), m.removeCommand(), m.replaceCommand(), m.updateCommand())
	return cmd
}

// flags declares what all subcommands share, and parses it before they run.
func (m *memberCall) flags(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&m.endpoints, "endpoints", "127.0.0.1:2379", "client addresses of members, with commas between; one that answers is enough")
	cmd.PersistentFlags().DurationVar(&m.timeout, "timeout", 10*time.Second, "how long to wait for each answer")
	cmd.PersistentPreRunE = func(cmd *cobra.Command, _ []string) (err error) {
		m.out, m.progress = cmd.OutOrStdout(), cmd.ErrOrStderr()
		m.tty = isTerminal(m.progress)
		if m.timeout <= 0 {
			return usagef("--timeout must be a positive time, like 10s")
		}
		if m.asked, err = parseEndpoints(m.endpoints); err != nil {
			return usagef("--endpoints: %v", err)
		}
		return nil
	}
}

// interruptible gives a context that ends with Ctrl-C.
func interruptible(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(cmd.Context(), syscall.SIGTERM, os.Interrupt)
}

func (m *memberCall) listCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "Show the members", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return usagef("-o is %q; it must be text or json", output)
			}
			r, err := m.look(cmd.Context())
			if err != nil {
				return err
			}
			if output == "json" {
				enc := json.NewEncoder(m.out)
				enc.SetIndent("", "  ")
				return enc.Encode(r.Members)
			}
			_, err = io.WriteString(m.out, memberTable(r, wantsColour(m.out)))
			return err
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

// memberTable shows the members as one of them knows them.
func memberTable(r *server.StatusReport, colour bool) string {
	t := table{header: []string{"NAME", "ID", "PART", "STARTED", "PRIORITY", "LEVEL", "PEER", "CLIENT"}, colour: colour}
	quiet := lipgloss.NewStyle().Faint(true)
	for _, x := range slices.SortedStableFunc(slices.Values(r.Members), func(a, b server.MemberReport) int { return strings.Compare(a.Name, b.Name) }) {
		row := []cell{{text: printable(x.Name)}, {text: x.ID.String()}, {text: partOf(&x)}, {text: map[bool]string{true: "yes", false: "no"}[x.Started]},
			{text: strconv.Itoa(int(x.Priority)), right: true}, {text: strconv.Itoa(x.Level), right: true}, {text: printable(x.Peer)}, {text: printable(x.Client)}}
		if x.Name == "" {
			row[0] = cell{text: "—", style: &quiet}
		}
		t.rows = append(t.rows, row)
	}
	text := t.String()
	switch {
	case r.Changing != nil:
		text += changingText(r.Changing) + "\n"
	case r.Pending:
		text += "a change of the members waits for a majority\n"
	}
	return text
}

// partOf says what a member counts.
func partOf(m *server.MemberReport) string {
	switch {
	case m.Learner:
		return "learner"
	case m.Leaving:
		return "leaving"
	}
	return "voter"
}

// changingText tells of a joint configuration.
func changingText(c *server.ChangingReport) string {
	names := func(list []server.Named) string {
		var all []string
		for _, n := range list {
			all = append(all, nameOrID(n.Name, n.ID))
		}
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("the voters change from %s to %s; until that is done, both majorities decide", names(c.Old), names(c.New))
}

func (m *memberCall) promoteCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "promote MEMBER", Short: "Make a learner that has caught up a voter", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return m.simple(cmd.Context(), "promote", args[0], force, "%s votes now")
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "also if it is behind, or too few voters answer")
	return cmd
}

func (m *memberCall) removeCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "remove MEMBER", Short: "Remove a member; its server stops, and its data directory is of no use any more", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return m.simple(cmd.Context(), "remove", args[0], force, "%s is no member any more; delete its data directory before a server joins from there again")
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "also if too few of the voters that stay answer")
	return cmd
}

// simple makes one change to one member, and says that it is done.
func (m *memberCall) simple(ctx context.Context, kind, who string, force bool, done string) error {
	r, err := m.look(ctx)
	if err != nil {
		return err
	}
	x, err := findMember(r, who)
	if err != nil {
		return err
	}
	if _, err := m.change(ctx, server.MemberChange{Kind: kind, ID: x.ID, Force: force}); err != nil {
		return err
	}
	fmt.Fprintf(m.out, done+"\n", nameOrID(x.Name, x.ID))
	return nil
}

func (m *memberCall) updateCommand() *cobra.Command {
	var name, peer, client string
	var prio priority
	cmd := &cobra.Command{
		Use: "update MEMBER", Short: "Record another name, address or priority of a member", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := server.MemberChange{Kind: "update", Name: name, Priority: prio.pointer()}
			switch {
			case name == "" && peer == "" && client == "" && !prio.set:
				return usagef("nothing is to be changed; say --name, --peer, --client or --priority")
			case name != "" && !goodName(name):
				return usagef("the name %q cannot be used; a name has 1 to %d letters, digits, dots, dashes or underscores", name, maxNameBytes)
			}
			var err error
			if q.Peer, err = memberAddr("--peer", peer); err != nil {
				return err
			}
			if q.Client, err = memberAddr("--client", client); err != nil {
				return err
			}
			r, err := m.look(cmd.Context())
			if err != nil {
				return err
			}
			x, err := findMember(r, args[0])
			if err != nil {
				return err
			}
			q.ID = x.ID
			if _, err := m.change(cmd.Context(), q); err != nil {
				return err
			}
			fmt.Fprintf(m.out, "%s is recorded anew\n", nameOrID(x.Name, x.ID))
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "its name")
	cmd.Flags().StringVar(&peer, "peer", "", "where the other servers dial it, host:port")
	cmd.Flags().StringVar(&client, "client", "", "where clients dial it, host:port; a server that runs says so itself")
	cmd.Flags().Var(&prio, "priority", "0 to 255: how gladly it is seen as leader")
	return cmd
}

// memberAddr reads an address that others can dial; http:// may stand before
// it. An empty one stays empty.
func memberAddr(what, s string) (string, error) {
	addr := strings.TrimPrefix(strings.TrimSpace(s), "http://")
	if addr == "" {
		return "", nil
	}
	peers, err := parsePeers("x=" + addr)
	if err != nil {
		return "", usagef("%s %q is no address that others can dial; it must have the form host:port", what, s)
	}
	return peers[0].Addr, nil
}

// look asks the endpoints, one after the other, until one answers.
func (m *memberCall) look(ctx context.Context) (*server.StatusReport, error) {
	var last string
	for _, e := range m.asked {
		ctx, cancel := context.WithTimeout(ctx, m.timeout)
		r, err := fetchReport(ctx, e)
		if err == nil {
			cancel()
			m.answered = e
			return r, nil
		}
		last = e + ": " + plainNetError(ctx, err)
		cancel()
	}
	return nil, &exitError{exitFailed, "no member answers; " + last}
}

// change asks for changes that happen all at once, of one endpoint after the
// other until one has an answer.
func (m *memberCall) change(ctx context.Context, changes ...server.MemberChange) (*server.ChangeReport, error) {
	for k := range changes {
		if changes[k].ID == 0 {
			changes[k].ID = server.ID(random64()) // the same in every try
		}
	}
	var last error
	for _, e := range m.asked {
		ctx, cancel := context.WithTimeout(ctx, m.timeout)
		r, err := server.Change(ctx, e, &server.ChangeRequest{Changes: changes, Again: last != nil})
		cancel()
		if err == nil {
			return r, nil
		}
		if last = err; isVerdict(err) {
			break
		}
	}
	return nil, &changeError{last}
}

// isVerdict says whether an error is the cluster's word, and no other member
// would say anything else.
func isVerdict(err error) bool {
	for word := range verdicts {
		if errors.Is(err, word) {
			return true
		}
	}
	return false
}

// verdicts are etcd's errors with what a person should know about them.
var verdicts = map[error]string{
	rpctypes.ErrGRPCMemberNotFound:         "there is no such member; see veche member list",
	rpctypes.ErrGRPCMemberExist:            "there is, or was, a member with that id; an id is never used again",
	rpctypes.ErrGRPCPeerURLExist:           "another member has that peer address; see veche member list",
	rpctypes.ErrGRPCMemberBadURLs:          "that is no address that others can dial; it must have the form host:port",
	rpctypes.ErrGRPCMemberNotLearner:       "it is no learner, so it cannot be promoted",
	rpctypes.ErrGRPCLearnerNotReady:        "it has not caught up with the leader; wait, or say --force to let it vote at once",
	rpctypes.ErrGRPCTooManyLearners:        "there are too many learners; promote or remove one first",
	rpctypes.ErrGRPCMemberNotEnoughStarted: "too few of the voters that there would be have ever been started; start them first, or add them as learners",
	rpctypes.ErrGRPCUnhealthy:              "too few of the voters that there would be answer the leader; start them first, or say --force",
}

// changeError is a change that was refused, in words for a person.
type changeError struct{ err error }

// Error says what to do, if it is known.
func (e *changeError) Error() string {
	for word, text := range verdicts {
		if errors.Is(e.err, word) {
			return "nothing was changed: " + text
		}
	}
	return changeText(e.err)
}

// Unwrap gives the gRPC status.
func (e *changeError) Unwrap() error { return e.err }

// findMember finds a member by name, id or address.
func findMember(r *server.StatusReport, who string) (*server.MemberReport, error) {
	addr := strings.TrimPrefix(who, "http://")
	is := func(m server.MemberReport) bool {
		return who != "" && (m.Name == who || m.ID.String() == strings.ToLower(strings.TrimPrefix(who, "0x")) || m.Peer == addr || m.Client == addr)
	}
	// A name goes before an id that is spelled alike.
	at := slices.IndexFunc(r.Members, func(m server.MemberReport) bool { return m.Name != "" && m.Name == who })
	if at < 0 {
		at = slices.IndexFunc(r.Members, is)
	}
	if at >= 0 {
		return &r.Members[at], nil
	}
	var names []string
	for _, m := range r.Members {
		names = append(names, nameOrID(m.Name, m.ID))
	}
	return nil, usagef("no member is called %q; there are %s", printable(who), strings.Join(names, ", "))
}
