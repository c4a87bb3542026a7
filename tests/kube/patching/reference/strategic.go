package main

import (
	"reflect"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

var mergeKeys = map[string]string{
	"containers": "name", "env": "name", "ports": "containerPort", "volumes": "name", "imagePullSecrets": "name",
	"volumeMounts": "mountPath", "ownerReferences": "uid", "finalizers": "",
}

// patchOf makes a patch: another object with nulls, gaps and directives.
func patchOf(r random, value any) any {
	switch typed := value.(type) {
	case object:
		out := object{}
		for _, name := range names(typed) {
			inner := typed[name]
			switch n := r.Intn(20); {
			case n < 5:
			case n == 5:
				out[name] = nil
			default:
				out[name] = patchOf(r, inner)
				if list, ok := inner.([]any); ok && r.chance(50) {
					directives(r, out, name, list)
				}
			}
		}
		if r.chance(3) {
			out["$patch"] = pick(r, "replace", "delete", "merge", "fly")
		}
		if r.chance(3) {
			keys := []any{}
			for _, name := range names(typed) {
				if r.chance(90) {
					keys = append(keys, name)
				}
			}
			out["$retainKeys"] = keys
		}
		return out
	case []any:
		out := []any{}
		for _, element := range typed {
			if row, ok := element.(object); ok {
				row = patchOf(r, row).(object)
				for _, key := range []string{"name", "containerPort", "mountPath", "uid"} {
					if had, ok := element.(object)[key]; ok && !r.chance(1) {
						row[key] = had
					}
				}
				if r.chance(10) {
					row["$patch"] = "delete"
				}
				out = append(out, row)
			} else {
				out = append(out, element)
			}
		}
		if r.chance(4) {
			out = append(out, object{"$patch": "replace"})
		}
		return out
	}
	if r.chance(3) {
		return pick[any](r, object{}, []any{}, "x", int64(1))
	}
	return value
}

func directives(r random, out object, name string, list []any) {
	key, known := mergeKeys[name]
	if !known {
		return
	}
	if name == "finalizers" && r.chance(50) {
		out["$deleteFromPrimitiveList/finalizers"] = values(r, "x/a", "x/b", "x/d")
	}
	if !r.chance(60) {
		return
	}
	order := []any{}
	for _, element := range list {
		if row, ok := element.(object); ok && key != "" {
			order = append(order, object{key: row[key]})
		} else {
			order = append(order, element)
		}
	}
	if r.chance(30) {
		order = append(order, pick[any](r, object{"name": "b"}, object{"containerPort": int64(443)}, "x/c", object{"uid": "2"}))
	}
	if r.chance(10) {
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	out["$setElementOrder/"+name] = order
}

func strategicCase(r random) (kept object) {
	defer func() { // some patches make the library panic
		if recover() != nil {
			kept = nil
		}
	}()
	target := copied(deployment(r)).(object)
	patch := copied(patchOf(r, deployment(r))).(object)
	var first object
	for range 4 { // maps are walked in random order: keep what does not depend on it
		out := object{"case": "strategic", "target": target, "patch": patch}
		after, err := merged(copied(target).(object), copied(patch).(object))
		if err != nil {
			out["error"] = strings.SplitN(err.Error(), "\n", 2)[0]
		} else {
			out["result"] = copied(after)
		}
		if first != nil && !reflect.DeepEqual(first, out) {
			return nil
		}
		first = out
	}
	return first
}

func merged(target, patch object) (object, error) {
	return strategicpatch.StrategicMergeMapPatch(target, patch, appsv1.Deployment{})
}
