package main

import (
	"encoding/json"
	"errors"
	"io"

	"veche/host"
	"veche/raft"
)

// bank is the state machine: how much is on each account. Whatever the commands
// are, the sum of all accounts stays what was paid in.
type bank struct{ Accounts map[string]int64 }

// command is what stands in the log: a payment from outside if From is empty.
type command struct {
	From   string `json:"from,omitempty"`
	To     string `json:"to"`
	Amount int64  `json:"amount"`
}

var (
	errNotUnderstood = errors.New("the command is not understood")
	errNoMoney       = errors.New("there is not enough on the account")
)

func newBank() *bank { return &bank{Accounts: map[string]int64{}} }

// Apply moves money, or says why not: then nothing has changed, on any server.
// It looks at nothing but the accounts and the command.
func (b *bank) Apply(_ raft.Index, data []byte) any {
	var c command
	switch err := json.Unmarshal(data, &c); {
	case err != nil || c.To == "" || c.Amount <= 0 || b.Accounts[c.To] > 1<<60-c.Amount:
		return errNotUnderstood
	case c.From != "" && b.Accounts[c.From] < c.Amount:
		return errNoMoney
	case c.From != "":
		b.Accounts[c.From] -= c.Amount
	}
	b.Accounts[c.To] += c.Amount
	return nil
}

// Snapshot captures the accounts by copying them: there are few. json writes the
// keys of a map in order, so that equal banks give equal bytes.
func (b *bank) Snapshot() func(io.Writer) error {
	copied := newBank()
	for name, amount := range b.Accounts {
		copied.Accounts[name] = amount
	}
	return func(w io.Writer) error { return json.NewEncoder(w).Encode(copied) }
}

// Restore replaces the accounts by those of a snapshot.
func (b *bank) Restore(r io.Reader) error {
	read := newBank()
	if err := json.NewDecoder(r).Decode(read); err != nil {
		return err
	}
	*b = *read
	return nil
}

// sum is what is on all accounts together.
func (b *bank) sum() (sum int64) {
	for _, amount := range b.Accounts {
		sum += amount
	}
	return sum
}

var _ host.StateMachine = (*bank)(nil)
