package main

import (
	"encoding/json"
	"math/rand"
	"reflect"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Objects of every kind with fields set at random, before and after the scheme's own defaulting: what the table of defaults and
// its reader are compared with.

const (
	casesPerKind = 12
	largestCase  = 5000 // bytes of JSON
)

type defaultExample struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Before     json.RawMessage `json:"before"`
	After      json.RawMessage `json:"after"`
}

func defaultCaseFiles() (map[string][]byte, error) {
	chance := rand.New(rand.NewSource(1))
	fill := filler{chance, enums()}
	out := []defaultExample{}
	for _, one := range servedKinds() {
		for made := 0; made < casesPerKind; {
			object := reflect.New(one.root)
			fill.object(object.Elem())
			before, err := json.Marshal(object.Interface())
			if err != nil {
				return nil, err
			}
			if len(before) > largestCase {
				continue
			}
			made++
			again := reflect.New(one.root)
			if err := json.Unmarshal(before, again.Interface()); err != nil {
				return nil, err
			}
			one.scheme.Default(again.Interface().(runtime.Object))
			after, err := json.Marshal(again.Interface())
			if err != nil {
				return nil, err
			}
			out = append(out, defaultExample{one.gvk.GroupVersion().String(), one.gvk.Kind, before, after})
		}
	}
	content, err := json.Marshal(out)
	return map[string][]byte{"default-cases.json.z": content}, err
}

type filler struct {
	chance *rand.Rand
	enums  map[string][]string
}

func (fill filler) pick(texts ...string) string { return texts[fill.chance.Intn(len(texts))] }

func (fill filler) object(value reflect.Value) {
	value.FieldByName("ObjectMeta").Set(reflect.ValueOf(metav1.ObjectMeta{Name: "a", Labels: map[string]string{"a": "b"}}))
	for _, goField := range flat(value.Type()) {
		if goField.Name != "ObjectMeta" && len(goField.Index) == 1 {
			fill.value(value.FieldByIndex(goField.Index), fill.enums[typeName(value.Type())+"#"+jsonName(goField)], 1)
		}
	}
}

// chances are how probable it is that an optional field has a value, by depth.
var chances = []float64{1, 0.9, 0.5, 0.45, 0.4, 0.3, 0.2, 0.1, 0}

func (fill filler) value(value reflect.Value, allowed []string, depth int) {
	if known := fill.specialValue(value); known {
		return
	}
	switch value.Kind() {
	case reflect.Struct:
		if _, ours := structOf(value.Type()); !ours {
			return
		}
		for _, goField := range flat(value.Type()) {
			byValue := goField.Type.Kind() == reflect.Struct && special[goField.Type] == ""
			if byValue || fill.chance.Float64() < chances[min(depth, len(chances)-1)] {
				fill.value(value.FieldByIndex(goField.Index), fill.enums[typeName(value.Type())+"#"+jsonName(goField)], depth+1)
			}
		}
	case reflect.Pointer:
		if value.Type().Elem().Kind() != reflect.Struct || depth < len(chances) {
			value.Set(reflect.New(value.Type().Elem()))
			fill.value(value.Elem(), allowed, depth)
		}
	case reflect.Slice:
		if value.Type().Elem().Kind() == reflect.Uint8 || value.Type().Elem().Kind() == reflect.Interface {
			return
		}
		value.Set(reflect.MakeSlice(value.Type(), 1+fill.chance.Intn(2), 2))
		for i := range value.Len() {
			fill.value(value.Index(i), allowed, depth)
		}
	case reflect.Map:
		value.Set(reflect.MakeMap(value.Type()))
		element := reflect.New(value.Type().Elem()).Elem()
		fill.value(element, nil, depth)
		value.SetMapIndex(reflect.ValueOf(fill.pick("cpu", "k")).Convert(value.Type().Key()), element)
	case reflect.String:
		if len(allowed) == 0 {
			allowed = []string{"", "a", "x:latest", "r.io/x:1", "User", "ServiceAccount"}
		}
		value.SetString(fill.pick(allowed...))
	case reflect.Bool:
		value.SetBool(fill.chance.Intn(2) == 0)
	case reflect.Int32, reflect.Int64, reflect.Int:
		value.SetInt(int64(fill.chance.Intn(4)))
	}
}

func (fill filler) specialValue(value reflect.Value) bool {
	switch value.Interface().(type) {
	case resource.Quantity:
		value.Set(reflect.ValueOf(resource.MustParse(fill.pick("1", "500m", "2Gi"))))
	case metav1.Time:
		value.Set(reflect.ValueOf(metav1.Time{Time: time.Unix(1_800_000_000, 0).UTC()}))
	case metav1.MicroTime:
		value.Set(reflect.ValueOf(metav1.MicroTime{Time: time.Unix(1_800_000_000, 0).UTC()}))
	case intstr.IntOrString:
		values := []intstr.IntOrString{{}, intstr.FromInt32(8), intstr.FromString("h"), intstr.FromString("")}
		value.Set(reflect.ValueOf(values[fill.chance.Intn(len(values))]))
	default:
		return special[value.Type()] != ""
	}
	return true
}
