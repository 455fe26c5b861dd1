package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"veche/raft"
	"veche/wal"
)

const recoverLong = `Make a new cluster of one server out of the data directory of a survivor, when a
majority of the members is lost for good. Nothing else helps then: without a
majority nobody may decide anything.

This says what may be lost, asks, and writes a new data directory in the place of
the old one, which is kept beside it. The new cluster has an id of its own, so
that no old member can speak to it. Start the server with the command line that
it had; the others join with empty data directories: veche serve --join.

If several members survive, look at each with --dry-run, and recover the one
whose last entry has the highest term, and among those the highest index. Never
recover two, and never start the lost members again: with their old disks they
would still be the old cluster.

The server must not run.`

// recovery is the data directory of a survivor, and what is to become of it.
type recovery struct {
	dir, to string // to: where the new directory goes; empty: in the place of dir
	dryRun  bool
	yes     bool
	in      io.Reader
	out     io.Writer

	old    *origin // from its file, or nil
	id     wal.Identity
	disk   raft.Restored
	config raft.Configuration // the latest of the log
	self   raft.Member
}

func recoverCommand() *cobra.Command {
	var r recovery
	cmd := &cobra.Command{
		Use: "recover", Short: "Make a new cluster out of one survivor, when the majority is lost for good", Long: recoverLong, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r.in, r.out = cmd.InOrStdin(), cmd.OutOrStdout()
			if r.dir == "" {
				return usagef("say with --data-dir which data directory has survived")
			}
			return r.run()
		},
	}
	cmd.Flags().StringVar(&r.dir, "data-dir", "", "the data directory of the survivor")
	cmd.Flags().StringVar(&r.to, "to", "", "write the new data directory there, and leave the old one where it is")
	cmd.Flags().BoolVar(&r.dryRun, "dry-run", false, "only say what would be kept and what may be lost")
	cmd.Flags().BoolVar(&r.yes, "yes", false, "do not ask")
	return cmd
}

func (r *recovery) run() error {
	r.dir = filepath.Clean(r.dir)
	if done, err := r.resume(); done || err != nil {
		return err
	}
	log, err := r.open()
	if err != nil {
		return err
	}
	defer log.Close()
	if err := r.examine(log); err != nil {
		return err
	}
	r.explain()
	if r.dryRun {
		return nil
	}
	if err := r.ask(); err != nil {
		return err
	}
	o := r.successor()
	fresh := r.dir + ".recovering"
	if r.to != "" {
		fresh = r.to
	}
	if err := r.write(log, fresh, o); err != nil {
		return &exitError{exitFailed, fmt.Sprintf("the new data directory %s cannot be written: %v; the old one is as it was", fresh, err)}
	}
	if err := log.Close(); err != nil {
		return &exitError{exitFailed, err.Error()}
	}
	if r.to != "" {
		return r.done(r.to, r.dir)
	}
	return r.swap(fresh)
}

// resume finishes a recovery that was cut off between its two renames.
func (r *recovery) resume() (bool, error) {
	fresh := r.dir + ".recovering"
	_, dir := os.Stat(r.dir)
	o, err := loadOrigin(fresh)
	if r.to != "" || !errors.Is(dir, os.ErrNotExist) || err != nil || o == nil {
		return false, nil
	}
	fmt.Fprintf(r.out, "going on with a recovery that was interrupted\n")
	if err := errors.Join(os.Rename(fresh, r.dir), syncDir(filepath.Dir(r.dir))); err != nil {
		return false, &exitError{exitFailed, fmt.Sprintf("%s cannot be renamed to %s: %v", fresh, r.dir, err)}
	}
	return true, r.done(r.dir, r.dir+".before-recovery")
}

// open takes the survivor's log.
func (r *recovery) open() (*wal.Log, error) {
	if err := checkDataDir(r.dir); err != nil {
		return nil, err
	}
	var err error
	if r.old, err = loadOrigin(r.dir); err != nil {
		return nil, err
	}
	id, found, err := wal.ReadIdentity(wal.OS(), r.dir)
	switch {
	case err != nil:
		return nil, &exitError{exitFailed, err.Error()}
	case !found:
		return nil, usagef("%s is no data directory of a server: it has no identity", r.dir)
	}
	r.id = id
	log, err := wal.Open(wal.OS(), r.dir, id, wal.Options{Random: random64, Salvage: true})
	if err != nil {
		return nil, &exitError{dataDirCode(err), err.Error()}
	}
	return log, nil
}

