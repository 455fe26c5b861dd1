// Figures is a command for `make figures`: it writes the paper's Figures 4 and 5,
// drawn by the page's own elements, as SVG, PNG of 3840×2160 and PDF, in each
// language, light and dark.
//
//	go run ./internal/figures -dir bin/figures
//
// What it must never do: draw anything itself, or reach beyond this machine.
//
// Where to start reading: main.go drives the browser, web/figures.js sets the
// elements up and plays the run whose rows Figure 5 shows.
package main
