// Command twin prints the digest of everything that happens in the stories of a
// directory and in so many seeds of twenty seconds each. A test builds it twice,
// with the tag lab and without, and compares.
//
// It must never leave a rule out. Where to start reading: Traces in sim/lab.
package main
