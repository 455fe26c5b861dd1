package main

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
)

// cuts are functions of Go's runtime, and of what it is made of, that can never do anything in a browser's
// model, but that the linker cannot know to be idle. Their bodies become a single
// trap: whatever came there after all would stop the program, as a panic does,
// and not compute something else. Names are as the linker writes them: what is
// neither a letter nor a digit nor a point is an underscore.
var cuts = []struct{ why, pkg, names string }{
	{"the tracer, which nobody starts", "runtime",
		`trace[A-Z].*|__trace.*|startPCForTrace|makeTraceFrames?|fpunwindExpand`},
	{"profiles, which nobody takes, and where a position is in the source, which the file does not tell any more", "runtime",
		`__profBuf_.*|stkbucket|setprofilebucket|newBucket|__bucket_.*|mProf_Free|saveblockevent|saveBlockEventStack|saveg|blockevent|` +
			`gcallers|callers|.*GoroutineProfile.*|tracebackPCs|forEachGRace|__Frames_.*|__Func_.*|FuncForPC|Caller|funcline1|funcfile`},
	{"what is printed after the message of a panic", "runtime",
		`traceback.*|printArgs|goroutineheader|printAncestor.*|printcreatedby.*|printFuncName|printScavTrace|hexdump.*|__hexdumper_.*|` +
			`dumpgstatus|showframe|showfuncinfo|gcDumpObject|dumpScanStats|dumpStacksRec|dumpTypesRec|__lockRank_.*|lockRank.*|fmtNSAsMS|` +
			`funcNamePieces.*|isExportedRuntime|__waitReason_.String|waitReason.String|badPointer|__mspan_.reportZombies`},
	{"checks of the runtime itself, which a variable of the environment would switch on", "runtime",
		`schedtrace.*|checkFinalizers.*|setCheckmark|runCheckmark|startCheckmarks.*|endCheckmarks|postMallocgcDebug|preMallocgcDebug|` +
			`findGoroutineLeaks|findMaybeRunnable.*|__g_.isMaybeRunnable|allGsSnapshotSortedForGC|debugCall.*|__godebugInc_.*|memCheck|parseByteCount`},
	{"what needs C, a second module, or package testing/synctest", "runtime",
		`.*[cC]go[A-Z].*|cgocall|asmcgocall|typesEqual|scanConservative|.*setUserArena.*|__synctest.*`},
	{"making threads, system calls and signals: WebAssembly has one thread, which is never preempted", "runtime",
		`newm1?|allocm(\.func1)?|mexit|oneNewExtraM|newextram|addExtraM|lockextra|unlockextra|` +
			`exitsyscall.*|entersyscall.*|reentersyscall.*|syscallingThread.*|__p_.destroy.*|asyncPreempt.*|sigpanic|exitThread`},
	{"fractions in panics, which would need the largest tables of all", "runtime", `print(float|complex).*`},
	{"fractions as text, which nobody reads or writes any more then", "internal_strconv",
		`special|__decimal_.*|readFloat|atof.*|ParseFloat|parseFloatPrefix|eiselLemire.*|AppendComplex|rightShift|leftShift|.*Ftoa.*|` +
			`formatDigits|roundShortest|fmt[EFBX]|dboxDigits|umul.*`},
}

// needed are those among them that run all the same: they find the tracer off.
var needed = []string{"runtime.traceLockInit", "runtime.traceAllocFreeEnabled"}

// cutOut replaces the bodies of those functions, and tells how many bytes it took.
func cutOut(all []section) (int, error) {
	names, imports := functions(all)
	patterns := make([]*regexp.Regexp, len(cuts))
	for i, c := range cuts {
		patterns[i] = regexp.MustCompile(`^` + c.pkg + `\.(?:` + c.names + `)$`)
	}
	found := make([]int, len(cuts))
	saved := 0
	for k, s := range all {
		if s.kind != sectionCode {
			continue
		}
		r := reader{b: s.body}
		n := r.number()
		out := binary.AppendUvarint(nil, uint64(n))
		for i := range n {
			body := r.take(r.number())
			for j, p := range patterns {
				if name := names[imports+i]; p.MatchString(name) && !slices.Contains(needed, name) {
					saved += len(body)
					found[j]++
					body = []byte{0, 0, 0x0b} // no variables; unreachable; end
					break
				}
			}
			out = binary.AppendUvarint(out, uint64(len(body)))
			out = append(out, body...)
		}
		if r.bad {
			return 0, errCut
		}
		all[k].body = out
	}
	for j, n := range found {
		if n == 0 {
			return 0, fmt.Errorf("no function is cut of: %s; this Go release may name them otherwise, see model/build/cut.go", cuts[j].why)
		}
	}
	return saved, nil
}
