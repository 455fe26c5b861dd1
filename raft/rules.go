//go:build !lab

package raft

// Lab is empty in this build: every rule holds, and the compiler leaves no
// trace of the question. See rules_lab.go.
type Lab struct{}

// LabBuild says whether this build can leave rules out.
const LabBuild = false

// LabWithout gives the rules to leave out: here none, whatever is asked for.
func LabWithout(_, _, _ bool) Lab { return Lab{} }

// The rules that a lab may leave out.
func (*Core) preVotes() bool              { return true }
func (*Core) checksQuorum() bool          { return true }
func (*Core) givesUp(at Time) Time        { return at }
func (*Core) waitsOut() bool              { return false }
func (*Core) restartsTimer(was Role) bool { return was == Leader || was == Candidate }
