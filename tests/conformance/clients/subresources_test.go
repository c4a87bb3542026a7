package clients

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/retry"

	"scale-agent/tests/conformance/simulated"
)

// deploy makes a deployment of so many pods that are ready.
func deploy(t *testing.T, p place, name string, replicas int32) *appsv1.Deployment {
	t.Helper()
	labels := map[string]string{"app": name}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.DeploymentSpec{
		Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "nginx"}}}},
	}}
	deployments := p.client.AppsV1().Deployments(p.namespace)
	simulated.Must[*appsv1.Deployment](t)(deployments.Create(t.Context(), deployment, metav1.CreateOptions{}))
	simulated.Eventually(t, deadline, "ready pods", func() bool {
		got, err := deployments.Get(t.Context(), name, metav1.GetOptions{})
		deployment = got
		return err == nil && got.Status.ReadyReplicas == replicas
	})
	return deployment
}

func podOf(t *testing.T, p place, name string) corev1.Pod {
	t.Helper()
	list := simulated.Must[*corev1.PodList](t)(p.client.CoreV1().Pods(p.namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app=" + name}))
	if len(list.Items) == 0 {
		t.Fatal("no pod")
	}
	return list.Items[0]
}

func TestScaleClientsKnowEveryKind(t *testing.T) {
	p := serve(t)
	deploy(t, p, "web", 1)
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discovery.NewDiscoveryClientForConfigOrDie(p.Config)))
	scales := simulated.Must[scale.ScalesGetter](t)(scale.NewForConfig(p.Config, mapper, dynamic.LegacyAPIPathResolverFunc, scale.NewDiscoveryScaleKindResolver(discovery.NewDiscoveryClientForConfigOrDie(p.Config)))).Scales(p.namespace)
	resource := schema.GroupResource{Group: "apps", Resource: "deployments"}
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		got, err := scales.Get(t.Context(), resource, "web", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if got.Status.Selector != "app=web" {
			t.Errorf("%+v", got)
		}
		got.Spec.Replicas = 3
		_, err = scales.Update(t.Context(), resource, got, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	typed := p.client.AppsV1().Deployments(p.namespace)
	simulated.Eventually(t, deadline, "three replicas", func() bool {
		return simulated.Must[*autoscalingv1.Scale](t)(typed.GetScale(t.Context(), "web", metav1.GetOptions{})).Status.Replicas == 3
	})
}

func TestEvictionsKeepToTheBudget(t *testing.T) {
	p := serve(t)
	deploy(t, p, "web", 2)
	one := intstr.FromInt32(2)
	budgets := p.client.PolicyV1().PodDisruptionBudgets(p.namespace)
	budget := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: &one, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}}}
	simulated.Must[*policyv1.PodDisruptionBudget](t)(budgets.Create(t.Context(), budget, metav1.CreateOptions{}))
	simulated.Eventually(t, deadline, "the budget is counted", func() bool {
		return simulated.Must[*policyv1.PodDisruptionBudget](t)(budgets.Get(t.Context(), "web", metav1.GetOptions{})).Status.CurrentHealthy == 2
	})
	pod := podOf(t, p, "web")
	evict := func() error {
		client := kubernetes.NewForConfigOrDie(p.Config) // a 429 is retried by the client: not here
		return client.PolicyV1().RESTClient().Post().AbsPath("/api/v1").Namespace(p.namespace).Resource("pods").Name(pod.Name).SubResource("eviction").
			Body(&policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name}}).MaxRetries(0).Do(t.Context()).Error()
	}
	if err := evict(); !apierrors.IsTooManyRequests(err) || !apierrors.HasStatusCause(err, policyv1.DisruptionBudgetCause) {
		t.Errorf("%v", err)
	}
	if err := budgets.Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := evict(); err != nil {
		t.Error(err)
	}
	simulated.Eventually(t, deadline, "the pod is gone", func() bool {
		_, err := p.client.CoreV1().Pods(p.namespace).Get(t.Context(), pod.Name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

func TestLogsAreStreamed(t *testing.T) {
	p := serve(t)
	deploy(t, p, "web", 1)
	pods, pod := p.client.CoreV1().Pods(p.namespace), podOf(t, p, "web")
	whole := simulated.Must[[]byte](t)(pods.GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(t.Context()))
	if len(whole) == 0 {
		t.Fatal("no lines")
	}
	tail := int64(1)
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	stream := simulated.Must[io.ReadCloser](t)(pods.GetLogs(pod.Name, &corev1.PodLogOptions{Follow: true, TailLines: &tail, Timestamps: true}).Stream(ctx))
	defer stream.Close()
	line, err := bufio.NewReader(stream).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if stamp, _, _ := strings.Cut(line, " "); !isTime(stamp) {
		t.Errorf("%q begins with no time", line)
	}
}

func isTime(text string) bool {
	_, err := time.Parse(time.RFC3339Nano, text)
	return err == nil
}

func TestNobodyGetsIntoAContainer(t *testing.T) {
	p := serve(t)
	deploy(t, p, "web", 1)
	pod := podOf(t, p, "web")
	request := p.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(p.namespace).Name(pod.Name).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Command: []string{"true"}, Stdout: true}, scheme.ParameterCodec)
	spdy := simulated.Must[remotecommand.Executor](t)(remotecommand.NewSPDYExecutor(p.Config, "POST", request.URL()))
	websocket := simulated.Must[remotecommand.Executor](t)(remotecommand.NewWebSocketExecutor(p.Config, "GET", request.URL().String()))
	for name, executor := range map[string]remotecommand.Executor{"SPDY": spdy, "websocket": websocket} {
		err := executor.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdout: io.Discard})
		if err == nil || !strings.Contains(err.Error(), "error dialing backend") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAccountsHaveTokens(t *testing.T) {
	p := serve(t)
	accounts := p.client.CoreV1().ServiceAccounts(p.namespace)
	robot := simulated.Must[*corev1.ServiceAccount](t)(accounts.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}, metav1.CreateOptions{}))
	seconds := int64(3600)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	issued := simulated.Must[*authenticationv1.TokenRequest](t)(accounts.CreateToken(t.Context(), "robot", request, metav1.CreateOptions{}))
	if remains := time.Until(issued.Status.ExpirationTimestamp.Time); remains < 50*time.Minute || remains > 70*time.Minute {
		t.Errorf("expires in %s", remains)
	}
	name := "system:serviceaccount:" + p.namespace + ":robot"
	simulated.Run(t, "that say who asks", func(t *testing.T) {
		config := rest.AnonymousClientConfig(p.Config)
		config.BearerToken = issued.Status.Token
		self := simulated.Must[*authenticationv1.SelfSubjectReview](t)(kubernetes.NewForConfigOrDie(config).AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{}))
		if self.Status.UserInfo.Username != name || self.Status.UserInfo.UID != string(robot.UID) {
			t.Errorf("%+v", self.Status.UserInfo)
		}
	})
	simulated.Run(t, "that are reviewed", func(t *testing.T) {
		reviews := p.client.AuthenticationV1().TokenReviews()
		review := simulated.Must[*authenticationv1.TokenReview](t)(reviews.Create(t.Context(), &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: issued.Status.Token}}, metav1.CreateOptions{}))
		if !review.Status.Authenticated || review.Status.User.Username != name {
			t.Errorf("%+v", review.Status)
		}
		wrong := simulated.Must[*authenticationv1.TokenReview](t)(reviews.Create(t.Context(), &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: "wrong"}}, metav1.CreateOptions{}))
		if wrong.Status.Authenticated || wrong.Status.Error == "" {
			t.Errorf("%+v", wrong.Status)
		}
	})
	simulated.Run(t, "that end with the account", func(t *testing.T) {
		if err := accounts.Delete(t.Context(), "robot", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		config := rest.AnonymousClientConfig(p.Config)
		config.BearerToken = issued.Status.Token
		simulated.Eventually(t, deadline, "401", func() bool {
			_, err := kubernetes.NewForConfigOrDie(config).CoreV1().ConfigMaps(p.namespace).List(t.Context(), metav1.ListOptions{})
			return apierrors.IsUnauthorized(err)
		})
	})
}

