package sim

import (
	"strconv"
	"strings"

	"veche/raft"
	"veche/store"
)

// client takes "put x 1 @S1", "get x @S1", "delete x @S1" or "local x @S1", or
// "put-bytes x 30000 @S1" for a value of that size; behind it may stand which
// client it is: "by C2".
func (p *Player) client(words []string) error {
	c, words, err := p.whoAsks(words)
	if err != nil {
		return err
	}
	at, isPut := words[len(words)-1], words[0] == "put" || words[0] == "put-bytes"
	if !strings.HasPrefix(at, "@") || isPut && len(words) != 4 || !isPut && len(words) != 3 {
		return p.wrong("write put x 1 @S1, get x @S1, delete x @S1 or local x @S1, and perhaps by C2")
	}
	i, err := p.node(at[1:])
	if err != nil {
		return err
	}
	w := p.world
	if !w.nodes[i].up && (p.story != nil || w.nodes[i].part == partUnused) {
		return p.wrong(name(i) + " does not run")
	}
	key := words[1]
	if words[0] == "local" && p.story != nil {
		p.teller.say(w.now, name(i)+" itself has "+p.shown(i, key))
		return nil
	}
	o := Op{Client: c, Node: i}
	said := asked{words: strings.Join(words[:len(words)-1], " ")}
	var write []byte
	switch words[0] {
	case "put":
		o.Kind, write = OpPut, store.EncodePut(nil, &store.Put{Key: []byte(key), Value: []byte(words[2])})
		said.brief = key + "=" + words[2]
	case "put-bytes":
		n, err := strconv.Atoi(words[2])
		if err != nil || n < 1 || n > valueMax {
			return p.wrong("put-bytes takes a key and a size from 1 to " + num(valueMax) + ": put-bytes x 30000 @S1")
		}
		value := make([]byte, n)
		for k := range value {
			value[k] = 'x'
		}
		o.Kind, write = OpPut, store.EncodePut(nil, &store.Put{Key: []byte(key), Value: value})
		said.words, said.brief = "put "+key+" "+words[2]+" B", key+"="+words[2]+" B"
	case "delete":
		o.Kind, write = OpDelete, store.EncodeDeleteRange(nil, &store.DeleteRange{Key: []byte(key)})
		said.brief = key + "=∅"
	case "local":
		o.Kind = OpLocal
	default:
		o.Kind = OpGet
	}
	p.submit(o, said, write)
	return nil
}

// valueMax bounds a value that is made for its size, in bytes.
const valueMax = 100_000

// note enters a client's request into the history, and gives its number. In a
// story that is all; else the trace has it as well.
func (p *Player) note(o Op, said asked) uint64 {
	w := p.world
	o.ID, o.Call, o.floor, o.run = uint64(len(w.load.ops)), w.now, w.load.acked, w.nodes[o.Node].run
	said.where = " at " + name(o.Node)
	p.ops[o.ID] = said
	p.newest[o.Client] = o.ID
	w.load.ops = append(w.load.ops, o)
	w.load.clients[o.Client].pending = o.ID
	if p.story == nil {
		w.record(&Record{Kind: RecordRequest, Node: raft.NodeID(o.Node + 1), A: uint64(o.Client), B: o.ID, Note: opNames[o.Kind]})
	}
	p.teller.asked = p.answer
	return o.ID
}

// submit hands a client's request to its server; one that is down refuses it.
func (p *Player) submit(o Op, said asked, write []byte) {
	w := p.world
	id := p.note(o, said)
	op := &w.load.ops[id]
	switch {
	case !w.nodes[o.Node].up:
		op.Down = true
		w.end(op, OpRefused)
	case o.Kind == OpLocal:
		p.read(op)
		w.end(op, OpDone)
	case o.Kind == OpGet:
		w.ask(o.Node, id, nil)
	default:
		w.ask(o.Node, id, append(valueBytes(id), write...))
	}
}