// examine reads what the survivor has, and refuses what cannot be recovered.
func (r *recovery) examine(log *wal.Log) error {
	r.disk = log.Restored(theGroup)
	d := &r.disk
	var found bool
	r.config, found = latestConfiguration(d)
	if !found && r.old != nil {
		r.config, found = r.old.Initial, true
	}
	switch {
	case r.old != nil && r.old.Removed:
		return r.old.removedError(r.dir)
	case d.Hard.Standing == raft.Fresh:
		return &exitError{exitFailed, fmt.Sprintf("%s was never admitted to its cluster, so it has nothing that the cluster promised anybody; recover another member", r.id.Name)}
	case !found:
		return &exitError{exitFailed, fmt.Sprintf("%s holds no configuration of its cluster yet; recover another member", r.dir)}
	}
	if r.self, found = r.config.Member(r.id.Member); !found {
		return &exitError{exitFailed, fmt.Sprintf("%s is no member of the cluster by its own log; recover a member", r.id.Name)}
	}
	if len(r.config.Voters) == 1 && r.config.Voters[0] == r.self.ID && len(r.config.Outgoing) == 0 {
		return usagef("%s is the only voter of its cluster, so no majority is lost; start it with veche serve", r.self.Name)
	}
	return nil
}

// latestConfiguration is the one in force on a disk.
func latestConfiguration(d *raft.Restored) (c raft.Configuration, found bool) {
	if d.Cut.Index > 0 {
		c, found = d.Cut.Config, true
	}
	if d.Snapshot.Index > d.Cut.Index {
		c, found = d.Snapshot.Config, true
	}
	for k := range d.Entries {
		e := &d.Entries[k]
		var next raft.Configuration
		if e.Kind == raft.EntryConfig && e.Index > d.Snapshot.Index && raft.DecodeConfiguration(e.Data, &next) == nil {
			c, found = next, true
		}
	}
	return c, found
}

// last is the place where the survivor's log ends.
func (r *recovery) last() (raft.Index, raft.Term) {
	if n := len(r.disk.Entries); n > 0 {
		return r.disk.Entries[n-1].Index, r.disk.Entries[n-1].Term
	}
	return r.disk.Cut.Index, r.disk.Cut.Term
}

// explain says what is kept, what may be lost, and who is dropped.
func (r *recovery) explain() {
	last, term := r.last()
	sure := r.disk.Snapshot.Index
	fmt.Fprintf(r.out, "%s, id %x, of cluster %x\n", r.self.Name, uint64(r.self.ID), r.id.Cluster[:])
	fmt.Fprintf(r.out, "its log ends with entry %d of term %d\n\n", last, term)
	if sure > 0 {
		fmt.Fprintf(r.out, "  kept, and committed for certain   entries 1 to %d, which its snapshot holds\n", sure)
	}
	if last > sure {
		fmt.Fprintf(r.out, "  kept, perhaps never committed     entries %d to %d: a client may have been told of them, or of their failure\n", sure+1, last)
	}
	fmt.Fprintf(r.out, "  lost                              whatever the lost members acknowledged behind entry %d\n", last)
	if r.disk.Damaged {
		fmt.Fprintf(r.out, "  lost as well                      entries that this disk had confirmed and cannot be read any more\n")
	}
	var dropped []string
	for _, m := range r.config.Members {
		if m.ID != r.self.ID {
			dropped = append(dropped, fmt.Sprintf("%s (%x, %s)", m.Name, uint64(m.ID), m.PeerAddr))
		}
	}
	fmt.Fprintf(r.out, "  dropped members                   %s\n\n", strings.Join(dropped, ", "))
}

// ask has a person confirm.
func (r *recovery) ask() error {
	if r.yes {
		return nil
	}
	fmt.Fprint(r.out, "Are the dropped members lost for good, and no other survivor has more? Type yes to go on: ")
	line, err := bufio.NewReader(r.in).ReadString('\n')
	if strings.TrimSpace(line) == "yes" {
		return nil
	}
	fmt.Fprintln(r.out)
	if err != nil {
		return usagef("nothing was changed; say --yes where nobody can be asked")
	}
	return &exitError{exitFailed, "nothing was changed"}
}

