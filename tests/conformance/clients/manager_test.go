package clients

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"scale-agent/tests/conformance/simulated"
)

func init() { log.SetLogger(logr.Discard()) }

func TestControllerRuntimeClient(t *testing.T) {
	p := serve(t)
	c := simulated.Must[client.Client](t)(client.New(p.Config, client.Options{Scheme: scheme.Scheme, FieldOwner: "tester"}))
	object := configMap("a", "x", "1")
	object.Namespace = p.namespace
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(c.Create(t.Context(), object))
	before := object.DeepCopy()
	object.Data["y"] = "2"
	check(c.Patch(t.Context(), object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})))
	if err := c.Patch(t.Context(), before.DeepCopy(), client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); !apierrors.IsConflict(err) {
		t.Errorf("a stale patch: %v", err)
	}
	object.Data["z"] = "3"
	check(c.Patch(t.Context(), object, client.StrategicMergeFrom(before)))
	outcome, err := controllerutil.CreateOrUpdate(t.Context(), c, object, func() error { object.Data["w"] = "4"; return nil })
	if err != nil || outcome != controllerutil.OperationResultUpdated {
		t.Errorf("%s %v", outcome, err)
	}
	got := &unstructured.Unstructured{}
	got.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"})
	check(c.Get(t.Context(), client.ObjectKeyFromObject(object), got))
	if data, _, _ := unstructured.NestedStringMap(got.Object, "data"); len(data) != 4 {
		t.Errorf("%v", data)
	}
	list := &corev1.ConfigMapList{}
	check(c.List(t.Context(), list, client.InNamespace(p.namespace), client.MatchingLabels{"set": "x"}, client.Limit(1)))
	if len(list.Items) != 1 {
		t.Errorf("%d items", len(list.Items))
	}
	check(c.DeleteAllOf(t.Context(), &corev1.ConfigMap{}, client.InNamespace(p.namespace), client.MatchingLabels{"set": "x"}))
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), object); !apierrors.IsNotFound(err) {
		t.Errorf("after deletion: %v", err)
	}
}

// wombatKeeper gives every wombat a config map of its own, says so in its status, and cleans up before it goes.
type wombatKeeper struct{ client.Client }

const finalizer = "clients.example.com/keeper"

var wombatKind = schema.GroupVersionKind{Group: "clients.example.com", Version: "v1", Kind: "Wombat"}

func wombat() *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(wombatKind)
	return object
}

func (k wombatKeeper) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	object := wombat()
	if err := k.Get(ctx, request.NamespacedName, object); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if object.GetDeletionTimestamp() != nil {
		controllerutil.RemoveFinalizer(object, finalizer)
		return ctrl.Result{}, client.IgnoreNotFound(k.Update(ctx, object))
	}
	if controllerutil.AddFinalizer(object, finalizer) {
		return ctrl.Result{}, k.Update(ctx, object)
	}
	kept := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: object.GetName() + "-kept", Namespace: object.GetNamespace()}}
	if _, err := controllerutil.CreateOrUpdate(ctx, k.Client, kept, func() error {
		kept.Data = map[string]string{"size": fmt.Sprint(object.Object["spec"].(map[string]any)["size"])}
		return controllerutil.SetControllerReference(object, kept, k.Scheme())
	}); err != nil {
		return ctrl.Result{}, err
	}
	before := object.DeepCopy()
	object.Object["status"] = map[string]any{"mood": "kept", "observedGeneration": object.GetGeneration()}
	return ctrl.Result{}, k.Status().Patch(ctx, object, client.MergeFrom(before))
}

