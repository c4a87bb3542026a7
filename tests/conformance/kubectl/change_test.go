package kubectl

import (
	"fmt"
	"strings"
	"testing"

	"scale-agent/tests/conformance/simulated"
)

func TestPatchInEveryType(t *testing.T) {
	k := user(t)
	k.feed(deployment("web", "nginx:1.28"), "create", "-f", "-")
	images := func(t *testing.T, want string) {
		t.Helper()
		equal(t, k.in(t).run("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[*].image}"), want)
	}
	simulated.Run(t, "strategic merge", func(t *testing.T) {
		equal(t, k.in(t).run("patch", "deployment", "web", "-p", `{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"nginx:1.29"}]}}}}`), "deployment.apps/web patched")
		images(t, "nginx:1.29 side:1")
		k.in(t).run("patch", "deployment", "web", "-p", `{"spec":{"template":{"spec":{"containers":[{"$patch":"delete","name":"side"}]}}}}`)
		images(t, "nginx:1.29")
	})
	simulated.Run(t, "merge", func(t *testing.T) {
		k.in(t).run("patch", "deployment", "web", "--type=merge", "-p", `{"metadata":{"labels":{"app":null,"new":"x"}},"spec":{"template":{"spec":{"containers":[{"name":"only","image":"one:1"}]}}}}`)
		images(t, "one:1")
		equal(t, k.in(t).run("get", "deployment", "web", "-o", "jsonpath={.metadata.labels}"), `{"new":"x"}`)
	})
	simulated.Run(t, "json", func(t *testing.T) {
		k.in(t).run("patch", "deployment", "web", "--type=json", "-p", `[{"op":"test","path":"/spec/template/spec/containers/0/name","value":"only"},{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"two:2"}]`)
		images(t, "two:2")
		contains(t, k.in(t).refused("patch", "deployment", "web", "--type=json", "-p", `[{"op":"test","path":"/metadata/name","value":"other"}]`), "the server rejected our request due to an error in our request")
	})
	simulated.Run(t, "nothing new", func(t *testing.T) {
		k := k.in(t)
		k.run("create", "configmap", "same", "--from-literal=a=b")
		equal(t, k.run("patch", "configmap", "same", "-p", `{"data":{"a":"b"}}`), "configmap/same patched (no change)")
	})
	simulated.Run(t, "what is invalid", func(t *testing.T) {
		contains(t, k.in(t).refused("patch", "deployment", "web", "--type=merge", "-p", `{"spec":{"replicas":-1}}`), `The Deployment "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0`)
		contains(t, k.in(t).refused("patch", "deployment", "web", "-p", `{"spec":{"selector":{"matchLabels":{"app":"other"}}}}`), "field is immutable")
		contains(t, k.in(t).refused("patch", "deployment", "none", "-p", `{}`), `deployments.apps "none" not found`)
	})
	simulated.Run(t, "a subresource", func(t *testing.T) {
		k.in(t).run("patch", "deployment", "web", "--subresource=scale", "--type=merge", "-p", `{"spec":{"replicas":3}}`)
		equal(t, k.in(t).run("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}"), "3")
	})
}

func TestEditPatchesWhatTheEditorChanged(t *testing.T) {
	k := user(t)
	k.run("create", "configmap", "a", "--from-literal=key=old")
	equal(t, k.with("KUBE_EDITOR=sed -i s/old/new/").run("edit", "configmap", "a"), "configmap/a edited")
	equal(t, k.run("get", "cm", "a", "-o", "jsonpath={.data.key}"), "new")
	contains(t, k.with("KUBE_EDITOR=true").do("", "edit", "configmap", "a").stderr, "Edit cancelled, no changes made.")
}

func TestLabelsAndAnnotations(t *testing.T) {
	k := user(t)
	k.run("create", "configmap", "a")
	equal(t, k.run("label", "cm", "a", "x=1"), "configmap/a labeled")
	equal(t, k.run("label", "cm", "a", "x=1"), "configmap/a not labeled")
	contains(t, k.refused("label", "cm", "a", "x=2"), "--overwrite is false")
	k.run("label", "cm", "a", "x=2", "--overwrite")
	equal(t, k.run("get", "cm", "a", "-o", "jsonpath={.metadata.labels.x}"), "2")
	equal(t, k.run("label", "cm", "a", "x-"), "configmap/a unlabeled")
	contains(t, k.refused("label", "cm", "a", "x=not valid"), "invalid label value")
	equal(t, k.run("annotate", "cm", "a", "note=some text"), "configmap/a annotated")
	equal(t, k.run("get", "cm", "a", "-o", "jsonpath={.metadata.annotations.note}"), "some text")
	equal(t, k.run("annotate", "cm", "--all", "note-"), "configmap/a annotated\nconfigmap/kube-root-ca.crt annotated") // no note on the latter
}

