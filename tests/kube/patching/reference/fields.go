package main

import (
	"encoding/json"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/managedfields/managedfieldstest"
	"k8s.io/client-go/applyconfigurations"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// The schema of a custom resource with every way of merging.
const widget = `{
  "type": "object",
  "properties": {
    "apiVersion": {"type": "string"}, "kind": {"type": "string"},
    "metadata": {"type": "object", "properties": {
      "name": {"type": "string"}, "managedFields": {"type": "array", "items": {"type": "object"}}, "labels": {"type": "object", "additionalProperties": {"type": "string"}}}},
    "spec": {"type": "object", "properties": {
      "plain": {"type": "array", "items": {"type": "string"}},
      "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "integer"}},
      "rows": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "port"],
        "items": {"type": "object", "properties": {
          "name": {"type": "string"}, "port": {"type": "integer", "default": 7}, "value": {"type": "string"},
          "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"}},
          "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}}}},
      "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {
        "a": {"type": "string"}, "b": {"type": "boolean"}}},
      "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
        "known": {"type": "object", "properties": {"a": {"type": "string"}}}}},
      "either": {"x-kubernetes-int-or-string": true},
      "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": {"type": "number"}}}}}}}
}`

var widgetKind = schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Widget"}

func widgetConverter() managedfields.TypeConverter {
	var one spec.Schema
	if err := json.Unmarshal([]byte(widget), &one); err != nil {
		panic(err)
	}
	one.AddExtension("x-kubernetes-group-version-kind", []any{
		map[string]any{"group": widgetKind.Group, "version": widgetKind.Version, "kind": widgetKind.Kind},
	})
	converter, err := managedfields.NewTypeConverter(map[string]*spec.Schema{"com.example.v1.Widget": &one}, false)
	if err != nil {
		panic(err)
	}
	return converter
}

var (
	widgets     = widgetConverter()
	deployments = applyconfigurations.NewTypeConverter(clientscheme.Scheme)
	deduced     = managedfields.NewDeducedTypeConverter()
)

func widgetObject(r random) object {
	body := object{}
	maybe := func(percent int, name string, value any) {
		if r.chance(percent) {
			body[name] = value
		}
	}
	maybe(40, "plain", values(r, "x", "y"))
	numbers := []any{}
	for _, number := range some[int64](r, 1, 22, 3) {
		numbers = append(numbers, number)
	}
	maybe(50, "set", numbers)
	maybe(60, "rows", rows(r, "name", []any{"a", "b", "c<"}, func(row object) {
		if r.chance(50) {
			row["port"] = pick(r, int64(7), int64(80))
		}
		if r.chance(60) {
			row["value"] = pick(r, "1", "2")
		}
		if r.chance(30) {
			row["whole"] = texts(r)
		}
		if r.chance(30) {
			row["set"] = values(r, "s", "t")
		}
	}))
	maybe(40, "whole", object{"a": pick(r, "1", "2"), "b": r.chance(50)})
	maybe(50, "open", object{"known": object{"a": pick(r, "1", "2")}, "x": pick[any](r, "1", int64(2), true, object{"y": int64(2)}, []any{int64(2)}, nil)})
	maybe(30, "either", pick[any](r, "1", int64(1)))
	maybe(40, "map", object{pick(r, "k", "l"): object{"a": pick[any](r, int64(1), 1.5)}, "m": object{}})
	if r.chance(5) {
		body[pick(r, "plain", "set", "rows", "whole", "open", "map")] = nil
	}
	if r.chance(3) {
		body[pick(r, "plain", "set", "rows", "whole", "map", "unknown")] = pick[any](r, "x", int64(1), object{"a": "b"}, []any{object{}})
	}
	meta := object{"name": "w"}
	if r.chance(50) {
		meta["labels"] = texts(r)
	}
	return object{"apiVersion": "example.com/v1", "kind": "Widget", "metadata": meta, "spec": body}
}

func fieldsCase(r random) object {
	type maker struct {
		name      string
		converter managedfields.TypeConverter
		kind      schema.GroupVersionKind
		make      func(random) object
	}
	chosen := pick(r,
		maker{"Deployment", deployments, schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, deployment},
		maker{"Widget", widgets, widgetKind, widgetObject},
		maker{"deduced", deduced, widgetKind, widgetObject},
	)
	steps := []object{}
	for range r.Intn(5) + 2 {
		step := object{"do": pick(r, "apply", "apply", "update"), "manager": pick(r, "m", "n", "kubectl"), "force": r.chance(50)}
		step["object"] = copied(chosen.make(r))
		steps = append(steps, step)
	}
	var first []any
	for range 3 {
		seen := played(managedfieldstest.NewTestFieldManager(chosen.converter, chosen.kind), steps)
		if first != nil && !reflect.DeepEqual(first, seen) {
			return nil
		}
		first = seen
	}
	return object{"case": "fields", "type": chosen.name, "steps": steps, "seen": first}
}

// played is what each step answers: a refusal, or the object and who owns what, without times.
func played(manager managedfieldstest.TestFieldManager, steps []object) []any {
	out := []any{}
	for _, step := range steps {
		made := &unstructured.Unstructured{Object: copied(step["object"]).(object)}
		var err error
		if step["do"] == "apply" {
			err = manager.Apply(made, step["manager"].(string), step["force"].(bool))
		} else {
			err = manager.Update(made, step["manager"].(string))
		}
		if err != nil {
			out = append(out, object{"error": sortedLines(err.Error())})
			continue
		}
		live := copied(manager.Live().(*unstructured.Unstructured).Object).(object)
		entries := []any{}
		meta, _ := live["metadata"].(object)
		if found, ok := meta["managedFields"].([]any); ok {
			for _, entry := range found {
				delete(entry.(object), "time")
				entries = append(entries, entry)
			}
			delete(meta, "managedFields")
		}
		out = append(out, object{"object": live, "managedFields": entries})
	}
	return out
}

// sortedLines makes a message independent of the order in which maps were walked.
func sortedLines(text string) string {
	lines := strings.Split(text, "\n")
	if len(lines) > 2 && strings.HasPrefix(lines[0], "failed to create typed patch object") {
		return lines[0]
	}
	return text
}
