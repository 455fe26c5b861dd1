package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"veche/page"
	"veche/server"
)

const modelLong = `Show the interactive model of the algorithm in a browser: servers, messages, logs and
elections, with time that can be stopped, turned back and branched. It is served from
this program alone, and the model runs in the browser: nothing else is started, and
nothing is fetched from elsewhere. Every server of a cluster shows the same at /model.

With --site it is written into a folder for any web host instead, and with --file
into one HTML file that also opens from a disk.`

// modelOptions are the flags of veche model.
type modelOptions struct {
	listen, site, file string
	open               bool
}

func modelCommand() *cobra.Command {
	var o modelOptions
	cmd := &cobra.Command{
		Use:   "model",
		Short: "Show the interactive model in a browser",
		Long:  modelLong,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !page.Built() {
				return &exitError{exitFailed, page.ErrNotBuilt.Error()}
			}
			if o.site != "" || o.file != "" {
				return writeModel(&o, cmd.OutOrStdout())
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, os.Interrupt)
			defer stop()
			return serveModel(ctx, &o, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&o.listen, "listen", "127.0.0.1:0", "where to serve it, host:port; port 0 is any free one")
	cmd.Flags().BoolVar(&o.open, "open", false, "open it in the browser of this desktop")
	cmd.Flags().StringVar(&o.site, "site", "", "write a folder for a web host")
	cmd.Flags().StringVar(&o.file, "file", "", "write a single HTML file")
	return cmd
}

// writeModel writes the model as a folder, as a file, or both.
func writeModel(o *modelOptions, out io.Writer) error {
	if o.site != "" {
		if err := page.Site(o.site); err != nil {
			return &exitError{exitFailed, fmt.Sprintf("write the site: %v", err)}
		}
		fmt.Fprintf(out, "%s: put this folder on a web host; its index.html is the model\n", o.site)
	}
	if o.file != "" {
		b, err := page.OneFile()
		if err == nil {
			err = os.WriteFile(o.file, b, 0o644)
		}
		if err != nil {
			return &exitError{exitFailed, fmt.Sprintf("write the model as one file: %v", err)}
		}
		fmt.Fprintf(out, "%s: %.1f MB; open it in a browser\n", o.file, float64(len(b))/1e6)
	}
	return nil
}

// serveModel serves the model until ctx ends.
func serveModel(ctx context.Context, o *modelOptions, out io.Writer) error {
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return usagef("--listen %s: %v", o.listen, err)
	}
	s := &http.Server{Handler: server.Guard(modelPages()), ReadHeaderTimeout: modelHeaderMax, WriteTimeout: modelWriteMax, IdleTimeout: modelIdleMax, MaxHeaderBytes: modelHeaderBytes}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()

	url := "http://" + l.Addr().String() + "/model"
	fmt.Fprintf(out, "%s\nCtrl-C ends it.\n", url)
	if o.open {
		if err := openBrowser(ctx, url); err != nil {
			fmt.Fprintf(out, "No browser could be started (%v); open the address above yourself.\n", err)
		}
	}
	select {
	case <-ctx.Done():
		err = s.Close()
		<-served
	case err = <-served:
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return &exitError{exitFailed, fmt.Sprintf("serve the model: %v", err)}
	}
	return nil
}

// modelPages are the pages of a program that has no server to show.
func modelPages() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", http.RedirectHandler("/model", http.StatusFound))
	mux.Handle("/", page.Handler())
	return mux
}

// openBrowser asks the desktop to show an address. It does not wait for the
// browser, which may live longer than we do.
func openBrowser(ctx context.Context, url string) error {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), name, args...)
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}
