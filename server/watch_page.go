package server

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// helloReport is what a page is told first.
type helloReport struct {
	Viewer  string `json:"viewer"`           // whose page it is
	EveryMS int64  `json:"every_ms"`         // between two frames
	Faults  string `json:"faults,omitempty"` // where faults can be asked for; none in production
}

// ServeHTTP sends, as server-sent events, one "hello", then "events" (lists of
// EventReport with ids; repeated after the connection was lost) and "frame"
// (FrameReport), a few times a second. A reader who is slow misses frames, never
// events. With ?once it answers a single frame as JSON.
func (w *Watch) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if !w.join() {
		rw.Header().Set("Retry-After", "5")
		http.Error(rw, "too many pages look at the cluster through this member; close one, or open another member's", http.StatusServiceUnavailable)
		return
	}
	defer w.leave()
	if r.URL.Query().Has("once") {
		w.once(rw, r)
		return
	}
	out := newWatchStream(rw, r)
	hello, err := json.Marshal(helloReport{Viewer: w.cfg.Viewer, EveryMS: watchEvery.Milliseconds(), Faults: w.cfg.Faults})
	if err != nil {
		return // strings and numbers always marshal
	}
	out.say("hello", hello)
	var told, shown uint64
	for {
		all, frame, n, more := w.after(told, shown)
		if len(all) > 0 {
			out.say("events", joined(all))
			told = all[len(all)-1].number
		}
		if frame != nil {
			out.say("frame", frame)
			shown = n
		}
		if out.flush() != nil {
			return // the reader has gone, or is too slow
		}
		select {
		case <-more:
		case <-r.Context().Done():
			return
		case <-w.cfg.Stopping:
			return
		}
	}
}

// once answers the first frame in which every member was asked.
func (w *Watch) once(rw http.ResponseWriter, r *http.Request) {
	for {
		frame, more := w.full()
		if frame != nil {
			rw.Header().Set("Content-Type", "application/json; charset=utf-8")
			rw.Header().Set("Cache-Control", "no-store")
			_, _ = rw.Write(frame) // the client has gone, and nobody is left to tell
			return
		}
		select {
		case <-more:
		case <-r.Context().Done():
			return
		case <-w.cfg.Stopping:
			return
		}
	}
}

// joined is a list of news as JSON.
func joined(all []news) []byte {
	list := []byte{'['}
	for k := range all {
		if k > 0 {
			list = append(list, ',')
		}
		list = append(list, all[k].raw...)
	}
	return append(list, ']')
}

// watchStream is a stream of server-sent events, compressed if the reader takes
// that: frames are so much alike that a tenth is left.
type watchStream struct {
	text bytes.Buffer
	w    io.Writer
	zip  *gzip.Writer // nil: as it is
	out  *http.ResponseController
}

func newWatchStream(rw http.ResponseWriter, r *http.Request) *watchStream {
	s := &watchStream{w: rw, out: http.NewResponseController(rw)}
	_ = s.out.SetReadDeadline(time.Time{}) // the stream has no end; each write has its own deadline
	h := rw.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		s.zip, _ = gzip.NewWriterLevel(rw, gzip.BestSpeed) // a known level
	}
	s.text.WriteString("retry: 1000\n\n")
	return s
}

// say adds an event; its data is JSON, which has no line breaks.
func (s *watchStream) say(event string, data []byte) {
	s.text.WriteString("event: " + event + "\ndata: ")
	s.text.Write(data)
	s.text.WriteString("\n\n")
}

// flush sends what was said.
func (s *watchStream) flush() error {
	if s.zip == nil {
		text := s.text.String()
		s.text.Reset()
		return sendText(s.w, s.out, text)
	}
	if _, err := s.text.WriteTo(deadlined{s.zip, s.out}); err != nil {
		return err
	}
	if err := s.zip.Flush(); err != nil {
		return err
	}
	return s.out.Flush()
}

// deadlined writes within streamWriteMax.
type deadlined struct {
	io.Writer
	out *http.ResponseController
}

func (d deadlined) Write(p []byte) (int, error) {
	if err := d.out.SetWriteDeadline(time.Now().Add(streamWriteMax)); err != nil {
		return 0, err
	}
	return d.Writer.Write(p)
}
