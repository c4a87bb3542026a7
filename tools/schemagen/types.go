package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	discoveryv2 "k8s.io/api/apidiscovery/v2"
	discoveryv2beta1 "k8s.io/api/apidiscovery/v2beta1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

// special are the types whose JSON form is not that of their struct; the value is their name in the table.
var special = map[reflect.Type]string{
	reflect.TypeFor[resource.Quantity]():                            "quantity",
	reflect.TypeFor[intstr.IntOrString]():                           "intorstring",
	reflect.TypeFor[metav1.Time]():                                  "time",
	reflect.TypeFor[metav1.MicroTime]():                             "microtime",
	reflect.TypeFor[metav1.Duration]():                              "duration",
	reflect.TypeFor[metav1.FieldsV1]():                              "fields",
	reflect.TypeFor[runtime.RawExtension]():                         "raw",
	reflect.TypeFor[apiextensionsv1.JSON]():                         "json",
	reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrBool]():        "orbool",
	reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrArray]():       "orarray",
	reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrStringArray](): "orstrings",
}

// unions are special types that still are ordinary messages on the wire, so their struct is wanted too.
var unions = map[string]bool{"orbool": true, "orarray": true, "orstrings": true}

type field struct {
	JSON          string   `json:"json"`
	Number        int      `json:"number,omitempty"`
	Proto         string   `json:"proto,omitempty"`
	Wire          string   `json:"wire,omitempty"`
	Type          string   `json:"type"`
	Pointer       bool     `json:"pointer,omitempty"`
	OmitEmpty     bool     `json:"omitempty,omitempty"`
	OmitZero      bool     `json:"omitzero,omitempty"`
	Inline        bool     `json:"inline,omitempty"`
	PatchStrategy string   `json:"patchStrategy,omitempty"`
	PatchMergeKey string   `json:"patchMergeKey,omitempty"`
	ListType      string   `json:"listType,omitempty"`
	ListMapKeys   []string `json:"listMapKeys,omitempty"`
	MapType       string   `json:"mapType,omitempty"`
	Default       string   `json:"default,omitempty"`
}

type table struct {
	Types  map[string][]field `json:"types"`
	Unions map[string]string  `json:"unions"`
	Atomic []string           `json:"atomic"`
	Kinds  map[string]string  `json:"kinds"`
}

func typeFiles() (map[string][]byte, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientscheme.AddToScheme, apiextensionsv1.AddToScheme, apiregistrationv1.AddToScheme, metav1.AddMetaToScheme,
		discoveryv2.AddToScheme, discoveryv2beta1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	out := table{Types: map[string][]field{}, Unions: map[string]string{}, Kinds: map[string]string{}}
	for gvk, goType := range scheme.AllKnownTypes() {
		if gvk.Version == runtime.APIVersionInternal {
			continue
		}
		out.Kinds[gvk.Group+"/"+gvk.Version+"/"+gvk.Kind] = typeName(goType)
		if err := out.add(goType); err != nil {
			return nil, err
		}
	}
	found, err := publishedMarks()
	if err != nil {
		return nil, err
	}
	out.annotate(found)
	content, err := json.Marshal(out)
	return map[string][]byte{"types.json.z": content}, err
}

func typeName(goType reflect.Type) string { return goType.PkgPath() + "." + goType.Name() }

func (out *table) add(goType reflect.Type) error {
	name := typeName(goType)
	if _, done := out.Types[name]; done {
		return nil
	}
	out.Types[name] = []field{}
	fields := []field{}
	for i := range goType.NumField() {
		goField := goType.Field(i)
		if !goField.IsExported() || goField.Tag.Get("json") == "-" {
			continue
		}
		made, err := out.field(goField)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", name, goField.Name, err)
		}
		fields = append(fields, made)
	}
	out.Types[name] = fields
	return nil
}

func (out *table) field(goField reflect.StructField) (field, error) {
	made := field{PatchStrategy: goField.Tag.Get("patchStrategy"), PatchMergeKey: goField.Tag.Get("patchMergeKey")}
	options := strings.Split(goField.Tag.Get("json"), ",")
	made.JSON = options[0]
	for _, option := range options[1:] {
		made.OmitEmpty = made.OmitEmpty || option == "omitempty"
		made.OmitZero = made.OmitZero || option == "omitzero"
		made.Inline = made.Inline || option == "inline"
	}
	made.Inline = made.Inline || (goField.Anonymous && made.JSON == "")
	if made.JSON == "" && !made.Inline {
		made.JSON = goField.Name
	}
	if made.Inline && made.JSON != "" {
		made.Inline = false
	}
	if tag := goField.Tag.Get("protobuf"); tag != "" && tag != "-" {
		parts := strings.Split(tag, ",")
		number, err := strconv.Atoi(parts[1])
		if err != nil {
			return made, err
		}
		made.Wire, made.Number = parts[0], number
		for _, part := range parts[2:] {
			if name, found := strings.CutPrefix(part, "name="); found {
				made.Proto = name
			}
		}
	}
	goType := goField.Type
	if goType.Kind() == reflect.Pointer {
		made.Pointer, goType = true, goType.Elem()
	}
	expression, err := out.expression(goType)
	made.Type = expression
	return made, err
}

// expression names a type: a scalar, a special, "@Type" (struct), "[]X", "{}X" (map by string), "<>X" (a list that is a message of its own).
func (out *table) expression(goType reflect.Type) (string, error) {
	if name, found := special[goType]; found {
		if unions[name] {
			out.Unions[typeName(goType)] = name
			return "@" + typeName(goType), out.add(goType)
		}
		return name, nil
	}
	marshaler := reflect.TypeFor[json.Marshaler]()
	if goType.Implements(marshaler) || reflect.PointerTo(goType).Implements(marshaler) {
		return "", fmt.Errorf("%s has a JSON form of its own and is not in the table of specials", goType)
	}
	switch goType.Kind() {
	case reflect.Pointer:
		return out.expression(goType.Elem())
	case reflect.Struct:
		return "@" + typeName(goType), out.add(goType)
	case reflect.Slice:
		return out.slice(goType)
	case reflect.Map:
		element, err := out.expression(goType.Elem())
		return "{}" + element, err
	case reflect.Interface:
		return "raw", nil
	default:
		return goType.Kind().String(), nil
	}
}

func (out *table) slice(goType reflect.Type) (string, error) {
	if goType.Elem().Kind() == reflect.Uint8 {
		return "bytes", nil
	}
	element, err := out.expression(goType.Elem())
	type wireMessage interface{ Marshal() ([]byte, error) }
	if reflect.PointerTo(goType).Implements(reflect.TypeFor[wireMessage]()) {
		return "<>" + element, err
	}
	return "[]" + element, err
}

// schemaName turns "k8s.io/api/core/v1.Pod" into "io.k8s.api.core.v1.Pod".
func schemaName(name string) string {
	host, rest, _ := strings.Cut(name, "/")
	labels := strings.Split(host, ".")
	for i, j := 0, len(labels)-1; i < j; i, j = i+1, j-1 {
		labels[i], labels[j] = labels[j], labels[i]
	}
	return strings.Join(labels, ".") + "." + strings.ReplaceAll(rest, "/", ".")
}
