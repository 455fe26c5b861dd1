package raft

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// Goal: the log answers like a plain slice, and what it handed out never
// changes. Method: random appends, truncations and cuts beside a slice that
// keeps everything; slices handed out are compared at the end.
func TestLog_BehavesLikeASlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l log
		var model []Entry // the whole log, from index 1
		type loan struct{ given, was []Entry }
		var loans []loan
		last := func() Index { return Index(len(model)) }
		term := func(i Index) Term {
			if i == 0 {
				return 0
			}
			return model[i-1].Term
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				e := Entry{Index: last() + 1, Term: term(last()) + Term(rapid.IntRange(0, 2).Draw(t, "later")), Kind: EntryCommand,
					Data: []byte(fmt.Sprint(len(loans)))}
				l.append(e)
				model = append(model[:len(model):len(model)], e)
			},
			"truncate": func(t *rapid.T) {
				if first := Index(rapid.Uint64Range(uint64(l.base)+1, uint64(last())+1).Draw(t, "first")); first <= last() {
					l.truncate(first)
					model = model[: first-1 : first-1]
				}
			},
			"cut": func(t *rapid.T) { l.cut(Index(rapid.Uint64Range(0, uint64(last())+1).Draw(t, "up to"))) },
			"hand out": func(t *rapid.T) {
				s := l.slice(l.base+1, l.last())
				loans = append(loans, loan{s, append([]Entry(nil), s...)})
			},
			"ask for some bytes": func(t *rapid.T) {
				if l.base == last() {
					return
				}
				first := Index(rapid.Uint64Range(uint64(l.base)+1, uint64(last())).Draw(t, "first"))
				most := rapid.IntRange(0, 300).Draw(t, "bytes")
				got, sum := l.upTo(first, most), 0
				for k := range got {
					if got[k].Index != first+Index(k) {
						t.Fatalf("entry %d at place %d from %d on", got[k].Index, k, first)
					}
					sum += entryBytes(&got[k])
				}
				next := first + Index(len(got))
				if len(got) == 0 || len(got) > 1 && sum > most || next <= last() && sum+entryBytes(&model[next-1]) <= most {
					t.Fatalf("%d entries of %d bytes, asked for %d", len(got), sum, most)
				}
			},
			"agree": func(t *rapid.T) {
				i, at := Index(rapid.Uint64Range(0, uint64(last())+3).Draw(t, "index")), Term(rapid.Uint64Range(0, 20).Draw(t, "term"))
				want := min(i, last())
				for want > l.base && term(want) > at {
					want--
				}
				want = max(want, l.base)
				if got, gotTerm := l.agreement(i, at); got != want || gotTerm != term(want) {
					t.Fatalf("agreement %d of term %d, want %d of %d", got, gotTerm, want, term(want))
				}
			},
			"": func(t *rapid.T) {
				bytes := 0
				for i := Index(0); i <= last()+1; i++ {
					got, ok := l.term(i)
					if held := i >= l.base && i <= last(); ok != held || held && got != term(i) {
						t.Fatalf("term at %d: %d, %v; base %d, last %d", i, got, ok, l.base, last())
					}
					if i > l.base && i <= last() {
						bytes += entryBytes(&model[i-1])
					}
				}
				if l.last() != last() || l.lastTerm() != term(last()) || l.bytes != bytes {
					t.Fatalf("last %d of term %d, %d bytes; want %d of %d, %d", l.last(), l.lastTerm(), l.bytes, last(), term(last()), bytes)
				}
				for _, x := range loans {
					for k := range x.was {
						if x.given[k].Term != x.was[k].Term || string(x.given[k].Data) != string(x.was[k].Data) {
							t.Fatal("what was handed out has changed")
						}
					}
				}
			},
		})
	})
}

// Goal: of two logs at least one may win the other's vote, both only when they
// end alike, and the order is (term, then index) (case 2, §5.4.1).
func TestElection_UpToDateIsATotalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) *Core {
			c := &Core{}
			last := Term(0)
			for range rapid.IntRange(0, 5).Draw(t, name) {
				last += Term(rapid.IntRange(0, 2).Draw(t, "later"))
				c.log.append(Entry{Index: c.log.last() + 1, Term: last})
			}
			return c
		}
		a, b := draw("a"), draw("b")
		aWins, bWins := b.upToDate(a.log.last(), a.log.lastTerm()), a.upToDate(b.log.last(), b.log.lastTerm())
		alike := a.log.last() == b.log.last() && a.log.lastTerm() == b.log.lastTerm()
		if !aWins && !bWins || (aWins && bWins) != alike {
			t.Fatalf("a wins %v, b wins %v, alike %v", aWins, bWins, alike)
		}
		if a.log.lastTerm() > b.log.lastTerm() && bWins {
			t.Fatal("an older last term won")
		}
	})
}
