package main

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"veche/model"
	"veche/model/scenes"
	"veche/raft"
	"veche/sim"
)

// finished is the model, built once for all tests.
var finished = sync.OnceValues(func() (*result, error) { return build("veche/model/wasm", "") })

// browser is the file that a browser loads, running without one.
type browser struct {
	t      *testing.T
	module api.Module
}

// compiled gives a function that starts the model as the browser gets it, with
// all that was cut out and added after Go's linker; gogc says how often it
// collects garbage.
func compiled(t *testing.T, gogc string) func() *browser {
	t.Helper()
	made, err := finished()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	t.Cleanup(func() { r.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	code, err := r.CompileModule(ctx, made.wasm)
	if err != nil {
		t.Fatal(err)
	}
	return func() *browser {
		m, err := r.InstantiateModule(ctx, code, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").WithEnv("GOGC", gogc).WithStderr(os.Stderr))
		if err != nil {
			t.Fatal(err)
		}
		return &browser{t, m}
	}
}

// call calls an exported function that gives a word.
func (b *browser) call(name string, args ...uint64) uint64 {
	b.t.Helper()
	got, err := b.module.ExportedFunction(name).Call(context.Background(), args...)
	if err != nil {
		b.t.Fatalf("%s: %v", name, err)
	}
	return uint64(uint32(got[0])) // what stands above it means nothing
}

func (b *browser) hash() uint64 {
	got, err := b.module.ExportedFunction("hash").Call(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	return got[0]
}

func (b *browser) out(n uint64) []byte {
	b.t.Helper()
	got, ok := b.module.Memory().Read(uint32(b.call("out")), uint32(n))
	if !ok {
		b.t.Fatalf("%d bytes of output are not in the memory", n)
	}
	return bytes.Clone(got)
}

// say hands a text to begin or act, and gives the error.
func (b *browser) say(name, text string) string {
	b.t.Helper()
	if !b.module.Memory().WriteString(uint32(b.call("input", uint64(len(text)))), text) {
		b.t.Fatal("a text does not fit into the memory")
	}
	return string(b.out(b.call(name, uint64(len(text)))))
}

func (b *browser) run(until raft.Time, steps uint32) uint64 {
	return b.call("run", api.EncodeF64(float64(until)), uint64(steps))
}

// image is all of a running model.
type image struct {
	memory  []byte
	globals []uint64
}

// image copies it, as page/web/core.js does.
func (b *browser) image() (i image) {
	b.t.Helper()
	m := b.module.Memory()
	memory, ok := m.Read(0, m.Size())
	if !ok {
		b.t.Fatal("the memory cannot be read")
	}
	i.memory = bytes.Clone(memory)
	for _, g := range b.globals() {
		i.globals = append(i.globals, g.Get())
	}
	return i
}

// restore puts a copy back, into memory that is not larger.
func (b *browser) restore(i image) {
	b.t.Helper()
	m := b.module.Memory()
	if grow := len(i.memory) - int(m.Size()); grow > 0 {
		m.Grow(uint32(grow) >> 16)
	}
	if int(m.Size()) != len(i.memory) || !m.Write(0, i.memory) {
		b.t.Fatalf("a memory of %d bytes does not take %d", m.Size(), len(i.memory))
	}
	for k, g := range b.globals() {
		g.Set(i.globals[k])
	}
}

func (b *browser) globals() (all []api.MutableGlobal) {
	for k := range 16 {
		if g, ok := b.module.ExportedGlobal("g" + strconv.Itoa(k)).(api.MutableGlobal); ok {
			all = append(all, g)
		}
	}
	return all
}

const ms = raft.Time(raft.Millisecond)

// free is a world that people act in, and acts are what they do, every 300 ms.
const free = "free\nelection 150ms 300ms\nwire 2ms 15ms\nseed 7\nspares 1"

var acts = []string{"start", "timeout S2", "put x 1 @S1", "get x @S2", "crash S3", "split {S1 S2}|{S3 S4 S5}", "start S3", "put y 2 @S4 by C7",
	"heal", "hold append *>S5", "put z 3 @S4", "release reversed", "pass", "power-cut S5", "wipe S5", "start S5", "change add-learner S6 @S1",
	"join S6", "luck 7", "crash S1", "crash S9"}

// Goal: what a browser shows is what the other tests test. Method: some scenes, and
// people who act, natively and in the finished WebAssembly: the same hash, the same
// bytes, the same errors.
func TestModel_PlaysTheSameRunInABrowser(t *testing.T) {
	start := compiled(t, "50")
	b := start()
	answersWrongCalls(t, b)
	for _, config := range []string{"scene cluster-start", "scene two-masters\nseed 3", "scene figure-8", free} {
		s, err := model.Begin(scenes.All(), config)
		if err != nil {
			t.Fatal(err)
		}
		if why := b.say("begin", config); why != "" {
			t.Fatalf("%q: %s", config, why)
		}
		same := func(when string) {
			t.Helper()
			if got, want := b.hash(), s.Hash(); got != want {
				t.Fatalf("%q, %s: hash %x in WebAssembly, %x natively", config, when, got, want)
			}
			if got := b.out(b.call("state")); !bytes.Equal(got, s.AppendState(nil)) {
				t.Fatalf("%q, %s: another picture in WebAssembly", config, when)
			}
			if got := b.out(b.call("happenings")); !bytes.Equal(got, s.AppendHappenings(nil)) {
				t.Fatalf("%q, %s: other happenings in WebAssembly", config, when)
			}
		}
		same("at the start")
		for beat := true; beat; {
			f := s.Run(4000*ms, 1<<31)
			if got := b.run(4000*ms, 1<<31); got != uint64(f) {
				t.Fatalf("%q: run gives %d in WebAssembly, %d natively", config, got, f)
			}
			same("after " + sim.Millis(s.Now()))
			beat = f&model.AtBeat != 0
		}
		for _, a := range acts {
			err, why := s.Do(a), b.say("act", a)
			if (err == nil) != (why == "") || err != nil && err.Error() != why {
				t.Fatalf("%q, %s: %q in WebAssembly, %v natively", config, a, why, err)
			}
			s.Run(s.Now()+300*ms, 1<<31)
			b.run(s.Now(), 1<<31)
			same("after " + a)
		}
	}
	imagesAreWhole(t, start)
}

// imagesAreWhole goes back to copies of a young model when its stack and its heap
// have grown, and in another instance: it is the same run again.
func imagesAreWhole(t *testing.T, start func() *browser) {
	t.Helper()
	a := start()
	if why := a.say("begin", free); why != "" {
		t.Fatal(why)
	}
	day := func(b *browser) (hash uint64) {
		for k := range 100 {
			b.say("act", acts[k%len(acts)])
			b.run(raft.Time(k+1)*300*ms, 1<<31)
			b.call("state")
		}
		return b.hash()
	}
	young := a.image()
	want := day(a)
	if len(a.globals()) == 0 || a.image().globals[0] == young.globals[0] {
		t.Fatalf("the stack has not moved, so this test shows nothing: %v", young.globals)
	}
	b := start()
	b.say("begin", "free\nseed 99") // no larger than young
	b.restore(young)
	if got := day(b); got != want {
		t.Errorf("from a copy, in another instance: hash %x, and not %x", got, want)
	}
	if int(a.module.Memory().Size()) == len(young.memory) {
		a.restore(young)
		if got := day(a); got != want {
			t.Errorf("from a copy, in the same instance: hash %x, and not %x", got, want)
		}
	}
}

// answersWrongCalls calls before a session has begun, and with texts that are too
// long: what a page says wrongly is answered, and harms nothing.
func answersWrongCalls(t *testing.T, b *browser) {
	t.Helper()
	if b.run(1000*ms, 1) != 0 || b.call("state") != 0 || b.call("happenings") != 0 || b.hash() != 0 || b.call("act", 0) != 0 {
		t.Error("there is something to be seen before anything has begun")
	}
	if b.call("input", 1<<20) != 0 {
		t.Error("a text of a megabyte is taken")
	}
	if why := b.say("begin", "scene nonsense"); why != "there is no scene nonsense" {
		t.Errorf("a scene that does not exist: %q", why)
	}
	if b.call("begin", 1<<31) == 0 {
		t.Error("a text that was never handed in is taken")
	}
	if why := b.say("begin", "free"); why != "" {
		t.Errorf("free: %s", why)
	}
	if why := b.say("act", "start"); why != "" || b.run(raft.Never, 1) != 0 {
		t.Errorf("start: %s", why)
	}
}