func TestOthersAreRefusedAndImpersonated(t *testing.T) {
	p := serveProfile(t, simulated.With(t, "small.yaml", "rbac"))
	nobody := rest.AnonymousClientConfig(p.Config)
	if _, err := kubernetes.NewForConfigOrDie(nobody).CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("anonymous: %v", err)
	}
	if version, err := kubernetes.NewForConfigOrDie(nobody).Discovery().ServerVersion(); err != nil || version.Major != "1" {
		t.Errorf("anonymous version: %v %v", version, err)
	}
	as := rest.CopyConfig(p.Config)
	as.Impersonate = rest.ImpersonationConfig{UserName: "jane", Groups: []string{"devs"}, Extra: map[string][]string{"team": {"red"}}}
	jane := kubernetes.NewForConfigOrDie(as)
	self := simulated.Must[*authenticationv1.SelfSubjectReview](t)(jane.AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{}))
	if info := self.Status.UserInfo; info.Username != "jane" || info.Groups[0] != "devs" || info.Extra["team"][0] != "red" {
		t.Errorf("%+v", info)
	}
	if _, err := jane.CoreV1().Secrets(p.namespace).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("jane: %v", err)
	}
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: p.namespace, Verb: "list", Resource: "secrets"}}}
	if got := simulated.Must[*authorizationv1.SelfSubjectAccessReview](t)(jane.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})); got.Status.Allowed {
		t.Errorf("%+v", got.Status)
	}
}

