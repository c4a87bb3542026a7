package kubectl

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"scale-agent/tests/conformance/simulated"
)

func TestGetPrintsWhatIsAskedFor(t *testing.T) {
	k := user(t)
	k.run("create", "configmap", "one", "--from-literal=key=value", "--from-literal=other=2")
	k.run("create", "configmap", "two")
	k.run("label", "configmap", "one", "tier=front", "app.kubernetes.io/name=x")
	simulated.Run(t, "table", func(t *testing.T) {
		table := k.in(t).run("get", "configmaps")
		if got := row(t, table, "one"); got[1] != "2" {
			t.Errorf("DATA is %s", got[1])
		}
		equal(t, strings.Join(row(t, table, "NAME"), " "), "NAME DATA AGE")
	})
	simulated.Run(t, "without headers, with labels and a label column", func(t *testing.T) {
		table := k.in(t).run("get", "cm", "--no-headers", "--show-labels", "-L", "tier")
		equal(t, strings.Join(row(t, table, "one")[3:], " "), "front app.kubernetes.io/name=x,tier=front")
		equal(t, strings.Join(row(t, table, "two")[3:], " "), "<none>")
	})
	simulated.Run(t, "wide", func(t *testing.T) {
		contains(t, k.in(t).run("get", "nodes", "-o", "wide"), "INTERNAL-IP", "OS-IMAGE", "KERNEL-VERSION", "CONTAINER-RUNTIME", "v1.36.2")
	})
	simulated.Run(t, "yaml and json", func(t *testing.T) {
		contains(t, k.in(t).run("get", "cm", "one", "-o", "yaml"), "apiVersion: v1\n", "kind: ConfigMap\n", "  key: value\n", "    tier: front\n")
		var object struct {
			Kind string
			Data map[string]string
		}
		if err := json.Unmarshal([]byte(k.in(t).run("get", "cm", "one", "-o", "json")), &object); err != nil || object.Kind != "ConfigMap" || object.Data["key"] != "value" {
			t.Errorf("%v: %+v", err, object)
		}
	})
	simulated.Run(t, "managed fields on demand", func(t *testing.T) {
		if strings.Contains(k.in(t).run("get", "cm", "one", "-o", "yaml"), "managedFields") {
			t.Error("shown without demand")
		}
		contains(t, k.in(t).run("get", "cm", "one", "-o", "yaml", "--show-managed-fields"), "manager: kubectl-create", "manager: kubectl-label", "f:tier: {}")
	})
	simulated.Run(t, "jsonpath, go template, names, custom columns", func(t *testing.T) {
		k := k.in(t)
		equal(t, k.run("get", "cm", "one", "-o", "jsonpath={.data.key}"), "value")
		equal(t, k.run("get", "cm", "-l", "tier", "-o", "go-template={{range .items}}{{.metadata.name}} {{end}}"), "one")
		equal(t, k.run("get", "cm", "one", "two", "-o", "name"), "configmap/one\nconfigmap/two")
		equal(t, k.run("get", "cm", "one", "-o", "custom-columns=N:.metadata.name,K:.data.key"), "N     K\none   value")
	})
	simulated.Run(t, "sorted", func(t *testing.T) {
		table := k.in(t).run("get", "cm", "--sort-by=.metadata.name", "-o", "name")
		equal(t, table, "configmap/kube-root-ca.crt\nconfigmap/one\nconfigmap/two")
	})
	simulated.Run(t, "printed by the client", func(t *testing.T) {
		row(t, k.in(t).run("get", "cm", "--server-print=false"), "one")
	})
	simulated.Run(t, "several kinds, and all", func(t *testing.T) {
		contains(t, k.in(t).run("get", "cm,sa"), "configmap/one", "serviceaccount/default")
		k.in(t).run("get", "all")
	})
}

