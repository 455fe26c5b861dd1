//go:build !lab

package raft

import "errors"

// Lab is empty in this build: every rule holds, and the compiler leaves no
// trace of the question. See rules_lab.go.
type Lab struct{}

// LabBuild says whether this build can leave rules out.
const LabBuild = false

// LabWithout gives the rules to leave out: here none, whatever is asked for.
func LabWithout(_, _, _ bool) Lab { return Lab{} }

// LabWithoutNames refuses to leave out any rule.
func LabWithoutNames(names []string) (Lab, error) {
	if len(names) > 0 {
		return Lab{}, errors.New("this program keeps all rules of Raft and cannot leave out " + names[0] + "; only a build with the tag lab can")
	}
	return Lab{}, nil
}

// Lawless says whether a rule is left out that safety rests upon.
func (Lab) Lawless() bool { return false }

// What a lab may change. Here it is what Raft says.
func (*Core) keeps(rule) bool             { return true }
func (*Core) lawless() bool               { return false }
func (*Core) givesUp(at Time) Time        { return at }
func (*Core) restartsTimer(was Role) bool { return was == Leader || was == Candidate }
func (c *Core) electionTerm() Term        { return c.hard.Term + 1 }
func (*Core) clings(Term) bool            { return false }
func (*Core) sharesOffice(*Message) bool  { return false }
func (*Core) recants(*Append) bool        { return false }
func (*Core) dropTail(Index, []Entry)     {}
