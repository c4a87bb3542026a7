// Package helm runs the real Helm library against one served cluster.
package helm

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"

	"scale-agent/tests/conformance/simulated"
)

const deadline = 60 * time.Second

func TestMain(m *testing.M) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard) // what the libraries log about a server that is fine
	os.Exit(m.Run())
}

// values of a release.
type values = map[string]any

func TestARelease(t *testing.T) {
	api := simulated.Serve(t, "small.yaml")
	client := kubernetes.NewForConfigOrDie(api.Config)
	namespace := "clients-helm"
	if os.Getenv(simulated.Elsewhere) != "" {
		namespace += fmt.Sprintf("-%x", time.Now().UnixMilli()%1e8) // that server may still be deleting the last one
		t.Cleanup(func() {
			client.CoreV1().Namespaces().Delete(context.Background(), namespace, metav1.DeleteOptions{})
		})
	}
	must := simulated.Must[*release.Release](t)
	web := simulated.Must[*chart.Chart](t)(loader.Load("testdata/chart"))
	config := configuration(t, api, namespace)
	color := func() string {
		settings := simulated.Must[*corev1.ConfigMap](t)(client.CoreV1().ConfigMaps(namespace).Get(t.Context(), "web-settings", metav1.GetOptions{}))
		return settings.Data["color"] + " after " + settings.Data["before"]
	}

	install := action.NewInstall(config)
	install.ReleaseName, install.Namespace, install.CreateNamespace, install.Wait, install.Timeout = "web", namespace, true, true, deadline
	installed := must(install.RunWithContext(t.Context(), web, values{}))
	if installed.Info.Status != release.StatusDeployed || !strings.Contains(installed.Manifest, `kubernetes: "v1.36.2"`) || !strings.Contains(installed.Manifest, `apps: "true"`) {
		t.Errorf("%s: %s", installed.Info.Status, installed.Manifest)
	}
	if got := color(); got != "blue after none" {
		t.Error(got)
	}
	deployment, err := client.AppsV1().Deployments(namespace).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil || deployment.Status.ReadyReplicas != 2 {
		t.Errorf("%v: waited for, but %+v", err, deployment.Status)
	}

	again := action.NewInstall(config)
	again.ReleaseName, again.Namespace = "web", namespace
	if _, err := again.RunWithContext(t.Context(), web, values{}); err == nil || !strings.Contains(err.Error(), "re-use a name") {
		t.Errorf("a second installation: %v", err)
	}

	upgrade := action.NewUpgrade(config)
	upgrade.Namespace, upgrade.Wait, upgrade.Timeout = namespace, true, deadline
	upgraded := must(upgrade.RunWithContext(t.Context(), "web", web, values{"color": "red", "extra": true, "replicas": 3}))
	if upgraded.Version != 2 || color() != "red after blue" {
		t.Errorf("version %d, %s", upgraded.Version, color())
	}
	simulated.Must[*corev1.Secret](t)(client.CoreV1().Secrets(namespace).Get(t.Context(), "web-extra", metav1.GetOptions{}))

	rollback := action.NewRollback(config)
	rollback.Version, rollback.Wait, rollback.Timeout = 1, true, deadline
	if err := rollback.Run("web"); err != nil {
		t.Fatal(err)
	}
	if got := color(); got != "blue after none" {
		t.Error(got)
	}
	if _, err := client.CoreV1().Secrets(namespace).Get(t.Context(), "web-extra", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("what the first version did not have: %v", err)
	}
	history := simulated.Must[[]*release.Release](t)(action.NewHistory(config).Run("web"))
	if len(history) != 3 {
		t.Errorf("%d revisions", len(history))
	}
	list := action.NewList(config)
	if listed := simulated.Must[[]*release.Release](t)(list.Run()); len(listed) != 1 || listed[0].Version != 3 {
		t.Errorf("%+v", listed)
	}

	uninstall := action.NewUninstall(config)
	uninstall.Wait, uninstall.Timeout = true, deadline
	if _, err := uninstall.Run("web"); err != nil {
		t.Fatal(err)
	}
	for what, get := range map[string]func() error{
		"deployment": func() error {
			_, err := client.AppsV1().Deployments(namespace).Get(t.Context(), "web", metav1.GetOptions{})
			return err
		},
		"settings": func() error {
			_, err := client.CoreV1().ConfigMaps(namespace).Get(t.Context(), "web-settings", metav1.GetOptions{})
			return err
		},
		"release": func() error {
			_, err := client.CoreV1().Secrets(namespace).Get(t.Context(), "sh.helm.release.v1.web.v3", metav1.GetOptions{})
			return err
		},
	} {
		if err := get(); !apierrors.IsNotFound(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func configuration(t *testing.T, api *simulated.API, namespace string) *action.Configuration {
	t.Helper()
	cache := t.TempDir()
	flags := genericclioptions.NewConfigFlags(false)
	flags.KubeConfig, flags.Namespace, flags.CacheDir = &api.Kubeconfig, &namespace, &cache
	config := new(action.Configuration)
	if err := config.Init(flags, namespace, "secret", func(string, ...any) {}); err != nil {
		t.Fatal(err)
	}
	return config
}
