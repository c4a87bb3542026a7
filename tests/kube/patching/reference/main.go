// Random patches and what the API server's own libraries make of them, as lines of JSON on standard output.
//
//	go run . | gzip -9n > ../data/reference.jsonl.gz
//
// Kinds of cases: "json", "merge" (evanphx/json-patch), "strategic" (apimachinery) and "fields" (managedfields over
// structured-merge-diff: sequences of applies and updates of one object). The seed is fixed.
package main

import (
	"bufio"
	"encoding/json"
	"math/rand"
	"os"
)

type random struct{ *rand.Rand }

func (r random) chance(percent int) bool { return r.Intn(100) < percent }

func pick[T any](r random, from ...T) T { return from[r.Intn(len(from))] }

// some picks a few of the values, in random order, now and then one of them twice.
func some[T any](r random, from ...T) []T {
	out := append([]T{}, from...)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:r.Intn(len(out)+1)]
}

type object = map[string]any

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	r := random{rand.New(rand.NewSource(20260101))}
	write := func(one object) {
		if one != nil {
			if err := encoder.Encode(one); err != nil {
				panic(err)
			}
		}
	}
	for i := 0; i < 700; i++ {
		write(jsonCase(r))
	}
	for i := 0; i < 300; i++ {
		write(mergeCase(r))
	}
	for i := 0; i < 1500; i++ {
		write(strategicCase(r))
	}
	for i := 0; i < 500; i++ {
		write(fieldsCase(r))
	}
}

func copied(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return parsed(text)
}
