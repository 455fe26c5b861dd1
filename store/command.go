package store

import "encoding/binary"

// commandVersion leads every command. A new format gets a new number, and old
// ones stay readable as long as a log may hold them.
const commandVersion = 1

// A Command is one replicated change, decoded: exactly one of its fields is set.
type Command struct {
	Put         *Put
	DeleteRange *DeleteRange
	Txn         *Txn
	Compact     *Compact
}

// Kind says which field is set; KindNone if it is not exactly one.
func (c *Command) Kind() Kind {
	op := Op{Put: c.Put, DeleteRange: c.DeleteRange, Txn: c.Txn}
	switch kind := op.Kind(); {
	case c.Compact == nil:
		return kind
	case op == Op{}:
		return KindCompact
	default:
		return KindNone
	}
}

// EncodePut appends the command of a Put to dst.
func EncodePut(dst []byte, p *Put) []byte {
	return appendPut(append(dst, commandVersion, byte(KindPut)), p)
}

// EncodeDeleteRange appends the command of a DeleteRange to dst.
func EncodeDeleteRange(dst []byte, d *DeleteRange) []byte {
	return appendDelete(append(dst, commandVersion, byte(KindDeleteRange)), d)
}

// EncodeTxn appends the command of a Txn to dst. The Txn must have passed Check: one
// beyond TxnOpsMax or TxnDepthMax cannot be decoded.
func EncodeTxn(dst []byte, t *Txn) []byte {
	return appendTxn(append(dst, commandVersion, byte(KindTxn)), t)
}

// EncodeCompact appends the command of a Compact to dst.
func EncodeCompact(dst []byte, c *Compact) []byte {
	return appendInt(append(dst, commandVersion, byte(KindCompact)), c.Revision)
}

// Decode takes a command apart. The result shares memory with b. Every command has
// exactly one encoding; anything else gives ErrMalformed.
func Decode(b []byte) (Command, error) {
	r := reader{b: b}
	if r.byte() != commandVersion {
		return Command{}, ErrMalformed
	}
	var c Command
	switch Kind(r.byte()) {
	case KindPut:
		c.Put = r.put()
	case KindDeleteRange:
		c.DeleteRange = r.deleteRange()
	case KindTxn:
		c.Txn = r.txn(TxnDepthMax)
	case KindCompact:
		c.Compact = &Compact{Revision: Revision(r.int())}
	default:
		r.fail()
	}
	if r.bad || len(r.b) != 0 {
		return Command{}, ErrMalformed
	}
	return c, nil
}

func appendRange(dst []byte, r *Range) []byte {
	dst = appendFlags(dst, r.KeysOnly, r.CountOnly)
	dst = appendBytes(dst, r.Key)
	dst = appendBytes(dst, r.End)
	dst = appendInt(dst, r.Limit)
	dst = appendInt(dst, r.Revision)
	dst = binary.AppendUvarint(dst, uint64(uint32(r.SortOrder)))
	dst = binary.AppendUvarint(dst, uint64(uint32(r.SortTarget)))
	dst = appendInt(dst, r.MinMod)
	dst = appendInt(dst, r.MaxMod)
	dst = appendInt(dst, r.MinCreate)
	return appendInt(dst, r.MaxCreate)
}

func (r *reader) rangeRequest() *Range {
	q := &Range{}
	r.flags(&q.KeysOnly, &q.CountOnly)
	q.Key, q.End = r.bytes(), r.bytes()
	q.Limit, q.Revision = r.int(), Revision(r.int())
	q.SortOrder, q.SortTarget = SortOrder(r.enum()), SortTarget(r.enum())
	q.MinMod, q.MaxMod = Revision(r.int()), Revision(r.int())
	q.MinCreate, q.MaxCreate = Revision(r.int()), Revision(r.int())
	return q
}

func appendPut(dst []byte, p *Put) []byte {
	dst = appendFlags(dst, p.PrevKV, p.IgnoreValue, p.IgnoreLease)
	dst = appendBytes(dst, p.Key)
	dst = appendBytes(dst, p.Value)
	return appendInt(dst, p.Lease)
}

func (r *reader) put() *Put {
	p := &Put{}
	r.flags(&p.PrevKV, &p.IgnoreValue, &p.IgnoreLease)
	p.Key, p.Value = r.bytes(), r.bytes()
	p.Lease = Lease(r.int())
	return p
}

func appendDelete(dst []byte, d *DeleteRange) []byte {
	dst = appendFlags(dst, d.PrevKV)
	dst = appendBytes(dst, d.Key)
	return appendBytes(dst, d.End)
}

func (r *reader) deleteRange() *DeleteRange {
	d := &DeleteRange{}
	r.flags(&d.PrevKV)
	d.Key, d.End = r.bytes(), r.bytes()
	return d
}

// The sizes of a Compare and of an Op with nothing in them.
const (
	compareSizeMin = 6
	opSizeMin      = 1
)

func appendTxn(dst []byte, t *Txn) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(t.Compares)))
	for i := range t.Compares {
		c := &t.Compares[i]
		dst = appendBytes(dst, c.Key)
		dst = appendBytes(dst, c.End)
		dst = binary.AppendUvarint(dst, uint64(uint32(c.Target)))
		dst = binary.AppendUvarint(dst, uint64(uint32(c.Result)))
		dst = appendInt(dst, c.Number)
		dst = appendBytes(dst, c.Value)
	}
	return appendOps(appendOps(dst, t.Then), t.Else)
}

func (r *reader) txn(depthMax int) *Txn {
	if depthMax == 0 {
		r.fail()
		return nil
	}
	t := &Txn{}
	if n := r.count(compareSizeMin, TxnOpsMax); n > 0 {
		t.Compares = make([]Compare, n)
	}
	for i := range t.Compares {
		c := &t.Compares[i]
		c.Key, c.End = r.bytes(), r.bytes()
		c.Target, c.Result = CompareTarget(r.enum()), CompareResult(r.enum())
		c.Number, c.Value = r.int(), r.bytes()
	}
	t.Then = r.ops(depthMax)
	t.Else = r.ops(depthMax)
	return t
}

func appendOps(dst []byte, ops []Op) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(ops)))
	for i := range ops {
		o, kind := &ops[i], ops[i].Kind()
		dst = append(dst, byte(kind))
		switch kind {
		case KindRange:
			dst = appendRange(dst, o.Range)
		case KindPut:
			dst = appendPut(dst, o.Put)
		case KindDeleteRange:
			dst = appendDelete(dst, o.DeleteRange)
		case KindTxn:
			dst = appendTxn(dst, o.Txn)
		}
	}
	return dst
}

func (r *reader) ops(depthMax int) []Op {
	n := r.count(opSizeMin, TxnOpsMax)
	if n == 0 {
		return nil
	}
	ops := make([]Op, n)
	for i := range ops {
		switch Kind(r.byte()) {
		case KindNone: // an empty operation, which Check refuses
		case KindRange:
			ops[i].Range = r.rangeRequest()
		case KindPut:
			ops[i].Put = r.put()
		case KindDeleteRange:
			ops[i].DeleteRange = r.deleteRange()
		case KindTxn:
			ops[i].Txn = r.txn(depthMax - 1)
		default:
			r.fail()
		}
		if r.bad {
			return nil
		}
	}
	return ops
}
