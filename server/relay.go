package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"veche/raft"
)

// Where changes are asked for: POST with a body of JSON, at the client port.
const (
	changePath   = "/veche/v1/change"
	transferPath = "/veche/v1/transfer"
)

// ChangeRequest asks for changes of the configuration that happen all at once.
type ChangeRequest struct {
	Changes []MemberChange `json:"changes"`
	// Again: an earlier try may have done it; then that is a success.
	Again bool `json:"again,omitempty"`
	// Forwarded: another member passed it on, and it is not to be passed on again.
	Forwarded bool `json:"forwarded,omitempty"`
}

// MemberChange is one member's part. An addition without an id gets one that
// was never used.
type MemberChange struct {
	Kind     string `json:"kind"` // add-learner, add-voter, promote, demote, remove, update
	ID       ID     `json:"id,omitempty"`
	Name     string `json:"name,omitempty"`
	Peer     string `json:"peer,omitempty"`     // host:port
	Client   string `json:"client,omitempty"`   // host:port
	Priority *uint8 `json:"priority,omitempty"` // nil: as it is, or 0
	Force    bool   `json:"force,omitempty"`    // also if voters do not answer, or the learner is behind
}

// ChangeReport is the configuration after a change.
type ChangeReport struct {
	Cluster string         `json:"cluster"` // 128 bits in hex
	Term    uint64         `json:"term"`
	Leader  Named          `json:"leader"`
	Members []MemberReport `json:"members"`
	// Configuration is the whole of it as raft encodes it: what a server that
	// joins begins with.
	Configuration []byte `json:"configuration"`
}

// TransferRequest asks the leader to hand over; To 0 is whoever is best.
type TransferRequest struct {
	To        ID   `json:"to"`
	Forwarded bool `json:"forwarded,omitempty"`
}

// TransferReport tells who handed over to whom.
type TransferReport struct {
	From Named  `json:"from"`
	To   Named  `json:"to"`
	Term uint64 `json:"term"`
}

var changeKinds = map[string]raft.ChangeKind{
	"add-learner": raft.ChangeAddLearner, "add-voter": raft.ChangeAddVoter, "promote": raft.ChangePromote,
	"demote": raft.ChangeDemote, "remove": raft.ChangeRemove, "update": raft.ChangeUpdate,
}

// changes turns the request over to the core's words.
func (q *ChangeRequest) changes() ([]raft.Change, error) {
	if n := len(q.Changes); n == 0 || n > changesMax {
		return nil, status.Errorf(codes.InvalidArgument, "veche: a request has %d changes; it must have from 1 to %d", n, changesMax)
	}
	out := make([]raft.Change, len(q.Changes))
	for k := range q.Changes {
		m := &q.Changes[k]
		kind, ok := changeKinds[m.Kind]
		if !ok {
			return nil, status.Errorf(codes.InvalidArgument, "veche: there is no change %q; there are add-learner, add-voter, promote, demote, remove and update", cleanName(m.Kind))
		}
		out[k] = raft.Change{Kind: kind, Force: m.Force, Member: raft.Member{
			ID: raft.NodeID(m.ID), Name: m.Name, PeerAddr: m.Peer, ClientAddr: m.Client,
		}}
		if m.Priority != nil {
			out[k].Member.Priority = *m.Priority
		}
	}
	return out, nil
}

// giveIDs draws the ids of additions that have none. It is done once, before the
// first try.
func (q *ChangeRequest) giveIDs(c *raft.Configuration) {
	for k := range q.Changes {
		if m := &q.Changes[k]; m.ID == 0 && strings.HasPrefix(m.Kind, "add-") {
			m.ID = ID(freshID(c))
		}
	}
}

// changeReport describes the configuration of a picture.
func (s *Server) changeReport(p *Picture) *ChangeReport {
	return &ChangeReport{
		Cluster: fmt.Sprintf("%x", s.cfg.ClusterID[:]), Term: uint64(p.Term), Leader: p.named(p.leading()),
		Members: members(&p.Config), Configuration: raft.AppendConfiguration(nil, &p.Config),
	}
}

// changePage is POST /veche/v1/change.
func (s *Server) changePage(w http.ResponseWriter, r *http.Request) {
	var q ChangeRequest
	if !takeJSON(w, r, &q) {
		return
	}
	p := s.cfg.Node.Picture()
	q.giveIDs(&p.Config)
	report, err := s.Change(r.Context(), &q)
	answerJSON(w, report, err)
}

// transferPage is POST /veche/v1/transfer.
func (s *Server) transferPage(w http.ResponseWriter, r *http.Request) {
	var q TransferRequest
	if !takeJSON(w, r, &q) {
		return
	}
	report, err := s.transfer(r.Context(), &q)
	answerJSON(w, report, err)
}

// takeJSON reads the body of a request. Only a body that says that it is JSON
// is taken: no page of another site can send one unasked.
func takeJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if strings.TrimSpace(kind) != "application/json" {
		gatewayError(w, http.StatusUnsupportedMediaType, int(codes.InvalidArgument), "veche: send JSON, with the header Content-Type: application/json")
		return false
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		gatewayError(w, http.StatusBadRequest, int(codes.InvalidArgument), "veche: the request cannot be read: "+err.Error())
		return false
	}
	return true
}

func answerJSON(w http.ResponseWriter, report any, err error) {
	if err != nil {
		st := status.Convert(err)
		gatewayError(w, runtime.HTTPStatusFromCode(st.Code()), int(st.Code()), st.Message())
		return
	}
	answer(w, http.StatusOK, report)
}

// errRelay: nothing came back, so nobody knows what became of it.
var errRelay = errors.New("the leader did not answer")

// relay passes a request on to the leader of a picture.
func (s *Server) relay(ctx context.Context, p *Picture, path string, request, into any) error {
	leader, _ := p.member(p.leading())
	if leader.ClientAddr == "" {
		return errElsewhere // nobody leads, or it has told no address yet
	}
	err := post(ctx, leader.ClientAddr, path, request, into)
	if status.Code(err) == codes.FailedPrecondition && status.Convert(err).Message() == notLeader {
		return errElsewhere
	}
	return err
}

// Change asks a member, at its client address, for changes of the
// configuration. Any member may be asked. The error is a gRPC status, with
// etcd's texts, or tells why nobody answered.
func Change(ctx context.Context, addr string, q *ChangeRequest) (*ChangeReport, error) {
	var r ChangeReport
	return &r, post(ctx, addr, changePath, q, &r)
}

// Transfer asks a member, at its client address, to have leadership handed over.
func Transfer(ctx context.Context, addr string, q *TransferRequest) (*TransferReport, error) {
	var r TransferReport
	return &r, post(ctx, addr, transferPath, q, &r)
}

// post sends a request as JSON and reads the answer.
func post(ctx context.Context, addr, path string, request, into any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	tr := &http.Transport{DisableKeepAlives: true} // no proxy of the environment: this is an address of the cluster
	defer tr.CloseIdleConnections()
	res, err := tr.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("%w: %w", errRelay, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, relayBytesMax))
	if err != nil {
		return fmt.Errorf("%w: %w", errRelay, err)
	}
	if res.StatusCode == http.StatusOK {
		return json.Unmarshal(text, into)
	}
	var told struct {
		Code    codes.Code `json:"code"`
		Message string     `json:"message"`
	}
	if err := json.Unmarshal(text, &told); err != nil || told.Message == "" {
		return status.Errorf(codes.Unavailable, "veche: %s answered %q; is it the client port of a veche?", addr, res.Status)
	}
	return status.Error(told.Code, told.Message)
}