func TestReplace(t *testing.T) {
	k := user(t)
	k.feed(config("a", "one: 1st"), "create", "-f", "-")
	old := k.run("get", "cm", "a", "-o", "yaml")
	equal(t, k.feed(config("a", "two: 2nd"), "replace", "-f", "-"), "configmap/a replaced")
	contains(t, k.do(old, "replace", "-f", "-").stderr, "Error from server (Conflict)", `Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again`)
	contains(t, k.feed(config("a", "three: 3rd"), "replace", "--force", "-f", "-"), `configmap "a" deleted`, "configmap/a replaced")
	contains(t, k.do(config("b", "x: z"), "replace", "-f", "-").stderr, `configmaps "b" not found`)
}

func TestCreateByWords(t *testing.T) {
	k := user(t)
	for _, words := range []string{
		"deployment web --image=nginx:1.29 --replicas=2 --port=80", "configmap settings --from-literal=a=b", "secret generic hidden --from-literal=a=b",
		"secret docker-registry registry --docker-username=u --docker-password=p", "serviceaccount robot", "role reader --verb=get,list --resource=pods,deployments.apps",
		"rolebinding readers --role=reader --serviceaccount=default:robot", "clusterrole clients-words --verb=get --non-resource-url=/healthz",
		"clusterrolebinding clients-words --clusterrole=clients-words --user=someone", "job once --image=busybox -- true", "cronjob nightly --image=busybox --schedule=1/5_*_*_*_*",
		"service clusterip inside --tcp=80:8080", "service nodeport outside --tcp=80", "service externalname away --external-name=example.com", "ingress web --rule=example.com/*=inside:80",
		"quota bounds --hard=pods=10", "poddisruptionbudget calm --selector=app=web --min-available=1", "priorityclass clients-words --value=10 --description=x",
	} {
		args := append([]string{"create"}, strings.Fields(words)...)
		for i := range args {
			args[i] = strings.ReplaceAll(strings.ReplaceAll(args[i], "_", " "), "1/5", "*/5")
		}
		simulated.Run(t, strings.Join(strings.Fields(words)[:2], " "), func(t *testing.T) {
			contains(t, k.in(t).run(append([]string{"create", "--dry-run=server"}, args[1:]...)...), "created (server dry run)")
			contains(t, k.in(t).run(args...), "created")
			contains(t, k.in(t).refused(args...), "already exists")
		})
	}
	contains(t, k.run("create", "token", "robot", "--duration=1h"), ".")
	k.run("delete", "clusterrole,clusterrolebinding,priorityclass", "clients-words")
}

// TestCreateALongManifest creates 150 objects of several kinds in one go: 3,000 lines.
func TestCreateALongManifest(t *testing.T) {
	k := user(t)
	var manifest strings.Builder
	for i := range 50 {
		name := fmt.Sprintf("object-%02d", i)
		manifest.WriteString("---\n" + strings.ReplaceAll(longObjects, "NAME", name))
	}
	if lines := strings.Count(manifest.String(), "\n"); lines < 3000 {
		t.Fatalf("%d lines only", lines)
	}
	if created := strings.Count(k.feed(manifest.String(), "create", "-f", "-"), " created\n"); created != 150 {
		t.Errorf("%d created", created)
	}
	if again := strings.Count(k.do(manifest.String(), "create", "-f", "-").stderr, "already exists"); again != 150 {
		t.Errorf("%d exist already", again)
	}
	if same := strings.Count(k.feed(manifest.String(), "apply", "--server-side", "--force-conflicts", "-f", "-"), " serverside-applied\n"); same != 150 {
		t.Errorf("%d applied", same)
	}
	if deleted := strings.Count(k.feed(manifest.String(), "delete", "-f", "-", "--wait=false"), " deleted"); deleted != 150 {
		t.Errorf("%d deleted", deleted)
	}
}

const longObjects = `apiVersion: v1
kind: ConfigMap
metadata:
  name: NAME
  labels:
    app: NAME
    part: settings
data:
  first: "1"
  second: "2"
  long: |
    some
    lines
    of
    text
---
apiVersion: v1
kind: Service
metadata:
  name: NAME
  labels:
    app: NAME
spec:
  selector:
    app: NAME
  ports:
  - name: http
    port: 80
    targetPort: 8080
    protocol: TCP
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: NAME
  labels:
    app: NAME
spec:
  replicas: 0
  selector:
    matchLabels:
      app: NAME
  template:
    metadata:
      labels:
        app: NAME
    spec:
      containers:
      - name: main
        image: example.com/main:1
        ports:
        - name: http
          containerPort: 8080
        env:
        - name: A
          value: a
        - name: B
          valueFrom:
            configMapKeyRef:
              name: NAME
              key: first
`

