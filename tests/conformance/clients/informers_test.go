package clients

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/features"
	featurestesting "k8s.io/client-go/features/testing"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"scale-agent/tests/conformance/simulated"
)

// eachWay runs a test with WatchList, which is what clients do by now, and without.
func eachWay(t *testing.T, test func(*testing.T)) {
	for name, on := range map[string]bool{"by WatchList": true, "by list and watch": false} {
		simulated.Run(t, name, func(t *testing.T) {
			featurestesting.SetFeatureDuringTest(t, features.WatchListClient, on)
			test(t)
		})
	}
}

// contents are the names and versions in an informer's store.
func contents(informer cache.SharedIndexInformer) []string {
	var found []string
	for _, object := range informer.GetStore().List() {
		meta := object.(metav1.Object)
		found = append(found, meta.GetName()+"@"+meta.GetResourceVersion())
	}
	slices.Sort(found)
	return found
}

// listed is the same from a list.
func listed(t *testing.T, p place) []string {
	t.Helper()
	var found []string
	for _, item := range simulated.Must[*corev1.ConfigMapList](t)(p.client.CoreV1().ConfigMaps(p.namespace).List(t.Context(), metav1.ListOptions{})).Items {
		found = append(found, item.Name+"@"+item.ResourceVersion)
	}
	slices.Sort(found)
	return found
}

// churn creates, changes and deletes at random, several writers at once.
func churn(t *testing.T, p place, rounds int) {
	maps := p.client.CoreV1().ConfigMaps(p.namespace)
	var group sync.WaitGroup
	for writer := range 4 {
		group.Go(func() {
			for range rounds {
				name := fmt.Sprintf("w%d-%d", writer, rand.IntN(8))
				var err error
				switch rand.IntN(3) {
				case 0:
					err = maps.Delete(t.Context(), name, metav1.DeleteOptions{})
				case 1:
					_, err = maps.Create(t.Context(), configMap(name), metav1.CreateOptions{})
				default:
					_, err = maps.Patch(t.Context(), name, types.MergePatchType, fmt.Appendf(nil, `{"data":{"n":"%d"}}`, rand.Int()), metav1.PatchOptions{})
				}
				if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsAlreadyExists(err) {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func TestInformersEndWithWhatIsThere(t *testing.T) {
	eachWay(t, func(t *testing.T) {
		p := serve(t)
		partial := metadata.NewForConfigOrDie(p.Config)
		unstructured := dynamic.NewForConfigOrDie(p.Config)
		stores := map[string]cache.SharedIndexInformer{
			"typed, json":     informers.NewSharedInformerFactoryWithOptions(kubernetes.NewForConfigOrDie(p.Config), 0, informers.WithNamespace(p.namespace)).Core().V1().ConfigMaps().Informer(),
			"typed, protobuf": informers.NewSharedInformerFactoryWithOptions(p.client, 0, informers.WithNamespace(p.namespace)).Core().V1().ConfigMaps().Informer(),
			"dynamic":         dynamicinformer.NewFilteredDynamicSharedInformerFactory(unstructured, 0, p.namespace, nil).ForResource(configMaps).Informer(),
			"metadata":        metadatainformer.NewFilteredSharedInformerFactory(partial, 0, p.namespace, nil).ForResource(configMaps).Informer(),
		}
		churn(t, p, 10)
		stop := make(chan struct{})
		defer close(stop)
		for _, informer := range stores {
			go informer.Run(stop)
		}
		churn(t, p, 60)
		for what, informer := range stores {
			simulated.Eventually(t, deadline, what+" synced", informer.HasSynced)
		}
		churn(t, p, 60)
		want := listed(t, p)
		for what, informer := range stores {
			simulated.Eventually(t, deadline, fmt.Sprintf("%s holds %v", what, want), func() bool { return slices.Equal(contents(informer), want) })
		}
	})
}

func TestInformersSeeObjectsEnterAndLeaveTheirSelection(t *testing.T) {
	eachWay(t, func(t *testing.T) {
		p := serve(t)
		chosen := informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = "color=red" })
		informer := informers.NewSharedInformerFactoryWithOptions(p.client, 0, informers.WithNamespace(p.namespace), chosen).Core().V1().ConfigMaps().Informer()
		var mu sync.Mutex
		var told []string
		tell := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, what)
		}
		informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { tell("added") }, UpdateFunc: func(any, any) { tell("updated") }, DeleteFunc: func(any) { tell("deleted") },
		})
		stop := make(chan struct{})
		defer close(stop)
		go informer.Run(stop)
		simulated.Eventually(t, deadline, "synced", informer.HasSynced)
		maps := p.client.CoreV1().ConfigMaps(p.namespace)
		simulated.Must[*corev1.ConfigMap](t)(maps.Create(t.Context(), configMap("a"), metav1.CreateOptions{}))
		for _, patch := range []string{`{"metadata":{"labels":{"color":"red"}}}`, `{"data":{"a":"b"}}`, `{"metadata":{"labels":{"color":"blue"}}}`, `{"data":{"a":"c"}}`} {
			simulated.Must[*corev1.ConfigMap](t)(maps.Patch(t.Context(), "a", types.MergePatchType, []byte(patch), metav1.PatchOptions{}))
		}
		simulated.Eventually(t, deadline, "in and out again", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return slices.Equal(told, []string{"added", "updated", "deleted"})
		})
	})
}

