package main

import (
	openapi_v2 "github.com/google/gnostic-models/openapiv2"
	openapi_v3 "github.com/google/gnostic-models/openapiv3"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// modelField is one row: name, number, kind ("string", "bool", "int64", "double" or "@Message"), repeated, in a oneof.
type modelField [5]any

// openAPIModels are the messages in which OpenAPI documents are served as protobuf, by generation (2, 3) and name.
func openAPIModels() map[string]map[string][]modelField {
	return map[string]map[string][]modelField{
		"2": modelMessages(openapi_v2.File_openapiv2_OpenAPIv2_proto),
		"3": modelMessages(openapi_v3.File_openapiv3_OpenAPIv3_proto),
	}
}

func modelMessages(file protoreflect.FileDescriptor) map[string][]modelField {
	messages := map[string][]modelField{}
	for i := range file.Messages().Len() {
		message := file.Messages().Get(i)
		rows := []modelField{}
		for j := range message.Fields().Len() {
			field := message.Fields().Get(j)
			kind := field.Kind().String()
			if field.Kind() == protoreflect.MessageKind {
				kind = "@" + string(field.Message().Name())
			}
			rows = append(rows, modelField{field.Name(), field.Number(), kind, field.IsList(), field.ContainingOneof() != nil})
		}
		messages[string(message.Name())] = rows
	}
	return messages
}
