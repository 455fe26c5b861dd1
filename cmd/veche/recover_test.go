package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"veche/wal"
)

// recover runs the subcommand, with what a person types.
func (w *town) recover(typed string, args ...string) (int, string) {
	w.t.Helper()
	var out bytes.Buffer
	root := rootCommand()
	root.SetArgs(append([]string{"recover"}, args...))
	root.SetIn(strings.NewReader(typed))
	root.SetOut(&out)
	root.SetErr(&out)
	code := exitOK
	if err := root.ExecuteContext(w.ctx); err != nil {
		code = exitFailed
		if e, ok := err.(*exitError); ok {
			code = e.code
		}
		out.WriteString(err.Error())
	}
	return code, out.String()
}

func TestRecover_SurvivorBeginsAnEpochOfItsOwn(t *testing.T) {
	// With a log that was cut, and with one that still holds all behind its snapshot.
	for name, maxLog := range map[string]string{"cut": "2MiB", "whole": "64MiB"} {
		t.Run(name, func(t *testing.T) { survive(t, maxLog) })
	}
}

func survive(t *testing.T, maxLog string) {
	// Two of three are killed and their disks deleted. The survivor is recovered:
	// it asks, keeps its old directory, has all its data, and serves by the command
	// line that it had. An old member that comes back from a copy of its disk is
	// heard by nobody; two new ones join.
	w := newTown(t, 3, 5, "--snapshot-bytes", "1MiB", "--max-log-bytes", maxLog)
	for _, key := range []string{"a", "b", "c"} {
		w.put(1, key)
	}
	large := strings.Repeat("x", 64<<10)
	for k := range 48 { // 3 MiB: a snapshot, a log that is cut, and some entries behind it
		mustPut(t, w.ctx, w.clients.kv[1], "large/"+string(rune('0'+k)), large)
	}
	w.put(1, "behind the snapshot")
	w.until("all have it", func(v []memberView) bool {
		return agreedLeader(v, 3) >= 0 && v[0].Applied == v[1].Applied && v[0].Applied == v[2].Applied
	})
	for i := range 3 {
		w.kill(i)
	}
	copied := w.nodes[2].dir + ".copy"
	if err := os.CopyFS(copied, os.DirFS(w.nodes[2].dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(copied, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 3; i++ {
		if err := os.RemoveAll(w.nodes[i].dir); err != nil {
			t.Fatal(err)
		}
	}
	dir := w.nodes[0].dir
	for _, x := range []struct {
		typed, want string
		code        int
		args        []string
	}{
		{"", "n2", exitOK, []string{"--dry-run"}},
		{"no\n", "nothing was changed", exitFailed, nil},
		{"", "--yes where nobody can be asked", exitUsage, nil},
	} {
		if code, text := w.recover(x.typed, append(x.args, "--data-dir", dir)...); code != x.code || !strings.Contains(text, x.want) {
			t.Fatalf("recover %v ended with %d: %s", x.args, code, text)
		}
	}
	before, _, err := wal.ReadIdentity(wal.OS(), dir)
	if err != nil {
		t.Fatal(err)
	}
	code, text := w.recover("yes\n", "--data-dir", dir)
	if code != exitOK {
		t.Fatalf("recover ended with %d: %s", code, text)
	}
	for _, want := range []string{"committed for certain", "perhaps never committed", "n2 (", "n3 (", "a cluster of one now", dir + ".before-recovery"} {
		if !strings.Contains(text, want) {
			t.Errorf("it did not say %q:\n%s", want, text)
		}
	}
	after, _, err := wal.ReadIdentity(wal.OS(), dir)
	if err != nil || after.Cluster == before.Cluster || after.Member != before.Member {
		t.Fatalf("it was %v, and is %v (%v)", before, after, err)
	}
	if kept, _, err := wal.ReadIdentity(wal.OS(), dir+".before-recovery"); err != nil || kept != before {
		t.Fatalf("what was kept is %v (%v)", kept, err)
	}

	w.launch(0)
	for _, key := range []string{"a", "b", "c"} {
		if !w.has(0, key) {
			t.Errorf("%s is lost", key)
		}
	}
	// An old member, from a copy of its disk: to itself it is still of the old cluster.
	if err := os.Rename(copied, w.nodes[2].dir); err != nil {
		t.Fatal(err)
	}
	w.launch(2)
	w.put(0, "after")
	w.until("the old member has tried", func(v []memberView) bool {
		text, err := os.ReadFile(filepath.Join(w.dir, "n1.log"))
		return err == nil && v[2].Err == "" && v[2].LeaderID == "" && strings.Contains(string(text), "another cluster")
	})
	for i := 3; i < 5; i++ {
		w.launch(i)
		w.until("it votes", func(v []memberView) bool { return votes(v[i]) })
	}
	if v := w.views(w.ctx); v[0].Voters != 3 || len(v[0].Members) != 3 || v[2].LeaderID != "" {
		t.Errorf("%d voters of %d members; the old one follows %q", v[0].Voters, len(v[0].Members), v[2].LeaderID)
	}
	w.kill(0)
	w.until("the new ones elect", func(v []memberView) bool {
		return agreedLeader(v[3:], 1) >= 0 && v[3].LeaderID == v[4].LeaderID && v[3].LeaderID != v[0].ID
	})
	for _, key := range []string{"a", "after", "large/0", "large/" + string(rune('0'+47))} {
		if !w.has(4, key) {
			t.Errorf("%s did not reach the new members", key)
		}
	}
}

func TestRecover_RefusesWhatNeedsNone(t *testing.T) {
	// A cluster of one has its majority, a running server its directory, and
	// what is no data directory is none.
	w := newTown(t, 1, 1)
	w.put(0, "k")
	if code, text := w.recover("", "--yes", "--data-dir", w.nodes[0].dir); code != exitUsage || !strings.Contains(text, "in use") {
		t.Errorf("running: %d %s", code, text)
	}
	w.kill(0)
	if code, text := w.recover("", "--yes", "--data-dir", w.nodes[0].dir); code != exitUsage || !strings.Contains(text, "only voter") {
		t.Errorf("a single voter: %d %s", code, text)
	}
	if code, text := w.recover("", "--yes", "--data-dir", t.TempDir()); code != exitUsage || !strings.Contains(text, "chmod 700") && !strings.Contains(text, "no identity") {
		t.Errorf("no data directory: %d %s", code, text)
	}
	if code, text := w.recover("", "--yes"); code != exitUsage || !strings.Contains(text, "--data-dir") {
		t.Errorf("nothing said: %d %s", code, text)
	}
}
