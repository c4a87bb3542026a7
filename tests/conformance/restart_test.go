package conformance

import (
	"context"
	"net"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
)

// TestServerRestart drops everything as a Rancher that dies, starts again on the same address, and finds the
// cluster back by its own retry law (10 s) with the same address, authority and token.
func TestServerRestart(t *testing.T) {
	r, _, key := cluster(t)
	before := r.params[key]
	config := r.config(key)
	config.Timeout = 0
	namespaces := informers.NewSharedInformerFactory(kubernetes.NewForConfigOrDie(config), 0).Core().V1().Namespaces().Informer()
	stop := make(chan struct{})
	defer close(stop)
	go namespaces.Run(stop)
	eventually(t, 20*time.Second, "synced", namespaces.HasSynced)

	address := r.address
	r.stop()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	r.serve(listener)
	r.awaitSession(key, 20*time.Second)
	if waited := time.Since(started); waited < 5*time.Second {
		t.Errorf("back after %s: the real agent waits 10 s before it dials again", waited)
	}
	if after := r.params[key]; after != before {
		t.Error("address, authority or token changed over a reconnect: Rancher would restart all controllers of the cluster")
	}
	if r.upgrades[key] != 2 {
		t.Errorf("%d upgrades of the main tunnel, want 2", r.upgrades[key])
	}
	if _, err := kubernetes.NewForConfigOrDie(r.config(key)).CoreV1().Namespaces().Get(context.Background(), "kube-system", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}
