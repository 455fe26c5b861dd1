package server

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"veche/raft"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// Goal: the gateway speaks etcd's dialect of JSON. Method: requests as curl
// sends them, and whole answers.
func TestGateway_SpeaksEtcdsJSON(t *testing.T) {
	r := newRig(t, nil)
	const head = `{"header":{"cluster_id":"72623859790382856","member_id":"161","revision":"`
	for _, c := range []struct {
		name, path, body string
		code             int
		want             string
	}{
		{"put", "/v3/kv/put", `{"key":"` + b64("a") + `","value":"` + b64("1") + `"}`, 200, head + `2","raft_term":"7"}}`},
		{"put with prev_kv", "/v3/kv/put", `{"key":"YQ==","value":"Mg==","prev_kv":true}`, 200,
			head + `3","raft_term":"7"},"prev_kv":{"key":"YQ==","create_revision":"2","mod_revision":"2","version":"1","value":"MQ=="}}`},
		{"camelCase, a number as text, a field from the future", "/v3/kv/range", `{"key":"YQ==","rangeEnd":"Yg==","limit":"5","quark":1}`, 200,
			head + `3","raft_term":"7"},"kvs":[{"key":"YQ==","create_revision":"2","mod_revision":"3","version":"2","value":"Mg=="}],"count":"1"}`},
		{"nothing there", "/v3/kv/range", `{"key":"eg=="}`, 200, head + `3","raft_term":"7"}}`},
		{"enumerations by name", "/v3/kv/txn", `{"compare":[{"key":"YQ==","target":"VALUE","result":"EQUAL","value":"Mg=="}],"success":[{"request_delete_range":{"key":"YQ=="}}]}`, 200,
			head + `4","raft_term":"7"},"succeeded":true,"responses":[{"response_delete_range":{"header":{"revision":"4"},"deleted":"1"}}]}`},
		{"an error", "/v3/kv/range", `{}`, 400, `{"code":3,"message":"etcdserver: key is not provided"}`},
		{"a deep error", "/v3/kv/range", `{"key":"YQ==","revision":"99"}`, 400, `{"code":11,"message":"etcdserver: mvcc: required revision is a future revision"}`},
		{"not built", "/v3/lease/grant", `{"TTL":5}`, 501, `{"code":12,"message":"veche: etcdserverpb.Lease/LeaseGrant is not built yet; KV (without RangeStream), Cluster, Maintenance/Status, Alarm and MoveLeader, and grpc.health.v1.Health are"}`},
		{"unknown", "/v3/nothing", `{}`, 404, `{"code":5,"message":"Not Found"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			// curl -d sends this content type; etcd's own manual calls it that way.
			res, text := r.ask("POST", r.clientURL(c.path), c.body, "Content-Type", "application/x-www-form-urlencoded")
			// protojson puts a space here and there on purpose.
			got := strings.NewReplacer(`": `, `":`, `, "`, `,"`).Replace(strings.TrimSpace(text))
			if res.StatusCode != c.code || got != c.want {
				t.Errorf("got  %d %s\nwant %d %s", res.StatusCode, got, c.code, c.want)
			}
		})
	}
}

// Goal: only what etcd serves is served: POST, of a sane size, not for a page of
// another site. Method: one wrong request a row.
func TestGateway_Refuses(t *testing.T) {
	r := newRig(t, nil)
	before := r.put("a", "1")
	put := `{"key":"YQ==","value":"Mg=="}`
	for _, c := range []struct {
		name, method, body string
		headers            []string
		code               int
		want               string
	}{
		{"GET", "GET", "", nil, 501, `"code":12`},
		{"PUT", "PUT", put, nil, 501, `"code":12`},
		{"broken JSON", "POST", `{"key":`, nil, 400, `"code":3`},
		{"not JSON", "POST", `key=a&value=b`, nil, 400, `"code":3`},
		{"too large, and says so", "POST", `{"key":"YQ==","value":"` + strings.Repeat("A", gatewayBytesMax) + `"}`, nil, 400, "etcdserver: request is too large"},
		{"a little too large", "POST", `{"key":"YQ==","value":"` + b64(strings.Repeat("A", requestBytesMax)) + `"}`, nil, 400, "etcdserver: request is too large"},
		{"a page of another site", "POST", put, []string{"Sec-Fetch-Site", "cross-site"}, 403, "another site"},
		{"a page of a neighbour", "POST", put, []string{"Sec-Fetch-Site", "same-site"}, 403, "another site"},
		{"an old browser", "POST", put, []string{"Origin", "https://evil.example"}, 403, "another site"},
		{"a null origin", "POST", put, []string{"Origin", "null"}, 403, "another site"},
		{"a disguised method", "GET", put, []string{"X-HTTP-Method-Override", "POST"}, 501, `"code":12`},
		{"JSON as deep as a well", "POST", strings.Repeat(`{"success":[{"request_txn":`, 20000), nil, 400, `"code":3`},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, text := r.ask(c.method, r.clientURL("/v3/kv/put"), c.body, c.headers...)
			if res.StatusCode != c.code || !strings.Contains(text, c.want) {
				t.Errorf("got %d %.300s, want %d with %s", res.StatusCode, text, c.code, c.want)
			}
		})
	}
	if after := r.put("a", "3"); after != before+1 {
		t.Errorf("revision %d after the refusals, want %d: one of them was carried out", after, before+1)
	}
}

// Goal: no text makes the gateway panic or answer anything but JSON with a
// code. Method: fuzzing of path and body through the whole handler.
func FuzzGatewayJSON(f *testing.F) {
	for _, s := range []string{`{}`, `{"key":"YQ=="}`, `{"compare":[{}],"success":[{"request_put":{}}]}`, `[`, `{"limit":"-1","key":"AA==","range_end":"AA=="}`, "\x00"} {
		f.Add(uint8(0), s)
		f.Add(uint8(3), s)
	}
	paths := []string{"/v3/kv/range", "/v3/kv/put", "/v3/kv/deleterange", "/v3/kv/txn", "/v3/kv/compaction", "/v3/maintenance/status", "/v3/cluster/member/list"}
	s, err := New(Config{Node: newFakeNode(), ClusterID: testCluster, Self: testMember, Client: listen(f)})
	if err != nil {
		f.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	f.Cleanup(func() { s.Stop(f.Context()); <-served })
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		req, err := http.NewRequestWithContext(t.Context(), "POST", paths[int(which)%len(paths)], strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		w := &recorder{header: http.Header{}}
		s.plain.Handler.ServeHTTP(w, req)
		if w.code == 500 || w.code == 0 || !strings.HasPrefix(strings.TrimSpace(w.body.String()), "{") {
			t.Errorf("%q is answered %d %q", body, w.code, w.body.String())
		}
	})
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	code   int
	body   strings.Builder
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(code int) {
	if r.code == 0 {
		r.code = code
	}
}
func (r *recorder) Write(b []byte) (int, error) { r.WriteHeader(200); return r.body.Write(b) }

// Goal: no name in a configuration reaches a page as anything but JSON text.
// Method: hostile names through /status, /leader and the member list.
func TestGateway_HostileNames(t *testing.T) {
	r := newRig(t, nil)
	hostile := "\"><script>alert(1)</script>\u202e\n"
	r.node.change(func(n *fakeNode) {
		n.picture.Config.Members[1].Name = hostile
		n.picture.Leader = 0xa2
		n.picture.Role = raft.Follower
	})
	for _, url := range []string{r.peopleURL("/status"), r.peopleURL("/leader"), r.peopleURL("/metrics")} {
		if _, text := r.ask("GET", url, ""); strings.Contains(text, "<script>") {
			t.Errorf("%s hands out markup", url)
		}
	}
}
