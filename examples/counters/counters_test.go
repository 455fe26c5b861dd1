package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestMain lets this test's program be one of the three processes.
func TestMain(m *testing.M) {
	if text := nodeText(); text != "" {
		if err := runNode(text, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// Goal: the example does what it says. Method: the whole story, with real
// processes; every server must tell the sum after each part of it.
func TestStory_NoMoneyIsMadeOrLost(t *testing.T) {
	var out bytes.Buffer
	err := tell(&out)
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "says: the sum is 500."); n != 3+2+3 {
		t.Errorf("the sum was told %d times, want 8", n)
	}
}

// Goal: the bank keeps its sum whatever it is told, and comes back as it was.
// Method: commands that make sense and others.
func TestBank_KeepsItsSum(t *testing.T) {
	b := newBank()
	for _, c := range []struct {
		command string
		want    any
	}{
		{`{"to":"a","amount":5}`, nil},
		{`{"from":"a","to":"b","amount":3}`, nil},
		{`{"from":"a","to":"b","amount":3}`, errNoMoney},
		{`{"from":"a","to":"a","amount":2}`, nil},
		{`{"from":"b","to":"a","amount":-1}`, errNotUnderstood},
		{`{"to":"a","amount":9223372036854775807}`, errNotUnderstood},
		{`nonsense`, errNotUnderstood},
	} {
		if got := b.Apply(1, []byte(c.command)); got != c.want {
			t.Errorf("%s: %v, want %v", c.command, got, c.want)
		}
		if b.sum() != 5 {
			t.Fatalf("after %s the sum is %d", c.command, b.sum())
		}
	}
	write := b.Snapshot()
	b.Apply(2, []byte(`{"to":"a","amount":100}`))
	var file bytes.Buffer
	if err := write(&file); err != nil {
		t.Fatal(err)
	}
	back := newBank()
	if err := back.Restore(&file); err != nil || back.sum() != 5 || back.Accounts["b"] != 3 {
		t.Errorf("restored as %v, %v", back.Accounts, err)
	}
}
