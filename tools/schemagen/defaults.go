package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sort"
	"strings"

	apiextensionsserver "k8s.io/apiextensions-apiserver/pkg/apiserver"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	aggregatorscheme "k8s.io/kube-aggregator/pkg/apiserver/scheme"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/controlplane"
	"k8s.io/kubernetes/pkg/generated/openapi"
)

// The defaults of every kind, found by asking: at each place of a kind where a struct can stand, an object is made that has that
// struct and nothing else, the scheme's own defaulting runs over it, and what it wrote into the struct's fields is kept. Then each
// sibling (and each field of the struct around it) is set in turn, so that defaults under a condition show theirs.

// defaultRow is what one field gets. Value is absent if it gets nothing; Copy names a sibling whose value it gets.
type defaultRow struct {
	Field string          `json:"field"`
	Value json.RawMessage `json:"value,omitempty"`
	Cases []defaultCase   `json:"cases,omitempty"`
}

// defaultCase is what the field gets instead if the field If (a sibling's JSON name, or "^" and that of a field of the struct
// around) is Is, or, without Is, has any value. What counts is what the client sent.
type defaultCase struct {
	If    string          `json:"if"`
	Is    json.RawMessage `json:"is,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
	Copy  bool            `json:"copy,omitempty"`
}

// defaultTable has the rows by struct ("k8s.io/api/core/v1.Probe"), and those of places that differ from their struct's other
// places ("v1/Pod#spec", "apps/v1/Deployment#spec.template.spec.containers").
type defaultTable struct {
	Types  map[string][]defaultRow `json:"types"`
	Places map[string][]defaultRow `json:"places"`
}

// step leads from one struct to the next: the field, and whether its elements are meant.
type step struct{ field reflect.StructField }

type place struct {
	scheme *runtime.Scheme
	gvk    schema.GroupVersionKind
	root   reflect.Type
	steps  []step
	at     reflect.Type
}

func defaultFiles() (map[string][]byte, error) {
	places := map[string][]place{}
	for _, one := range servedKinds() {
		walkPlaces(one, nil, places)
	}
	table := defaultTable{Types: map[string][]defaultRow{}, Places: map[string][]defaultRow{}}
	found := enums()
	for name, alike := range places {
		if err := table.addType(name, alike, found); err != nil {
			return nil, err
		}
	}
	content, err := json.Marshal(table)
	return map[string][]byte{"defaults.json.z": content}, err
}

// servedKinds are the kinds with metadata in the versions that a server serves without flags.
func servedKinds() []place {
	config := controlplane.DefaultAPIResourceConfigSource()
	out := []place{}
	for _, scheme := range []*runtime.Scheme{legacyscheme.Scheme, apiextensionsserver.Scheme, aggregatorscheme.Scheme} {
		for gvk, goType := range scheme.AllKnownTypes() {
			enabled, known := config.GroupVersionConfigs[gvk.GroupVersion()]
			if scheme == legacyscheme.Scheme && !(known && enabled) || gvk.Version == runtime.APIVersionInternal {
				continue
			}
			if _, isObject := goType.FieldByName("ObjectMeta"); isObject {
				out = append(out, place{scheme: scheme, gvk: gvk, root: goType, at: goType})
			}
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].key() < out[j].key() })
	return out
}

// key is "apps/v1/Deployment#spec.strategy".
func (one place) key() string {
	names := []string{}
	for _, at := range one.steps {
		names = append(names, jsonName(at.field))
	}
	return one.gvk.GroupVersion().String() + "/" + one.gvk.Kind + "#" + strings.Join(names, ".")
}

func jsonName(goField reflect.StructField) string {
	name, _, _ := strings.Cut(goField.Tag.Get("json"), ",")
	return name
}

// structOf is the struct that a field leads to: by itself, by pointer, as element of a list or map.
func structOf(goType reflect.Type) (reflect.Type, bool) {
	for goType.Kind() == reflect.Pointer || goType.Kind() == reflect.Slice || goType.Kind() == reflect.Map {
		goType = goType.Elem()
	}
	if _, isSpecial := special[goType]; isSpecial || goType.Kind() != reflect.Struct {
		return nil, false
	}
	return goType, strings.HasPrefix(goType.PkgPath(), "k8s.io/api/") || strings.Contains(goType.PkgPath(), "/pkg/apis/") &&
		!strings.HasPrefix(goType.PkgPath(), "k8s.io/apimachinery/")
}

func walkPlaces(here place, above []reflect.Type, out map[string][]place) {
	out[typeName(here.at)] = append(out[typeName(here.at)], here)
	for _, goField := range flat(here.at) {
		next, wanted := structOf(goField.Type)
		if !wanted || contains(above, next) || next == here.at {
			continue
		}
		there := here
		there.steps, there.at = append(append([]step{}, here.steps...), step{goField}), next
		walkPlaces(there, append(append([]reflect.Type{}, above...), here.at), out)
	}
}

func contains(types []reflect.Type, wanted reflect.Type) bool {
	for _, one := range types {
		if one == wanted {
			return true
		}
	}
	return false
}

// addType keeps what most places of a struct agree on, and the other places by themselves.
func (table *defaultTable) addType(name string, alike []place, found map[string][]string) error {
	votes, rows := map[string]int{}, map[string][]defaultRow{}
	texts := make([]string, len(alike))
	for i, one := range alike {
		made := one.rows(found)
		text, err := json.Marshal(made)
		if err != nil {
			return fmt.Errorf("%s: %w", one.key(), err)
		}
		texts[i] = string(text)
		votes[texts[i]]++
		rows[texts[i]] = made
	}
	common := texts[0]
	for _, text := range texts {
		if votes[text] > votes[common] || votes[text] == votes[common] && text < common {
			common = text
		}
	}
	if len(rows[common]) > 0 {
		table.Types[name] = rows[common]
	}
	for i, one := range alike {
		if texts[i] != common {
			table.Places[one.key()] = rows[texts[i]]
		}
	}
	return nil
}

// flat are the fields of a struct with those of inlined structs.
func flat(goType reflect.Type) []reflect.StructField {
	out := []reflect.StructField{}
	for i := range goType.NumField() {
		goField := goType.Field(i)
		if goField.Anonymous && jsonName(goField) == "" && goField.Type.Kind() == reflect.Struct {
			for _, inner := range flat(goField.Type) {
				inner.Index = append([]int{i}, inner.Index...)
				out = append(out, inner)
			}
		} else if goField.IsExported() && jsonName(goField) != "" && jsonName(goField) != "-" {
			out = append(out, goField)
		}
	}
	return out
}

// trial is one value of one field of the struct, or of the struct around it.
type trial struct {
	field  reflect.StructField
	around bool
	is     string // one of the field's enumerated texts; empty: any value
	number int    // which of two different values
}

func (one place) rows(found map[string][]string) []defaultRow {
	base := one.run(nil)
	rows := map[string]*defaultRow{}
	order := []string{}
	for _, goField := range flat(one.at) {
		name := jsonName(goField)
		rows[name] = &defaultRow{Field: name, Value: base[name]}
		order = append(order, name)
	}
	for _, first := range one.trials(found) {
		given := one.run(&first)
		second := first
		second.number = 1
		other := one.run(&second)
		label, input := jsonName(first.field), one.input(first)
		for _, name := range order {
			if !first.around && name == label || string(given[name]) == string(base[name]) && string(other[name]) == string(base[name]) {
				continue
			}
			if first.around {
				label = "^" + jsonName(first.field)
			}
			made := defaultCase{If: label, Value: given[name]}
			if first.is != "" {
				made.Is, _ = json.Marshal(first.is)
			} else if string(given[name]) == string(input) && string(other[name]) == string(one.input(second)) {
				made.Value, made.Copy = nil, true
			}
			rows[name].Cases = append(rows[name].Cases, made)
		}
	}
	out := []defaultRow{}
	for _, name := range order {
		if rows[name].Value != nil || len(rows[name].Cases) > 0 {
			out = append(out, *rows[name])
		}
	}
	return out
}

func (one place) trials(found map[string][]string) []trial {
	out := trialsOf(one.at, false, found)
	if len(one.steps) > 0 {
		around := one
		around.steps = one.steps[:len(one.steps)-1]
		parent := around.root
		for _, at := range around.steps {
			parent, _ = structOf(at.field.Type)
		}
		for _, made := range trialsOf(parent, true, found) {
			if made.field.Name != one.steps[len(one.steps)-1].field.Name {
				out = append(out, made)
			}
		}
	}
	return out
}

func trialsOf(goType reflect.Type, around bool, found map[string][]string) []trial {
	out := []trial{}
	for _, goField := range flat(goType) {
		if goField.Name == "ObjectMeta" || goField.Name == "Kind" && goField.Type.Kind() == reflect.String && len(goField.Index) > 1 || goField.Name == "APIVersion" && len(goField.Index) > 1 {
			continue
		}
		values := found[typeName(goType)+"#"+jsonName(goField)]
		if len(values) == 0 {
			values = []string{""}
		}
		for _, value := range values {
			out = append(out, trial{goField, around, value, 0})
		}
	}
	return out
}

// run makes the object, lets the scheme fill it, and returns what stands in the struct's unset fields then.
func (one place) run(what *trial) map[string]json.RawMessage {
	root := reflect.New(one.root)
	around, at := root.Elem(), root.Elem()
	for _, next := range one.steps {
		around, at = at, reached(at.FieldByIndex(next.field.Index))
	}
	if what != nil {
		target := at
		if what.around {
			target = around
		}
		setValue(target.FieldByIndex(what.field.Index), what.is, what.number)
	}
	one.scheme.Default(root.Interface().(runtime.Object))
	at = root.Elem()
	for _, next := range one.steps {
		at = arrived(at.FieldByIndex(next.field.Index))
	}
	out := map[string]json.RawMessage{}
	for _, goField := range flat(at.Type()) {
		value := at.FieldByIndex(goField.Index)
		if value.IsZero() || goField.Name == "ObjectMeta" {
			continue
		}
		if kind := value.Kind(); (kind == reflect.Slice || kind == reflect.Map) && value.Len() == 0 {
			continue
		}
		if kind := value.Kind(); kind == reflect.Struct && special[value.Type()] == "" {
			continue
		}
		content, err := json.Marshal(value.Interface())
		if err != nil {
			panic(err) // an API type
		}
		if special[goField.Type] == "time" || goField.Type.Kind() == reflect.Pointer && special[goField.Type.Elem()] == "time" {
			content = []byte(`"$now"`)
		}
		out[jsonName(goField)] = content
	}
	return out
}

// reached makes the struct behind a field exist, once, and returns it for writing (an element of a map: only a copy of it).
func reached(value reflect.Value) reflect.Value {
	for {
		switch value.Kind() {
		case reflect.Pointer:
			if value.IsNil() {
				value.Set(reflect.New(value.Type().Elem()))
			}
			value = value.Elem()
		case reflect.Slice:
			if value.Len() == 0 {
				value.Set(reflect.MakeSlice(value.Type(), 1, 1))
			}
			value = value.Index(0)
		case reflect.Map:
			held := reflect.New(value.Type().Elem())
			value.Set(reflect.MakeMap(value.Type()))
			value.SetMapIndex(reflect.ValueOf("k").Convert(value.Type().Key()), held.Elem())
			return reached(held.Elem())
		default:
			return value
		}
	}
}

func arrived(value reflect.Value) reflect.Value {
	for value.Kind() == reflect.Pointer || value.Kind() == reflect.Slice || value.Kind() == reflect.Map {
		switch value.Kind() {
		case reflect.Pointer:
			if value.IsNil() {
				value = reflect.New(value.Type().Elem())
			}
			value = value.Elem()
		case reflect.Slice:
			if value.Len() == 0 {
				return reflect.New(value.Type().Elem()).Elem()
			}
			value = value.Index(0)
		case reflect.Map:
			value = value.MapIndex(value.MapKeys()[0])
		}
	}
	return value
}

// setValue gives a field a value that is not its zero value; number picks one of two.
func setValue(value reflect.Value, text string, number int) {
	switch value.Kind() {
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		if text != "" || value.Elem().Kind() != reflect.Struct {
			setValue(value.Elem(), text, number)
		}
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		if text != "" || value.Type().Elem().Kind() == reflect.String {
			setValue(value.Index(0), text, number)
		}
	case reflect.Map:
		value.Set(reflect.MakeMap(value.Type()))
		value.SetMapIndex(reflect.ValueOf("k").Convert(value.Type().Key()), reflect.New(value.Type().Elem()).Elem())
	case reflect.String:
		if text == "" {
			text = [2]string{"x7", "x9"}[number]
		}
		value.SetString(text)
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Int32, reflect.Int64, reflect.Int:
		value.SetInt(int64(7 + 2*number))
	}
}

func (one place) input(what trial) json.RawMessage {
	value := reflect.New(what.field.Type).Elem()
	setValue(value, what.is, what.number)
	content, err := json.Marshal(value.Interface())
	if err != nil {
		panic(err) // an API type
	}
	return content
}

// enums are the texts that the generated OpenAPI definitions allow, by "k8s.io/api/core/v1.Container#imagePullPolicy".
func enums() map[string][]string {
	out := map[string][]string{}
	reference := func(path string) spec.Ref { return spec.MustCreateRef(path) }
	for name, definition := range openapi.GetOpenAPIDefinitions(reference) {
		for property, one := range definition.Schema.Properties {
			for _, value := range one.Enum {
				if text, isText := value.(string); isText {
					out[goName(name)+"#"+property] = append(out[goName(name)+"#"+property], text)
				}
			}
		}
	}
	return out
}

// goName turns "io.k8s.api.core.v1.Pod" into "k8s.io/api/core/v1.Pod"; Go's own names stay.
func goName(name string) string {
	for prefix, path := range map[string]string{"io.k8s.api.": "k8s.io/api/", "io.k8s.apimachinery.": "k8s.io/apimachinery/",
		"io.k8s.kube-aggregator.": "k8s.io/kube-aggregator/", "io.k8s.apiextensions-apiserver.": "k8s.io/apiextensions-apiserver/"} {
		if rest, found := strings.CutPrefix(name, prefix); found {
			cut := strings.LastIndex(rest, ".")
			return path + strings.ReplaceAll(rest[:cut], ".", "/") + rest[cut:]
		}
	}
	return name
}
