package model_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"veche/model"
	"veche/raft"
	"veche/sim"
)

// browser is the file that a browser loads, running without one.
type browser struct {
	t      *testing.T
	module api.Module
}

// compiled builds the model as the browser gets it.
func compiled(t *testing.T) *browser {
	t.Helper()
	file := filepath.Join(t.TempDir(), "model.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", file, "veche/model/wasm")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	code, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	t.Cleanup(func() { r.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	m, err := r.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig().WithStartFunctions("_initialize").WithEnv("GOGC", "50").WithStderr(os.Stderr))
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, m}
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

// Goal: what a browser shows is what these tests test. Method: some scenes and a
// day in a free world, natively and in WebAssembly: the same hash, the same bytes.
func TestWasm_PlaysTheSameRun(t *testing.T) {
	b := compiled(t)
	answersWrongCalls(t, b)
	for _, config := range []string{"scene cluster-start", "scene two-masters\nseed 3", "scene figure-8", quick + "seed 7\nspares 1"} {
		s := begin(t, config)
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
		for {
			f := s.Run(4000*ms, 1<<31)
			if got := b.run(4000*ms, 1<<31); got != uint64(f) {
				t.Fatalf("%q: run gives %d in WebAssembly, %d natively", config, got, f)
			}
			same("after " + sim.Millis(s.Now()))
			if f&model.AtBeat == 0 {
				break
			}
		}
		for _, a := range day {
			err, why := s.Do(a.command), b.say("act", a.command)
			if (err == nil) != (why == "") || err != nil && err.Error() != why {
				t.Fatalf("%q, %s: %q in WebAssembly, %v natively", config, a.command, why, err)
			}
			s.Run(s.Now()+300*ms, 1<<31)
			b.run(s.Now(), 1<<31)
			same("after " + a.command)
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
