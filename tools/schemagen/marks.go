package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
)

// mark is what Go has as comments only (+listType, +listMapKey, +mapType, +structType, +default) and the published documents as values.
type mark struct {
	ListType string   `json:"x-kubernetes-list-type"`
	ListKeys []string `json:"x-kubernetes-list-map-keys"`
	MapType  string   `json:"x-kubernetes-map-type"`
	Default  any      `json:"default"`
}

// marks are by schema name ("io.k8s.api.core.v1.PodSpec") and by "schema name#field".
type marks map[string]mark

// publishedMarks reads every published OpenAPI document.
func publishedMarks() (marks, error) {
	root, err := moduleDir("k8s.io/kubernetes")
	if err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(root, "api/openapi-spec/v3/*.json"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no OpenAPI documents in %s", root)
	}
	found := marks{}
	for _, path := range paths {
		if err := found.addDocument(path); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (found marks) addDocument(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var document struct {
		Components struct {
			Schemas map[string]struct {
				mark
				Properties map[string]mark `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(content, &document); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for name, schema := range document.Components.Schemas {
		found[name] = schema.mark
		for property, one := range schema.Properties {
			found[name+"#"+property] = one
		}
	}
	return nil
}

// annotate adds the marks to the table: atomic structs by name, the rest to their fields.
func (out *table) annotate(found marks) {
	for name, fields := range out.Types {
		if found[schemaName(name)].MapType == "atomic" {
			out.Atomic = append(out.Atomic, name)
		}
		for i := range fields {
			one := found[schemaName(name)+"#"+fields[i].JSON]
			fields[i].ListType, fields[i].ListMapKeys, fields[i].MapType = one.ListType, sorted(one.ListKeys), one.MapType
			if text, isText := one.Default.(string); isText {
				fields[i].Default = text
			}
		}
	}
	sort.Strings(out.Atomic)
}

func sorted(names []string) []string {
	sort.Strings(names)
	return names
}
