package store_test

import (
	"bytes"
	"fmt"

	"veche/store"
)

func ExampleStore_Apply() {
	s := store.New()
	for _, value := range []string{"alice", "bob"} {
		s.Apply(store.EncodePut(nil, &store.Put{Key: []byte("leader"), Value: []byte(value)}))
	}
	now, _ := s.Range(&store.Range{Key: []byte("leader")})
	then, _ := s.Range(&store.Range{Key: []byte("leader"), Revision: 2})
	fmt.Printf("now %s, at revision 2 %s\n", now.KVs[0].Value, then.KVs[0].Value)
	// Output: now bob, at revision 2 alice
}

// A lock: the one who creates the key has it.
func ExampleEncodeTxn() {
	s := store.New()
	take := func(who string) {
		key := []byte("lock")
		res := s.Apply(store.EncodeTxn(nil, &store.Txn{
			Compares: []store.Compare{{Key: key, Target: store.CompareCreate, Number: 0}},
			Then:     []store.Op{{Put: &store.Put{Key: key, Value: []byte(who)}}},
			Else:     []store.Op{{Range: &store.Range{Key: key}}},
		}))
		if res.Txn.Succeeded {
			fmt.Printf("%s has the lock at revision %d\n", who, res.Txn.Revision)
		} else {
			fmt.Printf("%s waits for %s\n", who, res.Txn.Responses[0].Range.KVs[0].Value)
		}
	}
	take("alice")
	take("bob")
	// Output:
	// alice has the lock at revision 2
	// bob waits for alice
}

func ExampleRestore() {
	s := store.New()
	s.Apply(store.EncodePut(nil, &store.Put{Key: []byte("a"), Value: []byte("x")}))
	var file bytes.Buffer
	if err := s.WriteSnapshot(&file); err != nil {
		fmt.Println(err)
		return
	}
	copied, err := store.Restore(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(copied.Revision(), copied.Hash() == s.Hash())
	// Output: 2 true
}
