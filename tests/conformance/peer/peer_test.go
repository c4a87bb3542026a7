package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"testing"
	"testing/iotest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const data = "../../../scale_agent/standin/data"

func TestPlaceholdersInsideOthersAreFilledFirst(t *testing.T) {
	lookup := func(name string) string { return "<" + name + ">" }
	for text, wanted := range map[string]string{
		"nothing": "nothing", "a ${b} c": "a <b> c", "${uid:/x/${user.1}}/${c}": "<uid:/x/<user.1>>/<c>", "${open": "<open>",
	} {
		if got := fill(text, lookup); got != wanted {
			t.Errorf("%q became %q, not %q", text, got, wanted)
		}
	}
}

func TestRequestsAreNamedAsTheGeneratorNamesThem(t *testing.T) {
	for _, one := range []struct{ method, path, query, verb, resource string }{
		{"GET", "/api/v1/namespaces", "", "list", "namespaces"},
		{"GET", "/api/v1/namespaces/a", "", "get", "namespaces"},
		{"GET", "/api/v1/namespaces/a/secrets", "x=1&watch=true", "watch", "secrets"},
		{"PUT", "/apis/apps/v1/namespaces/a/deployments/b", "", "update", "deployments"},
		{"PUT", "/apis/apps/v1/namespaces/a/deployments/b/scale", "", "update", "deployments/scale"},
		{"PUT", "/api/v1/namespaces/a/finalize", "", "update", "namespaces/finalize"},
		{"DELETE", "/api/v1/nodes", "", "deletecollection", "nodes"},
		{"GET", "/readyz", "timeout=45s", "get", "/readyz"},
		{"GET", "/apis/k3s.cattle.io/v1", "", "get", "/apis"},
	} {
		if verb, resource := verbAndResource(one.method, one.path, one.query); verb != one.verb || resource != one.resource {
			t.Errorf("%s %s?%s is %s %s", one.method, one.path, one.query, verb, resource)
		}
	}
}

func counting(body []byte, protobuf, single bool) map[string]int {
	counts, source := map[string]int{}, io.Reader(bytes.NewReader(body))
	if single {
		source = iotest.OneByteReader(source)
	}
	io.Copy(io.Discard, &frames{ReadCloser: io.NopCloser(source), protobuf: protobuf, count: func(kind string) { counts[kind]++ }})
	return counts
}

func TestEventsAreCountedHoweverTheBytesCome(t *testing.T) {
	lines := []byte(`{"type":"ADDED","object":{"kind":"Pod"}}` + "\n" + `{"type":"BOOKMARK","object":{}}` + "\n" + `{"nothing":1}` + "\n" + `{"type":"ADDED","object":{` + "\n")
	var binaries []byte
	for _, kind := range []string{"ADDED", "MODIFIED", "BOOKMARK"} {
		event := metav1.WatchEvent{Type: kind, Object: runtime.RawExtension{Raw: bytes.Repeat([]byte("x"), 300)}}
		raw, err := event.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		binaries = append(binary.BigEndian.AppendUint32(binaries, uint32(len(raw))), raw...)
	}
	for _, single := range []bool{false, true} {
		if got := counting(lines, false, single); got["ADDED"] != 2 || got["BOOKMARK"] != 1 || got["other"] != 1 {
			t.Errorf("lines: %v", got)
		}
		if got := counting(binaries, true, single); got["ADDED"] != 1 || got["MODIFIED"] != 1 || got["BOOKMARK"] != 1 || len(got) != 3 {
			t.Errorf("frames: %v", got)
		}
	}
}

func TestQuantilesAreWithinABucketOfTheTruth(t *testing.T) {
	var h histogram
	for ms := 1; ms <= 1000; ms++ {
		h.add(time.Duration(ms) * time.Millisecond)
	}
	for q, wanted := range map[float64]float64{0.5: 500, 0.99: 990} {
		if got := h.quantile(q, 1000); got < wanted || got > wanted*1.1 {
			t.Errorf("quantile %v is %v", q, got)
		}
	}
}

func TestRecordingsHaveTwelveWatchesOfKnownKindsAndEveryPlaceholder(t *testing.T) {
	on := &shared{books: newBooks(), imports: map[string]*script{}, changes: map[string][]change{}}
	if err := on.read(data); err != nil {
		t.Fatal(err)
	}
	for path, s := range on.imports {
		watches := 0
		for _, one := range s.Steps {
			if !one.Watch {
				continue
			}
			watches++
			if about := watchedAt(one.Path); about.resource == "" {
				t.Errorf("%s: no kind is known for %s", path, one.Path)
			}
		}
		if watches != 12 || len(s.firstWatches) != 11 {
			t.Errorf("%s: %d watches, %d of them first", path, watches, len(s.firstWatches))
		}
		r := newRun(&life{c: &cluster{id: "c-m-abcdefgh"}, on: on}, s, 0, nil)
		for _, one := range s.Steps {
			fill(one.Path+string(one.Body), r.value)
		}
	}
	if len(on.books.errors) > 0 {
		t.Errorf("errors: %v %v", on.books.errors, on.books.examples)
	}
}

func TestBodiesBecomeProtobufThatDecodesToTheSame(t *testing.T) {
	raw, _ := json.Marshal(map[string]any{"kind": "Secret", "apiVersion": "v1", "metadata": map[string]any{"name": "a", "namespace": "b"}, "data": map[string]any{"k": "dg=="}})
	packed, err := encodedBody(raw, "protobuf")
	if err != nil {
		t.Fatal(err)
	}
	secret, ok := decoded(packed).(*corev1.Secret)
	if !ok || string(secret.Data["k"]) != "v" || pathOf(secret) != "/api/v1/namespaces/b/secrets/a" {
		t.Errorf("became %v", secret)
	}
	if got := asMap(secret)["kind"]; got != "Secret" {
		t.Errorf("kind %v", got)
	}
	if _, err := encodedBody([]byte(`{"kind":"None","apiVersion":"v1"}`), "protobuf"); err == nil {
		t.Error("an unknown kind was encoded")
	}
	if kindOf(&corev1.Node{}) != (schema.GroupVersionKind{Version: "v1", Kind: "Node"}) {
		t.Error("a typed object has no kind")
	}
}

func TestStateFollowsTheConditions(t *testing.T) {
	for _, one := range []struct {
		conditions []condition
		removing   bool
		wanted     string
	}{
		{nil, false, "active"},
		{nil, true, "removing"},
		{[]condition{{Type: "Waiting", Status: "Unknown"}}, false, "waiting"},
		{[]condition{{Type: "Waiting", Status: "True"}, {Type: "Ready", Status: "True"}}, false, "active"},
		{[]condition{{Type: "Ready", Status: "False", Reason: "Error"}}, false, "error"},
		{[]condition{{Type: "Ready", Status: "False"}}, false, "unavailable"},
	} {
		if got := summarize(one.conditions, one.removing).name; got != one.wanted {
			t.Errorf("%v is %s, not %s", one.conditions, got, one.wanted)
		}
	}
}