func TestDelete(t *testing.T) {
	k := user(t)
	exists := func(what string) bool { return k.do("", "get", what).code == 0 }
	simulated.Run(t, "by name, by label, all", func(t *testing.T) {
		k := k.in(t)
		for _, name := range []string{"a", "b", "c", "d"} {
			k.run("create", "cm", name)
		}
		k.run("label", "cm", "b", "c", "gone=soon")
		equal(t, k.run("delete", "cm", "a"), fmt.Sprintf("configmap \"a\" deleted from %s namespace", k.namespace))
		k.run("delete", "cm", "-l", "gone=soon")
		equal(t, k.run("get", "cm", "-o", "name"), "configmap/d\nconfigmap/kube-root-ca.crt")
		contains(t, k.refused("delete", "cm", "a"), `configmaps "a" not found`)
		k.run("delete", "cm", "a", "--ignore-not-found")
		contains(t, k.run("delete", "cm", "d", "--dry-run=server"), "(server dry run)")
		k.run("delete", "cm", "--all")
	})
	owned := func(t *testing.T) kubectl {
		k := k.in(t)
		k.feed(deployment("web", "nginx:1.29"), "create", "-f", "-")
		simulated.Eventually(t, deadline, "two pods", func() bool { return strings.Count(k.run("get", "pods", "-l", "app=web", "-o", "name"), "pod/") == 2 })
		return k
	}
	gone := func(k kubectl, kinds string) {
		k.t.Helper()
		simulated.Eventually(k.t, deadline, kinds+" are gone", func() bool { return k.run("get", kinds, "-l", "app=web", "-o", "name") == "" })
	}
	simulated.Run(t, "in the background", func(t *testing.T) {
		k := owned(t)
		k.run("delete", "deployment", "web")
		gone(k, "replicasets,pods")
	})
	simulated.Run(t, "in the foreground", func(t *testing.T) {
		k := owned(t)
		k.run("delete", "deployment", "web", "--cascade=foreground")
		if exists("deployment/web") {
			t.Error("still there after kubectl waited")
		}
		equal(t, k.run("get", "replicasets", "-l", "app=web", "-o", "name"), "")
		gone(k, "pods")
	})
	simulated.Run(t, "leaving orphans", func(t *testing.T) {
		k := owned(t)
		k.run("delete", "deployment", "web", "--cascade=orphan")
		equal(t, k.run("get", "rs", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.ownerReferences}"), "")
		k.run("delete", "rs", "-l", "app=web")
		gone(k, "pods")
	})
	simulated.Run(t, "at once", func(t *testing.T) {
		k := k.in(t)
		k.run("run", "one", "--image=busybox", "--labels=app=web")
		contains(t, k.do("", "delete", "pod", "one", "--force", "--grace-period=0").stderr, "Immediate deletion does not wait")
		gone(k, "pods")
	})
	simulated.Run(t, "a namespace with all it holds", func(t *testing.T) {
		k := k.in(t)
		k.namespace = ""
		k.run("create", "namespace", "clients-short")
		k.run("create", "deployment", "web", "--image=nginx", "-n", "clients-short")
		k.run("delete", "namespace", "clients-short", "--timeout=20s")
		contains(t, k.refused("get", "ns", "clients-short"), "not found")
		contains(t, k.refused("create", "cm", "x", "-n", "clients-short"), `namespaces "clients-short" not found`)
	})
}

func TestWaitForDeletion(t *testing.T) {
	k := user(t)
	k.run("create", "configmap", "a")
	waiting := k.start("wait", "configmap/a", "--for=delete", "--timeout=20s", "-v=6")
	waiting.says("watch=true")
	k.run("delete", "configmap", "a")
	waiting.says("configmap/a condition met")
	k.run("create", "configmap", "b")
	contains(t, k.refused("wait", "configmap/b", "--for=delete", "--timeout=1s"), "timed out waiting for the condition on configmaps/b")
	waiting = k.start("wait", "configmap/c", "--for=create", "--timeout=20s")
	k.run("create", "configmap", "c")
	waiting.says("configmap/c condition met")
}

func TestTaintsAndCordons(t *testing.T) {
	k := user(t)
	if k.do("", "get", "node", "node-1").code != 0 {
		t.Skip("this cluster has no node-1")
	}
	equal(t, k.run("cordon", "node-1"), "node/node-1 cordoned")
	contains(t, k.run("get", "nodes"), "Ready,SchedulingDisabled")
	equal(t, k.run("uncordon", "node-1"), "node/node-1 uncordoned")
	equal(t, k.run("taint", "nodes", "node-1", "busy=yes:NoSchedule"), "node/node-1 tainted")
	equal(t, k.run("get", "node", "node-1", "-o", "jsonpath={.spec.taints}"), `[{"effect":"NoSchedule","key":"busy","value":"yes"}]`)
	equal(t, k.run("taint", "nodes", "node-1", "busy-"), "node/node-1 untainted")
	contains(t, k.refused("taint", "nodes", "node-1", "busy=yes:Never"), "invalid taint effect")
}