// expiring lets the client's first watch end with the 410 of a server that has forgotten: its next must be told anew.
type expiring struct {
	http.RoundTripper
	mu      sync.Mutex
	expired int
	lists   int
}

const gone = `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}}` + "\n"

func (e *expiring) RoundTrip(request *http.Request) (*http.Response, error) {
	query := request.URL.Query()
	e.mu.Lock()
	initial := query.Get("watch") == "" || query.Get("sendInitialEvents") == "true"
	if initial {
		e.lists++
	}
	expire := !initial && e.expired < 2
	if expire {
		e.expired++
	}
	e.mu.Unlock()
	if expire {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(gone)), Request: request}, nil
	}
	return e.RoundTripper.RoundTrip(request)
}

func TestInformersStartAnewAfterA410(t *testing.T) {
	p := serve(t)
	featurestesting.SetFeatureDuringTest(t, features.WatchListClient, false)
	config, transport := rest.CopyConfig(p.Config), &expiring{}
	config.Wrap(func(inner http.RoundTripper) http.RoundTripper { transport.RoundTripper = inner; return transport })
	informer := informers.NewSharedInformerFactoryWithOptions(kubernetes.NewForConfigOrDie(config), 0, informers.WithNamespace(p.namespace)).Core().V1().ConfigMaps().Informer()
	stop := make(chan struct{})
	defer close(stop)
	go informer.Run(stop)
	simulated.Eventually(t, deadline, "two 410s", func() bool {
		transport.mu.Lock()
		defer transport.mu.Unlock()
		return transport.expired == 2 && transport.lists >= 3
	})
	churn(t, p, 30)
	want := listed(t, p)
	simulated.Eventually(t, deadline, "what is there", func() bool { return slices.Equal(contents(informer), want) })
}

func TestAWatchFromAForgottenVersionIsA410(t *testing.T) {
	p := serve(t)
	_, err := p.client.CoreV1().ConfigMaps(p.namespace).Watch(t.Context(), metav1.ListOptions{ResourceVersion: "1"})
	if err == nil {
		events := simulated.Must[watch.Interface](t)(p.client.CoreV1().ConfigMaps(p.namespace).Watch(t.Context(), metav1.ListOptions{ResourceVersion: "1"}))
		defer events.Stop()
		select {
		case event := <-events.ResultChan():
			err = apierrors.FromObject(event.Object)
		case <-time.After(deadline):
		}
	}
	if !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
		t.Errorf("%v", err)
	}
}

func TestARetryWatcherGoesOnAfterItsWatchEnds(t *testing.T) {
	p := serve(t)
	maps := p.client.CoreV1().ConfigMaps(p.namespace)
	list := simulated.Must[*corev1.ConfigMapList](t)(maps.List(t.Context(), metav1.ListOptions{}))
	second := int64(1)
	short := &cache.ListWatch{WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
		options.TimeoutSeconds, options.LabelSelector = &second, "set"
		return maps.Watch(ctx, options)
	}}
	watcher, err := watchtools.NewRetryWatcherWithContext(t.Context(), list.ResourceVersion, short)
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop()
	for i := range 4 {
		time.Sleep(600 * time.Millisecond) // longer than a watch lasts, all in all
		simulated.Must[*corev1.ConfigMap](t)(maps.Create(t.Context(), configMap(fmt.Sprint("c", i)), metav1.CreateOptions{}))
		select {
		case event := <-watcher.ResultChan():
			if made, ok := event.Object.(*corev1.ConfigMap); !ok || event.Type != watch.Added || made.Name != fmt.Sprint("c", i) {
				t.Fatalf("%v", event)
			}
		case <-time.After(deadline):
			t.Fatal("no event")
		}
	}
}
