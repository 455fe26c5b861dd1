//go:build browser

package browser

import (
	"bufio"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Goal: in a browser one can harm the demo's servers and watch them cope, and the
// page outlives every one of them. Method: real processes behind the demo's
// proxy; kill, start, cut, heal and write by the buttons.
func TestDemo_FaultsInTheBrowser(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "veche")
	build := exec.Command("go", "build", "-o", binary, "./cmd/veche")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build veche: %v\n%s", err, out)
	}
	demo := exec.Command(binary, "demo", "--browser", "--nodes", "3")
	stdout, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { demo.Process.Kill() })
	lines := bufio.NewScanner(stdout)
	url := ""
	for url == "" && lines.Scan() {
		if strings.HasPrefix(lines.Text(), "http://127.0.0.1:") {
			url = lines.Text()
		}
	}
	origin, _, found := strings.Cut(url, "/#key=")
	if !found {
		t.Fatalf("the demo prints the address %q", url)
	}
	b := open(t)
	b.visit(url)
	led := ""
	calm := func() (bool, string) {
		f := b.facts()
		led = js[string](b, `document.querySelector("#members .role.leader")?.closest("tr").cells[0].textContent ?? ""`)
		return led != "" && f["old"] == "" && f["answer"] == "3 of 3" && f["banner"] == "" && js[int](b, `document.querySelectorAll("#matrix td[data-as=silent]").length`) == 0, led + fmt.Sprint(f)
	}
	// do selects a server and presses a button, and waits for what is said.
	do := func(act, server, says string) {
		t.Helper()
		js[bool](b, fmt.Sprintf(`[...document.querySelectorAll("#members tr")].filter(r => r.cells[0].textContent === %q).map(r => r.click()).length > 0`, server))
		b.press("#faults [data-act=" + act + "]")
		await(t, act+" says what came of it", 5*shownMax, func() (bool, string) {
			said := js[string](b, `document.querySelector("#faults .said").textContent`)
			return strings.Contains(said, says), said
		})
	}
	await(t, "the page is calm", readyMax, calm)
	if js[bool](b, `location.href.includes("key")`) {
		t.Error("the key stays in the address")
	}
	first := led
	do("kill", first, "You killed the leader "+first)
	await(t, "another leads, and the first is old", 5*shownMax, func() (bool, string) {
		f := b.facts()
		led = js[string](b, `document.querySelector("#members tr:not(.old) .role.leader")?.closest("tr").cells[0].textContent ?? ""`)
		return led != "" && led != first && f["old"] == first, led + fmt.Sprint(f)
	})
	b.picture(artifacts(t), "demo-killed", "light", 1400)
	do("restart", first, "You started "+first)
	await(t, "all are well again", readyMax, calm)
	second := led
	js[bool](b, fmt.Sprintf(`document.getElementById("cluster").dispatchEvent(new CustomEvent("act", { bubbles: true, detail: { command: "split {" + ["n1", "n2", "n3"].filter(n => n !== %q).join(" ") + "}|{" + %[1]q + "}" } }))`, second))
	await(t, "a line across the ring cuts", 5*shownMax, func() (bool, string) {
		said := js[string](b, `document.querySelector("#faults .said").textContent`)
		return strings.Contains(said, "You cut "+second+" off"), said
	})
	await(t, "the matrix shows the cut", 5*shownMax, func() (bool, string) {
		n := js[int](b, `document.querySelectorAll("#matrix td[data-as=silent]").length`)
		return n > 0, fmt.Sprint(n)
	})
	b.picture(artifacts(t), "demo-cut", "dark", 1400)
	do("heal", second, "You healed the network")
	await(t, "all hear each other again", readyMax, calm)
	do("write", led, "acknowledged in")
	b.handOver(led)
	b.press("#lang")
	await(t, "the page speaks Russian", shownMax, func() (bool, string) {
		text := js[string](b, `document.getElementById("faults").textContent`)
		return strings.Contains(text, "Сбои"), text
	})
	do("write", led, "Вы записали hello = «world 2» через n")
	if took := js[string](b, `document.querySelector("#faults .said").textContent.match(/ за (\S+) мс/)?.[1] ?? ""`); took == "" || strings.Contains(took, ".") {
		t.Errorf("in Russian it took %q ms", took)
	}
	if said := js[string](b, `import("/web/words.js").then((w) => [w.num(6.84, 1), w.t("live.s", {n: 6.8}), w.t("live.ms", {n: "<100"})].join())`); said != "6,8,6,8 с,<100 мс" {
		t.Errorf("numbers in Russian: %s", said)
	}
	b.quiet(origin)
	if err := demo.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	end := ""
	for lines.Scan() {
		end = lines.Text()
	}
	if err := demo.Wait(); err != nil || !strings.HasSuffix(end, " 0 lost.") {
		t.Errorf("the demo ends with %v and says %q", err, end)
	}
}
