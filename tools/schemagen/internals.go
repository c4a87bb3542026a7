package main

import (
	"encoding/json"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// How the server's own structs are written when a message quotes them: their fields in Go's order, each beside the JSON name that
// the same field has in the published struct. A struct is named by the published one.

// internalRow: Go's name, the JSON name ("" if the published struct has no such field), the struct that it leads to (Map: by
// keys), and what an absent value looks like.
type internalRow struct {
	Go   string `json:"go"`
	JSON string `json:"json,omitempty"`
	Type string `json:"type,omitempty"`
	Map  bool   `json:"map,omitempty"`
	Zero any    `json:"zero"`
}

func internalFiles() (map[string][]byte, error) {
	table := map[string][]internalRow{}
	for _, one := range servedKinds() {
		made, err := one.scheme.New(schema.GroupVersionKind{Group: one.gvk.Group, Version: runtime.APIVersionInternal, Kind: one.gvk.Kind})
		if err != nil {
			continue // no internal form of its own: events
		}
		pairUp(reflect.TypeOf(made).Elem(), one.root, table)
	}
	content, err := json.Marshal(table)
	return map[string][]byte{"internals.json.z": content}, err
}

func pairUp(inner, published reflect.Type, table map[string][]internalRow) {
	if _, done := table[typeName(published)]; done {
		return
	}
	table[typeName(published)] = []internalRow{}
	names := map[string]reflect.StructField{}
	for _, goField := range flat(published) {
		names[goField.Name] = goField
	}
	rows := []internalRow{}
	for _, goField := range visible(inner) {
		row := internalRow{Go: goField.Name, Zero: zeroOf(goField.Type)}
		if there, found := names[goField.Name]; found {
			row.JSON = jsonName(there)
			next, wanted := structOf(there.Type)
			here, _ := anyStruct(goField.Type)
			if wanted && here != nil && here.PkgPath() != next.PkgPath() {
				row.Type, row.Map = typeName(next), there.Type.Kind() == reflect.Map
				pairUp(here, next, table)
			}
		}
		rows = append(rows, row)
	}
	table[typeName(published)] = rows
}

// visible are the fields as encoding/json sees them: those of embedded structs in their place.
func visible(goType reflect.Type) []reflect.StructField {
	out := []reflect.StructField{}
	for i := range goType.NumField() {
		goField := goType.Field(i)
		if goField.Anonymous && strings.HasPrefix(goField.Type.PkgPath(), "k8s.io/apimachinery/") {
			continue // metadata: nothing is written of what is empty
		}
		if goField.Anonymous && goField.Type.Kind() == reflect.Struct && goField.Tag.Get("json") == "" {
			out = append(out, visible(goField.Type)...)
		} else if goField.IsExported() {
			out = append(out, goField)
		}
	}
	return out
}

func anyStruct(goType reflect.Type) (reflect.Type, bool) {
	for goType.Kind() == reflect.Pointer || goType.Kind() == reflect.Slice || goType.Kind() == reflect.Map {
		goType = goType.Elem()
	}
	if goType.Kind() != reflect.Struct {
		return nil, false
	}
	return goType, true
}

// zeroOf is what a field's zero value looks like; a struct's is shown by its own rows.
func zeroOf(goType reflect.Type) any {
	if special[goType] == "" && goType.Kind() == reflect.Struct {
		return map[string]any{}
	}
	content, err := json.Marshal(reflect.New(goType).Elem().Interface())
	if err != nil {
		return nil
	}
	return json.RawMessage(content)
}
