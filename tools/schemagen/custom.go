package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The names of the model definition occur nowhere else in a document, so that any definition's names can be put in their places.
const (
	modelKind   = "Zzkind"
	modelList   = "Zzmany"
	modelPlural = "zzplurals"
	modelGroup  = "zz-%s.example.com"
)

// modelScopes are the scopes of a definition, each in a group of its own.
var modelScopes = map[string]string{"Namespaced": "namespaced", "Cluster": "cluster"}

type rawObject = map[string]json.RawMessage

// customModel is what the server publishes about one definition: its document of /openapi/v3, and what it adds to /openapi/v2.
type customModel struct {
	Document json.RawMessage `json:"v3"`
	Swagger  struct {
		Paths       rawObject `json:"paths"`
		Definitions rawObject `json:"definitions"`
	} `json:"v2"`
}

// customModels publishes a definition of each scope, with all subresources and an embedded object.
func customModels(plane *controlPlane) (map[string]*customModel, error) {
	models := map[string]*customModel{}
	for scope, word := range modelScopes {
		definition := modelDefinition(fmt.Sprintf(modelGroup, word), scope)
		if err := plane.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition); err != nil {
			return nil, err
		}
	}
	for scope, word := range modelScopes {
		document, err := plane.wait("/openapi/v3/apis/"+fmt.Sprintf(modelGroup, word)+"/v7", modelPlural)
		if err != nil {
			return nil, err
		}
		models[scope] = &customModel{Document: withoutForeignProse(document)}
	}
	for scope, word := range modelScopes {
		swagger, err := plane.wait("/openapi/v2", fmt.Sprintf(modelGroup, word))
		if err != nil {
			return nil, err
		}
		if err := models[scope].take(withoutForeignProse(swagger), word); err != nil {
			return nil, err
		}
	}
	return models, nil
}

func modelDefinition(group, scope string) object {
	embedded := object{"type": "object", "x-kubernetes-embedded-resource": true, "properties": object{"spec": object{"type": "object"}}}
	schema := object{"type": "object", "properties": object{"embedded": embedded}}
	subresources := object{"status": object{}, "scale": object{"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}}
	return object{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": object{"name": modelPlural + "." + group},
		"spec": object{
			"group": group, "scope": scope,
			"names": object{"plural": modelPlural, "singular": "zzsingular", "kind": modelKind, "listKind": modelList},
			"versions": []object{{
				"name": "v7", "served": true, "storage": true, "subresources": subresources, "schema": object{"openAPIV3Schema": schema},
			}},
		},
	}
}

// take keeps the members of a merged document that belong to the model.
func (model *customModel) take(swagger []byte, word string) error {
	if err := json.Unmarshal(swagger, &model.Swagger); err != nil {
		return err
	}
	for _, members := range []rawObject{model.Swagger.Paths, model.Swagger.Definitions} {
		for name := range members {
			if !strings.Contains(name, "zz-"+word) {
				delete(members, name)
			}
		}
	}
	return nil
}

// withoutForeignProse keeps the descriptions that name the model, which the reader makes those of the definition it serves.
func withoutForeignProse(document []byte) []byte {
	return description.ReplaceAllFunc(document, func(found []byte) []byte {
		if bytes.Contains(found, []byte("Zz")) || bytes.Contains(found, []byte(modelPlural)) {
			return found
		}
		return withoutProse(found)
	})
}

func (plane *controlPlane) post(path string, body object) error {
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(http.MethodPost, "https://127.0.0.1:"+apiPort+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := plane.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		return fmt.Errorf("POST %s: %s", path, answer.Status)
	}
	return nil
}

// wait asks until the answer contains a text.
func (plane *controlPlane) wait(path, text string) ([]byte, error) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Second) {
		content, err := plane.get(path, "application/json")
		if err == nil && bytes.Contains(content, []byte(text)) {
			return content, nil
		}
	}
	return nil, fmt.Errorf("GET %s: nothing about %q within a minute", path, text)
}

// plainJSON is JSON without Go's escapes for HTML, as the server writes it.
func plainJSON(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), err
}
