package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	kjson "sigs.k8s.io/json"
)

func parsed(text []byte) any {
	var value any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, &value); err != nil {
		panic(err)
	}
	return value
}

func anything(r random, depth int) any {
	switch n := r.Intn(10); {
	case n < 2 && depth > 0:
		out := []any{}
		for range r.Intn(4) {
			out = append(out, anything(r, depth-1))
		}
		return out
	case n < 5 && depth > 0:
		return document(r, depth-1)
	case n < 6:
		return nil
	default:
		return pick[any](r, int64(0), int64(1), "", "x", true, false, 1.5)
	}
}

// names are an object's names in one order, so that the seed decides everything.
func names(of object) []string {
	return slices.Sorted(maps.Keys(of))
}

func document(r random, depth int) object {
	out := object{}
	for _, name := range some(r, "a", "b", "c", "d~/", "0", "-") {
		out[name] = anything(r, depth)
	}
	return out
}

// pointer is mostly one into the document.
func pointer(r random, in any) string {
	out := ""
	for r.chance(80) {
		switch typed := in.(type) {
		case object:
			name := pick(r, "a", "b", "c", "d~/", "0")
			for _, had := range names(typed) {
				if r.chance(50) {
					name = had
				}
			}
			if r.chance(80) {
				in = typed[name]
			}
			out += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		case []any:
			at := r.Intn(len(typed) + 1)
			if at == len(typed) {
				return out + pick(r, "/-", "/-1", "/"+strconv.Itoa(at))
			}
			in = typed[at]
			out += "/" + strconv.Itoa(at)
		default:
			return out
		}
	}
	if r.chance(90) {
		return out
	}
	for range pick(r, 0, 1, 1, 1, 2, 2, 2, 3, 4) {
		out += "/" + pick(r, "a", "b", "c", "d~0~1", "0", "1", "-1", "-", "2", "01", "x")
	}
	return out
}

func jsonCase(r random) (out object) {
	target := document(r, 3)
	patch := []any{}
	for range pick(r, 1, 1, 1, 2, 3) {
		kind := pick(r, "add", "add", "add", "remove", "replace", "replace", "move", "copy", "copy", "test")
		operation := object{"op": kind, "path": pointer(r, target)}
		if r.chance(2) {
			operation["op"] = "fly"
		}
		if r.chance(2) {
			delete(operation, "path")
		}
		if kind == "move" || kind == "copy" {
			operation["from"] = pointer(r, target)
		} else if !r.chance(5) {
			operation["value"] = anything(r, 2)
		}
		patch = append(patch, operation)
	}
	defer func() { // some patches make the library panic
		if recover() != nil {
			out = nil
		}
	}()
	text, _ := json.Marshal(patch)
	decoded, err := jsonpatch.DecodePatch(text)
	if err != nil {
		panic(err)
	}
	before, _ := json.Marshal(target)
	after, err := decoded.Apply(before)
	return result("json", target, patch, after, err)
}

func result(kind string, target, patch any, after []byte, err error) object {
	out := object{"case": kind, "target": target, "patch": patch}
	if err != nil {
		out["error"] = strings.SplitN(err.Error(), "\n", 2)[0]
	} else {
		out["result"] = parsed(after)
	}
	return out
}

func mergeCase(r random) object {
	target, patch := document(r, 3), document(r, 3)
	before, _ := json.Marshal(target)
	text, _ := json.Marshal(patch)
	after, err := jsonpatch.MergePatch(before, text)
	return result("merge", target, patch, after, err)
}
