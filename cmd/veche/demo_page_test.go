package main

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// pageOf is the dashboard of a cluster that does not run, whose faults are noted.
func pageOf(t *testing.T, harm func(string, []int) (saying, error)) *demoPage {
	t.Helper()
	d, err := servePage(&cluster{nodes: []*node{{name: "n1", id: 1}, {name: "n2", id: 2}, {name: "n3", id: 3}}}, harm)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d
}

// fault asks for a fault and gives the status and what was said.
func (d *demoPage) fault(t *testing.T, body string, headers ...string) (int, string) {
	t.Helper()
	base, _, _ := strings.Cut(d.url, "#")
	req, err := http.NewRequest("POST", base+"faults", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Veche-Key", d.key)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// Goal: faults happen to who asks with the key, from the page itself, and what
// came of it is told. Method: a table of requests, the hostile and the mistaken.
func TestDemoPage_FaultsNeedTheKey(t *testing.T) {
	var done []string
	d := pageOf(t, func(act string, nodes []int) (saying, error) {
		done = append(done, act)
		if act == "restart" {
			return saying{}, refuse("restart.runs", map[string]any{"name": "n1"})
		}
		if act == "cut" && !slices.Equal(nodes, []int{2, 0}) {
			t.Errorf("cut %v", nodes)
		}
		if act == "heal" {
			return saying{}, errors.New("what no page knows")
		}
		return saying{text: "done"}, nil
	})
	for _, c := range []struct {
		name, body string
		headers    []string
		code       int
		says       string
	}{
		{"kill", `{"act":"kill","nodes":["n1"]}`, nil, 200, "done"},
		{"cut two", `{"act":"cut","nodes":["n3","n1"]}`, nil, 200, "done"},
		{"no success", `{"act":"restart","nodes":["n1"]}`, nil, 409, `{"said":"n1 runs already","key":"restart.runs","with":{"name":"n1"}}`},
		{"no success, in English alone", `{"act":"heal"}`, nil, 409, `{"said":"what no page knows"}`},
		{"no key", `{"act":"kill","nodes":["n1"]}`, []string{"X-Veche-Key", ""}, 403, "key"},
		{"wrong key", `{"act":"kill","nodes":["n1"]}`, []string{"X-Veche-Key", strings.Repeat("0", 32)}, 403, "key"},
		{"another site", `{"act":"kill","nodes":["n1"]}`, []string{"Origin", "http://evil.example"}, 403, "another site"},
		{"another site, by fetch", `{"act":"kill","nodes":["n1"]}`, []string{"Sec-Fetch-Site", "cross-site"}, 403, "another site"},
		{"a rebound name", `{"act":"kill","nodes":["n1"]}`, []string{"Host", "evil.example"}, 421, "evil.example"},
		{"a form", `{"act":"kill","nodes":["n1"]}`, []string{"Content-Type", "text/plain"}, 400, "JSON"},
		{"not JSON", `kill n1`, nil, 400, "JSON"},
		{"too long", `{"act":"` + strings.Repeat("k", maxFaultBytes) + `"}`, nil, 400, "JSON"},
		{"unknown act", `{"act":"format","nodes":["n1"]}`, nil, 400, "no such fault"},
		{"unknown node", `{"act":"kill","nodes":["n9"]}`, nil, 400, "by its name"},
		{"twice the same", `{"act":"cut","nodes":["n1","n1"]}`, nil, 400, "by its name"},
		{"nobody", `{"act":"kill"}`, nil, 400, "from 1 to 1"},
		{"everybody", `{"act":"cut","nodes":["n1","n2","n3"]}`, nil, 400, "from 1 to 2"},
	} {
		before := len(done)
		code, said := d.fault(t, c.body, c.headers...)
		if code != c.code || !strings.Contains(said, c.says) {
			t.Errorf("%s: %d %s, want %d with %q", c.name, code, said, c.code, c.says)
		}
		if happened := len(done) > before; happened != (code == 200 || code == 409) {
			t.Errorf("%s: answered %d, and it happened: %v", c.name, code, happened)
		}
	}
}

// Goal: one fault at a time. Method: hold one, ask for another, let go.
func TestDemoPage_FaultsHappenOneAtATime(t *testing.T) {
	under, goOn := make(chan struct{}), make(chan struct{})
	d := pageOf(t, func(act string, _ []int) (saying, error) {
		if act == "kill" {
			close(under)
			<-goOn
		}
		return saying{text: act}, nil
	})
	first := make(chan int, 1)
	go func() {
		code, _ := d.fault(t, `{"act":"kill","nodes":["n1"]}`)
		first <- code
	}()
	<-under
	if code, said := d.fault(t, `{"act":"heal"}`); code != http.StatusTooManyRequests {
		t.Errorf("a second one at once: %d %s", code, said)
	}
	close(goOn)
	if code := <-first; code != 200 {
		t.Errorf("the first: %d", code)
	}
	if code, said := d.fault(t, `{"act":"heal"}`); code != 200 {
		t.Errorf("afterwards: %d %s", code, said)
	}
}

// Goal: where no faults are allowed, none are offered; the page and its pictures
// are there, with the headers that protect. Method: the page of a script.
func TestDemoPage_WithoutFaults(t *testing.T) {
	d := pageOf(t, nil)
	if code, _ := d.fault(t, `{"act":"kill","nodes":["n1"]}`, "X-Veche-Key", ""); code != http.StatusMethodNotAllowed && code != http.StatusNotFound {
		t.Errorf("a fault is answered %d", code)
	}
	if strings.Contains(d.url, "#") {
		t.Errorf("the address is %s", d.url)
	}
	for path, has := range map[string]string{"": "v-cluster", "cluster?once": `"trouble":"no_address"`} {
		res, err := http.Get(d.url + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || !strings.Contains(string(b), has) || !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'self'") {
			t.Errorf("%s: %d %v %.200s %v", path, res.StatusCode, err, b, res.Header)
		}
	}
}

// Goal: a slow link delays bytes in its own direction and loses none, and heal
// makes it fast. Method: measure bytes each way; the bounds leave room for a busy
// machine on the slow side only.
func TestProxy_SlowLink(t *testing.T) {
	x := newProxyPair(t)
	const by = 60 * time.Millisecond
	x.p.slow(link{"a", "b"}, by)
	mustWrite(t, x.a, "-") // the read that is under way learns of it with this byte
	began := time.Now()
	mustRead(t, x.b, "-")
	mustWrite(t, x.a, "slowly")
	mustRead(t, x.b, "slowly")
	if took := time.Since(began); took < 2*by {
		t.Errorf("two messages over a slow link took %v", took)
	}
	mustWrite(t, x.b, "back")
	mustRead(t, x.a, "back")
	x.p.healAll()
	if by := x.p.slowness(link{"a", "b"}); by != 0 {
		t.Errorf("after heal it is slow by %v", by)
	}
	mustWrite(t, x.a, "fast")
	mustRead(t, x.b, "fast")
}
