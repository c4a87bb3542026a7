package main

import (
	"encoding/json"
	"fmt"
)

const asTable = "application/json;as=Table;v=v1;g=meta.k8s.io"

// column is one row of the data file: name, type, format, priority, description (filler of the same length).
type column [5]any

// tableColumns asks for every collection as a table: "group/version/plural" to its columns. The rows do not matter.
func tableColumns(plane *controlPlane, answers map[string]string) (map[string][]column, error) {
	columns := map[string][]column{}
	for _, place := range listed(answers) {
		content, err := plane.get(place.path()+"?limit=1", asTable)
		if err != nil {
			return nil, err
		}
		made, err := columnsOf(withoutProse(content))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place.path(), err)
		}
		columns[place.group+"/"+place.version+"/"+place.plural] = made
	}
	return columns, nil
}

func columnsOf(content []byte) ([]column, error) {
	var table struct {
		Kind    string `json:"kind"`
		Columns []struct {
			Name        string `json:"name"`
			Type        string `json:"type"`
			Format      string `json:"format"`
			Description string `json:"description"`
			Priority    int    `json:"priority"`
		} `json:"columnDefinitions"`
	}
	if err := json.Unmarshal(content, &table); err != nil {
		return nil, err
	}
	if table.Kind != "Table" || len(table.Columns) == 0 {
		return nil, fmt.Errorf("the answer is no table with columns: kind %q", table.Kind)
	}
	columns := []column{}
	for _, one := range table.Columns {
		columns = append(columns, column{one.Name, one.Type, one.Format, one.Priority, one.Description})
	}
	return columns, nil
}
