//go:build browser

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Goal: each figure is there in each form, language and light, complete in
// itself. Method: write all into a folder; read every SVG as XML and look for the
// source and for what would need the page's styles; take the size of every PNG;
// see that every PDF is one page without a picture of dots.
func TestFigures_AreWholeFiles(t *testing.T) {
	dir := t.TempDir()
	if err := run(dir); err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{"en": "Ongaro &amp; Ousterhout, 2014", "ru": "Онгаро и Оустерхаута, 2014"}
	for _, figure := range []string{"figure4", "figure5"} {
		for lang, source := range sources {
			for _, theme := range []string{"light", "dark"} {
				path := filepath.Join(dir, figure+"-"+lang+"-"+theme)
				svg, dots, pdf := load(t, path+".svg"), load(t, path+".png"), load(t, path+".pdf")
				if err := wellFormed(svg); err != nil || !bytes.HasPrefix(svg, []byte("<svg ")) {
					t.Errorf("%s.svg is no SVG: %v", path, err)
				}
				if s := string(svg); !strings.Contains(s, source) || strings.Contains(s, "var(") || strings.Contains(s, "class=") {
					t.Errorf("%s.svg must name its source, and stand without the page's styles:\n%.300s", path, s)
				}
				if c, err := png.DecodeConfig(bytes.NewReader(dots)); err != nil || c.Width != width*dotsWide || c.Height != height*dotsWide {
					t.Errorf("%s.png: %v, %d×%d", path, err, c.Width, c.Height)
				}
				if !bytes.Contains(pdf, []byte("/Count 1\n")) || bytes.Contains(pdf, []byte("/Subtype /Image")) {
					t.Errorf("%s.pdf must be one page of lines and letters", path)
				}
			}
		}
	}
}

func load(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wellFormed reads all of it as XML.
func wellFormed(b []byte) error {
	for d := xml.NewDecoder(bytes.NewReader(b)); ; {
		if _, err := d.Token(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}
