package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"veche/page"
)

//go:embed web
var content embed.FS

// The size of a figure in CSS pixels, and how many dots of a PNG each is wide.
const (
	width, height = 1920, 1080
	dotsWide      = 2
	dotsPerInch   = 96 // of CSS
)

// takesMax bounds the whole command.
const takesMax = 3 * time.Minute

func main() {
	dir := flag.String("dir", "bin/figures", "where the files go")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

// run writes all figures into a folder, which it makes.
func run(dir string) error {
	if !page.Built() {
		return page.ErrNotBuilt
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	address, stop, err := serve()
	if err != nil {
		return err
	}
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), takesMax)
	defer cancel()
	ctx, end, err := browser(ctx)
	if err != nil {
		return err
	}
	defer end()
	if err := chromedp.Do(ctx, chromedp.Navigate("http://"+address+"/figures/figures.html")); err != nil {
		return err
	}
	// The page's module is loaded before its load event, which Navigate waits for.
	for _, figure := range []int{4, 5} {
		for _, lang := range []string{"en", "ru"} {
			for _, theme := range []string{"light", "dark"} {
				name := fmt.Sprintf("figure%d-%s-%s", figure, lang, theme)
				if err := write(ctx, filepath.Join(dir, name), figure, lang, theme); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				fmt.Println(filepath.Join(dir, name) + ".{svg,png,pdf}")
			}
		}
	}
	return nil
}

// serve serves the page and what draws the figures with it, on this machine alone.
func serve() (address string, stop func(), err error) {
	own, err := fs.Sub(content, "web")
	if err != nil {
		return "", nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", page.Handler())
	mux.Handle("/figures/", http.StripPrefix("/figures/", http.FileServerFS(own)))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }() // until stop, which waits for it
	return l.Addr().String(), func() { s.Close(); <-done }, nil
}

// browser starts Chromium with a profile of its own, which end removes.
func browser(ctx context.Context) (_ context.Context, end func(), err error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, nil, fmt.Errorf("the figures are drawn by a browser: install Debian's package chromium (%w)", err)
	}
	profile, err := os.MkdirTemp("", "veche-figures-")
	if err != nil {
		return nil, nil, err
	}
	ctx, stop := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-pings", true), chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))...)
	ctx, leave := chromedp.NewContext(ctx)
	end = func() {
		chromedp.Cancel(ctx)
		leave()
		stop()
		os.RemoveAll(profile)
	}
	_, err = chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: dotsWide,
	})
	if err != nil {
		end()
		return nil, nil, fmt.Errorf("start %s: %w", path, err)
	}
	return ctx, end, nil
}

// write draws one figure and writes its three files.
func write(ctx context.Context, path string, figure int, lang, theme string) error {
	svg, err := chromedp.Run(ctx, chromedp.Evaluate[string](fmt.Sprintf("figure(%d, %q, %q)", figure, lang, theme), chromedp.EvalAwaitPromise))
	if err != nil {
		return err
	}
	png, err := chromedp.Call(ctx, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{})
	if err != nil {
		return err
	}
	on, none := true, 0.0
	pdf, err := chromedp.Call(ctx, cdppage.PrintToPDF, cdppage.PrintToPDFParams{
		PrintBackground: &on, PaperWidth: float64(width) / dotsPerInch, PaperHeight: float64(height) / dotsPerInch, MarginTop: &none, MarginBottom: &none, MarginLeft: &none, MarginRight: &none,
	})
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(path+".svg", []byte(svg), 0o644), os.WriteFile(path+".png", png.Data, 0o644), os.WriteFile(path+".pdf", pdf.Data, 0o644))
}
