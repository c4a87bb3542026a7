package kubectl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scale-agent/tests/conformance/simulated"
)

func config(name string, lines ...string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\n  labels: {set: x}\ndata:\n  " + strings.Join(lines, "\n  ") + "\n"
}

func TestApplyByTheClient(t *testing.T) {
	k := user(t)
	equal(t, k.feed(config("a", "one: 1st", "two: 2nd"), "apply", "-f", "-"), "configmap/a created")
	equal(t, k.feed(config("a", "one: 1st", "two: 2nd"), "apply", "-f", "-"), "configmap/a unchanged")
	k.run("patch", "configmap", "a", "-p", `{"data":{"theirs":"kept"}}`)
	equal(t, k.feed(config("a", "one: changed"), "apply", "-f", "-"), "configmap/a configured")
	equal(t, k.run("get", "cm", "a", "-o", "jsonpath={.data}"), `{"one":"changed","theirs":"kept"}`)
	contains(t, k.run("apply", "view-last-applied", "cm/a"), "one: changed")
	equal(t, k.feed(config("a", "one: dry"), "apply", "--dry-run=server", "-f", "-"), "configmap/a configured (server dry run)")
	equal(t, k.run("get", "cm", "a", "-o", "jsonpath={.data.one}"), "changed")
	contains(t, k.do(config("a", "one: 1st")+"wombat: 1\n", "apply", "-f", "-").stderr, `strict decoding error: unknown field "wombat"`)
	contains(t, k.do(config("a", "one: 1st")+"wombat: 1\n", "apply", "--validate=warn", "-f", "-").stderr, `Warning: unknown field "wombat"`)
}

func TestApplyMergesContainersByName(t *testing.T) {
	k := user(t)
	k.feed(deployment("web", "nginx:1.28"), "apply", "-f", "-")
	k.run("set", "image", "deployment/web", "side=side:2")
	k.feed(deployment("web", "nginx:1.29"), "apply", "-f", "-")
	equal(t, k.run("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[*].image}"), "nginx:1.29 side:1")
	k.run("patch", "deployment", "web", "-p", `{"spec":{"template":{"spec":{"containers":[{"name":"third","image":"third:1"}]}}}}`)
	k.feed(deployment("web", "nginx:1.30"), "apply", "-f", "-")
	equal(t, k.run("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[*].image}"), "third:1 nginx:1.30 side:1")
}

func deployment(name, image string) string {
	return strings.NewReplacer("NAME", name, "IMAGE", image).Replace(`apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, labels: {app: NAME}}
spec:
  replicas: 2
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      containers:
      - {name: web, image: "IMAGE", ports: [{containerPort: 80}]}
      - {name: side, image: "side:1"}
`)
}

