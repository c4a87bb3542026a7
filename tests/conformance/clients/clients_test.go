// Package clients runs the real client-go and controller-runtime against one served cluster.
package clients

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"scale-agent/tests/conformance/simulated"
)

const deadline = 40 * time.Second

var configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// place is a namespace of its own in a served cluster.
type place struct {
	*simulated.API
	client    kubernetes.Interface
	namespace string
}

// detectors make client-go compare what a watch list gave it with a list of the same version, and panic if they differ.
// They are read before TestMain runs, so it starts itself anew with them.
const detectors = "KUBE_WATCHLIST_INCONSISTENCY_DETECTOR"

func TestMain(m *testing.M) {
	if os.Getenv(detectors) == "" {
		self, err := os.Executable()
		if err != nil {
			log.Fatal(err)
		}
		log.Fatal(syscall.Exec(self, os.Args, append(os.Environ(), detectors+"=true")))
	}
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard) // what the libraries log about a server that is fine
	os.Exit(m.Run())
}

func serve(t *testing.T) place {
	t.Helper()
	return serveProfile(t, "small.yaml")
}

func serveProfile(t *testing.T, profile string) place {
	t.Helper()
	api := simulated.Serve(t, profile)
	p := place{API: api, client: kubernetes.NewForConfigOrDie(protobuf(api.Config)), namespace: "clients-" + strings.NewReplacer("/", "-", "_", "-").Replace(strings.ToLower(strings.TrimPrefix(t.Name(), "Test")))}
	p.namespace = strings.Trim(fmt.Sprintf("%.50s", p.namespace), "-")
	if os.Getenv(simulated.Elsewhere) != "" {
		p.namespace += fmt.Sprintf("-%x", time.Now().UnixMilli()%1e8) // that server may still be deleting the last one
		t.Cleanup(func() {
			p.client.CoreV1().Namespaces().Delete(context.Background(), p.namespace, metav1.DeleteOptions{})
		})
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.namespace}}
	simulated.Must[*corev1.Namespace](t)(p.client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}))
	return p
}

func protobuf(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf+","+runtime.ContentTypeJSON
	return config
}

func configMap(name string, pairs ...string) *corev1.ConfigMap {
	data := map[string]string{}
	for pair := range slices.Chunk(pairs, 2) {
		data[pair[0]] = pair[1]
	}
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"set": "x"}}, Data: data}
}

