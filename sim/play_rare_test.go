package sim

import (
	"strings"
	"testing"
)

// Goal: the commands for disks that lie, members told apart, bare reads, clocks
// and single lost messages do what they say, and the witness sees what follows.
// Method: small stories; what they must tell, and what must be broken in the end.
func TestRareCommands_DoWhatTheySay(t *testing.T) {
	for _, c := range []struct {
		name, commands, tells, breaks string
	}{
		{"an old copy lets a voter vote twice", `
			nodes 3
			fast off
			disk S1 S2 S3 term 1 log 1 1
			copy-disk S2
			split {S1 S2}|{S3}
			draw S1 160ms
			draw S2 290ms
			start
			run until leader S1
			put-back S2
			heal
			split {S1}|{S2 S3}
			draw S3 20ms
			start S2
			run 1s`, "S2  gets an old copy of its disk", "Election Safety is broken: S1 and S3 both lead term 2"},
		{"a copy that is not older does no harm", `
			nodes 3
			elect S1
			copy-disk S2
			put-back S2
			start S2
			put x 1 @S1
			run until answered
			run until same logs
			expect leader S1`, "S2  starts", ""},
		{"two lists of members make two leaders", `
			config S1 S2: S1 S2 S3
			disk S1 S2 S3 S4 S5 term 1 log 1
			split {S1 S2}|{S3 S4 S5}
			draw S1 160ms
			draw S3 161ms
			start
			run 1s
			expect leaders 1`, "S1 S3  LEADS term 2", "Election Safety is broken: S1 and S3 both lead term 2"},
		{"who is told nothing else goes by all", `
			config S1: S1 S2 S3
			disk S1 S2 S3 S4 S5 term 1 log 1
			split {S1 S2}|{S3 S4 S5}
			draw S2 160ms
			start
			run until leader
			expect not leader S2`, "S2  asks who would vote for it", ""},
		{"a survivor is a cluster, and lacks what others had", `
			nodes 3
			elect S1
			split {S1 S2}|{S3}
			put x 1 @S1
			run until answered
			power-cut S1 S2
			crash S3
			recover S3
			start S3
			run 1s`, "S3  is made a cluster of its own, with the 2 entries of its log", "Leader Completeness is broken"},
		{"a survivor that has all loses nothing", `
			nodes 3
			elect S1
			put x 1 @S1
			run until answered
			run until same logs
			power-cut all
			recover S3
			start S3
			put y 2 @S3
			run until answered
			expect voters S3
			expect x = 1 @S3`, "client: put y 2 at S3: done", ""},
		{"a local read may be stale", `
			elect S1
			split {S1 S2}|{S3 S4 S5}
			get-local x @S2
			put x 1 @S3
			run until answered
			get-local x @S2`, "get-local x at S2: no x, read at entry 2", "A Read Covers All Acknowledged Writes is broken: S2 serves"},
		{"who does not believe that it leads refuses an unchecked read", `
			elect S1
			get-unchecked x @S2
			get-unchecked x @S1
			run until answered`, "get-unchecked x at S2: REFUSED", ""},
		{"a slow clock makes a lease too long", `
			fast off
			lease on
			elect S1
			run 100ms
			clock S1 x0.25
			draw S3 152ms
			split {S1 S2}|{S3 S4 S5}
			run until leader S3
			put x 2 @S3
			run until answered
			get x @S1`, "S3  LEADS term 2", "A Read Covers All Acknowledged Writes is broken: S1 serves"},
		{"a quick clock does no harm", `
			fast off
			lease on
			elect S1
			clock S1 x3
			run 1s
			get x @S1
			run until answered
			expect leader S1`, "client: get x at S1: no x", ""},
		{"a write tears in the middle, and its half is cut off", `
			elect S1
			slow-disk S4 100ms
			put x 1 @S1
			run until answered
			tear S4
			expect not up S4
			put y 2 @S1
			run until answered
			start S4
			expect log S4 1 1
			run until same logs
			run until y = 2 @S4`, "S4  has cut off the torn end of its log", ""},
		{"the next write tears", `
			elect S1
			tear S4
			run 5ms
			put x 1 @S1
			run until not up S4
			power-cut S1 S2 S3 S5
			start
			run until leader
			run until same logs`, "S4  has half of its last record on its disk", ""},
		{"what was never to be torn is whole", `
			elect S1
			tear S4
			crash S4
			start S4
			put x 1 @S1
			run until x = 1 @S4
			expect up S4`, "S4  starts", ""},
		{"one chunk is lost, and fetched again", `
			nodes 3
			snapshot-bytes 300
			trail-bytes 100
			chunk-bytes 32
			elect S1
			crash S3
			put a 1 @S1
			put b 2 @S1
			put c 3 @S1
			put d 4 @S1
			put e 5 @S1
			run until answered
			run 100ms
			drop chunk S1>S3 once
			start S3
			run until fetching S3 0
			expect not fetching S3 1
			run until fetching S3 50
			expect not fetching S3 100
			run until stands S3 4`, "S1  sends SnapshotChunk, but the story drops it", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			told, err := Play(storyOf(t, c.commands))
			if !strings.Contains(told, c.tells) {
				t.Errorf("it does not tell %q:\n%s", c.tells, told)
			}
			switch {
			case c.breaks == "" && err != nil:
				t.Errorf("%v\n%s", err, told)
			case c.breaks != "" && (err == nil || !strings.Contains(err.Error(), c.breaks)):
				t.Errorf("it ends with %v, not with %q:\n%s", err, c.breaks, told)
			}
		})
	}
}

// Goal: who writes such a command wrongly is told how it is written. Method: one
// mistake each.
func TestRareCommands_SayHowTheyAreWritten(t *testing.T) {
	for command, want := range map[string]string{
		"config S1 S2":        "config takes servers, a colon",
		"config S1:":          "config takes servers, a colon",
		"config S9: S1":       "S9 is not a server",
		"put-back S1":         "there is no copy of the disk of S1",
		"recover S1":          "recover takes a server that is down and has a log",
		"clock S1":            "clock takes a server and how fast",
		"clock S1 x0":         "clock takes a server and how fast",
		"clock S1 x0.5":       "S1 does not run",
		"get-local x":         "get-local takes a key and a server",
		"get-unchecked x @S1": "S1 does not run",
		"expect fetching S1":  "fetching takes a server and per cent",
		"dance S1":            "there is no command dance",
	} {
		if _, err := Play(storyOf(t, command)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %q", command, err, want)
		}
	}
}

func storyOf(t *testing.T, commands string) *Story {
	t.Helper()
	text := "# A test\n\n"
	for line := range strings.SplitSeq(strings.TrimSpace(commands), "\n") {
		text += "    " + strings.TrimSpace(line) + "\n"
	}
	s, err := ParseStory(text + "\n---\n")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Goal: a server that was added later is on one side of a split like any other.
// Method: a spare that the split names and one that it does not.
func TestSplit_CutsOffServersThatWereAdded(t *testing.T) {
	told, err := Play(storyOf(t, `
		nodes 3
		spares 2
		elect S1
		change add-learner S4, add-learner S5 @S1
		join S4 S5
		run until same logs
		split {S1 S2 S4}|{S3}
		put x 1 @S1
		run until x = 1 @S4
		run 1s
		expect no x @S3
		expect no x @S5`))
	if err != nil {
		t.Errorf("%v\n%s", err, told)
	}
}