func TestAManagerReconciles(t *testing.T) {
	p := serve(t)
	define(t, p)
	manager, err := ctrl.NewManager(p.Config, ctrl.Options{
		Scheme: scheme.Scheme, Metrics: metricsserver.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		Cache:          cache.Options{DefaultNamespaces: map[string]cache.Config{p.namespace: {}}},
		LeaderElection: true, LeaderElectionID: "wombat-keeper", LeaderElectionNamespace: p.namespace, LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := ctrl.NewControllerManagedBy(manager).For(wombat()).Owns(&corev1.ConfigMap{}).Complete(wombatKeeper{manager.GetClient()}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()

	c := simulated.Must[client.Client](t)(client.New(p.Config, client.Options{Scheme: scheme.Scheme}))
	bert := wombat()
	bert.SetName("bert")
	bert.SetNamespace(p.namespace)
	bert.Object["spec"] = map[string]any{"size": int64(3)}
	if err := c.Create(ctx, bert); err != nil {
		t.Fatal(err)
	}
	key := client.ObjectKeyFromObject(bert)
	keptKey := client.ObjectKey{Namespace: p.namespace, Name: "bert-kept"}
	kept := func(size string) func() bool {
		return func() bool {
			object := &corev1.ConfigMap{}
			return c.Get(ctx, keptKey, object) == nil && object.Data["size"] == size
		}
	}
	simulated.Eventually(t, deadline, "a config map is kept", kept("3"))
	simulated.Eventually(t, deadline, "the status says so", func() bool {
		if err := c.Get(ctx, key, bert); err != nil {
			return false
		}
		mood, _, _ := unstructured.NestedString(bert.Object, "status", "mood")
		seen, _, _ := unstructured.NestedInt64(bert.Object, "status", "observedGeneration")
		return mood == "kept" && seen == bert.GetGeneration()
	})
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"size":5}}`))
	if err := c.Patch(ctx, bert, patch); err != nil {
		t.Fatal(err)
	}
	simulated.Eventually(t, deadline, "a change is followed", kept("5"))
	if err := c.Delete(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: keptKey.Name, Namespace: keptKey.Namespace}}); err != nil {
		t.Fatal(err)
	}
	simulated.Eventually(t, deadline, "what was deleted is made again", kept("5"))
	if err := c.Delete(ctx, bert); err != nil {
		t.Fatal(err)
	}
	simulated.Eventually(t, deadline, "the wombat is gone, and what it owned", func() bool {
		return apierrors.IsNotFound(c.Get(ctx, key, wombat())) && apierrors.IsNotFound(c.Get(ctx, keptKey, &corev1.ConfigMap{}))
	})
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(deadline):
		t.Error("the manager does not end")
	}
}

func TestControllerRuntimeCacheFindsByIndex(t *testing.T) {
	p := serve(t)
	store := simulated.Must[cache.Cache](t)(cache.New(p.Config, cache.Options{Scheme: scheme.Scheme, DefaultNamespaces: map[string]cache.Config{p.namespace: {}}}))
	if err := store.IndexField(t.Context(), &appsv1.Deployment{}, "image", func(object client.Object) []string {
		return []string{object.(*appsv1.Deployment).Spec.Template.Spec.Containers[0].Image}
	}); err != nil {
		t.Fatal(err)
	}
	go store.Start(t.Context())
	if !store.WaitForCacheSync(t.Context()) {
		t.Fatal("the cache does not sync")
	}
	labels := map[string]string{"app": "a"}
	replicas := int32(0)
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: p.namespace}, Spec: appsv1.DeploymentSpec{
		Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "one"}}}},
	}}
	made := simulated.Must[*appsv1.Deployment](t)(p.client.AppsV1().Deployments(p.namespace).Create(t.Context(), deployment, metav1.CreateOptions{}))
	found := func(image string) func() bool {
		return func() bool {
			list := &appsv1.DeploymentList{}
			return store.List(t.Context(), list, client.MatchingFields{"image": image}) == nil && len(list.Items) == 1 && list.Items[0].UID == made.UID
		}
	}
	simulated.Eventually(t, deadline, "found by its image", found("one"))
	patch := []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"a","image":"two"}]}}}}`)
	simulated.Must[*appsv1.Deployment](t)(p.client.AppsV1().Deployments(p.namespace).Patch(t.Context(), "a", "application/strategic-merge-patch+json", patch, metav1.PatchOptions{}))
	simulated.Eventually(t, deadline, "found by its new image", found("two"))
}