func TestTypedClient(t *testing.T) {
	p := serve(t)
	for name, config := range map[string]*rest.Config{"json": p.Config, "protobuf": protobuf(p.Config)} {
		client := kubernetes.NewForConfigOrDie(config).CoreV1().ConfigMaps(p.namespace)
		simulated.Run(t, "writes and reads in "+name, func(t *testing.T) {
			ctx, must := t.Context(), simulated.Must[*corev1.ConfigMap](t)
			made := must(client.Create(ctx, configMap(name, "a", "1"), metav1.CreateOptions{}))
			if made.UID == "" || made.ResourceVersion == "" || made.CreationTimestamp.IsZero() || made.Namespace != p.namespace {
				t.Errorf("made: %+v", made.ObjectMeta)
			}
			stale := made.DeepCopy()
			made.Data["a"] = "2"
			updated := must(client.Update(ctx, made, metav1.UpdateOptions{FieldManager: "tester"}))
			if updated.ResourceVersion == stale.ResourceVersion || !slices.ContainsFunc(updated.ManagedFields, func(e metav1.ManagedFieldsEntry) bool { return e.Manager == "tester" }) {
				t.Errorf("updated: %+v", updated.ObjectMeta)
			}
			if _, err := client.Update(ctx, stale, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
				t.Errorf("a stale update: %v", err)
			}
			if _, err := client.Create(ctx, configMap(name), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
				t.Errorf("a second creation: %v", err)
			}
			patched := must(client.Patch(ctx, name, types.StrategicMergePatchType, []byte(`{"data":{"b":"3"}}`), metav1.PatchOptions{}))
			if got := must(client.Get(ctx, name, metav1.GetOptions{})); got.Data["a"] != "2" || got.Data["b"] != "3" || got.ResourceVersion != patched.ResourceVersion {
				t.Errorf("got: %+v", got)
			}
			wrong := types.UID("00000000-0000-4000-8000-000000000000")
			if err := client.Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &wrong}}); !apierrors.IsConflict(err) {
				t.Errorf("deletion of another uid: %v", err)
			}
			if err := client.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
				t.Error(err)
			}
			if _, err := client.Get(ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("after deletion: %v", err)
			}
		})
	}
	maps := p.client.CoreV1().ConfigMaps(p.namespace)
	simulated.Run(t, "is told what is invalid, field by field", func(t *testing.T) {
		_, err := maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "Not_Valid"}, Data: map[string]string{"a/b": "c"}}, metav1.CreateOptions{})
		var fields []string
		if status, ok := err.(apierrors.APIStatus); ok && apierrors.IsInvalid(err) && status.Status().Details != nil {
			for _, cause := range status.Status().Details.Causes {
				fields = append(fields, cause.Field)
			}
		}
		if slices.Sort(fields); !slices.Equal(fields, []string{"data[a/b]", "metadata.name"}) {
			t.Errorf("fields %v of %v", fields, err)
		}
	})
	simulated.Run(t, "only tries on dry run", func(t *testing.T) {
		made := simulated.Must[*corev1.ConfigMap](t)(maps.Create(t.Context(), configMap("dry"), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}))
		if made.UID == "" {
			t.Error("no uid")
		}
		if _, err := maps.Get(t.Context(), "dry", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("it is there: %v", err)
		}
	})
	simulated.Run(t, "deletes collections", func(t *testing.T) {
		for i := range 5 {
			object := configMap(fmt.Sprint("part-", i))
			object.Labels["odd"] = fmt.Sprint(i % 2)
			simulated.Must[*corev1.ConfigMap](t)(maps.Create(t.Context(), object, metav1.CreateOptions{}))
		}
		if err := maps.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "odd=1"}); err != nil {
			t.Fatal(err)
		}
		if left := simulated.Must[*corev1.ConfigMapList](t)(maps.List(t.Context(), metav1.ListOptions{LabelSelector: "odd"})); len(left.Items) != 3 {
			t.Errorf("%d are left", len(left.Items))
		}
	})
}

