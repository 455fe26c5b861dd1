// Browser is a test layer, not a library: the dashboard of real servers, and of
// clusters that a test stages, in a real Chromium.
//
//	go test -tags browser -v ./browser
//
// It needs Chromium and fails without it. Pictures of the page, light and dark,
// are left in a folder that the test prints; VECHE_ARTIFACTS names another one.
//
// What it must never do: pass because the browser was missing, or let the
// browser talk to anything but the servers that the test started.
//
// Where to start reading: page_test.go has the browser and real servers,
// live_test.go stages what is rare in them.
package browser
