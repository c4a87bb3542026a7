package clients

import (
	"context"
	"maps"
	"slices"
	"testing"

	openapi_v3 "github.com/google/gnostic-models/openapiv3"
	"google.golang.org/protobuf/proto"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"

	"scale-agent/tests/conformance/simulated"
)

// verbs of every resource of every version.
func verbs(t *testing.T, client discovery.DiscoveryInterface) map[string][]string {
	t.Helper()
	_, lists, err := client.ServerGroupsAndResources()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, list := range lists {
		for _, resource := range list.APIResources {
			slices.Sort(resource.Verbs)
			found[list.GroupVersion+" "+resource.Name] = resource.Verbs
		}
	}
	return found
}

func TestDiscoveryIsTheSameInOneDocumentAndInMany(t *testing.T) {
	p := serve(t)
	aggregated := discovery.NewDiscoveryClientForConfigOrDie(p.Config)
	single := discovery.NewDiscoveryClientForConfigOrDie(p.Config)
	single.UseLegacyDiscovery = true
	one, many := verbs(t, aggregated), verbs(t, single)
	if len(one) < 100 || !slices.Contains(one["v1 pods"], "deletecollection") || !slices.Equal(one["apps/v1 deployments/scale"], []string{"get", "patch", "update"}) {
		t.Errorf("%d resources, pods %v", len(one), one["v1 pods"])
	}
	if !maps.EqualFunc(one, many, slices.Equal) {
		for name := range many {
			if !slices.Equal(one[name], many[name]) {
				t.Errorf("%s: %v in one document, %v in many", name, one[name], many[name])
			}
		}
		t.Errorf("%d resources in one document, %d in many", len(one), len(many))
	}
	if version := simulated.Must[any](t)(aggregated.ServerVersion()); version == nil {
		t.Error("no version")
	}
	preferred := simulated.Must[[]*metav1.APIResourceList](t)(discovery.ServerPreferredNamespacedResources(aggregated))
	for _, list := range preferred {
		if list.GroupVersion == "autoscaling/v1" {
			t.Error("autoscaling/v1 is not preferred")
		}
	}
}

func TestRESTMapperLearnsOfNewKinds(t *testing.T) {
	p := serve(t)
	cached := memory.NewMemCacheClient(discovery.NewDiscoveryClientForConfigOrDie(p.Config))
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(cached)
	mapping := simulated.Must[*meta.RESTMapping](t)(mapper.RESTMapping(schema.GroupKind{Group: "apps", Kind: "Deployment"}))
	if mapping.Resource.Resource != "deployments" || mapping.Resource.Version != "v1" || mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		t.Errorf("%+v", mapping)
	}
	wombat := schema.GroupKind{Group: "clients.example.com", Kind: "Wombat"}
	if _, err := mapper.RESTMapping(wombat); !meta.IsNoMatchError(err) {
		t.Errorf("a kind that is not there: %v", err)
	}
	define(t, p)
	simulated.Eventually(t, deadline, "the new kind is mapped", func() bool {
		mapper.Reset() // as those do that know of a new definition: the cache in memory takes itself for fresh
		found, err := mapper.RESTMapping(wombat, "v1")
		return err == nil && found.Resource.Resource == "wombats"
	})
	short := restmapper.NewShortcutExpander(mapper, cached, nil)
	for word, want := range map[string]string{"po": "pods", "deploy": "deployments", "crd": "customresourcedefinitions", "wb": "wombats"} {
		found, err := short.ResourceFor(schema.GroupVersionResource{Resource: word})
		if err != nil || found.Resource != want {
			t.Errorf("%s: %v, %v", word, found, err)
		}
	}
	kind := simulated.Must[schema.GroupVersionKind](t)(mapper.KindFor(schema.GroupVersionResource{Resource: "wombats"}))
	client := dynamic.NewForConfigOrDie(p.Config).Resource(schema.GroupVersionResource{Group: kind.Group, Version: kind.Version, Resource: "wombats"}).Namespace(p.namespace)
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": kind.GroupVersion().String(), "kind": kind.Kind, "metadata": map[string]any{"name": "bert"}, "spec": map[string]any{"size": int64(3)}}}
	made := simulated.Must[*unstructured.Unstructured](t)(client.Create(t.Context(), object, metav1.CreateOptions{}))
	if color, _, _ := unstructured.NestedString(made.Object, "spec", "color"); color != "brown" {
		t.Errorf("no default: %v", made.Object["spec"])
	}
}

const definition = `
metadata: {name: wombats.clients.example.com}
spec:
  group: clients.example.com
  scope: Namespaced
  names: {plural: wombats, singular: wombat, kind: Wombat, listKind: WombatList, shortNames: [wb]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer, minimum: 1}, color: {type: string, default: brown}}}
          status: {type: object, properties: {mood: {type: string}, observedGeneration: {type: integer}}}
`

// define makes the definition and waits until the kind is served.
func define(t *testing.T, p place) {
	t.Helper()
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict([]byte(definition), crd); err != nil {
		t.Fatal(err)
	}
	definitions := clientset.NewForConfigOrDie(p.Config).ApiextensionsV1().CustomResourceDefinitions()
	simulated.Must[*apiextensionsv1.CustomResourceDefinition](t)(definitions.Create(t.Context(), crd, metav1.CreateOptions{}))
	t.Cleanup(func() { definitions.Delete(context.Background(), crd.Name, metav1.DeleteOptions{}) })
	simulated.Eventually(t, deadline, "the definition is established", func() bool {
		got, err := definitions.Get(t.Context(), crd.Name, metav1.GetOptions{})
		return err == nil && slices.ContainsFunc(got.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
			return c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue
		})
	})
}

func TestOpenAPIDocumentsAreParsed(t *testing.T) {
	p := serve(t)
	client := discovery.NewDiscoveryClientForConfigOrDie(p.Config)
	simulated.Run(t, "version 2", func(t *testing.T) {
		document, err := client.OpenAPISchema()
		if err != nil {
			t.Fatal(err)
		}
		if document.Info.Title != "Kubernetes" || len(document.Definitions.AdditionalProperties) < 500 || len(document.Paths.Path) < 300 {
			t.Errorf("%s: %d definitions, %d paths", document.Info.Title, len(document.Definitions.AdditionalProperties), len(document.Paths.Path))
		}
	})
	simulated.Run(t, "version 3", func(t *testing.T) {
		paths, err := client.OpenAPIV3().Paths()
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"api/v1": "io.k8s.api.core.v1.Pod", "apis/apps/v1": "io.k8s.api.apps.v1.Deployment"} {
			raw, err := paths[name].Schema("application/com.github.proto-openapi.spec.v3@v1.0+protobuf")
			if err != nil {
				t.Fatal(err)
			}
			document := &openapi_v3.Document{}
			if err := proto.Unmarshal(raw, document); err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(document.Components.Schemas.AdditionalProperties, func(s *openapi_v3.NamedSchemaOrReference) bool { return s.Name == want }) {
				t.Errorf("%s has no %s", name, want)
			}
		}
	})
}
