package kubectl

import (
	"strings"
	"testing"

	"scale-agent/tests/conformance/simulated"
)

func TestAPIResources(t *testing.T) {
	k := user(t)
	table := k.run("api-resources")
	for name, want := range map[string]string{
		"pods": "pods po v1 true Pod", "deployments": "deployments deploy apps/v1 true Deployment", "nodes": "nodes no v1 false Node",
		"customresourcedefinitions": "customresourcedefinitions crd,crds apiextensions.k8s.io/v1 false CustomResourceDefinition",
		"horizontalpodautoscalers":  "horizontalpodautoscalers hpa autoscaling/v2 true HorizontalPodAutoscaler",
		"selfsubjectaccessreviews":  "selfsubjectaccessreviews authorization.k8s.io/v1 false SelfSubjectAccessReview",
	} {
		equal(t, strings.Join(row(t, table, name), " "), want)
	}
	equal(t, k.run("api-resources", "--api-group=batch", "-o", "name"), "cronjobs.batch\njobs.batch")
	contains(t, k.run("api-resources", "--categories=all", "-o", "name"), "deployments.apps\n", "services\n")
	if strings.Contains("\n"+k.run("api-resources", "--namespaced=true", "-o", "name"), "\nnodes\n") {
		t.Error("nodes are not namespaced")
	}
	if strings.Contains("\n"+k.run("api-resources", "--verbs=list,watch", "-o", "name"), "\nbindings\n") {
		t.Error("bindings cannot be listed")
	}
}

func TestAPIVersionsAndVersion(t *testing.T) {
	k := user(t)
	lines := "\n" + k.run("api-versions")
	for _, version := range []string{"v1", "apps/v1", "apiregistration.k8s.io/v1", "autoscaling/v1", "autoscaling/v2", "storage.k8s.io/v1"} {
		contains(t, lines, "\n"+version+"\n")
	}
	// The client's own version, which the linker of a release sets, cannot be parsed here: hence no exit code 0.
	contains(t, k.do("", "version", "-o", "yaml").stdout, "serverVersion:", "gitVersion: v1.36.2", "minor: \"36\"")
	contains(t, k.run("cluster-info"), "Kubernetes control plane", "is running at", "https://127.0.0.1:")
}

func TestExplain(t *testing.T) {
	k := user(t)
	simulated.Run(t, "a kind", func(t *testing.T) {
		contains(t, k.in(t).run("explain", "pods"), "KIND:       Pod", "VERSION:    v1", "FIELDS:", "  spec\t<PodSpec>", "  metadata\t<ObjectMeta>")
	})
	simulated.Run(t, "a field", func(t *testing.T) {
		contains(t, k.in(t).run("explain", "deployment.spec.template.spec.containers"), "GROUP:      apps", "FIELD: containers <[]Container>", "  image\t<string>", "  name\t<string> -required-", "imagePullPolicy\t<string>\n  enum: Always, IfNotPresent, Never")
	})
	simulated.Run(t, "recursively", func(t *testing.T) {
		contains(t, k.in(t).run("explain", "service", "--recursive"), "  spec\t<ServiceSpec>\n    allocateLoadBalancerNodePorts\t<boolean>\n    clusterIP\t<string>\n", "      port\t<integer> -required-")
	})
	simulated.Run(t, "a version", func(t *testing.T) {
		contains(t, k.in(t).run("explain", "hpa.spec", "--api-version=autoscaling/v1"), "targetCPUUtilizationPercentage")
	})
	simulated.Run(t, "what is not there", func(t *testing.T) {
		contains(t, k.in(t).refused("explain", "pods.spec.wombats"), `error: field "wombats" does not exist`)
		contains(t, k.in(t).refused("explain", "wombats"), `the server doesn't have a resource type "wombats"`)
	})
	simulated.Run(t, "from OpenAPI v2", func(t *testing.T) {
		contains(t, k.in(t).run("explain", "pods.spec", "--output=plaintext-openapiv2"), "RESOURCE: spec <Object>", "containers\t<[]Object> -required-")
	})
}