func TestListsGoPageByPageAndExpire(t *testing.T) {
	p := serve(t)
	maps := p.client.CoreV1().ConfigMaps(p.namespace)
	for i := range 7 {
		simulated.Must[*corev1.ConfigMap](t)(maps.Create(t.Context(), configMap(fmt.Sprint("item-", i)), metav1.CreateOptions{}))
	}
	list := simulated.Must[*corev1.ConfigMapList](t)
	first := list(maps.List(t.Context(), metav1.ListOptions{LabelSelector: "set", Limit: 3}))
	if len(first.Items) != 3 || first.Continue == "" {
		t.Fatalf("%d items, continue %q", len(first.Items), first.Continue)
	}
	if err := maps.Delete(t.Context(), "item-5", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	second := list(maps.List(t.Context(), metav1.ListOptions{LabelSelector: "set", Limit: 10, Continue: first.Continue}))
	if len(second.Items) != 4 || second.Continue != "" || second.ResourceVersion != first.ResourceVersion {
		t.Errorf("a page shows what was there when the first was made: %d items, version %s after %s", len(second.Items), second.ResourceVersion, first.ResourceVersion)
	}
	if _, err := maps.List(t.Context(), metav1.ListOptions{Limit: 3, Continue: "nonsense"}); !apierrors.IsBadRequest(err) {
		t.Errorf("a token that is none: %v", err)
	}
	exact := list(maps.List(t.Context(), metav1.ListOptions{LabelSelector: "set", ResourceVersion: first.ResourceVersion, ResourceVersionMatch: metav1.ResourceVersionMatchExact}))
	if len(exact.Items) != 7 {
		t.Errorf("%d items at version %s", len(exact.Items), first.ResourceVersion)
	}
	future := p.client.CoreV1().RESTClient().Get().Namespace(p.namespace).Resource("configmaps").Param("resourceVersion", "999999999").Param("resourceVersionMatch", "NotOlderThan")
	if err := future.MaxRetries(0).Do(t.Context()).Error(); !apierrors.IsTimeout(err) {
		t.Errorf("a version of the future: %v", err)
	}
}

func TestDynamicClient(t *testing.T) {
	p := serve(t)
	client := dynamic.NewForConfigOrDie(p.Config).Resource(configMaps).Namespace(p.namespace)
	must := simulated.Must[*unstructured.Unstructured](t)
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"generateName": "made-"}, "data": map[string]any{"a": "1"},
	}}
	made := must(client.Create(t.Context(), object, metav1.CreateOptions{}))
	if name := made.GetName(); !strings.HasPrefix(name, "made-") || len(name) != len("made-")+5 {
		t.Errorf("generated name %q", name)
	}
	merged := must(client.Patch(t.Context(), made.GetName(), types.MergePatchType, []byte(`{"data":{"a":null,"b":"2"}}`), metav1.PatchOptions{}))
	if data, _, _ := unstructured.NestedStringMap(merged.Object, "data"); len(data) != 1 || data["b"] != "2" {
		t.Errorf("%v", data)
	}
	applied := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": made.GetName()}, "data": map[string]any{"c": "3"},
	}}
	simulated.Run(t, "applies", func(t *testing.T) {
		got := must(client.Apply(t.Context(), made.GetName(), applied, metav1.ApplyOptions{FieldManager: "applier"}))
		if data, _, _ := unstructured.NestedStringMap(got.Object, "data"); data["c"] != "3" || data["b"] != "2" {
			t.Errorf("%v", data)
		}
	})
	list := simulated.Must[*unstructured.UnstructuredList](t)(client.List(t.Context(), metav1.ListOptions{}))
	if list.GetKind() != "ConfigMapList" || list.GetAPIVersion() != "v1" || len(list.Items) != 2 {
		t.Errorf("%s %s of %d", list.GetAPIVersion(), list.GetKind(), len(list.Items))
	}
}

func TestMetadataClient(t *testing.T) {
	p := serve(t)
	simulated.Must[*corev1.ConfigMap](t)(p.client.CoreV1().ConfigMaps(p.namespace).Create(t.Context(), configMap("a", "b", strings.Repeat("x", 5000)), metav1.CreateOptions{}))
	client := metadata.NewForConfigOrDie(p.Config).Resource(configMaps).Namespace(p.namespace)
	got := simulated.Must[*metav1.PartialObjectMetadata](t)(client.Get(t.Context(), "a", metav1.GetOptions{}))
	if got.UID == "" || got.ResourceVersion == "" || got.Labels["set"] != "x" {
		t.Errorf("%+v", got)
	}
	list := simulated.Must[*metav1.PartialObjectMetadataList](t)(client.List(t.Context(), metav1.ListOptions{LabelSelector: "set=x"}))
	if len(list.Items) != 1 || list.Items[0].Name != "a" || list.Items[0].UID != got.UID {
		t.Errorf("%+v", list)
	}
	events, err := client.Watch(t.Context(), metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Stop()
	if err := client.Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	select {
	case event := <-events.ResultChan():
		if gone, ok := event.Object.(*metav1.PartialObjectMetadata); !ok || event.Type != "DELETED" || gone.Name != "a" {
			t.Errorf("%s %T", event.Type, event.Object)
		}
	case <-time.After(deadline):
		t.Error("no event")
	}
}
