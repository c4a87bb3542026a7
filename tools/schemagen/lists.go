package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

type listMark struct {
	Type string   `json:"x-kubernetes-list-type"`
	Keys []string `json:"x-kubernetes-list-map-keys"`
}

// listTypes reads every published OpenAPI document: "schema name#field" to its list type.
func listTypes() (map[string]listMark, error) {
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
	marks := map[string]listMark{}
	for _, path := range paths {
		if err := addListTypes(marks, path); err != nil {
			return nil, err
		}
	}
	return marks, nil
}

func addListTypes(marks map[string]listMark, path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]listMark `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(content, &document); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for name, schema := range document.Components.Schemas {
		for property, mark := range schema.Properties {
			if mark.Type != "" {
				marks[name+"#"+property] = mark
			}
		}
	}
	return nil
}
