package clients

import (
	"context"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"scale-agent/tests/conformance/simulated"
)

// candidate runs for leadership until its context ends; it says when it leads and when no longer.
func candidate(ctx context.Context, t *testing.T, p place, name string) (leads, ended chan struct{}) {
	leads, ended = make(chan struct{}), make(chan struct{})
	lock := &resourcelock.LeaseLock{
		LeaseMeta: metav1.ObjectMeta{Name: "leader", Namespace: p.namespace}, Client: p.client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: name},
	}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 200 * time.Millisecond, ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { close(leads) }, OnStoppedLeading: func() {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() { elector.Run(ctx); close(ended) }()
	return leads, ended
}

func within(t *testing.T, what string, happened chan struct{}) {
	t.Helper()
	select {
	case <-happened:
	case <-time.After(deadline):
		t.Fatalf("not within %s: %s", deadline, what)
	}
}

func TestLeadershipIsHandedOver(t *testing.T) {
	p := serve(t)
	first, stopFirst := context.WithCancel(t.Context())
	second, stopSecond := context.WithCancel(t.Context())
	firstLeads, firstEnded := candidate(first, t, p, "first")
	within(t, "the first leads", firstLeads)
	secondLeads, secondEnded := candidate(second, t, p, "second")
	leases := p.client.CoordinationV1().Leases(p.namespace)
	renewed := simulated.Must[*coordinationv1.Lease](t)(leases.Get(t.Context(), "leader", metav1.GetOptions{})).Spec.RenewTime
	simulated.Eventually(t, deadline, "the first renews", func() bool {
		return simulated.Must[*coordinationv1.Lease](t)(leases.Get(t.Context(), "leader", metav1.GetOptions{})).Spec.RenewTime.After(renewed.Time)
	})
	select {
	case <-secondLeads:
		t.Fatal("two leaders")
	default:
	}
	stopFirst()
	within(t, "the first ends", firstEnded)
	within(t, "the second leads", secondLeads)
	lease := simulated.Must[*coordinationv1.Lease](t)(leases.Get(t.Context(), "leader", metav1.GetOptions{}))
	if *lease.Spec.HolderIdentity != "second" || *lease.Spec.LeaseTransitions == 0 || lease.Spec.AcquireTime.Time.Nanosecond()%1000 != 0 {
		t.Errorf("%+v", lease.Spec)
	}
	stopSecond()
	within(t, "the second ends", secondEnded)
}
