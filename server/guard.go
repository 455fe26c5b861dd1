package server

import (
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/status"
)

// guarded refuses requests for a host that is not ours, sets the headers that
// keep a browser from helping an attacker, and survives a panic.
//
// The Host check is what stops DNS rebinding: a page of evil.example may point
// its own name at 127.0.0.1, and the browser then takes us for evil.example.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p) // net/http's own way to give up a connection
			}
			s.metrics.panics.Inc()
			s.log.Error("a request panicked; this is a mistake of the program, please report it",
				"path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			panic(http.ErrAbortHandler)
		}()
		protect(w.Header())
		if !ours(r, s.cfg.HostNames) {
			s.metrics.refusedHosts.Inc()
			refuseHost(w, r, "; use its address, or allow that name with --http-hosts")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Guard puts the same headers and the same check of the Host around pages that
// some other listener serves: it answers for loopback and for the address that
// a request came in at.
func Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protect(w.Header())
		if !ours(r, nil) {
			refuseHost(w, r, "; use its address")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// protect sets what keeps a browser from helping an attacker.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
}

func refuseHost(w http.ResponseWriter, r *http.Request, advice string) {
	w.Header().Set("Connection", "close")
	http.Error(w, "this server does not answer for the host "+strings.ToValidUTF8(cleanName(r.Host), "?")+advice, http.StatusMisdirectedRequest)
}

// ours says whether a request is for loopback, for the address it came in at,
// or for a configured name. A request without Host (HTTP/1.0 checks of load
// balancers) is ours: no browser sends one.
func ours(r *http.Request, names []string) bool {
	if r.Host == "" {
		return true
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Unmap().IsLoopback() {
			return true
		}
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			if at, err := netip.ParseAddrPort(local.String()); err == nil && at.Addr().Unmap() == ip.Unmap() {
				return true
			}
		}
	}
	for _, name := range names {
		if strings.EqualFold(strings.Trim(name, "[]"), host) {
			return true
		}
	}
	return false
}

// sameOrigin refuses what a browser sends for a page of another site. Programs
// send neither Origin nor Sec-Fetch-Site and are not concerned.
func sameOrigin(next http.Handler) http.Handler {
	c := http.NewCrossOriginProtection()
	c.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		gatewayError(w, http.StatusForbidden, 7, "veche: a page of another site may not use this server")
	}))
	return c.Handler(next)
}

// bodyBounded refuses a request whose body is larger than any request can be.
func bodyBounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > gatewayBytesMax {
			w.Header().Set("Connection", "close")
			st := status.Convert(rpctypes.ErrGRPCRequestTooLarge)
			gatewayError(w, http.StatusBadRequest, int(st.Code()), st.Message())
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, gatewayBytesMax)
		next.ServeHTTP(w, r)
	})
}

// gatewayError answers in the form of the gateway.
func gatewayError(w http.ResponseWriter, code, grpcCode int, message string) {
	answer(w, code, struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{grpcCode, message})
}

// quietLog passes what net/http complains about (broken handshakes, mostly by
// strangers) to the log at its lowest level.
func quietLog(l *slog.Logger) *log.Logger { return slog.NewLogLogger(l.Handler(), slog.LevelDebug) }
