package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"veche/raft"
)

// origin says who a server is, and with which configuration its log begins. The
// founders of a cluster compute theirs from --initial-cluster; a server that
// joined, was recovered or was removed keeps its own in a file beside the log.
type origin struct {
	Cluster raft.ClusterID
	Self    raft.NodeID
	Name    string
	Initial raft.Configuration
	Joined  bool // the cluster was there before this server
	Promote bool // a learner that becomes a voter once it has caught up
	Removed bool // it must not be started again
	// Of is the cluster that this one was recovered from, Epoch how often that
	// happened since the founders.
	Of    raft.ClusterID
	Epoch uint64
}

// originName is the file in the data directory.
const originName = "origin"

// originFile is how it is written. Sum is of everything else.
type originFile struct {
	Format        int    `json:"format"`
	Cluster       string `json:"cluster"`
	Member        string `json:"member"`
	Name          string `json:"name"`
	Joined        bool   `json:"joined"`
	Promote       bool   `json:"promote"`
	Removed       bool   `json:"removed"`
	Of            string `json:"of,omitempty"`
	Epoch         uint64 `json:"epoch,omitempty"`
	Configuration []byte `json:"configuration"`
	Sum           uint32 `json:"sum"`
}

// founder is the origin of a server that stands in --initial-cluster.
func (c *serveConfig) founder() *origin {
	id := clusterID(c.peers, c.ClusterToken)
	o := &origin{Cluster: id, Self: memberID(id, c.Name), Name: c.Name}
	for _, p := range c.peers {
		m := raft.Member{ID: memberID(id, p.Name), Name: p.Name, PeerAddr: p.Addr}
		o.Initial.Members = append(o.Initial.Members, m)
		o.Initial.Voters = append(o.Initial.Voters, m.ID)
	}
	slices.Sort(o.Initial.Voters)
	slices.SortFunc(o.Initial.Members, func(a, b raft.Member) int {
		if a.ID < b.ID {
			return -1
		}
		return 1 // ids differ, or check would have found equal names
	})
	return o
}

// loadOrigin reads the file of a data directory; nil when there is none.
func loadOrigin(dir string) (*origin, error) {
	name := filepath.Join(dir, originName)
	raw, err := readBounded(name, maxOriginBytes)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &exitError{exitFailed, fmt.Sprintf("%s cannot be read: %v", name, err)}
	}
	o, err := decodeOrigin(raw)
	if err != nil {
		return nil, &exitError{exitFailed, fmt.Sprintf("%s is damaged (%v): restore it from a copy, or remove this member, delete the directory and join again", name, err)}
	}
	return o, nil
}

func decodeOrigin(raw []byte) (*origin, error) {
	var f originFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, errors.New("it is not JSON")
	}
	sum := f.Sum
	if f.Sum = 0; f.sum() != sum {
		return nil, errors.New("its checksum is wrong")
	}
	o := &origin{Name: f.Name, Joined: f.Joined, Promote: f.Promote, Removed: f.Removed, Epoch: f.Epoch}
	member, err := strconv.ParseUint(f.Member, 16, 64)
	switch {
	case f.Format != 1:
		return nil, fmt.Errorf("its format is number %d, and this program knows only 1", f.Format)
	case err != nil || member == 0:
		return nil, errors.New("its member is no id")
	case !decodeCluster(f.Cluster, &o.Cluster), f.Of != "" && !decodeCluster(f.Of, &o.Of):
		return nil, errors.New("its cluster is no id")
	}
	o.Self = raft.NodeID(member)
	if err := raft.DecodeConfiguration(f.Configuration, &o.Initial); err != nil {
		return nil, err
	}
	return o, nil
}

func decodeCluster(text string, into *raft.ClusterID) bool {
	b, err := hex.DecodeString(text)
	return err == nil && copy(into[:], b) == len(into) && len(b) == len(into)
}

func (f *originFile) sum() uint32 {
	b, err := json.Marshal(f)
	if err != nil {
		return 0 // strings, numbers and bytes always marshal
	}
	return crc32.ChecksumIEEE(b)
}

// save makes the file of a data directory durable, all at once; the directory is
// made when there is none.
func (o *origin) save(dir string) error {
	f := originFile{Format: 1, Cluster: hex.EncodeToString(o.Cluster[:]), Member: fmt.Sprintf("%x", uint64(o.Self)), Name: o.Name,
		Joined: o.Joined, Promote: o.Promote, Removed: o.Removed, Epoch: o.Epoch,
		Configuration: raft.AppendConfiguration(nil, &o.Initial)}
	if o.Of != (raft.ClusterID{}) {
		f.Of = hex.EncodeToString(o.Of[:])
	}
	f.Sum = f.sum()
	b, err := json.MarshalIndent(&f, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name := filepath.Join(dir, originName)
	if err := writeSynced(name+".tmp", append(b, '\n')); err != nil {
		return err
	}
	if err := os.Rename(name+".tmp", name); err != nil {
		return err
	}
	return syncDir(dir)
}

// writeSynced writes a file and makes it durable, without its name.
func writeSynced(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// removedError is what a removed server says, at its end and at every start.
func (o *origin) removedError(dir string) error {
	return &exitError{exitRemoved, fmt.Sprintf("%s was removed from the cluster and serves no more; its data directory %s is of no use any more: delete it, and if this server is to come back, join with an empty one", o.Name, dir)}
}
