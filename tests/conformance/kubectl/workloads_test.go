package kubectl

import (
	"regexp"
	"strings"
	"testing"

	"scale-agent/tests/conformance/simulated"
)

func TestRollouts(t *testing.T) {
	k := user(t)
	k.feed(deployment("web", "nginx:1.28"), "create", "-f", "-")
	contains(t, k.run("rollout", "status", "deployment/web", "--timeout=20s"), `deployment "web" successfully rolled out`)
	equal(t, strings.Join(row(t, k.run("get", "deployments"), "web")[:4], " "), "web 2/2 2 2")
	image := func(k kubectl) string {
		return k.run("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	}
	simulated.Run(t, "a new image", func(t *testing.T) {
		k := k.in(t)
		equal(t, k.run("set", "image", "deployment/web", "web=nginx:1.29"), "deployment.apps/web image updated")
		k.run("rollout", "status", "deployment/web", "--timeout=20s")
		contains(t, k.run("get", "pods", "-l", "app=web", "--field-selector=status.phase=Running", "-o", "jsonpath={.items[*].spec.containers[0].image}"), "nginx:1.29")
		equal(t, k.run("get", "rs", "-l", "app=web", "--sort-by=.metadata.creationTimestamp", "-o", "jsonpath={.items[*].spec.replicas}"), "0 2")
	})
	simulated.Run(t, "history", func(t *testing.T) {
		k := k.in(t)
		contains(t, k.run("rollout", "history", "deployment/web"), "REVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n")
		contains(t, k.run("rollout", "history", "deployment/web", "--revision=1"), "nginx:1.28")
	})
	simulated.Run(t, "undo", func(t *testing.T) {
		k := k.in(t)
		equal(t, k.run("rollout", "undo", "deployment/web"), "deployment.apps/web rolled back")
		equal(t, image(k), "nginx:1.28")
		k.run("rollout", "status", "deployment/web", "--timeout=20s")
		contains(t, k.run("rollout", "history", "deployment/web"), "2         <none>\n3         <none>\n")
	})
	simulated.Run(t, "restart", func(t *testing.T) {
		k := k.in(t)
		before := k.run("get", "pods", "-l", "app=web", "-o", "name")
		equal(t, k.run("rollout", "restart", "deployment/web"), "deployment.apps/web restarted")
		k.run("rollout", "status", "deployment/web", "--timeout=20s")
		if after := k.run("get", "pods", "-l", "app=web", "--field-selector=status.phase=Running", "-o", "name"); after == before {
			t.Error("the same pods")
		}
	})
	simulated.Run(t, "pause and resume", func(t *testing.T) {
		k := k.in(t)
		equal(t, k.run("rollout", "pause", "deployment/web"), "deployment.apps/web paused")
		k.run("set", "env", "deployment/web", "A=b")
		contains(t, k.refused("rollout", "restart", "deployment/web"), "can't restart paused deployment")
		equal(t, k.run("rollout", "resume", "deployment/web"), "deployment.apps/web resumed")
		k.run("rollout", "status", "deployment/web", "--timeout=20s")
		contains(t, k.run("set", "env", "deployment/web", "--list"), "A=b")
	})
	simulated.Run(t, "scale", func(t *testing.T) {
		k := k.in(t)
		equal(t, k.run("scale", "deployment/web", "--replicas=4"), "deployment.apps/web scaled")
		k.run("wait", "deployment/web", "--for=jsonpath={.status.readyReplicas}=4", "--timeout=20s")
		contains(t, k.refused("scale", "deployment/web", "--current-replicas=9", "--replicas=1"), "Expected replicas to be 9, was 4")
		k.run("scale", "deployment/web", "--replicas=0")
		simulated.Eventually(t, deadline, "no pods", func() bool { return k.run("get", "pods", "-l", "app=web", "-o", "name") == "" })
	})
}

func TestRolloutsOfStatefulSetsAndDaemonSets(t *testing.T) {
	k := user(t)
	define(k)
	k.feed(described, "apply", "-f", "-")
	simulated.Run(t, "stateful set", func(t *testing.T) {
		k := k.in(t)
		contains(t, k.run("rollout", "status", "statefulset/db", "--timeout=20s"), "complete: 1 new pods")
		k.run("scale", "statefulset/db", "--replicas=3")
		k.run("rollout", "status", "statefulset/db", "--timeout=20s")
		equal(t, k.run("get", "pods", "-l", "app=db", "-o", "name"), "pod/db-0\npod/db-1\npod/db-2")
		k.run("rollout", "restart", "statefulset/db")
		k.run("rollout", "status", "statefulset/db", "--timeout=20s")
		contains(t, k.run("rollout", "history", "statefulset/db"), "1         <none>\n2         <none>")
		k.run("rollout", "undo", "statefulset/db")
		k.run("rollout", "status", "statefulset/db", "--timeout=20s")
	})
	simulated.Run(t, "daemon set", func(t *testing.T) {
		k := k.in(t)
		contains(t, k.run("rollout", "status", "daemonset/agent", "--timeout=20s"), `daemon set "agent" successfully rolled out`)
		k.run("set", "image", "daemonset/agent", "agent=agent:2")
		k.run("rollout", "status", "daemonset/agent", "--timeout=20s")
		k.run("rollout", "undo", "daemonset/agent")
		k.run("rollout", "status", "daemonset/agent", "--timeout=20s")
		equal(t, k.run("get", "daemonset", "agent", "-o", "jsonpath={.spec.template.spec.containers[0].image}"), "agent:1")
	})
	simulated.Run(t, "job", func(t *testing.T) {
		k := k.in(t)
		k.run("wait", "job/once", "--for=condition=Complete", "--timeout=20s")
		contains(t, strings.Join(row(t, k.run("get", "jobs"), "once"), " "), "Complete 1/1")
		k.run("create", "job", "by-hand", "--from=cronjob/nightly")
		k.run("wait", "job/by-hand", "--for=condition=Complete", "--timeout=20s")
	})
}

func TestPods(t *testing.T) {
	t.Parallel()
	k := userOf(t, simulated.Serve(t, simulated.With(t, "small.yaml", "metrics_server")))
	equal(t, k.run("run", "one", "--image=nginx:1.29", "--port=80", "--labels=app=one"), "pod/one created")
	equal(t, k.run("wait", "pod/one", "--for=condition=Ready", "--timeout=20s"), "pod/one condition met")
	simulated.Run(t, "are printed", func(t *testing.T) {
		columns := row(t, k.in(t).run("get", "pods", "-o", "wide"), "one")
		if regexp.MustCompile(`^one 1/1 Running 0 \d+s 10\.\S+ node-1 <none> <none>$`).FindString(strings.Join(columns, " ")) == "" {
			t.Errorf("%v", columns)
		}
	})
	simulated.Run(t, "have events", func(t *testing.T) {
		contains(t, k.in(t).run("events", "--for=pod/one"), "Scheduled", "Pulled", "Created", "Started")
		contains(t, k.in(t).run("get", "events", "--field-selector=involvedObject.name=one"), "pod/one")
	})
	simulated.Run(t, "have logs", func(t *testing.T) {
		k := k.in(t)
		lines := k.run("logs", "one")
		if lines == "" {
			t.Error("no lines")
		}
		if tail := k.run("logs", "one", "--tail=1"); strings.Count(tail, "\n") != 1 || !strings.HasSuffix(lines, tail) {
			t.Errorf("the last line: %q of %q", tail, lines)
		}
		if stamped := k.run("logs", "one", "--timestamps", "--tail=1"); !regexp.MustCompile(`^\d{4}-\d\d-\d\dT`).MatchString(stamped) {
			t.Errorf("with time: %q", stamped)
		}
		contains(t, k.refused("logs", "one", "-c", "other"), "container other is not valid for pod one")
		k.run("logs", "-l", "app=one", "--prefix")
		following := k.start("logs", "one", "--follow", "--tail=1")
		simulated.Eventually(t, deadline, "a followed line", func() bool { return following.said() != "" })
	})
	simulated.Run(t, "cannot be entered", func(t *testing.T) {
		k := k.in(t)
		for _, command := range [][]string{
			{"exec", "one", "--", "true"}, {"attach", "one"}, {"cp", "one:/etc/hosts", t.TempDir() + "/hosts"},
		} {
			if got := k.refused(command...); !strings.Contains(got, "error dialing backend: dial tcp 10.") {
				t.Errorf("kubectl %s: does not say why: %s", command[0], got)
			}
		}
	})
	simulated.Run(t, "cannot be forwarded to", func(t *testing.T) {
		contains(t, k.in(t).refused("port-forward", "pod/one", ":80"), "error dialing backend: dial tcp 10.")
	})
	simulated.Run(t, "are measured", func(t *testing.T) {
		k := k.in(t)
		system := k
		system.namespace = "kube-system"
		system.run("rollout", "status", "deployment/metrics-server", "--timeout=20s")
		simulated.Eventually(t, deadline, "the metrics API is available", func() bool { return k.do("", "top", "nodes").code == 0 })
		contains(t, strings.Join(row(t, k.run("top", "nodes"), "NAME"), " "), "NAME CPU(cores) CPU(%) MEMORY(bytes) MEMORY(%)")
		if columns := row(t, k.run("top", "nodes"), "node-1"); !strings.HasSuffix(columns[1], "m") || !strings.HasSuffix(columns[3], "Mi") {
			t.Errorf("%v", columns)
		}
		simulated.Eventually(t, deadline, "the pod was measured once", func() bool { return k.do("", "top", "pods").code == 0 })
		row(t, k.run("top", "pods"), "one")
		row(t, k.run("top", "pods", "--containers"), "one")
	})
	simulated.Run(t, "end", func(t *testing.T) {
		equal(t, k.in(t).run("delete", "pod", "one", "--timeout=20s"), `pod "one" deleted from `+k.namespace+" namespace")
	})
	simulated.Run(t, "that end by themselves", func(t *testing.T) {
		k := k.in(t)
		k.run("run", "short", "--image=busybox", "--restart=Never", "--", "true")
		k.run("wait", "pod/short", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=20s")
		contains(t, strings.Join(row(t, k.run("get", "pods"), "short"), " "), "0/1 Completed")
	})
}

func TestServicesAndScalers(t *testing.T) {
	k := user(t)
	k.feed(deployment("web", "nginx:1.29"), "create", "-f", "-")
	k.run("rollout", "status", "deployment/web", "--timeout=20s")
	simulated.Run(t, "expose", func(t *testing.T) {
		k := k.in(t)
		equal(t, k.run("expose", "deployment", "web", "--port=8080", "--target-port=80"), "service/web exposed")
		columns := row(t, k.run("get", "services"), "web")
		if regexp.MustCompile(`^web ClusterIP 10\.43\.\d+\.\d+ <none> 8080/TCP`).FindString(strings.Join(columns, " ")) == "" {
			t.Errorf("%v", columns)
		}
		addresses := func() string {
			return k.run("get", "endpointslices", "-l", "kubernetes.io/service-name=web", "-o", "jsonpath={.items[*].endpoints[*].addresses[0]}")
		}
		simulated.Eventually(t, deadline, "two endpoints", func() bool { return len(strings.Fields(addresses())) == 2 })
		contains(t, k.run("get", "endpoints", "web"), ":80")
	})
	simulated.Run(t, "node port", func(t *testing.T) {
		k := k.in(t)
		k.run("expose", "deployment", "web", "--port=80", "--name=outside", "--type=NodePort")
		if port := k.run("get", "service", "outside", "-o", "jsonpath={.spec.ports[0].nodePort}"); !regexp.MustCompile(`^3[0-2]\d{3}$`).MatchString(port) {
			t.Errorf("node port %q", port)
		}
	})
	simulated.Run(t, "autoscale", func(t *testing.T) {
		k := k.in(t)
		equal(t, k.run("autoscale", "deployment", "web", "--min=1", "--max=3", "--cpu=80%"), "horizontalpodautoscaler.autoscaling/web autoscaled")
		contains(t, strings.Join(row(t, k.run("get", "hpa"), "web"), " "), "Deployment/web", "1 3")
	})
	simulated.Run(t, "set", func(t *testing.T) {
		k := k.in(t)
		equal(t, k.run("set", "resources", "deployment/web", "-c=web", "--limits=cpu=200m,memory=512Mi"), "deployment.apps/web resource requirements updated")
		k.run("create", "serviceaccount", "robot")
		equal(t, k.run("set", "serviceaccount", "deployment/web", "robot"), "deployment.apps/web serviceaccount updated")
		equal(t, k.run("set", "selector", "service/web", "app=other"), "service/web selector updated")
		equal(t, k.run("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.serviceAccountName} {.spec.template.spec.containers[0].resources.limits}"), `robot {"cpu":"200m","memory":"512Mi"}`)
	})
}

func TestDrain(t *testing.T) {
	k := user(t)
	k.feed(deployment("web", "nginx:1.29"), "create", "-f", "-")
	k.run("rollout", "status", "deployment/web", "--timeout=20s")
	before := k.run("get", "pods", "-l", "app=web", "-o", "name")
	got := k.run("drain", "node-1", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=20s")
	contains(t, got, "node/node-1 cordoned", "evicting pod "+k.namespace+"/web-", "node/node-1 drained")
	for name := range strings.Lines(before) {
		contains(t, k.refused("get", strings.TrimSpace(name)), "not found")
	}
	k.run("uncordon", "node-1")
	k.run("rollout", "status", "deployment/web", "--timeout=20s")
}

func TestAuth(t *testing.T) {
	t.Parallel()
	k := userOf(t, simulated.Serve(t, simulated.With(t, "small.yaml", "rbac")))
	equal(t, k.run("auth", "can-i", "delete", "nodes"), "yes")
	contains(t, k.run("auth", "whoami"), "Username", "Groups", "system:authenticated")
	contains(t, k.run("auth", "can-i", "--list"), "*.*", "[*]")
	k.run("create", "serviceaccount", "robot")
	robot := "--as=system:serviceaccount:" + k.namespace + ":robot"
	simulated.Run(t, "of another", func(t *testing.T) {
		k := k.in(t)
		if got := k.do("", "auth", "can-i", "list", "pods", robot); got.code != 1 || strings.TrimSpace(got.stdout) != "no" {
			t.Errorf("%+v", got)
		}
		k.run("create", "rolebinding", "views", "--clusterrole=view", "--serviceaccount="+k.namespace+":robot")
		simulated.Eventually(t, deadline, "the role is there", func() bool { return k.do("", "auth", "can-i", "list", "pods", robot).code == 0 })
		contains(t, k.run("auth", "whoami", robot), "system:serviceaccount:"+k.namespace+":robot", "system:serviceaccounts")
	})
	simulated.Run(t, "by its token", func(t *testing.T) {
		k := k.in(t)
		token := strings.TrimSpace(k.run("create", "token", "robot"))
		contains(t, k.run("auth", "whoami", "--token="+token, "--kubeconfig=/dev/null", "--server="+server(k), "--insecure-skip-tls-verify"), "system:serviceaccount:"+k.namespace+":robot")
	})
	simulated.Run(t, "by no token of the cluster", func(t *testing.T) {
		k := k.in(t)
		got := k.refused("get", "pods", "--token=wrong", "--kubeconfig=/dev/null", "--server="+server(k), "--insecure-skip-tls-verify")
		contains(t, got, "error: You must be logged in to the server (Unauthorized)")
	})
	simulated.Run(t, "reconcile", func(t *testing.T) {
		got := k.in(t).feed("apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: "+k.namespace+"}\nrules: [{apiGroups: [''], resources: [pods], verbs: [get]}]\n", "auth", "reconcile", "-f", "-")
		equal(t, got, "role.rbac.authorization.k8s.io/r reconciled")
	})
}

func server(k kubectl) string {
	return k.run("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")
}

func TestCertificates(t *testing.T) {
	k := user(t)
	k.feed(certificateRequest, "create", "-f", "-")
	contains(t, k.run("get", "csr", "clients-csr"), "Pending")
	equal(t, k.run("certificate", "approve", "clients-csr"), "certificatesigningrequest.certificates.k8s.io/clients-csr approved")
	contains(t, k.run("get", "csr", "clients-csr"), "Approved")
	k.run("delete", "csr", "clients-csr")
}

const certificateRequest = `apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: clients-csr}
spec:
  request: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlITk1IUUNBUUF3RWpFUU1BNEdBMVVFQXd3SGMyOXRaVzl1WlRCWk1CTUdCeXFHU000OUFnRUdDQ3FHU000OQpBd0VIQTBJQUJMTTdlODdWMnJzcXROS1FZMjVCNk9mbVVXRWN3dVFGQ1ZDTEpGbC9yanR4VEJaZDcxOEtZaFV0ClRuUGI4YmFjc3VJdnhwYWFzR0tNajgvS2txcTUveXlnQURBS0JnZ3Foa2pPUFFRREFnTkpBREJHQWlFQWgwOXoKTGozcFdNVFBLdWdzeWR2dGJ5cGFRSmRUM1ZST3ZMd3VTeFBxZHdVQ0lRQ04rZnJlUmxRWkZJWUd5TkpRUldTSgoxRUFNQ0NncEIxd3BVQW5rcFYzUFpnPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==
  signerName: example.com/serving
  usages: [digital signature]
`