func TestGetSelects(t *testing.T) {
	k := user(t)
	for _, name := range []string{"a", "b", "c"} {
		k.run("create", "configmap", name)
		k.run("label", "configmap", name, "name="+name, "all=yes")
	}
	selects := func(want string, args ...string) func(*testing.T) {
		return func(t *testing.T) {
			got := k.in(t).run(append([]string{"get", "configmaps", "-o", "jsonpath={.items[*].metadata.name}"}, args...)...)
			equal(t, got, want)
		}
	}
	simulated.Run(t, "equality", selects("b", "-l", "name=b"))
	simulated.Run(t, "inequality", selects("a c", "-l", "all,name!=b"))
	simulated.Run(t, "sets", selects("a c", "-l", "name in (a, c)"))
	simulated.Run(t, "not in", selects("b", "-l", "name notin (a, c),all"))
	simulated.Run(t, "absence", selects("kube-root-ca.crt", "-l", "!all"))
	simulated.Run(t, "field", selects("c", "--field-selector", "metadata.name=c"))
	simulated.Run(t, "field and label", selects("a", "--field-selector", "metadata.name!=c", "-l", "name in (a,c)"))
	simulated.Run(t, "nothing is said so", func(t *testing.T) {
		got := k.in(t).do("", "get", "cm", "-l", "name=z")
		equal(t, got.stderr, "No resources found in "+k.namespace+" namespace.")
	})
	simulated.Run(t, "a field that cannot be selected by", func(t *testing.T) {
		contains(t, k.in(t).refused("get", "cm", "--field-selector", "data.key=1"), `Error from server (BadRequest): Unable to find "/v1, Resource=configmaps" that match label selector "", field selector "data.key=1": "data.key" is not a known field selector: only "metadata.name", "metadata.namespace"`)
	})
	simulated.Run(t, "a selector that is none", func(t *testing.T) {
		contains(t, k.in(t).refused("get", "cm", "-l", "a=b=c"), `Unable to find "/v1, Resource=configmaps" that match label selector "a=b=c", field selector "": found '=', expected: ',' or 'end of string'`)
	})
	simulated.Run(t, "everywhere", func(t *testing.T) {
		table := k.in(t).run("get", "cm", "-A", "-l", "name=a")
		if got := row(t, table, k.namespace); got[1] != "a" {
			t.Errorf("%v", got)
		}
	})
}

func TestGetPagesThroughLongLists(t *testing.T) {
	k := user(t)
	var manifest strings.Builder
	for i := range 60 {
		fmt.Fprintf(&manifest, "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: many-%03d\n", i)
	}
	k.feed(manifest.String(), "create", "-f", "-")
	got := k.run("get", "cm", "-o", "name", "--chunk-size=7", "-v=8")
	if count := strings.Count(got, "configmap/many-"); count != 60 {
		t.Errorf("%d of 60 came", count)
	}
	pages := k.do("", "get", "cm", "-o", "name", "--chunk-size=25", "-v=6").stderr
	if count := strings.Count(pages, "limit=25"); count != 3 {
		t.Errorf("%d pages:\n%s", count, pages)
	}
}

func TestGetSaysWhatIsNotThere(t *testing.T) {
	k := user(t)
	contains(t, k.refused("get", "cm", "missing"), `Error from server (NotFound): configmaps "missing" not found`)
	contains(t, k.refused("get", "wombats"), `error: the server doesn't have a resource type "wombats"`)
	contains(t, k.refused("get", "--raw", "/apis/nothing.example.com/v1"), "Error from server (NotFound)")
	equal(t, k.run("get", "cm", "missing", "--ignore-not-found"), "")
	equal(t, k.run("get", "--raw", "/readyz"), "ok")
}

func TestGetWatches(t *testing.T) {
	k := user(t)
	k.run("create", "configmap", "before")
	all, later := k.start("get", "configmaps", "--watch", "-o", "name"), k.start("get", "configmaps", "--watch-only", "--output-watch-events")
	fields := k.start("get", "configmaps", "-w", "--field-selector", "metadata.name=second", "-o", "jsonpath={.metadata.name}:{.data.a};")
	all.says("configmap/before")
	simulated.Eventually(t, deadline, "the other watches see changes", func() bool { // when a watch has begun cannot be seen
		k.run("create", "configmap", "second", "--from-literal=a=1")
		k.run("patch", "configmap", "second", "-p", `{"data":{"a":"2"}}`)
		k.run("delete", "configmap", "second")
		return regexp.MustCompile(`ADDED +second .*\nMODIFIED +second .*\nDELETED +second `).MatchString(later.said()) &&
			strings.Contains(fields.said(), "second:1;second:2;second:2;")
	})
	all.says("configmap/second")
	if strings.Contains(later.said(), "before") {
		t.Error("--watch-only said what was there before")
	}
}
