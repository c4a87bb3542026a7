package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

var (
	kinds     = runtime.NewScheme()
	codecs    = serializer.NewCodecFactory(kinds)
	options   = runtime.NewParameterCodec(kinds)
	protobufs = protobuf.NewSerializer(kinds, kinds)
)

func init() {
	utilruntime.Must(clientscheme.AddToScheme(kinds))
	utilruntime.Must(apiregistration.AddToScheme(kinds))
}

// resources are the kinds that Rancher touches: where their collections are.
var resources = map[schema.GroupVersionKind]string{}

func init() {
	for line, start := range map[string]string{
		"v1 Namespace,Node,Secret,Service,ServiceAccount,ResourceQuota,LimitRange": "/api/v1/",
		"apps/v1 Deployment": "/apis/apps/v1/", "batch/v1 Job": "/apis/batch/v1/",
		"apiregistration.k8s.io/v1 APIService":                                         "/apis/apiregistration.k8s.io/v1/",
		"rbac.authorization.k8s.io/v1 ClusterRole,ClusterRoleBinding,Role,RoleBinding": "/apis/rbac.authorization.k8s.io/v1/",
	} {
		version, names, _ := strings.Cut(line, " ")
		gv, _ := schema.ParseGroupVersion(version)
		for _, name := range strings.Split(names, ",") {
			resources[gv.WithKind(name)] = start + " " + strings.ToLower(name) + "s"
		}
	}
}

func kindOf(obj runtime.Object) schema.GroupVersionKind {
	if found := obj.GetObjectKind().GroupVersionKind(); found.Kind != "" {
		return found
	}
	found, _, err := kinds.ObjectKinds(obj)
	if err != nil {
		return schema.GroupVersionKind{}
	}
	return found[0]
}

// pathOf is where an object lives; empty for kinds that Rancher does not touch.
func pathOf(obj runtime.Object) string {
	where, ok := resources[kindOf(obj)]
	accessor, err := meta.Accessor(obj)
	if !ok || err != nil {
		return ""
	}
	start, resource, _ := strings.Cut(where, " ")
	if namespace := accessor.GetNamespace(); namespace != "" {
		return start + "namespaces/" + namespace + "/" + resource + "/" + accessor.GetName()
	}
	return start + resource + "/" + accessor.GetName()
}

// decoded is the object in an answer, whether JSON or protobuf; nil for what is none.
func decoded(body []byte) runtime.Object {
	obj, _, err := codecs.UniversalDeserializer().Decode(body, nil, nil)
	if err != nil {
		return nil
	}
	return obj
}

// asMap is the object as JSON has it, with kind and apiVersion.
func asMap(obj runtime.Object) map[string]any {
	kind := kindOf(obj)
	out, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return map[string]any{}
	}
	out["kind"], out["apiVersion"] = kind.Kind, kind.GroupVersion().String()
	return out
}

// merged lays a merge patch (RFC 7386) over a value.
func merged(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out, ok := target.(map[string]any)
	if !ok {
		out = map[string]any{}
	}
	for key, value := range changes {
		if value == nil {
			delete(out, key)
		} else {
			out[key] = merged(out[key], value)
		}
	}
	return out
}

// encodedBody is a request's body in the recorded encoding.
func encodedBody(raw []byte, encoding string) ([]byte, error) {
	if encoding != "protobuf" {
		return raw, nil
	}
	var about metav1.TypeMeta
	if err := json.Unmarshal(raw, &about); err != nil {
		return nil, err
	}
	obj, err := kinds.New(schema.FromAPIVersionAndKind(about.APIVersion, about.Kind))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", about.APIVersion, about.Kind, err)
	}
	if err := json.Unmarshal(raw, obj); err != nil {
		return nil, err
	}
	obj.GetObjectKind().SetGroupVersionKind(schema.FromAPIVersionAndKind(about.APIVersion, about.Kind))
	var out bytes.Buffer
	err = protobufs.Encode(obj, &out)
	return out.Bytes(), err
}
