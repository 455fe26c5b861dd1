package store

// A Kind tells what a Command, an Op or a Result is about. The numbers are part
// of the command format.
type Kind uint8

// The kinds. KindNone is an empty Op or a malformed command.
const (
	KindNone Kind = iota
	KindRange
	KindPut
	KindDeleteRange
	KindTxn
	KindCompact
)

// A SortOrder is the direction of a sorted Range, numbered as in etcd.
type SortOrder int32

// The sort orders.
const (
	SortNone SortOrder = iota
	SortAscend
	SortDescend
)

// A SortTarget is the field that a sorted Range sorts by, numbered as in etcd.
type SortTarget int32

// The sort targets.
const (
	SortByKey SortTarget = iota
	SortByVersion
	SortByCreate
	SortByMod
	SortByValue
)

// A CompareResult is the relation that a Compare demands, numbered as in etcd. An
// unknown number holds always, as it does there.
type CompareResult int32

// The relations.
const (
	CompareEqual CompareResult = iota
	CompareGreater
	CompareLess
	CompareNotEqual
)

// A CompareTarget is the field that a Compare looks at, numbered as in etcd. An
// unknown number counts as equal, as it does there.
type CompareTarget int32

// The compare targets.
const (
	CompareVersion CompareTarget = iota
	CompareCreate
	CompareMod
	CompareValue
	CompareLease
)

// A Range reads keys. Key and End mean in every request: no End is the single
// key, End "\0" is every key from Key on, any other End is excluded.
type Range struct {
	Key, End   []byte
	Limit      int64    // most versions to return; 0 or less means all
	Revision   Revision // read the store as of then; 0 means now
	SortOrder  SortOrder
	SortTarget SortTarget
	KeysOnly   bool // leave the values out
	CountOnly  bool // return Count alone

	// Only versions between these revisions, both included; 0 means no bound.
	MinMod, MaxMod       Revision
	MinCreate, MaxCreate Revision
}

// A Put sets one key.
type Put struct {
	Key, Value  []byte
	Lease       Lease
	PrevKV      bool // return the version that was overwritten
	IgnoreValue bool // keep the old value; the key must exist
	IgnoreLease bool // keep the old lease; the key must exist
}

// A DeleteRange deletes keys. A range without keys is no error and no change.
type DeleteRange struct {
	Key, End []byte
	PrevKV   bool // return the versions that were deleted
}

// A Compare is one condition of a Txn. With an End it must hold for every key of
// the range. A key that does not exist has zeroes for numbers, and no value: each
// comparison with its value is false.
type Compare struct {
	Key, End []byte
	Target   CompareTarget
	Result   CompareResult
	Number   int64  // what version, create, mod or lease is compared with
	Value    []byte // what the value is compared with
}

// An Op is one operation of a Txn: exactly one of its fields is set.
type Op struct {
	Range       *Range
	Put         *Put
	DeleteRange *DeleteRange
	Txn         *Txn
}

// Kind says which field is set; KindNone if it is not exactly one.
func (o *Op) Kind() Kind {
	kind, set := KindNone, 0
	if o.Range != nil {
		kind, set = KindRange, set+1
	}
	if o.Put != nil {
		kind, set = KindPut, set+1
	}
	if o.DeleteRange != nil {
		kind, set = KindDeleteRange, set+1
	}
	if o.Txn != nil {
		kind, set = KindTxn, set+1
	}
	if set != 1 {
		return KindNone
	}
	return kind
}

// A Txn does Then if every one of its Compares holds, else Else, as one revision.
// Inner transactions choose their branch from the state before any write.
type Txn struct {
	Compares   []Compare
	Then, Else []Op
}

// ReadOnly reports whether no branch, however deep, can write.
func (t *Txn) ReadOnly() bool {
	return readOnly(t.Then) && readOnly(t.Else)
}

func readOnly(ops []Op) bool {
	for i := range ops {
		o := &ops[i]
		if o.Put != nil || o.DeleteRange != nil || o.Txn != nil && !o.Txn.ReadOnly() {
			return false
		}
	}
	return true
}

// A Compact forgets every version that was overwritten or deleted at Revision or
// before. The memory is free at once, so etcd's "physical" has no counterpart.
type Compact struct {
	Revision Revision
}