func TestEventsAreRecordedOnceAndCounted(t *testing.T) {
	p := serve(t)
	made := simulated.Must[*corev1.ConfigMap](t)(p.client.CoreV1().ConfigMaps(p.namespace).Create(t.Context(), configMap("a"), metav1.CreateOptions{}))
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: p.client.EventsV1()})
	if err := broadcaster.StartRecordingToSinkWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer broadcaster.Shutdown()
	recorder := broadcaster.NewRecorder(scheme.Scheme, "clients.example.com/tester")
	for range 3 {
		recorder.Eventf(made, nil, corev1.EventTypeNormal, "Tested", "Testing", "it was %s", "tested")
	}
	var event *eventsv1.Event
	simulated.Eventually(t, deadline, "one event, a series of several", func() bool {
		list := simulated.Must[*eventsv1.EventList](t)(p.client.EventsV1().Events(p.namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=Tested"}))
		if len(list.Items) == 1 {
			event = &list.Items[0]
		}
		return len(list.Items) == 1 && list.Items[0].Series != nil && list.Items[0].Series.Count >= 2
	})
	if event.Note != "it was tested" || event.Regarding.Name != "a" || event.ReportingController != "clients.example.com/tester" {
		t.Errorf("%+v", event)
	}
	core := simulated.Must[*corev1.EventList](t)(p.client.CoreV1().Events(p.namespace).Search(scheme.Scheme, made))
	if len(core.Items) != 1 || core.Items[0].Message != "it was tested" || core.Items[0].InvolvedObject.UID != made.UID {
		t.Errorf("%+v", core.Items)
	}
}

func TestWarningsArrive(t *testing.T) {
	p := serve(t)
	var warnings collected
	config := rest.CopyConfig(p.Config)
	config.WarningHandler = &warnings
	//lint:ignore SA1019 the kind is asked for because it is deprecated
	_, err := kubernetes.NewForConfigOrDie(config).CoreV1().ComponentStatuses().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(warnings.texts) != 1 || warnings.texts[0] != "v1 ComponentStatus is deprecated in v1.19+" {
		t.Errorf("%v %v", err, warnings.texts)
	}
}

type collected struct{ texts []string }

func (c *collected) HandleWarningHeader(code int, _ string, text string) {
	if code == 299 {
		c.texts = append(c.texts, text)
	}
}

func TestKindsThatAreNotThere(t *testing.T) {
	p := serve(t)
	client := dynamic.NewForConfigOrDie(p.Config).Resource(schema.GroupVersionResource{Group: "none.example.com", Version: "v1", Resource: "nothings"})
	if _, err := client.List(t.Context(), metav1.ListOptions{}); !apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		t.Errorf("%v", err)
	}
	var status apierrors.APIStatus
	_, err := p.client.CoreV1().RESTClient().Verb("PUT").AbsPath("/api/v1/namespaces").DoRaw(t.Context())
	if !errors.As(err, &status) || status.Status().Code != http.StatusMethodNotAllowed {
		t.Errorf("%v", err)
	}
}
