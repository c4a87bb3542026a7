package conformance

import (
	"context"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// typed is Rancher's K8sClient: protobuf bodies, protobuf answers preferred (protocol/rancher section 4.1).
func typed(r *rancher, key string) kubernetes.Interface {
	config := r.config(key)
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeProtobuf, "application/vnd.kubernetes.protobuf,application/json"
	return kubernetes.NewForConfigOrDie(config)
}

func TestTypedProtobufWrites(t *testing.T) {
	r, _, key := cluster(t)
	client, ctx := typed(r, key), context.Background()
	t.Run("service account, token secret and its token", func(t *testing.T) { tokenSecret(t, ctx, client) })
	t.Run("optimistic locking", func(t *testing.T) { optimisticLocking(t, ctx, client) })
	t.Run("cluster role and binding by generated name", func(t *testing.T) { generatedNames(t, ctx, client) })
	t.Run("deployment and job keep their templates", func(t *testing.T) { workloads(t, ctx, client) })
	t.Run("errors are Status", func(t *testing.T) { statuses(t, ctx, client) })
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// tokenSecret is the impersonation sequence of section 4.5: SA, generated secret, token at once, SA update.
func tokenSecret(t *testing.T, ctx context.Context, client kubernetes.Interface) {
	accounts, secrets := client.CoreV1().ServiceAccounts("default"), client.CoreV1().Secrets("default")
	sa := must[*corev1.ServiceAccount](t)(accounts.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "impersonated"}}, metav1.CreateOptions{}))
	secret := must[*corev1.Secret](t)(secrets.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "impersonated-token-", Annotations: map[string]string{corev1.ServiceAccountNameKey: sa.Name}},
		Type:       corev1.SecretTypeServiceAccountToken,
	}, metav1.CreateOptions{}))
	for tries := 0; len(secret.Data[corev1.ServiceAccountTokenKey]) == 0; tries++ { // Rancher polls at most 50 times
		if tries == 50 {
			t.Fatal("no token within 50 reads")
		}
		secret = must[*corev1.Secret](t)(secrets.Get(ctx, secret.Name, metav1.GetOptions{}))
	}
	if len(secret.Data["ca.crt"]) == 0 || string(secret.Data["namespace"]) != "default" {
		t.Errorf("secret has keys %v, want token, ca.crt and namespace=default", secret.Data)
	}
	sa.Annotations = map[string]string{"rancher.io/service-account.secret-ref": "default/" + secret.Name}
	updated := must[*corev1.ServiceAccount](t)(accounts.Update(ctx, sa, metav1.UpdateOptions{}))
	if updated.ResourceVersion == sa.ResourceVersion || updated.UID != sa.UID {
		t.Errorf("update went from %s/%s to %s/%s", sa.ResourceVersion, sa.UID, updated.ResourceVersion, updated.UID)
	}
}

func optimisticLocking(t *testing.T, ctx context.Context, client kubernetes.Interface) {
	maps := client.CoreV1().ConfigMaps("default")
	first := must[*corev1.ConfigMap](t)(maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "locked"}, Data: map[string]string{"a": "1"}}, metav1.CreateOptions{}))
	second := first.DeepCopy()
	second.Data["a"] = "2"
	must[*corev1.ConfigMap](t)(maps.Update(ctx, second, metav1.UpdateOptions{}))
	first.Data["a"] = "3"
	if _, err := maps.Update(ctx, first, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("stale update: %v, want a conflict", err)
	}
	if got := must[*corev1.ConfigMap](t)(maps.Patch(ctx, "locked", types.MergePatchType, []byte(`{"data":{"b":"4"}}`), metav1.PatchOptions{})); got.Data["a"] != "2" || got.Data["b"] != "4" {
		t.Errorf("after the merge patch: %v", got.Data)
	}
}

func generatedNames(t *testing.T, ctx context.Context, client kubernetes.Interface) {
	roles, bindings := client.RbacV1().ClusterRoles(), client.RbacV1().ClusterRoleBindings()
	names := map[string]bool{}
	for range 3 {
		role := must[*rbacv1.ClusterRole](t)(roles.Create(ctx, &rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "cattle-cleanup-"},
			Rules:      []rbacv1.PolicyRule{{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}}},
		}, metav1.CreateOptions{}))
		names[role.Name] = true
		must[*rbacv1.ClusterRoleBinding](t)(bindings.Create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "cattle-cleanup-", OwnerReferences: []metav1.OwnerReference{{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole", Name: role.Name, UID: role.UID}}},
			RoleRef:    rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: role.Name},
		}, metav1.CreateOptions{}))
	}
	if len(names) != 3 {
		t.Errorf("three generated names: %v", names)
	}
}

func workloads(t *testing.T, ctx context.Context, client kubernetes.Interface) {
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx", Env: []corev1.EnvVar{{Name: "A", Value: "1"}}}}},
	}
	deployments := client.AppsV1().Deployments("default")
	must[*appsv1.Deployment](t)(deployments.Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: template.Labels}, Template: template},
	}, metav1.CreateOptions{}))
	patch := []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"B","value":"2"}]}]}}}}`)
	got := must[*appsv1.Deployment](t)(deployments.Patch(ctx, "web", types.StrategicMergePatchType, patch, metav1.PatchOptions{}))
	if env := got.Spec.Template.Spec.Containers[0].Env; len(env) != 2 || got.Spec.Template.Spec.Containers[0].Image != "nginx" {
		t.Errorf("strategic merge by name gave %v", got.Spec.Template.Spec.Containers)
	}
	if got.Generation != 2 || got.Spec.Replicas == nil || *got.Spec.Replicas != 1 {
		t.Errorf("generation %d, replicas %v: want 2 and the default 1", got.Generation, got.Spec.Replicas)
	}
	template.Spec.RestartPolicy = corev1.RestartPolicyOnFailure
	template.Labels = nil
	job := must[*batchv1.Job](t)(client.BatchV1().Jobs("default").Create(ctx, &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "work-"}, Spec: batchv1.JobSpec{Template: template},
	}, metav1.CreateOptions{}))
	if job.Spec.Template.Spec.Containers[0].Image != "nginx" || job.UID == "" {
		t.Errorf("job came back as %v", job)
	}
}

func statuses(t *testing.T, ctx context.Context, client kubernetes.Interface) {
	maps := client.CoreV1().ConfigMaps("default")
	if _, err := maps.Get(ctx, "missing", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("get of a missing object: %v", err)
	}
	one := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "one"}}
	must[*corev1.ConfigMap](t)(maps.Create(ctx, one, metav1.CreateOptions{}))
	if _, err := maps.Create(ctx, one, metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("second create: %v", err)
	}
	if _, err := client.CoreV1().ConfigMaps("no-such-namespace").Create(ctx, one, metav1.CreateOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("create in a missing namespace: %v", err)
	}
	if err := maps.Delete(ctx, "missing", metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("delete of a missing object: %v", err)
	}
	wrong := metav1.NewUIDPreconditions("00000000-0000-0000-0000-000000000000")
	if err := maps.Delete(ctx, "one", metav1.DeleteOptions{Preconditions: wrong}); !apierrors.IsConflict(err) {
		t.Errorf("delete with a wrong uid: %v", err)
	}
}
