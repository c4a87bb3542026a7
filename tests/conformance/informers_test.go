package conformance

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/features"
	featurestesting "k8s.io/client-go/features/testing"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	aggregator "k8s.io/kube-aggregator/pkg/client/clientset_generated/clientset"
	aggregatorinformers "k8s.io/kube-aggregator/pkg/client/informers/externalversions"
)

// watched are the informers Rancher keeps on a cluster (protocol/rancher section 4.3), with the fewest objects each must see.
func watched(t *testing.T, r *rancher, key string) (map[string]cache.SharedIndexInformer, map[string]int) {
	t.Helper()
	config := r.config(key)
	config.Timeout = 0
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeProtobuf, "application/vnd.kubernetes.protobuf,application/json"
	client := kubernetes.NewForConfigOrDie(config)
	all := informers.NewSharedInformerFactory(client, 0)
	impersonation := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace("cattle-impersonation-system"))
	stv := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = "metadata.namespace=cattle-system,metadata.name=stv-aggregation"
	}))
	services := aggregatorinformers.NewSharedInformerFactory(aggregator.NewForConfigOrDie(config), 0)
	rbac, core := all.Rbac().V1(), all.Core().V1()
	return map[string]cache.SharedIndexInformer{
			"namespaces": core.Namespaces().Informer(), "nodes": core.Nodes().Informer(),
			"resourcequotas": core.ResourceQuotas().Informer(), "limitranges": core.LimitRanges().Informer(),
			"clusterroles": rbac.ClusterRoles().Informer(), "clusterrolebindings": rbac.ClusterRoleBindings().Informer(),
			"roles": rbac.Roles().Informer(), "rolebindings": rbac.RoleBindings().Informer(),
			"apiservices":           services.Apiregistration().V1().APIServices().Informer(),
			"impersonation secrets": impersonation.Core().V1().Secrets().Informer(), "impersonation accounts": impersonation.Core().V1().ServiceAccounts().Informer(),
			"stv-aggregation": stv.Core().V1().Secrets().Informer(),
		}, map[string]int{
			"namespaces": 5, "nodes": 1, "clusterroles": 60, "clusterrolebindings": 40, "roles": 5, "rolebindings": 5, "apiservices": 20, "stv-aggregation": 1,
		}
}

func TestInformersSeeWhatIsThereAndWhatChanges(t *testing.T) {
	for name, watchList := range map[string]bool{"WatchList": true, "list then watch": false} {
		t.Run(name, func(t *testing.T) {
			featurestesting.SetFeatureDuringTest(t, features.WatchListClient, watchList)
			r, _, key := cluster(t)
			stores, fewest := watched(t, r, key)
			stop := make(chan struct{})
			defer close(stop)
			for _, informer := range stores {
				go informer.Run(stop)
			}
			for what, informer := range stores {
				eventually(t, 20*time.Second, what+" synced", informer.HasSynced)
				eventually(t, 20*time.Second, what+" complete", func() bool { return len(informer.GetStore().List()) >= fewest[what] })
			}
			liveEvents(t, r, key, stores)
		})
	}
}

// liveEvents creates, changes and deletes, and follows it in the caches.
func liveEvents(t *testing.T, r *rancher, key string, stores map[string]cache.SharedIndexInformer) {
	t.Helper()
	client := kubernetes.NewForConfigOrDie(r.config(key))
	ctx := context.Background()
	ns, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "seen-live"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	find := func() *corev1.Namespace {
		item, ok, _ := stores["namespaces"].GetStore().GetByKey("seen-live")
		if !ok {
			return nil
		}
		return item.(*corev1.Namespace)
	}
	eventually(t, 5*time.Second, "ADDED", func() bool { return find() != nil })
	eventually(t, 5*time.Second, "Active", func() bool { return find().Status.Phase == corev1.NamespaceActive })
	if ns, err = client.CoreV1().Namespaces().Get(ctx, ns.Name, metav1.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	ns.Labels["seen"] = "changed"
	if _, err := client.CoreV1().Namespaces().Update(ctx, ns, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "MODIFIED", func() bool { return find().Labels["seen"] == "changed" })
	if err := client.CoreV1().Namespaces().Delete(ctx, ns.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "DELETED", func() bool { return find() == nil })
}