// read notes what the server's own store has at the key that is asked for.
func (p *Player) read(o *Op) {
	v, found := p.world.nodes[o.Node].machine.value([]byte(strings.Fields(p.ops[o.ID].words)[1]))
	said := p.ops[o.ID]
	said.found, said.value = found, string(v)
	p.ops[o.ID] = said
}

// whoAsks takes "by C2" off the end of a command. Without it a story's clients
// take turns; else it is the first one that does not wait for an answer.
func (p *Player) whoAsks(words []string) (client int, rest []string, err error) {
	clients := p.world.load.clients
	if n := len(words); n > 2 && words[n-2] == "by" {
		c, err := p.clientNamed(words[n-1])
		if err == nil && clients[c].pending != 0 {
			err = p.wrong(words[n-1] + " waits for an answer, and asks nothing else meanwhile")
		}
		return c, words[:n-2], err
	}
	if p.story != nil {
		return len(p.ops) % clientsMax, words, nil
	}
	for c := range clients {
		if clients[c].pending == 0 {
			return c, words, nil
		}
	}
	return 0, nil, p.wrong("all " + num(clientsMax) + " clients wait for an answer")
}

// clientNamed takes "C2" to the index 1.
func (p *Player) clientNamed(word string) (int, error) {
	c, err := strconv.Atoi(strings.TrimPrefix(word, "C"))
	if err != nil || !strings.HasPrefix(word, "C") || c < 1 || c > clientsMax {
		return 0, p.wrong(word + " is not a client; they are C1 to C" + num(clientsMax))
	}
	return c - 1, nil
}

// answer tells the end of a client's request in words.
func (p *Player) answer(id uint64) string {
	o, said := &p.world.load.ops[id], p.ops[id]
	words := said.words + said.where
	switch o.Outcome {
	case OpDone:
		if o.Kind == OpGet {
			key := strings.Fields(words)[1]
			how := ""
			if o.Leased {
				how = ", upon a lease"
			}
			return "client: " + words + ": " + p.shown(o.Node, key) + ", read at entry " + num(uint64(o.Index)) + how
		}
		return "client: " + words + ": done, as entry " + num(uint64(o.Index))
	case OpRefused:
		return "client: " + words + ": REFUSED, it will never happen"
	}
	return "client: " + words + ": UNKNOWN, it may happen yet or never"
}

// holdsClient takes "done 3", which counts the requests that were carried out,
// and "outcome C1 unknown", which looks at a client's newest one.
func (p *Player) holdsClient(args []string) (bool, error) {
	if args[0] == "done" {
		if len(args) != 2 {
			return false, p.wrong("done takes a number")
		}
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return false, p.wrong(args[1] + " is not a number")
		}
		return p.world.load.done >= uint64(max(n, 0)), nil
	}
	if len(args) != 3 {
		return false, p.wrong("write outcome C1 done; or waiting, refused, unknown")
	}
	c, err := p.clientNamed(args[1])
	if err != nil {
		return false, err
	}
	id := p.newest[c]
	return id > 0 && outcomeNames[p.world.load.ops[id].Outcome] == args[2], nil
}

// ClientLook is the newest request of a client.
type ClientLook struct {
	Client int // from 0
	Op     *Op // not to be changed
	Asked  string
	Value  string // Get: what was read
	Found  bool   // Get: there was something
}

// Clients appends the newest request of each client that ever asked.
func (p *Player) Clients(all []ClientLook) []ClientLook {
	for c, id := range p.newest {
		if id > 0 {
			all = append(all, p.Request(id))
			all[len(all)-1].Client = c
		}
	}
	return all
}

// Request is what is known of a request by its number: of an operation of the
// world, as records name it.
func (p *Player) Request(id uint64) ClientLook {
	o, said := &p.world.load.ops[id], p.ops[id]
	return ClientLook{o.Client, o, said.words, said.value, said.found}
}