func TestApplyByTheServer(t *testing.T) {
	k := user(t)
	serverSide := func(k kubectl, manager, manifest string, more ...string) result {
		return k.do(manifest, append([]string{"apply", "--server-side", "--field-manager=" + manager, "-f", "-"}, more...)...)
	}
	simulated.Run(t, "creates and owns", func(t *testing.T) {
		k := k.in(t)
		equal(t, serverSide(k, "first", config("a", "one: 1st", "two: 2nd")).stdout, "configmap/a serverside-applied")
		contains(t, k.run("get", "cm", "a", "-o", "yaml", "--show-managed-fields"), "manager: first", "operation: Apply", "f:one: {}", "f:two: {}")
	})
	simulated.Run(t, "refuses what another owns, and names it", func(t *testing.T) {
		got := serverSide(k.in(t), "second", config("a", "one: other"))
		contains(t, got.stderr, `error: Apply failed with 1 conflict: conflict with "first": .data.one`, "--force-conflicts")
		if got.code == 0 {
			t.Error("no conflict")
		}
	})
	simulated.Run(t, "shares what is equal", func(t *testing.T) {
		k := k.in(t)
		serverSide(k, "second", config("a", "one: 1st"))
		serverSide(k, "first", config("a", "two: 2nd"))
		equal(t, k.run("get", "cm", "a", "-o", "jsonpath={.data}"), `{"one":"1st","two":"2nd"}`)
	})
	simulated.Run(t, "takes what is given up away", func(t *testing.T) {
		k := k.in(t)
		serverSide(k, "first", config("a", "three: 3rd"))
		equal(t, k.run("get", "cm", "a", "-o", "jsonpath={.data}"), `{"one":"1st","three":"3rd"}`)
	})
	simulated.Run(t, "takes over by force", func(t *testing.T) {
		k := k.in(t)
		equal(t, serverSide(k, "third", config("a", "three: forced"), "--force-conflicts").stdout, "configmap/a serverside-applied")
		contains(t, serverSide(k, "first", config("a", "three: 3rd")).stderr, `conflict with "third": .data.three`)
	})
	simulated.Run(t, "only tries when told", func(t *testing.T) {
		k := k.in(t)
		equal(t, serverSide(k, "third", config("b", "x: z"), "--dry-run=server").stdout, "configmap/b serverside-applied (server dry run)")
		contains(t, k.refused("get", "cm", "b"), "not found")
	})
	simulated.Run(t, "migrates from the client's apply", func(t *testing.T) {
		k := k.in(t)
		k.feed(config("c", "one: 1st", "two: 2nd"), "apply", "-f", "-")
		got := k.do(config("c", "one: 1st"), "apply", "--server-side", "-f", "-")
		equal(t, got.stdout, "configmap/c serverside-applied")
		equal(t, k.run("get", "cm", "c", "-o", "jsonpath={.data}"), `{"one":"1st"}`)
		if managers := k.run("get", "cm", "c", "-o", "jsonpath={.metadata.managedFields[*].manager}", "--show-managed-fields"); strings.Contains(managers, "client-side") {
			t.Errorf("managers: %s", managers)
		}
	})
	simulated.Run(t, "merges lists by key", func(t *testing.T) {
		k := k.in(t)
		serverSide(k, "first", deployment("web", "nginx:1.28"))
		serverSide(k, "scaler", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      containers:\n      - {name: third, image: 'third:1'}\n")
		equal(t, k.run("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[*].name}"), "web side third")
		serverSide(k, "first", deployment("web", "nginx:1.29"))
		equal(t, k.run("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[*].image}"), "nginx:1.29 side:1 third:1")
	})
}

func TestApplyPrunes(t *testing.T) {
	k := user(t)
	k.feed(config("a", "x: z")+"---\n"+config("b", "x: z"), "apply", "-f", "-")
	got := k.feed(config("a", "x: z"), "apply", "--prune", "-l", "set=x", "--prune-allowlist=core/v1/ConfigMap", "-f", "-")
	contains(t, got, "configmap/a unchanged", "configmap/b pruned")
	contains(t, k.refused("get", "cm", "b"), "not found")
}

func TestApplyDirectoriesAndKustomizations(t *testing.T) {
	k, folder := user(t), t.TempDir()
	files := map[string]string{
		"one.yaml": config("one", "x: z"), "two.yaml": config("two", "x: z"),
		"kustomization.yaml": "resources: [one.yaml, two.yaml]\nnamePrefix: my-\nlabels: [{pairs: {team: red}}]\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, k.run("apply", "-f", filepath.Join(folder, "one.yaml"), "-f", filepath.Join(folder, "two.yaml")), "configmap/one created\nconfigmap/two created")
	equal(t, k.run("apply", "-k", folder), "configmap/my-one created\nconfigmap/my-two created")
	equal(t, k.run("get", "cm", "-l", "team=red", "-o", "name"), "configmap/my-one\nconfigmap/my-two")
	contains(t, k.run("delete", "-k", folder), `configmap "my-one" deleted`, `configmap "my-two" deleted`)
}

func TestDiff(t *testing.T) {
	k := user(t)
	k.feed(config("a", "one: 1st"), "apply", "-f", "-")
	if got := k.do(config("a", "one: 1st"), "diff", "-f", "-"); got.code != 0 || got.stdout != "" {
		t.Errorf("no difference: exit code %d, %s%s", got.code, got.stdout, got.stderr)
	}
	changed := k.do(config("a", "one: changed"), "diff", "-f", "-")
	if changed.code != 1 {
		t.Errorf("a difference: exit code %d, %s", changed.code, changed.stderr)
	}
	contains(t, changed.stdout, "-  one: 1st\n", "+  one: changed\n")
	simulated.Run(t, "by the server", func(t *testing.T) {
		contains(t, k.in(t).do(config("a", "two: 2nd"), "diff", "--server-side", "--force-conflicts", "-f", "-").stdout, "+  two: 2nd\n")
	})
	simulated.Run(t, "of what is new", func(t *testing.T) {
		contains(t, k.in(t).do(config("b", "two: 2nd"), "diff", "-f", "-").stdout, "+kind: ConfigMap\n", "+  two: 2nd\n")
	})
}