// successor is who the survivor will be. The id of the cluster is drawn at
// random besides, so that two survivors that are recovered by mistake do not
// take each other for members.
func (r *recovery) successor() *origin {
	o := &origin{Self: r.self.ID, Name: r.self.Name, Of: r.id.Cluster, Epoch: 1}
	if r.id.Name != "" {
		o.Name = r.id.Name
	}
	if r.old != nil {
		o.Joined, o.Epoch = r.old.Joined, r.old.Epoch+1
		if r.old.Of != (raft.ClusterID{}) {
			o.Of = r.old.Of // what the command line names
		}
	}
	buf := append([]byte("veche epoch 1"), r.id.Cluster[:]...)
	for _, n := range []uint64{o.Epoch, random64(), random64()} {
		buf = binary.BigEndian.AppendUint64(buf, n)
	}
	sum := sha256.Sum256(buf)
	o.Cluster = raft.ClusterID(sum[:16])
	return o
}

// write makes the new data directory: the snapshot and all entries, and behind
// them the new configuration. Its origin is written last: with it the directory
// is whole.
func (r *recovery) write(old *wal.Log, dir string, o *origin) error {
	if r.to != "" {
		if names, err := os.ReadDir(dir); err == nil && len(names) > 0 {
			return errors.New("it is not empty")
		}
	} else if err := os.RemoveAll(dir); err != nil { // of an attempt that was cut off
		return err
	}
	id := wal.Identity{Cluster: o.Cluster, Member: o.Self, Name: o.Name}
	err := old.Rewrite(dir, id, wal.Options{Random: random64}, func(_ raft.GroupID, d *raft.Restored, disk raft.Incarnation) raft.Write {
		o.Initial = r.alone(disk)
		last, _ := r.last()
		hard := raft.HardState{Term: d.Hard.Term + 1, Vote: r.self.ID, Standing: raft.Admitted} // a term of its own
		return raft.Write{HardChanged: true, Hard: hard, Entries: []raft.Entry{
			{Index: last + 1, Term: hard.Term, Kind: raft.EntryConfig, Data: raft.AppendConfiguration(nil, &o.Initial)}}}
	})
	if err != nil {
		return err
	}
	return o.save(dir)
}

// alone is the configuration with the survivor only. The ids of the others are
// never used again.
func (r *recovery) alone(incarnation raft.Incarnation) raft.Configuration {
	self := r.self
	self.Incarnation = incarnation
	c := raft.Configuration{Members: []raft.Member{self}, Voters: []raft.NodeID{self.ID}, Removed: slices.Clone(r.config.Removed)}
	for _, m := range r.config.Members {
		if m.ID != self.ID {
			c.Removed = append(c.Removed, m.ID)
		}
	}
	c.Removed = c.Removed[max(0, len(c.Removed)-removedKept):]
	return c
}

// swap puts the new directory in the place of the old one.
func (r *recovery) swap(fresh string) error {
	kept := r.dir + ".before-recovery"
	for n := 2; ; n++ {
		if _, err := os.Lstat(kept); errors.Is(err, os.ErrNotExist) {
			break
		}
		kept = fmt.Sprintf("%s.before-recovery-%d", r.dir, n)
	}
	if err := os.Rename(r.dir, kept); err != nil {
		return &exitError{exitFailed, fmt.Sprintf("%s cannot be renamed (%v); the new directory is whole at %s, and --to writes it elsewhere from the start", r.dir, plainLinkError(err), fresh)}
	}
	if err := errors.Join(os.Rename(fresh, r.dir), syncDir(filepath.Dir(r.dir))); err != nil {
		return &exitError{exitFailed, fmt.Sprintf("%s cannot be renamed to %s: %v; do it by hand, or run this once more", fresh, r.dir, err)}
	}
	return r.done(r.dir, kept)
}

func plainLinkError(err error) error {
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

// done says what to do next.
func (r *recovery) done(dir, kept string) error {
	o, err := loadOrigin(dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(r.out, `%s is a cluster of one now, of id %x and epoch %d
  the new data directory   %s
  the old one, kept        %s
Start the server with the command line that it had. The other servers join with
empty data directories: veche serve --name NAME --join CLIENT-ADDRESS-OF-%s
`, o.Name, o.Cluster[:], o.Epoch, dir, kept, strings.ToUpper(o.Name))
	return nil
}
