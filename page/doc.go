// Package page is what a browser shows of Veche: the interactive model, the
// paper's Figures 4 and 5, and the live dashboard of a real cluster. It holds the
// files, serves them, and writes them into a folder for any web host.
//
// What it must never do: fetch anything from elsewhere, or let a name or a key
// that came from a cluster become markup.
//
// Where to start reading: web/types.js says what the parts of the page say to
// each other; web/model.js is the model's page, web/live.js the dashboard's.
package page
