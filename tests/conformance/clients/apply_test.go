package clients

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	applyapps "k8s.io/client-go/applyconfigurations/apps/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"

	"scale-agent/tests/conformance/simulated"
)

func TestApplyConfigurations(t *testing.T) {
	p := serve(t)
	maps := p.client.CoreV1().ConfigMaps(p.namespace)
	must := simulated.Must[*corev1.ConfigMap](t)
	by := func(manager string) metav1.ApplyOptions { return metav1.ApplyOptions{FieldManager: manager} }
	one := func() *applycore.ConfigMapApplyConfiguration { return applycore.ConfigMap("a", p.namespace) }

	made := must(maps.Apply(t.Context(), one().WithData(map[string]string{"mine": "1", "also": "2"}).WithLabels(map[string]string{"l": "v"}), by("first")))
	if made.Data["mine"] != "1" || made.Labels["l"] != "v" || made.UID == "" {
		t.Errorf("%+v", made)
	}
	simulated.Run(t, "what is applied again changes nothing", func(t *testing.T) {
		again := must(maps.Apply(t.Context(), one().WithData(map[string]string{"mine": "1", "also": "2"}).WithLabels(map[string]string{"l": "v"}), by("first")))
		if again.ResourceVersion != made.ResourceVersion {
			t.Errorf("version %s after %s", again.ResourceVersion, made.ResourceVersion)
		}
	})
	simulated.Run(t, "a conflict names owner and field", func(t *testing.T) {
		_, err := maps.Apply(t.Context(), one().WithData(map[string]string{"mine": "other"}), by("second"))
		if !apierrors.IsConflict(err) {
			t.Fatalf("%v", err)
		}
		causes := err.(apierrors.APIStatus).Status().Details.Causes
		if len(causes) != 1 || causes[0].Type != metav1.CauseTypeFieldManagerConflict || causes[0].Field != ".data.mine" || causes[0].Message != `conflict with "first"` {
			t.Errorf("%+v", causes)
		}
	})
	simulated.Run(t, "force takes the field over", func(t *testing.T) {
		forced := must(maps.Apply(t.Context(), one().WithData(map[string]string{"mine": "other"}), metav1.ApplyOptions{FieldManager: "second", Force: true}))
		if forced.Data["mine"] != "other" || forced.Data["also"] != "2" {
			t.Errorf("%v", forced.Data)
		}
		left := must(maps.Apply(t.Context(), one().WithData(map[string]string{"also": "2"}), by("first")))
		if left.Data["mine"] != "other" || len(left.Labels) != 0 {
			t.Errorf("%v %v", left.Data, left.Labels)
		}
	})
	simulated.Run(t, "what was applied can be extracted", func(t *testing.T) {
		got := must(maps.Get(t.Context(), "a", metav1.GetOptions{}))
		extracted, err := applycore.ExtractConfigMap(got, "second")
		if err != nil {
			t.Fatal(err)
		}
		if len(extracted.Data) != 1 || extracted.Data["mine"] != "other" {
			t.Errorf("%v", extracted.Data)
		}
	})
	simulated.Run(t, "a manager is needed", func(t *testing.T) {
		_, err := maps.Apply(t.Context(), one(), metav1.ApplyOptions{})
		if err == nil || !strings.Contains(err.Error(), "fieldManager") {
			t.Errorf("%v", err)
		}
	})
}

