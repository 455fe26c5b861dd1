// Package veche holds only the tests of the whole tree: tidy_test.go makes
// STYLE and ARCHITECTURE executable. Start reading at README.md.
package veche
