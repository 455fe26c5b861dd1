package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"veche/model"
	"veche/model/scenes"
)

// Goal: both models load fast. Method: build them, and weigh what is sent.
func TestBuild_WithinItsSize(t *testing.T) {
	for _, m := range models {
		b, err := finished()
		if m.tags != "" {
			b, err = build("veche/model/wasm", m.tags)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s.wasm.gz: %d bytes of at most %d", m.name, len(b.gz), sizeMax)
		if len(b.gz) > sizeMax {
			t.Errorf("%s.wasm.gz weighs %d bytes, more than %d; `go run ./model/build -account` says of what", m.name, len(b.gz), sizeMax)
		}
	}
}

// Goal: nothing heavy comes in unseen. Method: ask the go command what the model
// links for WebAssembly.
func TestBuild_LinksNothingHeavy(t *testing.T) {
	out, err := goCommand("list", "-deps", "veche/model/wasm")
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 20 {
		t.Fatalf("go list gave only %q", deps)
	}
	for _, d := range deps {
		top, _, _ := strings.Cut(d, "/")
		switch {
		case top == "fmt", top == "log", top == "net", top == "os", top == "time", top == "syscall", top == "context", top == "crypto",
			d == "io/fs", d == "encoding/json", d == "math/rand", d == "math/rand/v2", d == "internal/godebug", d == "regexp":
			t.Errorf("the model links %s", d)
		}
	}
}

// Goal: every scene plays in the browser as it does here, however often memory is
// tidied up there. Method: 20 s of every scene, natively and in the finished
// WebAssembly with a collection at every opportunity: the same hash.
func TestBuild_EveryScene(t *testing.T) {
	b := compiled(t, "1")()
	played, want := 0, 40
	if testing.Short() {
		want = 10
	}
	for i, scene := range scenes.All() {
		if len(scene.Without) > 0 || testing.Short() && i%4 != 0 {
			continue // those without a rule need the lab
		}
		s, err := model.Begin(scenes.All(), "scene "+scene.ID)
		if err != nil {
			t.Errorf("%s: %v", scene.ID, err)
			continue
		}
		if why := b.say("begin", "scene "+scene.ID); why != "" {
			t.Errorf("%s: %s", scene.ID, why)
			continue
		}
		for beat := true; beat; {
			f := s.Run(20000*ms, 1<<31)
			if got := b.run(20000*ms, 1<<31); got != uint64(f) {
				t.Errorf("%s: run gives %d in WebAssembly, %d natively", scene.ID, got, f)
			}
			beat = f&model.AtBeat != 0
		}
		if got, want := b.hash(), s.Hash(); got != want {
			t.Errorf("%s: hash %x in WebAssembly, %x natively", scene.ID, got, want)
		}
		played++
	}
	if played < want {
		t.Errorf("only %d scenes were played", played)
	}
}

// Goal: what is taken out of the file is not needed to run. Method: a program that
// moves its stack, collects garbage in the middle of it, panics and recovers in
// every way; and one panic that nobody recovers, whose message must be told.
func TestShrink_LeavesTheRuntimeWhole(t *testing.T) {
	made, err := build("veche/model/build/testdata/probe", "")
	if err != nil {
		t.Fatal(err)
	}
	if kept := len(made.gz); kept > made.before*3/4 {
		t.Errorf("only %d of %d bytes were taken out", made.before-kept, made.before)
	}
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	defer r.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	var errs bytes.Buffer
	m, err := r.InstantiateWithConfig(ctx, made.wasm, wazero.NewModuleConfig().WithStartFunctions("_initialize").WithEnv("GOGC", "1").WithStderr(&errs))
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.ExportedFunction("probe").Call(ctx)
	if err != nil || got[0] != 0 {
		t.Errorf("the probe fails at %v: %v\n%s", got, err, errs.String())
	}
	if _, err := m.ExportedFunction("crash").Call(ctx, 7); err == nil {
		t.Error("the program goes on after a panic")
	}
	if !strings.Contains(errs.String(), "panic: runtime error: index out of range [7] with length 3") {
		t.Errorf("of a panic it says %q", errs.String())
	}
}

// Goal: the parts of a file come out as they went in. Method: numbers at their
// edges, a memory with gaps, and damaged files, which must be refused.
func TestSections_RoundTrip(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, 127, 128, 1 << 31, -1 << 31, 1<<62 - 1} {
		r := reader{b: appendSigned(nil, v)}
		if got := r.signed(); got != v || r.bad || len(r.b) > 0 {
			t.Errorf("%d becomes %d", v, got)
		}
	}
	m := memory{base: 4096, data: make([]byte, 1000)}
	for _, i := range []int{0, 1, 70, 134, 135, 400, 999} {
		m.data[i] = byte(i) | 1
	}
	got, err := memoryOf(m.section())
	if err != nil || got.base != m.base || !bytes.Equal(got.data, m.data) {
		t.Errorf("a memory becomes %+v: %v", got.base, err)
	}
	wasm := join([]section{{sectionCustom, []byte("\x01x")}, {sectionData, m.section()}})
	all, err := sections(wasm)
	if err != nil || len(all) != 2 || !bytes.Equal(join(all), wasm) {
		t.Errorf("%d sections: %v", len(all), err)
	}
	for n := range len(wasm) - 1 {
		if cut, err := sections(wasm[:n]); err == nil && len(cut) == 2 {
			t.Fatalf("a file of %d bytes is taken for whole when %d are there", len(wasm), n)
		}
		if _, err := memoryOf(m.section()[:min(n, len(m.section())-1)]); err == nil {
			t.Fatalf("a memory of %d bytes is taken for whole", n)
		}
	}
}
