// Probe does what needs the runtime's tables: it grows its stack, collects
// garbage in the middle, panics and recovers in every way that compiles
// differently. It gives the number of the first thing that went wrong.
package main

import (
	"errors"
	"runtime"
)

func main() {}

//go:wasmexport probe
func probe() uint32 {
	for i, f := range []func() bool{deep, recovered, wrapped, inLoop, nested, notMine, bounds, nilMap, assertion, goexit, channels} {
		if !f() {
			return uint32(i + 1)
		}
	}
	return 0
}

// crash panics, and nobody recovers.
//
//go:wasmexport crash
func crash(i uint32) { println([]uint32{1, 2, 3}[i]) }

type node struct {
	left, right *node
	value       int
	pad         [5]byte
}

func tree(depth int, n *int) *node {
	*n++
	if depth == 0 {
		return &node{value: *n}
	}
	value := *n
	left := tree(depth-1, n)
	if value%64 == 0 {
		runtime.GC() // frames with pointers are above us
	}
	return &node{left: left, right: tree(depth-1, n), value: value}
}

func (t *node) sum() int {
	if t == nil {
		return 0
	}
	return t.value + t.left.sum() + t.right.sum()
}

// list recurses so far that the stack moves many times.
func list(n int, below *node) int {
	here := node{left: below, value: n}
	if n == 0 {
		runtime.GC()
		sum := 0
		for at := &here; at != nil; at = at.left {
			sum += at.value
		}
		return sum
	}
	return list(n-1, &here)
}

func deep() bool {
	n := 0
	t := tree(11, &n)
	want := 0
	for v := 1; v <= n; v++ {
		want += v
	}
	// Inner nodes keep the count before them, leaves the count with them.
	return t.sum() == want && list(20000, nil) == 20000*20001/2
}

var errProbe = errors.New("probe")

func recovered() (ok bool) {
	defer func() { ok = recover() == errProbe }()
	list(100, nil)
	panic(errProbe)
}

type doer interface{ do() }
type plain struct{ ok *bool }

func (p plain) do() { *p.ok = recover() == errProbe }

func wrapped() (ok bool) {
	var d doer = &plain{&ok} // called by a wrapper that the compiler makes
	defer d.do()
	panic(errProbe)
}

func inLoop() bool {
	n := 0
	func() {
		defer func() { _ = recover() }()
		for i := range 5 {
			defer func() { n += i }()
		}
		panic(errProbe)
	}()
	return n == 10
}

func nested() (ok bool) {
	defer func() { ok = ok && recover() == nil }()
	defer func() { ok = recover() == errProbe }()
	defer func() {
		defer func() { _ = recover() }()
		panic("second")
	}()
	panic(errProbe)
}

func notMine() (ok bool) {
	defer func() { ok = recover() == errProbe }()
	defer func() {
		func() { _ = recover() }() // too deep to count
	}()
	panic(errProbe)
}

func caught(f func()) (text string) {
	defer func() {
		if e, ok := recover().(runtime.Error); ok {
			text = e.Error()
		}
	}()
	f()
	return ""
}

func bounds() bool {
	i := len(errProbe.Error())
	return caught(func() { _ = []int{1}[i] }) == "runtime error: index out of range [5] with length 1"
}

func nilMap() bool {
	var m map[string]int
	return caught(func() { m["a"] = 1 }) == "assignment to entry in nil map"
}

func assertion() bool {
	var v any = errProbe
	return caught(func() { _ = v.(doer) }) != ""
}

func goexit() bool {
	done := make(chan bool, 1)
	go func() {
		defer func() { done <- true }()
		runtime.Goexit()
	}()
	return <-done
}

func channels() bool {
	c, sum := make(chan int), 0
	go func() {
		for i := range 1000 {
			c <- list(i%50, nil)
		}
		close(c)
	}()
	for v := range c {
		sum += v
	}
	return sum == 416500
}