func TestApplyConfigurationsOfDeployments(t *testing.T) {
	p := serve(t)
	deployments := p.client.AppsV1().Deployments(p.namespace)
	must := simulated.Must[*appsv1.Deployment](t)
	labels := map[string]string{"app": "web"}
	ports := func(numbers ...int32) (all []*applycore.ContainerPortApplyConfiguration) {
		for _, number := range numbers {
			all = append(all, applycore.ContainerPort().WithContainerPort(number).WithProtocol(corev1.ProtocolTCP))
		}
		return all
	}
	whole := func(containers ...*applycore.ContainerApplyConfiguration) *applyapps.DeploymentApplyConfiguration {
		template := applycore.PodTemplateSpec().WithLabels(labels).WithSpec(applycore.PodSpec().WithContainers(containers...))
		return applyapps.Deployment("web", p.namespace).WithSpec(applyapps.DeploymentSpec().WithSelector(applymeta.LabelSelector().WithMatchLabels(labels)).WithTemplate(template))
	}
	by := metav1.ApplyOptions{FieldManager: "owner"}
	made := must(deployments.Apply(t.Context(), whole(applycore.Container().WithName("web").WithImage("nginx:1").WithPorts(ports(80, 443)...)), by))
	if *made.Spec.Replicas != 1 || made.Spec.Strategy.RollingUpdate.MaxSurge.String() != "25%" {
		t.Errorf("without defaults: %+v", made.Spec)
	}
	scaled := must(deployments.Apply(t.Context(), applyapps.Deployment("web", p.namespace).WithSpec(applyapps.DeploymentSpec().WithReplicas(0)), metav1.ApplyOptions{FieldManager: "scaler", Force: true}))
	if *scaled.Spec.Replicas != 0 {
		t.Errorf("%d replicas", *scaled.Spec.Replicas)
	}
	changed := must(deployments.Apply(t.Context(), whole(applycore.Container().WithName("web").WithImage("nginx:2").WithPorts(ports(80)...), applycore.Container().WithName("side").WithImage("side:1")), by))
	containers := changed.Spec.Template.Spec.Containers
	if *changed.Spec.Replicas != 0 || len(containers) != 2 || containers[0].Image != "nginx:2" || len(containers[0].Ports) != 1 {
		t.Errorf("%+v", changed.Spec)
	}
	simulated.Run(t, "status is another's", func(t *testing.T) {
		status := applyapps.Deployment("web", p.namespace).WithStatus(applyapps.DeploymentStatus().WithConditions(applyapps.DeploymentCondition().WithType("Tested").WithStatus(corev1.ConditionTrue)))
		got := must(deployments.ApplyStatus(t.Context(), status, metav1.ApplyOptions{FieldManager: "tester", Force: true}))
		found := false
		for _, condition := range got.Status.Conditions {
			found = found || condition.Type == "Tested"
		}
		if !found || len(got.Spec.Template.Spec.Containers) != 2 {
			t.Errorf("%+v", got.Status)
		}
		extracted, err := applyapps.ExtractDeploymentStatus(got, "tester")
		if err != nil || len(extracted.Status.Conditions) != 1 {
			t.Errorf("%v %+v", err, extracted)
		}
	})
}

func TestApplyConfigurationsOfServices(t *testing.T) {
	p := serve(t)
	services := p.client.CoreV1().Services(p.namespace)
	port := func(number int32, protocol corev1.Protocol) *applycore.ServicePortApplyConfiguration {
		return applycore.ServicePort().WithName(strings.ToLower(string(protocol))).WithPort(number).WithProtocol(protocol).WithTargetPort(intstr.FromInt32(number))
	}
	by := metav1.ApplyOptions{FieldManager: "owner"}
	must := simulated.Must[*corev1.Service](t)
	made := must(services.Apply(t.Context(), applycore.Service("dns", p.namespace).WithSpec(applycore.ServiceSpec().WithPorts(port(53, corev1.ProtocolTCP), port(53, corev1.ProtocolUDP))), by))
	if len(made.Spec.Ports) != 2 || made.Spec.ClusterIP == "" {
		t.Errorf("%+v", made.Spec)
	}
	left := must(services.Apply(t.Context(), applycore.Service("dns", p.namespace).WithSpec(applycore.ServiceSpec().WithPorts(port(53, corev1.ProtocolUDP))), by))
	if len(left.Spec.Ports) != 1 || left.Spec.Ports[0].Protocol != corev1.ProtocolUDP || left.Spec.ClusterIP != made.Spec.ClusterIP {
		t.Errorf("%+v", left.Spec)
	}
}
