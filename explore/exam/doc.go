// Command exam judges the core that it was built with: it walks the scopes of
// package explore until one shows a broken promise, and prints the explore.Result
// of that scope, or of all together, as JSON. The first argument is how many
// states each scope may have, the others name scopes. Package mutants runs it on a core with a planted fault.
package main
