// Package faults is a test layer, not a library: real `veche serve` processes,
// each on a machine of its own as far as the kernel can tell, while processes
// die, disks fill up and the network misbehaves, and clients remember every
// promise they were given.
//
//	go test -tags faults -v ./faults
//
// Each machine is a network and mount namespace that one locked thread of the
// test holds open (machine_test.go), so nothing has a name and nothing is left
// behind: when the test ends, however it ends, the kernel removes namespaces,
// mounts and processes. The machines are joined by a wire that the test itself
// plays (wire_test.go): it reads packets from a TUN device in each namespace and
// decides for each pair and direction whether a packet passes, is lost, waits,
// or becomes a reset. No kernel module like netem is needed, and no program but the
// Go toolchain and, for a disk that stalls, mount and mkfs.ext4 with loop devices;
// it needs Linux, root and /dev/net/tun, and fails without them.
//
// What it must never do: pass because something was missing, send a packet
// outside its own namespaces, or count an unknown outcome as a promise.
//
// Where to start reading: scenarios_test.go, then stage_test.go.
package faults
