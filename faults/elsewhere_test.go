//go:build faults && !linux

package faults

import "testing"

// Goal: the layer never passes without having run. Method: say what it needs.
func TestFaults_NeedLinux(t *testing.T) {
	t.Fatal("the machines of this test are Linux namespaces: run it on Linux, as root")
}
