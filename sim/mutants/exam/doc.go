// Command exam judges the tree that it was built from: it plays all stories, and
// runs seeds until one fails, and prints a mutants.Verdict as JSON. It is run by
// package mutants in a copy of the tree with a planted fault; the argument is
// the number of seeds.
package main
